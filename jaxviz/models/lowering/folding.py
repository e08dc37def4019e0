"""Fold what is done to each channel behind a convolution, as by a batch normalization, into its kernel.

`(images * kernel - mean) scale + offset` is `images * (kernel scale) + (offset - mean scale)`: the kernel is scaled
once, and not the images in every step. That is the same but for rounding wherever the numbers depend on the weights
alone and are one for each channel of the result, and nobody reads what lies between.
"""

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from jaxviz.models.program import Equation, Lowering, Operand, Program, Replacement

Array = jax.Array

# Narrower floats would round the kernel once more.
_DTYPES = (jnp.float32, jnp.float64)


class _Step(NamedTuple):
    """What an equation does to each channel of a value.

    Attributes:
        equation: The equation.
        numbers: The operand that has a number for each channel, or None where axes of length one come or go.
        channel_axis: The axis of its result that holds the channels.
    """

    equation: Equation
    numbers: Operand | None
    channel_axis: int

    @property
    def value(self) -> int:
        """The number of its result."""
        return self.equation.results[0]


class _Fold(NamedTuple):
    """A convolution, or a product with a matrix, and what is done to each channel of its result, in order.

    Attributes:
        product: The equation that makes the products; its second operand is the kernel.
        kernel_axis: The axis of the kernel that makes the channels of the result.
        steps: What is done to the result.
    """

    product: Equation
    kernel_axis: int
    steps: tuple[_Step, ...]


def fold_channels(
    program: Program, wanted: Sequence[int], replaced: Mapping[int, Replacement], lowering: Lowering | None
) -> dict[int, Replacement]:
    """Return what computes the ends of such chains with a folded kernel, beside what is replaced already.

    Args:
        program: A traced model.
        wanted: Numbers of the values that are read, which stay as they are.
        replaced: What is computed another way already, for `Program.evaluate`.
        lowering: Offered the products with the folded kernels, or None.
    """
    folded: dict[int, Replacement] = {}
    for fold in _folds(program, set(wanted), replaced.keys()):
        between = (fold.product, *(step.equation for step in fold.steps[:-1]))
        folded |= {equation.results[0]: _nothing for equation in between}
        folded[fold.steps[-1].value] = functools.partial(_run, program, fold, lowering)
    return {**replaced, **folded}


def _nothing(_values: Mapping[int, Array]) -> Any:
    """Stand for a value that nobody reads."""


def _run(program: Program, fold: _Fold, lowering: Lowering | None, values: Mapping[int, Array]) -> Array:
    kernel = fold.product.reads[1]
    array = values[kernel]
    scale, offset = jnp.ones((), array.dtype), jnp.zeros((), array.dtype)
    for step in fold.steps:
        if step.numbers is None:
            continue
        numbers = _of_channels(step, values)
        if step.equation.primitive in ("add", "sub"):
            offset = offset + (numbers if step.equation.primitive == "add" else -numbers)
        else:
            factor = numbers if step.equation.primitive == "mul" else 1 / numbers
            scale, offset = scale * factor, offset * factor
    scaled = array * _along(scale, fold.kernel_axis, array.ndim)
    (result,) = program.run(fold.product, {**values, kernel: scaled}, lowering)
    last = fold.steps[-1]
    result = result.reshape(program.shapes[last.value].shape)
    return result + _along(offset, last.channel_axis, result.ndim)


def _of_channels(step: _Step, values: Mapping[int, Array]) -> Array:
    """Return the numbers of a step, `[channel]`, or one for all of them."""
    operand = cast(Operand, step.numbers)
    array = jnp.asarray(values[operand] if isinstance(operand, int) else operand.value)
    return array[tuple(slice(None) if axis == step.channel_axis else 0 for axis in range(array.ndim))]


def _along(numbers: Array, axis: int, dimensions: int) -> Array:
    return numbers.reshape([-1 if axis == other else 1 for other in range(dimensions)]) if numbers.ndim else numbers


