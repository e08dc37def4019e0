"""The numbers and names an objective is made of: as the user gives them, and as leaves."""

import operator
from typing import Any, TypeAlias

import jax
import numpy as np

from jaxviz.results.plain import written

# A number, or whatever `jax.tree.map` puts in its place: a tracer, a stack of numbers, an axis.
Leaf: TypeAlias = Any
Number: TypeAlias = int | float | np.integer[Any] | np.floating[Any] | jax.Array


def is_number(value: object) -> bool:
    """Say whether a value is one number, traced or not; True and False are none."""
    if isinstance(value, jax.Array):
        return value.ndim == 0
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def leaf(number: Number) -> Leaf:
    """Return a number as a leaf: an array, which may be traced, as it is, and any other as a float."""
    return number if isinstance(number, jax.Array) else float(number)


def layer_name(layer: object) -> str:
    """Return a layer's name, which cannot be empty.

    Example:
        >>> layer_name("")
        Traceback (most recent call last):
        ...
        ValueError: The layer's name is empty. Give a name from model.layers; for a class use class_logit.
    """
    if not isinstance(layer, str):
        raise TypeError(f"A layer is given by its name; this is {layer!r} ({type(layer).__name__}).")
    if not layer:
        raise ValueError("The layer's name is empty. Give a name from model.layers; for a class use class_logit.")
    return layer


def whole_number(value: Any, name: str) -> int:
    """Return an index as an int, whatever type of whole number it was given as.

    Example:
        >>> whole_number(np.int64(3), "index")
        3
        >>> whole_number(-1, "index")
        Traceback (most recent call last):
        ...
        ValueError: The index is -1. Count from 0 at the start; there is no counting from the end.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"The {name} must be a whole number; this is {value!r} ({type(value).__name__}).")
    if number < 0:
        raise ValueError(f"The {name} is {number}. Count from 0 at the start; there is no counting from the end.")
    return number


def check_finite(numbers: Leaf, name: str) -> None:
    """Refuse numbers that are infinite or not numbers at all.

    Example:
        >>> check_finite(float("nan"), "The weight of this")
        Traceback (most recent call last):
        ...
        ValueError: The weight of this is nan. Only finite numbers can be climbed: give one.
    """
    values = np.asarray(numbers, np.float64)
    if not np.all(np.isfinite(values)):
        given = written(values.item()) if values.ndim == 0 else "partly nan or infinite"
        raise ValueError(f"{name} is {given}. Only finite numbers can be climbed: give one.")


def cosine_power_of(value: Any) -> float:
    """Return a power of a cosine as a float.

    Example:
        >>> cosine_power_of(-1)
        Traceback (most recent call last):
        ...
        ValueError: The cosine power is -1. Give a number that is zero or more.
    """
    if not value >= 0:
        raise ValueError(f"The cosine power is {value}. Give a number that is zero or more.")
    return float(value)
