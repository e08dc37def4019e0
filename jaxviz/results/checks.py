"""Checks that the records share: arrays become read-only, texts become tuples, states are known ones."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

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


def same_fields(first: Any, second: Any) -> bool:
    """Return whether two records of one class hold the same values, NaN being equal to NaN."""
    for field in fields(first):
        one: Any = getattr(first, field.name)
        other: Any = getattr(second, field.name)
        is_number = type(one) in (np.ndarray, float)
        if not (np.array_equal(one, other, equal_nan=True) if is_number else one == other):
            return False
    return True
