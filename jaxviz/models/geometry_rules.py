"""What each operation makes of what the positions of its operands see."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxviz.models.geometry import Geometry, everything, union


class Step(NamedTuple):
    """One equation on its way: shapes and geometries of what it reads, and the shape of what it makes."""

    params: Mapping[str, Any]
    shapes: Sequence[tuple[int, ...]]
    known: Sequence[Geometry | None]
    shape: tuple[int, ...]

    @property
    def first(self) -> Geometry:
        """The geometry of the first operand, for operations whose first operand is what they work on."""
        geometry = self.known[0]
        assert geometry is not None
        return geometry


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


def _slide_in_place(geometry: Geometry, windows: Sequence[tuple[int, int, int, int, int]]) -> Geometry:
    return _slide(geometry, [(axis, axis) for axis in range(len(windows))], windows, len(windows))


def _convolution(step: Step) -> Geometry:
    if step.known[0] is None or any(other is not None for other in step.known[1:]):
        return everything([geometry for geometry in step.known if geometry is not None], step.shape)
    params, geometry = step.params, step.first
    numbers = params["dimension_numbers"]
    summed: int = numbers.lhs_spec[1]
    kernel: list[int] = [step.shapes[1][axis] for axis in numbers.rhs_spec[2:]]
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
    return _slide(geometry, axes, windows, len(step.shape)).mixed(geometry.dims[summed])


def _reduce_window(step: Step) -> Geometry:
    params = step.params
    windows = [
        (extent, stride, before, dilation, zoom)
        for extent, stride, (before, _), dilation, zoom in zip(
            params["window_dimensions"],
            params["window_strides"],
            params["padding"],
            params.get("window_dilation", (1,) * len(step.shape)),
            params.get("base_dilation", (1,) * len(step.shape)),
            strict=True,
        )
    ]
    return _slide_in_place(step.first, windows)


def _dot_general(step: Step) -> Geometry:
    contracting: Sequence[Sequence[int]]
    batches: Sequence[Sequence[int]]
    contracting, batches = step.params["dimension_numbers"]
    parts: list[Geometry] = []
    mixed: frozenset[int] = frozenset()
    for side, geometry in enumerate(step.known):
        if geometry is None:
            continue
        rank = len(step.shapes[side])
        free = [axis for axis in range(rank) if axis not in contracting[side] and axis not in batches[side]]
        dims: list[frozenset[int]] = [frozenset()] * len(step.shape)
        for target, source in enumerate(batches[side]):
            dims[target] = geometry.dims[source]
        others = len(step.shape) - len(batches[side]) - len(free)
        offset = len(batches[side]) + (others if side == 1 else 0)
        for position, source in enumerate(free):
            dims[offset + position] = geometry.dims[source]
        mixed = mixed.union(*(geometry.dims[axis] for axis in contracting[side]))
        parts.append(Geometry(tuple(dims), geometry.fields))
    if len(parts) == 2:  # both sides are positions: each output sees what two of them see
        mixed = mixed.union(*(axis for part in parts for axis in part.dims))
    return union(parts).mixed(mixed)


def _transpose(step: Step) -> Geometry:
    order: Sequence[int] = step.params["permutation"]
    return Geometry(tuple(step.first.dims[axis] for axis in order), step.first.fields)


def _broadcast(step: Step) -> Geometry:
    dims: list[frozenset[int]] = [frozenset()] * len(step.shape)
    for source, target in enumerate(step.params["broadcast_dimensions"]):
        dims[target] = step.first.dims[source]
    return Geometry(tuple(dims), step.first.fields)


def _reshape(step: Step) -> Geometry:
    """Match the axes before and after in groups of equal size; split spatial axes are given up."""
    before, dims = step.shapes[0], step.first.dims
    if 0 in step.shape:  # nothing in it, and products that never meet
        return Geometry((frozenset[int](),) * len(step.shape), step.first.fields)
    result: list[frozenset[int]] = []
    lost: frozenset[int] = frozenset()
    source = 0
    target = 0
    while target < len(step.shape) or source < len(before):
        sources, targets = [source], [target]
        while math.prod(before[source : sources[-1] + 1]) != math.prod(step.shape[target : targets[-1] + 1]):
            if math.prod(before[source : sources[-1] + 1]) < math.prod(step.shape[target : targets[-1] + 1]):
                sources.append(sources[-1] + 1)
            else:
                targets.append(targets[-1] + 1)
        inside = [axis for axis in sources if axis < len(before)]
        made = [axis for axis in targets if axis < len(step.shape)]
        along = frozenset[int]().union(*(dims[axis] for axis in inside))
        large = [axis for axis in made if step.shape[axis] > 1]
        if len(large) > 1:
            lost |= along
        result += [along if axis == (large or made)[0] else frozenset() for axis in made]
        source, target = sources[-1] + 1, targets[-1] + 1
    return Geometry(tuple(result), step.first.fields).mixed(lost)


def _squeeze(step: Step) -> Geometry:
    gone = {axis % len(step.shapes[0]) for axis in step.params["dimensions"]}
    dims = tuple(axis_dims for axis, axis_dims in enumerate(step.first.dims) if axis not in gone)
    return Geometry(dims, step.first.fields)


def _reduce(step: Step) -> Geometry:
    axes: Sequence[int] = step.params["axes"]
    mixed = frozenset[int]().union(*(step.first.dims[axis] for axis in axes if step.shapes[0][axis] > 1))
    kept = [dims for axis, dims in enumerate(step.first.dims) if axis not in axes]
    return step.first.mixed(mixed, kept)


def _slice(step: Step) -> Geometry:
    starts = step.params["start_indices"]
    strides = step.params["strides"] or (1,) * len(step.shape)
    windows = [(1, stride, -start, 1, 1) for start, stride in zip(starts, strides, strict=True)]
    return _slide_in_place(step.first, windows)


def _pad(step: Step) -> Geometry:
    if step.known[0] is None:
        return everything([geometry for geometry in step.known if geometry is not None], step.shape)
    windows = [(1, 1, low, 1, inner + 1) for low, _, inner in step.params["padding_config"]]
    return _slide_in_place(step.first, windows)


def _concatenate(step: Step) -> Geometry:
    result = union([geometry for geometry in step.known if geometry is not None])
    joined: int = step.params["dimension"]
    return result.mixed(result.dims[joined])


RULES: Mapping[str, Callable[[Step], Geometry]] = {
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
