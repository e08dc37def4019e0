"""A picture with an opacity of its own, so that it shows only what a unit needs."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, Variables
from jaxviz.parameterizations.fourier import Fourier, fourier
from jaxviz.parameterizations.wrappers import Wrapper
from jaxviz.pytrees import registered

# Opacity is no colour of natural images; it has their spectrum.
_OPACITY = Fourier(decorrelated=False)


@registered(data_fields=["inner"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Transparent(Wrapper):
    """Colours and, as the last channel, opacity; made by `transparent`."""

    inner: Leaf
    kind = "transparent"

    @property
    def has_opacity(self) -> bool:
        """Always."""
        return True

    def init(self, key: PRNGKeyArray, *shape: int) -> Variables:
        """Draw the variables of the colours and those of the opacity.

        Args:
            key: decides the variables.
            *shape: of the image with the channel of its opacity.
        """
        *extents, channels = shape
        if len(extents) != 2:
            raise ValueError(f"transparent is for images; inputs of {shape} have no picture to see through.")
        colour_key, opacity_key = jax.random.split(key)
        return self.inner.init(colour_key, *extents, channels - 1), _OPACITY.init(opacity_key, *extents, 1)

    def to_image(self, variables: Variables) -> Image:
        """Make the colours and the opacity."""
        colours, opacity = variables
        return jnp.concatenate([self.inner.to_image(colours), _OPACITY.to_image(opacity)], axis=-1)


def transparent(inner: Parameterization | None = None) -> Transparent:
    """Let the picture be transparent where the unit does not need it.

    An image gets a channel more, its opacity in [0, 1], drawn as `fourier()` draws greys and half at the start. The
    model sees it over a random background that changes in every step (`jaxviz.transforms.background`), so a unit's own
    part becomes opaque. What it does not care about stays as it is, unless opacity has a price: subtract
    `jaxviz.opacity()` from the objective.

    Rendered images have the channel; sheets show them on a neutral grey and `save_images` writes transparent PNG files.
    Penalties such as `l2` and `total_variation` count the channel too.

    Args:
        inner: what describes the colours; `fourier()` by default.

    Raises:
        TypeError: the inner parameterization is none, or holds several images or an opacity of its own.

    References:
        A. Mordvintsev, N. Pezzotti, L. Schubert, C. Olah: Differentiable Image Parameterizations. Distill, 2018.
        doi:10.23915/distill.00012. lucid 0.3.10, `image(alpha=True)`.

    Example:
        >>> import jax
        >>> variables = transparent().init(jax.random.key(0), 8, 9, 4)
        >>> transparent().to_image(variables).shape
        (8, 9, 4)
    """
    checked = fourier() if inner is None else inner
    if not isinstance(checked, Parameterization):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{inner!r} is no parameterization. Give one such as jaxviz.fourier() or jaxviz.pixels().")
    if checked.has_opacity or checked.images_in_lane > 1:
        raise TypeError(f"{checked.kind} cannot be made transparent; for several use several(transparent(), count=…).")
    return Transparent(checked)
