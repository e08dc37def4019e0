"""An image whose Fourier magnitudes are fixed, so that only the phases are free (MaCo)."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, finite, positions
from jaxviz.parameterizations.colour import checked_colours, mixing, to_unit_range
from jaxviz.parameterizations.magnitude import checked_magnitude, read_magnitude
from jaxviz.parameterizations.waves import (
    antisymmetric,
    frequencies,
    half_extents,
    standard_deviation,
    sum_of_waves,
)
from jaxviz.pytrees import registered

_DECAY_POWER, _BLUR_PIXELS = 1.45, 0.56


@registered(data_fields=["angles"], meta_fields=["width"])
@dataclass(frozen=True, eq=False)
class Phases:
    """The variables of `phase_only`.

    Attributes:
        angles: `[height, width // 2 + 1, channel]`, the phase of every wave in radians, in the order of
            `numpy.fft.rfft2`. A signal has one axis in place of the two, a volume three.
        width: of the image, in pixels: the last extent.
    """

    angles: Leaf
    width: int

    @property
    def extents(self) -> tuple[int, ...]:
        """Height and width of the image in pixels, or as many numbers as the signal has axes."""
        return (*self.angles.shape[:-2], self.width)


@registered(
    data_fields=["decay_power", "blur_pixels", "contrast", "magnitude", "colours"],
    meta_fields=["decorrelated", "standardized"],
)
@dataclass(frozen=True, eq=False, repr=False)
class PhaseOnly(Parameterization):
    """Free phases of fixed magnitudes; made by `phase_only`."""

    decay_power: Leaf = _DECAY_POWER
    blur_pixels: Leaf = _BLUR_PIXELS
    contrast: Leaf = 2.0
    magnitude: Leaf = None
    decorrelated: bool = True
    colours: Leaf = None
    standardized: bool = False
    kind = "phase_only"

    def init(self, key: PRNGKeyArray, *shape: int) -> Phases:
        """Draw every phase evenly from the whole circle; standardized ones from a normal distribution, as xplique."""
        extents, channels = positions(self, shape)
        if self.magnitude is not None and self.magnitude.shape[-1] not in (1, channels):
            raise ValueError(
                f"The magnitude was measured on {self.magnitude.shape[-1]} channels, the image has {channels}. "
                "Measure it on images with as many channels."
            )
        size = (*half_extents(extents), channels)
        if self.standardized:
            return Phases(jax.random.normal(key, size, jnp.float32), extents[-1])
        return Phases(jax.random.uniform(key, size, jnp.float32, -math.pi, math.pi), extents[-1])

    def to_image(self, variables: Phases) -> Image:
        """Give every wave its magnitude, add them up, and squash the sum to [0, 1]."""
        extents = variables.extents
        magnitude = self.magnitudes(extents)
        free = _standard(variables.angles) if self.standardized else variables.angles
        angles = antisymmetric(jnp.moveaxis(free, -1, 0), extents)
        real, imaginary = magnitude * jnp.cos(angles), magnitude * jnp.sin(angles)
        mix = mixing(self.decorrelated, self.colours, len(extents), angles.shape[0])
        if self.standardized:
            signal = _standard(sum_of_waves(real, imaginary, extents)) * jnp.float32(self.contrast)
            return to_unit_range(mix(signal, -1))
        # Colours are mixed before the transform, where there are half as many numbers.
        return to_unit_range(sum_of_waves(mix(real, 0), mix(imaginary, 0), extents))

    def magnitudes(self, extents: tuple[int, ...]) -> Float[Array, "channel ..."]:
        """Return the magnitude of every wave of the half spectrum; one channel where all are alike."""
        if self.magnitude is None:
            frequency = jnp.float32(frequencies(extents))
            turns = 2 * np.pi * frequency * jnp.float32(self.blur_pixels)
            magnitude = (frequency ** -jnp.float32(self.decay_power) * jnp.exp(-jnp.square(turns) / 2))[None]
        else:
            magnitude = read_magnitude(self.magnitude, extents)
        return magnitude * (jnp.float32(self.contrast) / standard_deviation(magnitude, extents))

    def __repr__(self) -> str:
        if self.magnitude is None:
            return super().__repr__()
        size = "×".join(str(extent) for extent in np.shape(self.magnitude))
        return f"<phase_only with a measured magnitude of {size}>"


def phase_only(
    *,
    decay_power: float | None = None,
    blur_pixels: float | None = None,
    contrast: float = 2.0,
    magnitude: Any = None,
    decorrelated: bool = True,
    colours: Any = None,
    standardized: bool = False,
) -> PhaseOnly:
    """Describe an image by the phases of its waves alone; how much of each wave it holds stays as in natural images.

    The climb then cannot put its energy into the high frequencies that make speckle. Where an image climbed from
    `fourier` starts from grey, this one starts from a cloud of full contrast and moves its parts about.

    Without a measured magnitude the wave of frequency `f`, in cycles a pixel, has

        f ** -decay_power * exp(-(2 pi f blur_pixels) ** 2 / 2)

    that is, a power law as seen through a slight Gaussian blur. The power is that of the mean magnitude of ImageNet
    that xplique ships, fitted from 4 to 64 cycles in 512 pixels, and the blur follows its fall above a quarter of a
    cycle a pixel; that horizontal and vertical waves are stronger than diagonal ones is left out. The mean counts as
    the longest wave that fits, so its colour is free within bounds. Whatever the phases, the image before squashing
    deviates from its mean by `contrast`, on average over the components that hold any waves; photographs do by 2.3 (267
    of ImageNet, 224 pixels).

    What differs from the published method and its implementations: the paper's and xplique's magnitude is that of
    ImageNet, here it is a formula or measured from your data; xplique and Horama standardise phases and image at every
    step, to a contrast of 1, here that is `standardized`; they climb one objective at a time with NAdam at a learning
    rate of 1, here any number climbs at once with whatever `render` is given.

    Args:
        decay_power: 1.45 unless `magnitude` is given.
        blur_pixels: standard deviation of the blur; 0.56 unless `magnitude` is given.
        contrast: standard deviation of the image before it is squashed.
        magnitude: the table that `measure_magnitude` returns for images of your own, or the path of a `.npy` or `.npz`
            file that holds it, in place of the formula. The recipe holds the table.
        decorrelated: whether three channels are decorrelated colours, which `decorrelated_to_rgb` mixes.
        standardized: whether phases and image are standardised as in xplique and Horama: all phases together to mean
            zero and deviation one before they are used, and the image before its colours are mixed to mean zero and
            deviation `contrast`. The longer the climb the less a step then turns the phases, without which a learning
            rate of 1 never settles. Phases then start normally distributed.
        colours: as in `fourier`; then measure the magnitude with the same `colours`.

    Raises:
        ValueError: a number is not finite or is negative, both a formula and a measured magnitude are given, or the
            table or the file is no such table.
        FileNotFoundError: there is no such file.

    References:
        T. Fel, T. Boissin, V. Boutin, A. Picard, P. Novello et al.: Unlocking Feature Visualization for Deep Networks
        with MAgnitude Constrained Optimization. NeurIPS, 2023. arXiv:2306.06805. xplique 2.0, `maco`; Horama 0.3.0.

    Example:
        >>> import jax
        >>> parameterization = phase_only(decay_power=1.3)
        >>> variables = parameterization.init(jax.random.key(0), 64, 97, 3)
        >>> variables.angles.shape
        (64, 49, 3)
        >>> parameterization.to_image(variables).shape
        (64, 97, 3)
    """
    if magnitude is None:
        power = finite(_DECAY_POWER if decay_power is None else decay_power, "decay_power")
        blur = finite(_BLUR_PIXELS if blur_pixels is None else blur_pixels, "blur_pixels", least=0)
        strength = finite(contrast, "contrast", least=0)
        return PhaseOnly(
            power,
            blur,
            strength,
            None,
            bool(decorrelated),
            checked_colours(colours, decorrelated=decorrelated),
            standardized,
        )
    if decay_power is not None or blur_pixels is not None:
        raise ValueError("Give either decay_power and blur_pixels, for the formula, or a measured magnitude.")
    table, strength = checked_magnitude(magnitude), finite(contrast, "contrast", least=0)
    return PhaseOnly(
        None,
        None,
        strength,
        table,
        bool(decorrelated),
        checked_colours(colours, decorrelated=decorrelated),
        standardized,
    )


def _standard(values: Float[Array, "..."]) -> Float[Array, "..."]:
    """Shift and scale all values together to mean zero and deviation one."""
    return (values - jnp.mean(values)) / (jnp.std(values) + 1e-5)
