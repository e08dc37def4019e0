"""Keep the bits of an image's activations independent of how many images are computed beside it.

XLA's library for matrix products and convolutions on a CPU (YNNPACK) splits a long sum in two when the result has few
rows: measured, one image alone, 2 to 63 rows and 64 or more rows each give other last bits. Filling up to 64 rows with
zeros costs next to nothing where it happens (dense layers, and layers of a few positions in a batch of one to three),
and the result no longer depends on the size of the batch. `docs/performance.md` says what else that takes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxviz.models.lowering.windows import cut, pad

Array = jax.Array

# From this number of rows on the bits no longer change.
ENOUGH_ROWS = 64
# Larger matrices take longer to multiply by 64 rows than to read.
MAX_MATRIX_ELEMENTS = 1 << 22


def fill_rows(evaluate: Callable[[Array], Array], images: Array, batch_axis: int, rows: int, result_axis: int) -> Array:
    """Evaluate something for a batch that is filled up with zeros to `ENOUGH_ROWS` rows.

    Args:
        evaluate: Function of the images.
        images: The batch.
        batch_axis: The axis of `images` that counts them.
        rows: How many rows of a matrix one image has in the result.
        result_axis: The axis of the result that counts the images.

    Returns:
        The result for the images given.
    """
    count = images.shape[batch_axis]
    missing = -(-ENOUGH_ROWS // rows) - count
    if missing <= 0:
        return evaluate(images)
    result = evaluate(pad(images, 0, (batch_axis,), [(0, missing)]))
    return cut(result, (result_axis,), (0,), (count,))


def lower_dot(params: Mapping[str, Any], operands: Sequence[Array]) -> Array | None:
    """Evaluate a product of a matrix with few rows as one with enough of them.

    Args:
        params: Parameters of a `dot_general` equation.
        operands: Its operands.

    Returns:
        The result; None where there are enough rows, for products of many matrices, and for very large ones.
    """
    left, right = operands
    (left_summed, right_summed), (left_batch, _) = params["dimension_numbers"]
    if left_batch or len(left_summed) != 1 or left.ndim != 2 or right.ndim != 2:
        return None
    left_axis, right_axis = 1 - int(left_summed[0]), 1 - int(right_summed[0])
    rows, columns = left.shape[left_axis], right.shape[right_axis]
    if min(rows, columns) >= ENOUGH_ROWS or 0 in (*left.shape, *right.shape):
        return None
    if max(math.prod(left.shape), math.prod(right.shape)) > MAX_MATRIX_ELEMENTS:
        return None
    # Which of the two is the batch cannot be seen: a layer may write `images @ weights` or `weights @ images`.
    product = jax.lax.dot_general(
        pad(left, 0, (left_axis,), [(0, max(ENOUGH_ROWS - rows, 0))]),
        pad(right, 0, (right_axis,), [(0, max(ENOUGH_ROWS - columns, 0))]),
        params["dimension_numbers"],
        precision=params["precision"],
        preferred_element_type=params["preferred_element_type"],
    )
    return cut(product, (0, 1), (0, 0), (rows, columns))
