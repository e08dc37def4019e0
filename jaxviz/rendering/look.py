"""What the units in the lanes look like: a promise while the device computes, then arrays, states and advice."""

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Array, Float32, Int, UInt8

from jaxviz.gradient_rules import GradientRule
from jaxviz.objectives import ClassProbability, Combination, Objective
from jaxviz.rendering.state import NO_SCORE

# Scores of a dispatch, [step, lane], `NO_SCORE` where a lane stood still; and how many of the steps were made.
Scores: TypeAlias = tuple[Array, int]

_DIVERGED = (
    "The score, its gradient or the picture stopped being finite at step {step}, and the climb with it. Try a smaller "
    "learning_rate, or a parameterization with a smaller standard_deviation."
)
_DEAD = (
    "The gradient was exactly zero at every step, so the picture is still its first noise. The unit may be behind a "
    "rectifier that no first image passes: try gradient_rules='redirected_relu', another key, a larger size, or the "
    "layer before it."
)
_ASLEEP = (
    "The score was exactly the same at every step: only redirected gradients moved the picture, if any did, and the "
    "unit did not wake. Give the rule more steps, gradient_rules=redirected_relu(steps=…), or try another key, a "
    "larger size, or the layer before it."
)
_SATURATED = (
    "The score had no gradient at any step. That of a probability vanishes where the class is very unlikely or nearly "
    "certain: climb its logit with class_logit."
)
_SETTLED = "Its score had stopped rising, so it was stopped at step {step}, as stop_on_plateau asks."


@dataclasses.dataclass(frozen=True)
class Look:
    """What the units in the lanes look like now.

    Attributes:
        units: The units, in the order of the arrays.
        pictures: Their images as bytes.
        steps: Steps that each has made.
        states: climbing, done, dead or diverged.
        messages: Advice, empty where all is well.
        scores: The scores since the last look, NaN where a unit stood still.
        transparency: Absolute gradients of the images added up so far, or None where they were not asked for.
    """

    units: tuple[int, ...]
    pictures: UInt8[np.ndarray, "unit *position channel"]
    steps: Int[np.ndarray, " unit"]
    states: tuple[str, ...]
    messages: tuple[str, ...]
    scores: Float32[np.ndarray, "time unit"]
    transparency: Float32[np.ndarray, "unit ..."] | None


@dataclasses.dataclass(frozen=True)
class Shown:
    """What the device is about to show: a promise of a `Look`."""

    units: tuple[int, ...]
    _held: list[int]
    _pictures: Array
    _counters: Array
    _scores: list[Scores]
    _transparency: Array | None
    _without_gradient: Sequence[str]

    def look(self) -> Look:
        """Wait for the device, and return what the units look like."""
        counters = np.asarray(self._counters)[self._held]
        verdicts = [
            _verdict(*row, without_gradient=advice)
            for row, advice in zip(counters.tolist(), self._without_gradient, strict=True)
        ]
        none = np.zeros((0, self._counters.shape[0]), np.float32)
        scores = np.concatenate([none, *(np.asarray(made)[:count] for made, count in self._scores)])
        return Look(
            self.units,
            np.asarray(self._pictures)[self._held],
            counters[:, 0],
            tuple(state for state, _ in verdicts),
            tuple(text for _, text in verdicts),
            np.where(scores == NO_SCORE, np.float32(np.nan), scores)[:, self._held],
            None if self._transparency is None else np.asarray(self._transparency)[self._held],
        )


def without_gradient(objective: Objective, rules: Sequence[GradientRule]) -> str:
    """Return the advice for a unit that had no gradient of its own."""
    terms: Sequence[Objective] = objective.terms if isinstance(objective, Combination) else (objective,)
    if all(isinstance(term, ClassProbability) for term in terms if term.targets()):
        return _SATURATED
    return _ASLEEP if any(rule.may_wake(0) for rule in rules) else _DEAD


def _verdict(
    step: int, last_step: int, alive: int, moved: int, settled: int, *, without_gradient: str
) -> tuple[str, str]:
    """Return a unit's state and advice."""
    if not alive:
        return "diverged", _DIVERGED.format(step=step)
    if step < last_step and not settled:
        return "climbing", ""
    if not moved:
        return "dead", without_gradient
    return "done", _SETTLED.format(step=step) if step < last_step else ""
