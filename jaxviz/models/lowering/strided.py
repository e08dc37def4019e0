"""Give a strided convolution an image gradient without gaps.

XLA transposes a convolution of stride s by spreading the gradient out with s - 1 zeros between its elements, and
multiplies all of them; it also does so by another library (Eigen), whose sums depend on where in the batch an image
stands. The same sums without the zeros, three ways:

* `_by_rows`, for a large kernel over few channels (7×7 of a colour image): gather along the columns in a 1×q
  convolution to every row of the kernel, and scatter those along the rows.
* `_by_offsets`, for a small kernel over few channels: one matrix product to all offsets of the kernel, and scatter.
* `_by_phases`, for many channels: a convolution without stride for each phase of the rows and the columns.

Inside, images are `[image, row, column, channel]` and kernels `[row, column, channel, result channel]`.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxviz.models.lowering import bilinear
from jaxviz.models.lowering.convolution import Convolution
from jaxviz.models.lowering.unstrided import Unstrided
from jaxviz.models.lowering.windows import Window, crop, interleave, pad, scatter

Array = jax.Array

# Chosen by measurement: docs/performance.md.
FEW_CHANNELS = 8
LARGE_KERNEL = 5

_ROW_AXIS, _COLUMN_AXIS = 1, 2
_LAYOUT = ("NHWC", "HWIO", "NHWC")


class _Strided(NamedTuple):
    """A strided convolution in two dimensions.

    Attributes:
        convolution: What the equation does.
        image_shape: Shape of the images.
        kernel_shape: Shape of the kernel.
    """

    convolution: Convolution
    image_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]

    def value(self, images: Array, weights: Array) -> Array:
        """Return the convolution."""
        return self.convolution.evaluate(images, weights)

    def image_gradient(self, cotangent: Array, weights: Array) -> Array:
        """Return the gradient of the images."""
        dimensions, window = self.convolution.dimensions, self.convolution.window(weights)
        kernel = weights.transpose(*dimensions.rhs_spec[2:], dimensions.rhs_spec[1], dimensions.rhs_spec[0])
        gradient = self.convolution.result_channels_last(cotangent)
        shape = tuple(self.image_shape[dimensions.lhs_spec[place]] for place in (0, 2, 3, 1))
        images = _gradient(window._replace(axes=(_ROW_AXIS, _COLUMN_AXIS)), gradient, kernel, shape)
        return self.convolution.from_channels_last(images)

    def weight_gradient(self, cotangent: Array, images: Array) -> Array:
        """Return the gradient of the weights, as XLA makes it."""
        return self.convolution.weight_gradient(cotangent, images, self.kernel_shape)


def convolve(convolution: Convolution, images: Array, kernel: Array) -> Array:
    """Evaluate a convolution as XLA does, with another image gradient.

    Args:
        convolution: What the equation does; of one group.
        images: Its first operand.
        kernel: Its second operand.

    Returns:
        The result.
    """
    if not convolution.is_strided:
        return bilinear.apply(Unstrided(convolution, images.shape, kernel.shape), images, kernel)
    if len(convolution.strides) != 2 or max(convolution.dilation) > 1:
        return convolution.evaluate(images, kernel)
    return bilinear.apply(_Strided(convolution, images.shape, kernel.shape), images, kernel)


def _gradient(window: Window, cotangent: Array, kernel: Array, shape: tuple[int, ...]) -> Array:
    if kernel.shape[2] > FEW_CHANNELS:
        return _by_phases(window, cotangent, kernel, shape)
    if max(window.sizes) >= LARGE_KERNEL:
        return _by_rows(window, cotangent, kernel, shape)
    return _by_offsets(window, cotangent, kernel, shape)


def _by_offsets(window: Window, cotangent: Array, kernel: Array, shape: tuple[int, ...]) -> Array:
    channels = kernel.shape[2]
    products = jnp.einsum("nhwo,ko->nhwk", cotangent, kernel.reshape(-1, kernel.shape[3]))

    def piece(offset: tuple[int, ...], slices: Array) -> Array:
        start = (offset[0] * window.sizes[1] + offset[1]) * channels
        return jax.lax.slice_in_dim(slices, start, start + channels, axis=3)

    return scatter([products], [0], window, shape, piece)


def _by_rows(window: Window, cotangent: Array, kernel: Array, shape: tuple[int, ...]) -> Array:
    rows, columns, channels, results = kernel.shape
    stride = window.strides[1]
    reach = -(-columns // stride)
    length = -(-window.padded_sizes(shape)[1] // stride)
    phases = pad(kernel, 0, (1,), [(0, reach * stride - columns)]).reshape(rows, reach, stride, channels, results)
    gathering = jnp.flip(phases, 1).transpose(1, 4, 0, 2, 3).reshape(1, reach, results, -1)
    gathered = jax.lax.conv_general_dilated(
        cotangent,
        gathering,
        (1, 1),
        ((0, 0), (reach - 1, length - cotangent.shape[_COLUMN_AXIS])),
        dimension_numbers=_LAYOUT,
    )
    width = stride * channels

    def piece(offset: tuple[int, ...], slices: Array) -> Array:
        return jax.lax.slice_in_dim(slices, offset[0] * width, (offset[0] + 1) * width, axis=3)

    scattered = scatter([gathered], [0], window.along(0), shape, piece)
    return crop(scattered.reshape(*scattered.shape[:2], length * stride, channels), window.along(1), shape)


def _by_phases(window: Window, cotangent: Array, kernel: Array, shape: tuple[int, ...]) -> Array:
    lengths = [-(-size // stride) for size, stride in zip(window.padded_sizes(shape), window.strides, strict=True)]
    phases: dict[tuple[int, ...], Array] = {}
    for row, column in itertools.product(*map(range, window.strides)):
        part = kernel[row :: window.strides[0], column :: window.strides[1]]
        if 0 in part.shape:
            continue
        padding = [
            (reach - 1, length - count)
            for reach, length, count in zip(part.shape[:2], lengths, cotangent.shape[1:3], strict=True)
        ]
        phases[row, column] = jax.lax.conv_general_dilated(
            cotangent, jnp.flip(part, (0, 1)).swapaxes(2, 3), (1, 1), padding, dimension_numbers=_LAYOUT
        )
    return crop(interleave(phases, window), window, shape)
