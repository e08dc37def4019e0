"""The transforms that move the image on its canvas: translations, magnifications, rotations.

Lengths are in pixels, angles in degrees, positions are (row, column), and the centre of an image lies at
((height - 1) / 2, (width - 1) / 2). All but `rotate` suit signals and volumes too, along each of their axes. All draw
either uniformly from a range or one of the numbers listed as `choices`, in which a number listed twice is twice as
likely; these numbers are leaves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.pytrees import registered
from jaxviz.transforms.base import only_images, only_positions
from jaxviz.transforms.composition import Geometric
from jaxviz.transforms.sampling import Affine
from jaxviz.transforms.values import Leaf, choice_of, limit, range_or_choices


class _SameSize(Geometric):
    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        only_positions(self, extents)
        return extents


@registered(data_fields=["max_pixels", "choices"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Shift(_SameSize):
    """A translation; made by `shift`."""

    max_pixels: Leaf
    choices: Leaf
    kind = "shift"

    def draws(self, axes: int) -> int:
        """Return one for each axis."""
        return axes

    def affine(self, random: Float[Array, " draws"], axes: int) -> Affine:  # noqa: ARG002
        """Return the translation back."""
        return Affine.translation(-_drawn(random, _both_signs(self.max_pixels), self.choices))


@registered(data_fields=["low", "high", "choices"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Scale(_SameSize):
    """A magnification about the centre; made by `scale`."""

    low: Leaf
    high: Leaf
    choices: Leaf
    kind = "scale"

    def draws(self, axes: int) -> int:  # noqa: ARG002
        """Return one: all axes are magnified alike."""
        return 1

    def affine(self, random: Float[Array, " draws"], axes: int) -> Affine:
        """Return the magnification back."""
        factor = _drawn(random[0], (self.low, self.high), self.choices)
        return Affine(Affine.identity(axes).matrix / factor, Affine.identity(axes).offset)


@registered(data_fields=["max_degrees", "choices"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Rotate(_SameSize):
    """A rotation about the centre; made by `rotate`."""

    max_degrees: Leaf
    choices: Leaf
    kind = "rotate"

    def draws(self, axes: int) -> int:  # noqa: ARG002
        """Return one."""
        return 1

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        only_images(self, extents)
        return extents

    def affine(self, random: Float[Array, " draws"], axes: int) -> Affine:
        """Return the rotation back."""
        # Rows count downwards: seen with row 0 at the top, counterclockwise lowers the rows of what is right.
        angle = _drawn(random[0], _both_signs(self.max_degrees), self.choices) * (math.pi / 180)
        cosine, sine = jnp.cos(angle), jnp.sin(angle)
        return Affine(jnp.stack([cosine, sine, -sine, cosine]).reshape(2, 2), Affine.identity(axes).offset)


def shift(max_pixels: float | None = None, *, choices: Sequence[float] | None = None) -> Shift:
    """Move the image by a random distance, along rows and along columns independently.

    What leaves the canvas is gone, unless a transform of the same run moves it back; a `pad` before makes
    room. A distance of whole pixels copies them; others interpolate.

    Args:
        max_pixels: distances are uniform between this to the top or left and this to the bottom or right.
        choices: the distances instead, positive to the bottom and to the right.

    Example:
        >>> import jax
        >>> image = jax.numpy.arange(6.0).reshape(2, 3, 1)
        >>> shift(choices=[1])(jax.random.key(0), image)[..., 0].tolist()
        [[0.5, 0.5, 0.5], [0.5, 0.0, 1.0]]
    """
    range_or_choices([max_pixels], choices, examples="shift(8) or shift(choices=[-8, 0, 8])")
    if choices is not None:
        return Shift(None, choice_of(choices, "distances"))
    return Shift(limit(max_pixels, "The greatest distance"), None)


def scale(low: float | None = None, high: float | None = None, *, choices: Sequence[float] | None = None) -> Scale:
    """Magnify the image about its centre by a random factor; the canvas keeps its size.

    Args:
        low: the least factor. Above one the image is magnified and its border leaves the canvas; below one it
            shrinks and what lies outside appears.
        high: the greatest factor; factors between are all as likely.
        choices: the factors instead.

    Example:
        >>> import jax
        >>> image = jax.numpy.arange(5.0).reshape(1, 5, 1)
        >>> scale(choices=[2])(jax.random.key(0), image)[0, :, 0].tolist()
        [1.0, 1.5, 2.0, 2.5, 3.0]
    """
    range_or_choices([low, high], choices, examples="scale(0.9, 1.1) or scale(choices=[0.9, 1, 1.1])")
    if choices is not None:
        factors = choice_of(choices, "factors")
        if not np.all(factors > 0):
            raise ValueError(f"The factors are {choices}. Give numbers above zero.")
        return Scale(None, None, factors)
    least, greatest = limit(low, "The least factor"), limit(high, "The greatest factor")
    if not 0 < least <= greatest:
        raise ValueError(f"The factors are {low} to {high}. Give numbers above zero, the smaller first.")
    return Scale(least, greatest, None)


def rotate(max_degrees: float | None = None, *, choices: Sequence[float] | None = None) -> Rotate:
    """Rotate the image about its centre by a random angle; the canvas keeps its size.

    Args:
        max_degrees: angles are uniform between this clockwise and this counterclockwise.
        choices: the angles instead, in degrees, positive counterclockwise as the image is seen with row 0 at
            the top. So 90 does what `numpy.rot90` does.

    Example:
        >>> import jax
        >>> image = jax.numpy.arange(9.0).reshape(3, 3, 1)
        >>> rotate(choices=[90])(jax.random.key(0), image)[..., 0].round().astype(int).tolist()
        [[2, 5, 8], [1, 4, 7], [0, 3, 6]]
    """
    range_or_choices([max_degrees], choices, examples="rotate(10) or rotate(choices=[-10, 0, 10])")
    if choices is not None:
        return Rotate(None, choice_of(choices, "angles"))
    return Rotate(limit(max_degrees, "The greatest angle"), None)


def _drawn(random: Float[Array, "..."], limits: tuple[Leaf, Leaf], choices: Leaf) -> Float[Array, "..."]:
    """Turn numbers uniform in [0, 1) into numbers between the limits, or into one of the choices."""
    if choices is None:
        low, high = jnp.float32(limits[0]), jnp.float32(limits[1])
        return low + (high - low) * random
    numbers = jnp.float32(choices)
    return numbers[jnp.floor(random * numbers.size).astype(jnp.int32)]


def _both_signs(greatest: Leaf) -> tuple[Leaf, Leaf]:
    return (None, None) if greatest is None else (-greatest, greatest)
