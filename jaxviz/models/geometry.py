"""Follow each position of each value back to the input pixels it can see.

Every value of a program gets, for every spatial dimension of the input, a `Field`: position `i` sees the pixels
`start + i * stride` to `start + i * stride + size - 1`. A value whose positions see everything, or whose positions
no longer lie along an axis, has the field `None` (the whole extent). Araujo, Norris and Sim, "Computing Receptive
Fields of Convolutional Neural Networks", Distill 2019, has the recurrences; here they are taken from the traced
program, so padding, dilation, branches and transposed convolutions come out of the equations and not of a table.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from jaxviz.models import jax_internals
from jaxviz.models.program import Equation, Program


@dataclasses.dataclass(frozen=True)
class Field:
    """What a position along one spatial dimension sees: `size` pixels, every `stride`, from `start`."""

    size: int
    stride: float
    start: float

    def window(self, extent: int, stride: int, before: int, dilation: int, zoom: int) -> "Field":
        """Return the field after a window of `extent` slid over these positions."""
        step = self.stride / zoom
        # After a transposed convolution positions lie between pixels: what they see is rounded up to whole ones.
        size = self.size + math.ceil((extent - 1) * dilation * step)
        return Field(size, step * stride, self.start - before * step)

    def union(self, other: "Field") -> "Field":
        """Return the field that covers both."""
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Field(math.ceil(end - start), max(self.stride, other.stride), start)


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Where a value lies over the input.

    Attributes:
        dims: For each axis of the value, the spatial dimensions of the input that run along it: usually none or
            one, both after rows and columns were merged to a row of tokens.
        fields: For each spatial dimension the field, or None where every position sees the whole extent.
    """

    dims: tuple[frozenset[int], ...]
    fields: tuple[Field | None, ...]

    def mixed(self, dims: frozenset[int], axes: Sequence[frozenset[int]] | None = None) -> "Geometry":
        """Return this geometry after positions along `dims` were mixed with one another."""
        fields = tuple(None if dim in dims else field for dim, field in enumerate(self.fields))
        kept = self.dims if axes is None else tuple(axes)
        return Geometry(tuple(axis - dims for axis in kept), fields)


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
    operands = [known.get(read) for read in equation.reads]
    seen = [geometry for geometry in operands if geometry is not None]
    shape = shapes[value]
    rule = _RULES.get(equation.primitive)
    if rule is not None:
        return rule(equation, [shapes[read] for read in equation.reads], operands, shape)
    source_shapes = [shapes[read] for read, geometry in zip(equation.reads, operands, strict=True) if geometry]
    if equation.source is not None and jax_internals.rule_body(equation.source) is not None:
        elementwise = all(source == shape for source in source_shapes) and not _body_mixes(equation)
        return _union(seen) if elementwise else _everything(seen, shape)
    if all(source == shape for source in source_shapes) and equation.primitive not in _MIXING:
        return _union(seen)
    return _everything(seen, shape)


_MIXING = frozenset(
    "rev sort cumsum cumprod cummax cummin cumlogsumexp fft gather scatter scatter-add dynamic_slice "
    "dynamic_update_slice while cond scan custom_call top_k triangular_solve cholesky".split()
)


def _body_mixes(equation: Equation) -> bool:
    """Say whether a custom-rule call holds anything but work on single elements or on the last axis."""
    elementwise_only = True
    rank = None

    def visit(program: Any) -> None:
        nonlocal elementwise_only, rank
        for inner in program.jaxpr.eqns:
            nested = jax_internals.nested_program(inner) or jax_internals.rule_body(inner)
            if nested is not None:
                visit(nested)
                continue
            axes = inner.params.get("axes")
            rank = max((len(v.aval.shape) for v in inner.invars), default=0)
            last_only = axes is not None and tuple(axes) == (rank - 1,)
            if inner.primitive.name in _MIXING or inner.primitive.name in _RULES:
                if inner.primitive.name == "broadcast_in_dim" or last_only:
                    continue
                elementwise_only = False

    body = jax_internals.rule_body(equation.source)
    if body is not None:
        visit(body)
    return not elementwise_only


