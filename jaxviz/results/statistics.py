"""The statistics of a user's data: what a model's inputs look like, measured once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

MOST_MIXED_CHANNELS = 16
"""Up to so many channels are mixed as they vary together; more would be compiled for minutes."""

LEAST_LENGTH = 1e-3
"""The least length of a component, where the longest has one: a millionth of the variance, which is less than what
rounding to bytes adds to photographs."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Statistics:
    """Hold what was measured of a model's data; all of it with the data scaled to [0, 1].

    Made by `jaxviz.wrap(..., data=images)`, and kept as `model.data`.

    Attributes:
        count: Images (or signals, volumes, vectors) that were measured.
        value_range: The range of the model's inputs: lowest and highest, a number for each channel.
        mean: Of each channel: the baseline, what an image is when nothing is in it. It fills what is outside of a
            picture that is moved, unless other transforms are asked for.
        covariance: Of the channels with each other, over all positions of all images; None for vectors.
        spectrum: The mean magnitude of the Fourier coefficients of each uncorrelated component (of each channel where
            `colours` is None), in the order of `numpy.fft.rfftn`; None for vectors.
        width: Of the images in pixels, or the last extent: an even width and the next odd one have half spectra alike.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
        >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 3), data=images)
        >>> model.data
        Statistics(20 inputs of 3 channels, mean 0.5 0.51 0.5)
    """

    count: int
    value_range: tuple[Float64[np.ndarray, " channel"], Float64[np.ndarray, " channel"]]
    mean: Float64[np.ndarray, " channel"]
    covariance: Float64[np.ndarray, "channel channel"] | None
    spectrum: Float64[np.ndarray, "*half channel"] | None
    width: int

    @property
    def colours(self) -> np.ndarray[Any, Any] | None:
        """The matrix that `measure_colours` returns; None for vectors, for one channel and for more than 16."""
        return None if self.covariance is None else colours_of(self.covariance)

    def __repr__(self) -> str:
        mean = " ".join(f"{number:.2g}" for number in self.mean[:6]) + (" …" if len(self.mean) > 6 else "")
        return f"Statistics({self.count} inputs of {len(self.mean)} channels, mean {mean})"


def colours_of(covariance: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """Return the matrix that mixes uncorrelated components into channels, or None where nothing is to be mixed."""
    return colour_root(covariance) if 1 < len(covariance) <= MOST_MIXED_CHANNELS else None


def colour_root(covariance: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a root of a covariance of channels: a row is a channel, a column a component, the largest first.

    It is scaled so that the longest column, which is the first, has length one. A component along which channels do not
    vary, because one is constant or a copy of another, has a length of `LEAST_LENGTH`, so that there is an inverse.

    Raises:
        ValueError: The channels do not vary at all.
    """
    variances, directions = np.linalg.eigh(covariance)
    if not variances[-1] > 0:
        raise ValueError("The images are constant; nothing can be measured.")
    # Without this a band that is constant could never leave 0.5, nor start from an image that is given.
    shares = np.maximum(variances[::-1] / variances[-1], LEAST_LENGTH**2)
    root = directions[:, ::-1] * np.sqrt(shares)
    # A direction is the same as its opposite; brighter is up, and of what is no brighter the first channel.
    total = np.asarray(root.sum(0))
    darker = (total < -1e-6) | ((np.abs(total) <= 1e-6) & (root[0] < 0))
    return (root * (1 - 2 * darker)).astype(np.float32)
