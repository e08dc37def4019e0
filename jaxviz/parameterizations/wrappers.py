"""Parameterizations made of another: greys for a model of colours, and a climb that starts from an image."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, Variables
from jaxviz.parameterizations.fourier import Fourier, fourier
from jaxviz.parameterizations.pixels import Pixels, pixels
from jaxviz.pytrees import registered
from jaxviz.results.plain import plain

# The logistic function reaches 0 and 1 nowhere; a start from pure black or white is moved inside by this much.
_MARGIN = 0.01


class Wrapper(Parameterization):
    """A parameterization that holds another as `inner`."""

    inner: Leaf

    @property
    def usual_rate(self) -> float:
        """That of the inner parameterization."""
        return self.inner.usual_rate

    def to_json(self) -> dict[str, Any]:
        """Return plain data, that of the inner parameterization among it."""
        return super().to_json() | {"inner": self.inner.to_json()}

    def expression(self) -> str:
        """Return the call with the inner parameterization's."""
        return f"{self.kind}({self.inner.expression()})"


@registered(data_fields=["inner"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Grayscale(Wrapper):
    """The same value in every channel; made by `grayscale`."""

    inner: Leaf
    kind = "grayscale"

    def init(self, key: PRNGKeyArray, *shape: int) -> Variables:
        """Draw the variables of one channel, and as many empty ones as there are channels to fill."""
        if len(shape) == 1:
            raise ValueError("grayscale gives all channels one value, and a vector has features. Use pixels().")
        return Filled(self.inner.init(key, *shape[:-1], 1), shape[-1])

    def to_image(self, variables: "Filled") -> Image:
        """Repeat the one channel."""
        return jnp.repeat(self.inner.to_image(variables.one), variables.channels, axis=-1)


@registered(data_fields=["one"], meta_fields=["channels"])
@dataclass(frozen=True, eq=False)
class Filled:
    """The variables of `grayscale`: those of one channel, and how many channels it fills."""

    one: Variables
    channels: int


@registered(data_fields=["image", "inner"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class StartingFrom(Wrapper):
    """A parameterization whose climb starts from an image; made by `starting_from`."""

    image: Leaf
    inner: Leaf
    kind = "starting_from"

    def init(self, key: PRNGKeyArray, *shape: int) -> Variables:
        """Return the variables of the image and a little noise: what the inner parameterization starts with."""
        if self.image.shape != shape:
            raise ValueError(f"The image to start from has shape {self.image.shape}; this render makes {shape}.")
        noise = self.inner.init(key, *shape)
        return jax.tree.map(jnp.add, noise, self.inner.variables_of(jnp.float32(self.image)))

    def to_image(self, variables: Variables) -> Image:
        """Make the image as the inner parameterization does."""
        return self.inner.to_image(variables)

    def expression(self) -> str:
        """Return the call with the image's numbers."""
        return f"{self.kind}({plain(self.image)}, {self.inner.expression()})"

    def __repr__(self) -> str:
        size = "×".join(str(extent) for extent in np.shape(self.image))
        return f"<starting_from an image of {size}, {self.inner!r}>"


def grayscale(inner: Parameterization | None = None) -> Grayscale:
    """Give every channel the same value: a picture of greys for a model of colours.

    For a model of one channel nothing is needed: every parameterization makes greys there.

    Args:
        inner: what describes the greys; `fourier()` by default.

    References:
        lucid 0.3.10, `grayscale_image_rgb`.

    Example:
        >>> import jax
        >>> variables = grayscale().init(jax.random.key(0), 16, 17, 3)
        >>> image = grayscale().to_image(variables)
        >>> image.shape, bool((image[..., 0] == image[..., 2]).all())
        ((16, 17, 3), True)
    """
    checked = _checked(inner)
    if checked.has_opacity:
        raise TypeError("Greys come before opacity: write transparent(grayscale()).")
    return Grayscale(checked)


def starting_from(image: Any, inner: Parameterization | None = None) -> StartingFrom:
    """Start the climb from an image in place of noise: deepdream, caricature, accentuation.

    The first picture is the image itself, up to the noise that the inner parameterization starts with (its
    `standard_deviation`; zero gives the image exactly). What is black or white is moved to 0.01 or 0.99, which the
    squashing can reach. The image is kept in the recipe.

    Args:
        image: `[height, width, channel]` in [0, 1], of the size that is rendered; or a signal, a volume, a vector.
        inner: what is climbed: `fourier` or `pixels`; by default `fourier()`, and `pixels(squashed=False)` of a vector.

    Raises:
        ValueError: the image is not in [0, 1].
        TypeError: the inner parameterization cannot make every image.

    Example:
        >>> import jax
        >>> photograph = np.linspace(0.1, 0.9, 8 * 9 * 3).reshape(8, 9, 3)
        >>> parameterization = starting_from(photograph, fourier(standard_deviation=0))
        >>> variables = parameterization.init(jax.random.key(0), 8, 9, 3)
        >>> bool(np.allclose(parameterization.to_image(variables), photograph, atol=1e-4))
        True
    """
    numbers = np.array(image, np.float32)
    if (
        numbers.size == 0
        or numbers.ndim < 1
        or not (np.isfinite(numbers).all() and numbers.min() >= 0 and numbers.max() <= 1)
    ):
        extent = f" and values from {numbers.min():g} to {numbers.max():g}" if numbers.size else ""
        advice = " If it is of bytes, divide it by 255." if numbers.size and numbers.max() > 1 else ""
        raise ValueError(
            f"The image to start from has shape {numbers.shape}{extent}; give one image with values in [0, 1].{advice}"
        )
    checked = pixels(squashed=False) if inner is None and numbers.ndim == 1 else _checked(inner)
    if not isinstance(checked, Fourier | Pixels):
        raise TypeError(f"{checked.kind} cannot make every image; start from one with fourier(...) or pixels(...).")
    numbers = np.clip(numbers, _MARGIN, 1 - _MARGIN)
    numbers.flags.writeable = False
    return StartingFrom(numbers, checked)


def _checked(inner: object) -> Parameterization:
    if inner is None:
        return fourier()
    if not isinstance(inner, Parameterization):
        raise TypeError(f"{inner!r} is no parameterization. Give one such as jaxviz.fourier() or jaxviz.pixels().")
    return inner
