"""The explorer without a browser: `python benchmarks/explorer.py [--seconds 1] [--rounds 8] [--minutes 1] [--real]`.

64 tiles of 128 pixels on a tiny network (`--real`: on EfficientNet-Lite0), with a stand-in for the browser that
acknowledges every frame at once. Measures what the Python side offers and costs: frames a second, how much streaming
slows the climb down (with and without a view in turns, so that what else runs meets both), Stop, a moved slider, the
kernel's memory over time, and on the real network how soon tiles are seen that are scrolled to.
`explorer_in_browser.py` measures the same through JupyterLab.
"""

import argparse
import queue
import statistics
import sys
import threading
import time
from pathlib import Path

import comm
import comm.base_comm
import jax
import jax.numpy as jnp
import numpy as np
import psutil
from side_by_side.report import table

import jaxviz
from jaxviz.results import Update
from jaxviz.widgets.base import TileWidget
from jaxviz.widgets.delivery import serve
from jaxviz.widgets.facts import Facts, LayerFacts
from jaxviz.widgets.opening import first_choice
from jaxviz.widgets.session import Session

TARGETS = {
    "frames a second": ">= 15, or every slice",
    "frames a second of a climb without cost": ">= 15",
    "slower by streaming, %": "<= 10",
    "Stop until the last slice ended, ms": "<= 200 and a step",
    "slider to first changed frame, ms": "<= 500",
    "memory, growth in MB a minute": "0",
    "scroll until all 20 tiles are seen, alone, ms": "<= 1000",
    "scroll until all 20 tiles are seen, beside two explorers, ms": "<= 1000",
}


class Wire(comm.base_comm.BaseComm):
    """A comm whose other side counts frames and acknowledges them on a thread of its own."""

    def __init__(self, *arguments, **options):
        self.frames = []  # when each came, its bytes, and whether a tile had made few steps
        self._post = queue.SimpleQueue()
        threading.Thread(target=self._acknowledge, daemon=True).start()
        super().__init__(*arguments, **options)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):  # noqa: ARG002
        content = (data or {}).get("content", {})
        if content.get("type") == "frame":
            size = sum(len(buffer) for buffer in buffers)
            self.frames.append((time.perf_counter(), size, content["generation"]))
            self._post.put({"type": "ack", "id": content["id"]})

    def say(self, **content):
        self.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    def _acknowledge(self):
        while True:
            self.say(**self._post.get())


