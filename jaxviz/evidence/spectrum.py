"""How a picture's frequencies compare with those of photographs; nothing of a model is needed."""

from typing import Any

import numpy as np
from jaxtyping import Float

from jaxviz.models import checked_range


def radial_spectrum(images: Any, *, bands: int = 16) -> Float[np.ndarray, " bands"]:
    """Return the mean amplitude of images in bands of equal width of the spatial frequency.

    A Hann window is laid over every image first: an image that does not go on from one edge to the opposite one
    would otherwise show a cross of high frequencies that nobody sees.

    Args:
        images: Any number of images `[image, height, width, channel]` in [0, 1]; the mean over channels is taken.
        bands: Number of bands from 0 to 0.5 cycles a pixel; the constant part is in none.

    Returns:
        The root of the mean power in each band, for all images together.

    Raises:
        TypeError, ValueError: The images are no floats in [0, 1], have no four axes or are smaller than the bands need.

    Example:
        >>> rows = np.arange(64)
        >>> stripes = 0.5 + 0.5 * np.cos(2 * np.pi * 0.32 * rows)[None, :, None, None] * np.ones((1, 64, 64, 3))
        >>> int(radial_spectrum(stripes, bands=10).argmax())  # the band from 0.30 to 0.35 holds its frequency
        6
    """
    if isinstance(bands, bool) or int(bands) != bands or bands < 1:
        raise ValueError(f"bands is {bands}; give a whole number, 1 or more.")
    power, frequency = _power(images)
    if min(power.shape[1:]) < 2 * bands:
        raise ValueError(
            f"Images of {power.shape[1]} by {power.shape[2]} pixels have too few frequencies for {bands} bands; "
            f"give at most {min(power.shape[1:]) // 2}."
        )
    band = np.ceil(frequency * 2 * bands - 1e-9).astype(int) - 1
    mean_power = power.mean(0)
    return np.array([np.sqrt(mean_power[band == number].mean()) for number in range(bands)])


def spectrum_error(images: Any, natural_images: Any, *, bands: int = 16) -> float:
    """Return how far the spectrum of pictures is from that of natural images of the same size.

    The mean over bands of the squared logarithm (base e) of the ratio of amplitudes: 0 when they are alike, about
    0.48 when each band holds twice or half of what natural images hold.

    Args:
        images: Pictures `[image, height, width, channel]` in [0, 1].
        natural_images: Images in [0, 1] of the same height and width; some dozens are enough.
        bands: As in `radial_spectrum`.

    Raises:
        ValueError: The sizes differ: a photograph that was enlarged has no fine detail, and would say that a
            picture has too much.

    Example:
        >>> images = np.random.default_rng(0).random((3, 32, 32, 3))
        >>> round(spectrum_error(images, images), 6), round(spectrum_error(0.5 * images, images), 2)
        (0.0, 0.48)
    """
    if np.shape(images)[1:3] != np.shape(natural_images)[1:3]:
        raise ValueError(
            f"The pictures are {_size(images)} pixels and the natural images {_size(natural_images)}; "
            "bring the natural images to the pictures' size first, by jaxviz.evidence.fitted."
        )
    floor = 1e-12  # a flat image has no amplitude at all
    ratio = (radial_spectrum(images, bands=bands) + floor) / (radial_spectrum(natural_images, bands=bands) + floor)
    return float(np.mean(np.log(ratio) ** 2))


def high_frequency_energy(images: Any, *, above_cycles_per_pixel: float = 0.25) -> Float[np.ndarray, " image"]:
    """Return the share of each image's power, its constant part left out, that lies above a frequency.

    Speckle and checkerboards live there; photographs of 128 pixels have about 0.07 above a quarter cycle a pixel.

    Args:
        images: Pictures `[image, height, width, channel]` in [0, 1]; the mean over channels is taken.
        above_cycles_per_pixel: The frequency, between 0 and 0.5; 0.5 is the finest stripes along rows or columns.

    Raises:
        ValueError: The frequency is not between 0 and 0.5.

    Example:
        >>> noise = np.random.default_rng(0).random((1, 128, 128, 3))
        >>> [round(float(share), 1) for share in high_frequency_energy(noise)]  # of a square, without the disc inside
        [0.8]
    """
    if not 0 < above_cycles_per_pixel < 0.5:
        raise ValueError(f"above_cycles_per_pixel is {above_cycles_per_pixel}; it must be between 0 and 0.5.")
    power, frequency = _power(images)
    power[:, frequency == 0] = 0
    total = power.sum((1, 2))
    return power[:, frequency > above_cycles_per_pixel].sum(1) / np.maximum(total, np.finfo(float).tiny)


def _power(images: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the power of each image's grey under a Hann window, and the frequency of each coefficient."""
    if np.ndim(images) != 4 or not np.size(images):
        raise ValueError(
            f"images have shape {list(np.shape(images))}; give [image, height, width, channel], one or more."
        )
    checked_range(images)
    array = np.asarray(images, np.float64)
    height, width = array.shape[1:3]
    window = _hann(height)[:, None] * _hann(width)[None, :]
    grey = array.mean(-1)
    centred = grey - (grey * window).sum((1, 2), keepdims=True) / window.sum()
    centred[np.ptp(grey, axis=(1, 2)) == 0] = 0  # and not what rounding leaves of it
    power = np.abs(np.fft.fft2(centred * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    return power, frequency


def _hann(length: int) -> np.ndarray[Any, Any]:
    # Half a sample inwards, so that no row of a small image is thrown away.
    return np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2


def _size(images: Any) -> str:
    return "×".join(str(extent) for extent in np.shape(images)[1:3])
