"""Measure a user's data once, as a stream: range, mean, covariance of the channels, magnitudes of the waves."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from tqdm.auto import tqdm

from jaxviz.models.data_range import check_range, usual_range
from jaxviz.results.statistics import Statistics, colours_of
from jaxviz.results.view import input_name

Numbers: TypeAlias = np.ndarray[Any, Any]

# The waves are measured when the colours are known; until then so many images are kept.
_MOST_KEPT_IMAGES = 512
_MOST_KEPT_BYTES = 2**28
_MOST_AT_ONCE = 64

# A feature that never varies keeps a range, so small that nothing moves it.
_LEAST_SHARE = 1e-6


def measure(
    data: Any, input_shape: tuple[int, ...], told: tuple[Numbers, Numbers] | None, *, is_preprocessed: bool = False
) -> Statistics:
    """Measure data.

    Args:
        data: `[batch, height, width, channel]` (or signals, volumes, vectors), bytes or floats; or an iterable of such
            batches or of single images, which is read once.
        input_shape: Of one input of the model.
        told: The range that the data must lie in, a number for each channel; None if it is to be measured. Bytes always
            lie in 0 to 255, and say nothing of the model's range.
        is_preprocessed: Whether the range was told by a `preprocess` of the user's, which takes [0, 1].

    Raises:
        TypeError, ValueError: The data are none, not finite, of another shape, or outside the range.
    """
    sums = _Sums(input_shape)
    for batch in tqdm(_batches(data, input_shape), desc="measuring data", unit=" batches", delay=2.0, leave=False):
        sums.add(batch)
    return sums.statistics(told, is_preprocessed=is_preprocessed)


class _Sums:
    """What is added up while the data stream by; in float64, around the first image, so that nothing cancels."""

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        self._input_shape = input_shape
        self._channels = input_shape[-1]
        self._is_vector = len(input_shape) == 1
        self._count, self._positions = 0, 0
        self._low = np.full(self._channels, np.inf)
        self._high = np.full(self._channels, -np.inf)
        self._centre = np.zeros(self._channels)
        self._sum = np.zeros(self._channels)
        self._products = np.zeros((self._channels, self._channels) if not self._is_vector else (0, 0))
        self._kept: list[Numbers] = []
        self._every = 1
        self._first: Numbers | None = None

    def add(self, batch: Numbers) -> None:
        """Add a batch of inputs, and keep some for the waves."""
        first = batch[0] if self._first is None else self._first
        if self._first is None:
            self._centre = first.reshape(-1, self._channels).astype(np.float64).mean(0)
        self._first = first
        if batch.shape[1:] != first.shape or (batch.dtype == np.uint8) != (first.dtype == np.uint8):
            raise ValueError(
                f"data has inputs of shape {list(batch.shape[1:])} and type {batch.dtype} after inputs of "
                f"{list(first.shape)} and {first.dtype}; give all of one size and one type."
            )
        for start in range(0, len(batch), _MOST_AT_ONCE):
            self._add_values(batch[start : start + _MOST_AT_ONCE].reshape(-1, self._channels).astype(np.float64), start)
        if not self._is_vector:
            self._keep(batch)
        self._count += len(batch)

    def _keep(self, batch: Numbers) -> None:
        """Keep inputs that are evenly spaced over all that came, however many will come: data are often in order."""
        most = max(2, min(_MOST_KEPT_IMAGES, _MOST_KEPT_BYTES // batch[0].nbytes))
        for place in range(-self._count % self._every, len(batch)):
            if (self._count + place) % self._every:
                continue
            self._kept.append(batch[place].copy())
            if len(self._kept) > most:
                self._kept = self._kept[::2]
                self._every *= 2

    def _add_values(self, values: Numbers, start: int) -> None:
        if not np.isfinite(values).all():
            raise ValueError(
                f"data holds NaN or infinity, among inputs {self._count + start} to "
                f"{self._count + start + _MOST_AT_ONCE - 1}; leave these out or repair them."
            )
        self._low, self._high = np.minimum(self._low, values.min(0)), np.maximum(self._high, values.max(0))
        apart = values - self._centre
        self._sum += apart.sum(0)
        if not self._is_vector:
            self._products += apart.T @ apart
        self._positions += len(values)

    def statistics(self, told: tuple[Numbers, Numbers] | None, *, is_preprocessed: bool) -> Statistics:
        """Return what all of it says, scaled to [0, 1]."""
        if self._first is None:
            raise ValueError("data is empty; give at least one input, some hundred are usual.")
        if told is not None and self._first.dtype != np.uint8:
            noun = "feature" if self._is_vector else "channel"
            check_range((self._low, self._high), told, noun=noun, is_preprocessed=is_preprocessed)
        low, high = self._range(told, self._first.dtype == np.uint8)
        scale = 1 / (high - low)
        mean = self._sum / self._positions
        covariance = spectrum = None
        if not self._is_vector:
            covariance = (self._products / self._positions - np.outer(mean, mean)) * np.outer(scale, scale)
            covariance = _symmetric(covariance)
            spectrum = self._spectrum(low, scale, covariance)
        own_range = self._own_range(told, low, high)
        return Statistics(
            count=self._count,
            value_range=own_range,
            mean=(self._centre + mean - low) * scale,
            covariance=covariance,
            spectrum=spectrum,
            width=1 if self._is_vector else self._first.shape[-2],
        )

    def _own_range(self, told: tuple[Numbers, Numbers] | None, low: Numbers, high: Numbers) -> tuple[Numbers, Numbers]:
        """Return the range of the model's inputs: bytes say nothing of it."""
        assert self._first is not None
        if self._first.dtype != np.uint8:
            return low, high
        return told or (np.zeros(self._channels), np.ones(self._channels))

    def _range(self, told: tuple[Numbers, Numbers] | None, is_bytes: bool) -> tuple[Numbers, Numbers]:
        """Return what 0 and 1 stand for in the data."""
        ones = np.ones(self._channels)
        if is_bytes:
            return 0 * ones, 255 * ones
        if told is not None:
            return told
        if self._is_vector:
            least = _LEAST_SHARE * np.maximum(1, np.abs(self._low))
            return self._low, np.maximum(self._high, self._low + least)
        low, high = usual_range(float(self._low.min()), float(self._high.max()))
        return low * ones, high * ones

    def _spectrum(self, low: Numbers, scale: Numbers, covariance: Numbers) -> Numbers:
        """Return the mean magnitude of the waves of each component."""
        colours = colours_of(covariance)
        unmix = np.eye(self._channels) if colours is None else np.linalg.pinv(colours.astype(np.float64))
        axes = tuple(range(len(self._input_shape) - 1))
        total = np.zeros((), np.float64)
        for kept in self._kept:
            components = np.matmul((kept.astype(np.float64) - low) * scale, unmix.T)
            total = total + np.abs(np.fft.rfftn(components, axes=axes))
        return np.asarray(total / len(self._kept))


