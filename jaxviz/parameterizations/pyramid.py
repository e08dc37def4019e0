"""An image as a sum of pictures of falling resolution."""

from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, finite, positions
from jaxviz.parameterizations.colour import checked_colours, mixing, to_unit_range
from jaxviz.pytrees import registered


@registered(data_fields=["pictures"], meta_fields=["extents"])
@dataclass(frozen=True, eq=False)
class Levels:
    """The variables of `laplacian_pyramid`.

    Attributes:
        pictures: one array for each level, `[height / 2 ** level, width / 2 ** level, channel]`, rounded up.
        extents: height and width of the image, in pixels.
    """

    pictures: tuple[Leaf, ...]
    extents: tuple[int, ...]


@registered(
    data_fields=["standard_deviation", "colours"],
    meta_fields=["levels", "decorrelated"],
)
@dataclass(frozen=True, eq=False, repr=False)
class LaplacianPyramid(Parameterization):
    """A sum of pictures of falling resolution; made by `laplacian_pyramid`."""

    levels: int = 4
    standard_deviation: Leaf = 0.01
    decorrelated: bool = True
    colours: Leaf = None
    kind = "laplacian_pyramid"

    def init(self, key: PRNGKeyArray, *shape: int) -> Levels:
        """Draw every number of every level from the same normal distribution."""
        extents, channels = positions(self, shape)
        keys = jax.random.split(key, self.levels)
        sizes = [tuple(-(-extent // 2**level) for extent in extents) for level in range(self.levels)]
        pictures = [
            jnp.float32(self.standard_deviation) * jax.random.normal(one, (*size, channels), jnp.float32)
            for one, size in zip(keys, sizes, strict=True)
        ]
        return Levels(tuple(pictures), extents)

    def to_image(self, variables: Levels) -> Image:
        """Enlarge every level linearly, add them up, and squash the sum to [0, 1]."""
        return to_unit_range(self.unsquashed(variables))

    def unsquashed(self, variables: Levels) -> Image:
        """Return the sum before it is squashed."""
        extents = variables.extents
        channels = variables.pictures[0].shape[-1]
        free = jnp.zeros((*extents, channels), jnp.float32)
        for picture in variables.pictures:
            free = free + cast(Array, jax.image.resize(picture, (*extents, channels), "linear"))
        return mixing(self.decorrelated, self.colours, len(extents), channels)(free, -1)


def laplacian_pyramid(
    *, levels: int = 4, standard_deviation: float = 0.01, decorrelated: bool = True, colours: Any = None
) -> LaplacianPyramid:
    """Describe an image by a sum of pictures, each of half the resolution of the one before.

    A step of the optimizer then moves coarse parts as readily as fine ones: something between `pixels`, which is one
    level, and `fourier`. Where lucid divides sizes rounding down and needs them divisible, here they are rounded up.

    Args:
        levels: how many pictures there are, from full resolution on.
        standard_deviation: of all numbers at the start.
        decorrelated: whether three channels are decorrelated colours, which `decorrelated_to_rgb` mixes.
        colours: the matrix that `measure_colours` returns for data of your own, in place of the published one.

    Raises:
        ValueError: there is no level, or a number is not finite.

    References:
        P. Burt, E. Adelson: The Laplacian Pyramid as a Compact Image Code. 1983. lucid 0.3.10,
        `laplacian_pyramid_image`.

    Example:
        >>> import jax
        >>> variables = laplacian_pyramid(levels=3).init(jax.random.key(0), 30, 41, 1)
        >>> [picture.shape for picture in variables.pictures]
        [(30, 41, 1), (15, 21, 1), (8, 11, 1)]
    """
    if isinstance(levels, bool) or int(levels) != levels or levels < 1:
        raise ValueError(f"levels is {levels}; give a whole number, 1 or more (4 is usual).")
    deviation = finite(standard_deviation, "standard_deviation", least=0)
    return LaplacianPyramid(
        int(levels), deviation, bool(decorrelated), checked_colours(colours, decorrelated=decorrelated)
    )
