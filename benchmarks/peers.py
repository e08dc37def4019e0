"""Measure jaxviz beside lucent and hand-tuned PyTorch: same weights, same pictures, same processors, in one run.

    python3 benchmarks/peers.py [--units 1 16 64] [--networks googlenet efficientnet_lite0] [--rounds 5] [--xplique]
        [--quick]

The first run makes an environment of its own in .benchmarks/. Every system has a process of its own, restricted to two
processors, and they climb in turn, so that what disturbs one disturbs all; numbers are medians. First it is checked
that all compute the same values. All of it takes 20 to 30 minutes of a quiet machine. Everything that is printed, and
every sample, is written to .benchmarks/peers.json.

What is compared, at 128 pixels with lucid's transforms, a Fourier image, Adam and float32:

- `jaxviz`: `jaxviz.render_steps` with its defaults; the times include a picture of every unit at the end of a sample.
- `PyTorch tuned`: see side_by_side/tuned_pytorch.py; and the same with the network through `torch.compile`.
- `lucent`: `render_vis` as its README has it. It runs the whole network on images enlarged to 224 pixels, and computes
  gradients of the weights too.
- `lucent eased`: told to leave the canvas at 140 pixels, on a network whose weights are frozen.
- `xplique`, if `--xplique` asks for it: `optimize` with its own transforms, on a Keras model that takes 224 pixels, as
  Keras's own do, and on one that takes 140. It resizes what its transforms leave of the image, about a third of its
  side, to that. It traces its step anew in every call; the table has the steps after that. It is left out by default
  because it needs TensorFlow: an environment of its own, some minutes and 2 GB.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from side_by_side.cases import CANVAS_PIXELS, LAYERS, USUAL_PIXELS, Case
from side_by_side.environment import FOLDER, REPOSITORY, XPLIQUE, run_inside

GOOGLENET_WEIGHTS = REPOSITORY.parent / "shared" / "data" / "googlenet" / "googlenet_float16.npz"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, nargs="+", default=[1, 16, 64], help="units at once; default: 1 16 64")
    networks = ["googlenet", "efficientnet_lite0"]
    parser.add_argument("--networks", nargs="+", choices=networks, default=networks, help="default: both")
    parser.add_argument("--layers", nargs="+", help="only layers of these names, e.g. output; default: all")
    parser.add_argument(
        "--most-units-of-lucent",
        type=int,
        default=16,
        help="leave lucent out of cases with more: its cost is proportional to units, and long; default: %(default)s",
    )
    parser.add_argument("--rounds", type=int, default=5, help="samples of each system; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=1.5, help="a sample's least length; default: %(default)s")
    parser.add_argument("--googlenet", type=Path, default=GOOGLENET_WEIGHTS, help="its weights; default: %(default)s")
    parser.add_argument("--also-xla", action="store_true", help="jaxviz with lowering='xla' too")
    parser.add_argument("--xplique", action="store_true", help="xplique too; makes its environment, once")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--no-cold", action="store_true", help="leave the times of fresh processes out")
    parser.add_argument("--quick", action="store_true", help="a smoke run: 1 unit, 1 short round, nothing compiled")
    given = parser.parse_args()
    if given.quick:
        given.units, given.rounds, given.seconds, given.no_compile = given.units[:1], 1, 0.1, True
    return given


def main() -> None:
    given = arguments()
    run_inside((XPLIQUE,) if given.xplique else ())
    from side_by_side import machine, weights

    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {machine.description()}, source {_source()}")
    load = os.getloadavg()
    print(f"load average before: {' '.join(f'{value:.1f}' for value in load)}")
    if load[0] > 1:
        print("THE MACHINE IS BUSY: other programs are running, and all times will be too long.")
    googlenet = given.googlenet
    if not googlenet.is_file():
        googlenet = weights.random_googlenet_file(FOLDER)
        print(f"GoogLeNet has random weights: there is no file {given.googlenet}")
    record = {"load before": load, "source": _source(), "machine": machine.description()}
    record |= run(given, {"googlenet": googlenet, "efficientnet_lite0": weights.lite0_file(FOLDER)})
    path = FOLDER / ("peers-quick.json" if given.quick else "peers.json")
    path.write_text(json.dumps(record, indent=1))
    print(f"\nload average after: {' '.join(f'{value:.1f}' for value in os.getloadavg())}")
    print(f"Every sample is in {path}.")


def run(given: argparse.Namespace, files: dict[str, Path]) -> dict[str, Any]:
    """Measure everything and print tables; return what is worth keeping."""
    from side_by_side import measure, report

    record: dict[str, Any] = {}
    if not given.no_cold:
        starts = measure.cold_starts(1 if given.quick else given.rounds, files["efficientnet_lite0"])
        print(f"\nA fresh process, EfficientNet-Lite0, 1 unit\n\n{report.cold_table(starts)}", flush=True)
        record["cold"] = starts
    workers = _workers(files, with_xplique=given.xplique and XPLIQUE.is_ready)
    record["versions"] = {name: value for worker in workers.values() for name, value in worker.ask("versions").items()}
    print("\n" + ", ".join(f"{name} {value}" for name, value in record["versions"].items()), flush=True)
    systems = _systems(workers, given)
    agreements, results = [], {}
    for network, layer in _layers(given):
        agreements.append(measure.agreement(network, layer, workers, 4 if given.quick else 32))
        for units in given.units:
            case = Case(network, layer, units)
            began = time.perf_counter()
            results[case] = measure.measure(case, systems, given.rounds, given.seconds)
            print(f"\n{case}: took {time.perf_counter() - began:.0f} s", flush=True)
            print(f"\n{report.seconds_table({case: results[case]}, [system.name for system in systems])}", flush=True)
    for worker in workers.values():
        worker.close()
    _print(agreements, results, [system.name for system in systems])
    if "xplique" not in workers:
        reason = f"{XPLIQUE.folder} could not be made" if given.xplique else "--xplique adds it"
        print(f"- xplique is left out: {reason}")
    record["agreement"] = [dataclasses.asdict(item) for item in agreements]
    record["cases"] = [
        {**dataclasses.asdict(case), "systems": {name: dataclasses.asdict(item) for name, item in samples.items()}}
        for case, samples in results.items()
    ]
    return record


def _print(agreements: list[Any], results: dict[Case, Any], names: list[str]) -> None:
    from side_by_side import report

    print(f"\n## The same network\n\n{report.agreement_table(agreements)}")
    print(f"\n## Times\n\n{report.seconds_table(results, names)}")
    print(f"\n## Ratios\n\n{report.ratio_table(results, names)}\n")
    for remark in report.remarks(results):
        print(f"- {remark}")


def _layers(given: argparse.Namespace) -> list[tuple[str, str]]:
    chosen = [
        (network, layer)
        for network, layer in LAYERS
        if network in given.networks and (given.layers is None or layer in given.layers)
    ]
    if not chosen:
        raise SystemExit(f"There is no such layer. Layers: {', '.join(layer for _, layer in LAYERS)}")
    return chosen


def _workers(files: dict[str, Path], *, with_xplique: bool) -> dict[str, Any]:
    from side_by_side.workers import Worker

    workers = {
        "jaxviz": Worker("side_by_side.jaxviz_system:Jaxviz", {**files, "efficientnet_lite0": None}),
        "PyTorch": Worker("side_by_side.tuned_system:TunedPyTorch", files),
        "lucent": Worker("side_by_side.lucent_system:Lucent", files),
    }
    if with_xplique:
        workers["xplique"] = Worker("side_by_side.xplique_system:Xplique", files, python=XPLIQUE.python)
    return workers


def _systems(workers: dict[str, Any], given: argparse.Namespace) -> list[Any]:
    from side_by_side.measure import System

    ours, torch, lucent = workers["jaxviz"], workers["PyTorch"], workers["lucent"]
    most = max(given.units)
    systems = [System("jaxviz", ours, {}, 16, most)]
    if given.also_xla:
        systems.append(System("jaxviz, xla", ours, {"lowering": "xla"}, 16, most))
    systems.append(System("PyTorch tuned", torch, {"compile_it": False}, 2, most))
    if not given.no_compile:
        systems.append(System("PyTorch compiled", torch, {"compile_it": True}, 2, most))
    systems.append(System("lucent", lucent, {"eased": False}, 1, given.most_units_of_lucent))
    systems.append(System("lucent eased", lucent, {"eased": True}, 1, given.most_units_of_lucent))
    if xplique := workers.get("xplique"):
        systems.append(System("xplique", xplique, {"pixels": USUAL_PIXELS}, 4, most))
        systems.append(System("xplique, 140", xplique, {"pixels": CANVAS_PIXELS}, 4, most))
    return systems


def _source() -> str:
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
