"""An image as free pixels."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, finite
from jaxviz.parameterizations.colour import decorrelated_to_rgb, to_unit_range


@partial(jax.tree_util.register_dataclass, data_fields=["standard_deviation"], meta_fields=["decorrelated"])
@dataclass(frozen=True, eq=False, repr=False)
class Pixels(Parameterization):
    """Free pixels; made by `pixels`."""

    standard_deviation: Leaf = 0.01
    decorrelated: bool = True
    kind = "pixels"

    def init(self, key: PRNGKeyArray, *shape: int) -> Image:
        """Draw every pixel from the same normal distribution."""
        normal = jax.random.normal(key, shape, jnp.float32)
        return jnp.float32(self.standard_deviation) * normal

    def to_image(self, variables: Image) -> Image:
        """Squash the variables to [0, 1]."""
        if self.decorrelated and variables.ndim == 3 and variables.shape[-1] == 3:
            variables = decorrelated_to_rgb(variables)
        return to_unit_range(variables)


def pixels(*, standard_deviation: float = 0.01, decorrelated: bool = True) -> Pixels:
    """Describe an image by one free number for each pixel and channel.

    The plainest parameterization, and the noisiest: every pixel moves by itself, so nothing stands in the
    way of the high frequencies to which networks respond and which photographs do not have. For comparison.

    At the start an image deviates from a grey of 0.5 by a quarter of `standard_deviation`, or by about a
    seventh where colours are decorrelated.

    Args:
        standard_deviation: of the variables at the start.
        decorrelated: whether three channels are decorrelated colours, which `decorrelated_to_rgb` mixes. Any
            other number of channels is taken as it is, one for greys.

    References:
        lucid 0.3.10, `pixel_image`.

    Example:
        >>> import jax
        >>> variables = pixels().init(jax.random.key(0), 96, 127, 1)
        >>> pixels().to_image(variables).shape
        (96, 127, 1)
    """
    return Pixels(finite(standard_deviation, "standard_deviation", least=0), bool(decorrelated))
