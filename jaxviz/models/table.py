"""Measure the layers of a flattened program: shapes, parameters, FLOPs, receptive fields."""

import math
from collections.abc import Sequence

from jaxviz.models.geometry import Geometry
from jaxviz.models.layers import Layer, LayerTable
from jaxviz.models.naming import NamedValue, Naming
from jaxviz.models.program import Equation, Program
from jaxviz.models.receptive_fields import geometries

# The table is made from a trace with this batch size: a prime that no layer is wide, so that the batch axis of every
# value can be told by its extent. Nothing is computed in a trace, so its size costs nothing.
BATCH = 8191


def layer_table(program: Program, naming: Naming, image_shape: Sequence[int], model: str) -> LayerTable:
    """Describe the named layers of a program that was traced with `BATCH` images.

    Args:
        program: The flattened program.
        naming: The names of its layers.
        image_shape: Shape of one image, the channel last.
        model: The model's name, for messages.
    """
    spatial_axes = range(1, len(image_shape))
    where = geometries(program, spatial_axes)
    boundaries = {named.value for named in naming.layers}
    layers: list[Layer] = []
    for named in naming.layers:
        layer = _layer(program, named, where[named.value], image_shape, boundaries)
        if layer is not None:
            layers.append(layer)
    return LayerTable(layers, model=model)


def image_axis(shape: Sequence[int]) -> int | None:
    """Return the axis that counts `BATCH` images, or that positions were merged into; None for none."""
    return next((axis for axis, extent in enumerate(shape) if extent % BATCH == 0 and extent), None)


def _layer(
    program: Program, named: NamedValue, where: Geometry, image_shape: Sequence[int], boundaries: set[int]
) -> Layer | None:
    shape = program.shapes[named.value].shape
    batch_axis = image_axis(shape)
    if batch_axis is None or len(shape) < 2:
        return None
    channel_axis = _channel_axis(shape, batch_axis, where)
    order = [axis for axis in range(len(shape)) if axis not in (batch_axis, channel_axis)]
    merged = shape[batch_axis] // BATCH
    own_shape = tuple(shape[axis] for axis in (*order, channel_axis))
    parameters, flops = _work(program, named.value, boundaries)
    fields = [
        (extent, None, None) if field is None else (field.size, field.stride, field.start)
        for field, extent in zip(where.fields, image_shape[:-1], strict=True)
    ]
    return Layer(
        name=named.name,
        kind=named.kind,
        shape=(merged, *own_shape) if merged > 1 else own_shape,
        units=own_shape[-1],
        parameters=parameters,
        flops=flops,
        receptive_field=tuple(size for size, _, _ in fields),
        stride=tuple(stride for _, stride, _ in fields),
        offset=tuple(start for _, _, start in fields),
        aliases=named.aliases,
        value=named.value,
        batch_axis=batch_axis,
        channel_axis=channel_axis,
    )


def _channel_axis(shape: Sequence[int], batch_axis: int, where: Geometry) -> int:
    """Return the one axis that is neither the batch nor a position, or the last where that does not tell."""
    free = [axis for axis in range(len(shape)) if axis != batch_axis and not where.dims[axis]]
    if len(free) == 1:
        return free[0]
    return len(shape) - 1 if batch_axis != len(shape) - 1 else len(shape) - 2


def _work(program: Program, value: int, boundaries: set[int]) -> tuple[int, int]:
    """Count the weights and the operations between the layers before a value and the value."""
    weights = set(program.weight_values)
    equations: dict[int, Equation] = {}
    used: set[int] = set()
    reached: set[int] = set()
    pending = [value]
    while pending:
        current = pending.pop()
        reached.add(current)
        equation = program.maker.get(current)
        if current in weights or (equation is not None and equation.primitive == "index"):
            used.add(current)  # of weights stacked for a loop over layers, each turn uses its own slice
        elif equation is None or equation.is_preprocessing:
            continue
        elif equation.results[0] not in equations:
            equations[equation.results[0]] = equation
            pending += [read for read in equation.reads if read not in reached and read not in boundaries]
    parameters = sum(math.prod(program.shapes[number].shape) for number in used)
    flops = sum(
        _equation_flops(program, equation) for equation in equations.values() if program.depends[equation.results[0]]
    )
    return parameters, flops // BATCH


def _equation_flops(program: Program, equation: Equation) -> int:
    """Count multiplications and additions as one operation each."""
    made = math.prod(program.shapes[equation.results[0]].shape)
    params = equation.params
    operand_shapes = [program.shapes[read].shape for read in equation.reads]
    if equation.primitive == "conv_general_dilated":
        kernel, numbers = operand_shapes[-1], params["dimension_numbers"]
        return 2 * made * math.prod(kernel) // kernel[numbers.rhs_spec[0]]
    if equation.primitive == "dot_general":
        contracting = params["dimension_numbers"][0][0]
        return 2 * made * math.prod(operand_shapes[0][axis] for axis in contracting)
    if equation.primitive.startswith("reduce_window"):
        return made * math.prod(params["window_dimensions"])
    if equation.primitive.startswith("reduce_"):
        return math.prod(operand_shapes[0])
    return 0 if equation.primitive in _FREE else made


_FREE = frozenset(
    "reshape transpose broadcast_in_dim squeeze slice concatenate convert_element_type copy stop_gradient".split()
)
