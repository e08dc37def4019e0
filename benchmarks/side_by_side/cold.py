"""How long the first picture of a fresh process takes, and what the next ones compile.

Run in a process of its own, `python cold.py jaxviz` or `python cold.py lucent FILE`; prints JSON of seconds.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from side_by_side.machine import restrict_to_threads

STEPS = 8
LAYER, OTHER_LAYER = "stage5/block2/expand", "stage4/block2/expand"

Times = dict[str, float]


@contextmanager
def timed(times: Times, name: str, compilations: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Store seconds, and the number of compilations if there is a way to count them."""
    before, began = compilations(), time.perf_counter()
    yield
    times[name] = time.perf_counter() - began
    times[f"{name}: compilations"] = compilations() - before


def _sum_up(times: Times, last: str) -> None:
    """Add what passed from the start of Python's work to the end of a part, itself included."""
    names = [name for name in times if not name.endswith(": compilations") and not name.startswith("all of it")]
    parts = names[: names.index(last) + 1]
    name = f"all of it, to the {last}"
    times[name] = sum(times[part] for part in parts)
    times[f"{name}: compilations"] = sum(times[f"{part}: compilations"] for part in parts)


def jaxviz_times() -> Times:
    times: Times = {}
    with timed(times, "import jax"):
        import jax

        jax.numpy  # noqa: B018 - imported on use
    with timed(times, "import jaxviz"):
        import jaxviz

        _ = jaxviz.load, jaxviz.render_steps
    from side_by_side.jaxviz_system import CompilationCount

    counter = CompilationCount()

    def count() -> int:
        return counter.count

    with timed(times, "load the model", count):
        model = jaxviz.load()

    def render(layer: str, unit: int, **options: Any) -> Iterator[jaxviz.Snapshot]:
        return jaxviz.render_steps(model, layer, units=unit, steps=2 * STEPS, snapshot_every=STEPS, **options)

    with timed(times, "first snapshot", count):
        snapshots = render(LAYER, 0)
        next(snapshots)
    with timed(times, f"snapshot at step {STEPS}", count):
        next(snapshots)
    with timed(times, f"snapshot at step {2 * STEPS}", count):
        next(snapshots)
    snapshots.close()
    _sum_up(times, "first snapshot")
    _sum_up(times, f"snapshot at step {STEPS}")
    _later_calls(times, count, render, jaxviz)
    return times


def _later_calls(times: Times, count: Callable[[], int], render: Callable[..., Iterator[Any]], jaxviz: Any) -> None:
    calls = {
        "second call": (LAYER, 0, {}),
        "another unit": (LAYER, 1, {}),
        "a moved slider": (LAYER, 1, {"learning_rate": 0.03, "parameterization": jaxviz.fourier(decay_power=1.2)}),
        "another layer": (OTHER_LAYER, 0, {}),
    }
    for name, (layer, unit, options) in calls.items():
        with timed(times, f"{name}, first snapshot", count):
            snapshots = render(layer, unit, **options)
            next(snapshots)
        with timed(times, f"{name}, snapshot at step {STEPS}", count):
            next(snapshots)
        snapshots.close()


def lucent_times(weights: Path) -> Times:
    times: Times = {}
    with timed(times, "import torch and lucent"):
        from side_by_side.lucent_system import Lucent
    from side_by_side.cases import Case

    system, case = Lucent({"efficientnet_lite0": weights}), Case("efficientnet_lite0", LAYER, 1)
    with timed(times, "load the model"):
        system._network(case.network, eased=False)
    with timed(times, f"image at step {STEPS}"):
        system.picture(case, STEPS)
    _sum_up(times, f"image at step {STEPS}")
    with timed(times, f"second call, image at step {STEPS}"):
        system.picture(case, STEPS)
    return times


if __name__ == "__main__":
    restrict_to_threads()
    print(json.dumps(jaxviz_times() if sys.argv[1] == "jaxviz" else lucent_times(Path(sys.argv[2]))))
