"""Choose an equivalent of a convolution by its kernel, its groups, its strides and its positions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jaxviz.models.lowering.convolution import read
from jaxviz.models.lowering.depthwise import lower_depthwise
from jaxviz.models.lowering.grouped import lower_grouped
from jaxviz.models.lowering.pointwise import lower_pointwise
from jaxviz.models.lowering.rows import fill_rows
from jaxviz.models.lowering.strided import convolve

Array = jax.Array


def lower_convolution(params: Mapping[str, Any], operands: Sequence[Array]) -> Array | None:
    """Evaluate a `conv_general_dilated` equation.

    Args:
        params: Parameters of the equation.
        operands: Images and kernel.

    Returns:
        The result, or None where XLA's own is at least as fast.
    """
    convolution = read(params, operands)
    if convolution is None:
        return None
    images, kernel = operands
    if convolution.groups > 1:
        each = images.shape[convolution.channel_axis] == convolution.groups
        return (lower_depthwise if each else lower_grouped)(convolution, images, kernel)
    window, batch_axis = convolution.window(kernel), convolution.batch_axis
    rows = math.prod(window.output_sizes(images.shape))
    evaluate = lower_pointwise if window.elements == 1 else convolve
    result_axis = convolution.dimensions.out_spec[0]
    return fill_rows(lambda batch: evaluate(convolution, batch, kernel), images, batch_axis, rows, result_axis)


def lower_convolution_on_gpu(params: Mapping[str, Any], operands: Sequence[Array]) -> Array | None:
    """Evaluate a convolution as `lower_convolution` does, on a GPU.

    Its libraries take 1×1 and grouped convolutions as well as they are. But the gradient of GoogLeNet's first one (7×7,
    stride 2, three channels) took a third of a step, which takes 3.4 ms instead of 5.3 with the one written here.
    """
    convolution = read(params, operands)
    if convolution is None or convolution.groups > 1 or convolution.window(operands[1]).elements == 1:
        return None
    return convolve(convolution, *operands)
