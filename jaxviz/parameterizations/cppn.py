"""An image as a small Flax network of positions: a pattern without pixels, sharp at any size."""

import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.parameterizations.base import Image, Leaf, Parameterization, finite, positions
from jaxviz.parameterizations.colour import to_unit_range
from jaxviz.pytrees import registered


@registered(data_fields=["parameters"], meta_fields=["extents"])
@dataclass(frozen=True, eq=False)
class Layers:
    """The variables of `cppn`.

    Attributes:
        parameters: of the network, as Flax has them: `parameters["params"]["Dense_0"]["kernel"]`.
        extents: height and width of the image, in pixels.
    """

    parameters: dict[str, Any]
    extents: tuple[int, ...]


@registered(data_fields=["scale"], meta_fields=["hidden_channels", "layers"])
@dataclass(frozen=True, eq=False, repr=False)
class Cppn(Parameterization):
    """A network from positions to colours; made by `cppn`."""

    hidden_channels: int = 24
    layers: int = 8
    scale: Leaf = 1.0
    kind = "cppn"

    @property
    def usual_rate(self) -> float:
        """A twentieth of what suits coefficients: with 0.005 and more most pictures of EfficientNet-Lite0 turn flat."""
        return 0.0025

    def init(self, key: PRNGKeyArray, *shape: int) -> Layers:
        """Draw kernels whose outputs have the deviation of their inputs; the last is zero: a mid grey."""
        extents, channels = positions(self, shape)
        return Layers(self._network(channels).init(key, jnp.zeros((1, len(extents)))), extents)

    def to_image(self, variables: Layers) -> Image:
        """Give every position through the layers, and squash what comes out to [0, 1]."""
        channels = variables.parameters["params"][f"Dense_{self.layers}"]["bias"].shape[-1]
        values = coordinates(variables.extents) * jnp.float32(self.scale)
        return to_unit_range(self._network(channels).apply(variables.parameters, values))

    def _network(self, channels: int) -> Any:
        from jaxviz.parameterizations.cppn_network import Network

        return Network(self.hidden_channels, self.layers, channels)


def coordinates(extents: tuple[int, ...]) -> Float[Array, "*position axis"]:
    """Return the position of every pixel along every axis, from -sqrt(3) to sqrt(3): of deviation one.

    Example:
        >>> coordinates((3,))[:, 0].round(3).tolist()
        [-1.732..., 0.0, 1.732...]
    """
    axes = [np.linspace(-math.sqrt(3), math.sqrt(3), extent) if extent > 1 else np.zeros(1) for extent in extents]
    return jnp.float32(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))


def cppn(*, hidden_channels: int = 24, layers: int = 8, scale: float = 1.0) -> Cppn:
    """Describe an image by a small network from positions to colours (a compositional pattern producing network).

    The picture is smooth except where the network makes it sharp, has no pixels of its own and no bias to natural
    spectra; it tends to clear graphic patterns. Every layer is a matrix product followed by the arctangent and its
    square side by side, as in lucid. The last kernel starts at zero and so do biases, where lucid draws these, so the
    first image is a mid grey. Published pictures used a small learning rate (Adam, 0.005 or less); `render` takes
    0.0025 where none is said. With more, and with some units all the same, the picture turns to one colour: all its
    pixels share the last bias, which moves first.

    Args:
        hidden_channels: of every hidden layer; twice as many numbers go to the next.
        layers: how many hidden layers there are.
        scale: multiplies the positions; more gives finer patterns.

    Raises:
        ValueError: a number is not positive.

    References:
        K. Stanley: Compositional Pattern Producing Networks. 2007. A. Mordvintsev, N. Pezzotti, L. Schubert, C. Olah:
        Differentiable Image Parameterizations. Distill, 2018. doi:10.23915/distill.00012. lucid 0.3.10, `cppn`.

    Example:
        >>> import jax
        >>> variables = cppn().init(jax.random.key(0), 30, 41, 3)
        >>> len(variables.parameters["params"]), cppn().to_image(variables)[0, 0].tolist()
        (9, [0.5, 0.5, 0.5])
    """
    for name, value in (("hidden_channels", hidden_channels), ("layers", layers)):
        if isinstance(value, bool) or int(value) != value or value < 1:
            raise ValueError(f"{name} is {value}; give a whole number, 1 or more.")
    return Cppn(int(hidden_channels), int(layers), finite(scale, "scale", least=0))
