"""Several images in one lane, side by side, for objectives that compare them."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, Variables
from jaxviz.parameterizations.fourier import fourier
from jaxviz.parameterizations.wrappers import Wrapper


@partial(jax.tree_util.register_dataclass, data_fields=["inner"], meta_fields=["count", "shared"])
@dataclass(frozen=True, eq=False, repr=False)
class Several(Wrapper):
    """Images side by side in one lane; made by `several`."""

    inner: Leaf
    count: int = 2
    shared: bool = False
    kind = "several"

    @property
    def images_in_lane(self) -> int:
        """The number of images."""
        return self.count

    def init(self, key: PRNGKeyArray, *shape: int) -> Variables:
        """Draw the variables of every image, and those that all share.

        Args:
            key: decides the variables.
            *shape: of the strip: `count` times as wide as one image.
        """
        size = (*shape[:-2], shape[-2] // self.count, shape[-1])
        own_key, common_key = jax.random.split(key)

        def draw(one: PRNGKeyArray) -> Variables:
            return self.inner.init(one, *size)

        own = jax.vmap(draw)(jax.random.split(own_key, self.count))
        return own, draw(common_key) if self.shared else None

    def to_image(self, variables: Variables) -> Image:
        """Make all images and put them side by side."""
        own, common = variables

        def make(one: Variables) -> Image:
            return self.inner.to_image(one if common is None else jax.tree.map(jnp.add, one, common))

        return strip(jax.vmap(make)(own))

    def expression(self) -> str:
        """Return the call with the inner parameterization's."""
        shared = ", shared=True" if self.shared else ""
        return f"{self.kind}({self.inner.expression()}, count={self.count}{shared})"


def several(inner: Parameterization | None = None, *, count: int, shared: bool = False) -> Several:
    """Let every lane hold several images, for objectives that compare them: `diversity`, `interpolation`, `alignment`.

    A rendering shows the images of a lane side by side, as one strip. What nothing couples climbs as it does alone,
    but each image is disturbed by transforms of its own; a lane's score is the sum over its images. Lanes stay
    independent of each other: a unit's strip depends on its objective, the key and the settings only.

    Args:
        inner: what describes each image; `fourier()` by default.
        count: how many images there are.
        shared: whether the images have variables in common besides their own, added to them: what is alike in all of
            them then stays in one place, as for `interpolation`. Not with `starting_from` and not with `cppn`, whose
            variables do not add up to images.

    Raises:
        ValueError: fewer than two images.

    References:
        lucid 0.3.10, `lowres_tensor` and its notebooks on shared parameterizations.

    Example:
        >>> import jax
        >>> parameterization = several(count=3)
        >>> variables = parameterization.init(jax.random.key(0), 16, 3 * 20, 1)
        >>> parameterization.to_image(variables).shape
        (16, 60, 1)
    """
    if isinstance(count, bool) or int(count) != count or count < 2:
        raise ValueError(f"count is {count}; give how many images are compared, 2 or more.")
    checked = fourier() if inner is None else inner
    if not isinstance(checked, Parameterization) or checked.images_in_lane > 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{inner!r} describes no single image. Give one such as jaxviz.fourier() or jaxviz.pixels().")
    if shared and checked.kind in ("starting_from", "cppn"):
        raise ValueError(f"{checked.kind} cannot share variables between images; use fourier, pixels or another.")
    return Several(checked, int(count), bool(shared))


def strip(images: Float[Array, "image *position column channel"]) -> Float[Array, "*position columns channel"]:
    """Put images side by side.

    Example:
        >>> strip(jnp.array([[[[1.0]]], [[[2.0]]]]))[0, :, 0].tolist()
        [1.0, 2.0]
    """
    aside = jnp.moveaxis(images, 0, -3)
    return aside.reshape(*aside.shape[:-3], -1, aside.shape[-1])
