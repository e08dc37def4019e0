"""What every parameterization is: immutable data with a pair of pure functions, `init` and `to_image`.

A parameterization is a frozen dataclass and a JAX pytree: its numbers are leaves, so that moving them
compiles nothing. Both functions are about one image; the rendering engine maps them over a batch. The
variables are any pytree of float arrays, unbounded, which an optimizer moves freely; whatever they are, the
image lies in [0, 1].
"""

import abc
import math
from dataclasses import fields
from typing import Any, TypeAlias

from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.results.plain import Written, plain
from jaxviz.results.settings import Settings

# A number, or whatever `jax.tree.map` puts in its place: a tracer, a stack of numbers, an axis.
Leaf: TypeAlias = Any
# A pytree of arrays; what it is, only the parameterization knows that made it.
Variables: TypeAlias = Any
# An image, or a signal of another number of axes: samples, or volumes; a plain vector has channels only.
Image: TypeAlias = Float[Array, "*position channel"]


class Parameterization(Written):
    """A way to make an image of free variables.

    Example:
        >>> import jax
        >>> from jaxviz.parameterizations import fourier
        >>> parameterization = fourier(decay_power=1.5)
        >>> parameterization
        fourier(decay_power=1.5)
        >>> variables = parameterization.init(jax.random.key(0), 32, 45, 3)
        >>> parameterization.to_image(variables).shape
        (32, 45, 3)
    """

    @property
    def images_in_lane(self) -> int:
        """How many images lie side by side in what `to_image` makes; more than one only of `several`."""
        return 1

    @property
    def has_opacity(self) -> bool:
        """Whether the last channel of its images is their opacity; only of `transparent`."""
        return False

    @property
    def usual_rate(self) -> float:
        """Adam's learning rate where the user gives this parameterization and no rate: lucid's."""
        return Settings.learning_rate

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray, *shape: int) -> Variables:
        """Draw the variables of one image.

        Args:
            key: decides the variables.
            *shape: of the image: height and width in pixels, and the number of channels: one for greys, three for red,
                green and blue, or any other. A signal has one length in place of height and width, a volume three,
                a plain vector none.
        """

    @abc.abstractmethod
    def to_image(self, variables: Variables) -> Image:
        """Make one image, in [0, 1], of its variables."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data of which `jaxviz.parameterizations.from_json` makes an equal parameterization.

        Example:
            >>> from jaxviz.parameterizations import pixels
            >>> pixels().to_json()
            {'kind': 'pixels', 'standard_deviation': 0.01, 'decorrelated': True, 'squashed': True}
        """
        values = {name: _plain(getattr(self, name)) for name in _defaults(self)}
        return {"kind": self.kind} | {name: value for name, value in values.items() if value is not None}

    def expression(self) -> str:
        """Return the Python expression that makes this parameterization."""
        values = {name: _plain(getattr(self, name)) for name in _defaults(self)}
        changed = [f"{name}={value}" for name, value in values.items() if value != _defaults(self)[name]]
        return f"{self.kind}({', '.join(changed)})"


def positions(parameterization: Parameterization, shape: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Split the shape of an image into the extents of its positions and its number of channels.

    Raises:
        ValueError: it has no positions.
    """
    if len(shape) < 2:
        raise ValueError(f"{parameterization.kind} needs positions; a vector of {shape} has none. Use pixels().")
    return shape[:-1], shape[-1]


def finite(value: Any, name: str, *, least: float = -math.inf) -> float:
    """Return a number as a float.

    Example:
        >>> finite(-1, "standard_deviation", least=0)
        Traceback (most recent call last):
        ...
        ValueError: standard_deviation is -1. Give a finite number, 0 or more.
    """
    number = float(value)
    if not (math.isfinite(number) and number >= least):
        raise ValueError(f"{name} is {value}. Give a finite number{'' if least < 0 else f', {least} or more'}.")
    return number


def _defaults(parameterization: Any) -> dict[str, Any]:
    return {field.name: field.default for field in fields(parameterization)}


def _plain(leaf: Leaf) -> Any:
    return leaf.to_json() if isinstance(leaf, Parameterization) else plain(leaf)
