"""Read the parameters of a convolution equation, whatever its layout."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from jaxviz.models.lowering.windows import Window, pad

Array = jax.Array


class Convolution(NamedTuple):
    """What a `conv_general_dilated` equation does, but for its operands; hashable, everything in it is static.

    Attributes:
        dimensions: Which axis of the images, of the kernel and of the result means what.
        strides: Distance between two windows along each spatial dimension.
        padding: How many zeros are added before and after; negative to take positions away.
        dilation: Distance between the positions that the kernel reads.
        groups: Number of groups of channels that do not see one another.
        precision: As `jax.lax.conv_general_dilated` takes it.
        result_type: Dtype asked of the result, or None for that of the images.
    """

    dimensions: jax.lax.ConvDimensionNumbers
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    precision: Any
    result_type: Any

    @property
    def batch_axis(self) -> int:
        """The axis of the images that counts them."""
        return self.dimensions.lhs_spec[0]

    @property
    def channel_axis(self) -> int:
        """The axis of the images that holds their channels."""
        return self.dimensions.lhs_spec[1]

    @property
    def is_strided(self) -> bool:
        """Whether windows lie further apart than one position."""
        return max(self.strides) > 1

    def window(self, kernel: Array) -> Window:
        """Return the window that slides over the images."""
        sizes = tuple(kernel.shape[axis] for axis in self.dimensions.rhs_spec[2:])
        return Window(tuple(self.dimensions.lhs_spec[2:]), sizes, self.strides, self.padding, self.dilation)

    def evaluate(self, images: Array, kernel: Array) -> Array:
        """Return the convolution as XLA makes it.

        Where the kernel has more positions than the image, XLA takes one for the other, and then knows no library for
        what it has made. It does not where the image is padded first, if it cannot see through that.
        """
        window, padding = self.window(kernel), self.padding
        if window.elements > math.prod(images.shape[axis] for axis in window.axes):
            images = jax.lax.optimization_barrier(pad(images, 0, window.axes, padding))
            padding = tuple((0, 0) for _ in padding)
        return jax.lax.conv_general_dilated(
            images,
            kernel,
            self.strides,
            padding,
            rhs_dilation=self.dilation,
            dimension_numbers=self.dimensions,
            feature_group_count=self.groups,
            precision=self.precision,
            preferred_element_type=self.result_type,
        )

    def weight_gradient(self, cotangent: Array, images: Array, kernel_shape: tuple[int, ...]) -> Array:
        """Return the gradient of the kernel, as XLA makes it."""

        def product(kernel: Array) -> Array:
            return jnp.sum(self.evaluate(images, kernel) * cotangent)

        return cast(Array, jax.grad(product)(jnp.zeros(kernel_shape, images.dtype)))

    def result_channels_last(self, result: Array) -> Array:
        """Move the axes of a result to `[image, *position, channel]`."""
        batch, channel, *positions = self.dimensions.out_spec
        return result.transpose(batch, *positions, channel)

    def from_channels_last(self, images: Array) -> Array:
        """Move the axes of `[image, *position, channel]` to where the images have them."""
        batch, channel, *positions = self.dimensions.lhs_spec
        order = [0] * images.ndim
        for source, target in enumerate((batch, *positions, channel)):
            order[target] = source
        return images.transpose(order)

    def to_result_layout(self, array: Array) -> Array:
        """Move axes that lie as those of the images to where the result has them."""
        order = [0] * array.ndim
        for source, target in zip(self.dimensions.lhs_spec, self.dimensions.out_spec, strict=True):
            order[target] = source
        return array.transpose(order)


def read(params: Mapping[str, Any], operands: Sequence[Array]) -> Convolution | None:
    """Return what a convolution equation does, or None for a kind that has no equivalent here.

    Args:
        params: Parameters of the equation.
        operands: Images and kernel.

    Returns:
        The convolution; None for integers, complex and mixed numbers, for a result of another dtype than the operands
        (the gradients written here would mix the two), for images with gaps (transposed convolutions, `lhs_dilation`),
        for groups of images (gradients of weights, `batch_group_count`) and for empty results.
    """
    images, kernel = operands
    if images.dtype != kernel.dtype or not jnp.issubdtype(images.dtype, jnp.floating):
        return None
    result_type = params["preferred_element_type"]
    if result_type is not None and result_type != images.dtype:
        return None
    if params["batch_group_count"] != 1 or any(gap != 1 for gap in params["lhs_dilation"]):
        return None
    convolution = Convolution(
        params["dimension_numbers"],
        tuple(params["window_strides"]),
        tuple((before, after) for before, after in params["padding"]),
        tuple(params["rhs_dilation"]),
        params["feature_group_count"],
        params["precision"],
        result_type,
    )
    if not convolution.strides or 0 in convolution.window(kernel).output_sizes(images.shape):
        return None
    return None if 0 in images.shape or 0 in kernel.shape else convolution
