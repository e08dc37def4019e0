"""Evaluate a 1×1 convolution as the matrix product that it is."""

import jax

from jaxviz.models.lowering.convolution import Convolution
from jaxviz.models.lowering.windows import pad

Array = jax.Array


def lower_pointwise(convolution: Convolution, images: Array, kernel: Array) -> Array:
    """Evaluate a convolution whose kernel reads a single position, in any number of dimensions.

    Args:
        convolution: What the equation does; of one group.
        images: Its first operand.
        kernel: Its second operand.

    Returns:
        The result.
    """
    dimensions, axes = convolution.dimensions, convolution.dimensions.lhs_spec[2:]
    images = pad(images, 0, axes, convolution.padding)
    if convolution.is_strided:
        steps = [1] * images.ndim
        for axis, stride in zip(axes, convolution.strides, strict=True):
            steps[axis] = stride
        images = jax.lax.slice(images, [0] * images.ndim, images.shape, steps)
    channel = convolution.channel_axis
    matrix = kernel.transpose(dimensions.rhs_spec[1], dimensions.rhs_spec[0], *dimensions.rhs_spec[2:])
    product = jax.lax.dot_general(
        images,
        matrix.reshape(matrix.shape[:2]),
        (((channel,), (0,)), ((), ())),
        precision=convolution.precision,
        preferred_element_type=convolution.result_type,
    )
    order = [0] * product.ndim
    for source, target in zip(dimensions.lhs_spec, dimensions.out_spec, strict=True):
        order[target] = product.ndim - 1 if source == channel else source - (source > channel)
    return product.transpose(order)
