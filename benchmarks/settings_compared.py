"""What bfloat16 and early stopping do to pictures and to time: `python benchmarks/settings_compared.py`.

Climbs units of EfficientNet-Lite0 with the defaults, in bfloat16, and with `stop_on_plateau`, in turn. Prints seconds,
processor seconds (what others do on the machine matters less to them), steps made, the scores that are reached as a
share of the default's, and how far pictures are from it: the mean difference of a pixel, in levels of 0 to 255. A climb
is chaotic, so that another key moves pictures too: that row is the measure of what a difference means. `--sheet
FILE.png` draws all pictures, a row for each way.
"""

import argparse
import statistics
import time

import numpy as np
from PIL import Image

import jaxviz

WAYS = {
    "float32, the default": {},
    "another key": {"key": 1},
    "bfloat16": {"precision": "bfloat16"},
    "plateau, the default": {"stop_on_plateau": jaxviz.Plateau()},
    "plateau, patience of 32": {"stop_on_plateau": jaxviz.Plateau(patience_steps=32)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layer", default="stage5/block2/expand", help="default: %(default)s")
    parser.add_argument("--units", type=int, default=8, help="units at once (default: 8)")
    parser.add_argument("--steps", type=int, default=256, help="steps of a climb (default: 256)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is timed (default: 1)")
    parser.add_argument("--sheet", help="file for the pictures")
    given = parser.parse_args()
    model = jaxviz.load()
    wall: dict[str, list[float]] = {name: [] for name in WAYS}
    busy: dict[str, list[float]] = {name: [] for name in WAYS}
    renderings: dict[str, jaxviz.Rendering] = {}

    def render(name: str, steps: int) -> jaxviz.Rendering:
        return jaxviz.render(model, given.layer, units=range(given.units), steps=steps, progress=False, **WAYS[name])

    for name in WAYS:
        render(name, 2)
    for _ in range(given.rounds):
        for name in WAYS:
            began, began_busy = time.perf_counter(), time.process_time()
            renderings[name] = render(name, given.steps)
            wall[name].append(time.perf_counter() - began)
            busy[name].append(time.process_time() - began_busy)
    usual = renderings["float32, the default"]
    print(f"{'':26s} {'seconds':>8s} {'busy':>8s} {'steps':>12s} {'score':>7s} {'difference':>11s}")
    for name, rendering in renderings.items():
        steps = np.isfinite(rendering.score_history).sum(0)
        # The last scores are of one disturbance each; what a unit reaches is their mean over its last 16 steps.
        reached = [np.nanmean(rendering.score_history[made - 16 : made, unit]) for unit, made in enumerate(steps)]
        expected = np.mean(usual.score_history[-16:], axis=0)
        difference = np.abs(rendering.images - usual.images).mean() * 255
        print(
            f"{name:26s} {statistics.median(wall[name]):8.1f} {statistics.median(busy[name]):8.1f}"
            f" {steps.mean():6.0f} {steps.min():3d}+ {np.mean(np.array(reached) / expected):7.1%} {difference:11.1f}"
        )
    if given.sheet:
        rows = [np.concatenate(list(rendering.images), axis=1) for rendering in renderings.values()]
        pixels = np.round(255 * np.clip(np.concatenate(rows), 0, 1)).astype(np.uint8)
        Image.fromarray(pixels).save(given.sheet)


if __name__ == "__main__":
    main()
