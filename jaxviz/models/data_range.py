"""The range of a user's data: which one was meant where none was told, and what contradicts the one that was."""

from typing import Any, TypeAlias

import numpy as np

Numbers: TypeAlias = np.ndarray[Any, Any]

# Data that fill less of the range than this were scaled to another one.
_LEAST_OF_RANGE = 1 / 100

# The ranges that data of images usually have; a measured range within one of them is taken for it.
_USUAL_RANGES = ((0.0, 1.0), (-1.0, 1.0))
_BYTES_RANGE, _LEAST_BYTE = (0.0, 255.0), 128.0

_MOST_NAMED = 6


def usual_range(low: float, high: float) -> tuple[float, float]:
    """Return the usual range that a measured one stands for, or itself."""
    if not high > low:
        raise ValueError(f"data is {low:.4g} everywhere; nothing can be measured.")
    for usual in _USUAL_RANGES:
        if usual[0] <= low and high <= usual[1]:
            return usual
    if low >= 0 and _LEAST_BYTE <= high <= _BYTES_RANGE[1]:
        return _BYTES_RANGE
    return low, high


def check_range(
    found: tuple[Numbers, Numbers], told: tuple[Numbers, Numbers], *, noun: str, is_preprocessed: bool
) -> None:
    """Refuse data that contradict the range that the user gave.

    Args:
        found: Lowest and highest of the data, a number for each channel.
        told: Lowest and highest of the model's inputs, a number for each channel.
        noun: What a channel is called: `channel`, or `feature` of a vector.
        is_preprocessed: Whether a `preprocess` of the user's takes the data, in [0, 1]; there is no range to give then.

    Raises:
        ValueError: The data lie outside, or were scaled already.
    """
    given = f"data range from {found[0].min():.4g} to {found[1].max():.4g}"
    if is_preprocessed:
        allowed = "the [0, 1] that preprocess takes"
        outside = scaled = "Scale the data to [0, 1], as preprocess takes them; what are 0 to 255: data / 255."
    else:
        allowed = f"the model's value_range of {_written(told[0])} to {_written(told[1])}"
        outside = (
            "Give the range that the data have before mean and std, as value_range=(lowest, highest), or data of the "
            "model's own range."
        )
        scaled = "Give data that are not scaled yet."
    slack = 1e-6 * (told[1] - told[0])
    if (found[0] < told[0] - slack).any() or (found[1] > told[1] + slack).any():
        raise ValueError(f"{given}, outside {allowed}. {outside}")
    if (found[1] - found[0] < _LEAST_OF_RANGE * (told[1] - told[0])).all():
        raise ValueError(f"{given}, hardly anything of {allowed}. {scaled}")
    places = _scaled_already(found, told)
    if places.size:
        names = ", ".join(map(str, places[:_MOST_NAMED])) + (", …" if places.size > _MOST_NAMED else "")
        raise ValueError(
            f"{given}, as if they were scaled already, but {noun} {names} has a value_range of "
            f"{_written(told[0][places])} to {_written(told[1][places])}. {scaled} Or, if {noun} {names} is so narrow, "
            "give it the range that it has in the data."
        )


def _scaled_already(found: tuple[Numbers, Numbers], told: tuple[Numbers, Numbers]) -> Numbers:
    """Return the channels that were scaled to a usual range, though theirs is another.

    One channel may well be narrow: an air pressure within its physical limits, a dark band, a count that is mostly 0.
    So a channel contradicts its range only where all that vary lie in one usual range, a hundredth of its own.
    """
    varies = found[1] > found[0]
    low, high = found[0][varies].min(), found[1][varies].max()
    for usual in _USUAL_RANGES:
        if usual[0] <= low and high <= usual[1]:
            return np.flatnonzero(varies & (usual[1] - usual[0] < _LEAST_OF_RANGE * (told[1] - told[0])))
    return np.zeros(0, int)


def _written(numbers: Numbers) -> str:
    return f"{numbers.min():.4g}" if np.ptp(numbers) == 0 else f"{numbers.min():.4g} (some {numbers.max():.4g})"
