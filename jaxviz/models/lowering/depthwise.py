"""Convolve every channel by itself, as shifted multiply-adds.

XLA's depthwise convolution on a CPU takes 20 to 50 times longer than memory allows, its gradient for a stride above
one 200 times. A sum of the images, shifted by each offset inside the kernel and multiplied by the weights there, is one
loop over memory that XLA vectorizes along the channels; so is its gradient.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxviz.models.lowering import bilinear
from jaxviz.models.lowering.convolution import Convolution
from jaxviz.models.lowering.windows import Window, scatter, taps

Array = jax.Array

# A loop over more terms than this takes longer to compile than it saves.
MAX_TERMS = 128


class _Shifted(NamedTuple):
    """Shifted multiply-adds of images and of weights `[*window sizes, channel]`.

    Attributes:
        window: What slides over the images.
        channel_axis: The axis of the images that holds their channels.
        shape: Shape of the images.
    """

    window: Window
    channel_axis: int
    shape: tuple[int, ...]

    def _factors(self, weights: Array) -> dict[tuple[int, ...], Array]:
        """Return the weights of each offset, one for each channel, with the rank of the images."""
        sizes = [1] * len(self.shape)
        sizes[self.channel_axis] = self.shape[self.channel_axis]
        factors = weights.reshape(-1, *sizes)
        return {
            offset: jax.lax.index_in_dim(factors, number, keepdims=False)
            for number, offset in enumerate(self.window.offsets())
        }

    def value(self, images: Array, weights: Array) -> Array:
        """Return the convolution, its axes as those of the images."""
        factors = self._factors(weights)
        products = (tap * factors[offset] for offset, tap in taps(images, self.window, 0))
        return functools.reduce(jax.lax.add, products)

    def image_gradient(self, cotangent: Array, weights: Array) -> Array:
        """Return the gradient of the images."""
        factors = self._factors(weights)

        def product(offset: tuple[int, ...], piece: Array) -> Array:
            return piece * factors[offset]

        return scatter([cotangent], [0], self.window, self.shape, product)

    def weight_gradient(self, cotangent: Array, images: Array) -> Array:
        """Return the gradient of the weights."""
        others = tuple(axis for axis in range(images.ndim) if axis != self.channel_axis)
        sums = [jnp.sum(tap * cotangent, axis=others) for _, tap in taps(images, self.window, 0)]
        return jnp.stack(sums).reshape(*self.window.sizes, -1)


def lower_depthwise(convolution: Convolution, images: Array, kernel: Array) -> Array | None:
    """Evaluate a convolution with one group for each channel of the images.

    Args:
        convolution: What the equation does.
        images: Its first operand.
        kernel: Its second operand: one or more kernels for each channel.

    Returns:
        The result, or None for a kernel of more than `MAX_TERMS` positions.
    """
    window = convolution.window(kernel)
    if window.elements > MAX_TERMS:
        return None
    dtype = jnp.promote_types(images.dtype, jnp.float32)
    dimensions = convolution.dimensions
    order = (*dimensions.rhs_spec[2:], *dimensions.rhs_spec[:2])
    weights = kernel.transpose(order).reshape(*window.sizes, -1).astype(dtype)
    multiplier = weights.shape[-1] // convolution.groups
    repeated = jnp.repeat(images, multiplier, axis=convolution.channel_axis) if multiplier > 1 else images
    operation = _Shifted(window, convolution.channel_axis, repeated.shape)
    total = bilinear.apply(operation, repeated.astype(dtype), weights)
    return convolution.to_result_layout(total.astype(convolution.result_type or images.dtype))
