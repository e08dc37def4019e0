"""The image or its mirror image."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.pytrees import registered
from jaxviz.transforms.base import only_images
from jaxviz.transforms.composition import Geometric
from jaxviz.transforms.sampling import Affine


@registered(data_fields=[], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Flip(Geometric):
    """Left and right exchanged, or not; made by `flip`."""

    kind = "flip"

    def draws(self, axes: int) -> int:  # noqa: ARG002
        """Return one."""
        return 1

    def affine(self, random: Float[Array, " draws"], axes: int) -> Affine:  # noqa: ARG002
        """Return the identity, or the mirror about the middle column."""
        sign = jnp.where(random[0] < 0.5, 1.0, -1.0).astype(jnp.float32)
        return Affine(jnp.stack([jnp.float32([1, 0]), sign * jnp.float32([0, 1])]), jnp.float32(np.zeros(2)))

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        only_images(self, extents)
        return extents


def flip() -> Flip:
    """Exchange left and right in one of two steps, at random.

    References:
        xplique 2.0, `random_flip`; VITAL's settings.

    Example:
        >>> import jax
        >>> image = jnp.arange(3.0).reshape(1, 3, 1)
        >>> seen = {tuple(flip()(jax.random.key(seed), image)[0, :, 0].tolist()) for seed in range(9)}
        >>> sorted(seen)
        [(0.0, 1.0, 2.0), (2.0, 1.0, 0.0)]
    """
    return Flip()
