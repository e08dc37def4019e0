"""A Gaussian blur of random width."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxviz.pytrees import registered
from jaxviz.transforms.base import Disturbed, Image, Transform, only_positions
from jaxviz.transforms.gaussian import WIDEST_PIXELS, gaussian_blur
from jaxviz.transforms.values import Leaf


@registered(data_fields=["low", "high"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Blur(Transform):
    """A Gaussian blur; made by `blur`."""

    low: Leaf
    high: Leaf
    kind = "blur"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Blur one image, mirrored at its edges."""
        only_positions(self, image.shape[:-1])
        low, high = jnp.float32(self.low), jnp.float32(self.high)
        return gaussian_blur(image, low + (high - low) * jax.random.uniform(key, (), jnp.float32))

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        only_positions(self, extents)
        return extents


def blur(low: float, high: float) -> Blur:
    """Blur the image by a Gaussian of random width, so that what is finer than that counts for nothing.

    Args:
        low: least standard deviation in pixels; 0 leaves the image as it is.
        high: greatest standard deviation in pixels.

    Raises:
        ValueError: the range is empty, negative, or wider than 64 pixels.

    References:
        xplique 2.0, `random_blur`, whose kernels have a fixed even size and end at black.

    Example:
        >>> import jax
        >>> spike = jnp.zeros((7, 7, 1)).at[3, 3, 0].set(1.0)
        >>> [round(float(value), 3) for value in blur(0.5, 0.5)(jax.random.key(0), spike)[3, 2:5, 0]]
        [0.084, 0.619, 0.084]
    """
    if not 0 <= low <= high <= WIDEST_PIXELS:
        raise ValueError(f"The blur is from {low} to {high} pixels. Give a range within 0 to {WIDEST_PIXELS}.")
    return Blur(float(low), float(high))
