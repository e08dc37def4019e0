"""How recipes write what they hold: plain data for JSON, and Python expressions."""

import abc
import json
from typing import Any, ClassVar

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


class Written(abc.ABC):
    """Immutable data that is known by how it is written: as plain data, and as the Python expression that makes it.

    Two of one class are equal when they are written alike, whatever arrays hold their numbers; they hash accordingly.

    Attributes:
        kind: Name of the factory function that makes it.
    """

    kind: ClassVar[str]

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return plain data of which `from_json` of its module makes an equal one."""

    @abc.abstractmethod
    def expression(self) -> str:
        """Return the Python expression that makes it."""

    def __str__(self) -> str:
        return self.expression()

    def __repr__(self) -> str:
        try:
            return self.expression()
        except TypeError:  # jax's own kind of it, which cannot be named without jax: a tracer has no numbers to write
            return f"<traced {self.kind}>"

    def __eq__(self, other: object) -> bool:
        return _canonical(self) == _canonical(other) if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(_canonical(self))


def _canonical(one: Written) -> str:
    return json.dumps(one.to_json(), sort_keys=True)