def _union(geometries: Sequence[Geometry]) -> Geometry:
    result = geometries[0]
    for other in geometries[1:]:
        fields = tuple(
            None if one is None or two is None else one.union(two)
            for one, two in zip(result.fields, other.fields, strict=True)
        )
        dims = tuple(one | two for one, two in zip(result.dims, other.dims, strict=True))
        result = Geometry(dims, fields)
    return result


def _everything(geometries: Sequence[Geometry], shape: tuple[int, ...]) -> Geometry:
    count = len(geometries[0].fields)
    return Geometry(tuple(frozenset[int]() for _ in shape), (None,) * count)


Shapes = Sequence[tuple[int, ...]]
Known = Sequence[Geometry | None]


def _slide(
    geometry: Geometry,
    axes: Sequence[tuple[int, int]],
    windows: Sequence[tuple[int, int, int, int, int]],
    rank: int,
) -> Geometry:
    """Slide a window: `axes` pairs each input axis with its output axis; `windows` has one entry for each pair."""
    dims: list[frozenset[int]] = [frozenset()] * rank
    fields = list(geometry.fields)
    for (source, target), (extent, stride, before, dilation, zoom) in zip(axes, windows, strict=True):
        dims[target] = geometry.dims[source]
        moves = (extent, stride, before, zoom) != (1, 1, 0, 1)
        for dim in geometry.dims[source]:
            field = fields[dim]
            if moves and len(geometry.dims[source]) > 1:
                fields[dim] = None
            elif field is not None:
                fields[dim] = field.window(extent, stride, before, dilation, zoom)
    return Geometry(tuple(dims), tuple(fields))


