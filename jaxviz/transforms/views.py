"""Many views of one image in each step, and transforms whose numbers change over the steps."""

from dataclasses import dataclass, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from jaxviz.pytrees import registered
from jaxviz.transforms.base import Disturbed, Image, Step, Transform
from jaxviz.transforms.values import Leaf, count_of


@registered(data_fields=["inner", "count"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Views(Transform):
    """Many views a step; made by `several_views`."""

    inner: Leaf
    count: Leaf
    kind = "several_views"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Make one of the views; the key decides which."""
        return self.inner(key, image)

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the size of one view."""
        return self.inner.output_size(*extents)

    @property
    def views(self) -> Leaf:
        """How many views a step takes."""
        return self.count

    @property
    def network_gains(self) -> Any:
        """What the inner transform has."""
        return self.inner.network_gains

    def at(self, step: Step) -> Transform:
        """Return the same number of views of the inner transform as it is at a step."""
        return replace(self, inner=self.inner.at(step))

    def to_json(self) -> dict[str, Any]:
        """Return the inner transform and the number."""
        return {"kind": self.kind, "inner": self.inner.to_json(), "count": int(np.asarray(self.count))}

    def expression(self) -> str:
        """Return the call of `several_views`."""
        return f"{self.kind}({self.inner.expression()}, count={int(np.asarray(self.count))})"


@registered(data_fields=["first", "last", "steps"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Annealed(Transform):
    """From one transform to another over the steps of a climb; made by `annealed`."""

    first: Leaf
    last: Leaf
    steps: Leaf
    kind = "annealed"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Disturb one image as at the first step."""
        return self.first(key, image)

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the size that both give."""
        return self.first.output_size(*extents)

    @property
    def network_gains(self) -> Any:
        """What it is at the first step."""
        return self.first.network_gains

    def at(self, step: Step) -> Transform:
        """Return the transform with its numbers on the way, and with the last ones from the last step on."""
        share = jnp.clip(jnp.float32(step) / jnp.maximum(jnp.float32(self.steps) - 1, 1), 0, 1)

        def between(first: Leaf, last: Leaf) -> Any:
            return jnp.float32(first) + share * (jnp.float32(last) - jnp.float32(first))

        return jax.tree.map(between, self.first, self.last)

    def to_json(self) -> dict[str, Any]:
        """Return both transforms and the number of steps."""
        steps = int(np.asarray(self.steps))
        return {"kind": self.kind, "first": self.first.to_json(), "last": self.last.to_json(), "steps": steps}

    def expression(self) -> str:
        """Return the call of `annealed`."""
        steps = int(np.asarray(self.steps))
        return f"{self.kind}({self.first.expression()}, {self.last.expression()}, steps={steps})"


def several_views(transform: Transform, *, count: int) -> Views:
    """Take many views of the image in every step: each is disturbed at random by itself, and their scores are averaged.

    The gradient is the mean over the views, and so is the score that is reported. A step costs as much as `count` steps
    of one view. It is less noisy, which is what large learning rates need (MaCo takes 32 crops a step, Horama 6).

    Views are evaluated some at a time, so that any number fits into memory. Numbers of which as many are evaluated at a
    time share a compiled program: on a CPU the greatest divisor up to 8 (16, 24 and 32 do).

    Args:
        transform: how each view is disturbed.
        count: how many views a step takes.

    Raises:
        TypeError: there is no transform, or it takes several views itself.
        ValueError: the count is no whole number of one or more.

    References:
        T. Fel et al.: Unlocking Feature Visualization for Deep Networks with MAgnitude Constrained Optimization.
        NeurIPS, 2023. arXiv:2306.06805

    Example:
        >>> from jaxviz.transforms import closeup
        >>> transform = several_views(closeup(0.25, 0.1), count=32)
        >>> transform.views
        32
    """
    _single(transform, "several_views")
    return Views(transform, count_of(count, "number of views"))


def annealed(first: Transform, last: Transform, *, steps: int) -> Annealed:
    """Go from one transform to another over the first steps of a climb: every number moves evenly.

    The schedule belongs to the steps and not to the length of the climb: a climb that goes on longer than `steps` keeps
    the last numbers. What is drawn from `choices` has to have as many of them in both.

    Args:
        first: the transform of the first step.
        last: the transform of step `steps - 1` and of all later ones: the same but for its numbers.
        steps: how many steps it takes.

    Raises:
        TypeError: one of them is no transform, or takes several views.
        ValueError: the transforms differ in more than their numbers.

    Example:
        >>> from jaxviz.transforms import noise
        >>> transform = annealed(noise(0.2), noise(0.1), steps=11)
        >>> [round(float(transform.at(step).standard_deviation), 3) for step in (0, 5, 10, 100)]
        [0.2, 0.15, 0.1, 0.1]
    """
    for transform in (first, last):
        _single(transform, "annealed")
        if any(isinstance(part, Annealed) for part in jax.tree.leaves(transform, is_leaf=_is_annealed)):
            raise TypeError(f"{transform} is annealed already, over steps of its own; compose the two instead.")
    if _form(first) != _form(last) or first.output_size(1024, 1024) != last.output_size(1024, 1024):
        raise ValueError(f"annealed moves numbers only, but {first} and {last} differ in more.")
    return Annealed(first, last, count_of(steps, "number of steps"))


def _is_annealed(part: object) -> bool:
    return isinstance(part, Annealed)


def _single(transform: object, outer: str) -> None:
    if not isinstance(transform, Transform):
        raise TypeError(f"{outer} needs a transform such as jaxviz.transforms.shift(8); this is {transform!r}.")
    if transform.views > 1:
        raise TypeError(f"{transform} takes several views already; put several_views around everything else.")


def _form(transform: Transform) -> tuple[str, list[tuple[int, ...]]]:
    leaves, form = cast(tuple[list[Any], Any], jax.tree.flatten(transform))
    # jax 0.10 calls forms equal whose nodes are of different classes with fields alike; written out they differ.
    return str(form), [np.shape(leaf) for leaf in leaves]
