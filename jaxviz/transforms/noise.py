"""Noise on the values of an image."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.transforms.base import Disturbed, Image, Transform
from jaxviz.transforms.values import Leaf, limit

_ROOT_2 = np.float32(np.sqrt(2))


@partial(jax.tree_util.register_dataclass, data_fields=["standard_deviation", "uniform"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Noise(Transform):
    """Noise added to every value of the image; made by `noise`."""

    standard_deviation: Leaf
    uniform: Leaf = None
    kind = "noise"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Add noise; the result is not clipped to [0, 1], which would cut off the gradient there."""
        normal = _ROOT_2 * lax.erf_inv(even(key, image.size).reshape(image.shape))
        noisy = image + self.standard_deviation * normal.astype(image.dtype)
        if self.uniform is None:
            return noisy
        more = even(jax.random.fold_in(key, 1), image.size).reshape(image.shape)
        return noisy + self.uniform * more.astype(image.dtype)

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        return extents


def even(key: PRNGKeyArray, count: int) -> Float[Array, " count"]:
    """Return so many numbers between -1 and 1, of 65,536 that lie evenly.

    So Gaussian noise has as many values, up to 4.3 standard deviations. `jax.random.normal` takes a block of Threefry,
    64 bits, for each, which was a tenth of a step on a CPU.
    """
    words = jax.random.bits(key, (-(-count // 2),), jnp.uint32)
    steps = lax.bitcast_convert_type(words, jnp.uint16).reshape(-1)[:count]
    return (steps.astype(jnp.float32) + 0.5) / 2**15 - 1


def noise(standard_deviation: float, *, uniform: float | None = None) -> Noise:
    """Add Gaussian noise to every value of the image.

    Detail that is fainter than the noise no longer pays, so what a picture shows has to be strong: a cure for the
    speckle that networks with depthwise convolutions like (Smilkov et al. 2017 average gradients over such noise).

    Args:
        standard_deviation: of the noise, where the image's values are in [0, 1].
        uniform: adds even noise besides, from minus to plus this, as implementations of MaCo do; none if None.

    Raises:
        ValueError: a number is negative or not finite.

    References:
        D. Smilkov, N. Thorat, B. Kim, F. Viégas, M. Wattenberg: SmoothGrad: removing noise by adding noise. 2017.
        arXiv:1706.03825

    Example:
        >>> import jax
        >>> noise(0.1)(jax.random.key(0), jax.numpy.zeros((4, 5, 3))).shape
        (4, 5, 3)
    """
    even = None if uniform is None else limit(uniform, "The greatest even noise")
    return Noise(limit(standard_deviation, "The standard deviation"), even)
