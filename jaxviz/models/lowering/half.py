"""Evaluate products and convolutions in bfloat16, everything else as the model has it.

The operands are rounded to bfloat16 and so is the product of them, which backends add up in float32; its gradients are
computed alike. Sums, rectifiers, normalizations and the variables that climb stay in float32: rounding those is what
spoils pictures, and they cost little.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxviz.models.program import Lowering

Array = jax.Array


def in_bfloat16(lowering: Lowering | None) -> Lowering:
    """Return a lowering that evaluates float32 products and convolutions in bfloat16.

    Args:
        lowering: What evaluates the operations, in bfloat16 now, where it has an equivalent; or None.

    Returns:
        A lowering for `Program.evaluate`. Values keep their dtype: what follows a product sees float32.

    Example:
        >>> import jax.numpy as jnp
        >>> images, weights = jnp.array([[1 + 2**-9]]), jnp.ones((1, 1))
        >>> equation = jax.make_jaxpr(jnp.matmul)(images, weights).jaxpr.eqns[0]
        >>> in_bfloat16(None)("dot_general", equation.params, [images, weights])
        Array([[1.]], dtype=float32)
    """

    def lower(primitive: str, params: Mapping[str, Any], operands: Sequence[Any]) -> Array | None:
        narrow = _PRODUCTS.get(primitive)
        if narrow is None or any(operand.dtype != jnp.float32 for operand in operands):
            return lowering(primitive, params, operands) if lowering else None
        params = {**params, "preferred_element_type": jnp.dtype(jnp.bfloat16)}
        halves = [operand.astype(jnp.bfloat16) for operand in operands]
        result = lowering(primitive, params, halves) if lowering else None
        result = narrow(params, halves) if result is None else result
        return result.astype(jnp.float32)

    return lower


def _convolution(params: Mapping[str, Any], operands: Sequence[Array]) -> Array:
    images, kernel = operands
    return jax.lax.conv_general_dilated(
        images,
        kernel,
        params["window_strides"],
        params["padding"],
        params["lhs_dilation"],
        params["rhs_dilation"],
        params["dimension_numbers"],
        params["feature_group_count"],
        params["batch_group_count"],
        params["precision"],
        params["preferred_element_type"],
    )


def _product(params: Mapping[str, Any], operands: Sequence[Array]) -> Array:
    left, right = operands
    dimensions, precision = params["dimension_numbers"], params["precision"]
    return jax.lax.dot_general(left, right, dimensions, precision, params["preferred_element_type"])


_PRODUCTS = {"conv_general_dilated": _convolution, "dot_general": _product}
