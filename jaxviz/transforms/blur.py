"""A Gaussian blur of random width."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from jaxviz.transforms.base import Disturbed, Image, Transform, only_positions
from jaxviz.transforms.values import Leaf

# Weights this many standard deviations away are left out, as `scipy.ndimage.gaussian_filter` does.
_TRUNCATE = 4.0
_LARGEST = 64.0


@partial(jax.tree_util.register_dataclass, data_fields=["low", "high"], meta_fields=["radius"])
@dataclass(frozen=True, eq=False, repr=False)
class Blur(Transform):
    """A Gaussian blur; made by `blur`. The radius, in pixels, is how far it looks."""

    low: Leaf
    high: Leaf
    radius: int
    kind = "blur"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Blur one image, mirrored at its edges, along one axis after the other."""
        only_positions(self, image.shape[:-1])
        low, high = jnp.float32(self.low), jnp.float32(self.high)
        width = jnp.maximum(low + (high - low) * jax.random.uniform(key, (), jnp.float32), 1e-3)
        weights = jnp.exp(-0.5 * jnp.square(np.arange(-self.radius, self.radius + 1, dtype=np.float32) / width))
        weights = (weights / jnp.sum(weights)).astype(image.dtype)
        for axis in range(image.ndim - 1):
            around = [(self.radius, self.radius) if axis == other else (0, 0) for other in range(image.ndim)]
            padded, length = jnp.pad(image, around, mode="symmetric"), image.shape[axis]
            taps = [
                weights[place] * jax.lax.slice_in_dim(padded, place, place + length, axis=axis)
                for place in range(2 * self.radius + 1)
            ]
            image = sum(taps[1:], taps[0])
        return image

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        only_positions(self, extents)
        return extents

    def arguments(self) -> dict[str, float]:
        """Return both ends of the range."""
        return {name: value for name, value in super().arguments().items() if name != "radius"}


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
    if not 0 <= low <= high <= _LARGEST:
        raise ValueError(f"The blur is from {low} to {high} pixels. Give a range within 0 to {_LARGEST:g}.")
    return Blur(float(low), float(high), max(1, math.floor(_TRUNCATE * high + 0.5)))
