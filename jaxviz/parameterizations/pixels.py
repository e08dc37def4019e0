"""An image as free pixels; a signal, a volume or a plain vector as free numbers."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, finite
from jaxviz.parameterizations.colour import (
    checked_colours,
    cut_to_unit_range,
    mixing,
    to_free,
    to_unit_range,
    unmixing,
)
from jaxviz.pytrees import registered


@registered(
    data_fields=["standard_deviation", "colours"],
    meta_fields=["decorrelated", "squashed"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Pixels(Parameterization):
    """Free pixels; made by `pixels`."""

    standard_deviation: Leaf = 0.01
    decorrelated: bool = True
    colours: Leaf = None
    squashed: bool = True
    kind = "pixels"

    def init(self, key: PRNGKeyArray, *shape: int) -> Image:
        """Draw every pixel from the same normal distribution."""
        normal = jax.random.normal(key, shape, jnp.float32)
        return jnp.float32(self.standard_deviation) * normal

    def to_image(self, variables: Image) -> Image:
        """Squash the variables to [0, 1], or cut them off there."""
        free = self.unsquashed(variables)
        return to_unit_range(free) if self.squashed else cut_to_unit_range(0.5 + free)

    def unsquashed(self, variables: Image) -> Image:
        """Return the image before it is squashed or cut off."""
        return mixing(self.decorrelated, self.colours, variables.ndim - 1, variables.shape[-1])(variables, -1)

    def variables_of(self, image: Image) -> Image:
        """Return the variables that make an image whose values are between 0 and 1."""
        free = to_free(image) if self.squashed else image - 0.5
        return unmixing(self.decorrelated, self.colours, image.ndim - 1, image.shape[-1])(free)


def pixels(
    *,
    standard_deviation: float = 0.01,
    decorrelated: bool = True,
    colours: Any = None,
    squashed: bool = True,
) -> Pixels:
    """Describe an image by one free number for each pixel and channel.

    The plainest parameterization, and the noisiest: every pixel moves by itself, so nothing stands in the
    way of the high frequencies to which networks respond and which photographs do not have. For comparison.

    At the start an image deviates from a grey of 0.5 by a quarter of `standard_deviation`, or by about a
    seventh where colours are decorrelated.

    Args:
        standard_deviation: of the variables at the start.
        decorrelated: whether three channels are decorrelated colours, which `decorrelated_to_rgb` mixes. Any
            other number of channels is taken as it is, one for greys.
        colours: the matrix that `measure_colours` returns for data of your own, in place of the published one.
        squashed: whether a logistic function squashes the variables to [0, 1]. Otherwise the image is 0.5 plus the
            variables, cut off at 0 and 1 while the gradient goes through: the plain pixels of the methods before
            2017, whose regularizers (`jaxviz.optimizers`) work on the pixels themselves.

    References:
        lucid 0.3.10, `pixel_image`.

    Example:
        >>> import jax
        >>> variables = pixels().init(jax.random.key(0), 96, 127, 1)
        >>> pixels().to_image(variables).shape
        (96, 127, 1)
    """
    deviation = finite(standard_deviation, "standard_deviation", least=0)
    return Pixels(deviation, bool(decorrelated), checked_colours(colours, decorrelated=decorrelated), bool(squashed))
