"""A square of the image at random, enlarged to what the model sees: how MaCo disturbs its images."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.pytrees import registered
from jaxviz.transforms.base import Disturbed, Image, Transform, only_images
from jaxviz.transforms.sampling import Affine, sample
from jaxviz.transforms.values import Leaf, count_of, limit

# Of the canvas: smaller parts hold no more than a few pixels (xplique 2.0).
_LEAST_SHARE = 0.05
# What lies outside the image, where a part hangs over: the middle of the range, as in xplique and Horama.
_OUTSIDE = 0.5


@registered(
    data_fields=["share", "standard_deviation", "half_range", "centre_deviation"],
    meta_fields=["size"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Closeup(Transform):
    """A part of the image, enlarged; made by `closeup`."""

    share: Leaf
    standard_deviation: Leaf = None
    half_range: Leaf = None
    centre_deviation: Leaf = None
    size: tuple[int, int] | None = None
    kind = "closeup"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Enlarge a part of the image."""
        only_images(self, image.shape[:-1])
        size_key, place_key = jax.random.split(key)
        share = jnp.clip(jnp.float32(self.share) + self._deviation(size_key), _LEAST_SHARE, 1)
        extents = np.array(image.shape[:2], np.float32)
        seen = self.size or (image.shape[0], image.shape[1])
        if self.centre_deviation is None:
            room = (1 - share) * extents / 2
            offset = room * jax.random.uniform(place_key, (2,), jnp.float32, -1, 1)
        else:
            offset = jnp.float32(self.centre_deviation) * extents * _normal(place_key, 2)
        affine = Affine(share * jnp.float32(np.diag(extents / np.array(seen, np.float32))), offset)
        return sample(image, affine, seen, None if self.centre_deviation is None else _OUTSIDE)

    def _deviation(self, key: PRNGKeyArray) -> Float[Array, ""]:
        if self.half_range is not None:
            return jnp.float32(self.half_range) * jax.random.uniform(key, (), jnp.float32, -1, 1)
        return jnp.float32(self.standard_deviation) * _normal(key, 1)[0]

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the size that was asked for, or that of the image."""
        only_images(self, extents)
        return self.size or extents


def _normal(key: PRNGKeyArray, count: int) -> Float[Array, " count"]:
    """Return a few normal numbers, the first of more.

    A processor makes a few by another routine than many, with other last bits, and many lanes together need many.
    """
    return jax.random.normal(key, (16,), jnp.float32)[:count]


def closeup(
    share: float,
    standard_deviation: float | None = None,
    *,
    half_range: float | None = None,
    centre_deviation: float | None = None,
    size: int | Sequence[int] | None = None,
) -> Closeup:
    """Enlarge a part of the image at random, so that the picture has to hold at every scale.

    Args:
        share: mean of the part's height and width over the image's; drawn shares are cut off at 0.05 and 1.
        standard_deviation: of the share, from a normal distribution; or give `half_range`.
        half_range: the share is drawn evenly from `share` minus to plus this.
        centre_deviation: standard deviation of the part's centre about the image's, as a share of the image, from a
            normal distribution: parts may hang over, and are 0.5 there. None for parts that lie within the image,
            anywhere as likely.
        size: height and width of what the model sees, in pixels, one number or two; the image's own if None.

    Raises:
        ValueError: a number is out of range, or both or neither of `standard_deviation` and `half_range` are given.

    References:
        T. Fel et al.: Unlocking Feature Visualization for Deep Networks with MAgnitude Constrained Optimization.
        NeurIPS, 2023. arXiv:2306.06805, whose crops have N(0.25, 0.1) of the image. In xplique 2.0 and Horama 0.3.0
        the centre has the deviation 0.15.

    Example:
        >>> import jax
        >>> closeup(0.25, 0.1)(jax.random.key(0), jax.numpy.zeros((40, 30, 3))).shape
        (40, 30, 3)
        >>> closeup(0.25, half_range=0.05, size=24).output_size(40, 30)
        (24, 24)
    """
    if not 0 < share <= 1:
        raise ValueError(f"The share is {share}. Give a number above zero, 1 at most.")
    if (standard_deviation is None) == (half_range is None):
        raise ValueError("Give either a standard deviation or a half range, as in closeup(0.25, 0.1).")
    pair = None
    if size is not None:
        extents = [size] if isinstance(size, int | np.integer) else list(size)
        if len(extents) not in (1, 2):
            raise ValueError(f"The size is {size}. Give one number of pixels, or height and width.")
        pair = count_of(extents[0], "height"), count_of(extents[-1], "width")
    return Closeup(
        float(share),
        None if standard_deviation is None else limit(standard_deviation, "The standard deviation"),
        None if half_range is None else limit(half_range, "The half range"),
        None if centre_deviation is None else limit(centre_deviation, "The deviation of the centre"),
        pair,
    )
