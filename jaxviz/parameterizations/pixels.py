"""An image as free pixels."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.parameterizations.base import Parameterization
from jaxviz.parameterizations.colour import to_unit_range


@partial(jax.tree_util.register_dataclass, data_fields=["standard_deviation"], meta_fields=["decorrelated"])
@dataclass(frozen=True, eq=False, repr=False)
class Pixels(Parameterization):
    """Free pixels; made by `pixels`."""

    standard_deviation: float | Array
    decorrelated: bool

    def init(
        self, key: PRNGKeyArray, height: int, width: int, channels: int
    ) -> Float[Array, "height width channel"]:
        return self.standard_deviation * jax.random.normal(key, (height, width, channels))

    def to_image(self, variables: Float[Array, "height width channel"]) -> Float[Array, "height width channel"]:
        return to_unit_range(variables, decorrelated=self.decorrelated)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "pixels",
            "standard_deviation": float(self.standard_deviation),
            "decorrelated": self.decorrelated,
        }

    def expression(self) -> str:
        return f"pixels(standard_deviation={float(self.standard_deviation)}, decorrelated={self.decorrelated})"


def pixels(*, standard_deviation: float = 0.01, decorrelated: bool = True) -> Pixels:
    """Describe an image by one free number a pixel and channel."""
    return Pixels(float(standard_deviation), decorrelated)
