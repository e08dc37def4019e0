"""The network of `cppn`, a Flax Linen module: imported when an image is first made of one, because Flax takes time."""

from typing import Any

import jax.numpy as jnp
from flax import linen
from jaxtyping import Array, Float

# So that arctangent and its square have a root mean square of about one for normal inputs (lucid 0.3.10).
_ODD_SCALE, _EVEN_SCALE = 0.67, 0.6


class Network(linen.Module):
    """From positions to colours before squashing.

    Attributes:
        hidden_channels: Of every hidden layer; twice as many numbers go to the next.
        layers: How many hidden layers there are.
        channels: Of the image.
    """

    hidden_channels: int
    layers: int
    channels: int

    @linen.compact
    def __call__(self, values: Float[Array, "*position axis"]) -> Float[Array, "*position channel"]:
        """Give every position through the layers.

        Kernels start so that outputs have the deviation of their inputs; the last is zero, which makes a mid grey.
        """
        draw: Any = linen.initializers.variance_scaling(1.0, "fan_in", "normal")
        # The fast products of accelerators would blur what is sharp.
        for _layer in range(self.layers):
            hidden = linen.Dense(self.hidden_channels, kernel_init=draw, precision="highest")
            values = _composite(hidden(values))
        last = linen.Dense(self.channels, kernel_init=linen.initializers.zeros, precision="highest")
        return last(values)


def _composite(values: Float[Array, "*position channel"]) -> Float[Array, "*position doubled"]:
    odd = jnp.arctan(values)
    return jnp.concatenate([odd / _ODD_SCALE, jnp.square(odd) / _EVEN_SCALE], axis=-1)
