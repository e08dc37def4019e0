"""Percentiles without a sort, which is slow on a CPU."""

from typing import cast

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float32, Int32

from jaxviz.optimizers.base import Number


def percentile(amounts: Float32[Array, "..."], percent: Number) -> Float32[Array, ""]:
    """Return a percentile of numbers that are zero or more, between two of them linearly: `np.percentile`.

    The last bit may differ where it lies between two numbers that differ.

    Args:
        amounts: the numbers, of any shape, finite, and none of them negative.
        percent: 0 for the least, 100 for the greatest.

    Example:
        >>> float(percentile(jnp.array([8.0, 0.0, 2.0]), 75))
        5.0
    """
    flat = amounts.reshape(-1)
    # In single precision the place among 50,000 numbers would be rounded to 250ths, which NumPy's is not.
    with jax.enable_x64(True):
        place = (flat.size - 1) * (jnp.asarray(percent, jnp.float64) / 100)
        rank, share = jnp.floor(place).astype(jnp.int32), (place % 1).astype(jnp.float32)
    low = _number_of_rank(flat, rank)
    tied = jnp.sum(flat <= low, dtype=jnp.int32) >= jnp.minimum(rank + 2, flat.size)
    high = jnp.where(tied, low, jnp.min(jnp.where(flat > low, flat, jnp.inf)))
    return jnp.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))


def _number_of_rank(amounts: Float32[Array, " number"], rank: Int32[Array, ""]) -> Float32[Array, ""]:
    """Find the number that `rank` numbers come before, bit by bit from the highest.

    The bits of floats that are zero or more, read as integers, are in the order of the numbers. A bit is set where no
    more than `rank` numbers lie below what is found so far with it.
    """
    integers = lax.bitcast_convert_type(amounts, jnp.int32)

    def with_next_bit(passed: Int32[Array, ""], found: Int32[Array, ""]) -> Int32[Array, ""]:
        tried = found | jnp.left_shift(jnp.int32(1), 30 - passed)
        return jnp.where(jnp.sum(integers < tried, dtype=jnp.int32) <= rank, tried, found)

    found = cast(Array, lax.fori_loop(0, 31, with_next_bit, jnp.int32(0)))
    return lax.bitcast_convert_type(found, jnp.float32)
