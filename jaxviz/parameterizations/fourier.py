"""An image as Fourier coefficients, scaled to the spectrum of natural images."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.parameterizations.base import Parameterization
from jaxviz.parameterizations.colour import to_unit_range


@partial(jax.tree_util.register_dataclass, data_fields=["coefficients"], meta_fields=["width"])
@dataclass(frozen=True)
class Spectrum:
    """The variables of `fourier`. The half spectra of an even and the next odd width have one shape, hence `width`."""

    coefficients: Float[Array, "2 height half_width channel"]
    width: int


@partial(jax.tree_util.register_dataclass, data_fields=["decay_power", "standard_deviation"], meta_fields=["decorrelated"])
@dataclass(frozen=True, eq=False, repr=False)
class Fourier(Parameterization):
    """Fourier coefficients; made by `fourier`."""

    decay_power: float | Array
    standard_deviation: float | Array
    decorrelated: bool

    def init(self, key: PRNGKeyArray, height: int, width: int, channels: int) -> Spectrum:
        shape = (2, height, width // 2 + 1, channels)
        return Spectrum(self.standard_deviation * jax.random.normal(key, shape), width)

    def to_image(self, variables: Spectrum) -> Float[Array, "height width channel"]:
        real, imaginary = variables.coefficients
        height, width = real.shape[0], variables.width
        frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
        frequency = np.maximum(frequency, 1 / max(height, width)).astype(np.float32)
        scale = jnp.sqrt(float(height * width)) * jnp.asarray(frequency) ** -self.decay_power
        spectrum = jax.lax.complex(real, imaginary) * scale[..., None]
        free = jnp.fft.irfft2(spectrum, s=(height, width), axes=(0, 1)) / 4
        return to_unit_range(free, decorrelated=self.decorrelated)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "fourier",
            "decay_power": float(self.decay_power),
            "standard_deviation": float(self.standard_deviation),
            "decorrelated": self.decorrelated,
        }

    def expression(self) -> str:
        return (
            f"fourier(decay_power={float(self.decay_power)}, standard_deviation={float(self.standard_deviation)}, "
            f"decorrelated={self.decorrelated})"
        )


def fourier(*, decay_power: float = 1.0, standard_deviation: float = 0.01, decorrelated: bool = True) -> Fourier:
    """Describe an image by Fourier coefficients scaled to the spectrum of natural images."""
    return Fourier(float(decay_power), float(standard_deviation), decorrelated)
