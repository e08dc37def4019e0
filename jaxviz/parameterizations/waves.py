"""Frequencies and waves of signals, images and volumes alike: one real transform over any number of axes."""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

# Less of the strongest channel's power is the rounding noise of a channel that holds no waves; no table can say zero.
_LEAST_POWER = 1e-8


def half_extents(extents: tuple[int, ...]) -> tuple[int, ...]:
    """Return the size of the half spectrum that decides the other half: `numpy.fft.rfftn`'s.

    Example:
        >>> half_extents((96, 127)), half_extents((9,))
        ((96, 64), (5,))
    """
    return (*extents[:-1], extents[-1] // 2 + 1)


def frequency_vectors(extents: tuple[int, ...]) -> np.ndarray:
    """Return the frequency along every axis, in cycles a pixel, for every wave of the half spectrum.

    Example:
        >>> frequency_vectors((4,)).tolist()
        [[0.0, 0.25, 0.5]]
    """
    axes = [np.fft.fftfreq(extent) for extent in extents[:-1]] + [np.fft.rfftfreq(extents[-1])]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def frequencies(extents: tuple[int, ...]) -> np.ndarray:
    """Return the frequency of every wave of the half spectrum, in cycles a pixel.

    The mean, whose frequency is zero, counts as the longest wave that fits, so that a power of it is finite.

    Example:
        >>> frequencies((8,)).tolist()
        [0.125, 0.125, 0.25, 0.375, 0.5]
    """
    lengths = np.sqrt(np.square(frequency_vectors(extents)).sum(axis=0))
    return np.maximum(lengths, 1 / max(extents))


def multiplicities(extents: tuple[int, ...]) -> np.ndarray:
    """Return how many waves of the whole spectrum each wave of the half spectrum stands for: one or two."""
    last = np.arange(extents[-1] // 2 + 1)
    counts = np.where((last == 0) | (2 * last == extents[-1]), 1, 2)
    return np.broadcast_to(counts, half_extents(extents))


def is_own_mirror(extents: tuple[int, ...]) -> np.ndarray:
    """Say which waves of the half spectrum are their own mirror image: the mean, and the fastest of even axes."""
    axes = [np.arange(extent) for extent in half_extents(extents)]
    own = [(axis == 0) | (2 * axis == extent) for axis, extent in zip(axes, extents, strict=True)]
    return np.all(np.stack(np.meshgrid(*own, indexing="ij")), axis=0)


def sum_of_waves(
    real: Float[Array, "channel ..."], imaginary: Float[Array, "channel ..."], extents: tuple[int, ...]
) -> Float[Array, "*position channel"]:
    """Transform half spectra, the channels first, to a signal, the channels last.

    Example:
        >>> import jax.numpy as jnp
        >>> sum_of_waves(jnp.array([[8.0, 0, 0]]), jnp.zeros((1, 3)), (4,))[:, 0].tolist()
        [2.0, 2.0, 2.0, 2.0]
    """
    axes = tuple(range(1, 1 + len(extents)))
    spectrum = lax.complex(real, imaginary)
    # XLA transforms three axes at once at most; an axis more is a volume over time, which nobody has asked for.
    return jnp.moveaxis(jnp.fft.irfftn(spectrum, s=extents, axes=axes), 0, -1)


def standard_deviation(magnitude: Float[Array, "channel ..."], extents: tuple[int, ...]) -> Float[Array, ""]:
    """Return how far a signal with these magnitudes deviates from its mean, whatever the phases (Parseval).

    The mean over the channels that hold waves: one without any would make the others' contrast greater.
    """
    counts = multiplicities(extents).astype(np.float32).copy()
    counts[(0,) * len(extents)] = 0  # the mean
    power = jnp.sum(jnp.square(magnitude) * counts[None], axis=tuple(range(1, magnitude.ndim)))
    holds_waves = power >= _LEAST_POWER * jnp.max(power)
    return jnp.sqrt(jnp.mean(power, where=holds_waves)) / math.prod(extents)


def antisymmetric(phases: Float[Array, "channel ..."], extents: tuple[int, ...]) -> Float[Array, "channel ..."]:
    """Let the phases of waves that mirror each other within the half spectrum be opposite.

    In the first column of the half spectrum of an image, and in the last of an even width, lie a wave and its mirror
    image. Real signals need opposite phases there; a transform of phases that do not match would lose magnitude. The
    difference of two free phases is opposite to that of the two exchanged, and as evenly distributed.
    """
    axes = tuple(range(1, phases.ndim - 1))
    mirrored = jnp.roll(jnp.flip(phases, axes), 1, axes) if axes else phases
    paired = (multiplicities(extents) == 1) & ~is_own_mirror(extents)
    return jnp.where(jnp.asarray(paired)[None], phases - mirrored, phases)
