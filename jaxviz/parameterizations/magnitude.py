"""How much of each wave images hold: measured, kept as a small table, and read for a canvas of any size.

The table gives the magnitude at 24 frequencies, evenly spaced on a logarithmic scale, and, of images, at 12
orientations. It is smooth, so a few hundred images decide it, it suits a canvas of any size, and it is small enough
for a recipe.
"""

import difflib
import math
import os
import zipfile
from pathlib import Path
from typing import Any, TypeAlias, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.parameterizations.colour import RGB_TO_DECORRELATED, checked_colours
from jaxviz.parameterizations.waves import frequencies, frequency_vectors, half_extents

Numbers: TypeAlias = np.ndarray[Any, Any]

_FREQUENCIES = np.geomspace(1 / 512, math.sqrt(0.5), 24)
_ORIENTATIONS = 12
_DIGITS = 4


def measure_magnitude(
    images: Any, *, decorrelated: bool = True, colours: Any = None
) -> Float[np.ndarray, "frequency orientation channel"]:
    """Measure how much of each wave images hold: the mean over images of the magnitude of their Fourier coefficients.

    For `phase_only(magnitude=...)`, which also takes the path of a file that `numpy.save` wrote it to.

    Args:
        images: `[batch, height, width, channel]` in [0, 1], some hundred of the data that the model was trained on; or
            signals or volumes.
        decorrelated: whether colours of three channels are taken apart into the components that `decorrelated_to_rgb`
            mixes; as in `phase_only`.
        colours: the matrix of `measure_colours`, if `phase_only` gets it: channels are taken apart into its components.

    Returns:
        The magnitude at 24 frequencies from 1/512 to 0.71 cycles a pixel, 12 orientations from 0 to 165 degrees
        (one, of signals and volumes) and every channel. Frequencies that no image holds have the nearest one's.

    Raises:
        ValueError: there are no images, they are constant, or the colours do not suit them.

    References:
        T. Fel et al.: Unlocking Feature Visualization for Deep Networks with MAgnitude Constrained Optimization.
        NeurIPS, 2023. arXiv:2306.06805

    Example:
        >>> images = np.random.default_rng(0).uniform(size=(10, 32, 32, 1))  # noise: all waves alike
        >>> table = measure_magnitude(images)
        >>> table.shape
        (24, 12, 1)
        >>> bool(table.max() < 1.5 * table.min())
        True
    """
    array: Numbers = np.asarray(images, np.float64)
    if array.ndim < 3 or array.shape[0] == 0:
        raise ValueError(f"The images have shape {array.shape}; give [batch, height, width, channel], at least one.")
    array = _components(array, decorrelated, checked_colours(colours, decorrelated=decorrelated))
    axes = tuple(range(array.ndim - 2))
    mean = np.mean([np.abs(np.fft.rfftn(array[place], axes=axes)) for place in range(len(array))], axis=0)
    return tabulate_magnitude(mean, width=array.shape[-2])


def checked_magnitude(given: Any) -> Float[np.ndarray, "frequency orientation channel"]:
    """Return the table that a user gave, or the file that holds it.

    Args:
        given: what `measure_magnitude` returns, or the path of a `.npy` or `.npz` file of it; of several arrays in one
            file, the one that is called `magnitude`.

    Raises:
        FileNotFoundError: there is no such file; the message names the closest.
        ValueError: the file or the table is of another kind.
    """
    is_path = isinstance(given, str | os.PathLike)
    table: Any = _stored(Path(cast("str | os.PathLike[str]", given))) if is_path else np.asarray(given)
    source = f"The magnitude in '{os.fspath(given)}'" if is_path else "The magnitude"
    advice = "give what measure_magnitude or tabulate_magnitude returns, [24 frequencies, orientation, channel]."
    if table.dtype.kind not in "iuf" or table.ndim != 3 or len(table) != len(_FREQUENCIES) or 0 in table.shape:
        raise ValueError(f"{source} has shape {table.shape} and type {table.dtype}; {advice}")
    table = np.array(table, np.float32)
    if not (np.isfinite(table).all() and (table > 0).all()):
        raise ValueError(f"{source} holds zero, negative, infinite or undefined numbers; {advice}")
    table.flags.writeable = False
    return table


def tabulate_magnitude(spectrum: Any, *, width: int) -> Float[np.ndarray, "frequency orientation channel"]:
    """Make the table of `measure_magnitude` of a spectrum that was measured elsewhere.

    Args:
        spectrum: `[height, width // 2 + 1, channel]`, the magnitudes of `numpy.fft.rfft2`; or those of a signal or
            a volume.
        width: of the images, in pixels.

    Raises:
        ValueError: the spectrum has another size, or holds negative or infinite numbers, or only zeros.

    Example:
        >>> rows, columns = np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)
        >>> spectrum = 1 / np.maximum(np.hypot(rows, columns), 1 / 64)
        >>> table = tabulate_magnitude(spectrum[..., None], width=64)
        >>> round(float(table[20, 0, 0] / table[10, 0, 0] * _FREQUENCIES[20] / _FREQUENCIES[10]), 2)
        1.0
    """
    spectrum = np.asarray(spectrum, np.float64)
    extents = (*spectrum.shape[:-2], width)
    if spectrum.ndim < 2 or half_extents(extents) != spectrum.shape[:-1]:
        raise ValueError(
            f"The spectrum has shape {spectrum.shape}; of images that are {width} pixels wide it is "
            f"[height, {width // 2 + 1}, channel]."
        )
    if not (np.isfinite(spectrum).all() and (spectrum >= 0).all()):
        raise ValueError("The spectrum holds negative, infinite or undefined numbers; magnitudes are zero or more.")
    inner = np.ones(spectrum.shape[:-1], bool)
    inner[(0,) * inner.ndim] = False  # the mean says nothing of its neighbours
    waves = spectrum[inner]
    if not (waves > 0).any(axis=0).all():
        raise ValueError("In one of the channels all images are constant; nothing can be measured.")
    frequency, orientation = np.log(frequencies(extents)[inner]), _orientations(extents)[inner]
    logarithm = np.log(np.maximum(waves, 1e-6 * waves.max(axis=0)))
    angles = np.arange(_orientation_count(extents)) * (np.pi / _ORIENTATIONS)
    table = _smooth(frequency, orientation, logarithm, angles)
    table -= table.mean()
    rounded = [float(f"{number:.{_DIGITS}g}") for number in np.exp(table).ravel()]
    return np.array(rounded, np.float32).reshape(table.shape)


