"""Lanes are shared out over the devices of a machine, and no picture changes by it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# Eight virtual devices must be asked for before jax starts, so every case is a process of its own.
PROGRAM = """
import json, sys
import jax, numpy as np
sys.path[:0] = ["tests", "tests/rendering"]
import jaxviz
from jaxviz.rendering import slots
from test_render import small_network

model = jaxviz.wrap(small_network(), input_shape=(24, 24, 3))
made = []
original = slots.Slots.__init__
def watched(self, *arguments, **options):
    original(self, *arguments, **options)
    made.append(self)
slots.Slots.__init__ = watched

def render(units, **options):
    return jaxviz.render(model, "second", units=units, steps=6, size=24, progress=False, **options)

renderings = {str(units): render(units) for units in ([0, 1, 2, 3, 4, 5], [3], list(range(6)) * 4)}
devices = [slot.engine.devices.count for slot in made]
holders = [len(jax.tree.leaves(slot._lanes)[0].sharding.device_set) for slot in made]
# A compiler may divide by 9 where it does not know it, and multiply elsewhere.
many = jaxviz.transforms.several_views(jaxviz.transforms.noise(0.1), count=9)
renderings["views"] = render(range(6), transforms=many)
live = jaxviz.rendering.Live(model)
live.aim("second", jaxviz.Settings(steps=6, size=24, max_shift_pixels=4), from_scratch=True)
live.prioritise([[(unit, sign) for unit in range(6) for sign in (1, -1)]])
while live.advance():
    pass
np.savez(sys.argv[1], live=live.rendering([(0, 1), (5, -1)]).images,
         **{units: rendering.images for units, rendering in renderings.items()})
print(json.dumps({"devices": devices, "holders": holders, "states": renderings["[3]"].states}))
"""


def run(folder, devices):
    path = folder / f"{devices}.npz"
    flags = f"--xla_force_host_platform_device_count={devices}"
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    with np.load(path) as stored:
        return json.loads(result.stdout.splitlines()[-1]), dict(stored)


@pytest.fixture(scope="module")
def on_one_and_on_eight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices")
    return run(folder, 1), run(folder, 8)


def test_as_many_devices_are_used_as_have_something_to_do(on_one_and_on_eight):
    (one, _), (eight, _) = on_one_and_on_eight
    assert one["devices"] == one["holders"] == [1, 1, 1]
    assert eight["devices"] == eight["holders"] == [6, 1, 6]
    assert eight["states"] == ["done"]


def test_every_picture_is_the_same_bits_on_one_device_and_on_eight(on_one_and_on_eight):
    (_, one), (_, eight) = on_one_and_on_eight
    assert one.keys() == eight.keys()
    for name, images in one.items():
        assert images.std() > 0.003
        np.testing.assert_array_equal(images, eight[name], name)
