"""An image as Fourier coefficients, scaled to the spectrum of natural images."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, finite, positions
from jaxviz.parameterizations.colour import checked_colours, mixing, to_free, to_unit_range, unmixing
from jaxviz.parameterizations.waves import frequencies, half_extents, sum_of_waves
from jaxviz.pytrees import registered


@registered(data_fields=["coefficients"], meta_fields=["width"])
@dataclass(frozen=True, eq=False)
class Spectrum:
    """The variables of `fourier`.

    Attributes:
        coefficients: `[2, channel, height, width // 2 + 1]`, real parts and then imaginary parts, in the
            order of `numpy.fft.rfft2`: the half of the spectrum that decides the other. A signal has one axis
            in place of the last two, a volume three. The transform wants the channels first; with them last every
            step would copy the coefficients, and their gradient, into another order.
        width: of the image, in pixels: the last extent. An even width and the next odd one have half spectra of
            one size.
    """

    coefficients: Leaf
    width: int

    @property
    def extents(self) -> tuple[int, ...]:
        """Height and width of the image in pixels, or as many numbers as the signal has axes."""
        return (*self.coefficients.shape[2:-1], self.width)


@registered(
    data_fields=["decay_power", "standard_deviation", "colours"],
    meta_fields=["decorrelated"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Fourier(Parameterization):
    """Fourier coefficients; made by `fourier`."""

    decay_power: Leaf = 1.0
    standard_deviation: Leaf = 0.01
    decorrelated: bool = True
    colours: Leaf = None
    kind = "fourier"

    def init(self, key: PRNGKeyArray, *shape: int) -> Spectrum:
        """Draw every real and every imaginary part from the same normal distribution."""
        extents, channels = positions(self, shape)
        normal = jax.random.normal(key, (2, channels, *half_extents(extents)), jnp.float32)
        return Spectrum(jnp.float32(self.standard_deviation) * normal, extents[-1])

    def to_image(self, variables: Spectrum) -> Image:
        """Scale the coefficients, transform them to pixels, and squash these to [0, 1]."""
        return to_unit_range(self.unsquashed(variables))

    def unsquashed(self, variables: Spectrum) -> Image:
        """Return the image before it is squashed."""
        extents = variables.extents
        # Colours are mixed before the transform, where there are half as many.
        coefficients = variables.coefficients * self._scale(extents)
        coefficients = mixing(self.decorrelated, self.colours, len(extents), coefficients.shape[1])(coefficients, 1)
        return sum_of_waves(coefficients[0], coefficients[1], extents)

    def variables_of(self, image: Image) -> Spectrum:
        """Return the variables that make an image whose values are between 0 and 1."""
        extents = image.shape[:-1]
        free = unmixing(self.decorrelated, self.colours, len(extents), image.shape[-1])(to_free(image))
        spectrum = jnp.fft.rfftn(jnp.moveaxis(free, -1, 0), axes=tuple(range(1, image.ndim)))
        coefficients = jnp.stack([spectrum.real, spectrum.imag]) / self._scale(extents)
        return Spectrum(coefficients, extents[-1])

    def _scale(self, extents: tuple[int, ...]) -> Float[Array, "1 1 *half"]:
        decay = jnp.float32(frequencies(extents)) ** -jnp.float32(self.decay_power)
        return (math.sqrt(math.prod(extents)) / 4 * decay)[None, None]


def fourier(
    *,
    decay_power: float = 1.0,
    standard_deviation: float = 0.01,
    decorrelated: bool = True,
    colours: Any = None,
) -> Fourier:
    """Describe an image by Fourier coefficients, scaled so that a step of the optimizer is a natural change.

    The coefficient of frequency `f`, in cycles a pixel, is multiplied by

        sqrt(height * width) / max(f, 1 / max(height, width)) ** decay_power

    and the image before squashing is a quarter of the inverse transform. The root makes the transform
    unitary, so that one learning rate suits every size; the quarter is lucid's. Every frequency then moves
    as much as natural images hold of it, and no checkerboards grow.

    At the start, with the defaults, an image of 128 by 128 pixels deviates from a grey of 0.5 by a standard
    deviation of 0.003, or of 0.005 without decorrelated colours. It is proportional to `standard_deviation`
    and grows with the size only as the root of its logarithm does: 0.0027 at 64 pixels, 0.0031 at 256.

    lucid gives odd widths one column of frequencies more and cuts the wider image; here the transform has the
    image's own width. Colours are decorrelated for images of three channels only; any other number of channels is
    taken as it is, one for greys. A signal of one axis and a volume of three have the same formula, with the product
    and the greatest of their own extents.

    Args:
        decay_power: 1 is about what the amplitude of natural images has; more gives smoother pictures.
        standard_deviation: of the coefficients at the start.
        decorrelated: whether three channels are decorrelated colours, which `decorrelated_to_rgb` mixes.
        colours: the matrix that `measure_colours` returns for data of your own, of any number of channels, in place
            of the published one for red, green and blue.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017. lucid 0.3.10, `fft_image`.

    Example:
        >>> import jax
        >>> variables = fourier().init(jax.random.key(0), 96, 127, 3)
        >>> variables.coefficients.shape
        (2, 3, 96, 64)
        >>> image = fourier().to_image(variables)
        >>> image.shape
        (96, 127, 3)
        >>> bool((image > 0.4).all() and (image < 0.6).all())
        True
    """
    return Fourier(
        finite(decay_power, "decay_power"),
        finite(standard_deviation, "standard_deviation", least=0),
        bool(decorrelated),
        checked_colours(colours, decorrelated=decorrelated),
    )
