"""Several images in one lane, side by side, for objectives that compare them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, Variables
from jaxviz.parameterizations.colour import mixing, to_unit_range
from jaxviz.parameterizations.fourier import Fourier, fourier
from jaxviz.parameterizations.pixels import Pixels
from jaxviz.parameterizations.pyramid import LaplacianPyramid
from jaxviz.parameterizations.wrappers import Wrapper
from jaxviz.pytrees import registered

# Of the numbers of coarse pictures at the start, as in lucid.
_DEVIATION = 0.01


@registered(data_fields=["inner"], meta_fields=["count", "shared", "coarse"])
@dataclass(frozen=True, eq=False, repr=False)
class Several(Wrapper):
    """Images side by side in one lane; made by `several`."""

    inner: Leaf
    count: int = 2
    shared: bool = False
    coarse: tuple[tuple[int, int], ...] = ()
    kind = "several"

    @property
    def images_in_lane(self) -> int:
        """The number of images."""
        return self.count

    @property
    def has_opacity(self) -> bool:
        """Whether the images have."""
        return self.inner.has_opacity

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
        return own, draw(common_key) if self.shared else None, self._coarse(common_key, size)

    def to_image(self, variables: Variables) -> Image:
        """Make all images and put them side by side."""
        own, common, coarse = variables
        together = own if common is None else jax.vmap(partial(jax.tree.map, jnp.add), in_axes=(0, None))(own, common)
        if not coarse:
            return strip(jax.vmap(self.inner.to_image)(together))
        images = jax.vmap(self.inner.unsquashed)(together)
        mix = mixing(self.inner.decorrelated, self.inner.colours, images.ndim - 2, images.shape[-1])
        return strip(to_unit_range(images + mix(_enlarged(coarse, images.shape), -1)))

    def _coarse(self, key: PRNGKeyArray, size: tuple[int, ...]) -> tuple[Array, ...]:
        pictures: list[Array] = []
        for number, (anchors, divisor) in enumerate(self.coarse):
            extents = [max(1, extent // divisor) for extent in size[:-1]]
            drawn = jax.random.normal(jax.random.fold_in(key, number), (anchors, *extents, size[-1]), jnp.float32)
            pictures.append(jnp.float32(_DEVIATION) * drawn)
        return tuple(pictures)

    def to_json(self) -> dict[str, Any]:
        """Return plain data; without coarse pictures nothing is said of them."""
        record = super().to_json()
        return record if self.coarse else {name: value for name, value in record.items() if name != "coarse"}

    def expression(self) -> str:
        """Return the call with the inner parameterization's."""
        shared = ", shared=True" if self.shared else ""
        coarse = f", coarse={[list(pair) for pair in self.coarse]}" if self.coarse else ""
        return f"{self.kind}({self.inner.expression()}, count={self.count}{shared}{coarse})"


def several(
    inner: Parameterization | None = None,
    *,
    count: int,
    shared: bool = False,
    coarse: Sequence[Sequence[int]] = (),
) -> Several:
    """Let every lane hold several images, for objectives that compare them: `diversity`, `interpolation`, `alignment`.

    A rendering shows the images of a lane side by side, as one strip; of volumes the middle slices of each. What
    nothing couples climbs as it does alone, but each image is disturbed by transforms of its own; a lane's score is the
    sum over its images. Lanes stay independent of each other: a unit's strip depends on its objective, the key and the
    settings only.

    Args:
        inner: what describes each image; `fourier()` by default.
        count: how many images there are.
        shared: whether the images have variables in common besides their own, added to them: what is alike in all of
            them then stays in one place, as for `interpolation`. Not with `starting_from` and not with `cppn`, whose
            variables do not add up to images.
        coarse: pictures of low resolution that the images share, added to them before they are squashed: for each the
            number of anchors and the divisor of the resolution. One anchor is the same for all images; several lie
            along the row, and the images between them mix their neighbours, so that coarse forms move slowly from one
            image to the next. `[(1, 2), (1, 4), (1, 8), (2, 8), (1, 16), (2, 16)]` are lucid's, for interpolation. For
            `fourier`, `laplacian_pyramid`, and `pixels` that are squashed.

    Raises:
        ValueError: fewer than two images, or what cannot be shared.

    References:
        lucid 0.3.10, `lowres_tensor` and its notebooks on shared parameterizations.

    Example:
        >>> import jax
        >>> parameterization = several(count=3, coarse=[(1, 4), (2, 8)])
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
    pairs = tuple((int(anchors), int(divisor)) for anchors, divisor in coarse)
    for anchors, divisor in pairs:
        if not (1 <= anchors <= count and divisor >= 1):
            raise ValueError(
                f"coarse has the pair {(anchors, divisor)}; give from 1 to {count} anchors and a divisor, 1 or more."
            )
    squashed = isinstance(checked, Fourier | LaplacianPyramid) or (isinstance(checked, Pixels) and checked.squashed)
    if pairs and not squashed:
        raise ValueError(f"{checked} cannot have coarse pictures added; use fourier, laplacian_pyramid or pixels.")
    return Several(checked, int(count), bool(shared), pairs)


def strip(images: Float[Array, "image *position column channel"]) -> Float[Array, "*position columns channel"]:
    """Put images side by side.

    Example:
        >>> strip(jnp.array([[[[1.0]]], [[[2.0]]]]))[0, :, 0].tolist()
        [1.0, 2.0]
    """
    aside = jnp.moveaxis(images, 0, -3)
    return aside.reshape(*aside.shape[:-3], -1, aside.shape[-1])


def _enlarged(coarse: tuple[Array, ...], shape: tuple[int, ...]) -> Float[Array, "image ... channel"]:
    """Add coarse pictures up: enlarged linearly to the images' size, and mixed along the row between their anchors."""
    total = jnp.zeros(shape, jnp.float32)
    for pictures in coarse:
        anchors = len(pictures)
        places = np.linspace(0, anchors - 1, shape[0])
        weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(anchors))).astype(np.float32)
        mixed = jnp.tensordot(weights, pictures, axes=1, precision="highest")
        total = total + cast(Array, jax.image.resize(mixed, shape, "linear"))
    return total
