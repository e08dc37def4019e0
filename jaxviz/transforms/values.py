"""The numbers of transforms: as the user gives them, and as leaves."""

import math
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

# A number, or whatever `jax.tree.map` puts in its place: a tracer, a stack of numbers, an axis.
Leaf: TypeAlias = Any


def range_or_choices(limits: Sequence[object], choices: object, *, examples: str) -> None:
    """Refuse both a range and choices, neither, and half a range.

    Example:
        >>> range_or_choices((0.9, None), None, examples="scale(0.9, 1.1) or scale(choices=[0.9, 1.1])")
        Traceback (most recent call last):
        ...
        ValueError: Give either a range or choices, as in scale(0.9, 1.1) or scale(choices=[0.9, 1.1]).
    """
    given = [limit is not None for limit in limits]
    if any(given) != all(given) or any(given) == (choices is not None):
        raise ValueError(f"Give either a range or choices, as in {examples}.")


def whole_pixels(value: Any) -> int:
    """Return a number of pixels as an int, whatever type of whole number it was given as.

    Example:
        >>> whole_pixels(2.5)
        Traceback (most recent call last):
        ...
        TypeError: The number of pixels is 2.5 (float). Give a whole number.
    """
    number = _whole(value, "number of pixels")
    if number < 0:
        raise ValueError(f"The number of pixels is {number}. Give zero or more.")
    return number


def count_of(value: Any, name: str) -> int:
    """Return a number of things, of which there is one at least.

    Example:
        >>> count_of(0, "number of views")
        Traceback (most recent call last):
        ...
        ValueError: The number of views is 0. Give a whole number, 1 or more.
    """
    number = _whole(value, name)
    if number < 1:
        raise ValueError(f"The {name} is {number}. Give a whole number, 1 or more.")
    return number


def _whole(value: Any, name: str) -> int:
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"The {name} is {value!r} ({type(value).__name__}). Give a whole number.")
    return number


def limit(value: Any, name: str) -> float:
    """Return the end of a range as a float.

    Example:
        >>> limit(-8, "The greatest distance")
        Traceback (most recent call last):
        ...
        ValueError: The greatest distance is -8. Give a finite number that is zero or more.
    """
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} is {value}. Give a finite number that is zero or more.")
    return number


def choice_of(values: Sequence[float], name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the numbers to choose from as one leaf.

    Example:
        >>> choice_of([], "angles")
        Traceback (most recent call last):
        ...
        ValueError: The angles to choose from are []. Give finite numbers, one or more.
    """
    numbers = np.array(list(values), np.float32)
    if numbers.ndim != 1 or numbers.size == 0 or not np.all(np.isfinite(numbers)):
        raise ValueError(f"The {name} to choose from are {values}. Give finite numbers, one or more.")
    numbers.flags.writeable = False
    return numbers
