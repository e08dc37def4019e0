"""Checks that the records share: arrays become read-only, texts become tuples, states are known, units are there."""

import difflib
import operator
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, cast

import numpy as np

STATES = ("waiting", "climbing", "done", "dead", "diverged", "stopped")
"""What a unit can be in: not begun, on its way, finished, without any gradient from the start, at a score
that is not a number, or stopped by the user before its last step."""


def frozen_array(value: object, dtype: type[np.generic], shape: tuple[int | None, ...], name: str) -> Any:
    """Return `value` as a read-only array of this type and shape, where `None` stands for any size.

    An array that can still be written is copied, so that its owner cannot change a record afterwards.

    Raises:
        TypeError: If the values are of another kind of number, as integers where floats are due.
        ValueError: If the shape is another one.
    """
    array = np.asarray(value)
    both_float = array.dtype.kind == np.dtype(dtype).kind == "f"
    if not (both_float or np.can_cast(array.dtype, dtype, casting="safe")):
        raise TypeError(f"{name} holds {array.dtype} values; it needs {np.dtype(dtype).name}.")
    if array.ndim != len(shape) or any(
        want is not None and have != want for have, want in zip(array.shape, shape, strict=True)
    ):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} has shape {array.shape}; it needs shape ({wanted}).")
    array = array.astype(dtype, copy=array.flags.writeable)
    array.flags.writeable = False
    return array


def frozen_inputs(value: object, dtype: type[np.generic], name: str) -> Any:
    """Return inputs of a model, `[unit, *position, channel]` with up to three positions, as a read-only array.

    Raises:
        TypeError: If the values are of another kind of number.
        ValueError: If there are too few or too many axes.
    """
    array = np.asarray(value)
    if not 2 <= array.ndim <= 5:
        raise ValueError(
            f"{name} has shape {array.shape}; it needs [unit, height, width, channel], or another number of "
            "positions: none of vectors, one of signals, three of volumes."
        )
    return frozen_array(array, dtype, (None,) * array.ndim, name)


def frozen_texts(value: Iterable[Any], count: int, name: str) -> tuple[str, ...]:
    """Return `value` as a tuple of `count` strings.

    Raises:
        TypeError: If it is one string, or holds something that is not a string.
        ValueError: If there are more or fewer than `count`.
    """
    texts = tuple(value)
    if isinstance(value, str) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{name} must be a sequence of strings, one for each unit.")
    if len(texts) != count:
        raise ValueError(f"There are {len(texts)} {name} for {count} units; each unit needs one.")
    return texts


def frozen_states(value: Iterable[str], count: int) -> tuple[str, ...]:
    """Return `value` as a tuple of `count` known states.

    Raises:
        ValueError: If one of them is not in `STATES`.
    """
    states = frozen_texts(value, count, "states")
    for state in states:
        if state not in STATES:
            raise ValueError(f"Unknown state {state!r}; a unit is in one of: {', '.join(STATES)}.")
    return states


def unit_positions(units: Any, labels: Sequence[str]) -> list[int]:
    """Return the positions of the units that an index means.

    Args:
        units: What was given: a number, also from the end, a slice, a list of numbers or a mask.
        labels: Of all units.

    Raises:
        TypeError: If it is none of these.
        IndexError: If there is no such unit, or the mask has another length.
        ValueError: If no unit is meant.

    Example:
        >>> unit_positions([True, False, True], ("a:0", "a:1", "a:2"))
        [0, 2]
        >>> unit_positions("a:1", ("a:0", "a:1"))
        Traceback (most recent call last):
        ...
        TypeError: 'a:1' is no index of units. Give a number, ... The unit of this label is rendering[1].
    """
    count = len(labels)
    array = np.arange(count)[units] if isinstance(units, slice) else _index_array(units)
    if array is None:
        is_array = isinstance(units, np.ndarray)
        given = f"An array of {units.dtype} and shape {units.shape}" if is_array else repr(cast(Any, units))
        raise TypeError(
            f"{given} is no index of units. Give a number, a slice, a list of numbers or a mask of {count}."
            f"{_advice(units, labels)}"
        )
    if array.dtype == bool and len(array) != count:
        raise IndexError(f"The mask has {len(array)} values, but there are {count} units; each needs one.")
    outside = [] if array.dtype == bool else [each for each in array.ravel().tolist() if not -count <= each < count]
    if outside:
        raise IndexError(f"Unit {outside[0]} is out of range: there are {count} units (0 to {count - 1}).")
    positions: list[int] = np.atleast_1d(np.arange(count)[array]).tolist()
    if not positions:
        raise ValueError(f"{units!r} selects no unit of {count}; a rendering needs at least one.")
    return positions


def _index_array(units: Any) -> Any:
    """Return a number as an array without axes, and a list of numbers or a mask with one; None for all else."""
    if isinstance(units, tuple):  # of several axes, as `rendering[0, 1]`
        return None
    try:
        array = np.asarray(units if isinstance(units, bool) else operator.index(units))
    except TypeError:
        try:
            array = np.asarray(units)
        except ValueError:  # lists of unequal lengths
            return None
    if not array.size and array.ndim == 1:
        return array.astype(int)  # an empty list, which NumPy takes for floats
    allowed = "iub" if array.ndim == 1 else "iu" if array.ndim == 0 else ""
    return array if array.dtype.kind in allowed else None


def _advice(units: Any, labels: Sequence[str]) -> str:
    """Say what somebody meant who gave a label, or several numbers without their brackets."""
    if isinstance(units, tuple):
        return f" For several units: rendering[{list(cast(Any, units))}]."
    if not isinstance(units, str):
        return ""
    same = difflib.get_close_matches(units, labels, n=1)
    places = [position for position, label in enumerate(labels) if label in same]
    if len(places) != 1:
        return ""
    says = "The unit of this label" if same == [units] else f"The unit of the closest label, {same[0]!r},"
    return f" {says} is rendering[{places[0]}]."


def same_fields(first: Any, second: Any) -> bool:
    """Return whether two records of one class hold the same values, NaN being equal to NaN."""
    for field in fields(first):
        one: Any = getattr(first, field.name)
        other: Any = getattr(second, field.name)
        is_number = type(one) in (np.ndarray, float)
        if not (np.array_equal(one, other, equal_nan=True) if is_number else one == other):
            return False
    return True