def _convolution(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    params, geometry = equation.params, known[0]
    if geometry is None or any(other is not None for other in known[1:]):
        return _everything([g for g in known if g is not None], shape)
    numbers = params["dimension_numbers"]
    kernel = [shapes[1][axis] for axis in numbers.rhs_spec[2:]]
    axes = [(numbers.lhs_spec[0], numbers.out_spec[0])]
    axes += list(zip(numbers.lhs_spec[2:], numbers.out_spec[2:], strict=True))
    windows = [(1, 1, 0, 1, 1)] + [
        (extent, stride, before, dilation, zoom)
        for extent, stride, (before, _), dilation, zoom in zip(
            kernel,
            params["window_strides"],
            params["padding"],
            params["rhs_dilation"],
            params["lhs_dilation"],
            strict=True,
        )
    ]
    return _slide(geometry, axes, windows, len(shape)).mixed(geometry.dims[numbers.lhs_spec[1]])


def _reduce_window(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    params, geometry = equation.params, known[0]
    assert geometry is not None
    axes = [(axis, axis) for axis in range(len(shape))]
    windows = [
        (extent, stride, before, dilation, zoom)
        for extent, stride, (before, _), dilation, zoom in zip(
            params["window_dimensions"],
            params["window_strides"],
            params["padding"],
            params.get("window_dilation", (1,) * len(shape)),
            params.get("base_dilation", (1,) * len(shape)),
            strict=True,
        )
    ]
    return _slide(geometry, axes, windows, len(shape))


def _dot_general(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    (contracting, batches) = equation.params["dimension_numbers"]
    parts: list[Geometry] = []
    mixed: frozenset[int] = frozenset()
    for side, geometry in enumerate(known):
        if geometry is None:
            continue
        rank = len(shapes[side])
        free = [axis for axis in range(rank) if axis not in contracting[side] and axis not in batches[side]]
        dims: list[frozenset[int]] = [frozenset()] * len(shape)
        for target, source in enumerate(batches[side]):
            dims[target] = geometry.dims[source]
        others = len(shape) - len(batches[side]) - len(free)
        offset = len(batches[side]) + (others if side == 1 else 0)
        for position, source in enumerate(free):
            dims[offset + position] = geometry.dims[source]
        mixed = mixed.union(*(geometry.dims[axis] for axis in contracting[side]))
        parts.append(Geometry(tuple(dims), geometry.fields))
    if len(parts) == 2:  # both sides are positions: each output sees what two of them see
        mixed = mixed.union(*(axis for part in parts for axis in part.dims))
    return _union(parts).mixed(mixed)


def _transpose(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    assert known[0] is not None
    return Geometry(tuple(known[0].dims[axis] for axis in equation.params["permutation"]), known[0].fields)


def _broadcast(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    assert known[0] is not None
    dims: list[frozenset[int]] = [frozenset()] * len(shape)
    for source, target in enumerate(equation.params["broadcast_dimensions"]):
        dims[target] = known[0].dims[source]
    return Geometry(tuple(dims), known[0].fields)


def _reshape(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    """Match the axes before and after in groups of equal size; split spatial axes are given up."""
    assert known[0] is not None
    before, dims = shapes[0], known[0].dims
    result: list[frozenset[int]] = []
    lost: frozenset[int] = frozenset()
    source = 0
    target = 0
    while target < len(shape) or source < len(before):
        sources, targets = [source], [target]
        while math.prod(before[source : sources[-1] + 1]) != math.prod(shape[target : targets[-1] + 1]):
            if math.prod(before[source : sources[-1] + 1]) < math.prod(shape[target : targets[-1] + 1]):
                sources.append(sources[-1] + 1)
            else:
                targets.append(targets[-1] + 1)
        inside = [axis for axis in sources if axis < len(before)]
        made = [axis for axis in targets if axis < len(shape)]
        along = frozenset[int]().union(*(dims[axis] for axis in inside))
        large = [axis for axis in made if shape[axis] > 1]
        if len(large) > 1:
            lost |= along
        result += [along if axis == (large or made)[0] else frozenset() for axis in made]
        source, target = sources[-1] + 1, targets[-1] + 1
    return Geometry(tuple(result), known[0].fields).mixed(lost)


def _squeeze(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    assert known[0] is not None
    gone = {axis % len(shapes[0]) for axis in equation.params["dimensions"]}
    dims = tuple(axis_dims for axis, axis_dims in enumerate(known[0].dims) if axis not in gone)
    return Geometry(dims, known[0].fields)


def _reduce(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    assert known[0] is not None
    axes = equation.params["axes"]
    mixed = frozenset[int]().union(*(known[0].dims[axis] for axis in axes if shapes[0][axis] > 1))
    kept = [dims for axis, dims in enumerate(known[0].dims) if axis not in axes]
    return known[0].mixed(mixed, kept)


def _slice(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    assert known[0] is not None
    starts = equation.params["start_indices"]
    strides = equation.params["strides"] or (1,) * len(shape)
    axes = [(axis, axis) for axis in range(len(shape))]
    windows = [(1, stride, -start, 1, 1) for start, stride in zip(starts, strides, strict=True)]
    return _slide(known[0], axes, windows, len(shape))


def _pad(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    if known[0] is None:
        return _everything([g for g in known if g is not None], shape)
    axes = [(axis, axis) for axis in range(len(shape))]
    windows = [(1, 1, low, 1, inner + 1) for low, _, inner in equation.params["padding_config"]]
    return _slide(known[0], axes, windows, len(shape))


def _concatenate(equation: Equation, shapes: Shapes, known: Known, shape: tuple[int, ...]) -> Geometry:
    result = _union([geometry for geometry in known if geometry is not None])
    return result.mixed(result.dims[equation.params["dimension"]])


_RULES: Mapping[str, Any] = {
    "conv_general_dilated": _convolution,
    "reduce_window_max": _reduce_window,
    "reduce_window_min": _reduce_window,
    "reduce_window_sum": _reduce_window,
    "dot_general": _dot_general,
    "transpose": _transpose,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "squeeze": _squeeze,
    "slice": _slice,
    "pad": _pad,
    "concatenate": _concatenate,
    **dict.fromkeys(("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "argmax", "argmin"), _reduce),
}
