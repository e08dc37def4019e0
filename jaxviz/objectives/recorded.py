"""What is written down of an objective, and decides which objectives are equal and what randomness they get."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from jaxviz.results.plain import Written, plain, written


class Recorded(Written):
    """A frozen dataclass that is written as the call of its factory function, and seeds its own randomness."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data of which `jaxviz.objectives.from_json` makes an equal objective.

        Example:
            >>> from jaxviz.objectives import channel
            >>> channel("block3", 12).to_json()
            {'kind': 'channel', 'layer': 'block3', 'index': 12, 'rectified': False}
        """
        return {"kind": self.kind} | {field.name: plain(getattr(self, field.name)) for field in _fields(self)}

    def expression(self) -> str:
        """Return the Python expression that makes this objective."""
        arguments: list[str] = []
        for field in _fields(self):
            value = plain(getattr(self, field.name))
            if field.default is MISSING:
                arguments.append(written(value))
            elif value != field.default:
                arguments.append(f"{field.name}={written(value)}")
        return f"{self.kind}({', '.join(arguments)})"

    def seed(self, *, layer_name: Callable[[str], str] = str) -> int:
        """Return 32 bits made of nothing but the objective.

        Folded into a random key they give every objective its own randomness, whatever is rendered beside
        it. Bind class names first: a class's name and its index are two ways to write one objective.

        Args:
            layer_name: gives the one name of a layer that has several, and any other text as it is.

        Example:
            >>> from jaxviz.objectives import channel
            >>> channel("block3", 12).seed()
            2165555522
        """

        def canonical(record: Any) -> Any:
            if isinstance(record, dict):
                return {key: canonical(value) for key, value in sorted(record.items())}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
            if isinstance(record, list):
                return [canonical(value) for value in record]  # pyright: ignore[reportUnknownVariableType]
            return layer_name(record) if isinstance(record, str) else record

        return zlib.crc32(json.dumps(canonical(self.to_json())).encode())


def written_sum(weights: Sequence[Any], names: Sequence[str], offset: Any, *, times: str) -> str:
    """Write a weighted sum as people do, without the weights 1 and the offset 0.

    Args:
        weights: one for each name.
        names: what is weighed, already written.
        offset: the constant.
        times: what stands between a weight and a name.

    Example:
        >>> written_sum([1.0, -0.1], ["a", "b"], 2.0, times=" * ")
        'a - 0.1 * b + 2'
        >>> written_sum([1.0], ["a"], 0.0, times=" * ")
        '1 * a'
    """
    factors, constant = [plain(weight) for weight in weights], plain(offset)
    # A sum of one thing is not that thing: written without its weight it would be taken for it.
    if factors == [1.0] and constant == 0.0:
        return f"1{times}{names[0]}"
    parts = [
        (factor, name if abs(factor) == 1.0 else f"{written(abs(factor))}{times}{name}")
        for factor, name in zip(factors, names, strict=True)
    ]
    if constant != 0.0:
        parts.append((constant, written(abs(constant))))
    text = "".join(f"{' - ' if sign < 0 else ' + '}{part}" for sign, part in parts)
    return "-" + text[3:] if text.startswith(" - ") else text[3:]


def _fields(objective: Any) -> tuple[Field[Any], ...]:
    return fields(objective)
