"""Evaluate a grouped convolution as a few ungrouped ones.

XLA walks through the groups of a convolution one number at a time. Each group by itself is an ordinary convolution;
many small groups are first merged into at most `MAX_PARTS` wider ones, with zeros where channels of different groups
would meet: multiplying by them costs less than the groups do.
"""

import jax
import jax.numpy as jnp

from jaxviz.models.lowering.convolution import Convolution
from jaxviz.models.lowering.strided import convolve

Array = jax.Array

# Chosen by measurement: docs/performance.md.
MAX_PARTS = 8
MAX_MERGED_CHANNELS = 128


def lower_grouped(convolution: Convolution, images: Array, kernel: Array) -> Array | None:
    """Evaluate a convolution of several groups.

    Args:
        convolution: What the equation does.
        images: Its first operand.
        kernel: Its second operand.

    Returns:
        The result, or None where too many zeros would be multiplied.
    """
    groups, dimensions = convolution.groups, convolution.dimensions
    parts = max(number for number in range(1, MAX_PARTS + 1) if groups % number == 0)
    merged = groups // parts
    result_axis, channel_axis = dimensions.rhs_spec[:2]
    if merged > 1 and merged * kernel.shape[channel_axis] > MAX_MERGED_CHANNELS:
        return None
    ungrouped = convolution._replace(groups=1)
    image_parts = jnp.split(images, parts, axis=convolution.channel_axis)
    kernel_parts = jnp.split(kernel, parts, axis=result_axis)
    results = [
        convolve(ungrouped, image_part, _merge(kernel_part, merged, result_axis, channel_axis))
        for image_part, kernel_part in zip(image_parts, kernel_parts, strict=True)
    ]
    return jnp.concatenate(results, axis=dimensions.out_spec[1])


def _merge(kernel: Array, groups: int, result_axis: int, channel_axis: int) -> Array:
    """Return the kernel that does for all channels what a grouped one does: zero between groups."""
    if groups == 1:
        return kernel
    size = kernel.shape[result_axis] // groups
    blocks = [
        jax.lax.slice_in_dim(kernel, group * size, (group + 1) * size, axis=result_axis) for group in range(groups)
    ]
    nothing = jnp.zeros_like(blocks[0])
    lines = [
        jnp.concatenate([block if place == group else nothing for place in range(groups)], axis=channel_axis)
        for group, block in enumerate(blocks)
    ]
    return jnp.concatenate(lines, axis=result_axis)
