"""The numbers and names an objective is made of: as the user gives them, as leaves, as JSON, as Python."""

import json
import operator
from typing import Any, TypeAlias

import numpy as np

# A number, or whatever `jax.tree.map` puts in its place: a tracer, a stack of numbers, an axis.
Leaf: TypeAlias = Any


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


def plain(leaf: Leaf) -> Any:
    """Turn a leaf into what JSON knows; float32 values into the shortest decimals that give them back.

    Example:
        >>> plain(np.float32([0.1, 2]))
        [0.1, 2.0]
    """
    array = np.asarray(leaf)
    if array.dtype == np.float32:  # the shortest decimals that give the value back
        array = np.array([float(str(number)) for number in array.ravel()]).reshape(array.shape)
    if array.dtype == np.float64:
        array = array + 0.0  # turns -0.0 into 0.0: equal numbers are to be written alike
    return array.tolist()


def written(value: Any) -> str:
    """Write plain data as a Python expression; whole numbers have no point.

    Example:
        >>> written(["block3", True, 2.0, 0.1])
        '["block3", True, 2, 0.1]'
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"  # pyright: ignore[reportUnknownArgumentType]
    return str(value)
