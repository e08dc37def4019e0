"""Raise to a power that is a multiple of a quarter by square roots.

`x ** 0.75` is most of the cost of a local response normalisation (Krizhevsky, Sutskever and Hinton, 2012) on a CPU:
XLA calls a scalar function for each element. Two square roots and a product are the same number to the last bit or two.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array

MAX_EXPONENT = 3.0

# custom_jvp has no type that keeps the type of the function it decorates.
_differentiable: Any = jax.custom_jvp


def lower_power(params: Mapping[str, Any], operands: Sequence[Any]) -> Array | None:
    """Evaluate a `pow` equation whose exponent is written into the program.

    Args:
        params: Parameters of the equation; not read.
        operands: Base and exponent.

    Returns:
        The power, of 32 or 64 bits; None unless the exponent is a known multiple of a quarter, not whole and at most
        `MAX_EXPONENT` in size.
    """
    del params
    base: Array = operands[0]
    exponent: Any = operands[1]
    if base.dtype not in (jnp.float32, jnp.float64) or isinstance(exponent, jax.Array) or np.ndim(exponent):
        return None
    number = float(exponent)
    if not (number * 4).is_integer() or number.is_integer() or abs(number) > MAX_EXPONENT:
        return None
    return _power(number, base)


@functools.partial(_differentiable, nondiff_argnums=(0,))
def _power(exponent: float, base: Array) -> Array:
    if exponent < 0:
        return 1 / _power(-exponent, base)
    whole, quarters = divmod(round(exponent * 4), 4)
    root = jnp.sqrt(base)
    factors = [base] * whole + [root] * (quarters // 2) + [jnp.sqrt(root)] * (quarters % 2)
    return functools.reduce(jnp.multiply, factors)


@_power.defjvp
def _power_jvp(exponent: float, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (base,), (tangent,) = primals, tangents
    return _power(exponent, base), tangent * (exponent * _power(exponent - 1, base))
