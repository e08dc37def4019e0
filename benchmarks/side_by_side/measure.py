"""Ask all systems in turn, again and again, and keep what they say."""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from side_by_side.cases import CANVAS_PIXELS, Case
from side_by_side.machine import Watch
from side_by_side.workers import Worker

# Largest difference between two systems' values, as a share of the largest value, that rounding explains.
TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True)
class System:
    """One way to climb.

    Attributes:
        name: What it is called in tables.
        worker: The process that does it.
        options: What tells this way from others of the same process.
        fewest_steps: Steps of the shortest sample: enough that a call's own cost does not show.
        most_units: It is left out of cases with more units.
    """

    name: str
    worker: Worker
    options: Mapping[str, Any]
    fewest_steps: int
    most_units: int


@dataclasses.dataclass
class Samples:
    """What was measured of one system in one case: seconds a step, and cores that others used meanwhile."""

    seconds: list[float] = dataclasses.field(default_factory=list)
    others: list[float] = dataclasses.field(default_factory=list)
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far other systems' values of a layer are from jaxviz's, and what a climb reaches in each."""

    network: str
    layer: str
    largest: float
    differences: dict[str, float]
    scores: dict[str, float]

    @property
    def holds(self) -> bool:
        return all(difference <= TOLERANCE * self.largest for difference in self.differences.values())


def agreement(network: str, layer: str, workers: Mapping[str, Worker], steps: int) -> Agreement:
    """Check that the systems compute and climb the same thing."""
    case = Case(network, layer, 1)
    images = np.random.default_rng(0).random((2, CANVAS_PIXELS, CANVAS_PIXELS, 3), np.float32)
    ours = workers["jaxviz"].ask("values", case, images)
    differences = {
        name: float(np.abs(_rectified(case, workers[name].ask("values", case, images)) - ours).max())
        for name in workers
        if name != "jaxviz"
    }
    scores = {}
    for name, worker in workers.items():
        image = worker.ask("picture", case, steps)
        scores[name] = workers["PyTorch"].ask("score", case, np.asarray(image, np.float32))
    return Agreement(network, layer, float(np.abs(ours).max()), differences, scores)


def _rectified(case: Case, values: np.ndarray) -> np.ndarray:
    """Rectify as the network does: jaxviz's activations are a layer's output."""
    if case.layer == "output":
        return values
    return np.clip(values, 0, 6 if case.network == "efficientnet_lite0" else None)


def measure(case: Case, systems: Iterable[System], rounds: int, seconds: float) -> dict[str, Samples]:
    """Let all systems climb in turn, in another order each round.

    Args:
        case: What to climb.
        systems: By what.
        rounds: Samples of each system.
        seconds: About how long a sample should last, if it is not a few steps already.
    """
    steps: dict[str, int] = {}
    results: dict[str, Samples] = {}
    ready: list[System] = []
    for system in systems:
        if case.units > system.most_units:
            continue
        try:
            note = system.worker.ask("prepare", case, system.fewest_steps, **system.options)
            watch = Watch.start()
            once, own = system.worker.ask_timed("run", case, system.fewest_steps, **system.options)
        except RuntimeError as failure:
            print(f"  {system.name} is left out: {str(failure).strip().splitlines()[-1]}", flush=True)
            continue
        whole = max(round(seconds / once / system.fewest_steps), 1)
        steps[system.name] = system.fewest_steps * min(whole, 8)
        results[system.name] = Samples(note=note)
        if whole == 1:  # it was a sample already, and a long one
            results[system.name].seconds.append(once)
            results[system.name].others.append(watch.others(own))
        ready.append(system)
    for number in range(rounds):
        for system in _rotated(ready, number):
            if len(results[system.name].seconds) >= rounds:
                continue
            watch = Watch.start()
            taken, own = system.worker.ask_timed("run", case, steps[system.name], **system.options)
            results[system.name].seconds.append(taken)
            results[system.name].others.append(watch.others(own))
    return results


def _rotated(systems: list[System], by: int) -> list[System]:
    shift = by % len(systems)
    return systems[shift:] + systems[:shift]


def cold_starts(repeats: int, lite0: Path) -> dict[str, list[dict[str, float]]]:
    """Start fresh processes: jaxviz with an empty and with a filled compilation cache, and lucent."""
    program = Path(__file__).with_name("cold.py")
    results: dict[str, list[dict[str, float]]] = {"jaxviz, cold": [], "jaxviz, warm cache": [], "lucent": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            environment = os.environ | {"XDG_CACHE_HOME": cache, "LOCALAPPDATA": cache}
            for name in ("jaxviz, cold", "jaxviz, warm cache"):
                results[name].append(_times([str(program), "jaxviz"], environment))
        results["lucent"].append(_times([str(program), "lucent", str(lite0)], dict(os.environ)))
    return results


def _times(arguments: list[str], environment: Mapping[str, str]) -> dict[str, float]:
    output = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    if output.returncode:
        raise RuntimeError(f"{arguments} failed:\n{output.stderr}")
    return json.loads(output.stdout.splitlines()[-1])
