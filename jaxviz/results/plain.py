"""How recipes write what they hold: plain data for JSON, and Python expressions."""

import json
from typing import Any

import numpy as np


def plain(leaf: Any) -> Any:
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