def tiny():
    kernel = jnp.asarray(np.random.default_rng(0).normal(size=(7, 7, 3, 64)) / 7, jnp.float32)

    def network(images):
        return jax.lax.conv_general_dilated(images, kernel, (8, 8), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    model = jaxviz.wrap(network, input_shape=(128, 128, 3), name="Tiny")
    return model, model.layers[-1].name


def image_steps(explorer):
    """Steps made so far, of all tiles, as the session knows them (the trait is told ten times a second)."""
    return explorer._session.told()["status"]["image_steps"]


def steps_per_second(explorer, seconds):
    began, before = time.perf_counter(), image_steps(explorer)
    time.sleep(seconds)
    return (image_steps(explorer) - before) / (time.perf_counter() - began)


class Busy:
    """How long a method was busy, in processor time of its thread, and how often it was called."""

    def __init__(self, owner, name):
        self.seconds, self.calls = 0.0, 0
        method = getattr(owner, name)

        def measured(*arguments):
            began = time.thread_time()
            try:
                return method(*arguments)
            finally:
                self.seconds += time.thread_time() - began
                self.calls += 1

        setattr(owner, name, measured)


def offered_frames_a_second(seconds):
    """Frames a second of a climb that costs nothing: what the Python side itself can do."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 255, (64, 32, 32, 3), np.uint8)
    pictures = coarse.repeat(4, axis=1).repeat(4, axis=2)

    class Climb:
        prepared, step = True, 0

        def aim(self, layer, settings, *, from_scratch):
            pass

        def prioritise(self, tiers):
            pass

        def advance(self):
            time.sleep(0.002)
            self.step += 1
            return [
                Update(
                    unit=unit,
                    sign=1,
                    step=self.step,
                    first_step=self.step - 1,
                    scores=np.ones(1, np.float32),
                    state="climbing",
                    message="",
                    picture=np.roll(pictures[unit], self.step, axis=0),
                )
                for unit in range(64)
            ]

        def release(self):
            pass

    layer = LayerFacts(
        name="layer", kind="conv", shape=[64], units=64, parameters=0, flops=0, receptive_field=[1], classes=False
    )
    facts = Facts(name="free", input_shape=(128, 128, 3), layers=[layer])
    session = Session(Climb(), facts, first_choice(facts, {}, {"steps": 4096, "size": 128}), serve=serve)
    grid = TileWidget(session)
    session.command("start")
    wire = grid.comm
    wire.say(type="hello", view="benchmark")
    wire.say(type="visible", units=list(range(64)))
    time.sleep(0.5)
    first = len(wire.frames)
    time.sleep(seconds)
    count = len(wire.frames) - first
    grid.close()
    return count / seconds


def streaming(explorer, wire, seconds, rounds):
    """Frames a second and kilobytes a frame with a view, and the steps a second with and without one, in turns."""
    speeds = {True: [], False: []}
    frames, sizes = [], []
    for turn in range(2 * rounds):
        watched = turn % 2 == 0
        wire.say(type="hello" if watched else "goodbye", view="benchmark")
        explorer.start()  # it rests for want of a view only if it was not asked to go on
        time.sleep(0.3)
        first = len(wire.frames)
        began = time.perf_counter()
        speeds[watched].append(steps_per_second(explorer, seconds))
        if watched:
            frames.append((len(wire.frames) - first) / (time.perf_counter() - began))
            sizes += [size / 1000 for _, size, _ in wire.frames[first:]]
    wire.say(type="hello", view="benchmark")
    explorer.start()
    pairs = zip(speeds[True], speeds[False], strict=True)
    return frames, sizes, [100 * (1 - watched / alone) for watched, alone in pairs], speeds[False]


def stop_milliseconds(explorer, rounds):
    times = []
    for _ in range(rounds):
        explorer.start()
        time.sleep(0.5)
        live = explorer._session._live
        began = time.perf_counter()
        explorer.stop()
        with live._tiles:  # the slice under way holds it
            times.append(1000 * (time.perf_counter() - began))
    explorer.start()
    return times


def slider_milliseconds(explorer, wire, rounds):
    times = []
    for turn in range(rounds):
        time.sleep(0.5)
        generation = explorer.status["generation"]
        began = time.perf_counter()
        wire.say(type="set", changes={"settings": {"noise": 0.02 * (turn + 1)}})
        while not wire.frames or wire.frames[-1][2] <= generation:
            time.sleep(0.001)
        times.append(1000 * (wire.frames[-1][0] - began))
    return times


def scroll_milliseconds(model, layers, rounds):
    """From a scroll to 20 tiles that have not begun until all of them are seen; every layer has an explorer."""
    explorers = [jaxviz.explore(model, layer, steps=4096, size=128) for layer in layers]
    for explorer in explorers:
        explorer.comm.say(type="hello", view="benchmark")
        explorer.comm.say(type="visible", units=list(range(20)))
    while any(len(explorer.comm.frames) < 20 for explorer in explorers):
        time.sleep(0.1)
    session, times = explorers[0]._session, []
    for turn in range(1, rounds + 1):
        time.sleep(0.5)
        units = list(range(20 * turn, 20 * turn + 20))
        began = time.perf_counter()
        explorers[0].comm.say(type="visible", units=units)
        while not all(session.boards.shown.records.get((unit, 1)) for unit in units):
            time.sleep(0.002)
        times.append(1000 * (time.perf_counter() - began))
    for explorer in explorers:
        explorer.close()
    return times


def memory_growth(explorer, minutes):
    """Megabytes a minute: the slope of a line through the memory of the process, the first fifth left out."""
    process, samples = psutil.Process(), []
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        if explorer.status["phase"] == "done":
            explorer.restart()
        samples.append((time.monotonic() / 60, process.memory_info().rss / 1e6))
        time.sleep(0.5)
    kept = np.array(samples[len(samples) // 5 :])
    return float(np.polyfit(kept[:, 0], kept[:, 1], 1)[0]), kept[:, 1]


def spread(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=1.0, help="for the memory")
    parser.add_argument("--real", action="store_true", help="EfficientNet-Lite0 in place of a tiny network")
    arguments = parser.parse_args()
    comm.create_comm = Wire
    model, layer = (jaxviz.load(), "stage5/block2/expand") if arguments.real else tiny()
    explorer = jaxviz.explore(model, layer, units=range(64), steps=4096, size=128)
    wire = explorer.comm
    wire.say(type="hello", view="benchmark")
    wire.say(type="visible", units=list(range(64)))
    while image_steps(explorer) == 0:  # what is compiled first
        time.sleep(0.01)
    session = explorer._session
    serving, slices = Busy(session, "_serve"), Busy(session._live, "advance")
    began = time.perf_counter()
    frames, sizes, slower, alone = streaming(explorer, wire, arguments.seconds, arguments.rounds)
    slices_a_second = slices.calls / (time.perf_counter() - began)
    serving_milliseconds = 1000 * serving.seconds / max(1, sum(frames) * arguments.seconds)
    stops = stop_milliseconds(explorer, arguments.rounds)
    sliders = slider_milliseconds(explorer, wire, arguments.rounds)
    growth, samples = memory_growth(explorer, arguments.minutes)
    explorer.close()
    measured = {
        "frames a second": spread(frames),
        "slices a second": f"{slices_a_second:.1f}",
        "frames a second of a climb without cost": f"{offered_frames_a_second(3.0):.1f}",
        "kilobytes a frame": spread(sizes),
        "processor time of a frame, ms": f"{serving_milliseconds:.1f}",
        "steps a second of all tiles, no view": spread(alone),
        "slower by streaming, %": spread(slower),
        "Stop until the last slice ended, ms": spread(stops),
        "slider to first changed frame, ms": spread(sliders),
        "memory, growth in MB a minute": f"{growth:.1f} ({samples.min():.0f} to {samples.max():.0f} MB)",
    }
    if arguments.real:
        layers = [layer, "stage6/block1/expand", "stage4/block2/expand"]
        for name, shown in (("alone", layers[:1]), ("beside two explorers", layers)):
            measured[f"scroll until all 20 tiles are seen, {name}, ms"] = spread(
                scroll_milliseconds(model, shown, arguments.rounds)
            )
    print(f"{model.name}, {jax.default_backend()}, {Path(sys.executable).name}; medians with the range")
    print(table(["", "measured", "target"], [[name, value, TARGETS.get(name, "")] for name, value in measured.items()]))


if __name__ == "__main__":
    main()
