"""Two hosts on the loopback: each makes its share, both get all; when one is killed, the other ends and says why."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

HEARTBEAT_SECONDS = 4

PROGRAM = """
import json, sys
import jax, numpy as np
host, address, path, steps, learning_rate = sys.argv[1:]
if address:
    jax.distributed.initialize(address, 2, int(host), heartbeat_timeout_seconds=HEARTBEAT)
sys.path[:0] = ["tests", "tests/rendering"]
import jaxviz
from jaxviz.rendering import slots
from test_render import small_network

entered = []
original = slots.Slots.arrange
def watched(self, units, *arguments, **options):
    entered.extend(unit for unit in units if unit not in entered)
    print("climbing", flush=True)
    return original(self, units, *arguments, **options)
slots.Slots.arrange = watched

model = jaxviz.wrap(small_network(), input_shape=(24, 24, 3))
rendering = jaxviz.render(model, "second", units=[4, 0, 3, 1, 5], steps=int(steps), size=24, progress=False,
                          learning_rate=float(learning_rate), transparency=True)
np.savez(path, images=rendering.images, history=rendering.score_history, transparency=rendering.transparency)
print(json.dumps({"entered": entered, "states": rendering.states, "labels": rendering.labels}), flush=True)
""".replace("HEARTBEAT", str(HEARTBEAT_SECONDS))


def free_address():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return f"localhost:{probe.getsockname()[1]}"


def start(host, address, path, *, steps=6, learning_rate=0.05):
    arguments = [str(host), address, str(path), str(steps), str(learning_rate)]
    return subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, *arguments],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def started():
    processes = []

    def remember(*arguments, **options):
        processes.append(start(*arguments, **options))
        return processes[-1]

    yield remember
    for process in processes:
        process.kill()
        process.communicate()


def finished(process):
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def test_each_host_makes_its_share_and_both_get_the_pictures_that_one_alone_makes(started, tmp_path):
    address = free_address()
    hosts = [started(host, address, tmp_path / f"{host}.npz") for host in range(2)]
    first, second = (finished(host) for host in hosts)
    alone = finished(started(0, "", tmp_path / "alone.npz"))
    assert (first["entered"], second["entered"], alone["entered"]) == ([0, 2, 4], [1, 3], [0, 1, 2, 3, 4])
    assert first["states"] == second["states"] == alone["states"] == ["done"] * 5
    assert first["labels"] == alone["labels"]
    with np.load(tmp_path / "alone.npz") as expected:
        for host in range(2):
            with np.load(tmp_path / f"{host}.npz") as found:
                np.testing.assert_array_equal(found["images"], expected["images"])
                np.testing.assert_array_equal(found["history"], expected["history"])
                np.testing.assert_array_equal(found["transparency"], expected["transparency"])


def test_hosts_that_were_asked_for_different_things_say_so(started, tmp_path):
    address = free_address()
    hosts = [started(host, address, tmp_path / f"{host}.npz", learning_rate=0.05 + host / 100) for host in range(2)]
    for host in hosts:
        _, errors = host.communicate(timeout=600)
        assert "Hosts [1] were asked for another rendering than host 0" in errors


@pytest.mark.parametrize("killed", [0, 1])
def test_when_a_host_is_killed_the_other_ends_within_seconds_and_says_why(started, tmp_path, killed):
    address = free_address()
    hosts = [started(host, address, tmp_path / f"{host}.npz", steps=1_000_000) for host in range(2)]
    for host in hosts:
        assert host.stdout.readline() == "climbing\n", host.stderr.read()
    hosts[killed].send_signal(signal.SIGKILL)
    began = time.monotonic()
    _, errors = hosts[1 - killed].communicate(timeout=600)
    assert time.monotonic() - began < 15 * HEARTBEAT_SECONDS, "with a margin for a busy machine"
    assert hosts[1 - killed].returncode != 0
    assert re.search("another task died|distributed service detected fatal errors", errors)
