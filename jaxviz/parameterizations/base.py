"""What every parameterization is: a pair of pure functions as immutable data."""

import abc
import json
from typing import Any

from jaxtyping import Array, Float, PRNGKeyArray


class Parameterization(abc.ABC):
    """A way to make an image of free variables."""

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray, height: int, width: int, channels: int) -> Any:
        """Draw the variables of one image: a pytree of arrays."""

    @abc.abstractmethod
    def to_image(self, variables: Any) -> Float[Array, "height width channel"]:
        """Make one image, in [0, 1], of its variables."""

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return plain data from which `jaxviz.parameterizations.from_json` makes an equal parameterization."""

    @abc.abstractmethod
    def expression(self) -> str:
        """Return the Python expression that makes this parameterization."""

    def __str__(self) -> str:
        return self.expression()

    def __repr__(self) -> str:
        return self.expression()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameterization):
            return NotImplemented
        return type(self) is type(other) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_json(), sort_keys=True))
