"""jaxviz, through its public functions."""

import importlib.metadata
import importlib.util
import time
from pathlib import Path

import jax
import numpy as np

import jaxviz
from side_by_side.cases import IMAGE_PIXELS, LEARNING_RATE, Case


class Jaxviz:
    """jaxviz with its defaults.

    Args:
        weights: A file for each network, or None for the weights that come with jaxviz.
    """

    def __init__(self, weights: dict[str, Path | None]) -> None:
        self._weights = weights
        self._models: dict[str, jaxviz.Model] = {}

    def versions(self) -> dict[str, str]:
        versions = {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax")}
        present = importlib.util.find_spec("jaxviz.models.lowering") is not None
        return {"jaxviz": jaxviz.__version__, **versions, "jaxviz's lowerings": "present" if present else "absent"}

    def values(self, case: Case, images: np.ndarray) -> np.ndarray:
        """Return the layer's output for images [batch, height, width, 3]."""
        return self._model(case.network).activations(images, case.layer)[case.layer]

    def picture(self, case: Case, steps: int) -> np.ndarray:
        """Return the image of the first unit after some steps, [height, width, 3] in [0, 1]."""
        return self._last(case, steps, "auto").images[0] / np.float32(255)

    def prepare(self, case: Case, steps: int, *, lowering: str = "auto") -> str:
        """Compile."""
        self._last(case, steps, lowering)
        return ""

    def run(self, case: Case, steps: int, *, lowering: str = "auto") -> float:
        """Return seconds a step: from the first snapshot, before any step, to the last, all pictures included."""
        snapshots = self._snapshots(case, steps, lowering)
        next(snapshots)
        began = time.perf_counter()
        for _ in snapshots:
            pass
        return (time.perf_counter() - began) / steps

    def read(self, network: str, images: np.ndarray, *, lowering: str = "auto") -> float:
        """Return the seconds that the class logits of images [batch, height, width, 3] take."""
        began = time.perf_counter()
        self._model(network).predict(images, lowering=lowering)
        return time.perf_counter() - began

    def _last(self, case: Case, steps: int, lowering: str) -> jaxviz.Snapshot:
        *_, last = self._snapshots(case, steps, lowering)
        return last

    def _snapshots(self, case: Case, steps: int, lowering: str):
        return jaxviz.render_steps(
            self._model(case.network),
            case.layer,
            units=range(case.units),
            steps=steps,
            size=IMAGE_PIXELS,
            transforms="lucid",
            learning_rate=LEARNING_RATE,
            lowering=lowering,
        )

    def _model(self, network: str) -> jaxviz.Model:
        if network not in self._models:
            self._models[network] = jaxviz.load(network, weights=self._weights[network])
        return self._models[network]


class CompilationCount:
    """Counts what XLA compiles from when it is made; what comes out of the persistent cache is not counted."""

    def __init__(self) -> None:
        self._asked = self._found = 0
        jax.monitoring.register_event_duration_secs_listener(self._ask)
        jax.monitoring.register_event_listener(self._find)

    @property
    def count(self) -> int:
        return self._asked - self._found

    def _ask(self, event: str, _seconds: float, **_: str | int) -> None:
        self._asked += event.endswith("backend_compile_duration")

    def _find(self, event: str, **_: str | int) -> None:
        self._found += event.endswith("compilation_cache/cache_hits")
