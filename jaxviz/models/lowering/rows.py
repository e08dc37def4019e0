"""Keep the bits of an image's activations independent of how many images are computed beside it.

XLA's library for matrix products and convolutions on a CPU (YNNPACK) splits a long sum in parts when the result has few
rows. Measured: a single row, 2 to 24, 25 to 47, 48 to 63, and 64 or more rows each give other last bits. An image has
as many rows as it has positions. So layers of a few positions are filled up to 64 rows with images of zeros, which
happens for batches of one to three; layers of one position (dense layers) to two rows, which is the same for batches of
up to 24. `docs/performance.md` says what else it takes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxviz.models.lowering.windows import cut, pad

Array = jax.Array

# From this number of rows on the bits no longer change.
ENOUGH_ROWS = 64
# With one row to an image, they do not change between these numbers.
ENOUGH_SINGLE_ROWS = 2
MAX_SINGLE_ROWS = 24

_LAST_AXES = (((1,), (1,)), ((), ()))


def missing_images(count: int, rows: int) -> int:
    """Return how many images must be added to a batch for its bits not to depend on its size.

    Args:
        count: Number of images.
        rows: Number of positions of each.
    """
    enough = ENOUGH_SINGLE_ROWS if rows == 1 else ENOUGH_ROWS
    return max(-(-enough // rows) - count, 0)


def fill_rows(evaluate: Callable[[Array], Array], images: Array, batch_axis: int, rows: int, result_axis: int) -> Array:
    """Evaluate something for a batch that is filled up with zeros until it has enough rows.

    Args:
        evaluate: Function of the images.
        images: The batch.
        batch_axis: The axis of `images` that counts them.
        rows: Number of positions of each image in the result.
        result_axis: The axis of the result that counts the images.

    Returns:
        The result for the images given.
    """
    count = images.shape[batch_axis]
    missing = missing_images(count, rows)
    if missing == 0:
        return evaluate(images)
    result = evaluate(pad(images, 0, (batch_axis,), [(0, missing)]))
    return cut(result, (result_axis,), (0,), (count,))


def lower_dot(params: Mapping[str, Any], operands: Sequence[Array]) -> Array | None:
    """Evaluate a product of images and a matrix such that the bits do not depend on the number of images.

    Args:
        params: Parameters of a `dot_general` equation.
        operands: Its operands.

    Returns:
        The result; None where it would be evaluated as it is, and for products of many matrices.
    """
    left, right = operands
    (left_summed, right_summed), (left_batch, _) = params["dimension_numbers"]
    if left_batch or len(left_summed) != 1 or left.ndim < 2 or right.ndim != 2 or 0 in (*left.shape, *right.shape):
        return None

    def multiply(first: Array, second: Array, dimensions: Any) -> Array:
        precision, result_type = params["precision"], params["preferred_element_type"]
        return jax.lax.dot_general(first, second, dimensions, precision=precision, preferred_element_type=result_type)

    if left.ndim == 2 and (*left_summed, *right_summed) == (1, 1):
        # `images @ weights.T`, or a layer that writes `weights @ images`, where it would be the columns that decide.
        counts = (left.shape[0], right.shape[0])
        if max(counts) <= MAX_SINGLE_ROWS:
            first, second = (pad(side, 0, (0,), [(0, MAX_SINGLE_ROWS - side.shape[0])]) for side in (left, right))
            return cut(multiply(first, second, _LAST_AXES), (0, 1), (0, 0), counts)
        if counts[1] < counts[0]:
            return fill_rows(lambda images: multiply(images, left, _LAST_AXES), right, 0, 1, 0).T
    rows = math.prod(left.shape[1:]) // int(left.shape[int(left_summed[0])])
    if left_summed[0] == 0 or missing_images(left.shape[0], rows) == 0:
        return None
    return fill_rows(lambda images: multiply(images, right, params["dimension_numbers"]), left, 0, rows, 0)
