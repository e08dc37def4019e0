"""Cost against work, and memory alongside: `python benchmarks/scaling.py [--quick]`.

Climbs EfficientNet-Lite0 with the defaults: 1 to 256 units, pictures of 64 to 384 pixels, and layers from the first to
the last. Each row is a process of its own, so that its memory is its own: `peak` is the most that it ever held, Python,
JAX and weights included. Times are medians over the snapshots of a row, without compilation.

The last column should be level. It is time over work: milliseconds for an image and a step by units, microseconds for
a thousand pixels by size, milliseconds for a GFLOP (forward and image gradient) by depth. Shallow layers have few FLOPs
to move many bytes for, so that by depth it falls.

The last row is the target: 64 units, 128 pixels, 256 steps in at most 3.5 GB.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

LAYER = "stage5/block2/expand"
UNITS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIZES = (64, 96, 128, 192, 256, 384)
DEPTH = (
    "stem",
    "stage2/block1/expand",
    "stage3/block1/expand",
    "stage4/block2/expand",
    LAYER,
    "stage7/block1",
    "output",
)
TARGET_GIGABYTES = 3.5


def climb(layer: str, units: int, size: int, steps: int, every: int) -> dict[str, Any]:
    """Climb in this process; return seconds a step, the peak of its memory, and FLOPs of an image's forward pass."""
    import psutil

    import jaxviz

    model = jaxviz.load()
    seconds: list[float] = []
    for _ in range(2 if steps == every else 1):  # what is compiled within the first of two calls is not timed
        snapshots = jaxviz.render_steps(model, layer, units=range(units), steps=steps, size=size, snapshot_every=every)
        next(snapshots)
        before, began, seconds = 0, time.perf_counter(), []
        for snapshot in snapshots:
            made = int(snapshot.steps.sum())
            if made > before:
                seconds.append((time.perf_counter() - began) / (made - before))
            before, began = made, time.perf_counter()
    names = model.layers.names
    position = names.index(model.layers[layer].name)
    peak = psutil.Process().memory_info()
    return {
        "seconds": statistics.median(seconds),
        "bytes": getattr(peak, "peak_wset", 0) or _peak_bytes(),
        "flops": sum(layer.flops for layer in model.layers[: position + 1]),
    }


def _peak_bytes() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def row(**work: Any) -> dict[str, Any]:
    """Climb in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps(work)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if answer.returncode:
        raise SystemExit(f"{work} failed:\n{answer.stderr}")
    return work | json.loads(answer.stdout.splitlines()[-1])


def show(found: dict[str, Any], what: str, cost: str) -> None:
    milliseconds = found["seconds"] * 1e3
    print(f"{what:34s} {milliseconds:9.2f} {found['bytes'] / 1e9:8.2f}   {cost}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8, help="steps of a row (default: 8)")
    parser.add_argument("--quick", action="store_true", help="the smallest rows only, and no long one")
    parser.add_argument("--last", action="store_true", help="the last row only, which takes ten minutes")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(climb(**json.loads(given.one))))
        return
    heading = ["ms/image-step", "peak GB"]
    print(f"{'':34s} {heading[0]:>9s} {heading[1]:>8s}   cost", flush=True)
    if not given.last:
        show_growth(given.steps, given.quick)
    if not given.quick:
        found = row(layer="output", units=64, size=128, steps=256, every=16)
        held = "held" if found["bytes"] <= TARGET_GIGABYTES * 1e9 else "MISSED"
        show(found, "64 units, output, 256 steps", f"target {TARGET_GIGABYTES} GB: {held}")


def show_growth(steps: int, quick: bool) -> None:
    """Print the rows of units, sizes and layers."""
    for units in UNITS[:2] if quick else UNITS:
        found = row(layer=LAYER, units=units, size=128, steps=steps, every=steps)
        show(found, f"{units} units, {LAYER}, 128 px", f"{found['seconds'] * 1e3:.2f} ms an image and a step")
    for size in SIZES[:2] if quick else SIZES:
        found = row(layer=LAYER, units=16, size=size, steps=steps, every=steps)
        show(found, f"16 units, {size} px", f"{found['seconds'] * 1e9 / size**2:.0f} µs a thousand pixels")
    for layer in DEPTH[:2] if quick else DEPTH:
        found = row(layer=layer, units=16, size=128, steps=steps, every=steps)
        # The table counts for 224 pixels; the network sees 140 here, and nearly all of it shrinks with the area.
        work = 2 * found["flops"] * (140 / 224) ** 2 / 1e9
        show(found, f"16 units, {layer}, 128 px", f"{found['seconds'] * 1e3 / work:.1f} ms a GFLOP ({work:.2f})")


if __name__ == "__main__":
    main()
