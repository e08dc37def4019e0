"""Measure jaxviz beside lucent and hand-tuned PyTorch: same weights, same pictures, same processors, in one run.

    python3 benchmarks/peers.py [--units 1 16 64] [--networks googlenet efficientnet_lite0] [--rounds 5] [--quick]

The first run makes an environment of its own in .benchmarks/. Every system has a process of its own, restricted to two
processors, and they climb in turn, so that what disturbs one disturbs all; numbers are medians. First it is checked
that all compute the same values. Everything that is printed, and every sample, is written to .benchmarks/peers.json.

What is compared, at 128 pixels with lucid's transforms, a Fourier image, Adam and float32:

- `jaxviz`: `jaxviz.render_steps` with its defaults; the times include a picture of every unit at the end of a sample.
- `PyTorch tuned`: see side_by_side/tuned_pytorch.py; and the same with the network through `torch.compile`.
- `lucent`: `render_vis` as its README has it. It runs the whole network on images enlarged to 224 pixels, and computes
  gradients of the weights too.
- `lucent eased`: told to leave the canvas at 140 pixels, on a network whose weights are frozen.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from side_by_side.environment import FOLDER, REPOSITORY, run_inside

GOOGLENET_WEIGHTS = REPOSITORY.parent / "shared" / "data" / "googlenet" / "googlenet_float16.npz"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, nargs="+", default=[1, 16, 64], help="units at once; default: 1 16 64")
    networks = ["googlenet", "efficientnet_lite0"]
    parser.add_argument("--networks", nargs="+", choices=networks, default=networks, help="default: both")
    parser.add_argument("--layers", nargs="+", help="only layers of these names, e.g. output; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="samples of each system; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=1.5, help="a sample's least length; default: %(default)s")
    parser.add_argument("--googlenet", type=Path, default=GOOGLENET_WEIGHTS, help="its weights; default: %(default)s")
    parser.add_argument("--also-xla", action="store_true", help="jaxviz with lowering='xla' too")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--no-cold", action="store_true", help="leave the times of fresh processes out")
    parser.add_argument("--quick", action="store_true", help="a smoke run: 1 unit, 1 short round, nothing compiled")
    given = parser.parse_args()
    if given.quick:
        given.units, given.rounds, given.seconds, given.no_compile = given.units[:1], 1, 0.1, True
    return given


def main() -> None:
    given = arguments()
    run_inside()
    from side_by_side import machine, report, weights

    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {machine.description()}")
    print(f"load average before: {' '.join(f'{value:.1f}' for value in os.getloadavg())}")
    if os.getloadavg()[0] > 1:
        print("THE MACHINE IS BUSY: other programs are running, and all times will be too long.")
    googlenet = given.googlenet
    if not googlenet.is_file():
        googlenet = weights.random_googlenet_file(FOLDER)
        print(f"GoogLeNet has random weights: there is no file {given.googlenet}")
    files = {"googlenet": googlenet, "efficientnet_lite0": weights.lite0_file(FOLDER)}
    record = run(given, files)
    path = FOLDER / ("peers-quick.json" if given.quick else "peers.json")
    path.write_text(json.dumps(record, indent=1))
    print(f"\nAll samples are in {path}.")
    del report


if __name__ == "__main__":
    main()
