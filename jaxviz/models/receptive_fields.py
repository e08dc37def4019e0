"""Follow each position of each value of a program back to the input pixels it can see."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxviz.models import jax_internals
from jaxviz.models.geometry import Field, Geometry, everything, union
from jaxviz.models.geometry_rules import RULES, Step
from jaxviz.models.program import Equation, Program

_MIXING = frozenset(
    "rev sort cumsum cumprod cummax cummin cumlogsumexp fft gather scatter scatter-add dynamic_slice "
    "dynamic_update_slice while cond scan custom_call top_k triangular_solve cholesky".split()
)
"""Operations without a rule whose positions may see any other, even where the shape stays the same."""


def geometries(program: Program, spatial_axes: Sequence[int]) -> dict[int, Geometry]:
    """Compute the geometry of every value that depends on the images.

    Args:
        program: A flattened program.
        spatial_axes: The axes of the images (batch first) that are spatial, e.g. `(1, 2)`.

    Returns:
        A geometry by value; values that do not depend on the images have none.
    """
    rank = len(program.shapes[program.image_value].shape)
    dims = tuple(
        frozenset({spatial_axes.index(axis)}) if axis in spatial_axes else frozenset[int]() for axis in range(rank)
    )
    fields = tuple(Field(1, 1.0, 0.0) for _ in spatial_axes)
    found = {program.image_value: Geometry(dims, fields)}
    for equation in program.equations:
        if not program.depends[equation.results[0]]:
            continue
        for value in equation.results:
            shapes = {number: program.shapes[number].shape for number in (*equation.reads, value)}
            found[value] = _follow(equation, value, shapes, found)
    return found


def _follow(
    equation: Equation, value: int, shapes: Mapping[int, tuple[int, ...]], known: Mapping[int, Geometry]
) -> Geometry:
    shape = shapes[value]
    rule = RULES.get(equation.primitive)
    if rule is not None:
        operands = [known.get(read) for read in equation.reads]
        return rule(Step(equation.params, [shapes[read] for read in equation.reads], operands, shape))
    body = None if equation.source is None else jax_internals.rule_body(equation.source)
    mixes = equation.primitive in _MIXING if body is None else _mixes(body)
    mixes |= any(not _is_broadcast(shapes[read], shape) for read in equation.reads if read in known)
    seen = [known[read] for read in equation.reads if read in known]
    return everything(seen, shape) if mixes else union(seen)


def _is_broadcast(read: Sequence[int], shape: Sequence[int]) -> bool:
    """Say whether positions stay where they are when a shape is stretched to another: single elements reach all."""
    return len(read) == len(shape) and all(own in (1, extent) for own, extent in zip(read, shape, strict=True))


def _mixes(program: Any) -> bool:
    """Say whether the body of a custom rule holds anything but work on single elements or on the last axis."""
    return any(_is_mixing(equation) for equation in jax_internals.inner_equations(program))


def _is_mixing(equation: Any) -> bool:
    name, axes = equation.primitive.name, equation.params.get("axes")
    rank = max((len(read.aval.shape) for read in equation.invars), default=0)
    on_the_last_axis = axes is not None and tuple(axes) == (rank - 1,)
    return (name in _MIXING or name in RULES) and name != "broadcast_in_dim" and not on_the_last_axis
