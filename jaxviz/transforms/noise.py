"""Noise on the values of an image."""

from dataclasses import dataclass
from functools import partial

import jax
from jaxtyping import PRNGKeyArray

from jaxviz.transforms.base import Disturbed, Image, Transform
from jaxviz.transforms.values import Leaf, limit


@partial(jax.tree_util.register_dataclass, data_fields=["standard_deviation", "uniform"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Noise(Transform):
    """Noise added to every value of the image; made by `noise`."""

    standard_deviation: Leaf
    uniform: Leaf = None
    kind = "noise"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Add noise; the result is not clipped to [0, 1], which would cut off the gradient there."""
        noisy = image + self.standard_deviation * jax.random.normal(key, image.shape, image.dtype)
        if self.uniform is None:
            return noisy
        return noisy + self.uniform * jax.random.uniform(jax.random.fold_in(key, 1), image.shape, image.dtype, -1, 1)

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        return extents


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