def _batches(data: Any, input_shape: tuple[int, ...]) -> Iterator[Numbers]:
    """Yield batches of what the user gave, checked."""
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        yield _checked(np.asarray(data), input_shape)
        return
    if isinstance(data, str | bytes | dict) or not isinstance(data, Iterable):
        kind = type(cast(object, data)).__name__
        raise TypeError(
            f"data is a {kind}; give an array [batch, {_written_shape(input_shape)}], or an "
            "iterable of such arrays or of single inputs."
        )
    for item in cast(Iterable[Any], data):
        if isinstance(item, tuple | dict):
            kind = type(cast(object, item)).__name__
            raise TypeError(
                f"data yields a {kind}; give the images alone, as in data=(images for images, labels in loader)."
            )
        array: Numbers = np.asarray(item)
        yield _checked(array[None] if array.ndim == len(input_shape) else array, input_shape)


def _checked(array: Numbers, input_shape: tuple[int, ...]) -> Numbers:
    if array.dtype.kind not in "buif" and array.dtype.name != "bfloat16":
        raise TypeError(f"data has type {array.dtype}; give floats or bytes.")
    wanted = f"[batch, {_written_shape(input_shape)}]"
    if array.ndim != len(input_shape) + 1 or array.shape[-1] != input_shape[-1]:
        hint = ""
        if array.shape[1:] == input_shape[:-1] and input_shape[-1] == 1:
            hint = " Give greys a channel axis: data[..., None]."
        elif array.ndim == len(input_shape) + 1 and array.shape[1] == input_shape[-1]:
            hint = " The channels come last: np.moveaxis(data, 1, -1)."
        raise ValueError(f"data has shape {list(array.shape)}; model inputs are {wanted}.{hint}")
    if 0 in array.shape:
        raise ValueError(f"data has shape {list(array.shape)}, so it is empty; give at least one input.")
    return array


def _symmetric(matrix: Numbers) -> Numbers:
    return (matrix + matrix.T) / 2


def _written_shape(input_shape: Sequence[int]) -> str:
    axes = {"vector": [], "signal": ["sample"], "image": ["height", "width"]}
    names = axes.get(input_name(tuple(input_shape)), ["depth", "height", "width"])
    return ", ".join([*names, f"{input_shape[-1]} {'channels' if names else 'features'}"])
