"""Take maxima and sums over windows, with gradients that cost no more than they do.

XLA's gradient of a maximum over windows (select-and-scatter) takes 10 to 30 times longer on a CPU than the same by
shifted arrays. Among equal maxima, common after a rectifier, the first in the window gets the gradient, the last axis
running fastest: the same that XLA picks.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxviz.models.lowering.windows import Window, scatter, taps

Array = jax.Array

# A window of more elements is reduced one axis at a time.
MAX_ELEMENTS_AT_ONCE = 16
# A window longer than this along one axis is left to XLA.
MAX_SIZE = 32

# custom_vjp has no type that keeps the type of the function it decorates.
_differentiable: Any = jax.custom_vjp


def lower_max_pool(params: Mapping[str, Any], operands: Sequence[Array]) -> Array | None:
    """Evaluate a `reduce_window_max` equation.

    Args:
        params: Parameters of the equation.
        operands: The array.

    Returns:
        The maxima; None for integers, for gaps between the elements of the array and for very large windows.
    """
    array = operands[0]
    window = _read(params, array)
    return None if window is None else _reduce(window, array, _maximum)


def lower_sum_pool(params: Mapping[str, Any], operands: Sequence[Array]) -> Array | None:
    """Evaluate a `reduce_window_sum` equation.

    Args:
        params: Parameters of the equation.
        operands: The array.

    Returns:
        The sums; None where `lower_max_pool` returns it, and where XLA's own is as fast: for windows that do not
        overlap, and for windows along the last axis (local response normalisation).
    """
    array = operands[0]
    window = _read(params, array)
    if window is None or array.ndim - 1 in window.axes:
        return None
    if all(size <= stride for size, stride in zip(window.sizes, window.strides, strict=True)):
        return None
    dtype = jnp.promote_types(array.dtype, jnp.float32)
    return _reduce(window, array.astype(dtype), _sum).astype(array.dtype)


def _read(params: Mapping[str, Any], array: Array) -> Window | None:
    """Return the window of an equation along the axes where it does something."""
    if not jnp.issubdtype(array.dtype, jnp.floating) or any(gap != 1 for gap in params["base_dilation"]):
        return None
    names = ("window_dimensions", "window_strides", "padding", "window_dilation")
    columns = zip(range(array.ndim), *(params[name] for name in names), strict=True)
    moving = [column for column in columns if column[1:3] != (1, 1) or any(column[3])]
    if not moving or 0 in array.shape:
        return None
    axes, sizes, strides, padding, dilation = zip(*moving, strict=True)
    window = Window(axes, sizes, strides, tuple((before, after) for before, after in padding), dilation)
    return None if 0 in window.output_sizes(array.shape) or max(sizes) > MAX_SIZE else window


def _reduce(window: Window, array: Array, reduce: Callable[[Window, tuple[int, ...], Array], Array]) -> Array:
    if window.elements <= MAX_ELEMENTS_AT_ONCE:
        return reduce(window, array.shape, array)
    # The last axis first: the first of equal maxima is then still the first of the window.
    for place in reversed(range(len(window.axes))):
        array = reduce(window.along(place), array.shape, array)
    return array


@functools.partial(_differentiable, nondiff_argnums=(0, 1))
def _sum(window: Window, shape: tuple[int, ...], array: Array) -> Array:
    del shape
    return functools.reduce(jax.lax.add, (tap for _, tap in taps(array, window, 0)))


def _sum_forward(window: Window, shape: tuple[int, ...], array: Array) -> tuple[Array, None]:
    return _sum(window, shape, array), None


def _sum_backward(window: Window, shape: tuple[int, ...], kept: None, cotangent: Array) -> tuple[Array]:
    del kept

    def piece(offset: tuple[int, ...], slices: Array) -> Array:
        del offset
        return slices

    return (scatter([cotangent], [0], window, shape, piece),)


_sum.defvjp(_sum_forward, _sum_backward)


@functools.partial(_differentiable, nondiff_argnums=(0, 1))
def _maximum(window: Window, shape: tuple[int, ...], array: Array) -> Array:
    del shape
    return functools.reduce(jax.lax.max, (tap for _, tap in taps(array, window, -jnp.inf)))


def _maximum_forward(window: Window, shape: tuple[int, ...], array: Array) -> tuple[Array, Array]:
    """Return the maxima and which element of its window each of them is."""
    del shape
    pieces = [tap for _, tap in taps(array, window, -jnp.inf)]
    largest, winner = pieces[0], jnp.zeros(pieces[0].shape, jnp.int8)
    for number, piece in enumerate(pieces[1:], start=1):
        stays = jax.lax.ge(largest, piece)
        winner = jax.lax.select(stays, winner, jnp.full_like(winner, number))
        largest = jax.lax.select(stays, largest, piece)
    return functools.reduce(jax.lax.max, pieces), winner


def _maximum_backward(window: Window, shape: tuple[int, ...], winner: Array, cotangent: Array) -> tuple[Array]:
    numbers = {offset: number for number, offset in enumerate(window.offsets())}
    wide = cotangent.astype(jnp.promote_types(cotangent.dtype, jnp.float32))

    def won(offset: tuple[int, ...], piece: Array, winners: Array) -> Array:
        return jax.lax.select(winners == numbers[offset], piece, jnp.zeros_like(piece))

    return (scatter([wide, winner], [0, -1], window, shape, won).astype(cotangent.dtype),)


_maximum.defvjp(_maximum_forward, _maximum_backward)