def read_magnitude(
    table: Float[Array | np.ndarray[Any, Any], "frequency orientation channel"], extents: tuple[int, ...]
) -> Float[Array, "channel ..."]:
    """Read a table for every wave of a canvas, interpolating its logarithm."""
    first, share = _places(np.log(frequencies(extents)), np.log(_FREQUENCIES))
    logarithm = jnp.log(jnp.float32(table))
    count = logarithm.shape[1]
    turns = np.mod(_orientations(extents) / np.pi, 1) * count
    left = np.floor(turns).astype(int) % count
    right, turn_share = (left + 1) % count, (turns - np.floor(turns)).astype(np.float32)[..., None]
    share = share.astype(np.float32)[..., None]

    def along(orientation: Numbers) -> Float[Array, "*half channel"]:
        return logarithm[first, orientation] * (1 - share) + logarithm[first + 1, orientation] * share

    value = along(left) * (1 - turn_share) + along(right) * turn_share
    return jnp.moveaxis(jnp.exp(value), -1, 0)


def _components(images: Numbers, decorrelated: bool, colours: Numbers | None) -> Numbers:
    """Take the channels of images apart into uncorrelated components: `mixing` undone."""
    channels = images.shape[-1]
    if colours is None:
        return (
            np.matmul(images, RGB_TO_DECORRELATED.T) if decorrelated and images.ndim == 4 and channels == 3 else images
        )
    if len(colours) != channels:
        raise ValueError(
            f"The colours are a matrix of {len(colours)}×{len(colours)}, the images have {channels} channels."
        )
    return np.matmul(images, np.linalg.pinv(np.float64(colours)).T)


def _stored(path: Path) -> Numbers:
    """Read an array from a file."""
    try:
        stored: Any = np.load(path, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            return cast(Numbers, stored)
        with stored:
            arrays: dict[str, Numbers] = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        beside = [each.name for each in path.parent.glob("*.np[yz]")]
        close = difflib.get_close_matches(path.name, beside, n=1)
        advice = f"Did you mean '{path.with_name(close[0])}'?" if close else "numpy.save and numpy.savez write one."
        raise FileNotFoundError(f"There is no file '{path}'. {advice}") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"'{path}' is no .npy or .npz file of numbers ({error}).") from error
    if len(arrays) != 1 and "magnitude" not in arrays:
        raise ValueError(f"'{path}' holds {', '.join(arrays) or 'nothing'}; call the table 'magnitude'.")
    return arrays["magnitude"] if "magnitude" in arrays else next(iter(arrays.values()))


def _orientation_count(extents: tuple[int, ...]) -> int:
    return _ORIENTATIONS if len(extents) == 2 else 1


def _orientations(extents: tuple[int, ...]) -> Numbers:
    """Return the direction in which every wave of an image runs, in radians; zero for anything else."""
    if len(extents) != 2:
        return np.zeros(half_extents(extents))
    rows, columns = frequency_vectors(extents)
    return np.mod(np.arctan2(rows, columns), np.pi)


def _places(values: Numbers, nodes: Numbers) -> tuple[Numbers, Numbers]:
    """Return for every value the node before it and the share of the next."""
    place = np.clip((values - nodes[0]) / (nodes[1] - nodes[0]), 0, len(nodes) - 1)
    first = np.minimum(place.astype(int), len(nodes) - 2)
    return first, place - first


def _smooth(frequency: Numbers, orientation: Numbers, logarithm: Numbers, angles: Numbers) -> Numbers:
    """Average the waves around every node of the table, after taking the common slope off."""
    design = np.stack([np.ones_like(frequency), frequency], axis=1)
    slope = np.linalg.lstsq(design, logarithm, rcond=None)[0]
    rest = logarithm - design @ slope
    nodes = np.log(_FREQUENCIES)
    step, turn = nodes[1] - nodes[0], np.pi / _ORIENTATIONS
    # Where the table reaches beyond what the images hold, it goes on as the nearest waves do, not as the slope does.
    reached = np.clip(nodes, frequency.min(), frequency.max())
    table = np.empty((len(nodes), len(angles), logarithm.shape[1]))
    for place, angle in enumerate(angles):
        apart = np.mod(orientation - angle + np.pi / 2, np.pi) - np.pi / 2 if len(angles) > 1 else 0 * orientation
        distance = ((reached[:, None] - frequency) / step) ** 2 + (apart / turn) ** 2
        weight = np.exp(-2 * (distance - distance.min(axis=1, keepdims=True)))
        table[:, place] = weight @ rest / weight.sum(axis=1, keepdims=True)
    return table + (slope[0] + reached[:, None] * slope[1])[:, None, :]
