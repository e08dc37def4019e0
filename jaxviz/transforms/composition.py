"""Transforms one after the other, with all neighbouring geometric ones applied at once.

Geometric transforms only say where every pixel of the result is looked up, and such maps compose. So a run
of them reads the image once: it is blurred by interpolation once, not once for each, and what one of them
moves out of the canvas another may move back in. What lies outside the image is said by the run's `pad`; it
is 0.5 in a run without one. A second `pad` begins a new run.
"""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz import pytrees
from jaxviz.pytrees import registered
from jaxviz.transforms.base import Disturbed, Image, Step, Transform
from jaxviz.transforms.sampling import Affine, sample
from jaxviz.transforms.values import Leaf

_OUTSIDE = 0.5


class Geometric(Transform):
    """A transform that only moves pixels, by an affine map of positions that random numbers decide.

    Every kind is a dataclass registered as a JAX pytree. `draws` says how many random numbers it takes of an input with
    so many axes of positions.
    """

    @abc.abstractmethod
    def draws(self, axes: int) -> int:
        """Return how many random numbers are drawn."""

    @abc.abstractmethod
    def affine(self, random: Float[Array, " draws"], axes: int) -> Affine:
        """Turn numbers uniform in [0, 1) into the map from positions of the result to the source's."""

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Disturb one image."""
        return _disturb_at_once((self,), key, image)


class Border(Geometric):
    """A geometric transform that says what lies outside the image."""

    @abc.abstractmethod
    def outside(self, random: Float[Array, ""]) -> Leaf:
        """Return the value outside, or None for the image mirrored; `random` is uniform in [0, 1)."""


# Geometric transforms that are applied at once; at most one of them is a border.
_Run: TypeAlias = tuple[Geometric, ...]


@registered(data_fields=["transforms"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Compose(Transform):
    """Transforms one after the other; made by `compose`."""

    transforms: tuple[Leaf, ...]
    kind = "compose"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Disturb one image by every transform in turn."""
        stages = _stages(self.transforms)
        # A single stage gets the key itself, so that it does the same alone and composed.
        keys = [key] if len(stages) == 1 else jax.random.split(key, len(stages))
        for stage_key, stage in zip(keys, stages, strict=True):
            disturb = partial(_disturb_at_once, stage) if isinstance(stage, tuple) else stage
            image = disturb(stage_key, image)
        return image

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the size after the last transform."""
        for transform in self.transforms:
            extents = transform.output_size(*extents)
        return extents

    @property
    def network_gains(self) -> Leaf:
        """That of the one member that has one, or None."""
        return next((member.network_gains for member in self.transforms if member.network_gains is not None), None)

    def at(self, step: Step) -> Transform:
        """Return the composition of every transform as it is at a step."""
        return Compose(tuple(transform.at(step) for transform in self.transforms))

    def to_json(self) -> dict[str, Any]:
        """Return the transforms in their order."""
        return {"kind": self.kind, "transforms": [transform.to_json() for transform in self.transforms]}

    def expression(self) -> str:
        """Return the call of `compose`."""
        return f"compose({', '.join(transform.expression() for transform in self.transforms)})"


def compose(*transforms: Transform) -> Compose:
    """Apply transforms one after the other.

    Neighbouring geometric transforms read the image once, as this module describes.

    Args:
        transforms: in the order in which they disturb the image; compositions among them are taken apart.
            Without any the image stays as it is.

    Raises:
        TypeError: one of them is no transform, or takes several views.
        ValueError: two of them disturb the network.

    Example:
        >>> from jaxviz.transforms import jitter, pad, rotate
        >>> transform = compose(pad(12), jitter(8), rotate(10))
        >>> transform.output_size(128, 96)
        (144, 112)
    """
    flat: list[Transform] = []
    for transform in transforms:
        if not isinstance(transform, Transform):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"{transform!r} is no transform; give one such as jaxviz.transforms.shift(8), each by itself."
            )
        if transform.views > 1:
            raise TypeError(f"{transform} takes several views: put several_views around the whole composition.")
        flat += transform.transforms if isinstance(transform, Compose) else [transform]
    if sum(transform.network_gains is not None for transform in flat) > 1:
        raise ValueError("Two of these transforms have gains of the network. Give one, with the wider range.")
    return Compose(tuple(flat))


def _stages(transforms: Sequence[Transform]) -> list[_Run | Transform]:
    stages: list[_Run | Transform] = []
    for transform in transforms:
        if not isinstance(transform, Geometric):
            stages.append(transform)
            continue
        run = stages[-1] if stages else None
        if isinstance(run, tuple) and not (isinstance(transform, Border) and _has_border(run)):
            stages[-1] = (*run, transform)
        else:
            stages.append((transform,))
    return stages


def _has_border(run: _Run) -> bool:
    return any(isinstance(transform, Border) for transform in run)


def _disturb(run: _Run, key: PRNGKeyArray, image: Image) -> Disturbed:
    size = image.shape[:-1]
    axes = len(size)
    draws = [transform.draws(axes) for transform in run]
    random = jax.random.uniform(key, (1 + sum(draws),), jnp.float32)
    affine, outside, used = Affine.identity(axes), _OUTSIDE, 1
    for transform, count in zip(run, draws, strict=True):
        affine = affine.then(transform.affine(random[used : used + count], axes))
        size = transform.output_size(*size)
        used += count
        if isinstance(transform, Border):
            outside = transform.outside(random[0])
    return sample(image, affine, size, outside)


# Compiled, so that a call outside of any compilation compiles once and not once for every operation.
_disturb_at_once: Callable[[_Run, PRNGKeyArray, Image], Disturbed] = pytrees.jit(_disturb)