def _folds(program: Program, wanted: Collection[int], taken: Collection[int]) -> tuple[_Fold, ...]:
    needed = program.needed(wanted)
    # Not `program.readers`: what is not computed reads nothing.
    readers: dict[int, list[Equation]] = {value: [] for value in range(len(program.shapes))}
    for equation in needed:
        for value in set(equation.reads):
            readers[value].append(equation)
    folds = (_fold_behind(program, equation, readers, wanted, taken) for equation in needed)
    return tuple(fold for fold in folds if fold is not None)


def _fold_behind(
    program: Program,
    product: Equation,
    readers: Mapping[int, Sequence[Equation]],
    wanted: Collection[int],
    taken: Collection[int],
) -> _Fold | None:
    """Return the longest chain behind a product, or None if it scales nothing."""
    axes = _axes(program, product)
    if axes is None or product.results[0] in taken:
        return None
    kernel_axis, channel_axis = axes
    steps: list[_Step] = []
    value = product.results[0]
    while value not in wanted and len(readers[value]) == 1:
        step = _step(program, readers[value][0], value, channel_axis)
        if step is None or step.value in taken:
            break
        steps.append(step)
        value, channel_axis = step.value, step.channel_axis
    scales = any(step.equation.primitive in ("mul", "div") for step in steps)
    return _Fold(product, kernel_axis, tuple(steps)) if scales else None


def _axes(program: Program, product: Equation) -> tuple[int, int] | None:
    """Return the axes of the kernel and of the result that are the result's channels; None if it is no such product."""
    if len(product.reads) != 2 or len(product.operands) != 2:
        return None
    images, kernel = product.reads
    dtypes = {program.shapes[value].dtype for value in (images, kernel, product.results[0])}
    if not program.depends[images] or program.depends[kernel] or len(dtypes) > 1 or dtypes.pop() not in _DTYPES:
        return None
    numbers: Any = product.params.get("dimension_numbers")
    if product.primitive == "conv_general_dilated" and product.params["batch_group_count"] == 1:
        return numbers.rhs_spec[0], numbers.out_spec[1]
    if product.primitive == "dot_general" and len(program.shapes[kernel].shape) == 2:
        (_left, summed), (batch, _right) = numbers
        if len(summed) == 1 and not batch:
            return 1 - int(summed[0]), len(program.shapes[product.results[0]].shape) - 1
    return None


def _step(program: Program, equation: Equation, value: int, channel_axis: int) -> _Step | None:
    """Return what an equation does to each channel of a value; None if it does anything else."""
    before, after = program.shapes[value], program.shapes[equation.results[0]]
    if equation.primitive in ("reshape", "squeeze"):
        axis = _axis_after(before.shape, after.shape, channel_axis)
        return None if axis is None else _Step(equation, None, axis)
    if equation.primitive not in ("add", "sub", "mul", "div") or equation.operands.count(value) != 1:
        return None
    place = equation.operands.index(value)
    if place == 1 and equation.primitive in ("sub", "div"):
        return None
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        return None
    other = equation.operands[1 - place]
    if isinstance(other, int):
        fixed = not program.depends[other] and program.shapes[other].dtype == before.dtype
        alike = fixed and set(_varying_axes(program, other)) <= {channel_axis}
    else:
        alike = jnp.ndim(other.value) == 0
    return _Step(equation, other, channel_axis) if alike else None


def _axis_after(before: Sequence[int], after: Sequence[int], axis: int) -> int | None:
    """Return where an axis is when axes of length one came or went; None if more than that was done."""
    kept, found = ([place for place, length in enumerate(shape) if length > 1] for shape in (before, after))
    if axis not in kept or [before[place] for place in kept] != [after[place] for place in found]:
        return None
    return found[kept.index(axis)]


def _varying_axes(program: Program, value: int) -> list[int]:
    """Return the axes of a value along which its numbers may differ."""
    shape, maker = program.shapes[value].shape, program.maker.get(value)
    axes: Sequence[int] = range(len(shape))
    if maker is not None and maker.primitive == "broadcast_in_dim":
        lengths = program.shapes[maker.reads[0]].shape if maker.reads else ()
        places = zip(maker.params["broadcast_dimensions"], lengths, strict=True)
        axes = [int(axis) for axis, length in places if length > 1]
    return [axis for axis in axes if shape[axis] > 1]
