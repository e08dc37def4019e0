"""Stopping early: when a unit's score has stopped rising, its lane can go to another."""

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxviz.pytrees import registered

_NO_END = np.iinfo(np.int32).max


@registered(
    data_fields=["patience_steps", "least_gain", "smoothing_steps"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Plateau:
    """When a unit that no longer gains anything is stopped.

    The score is smoothed over steps, because random transforms shake it. A unit is stopped once the smoothed score has
    not risen, for `patience_steps` steps, by more than `least_gain` times all that it has gained since the first step.
    So the scale of the scores does not matter, nor what else is rendered, nor how often snapshots are taken.

    Attributes:
        patience_steps: Steps without a gain before a unit is stopped; at least 1.
        least_gain: What counts as a gain, as a share of all that was gained before; 0 to 1.
        smoothing_steps: Steps over which scores are averaged, older ones counting less; at least 1.

    Example:
        >>> import jaxviz
        >>> jaxviz.Plateau(patience_steps=32)
        Plateau(patience_steps=32, least_gain=0.01, smoothing_steps=16)
    """

    patience_steps: int = 64
    least_gain: float = 0.01
    smoothing_steps: int = 16

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON."""
        return asdict(self)


NEVER = Plateau(_NO_END, 0.0, 1)
"""The settings under which no unit is stopped."""


class Progress(NamedTuple):
    """What a unit has gained so far; every array has the lane as its axis.

    Attributes:
        smoothed: The smoothed score.
        first: The score at the first step.
        best: The smoothed score at the last step that counted as a gain.
        best_step: That step.
    """

    smoothed: Float[Array, " lane"]
    first: Float[Array, " lane"]
    best: Float[Array, " lane"]
    best_step: Int[Array, " lane"]


def checked(plateau: Plateau | None) -> Plateau | None:
    """Return the settings, or say what is wrong with them.

    Raises:
        TypeError: It is no `Plateau`, or steps are no whole numbers.
        ValueError: A number is out of its range.
    """
    if plateau is None:
        return None
    if not isinstance(plateau, Plateau):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"stop_on_plateau is {plateau!r}; it must be a jaxviz.Plateau, such as jaxviz.Plateau(), or None."
        )
    for name in ("patience_steps", "smoothing_steps"):
        steps: Any = getattr(plateau, name)
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer):
            raise TypeError(f"{name} is {steps!r}; it must be a whole number of steps.")
        if not 1 <= steps < _NO_END:
            raise ValueError(f"{name} is {steps}; at least 1 step is needed (64 and 16 are usual).")
    if not (math.isfinite(plateau.least_gain) and 0 <= plateau.least_gain <= 1):
        raise ValueError(f"least_gain is {plateau.least_gain}; it must be a share from 0 to 1 (0.01 is usual).")
    # Plain numbers: the recipe is written as JSON, when all has been climbed.
    return Plateau(int(plateau.patience_steps), float(plateau.least_gain), int(plateau.smoothing_steps))


def traced(plateau: Plateau | None) -> Plateau:
    """Return the settings as arrays of fixed types, so that other numbers compile nothing."""
    chosen = plateau or NEVER
    return Plateau(
        np.int32(chosen.patience_steps),  # pyright: ignore[reportArgumentType]
        np.float32(chosen.least_gain),  # pyright: ignore[reportArgumentType]
        np.int32(chosen.smoothing_steps),  # pyright: ignore[reportArgumentType]
    )


def no_progress(lanes: int) -> Progress:
    """Return the progress of units that have made no step."""
    zero = jnp.zeros(lanes, jnp.float32)
    return Progress(smoothed=zero, first=zero, best=zero, best_step=jnp.zeros(lanes, jnp.int32))


def watch(
    plateau: Plateau, progress: Progress, scores: Float[Array, " lane"], step: Int[Array, " lane"]
) -> tuple[Progress, Bool[Array, " lane"]]:
    """Take in the scores of a step.

    Args:
        plateau: The settings, traced.
        progress: What was gained before.
        scores: Each unit's score.
        step: The number of the step, counted from 0.

    Returns:
        The progress, and which units have stopped rising.
    """
    begins = step == 0
    # A mean of all steps at first, and then one that forgets.
    weight = 1.0 / (jnp.minimum(step, plateau.smoothing_steps - 1) + 1).astype(jnp.float32)
    smoothed = jnp.where(begins, scores, progress.smoothed + weight * (scores - progress.smoothed))
    first = jnp.where(begins, scores, progress.first)
    gains = begins | (smoothed > progress.best + plateau.least_gain * (progress.best - first))
    best = jnp.where(gains, smoothed, progress.best)
    best_step = jnp.where(gains, step, progress.best_step)
    return Progress(smoothed, first, best, best_step), step - best_step >= plateau.patience_steps
