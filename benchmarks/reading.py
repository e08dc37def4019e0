"""How fast are images read by a network, without a gradient? `python3 benchmarks/reading.py [--rounds 7]`

Milliseconds an image of `model.predict` on 224 pixels, as data sets and evidence read it, beside the same with
`lowering="xla"` and beside PyTorch (channels last, `inference_mode`; and through `torch.compile`), one image at a time
and 32 together. The environment, the processes and the two processors are those of peers.py; systems are asked in turn,
and numbers are medians.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from peers import GOOGLENET_WEIGHTS
from side_by_side.environment import FOLDER, run_inside

PIXELS = 224
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "jaxviz": ("jaxviz", {}),
    "jaxviz, xla": ("jaxviz", {"lowering": "xla"}),
    "PyTorch": ("PyTorch", {"compile_it": False}),
    "PyTorch compiled": ("PyTorch", {"compile_it": True}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="samples of each; default: %(default)s")
    parser.add_argument("--images", type=int, nargs="+", default=[1, 32], help="together; default: 1 32")
    parser.add_argument("--googlenet", type=Path, default=GOOGLENET_WEIGHTS, help="its weights; default: %(default)s")
    given = parser.parse_args()
    run_inside(())
    from side_by_side import machine, weights
    from side_by_side.workers import Worker

    googlenet = given.googlenet if given.googlenet.is_file() else weights.random_googlenet_file(FOLDER)
    files = {"googlenet": googlenet, "efficientnet_lite0": weights.lite0_file(FOLDER)}
    workers = {
        "jaxviz": Worker("side_by_side.jaxviz_system:Jaxviz", {**files, "efficientnet_lite0": None}),
        "PyTorch": Worker("side_by_side.tuned_system:TunedPyTorch", files),
    }
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {machine.description()}; milliseconds an image")
    print(f"{'':30s}" + "".join(f"{name:>18s}" for name in SYSTEMS), flush=True)
    for network in ("efficientnet_lite0", "googlenet"):
        for count in given.images:
            images = np.random.default_rng(0).random((count, PIXELS, PIXELS, 3), np.float32)
            times = measure(workers, network, images, given.rounds)
            shown = [f"{1000 * times[name] / count:.1f}" if name in times else "-" for name in SYSTEMS]
            cells = "".join(f"{cell:>18s}" for cell in shown)
            print(f"{f'{network}, {count} together':30s}{cells}", flush=True)
    for worker in workers.values():
        worker.close()


def measure(workers: dict[str, Any], network: str, images: np.ndarray, rounds: int) -> dict[str, float]:
    """Return the median seconds of a call, of every system that works here."""
    samples: dict[str, list[float]] = {}
    for name, (worker, options) in SYSTEMS.items():
        try:
            workers[worker].ask("read", network, images, **options)
            samples[name] = []
        except RuntimeError as failure:
            print(f"  {name} is left out: {str(failure).strip().splitlines()[-1]}", flush=True)
    for _ in range(rounds):
        for name in samples:
            worker, options = SYSTEMS[name]
            samples[name].append(workers[worker].ask("read", network, images, **options))
    return {name: statistics.median(seconds) for name, seconds in samples.items()}


if __name__ == "__main__":
    main()
