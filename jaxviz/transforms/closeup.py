"""A square of the image at random, enlarged to the whole canvas: how MaCo disturbs its images."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from jaxviz.transforms.base import Disturbed, Image, Transform
from jaxviz.transforms.sampling import Affine, sample
from jaxviz.transforms.values import Leaf, limit

# Of the canvas: smaller parts hold no more than a few pixels (xplique 2.0).
_LEAST_SHARE = 0.05


@partial(jax.tree_util.register_dataclass, data_fields=["share", "standard_deviation"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Closeup(Transform):
    """A part of the image, enlarged; made by `closeup`."""

    share: Leaf
    standard_deviation: Leaf
    kind = "closeup"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Enlarge a part of the image that lies within it, wherever it is."""
        size_key, place_key = jax.random.split(key)
        normal = jax.random.normal(size_key, (), jnp.float32)
        drawn = jnp.float32(self.share) + jnp.float32(self.standard_deviation) * normal
        share = jnp.clip(drawn, _LEAST_SHARE, 1)
        extents = np.array(image.shape[:2], np.float32)
        room = (1 - share) * extents / 2
        offset = room * jax.random.uniform(place_key, (2,), jnp.float32, -1, 1)
        affine = Affine(share * jnp.float32(np.eye(2)), offset)
        return sample(image, affine, (image.shape[0], image.shape[1]), None)

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the same size."""
        return height, width


def closeup(share: float, standard_deviation: float) -> Closeup:
    """Enlarge a part of the image at random to the whole canvas, so that the picture has to hold at every scale.

    Args:
        share: mean of the part's height and width over the image's; drawn shares are cut off at 0.05 and 1.
        standard_deviation: of the share, from a normal distribution.

    References:
        T. Fel et al.: Unlocking Feature Visualization for Deep Networks with MAgnitude Constrained Optimization.
        NeurIPS, 2023. arXiv:2306.06805, whose crops have N(0.25, 0.1) of the image.

    Example:
        >>> import jax
        >>> closeup(0.25, 0.1)(jax.random.key(0), jax.numpy.zeros((40, 30, 3))).shape
        (40, 30, 3)
    """
    if not 0 < share <= 1:
        raise ValueError(f"The share is {share}. Give a number above zero, 1 at most.")
    return Closeup(float(share), limit(standard_deviation, "The standard deviation"))
