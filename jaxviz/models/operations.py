"""The operations of a flattened program that a user would name: what each is called, and what it makes and reads."""

import dataclasses
import math
from typing import Any

import numpy as np

from jaxviz.models.program import Constant, Equation, Operand, Program
from jaxviz.models.receptive_fields import geometries

_REDUCTIONS = {"reduce_max": "max", "reduce_sum": "sum"}
_POINTWISE = frozenset(
    "add sub mul div neg max min sqrt rsqrt square integer_pow pow exp log convert_element_type broadcast_in_dim "
    "reshape squeeze copy stop_gradient select_n".split()
)
_PRIMITIVE_FUNCTIONS = {"logistic": "sigmoid", "tanh": "tanh", "erf": "erf"}


@dataclasses.dataclass(frozen=True)
class Operation:
    """A value that one named operation makes, and the equation whose scope it belongs to."""

    name: str
    kind: str
    equation: Equation
    reads: int
    listed: bool = True


def operations_of(program: Program) -> dict[int, Operation]:
    """Find the operations that a user would name, keyed by the value that each one gives."""
    found: dict[int, Operation] = {}
    groups: dict[int, list[Equation]] = {}
    for equation in program.equations:
        if not program.depends[equation.results[0]] or equation.is_preprocessing:
            continue
        if equation.function:
            groups.setdefault(equation.call, []).append(equation)
            continue
        operation = _operation(program, equation)
        if operation is not None:
            found[_with_bias(program, equation)] = operation
    for group in groups.values():
        inside = {value for equation in group for value in equation.results}
        outside = [value for equation in group for value in equation.reads if value not in inside]
        reads = next(value for value in outside if program.depends[value])
        found[group[-1].results[0]] = Operation(group[-1].function, group[-1].function, group[-1], reads)
    return found


def _operation(program: Program, equation: Equation) -> Operation | None:
    reads = [value for value in equation.reads if program.depends[value]]
    name, kind = _operation_name(program, equation, reads)
    return Operation(name, kind, equation, reads[0]) if name else None


def _operation_name(program: Program, equation: Equation, reads: list[int]) -> tuple[str, str]:
    primitive, params = equation.primitive, equation.params
    if primitive == "conv_general_dilated":
        groups = params["feature_group_count"]
        return "conv", "conv" if groups == 1 else _grouped_kind(program, equation, groups)
    if primitive == "dot_general":
        if len(reads) > 1:
            return "matmul", "matmul"
        return ("", "") if _resizes(program, equation) else ("dense", "dense")
    if primitive in ("reduce_window_max", "reduce_window_sum"):
        if not _pools_space(program, equation):
            return "", ""
        return ("max_pool", "max pool") if primitive.endswith("max") else ("average_pool", "average pool")
    if primitive in _REDUCTIONS and program.shapes[equation.results[0]].shape and _reduces_space(program, equation):
        name = "mean" if _is_mean(program, equation) else _REDUCTIONS[primitive]
        return name, name
    if primitive in _PRIMITIVE_FUNCTIONS:
        return _PRIMITIVE_FUNCTIONS[primitive], _PRIMITIVE_FUNCTIONS[primitive]
    if primitive == "add" and len(set(reads)) == 2:
        return ("add", "add") if _same_full_shape(program, equation) else ("", "")
    if primitive == "concatenate" and len(reads) > 1:
        return "concatenate", "concatenate"
    return _rectifier(program, equation, reads)


def _grouped_kind(program: Program, equation: Equation, groups: int) -> str:
    channel_axis = equation.params["dimension_numbers"].lhs_spec[1]
    channels = program.shapes[equation.reads[0]].shape[channel_axis]
    return "depthwise conv" if channels == groups else "grouped conv"


def _pools_space(program: Program, equation: Equation) -> bool:
    """Tell a pooling over positions from one over channels (local response normalisation)."""
    window = equation.params["window_dimensions"]
    large = [axis for axis, extent in enumerate(window) if extent > 1]
    if len(large) != 1:
        return len(large) > 1
    spatial_axes = range(1, len(program.shapes[program.image_value].shape) - 1)
    dims = geometries(program, spatial_axes)[equation.reads[0]].dims
    # Where nothing is known of positions any more, a signal's are taken to lie in the middle.
    return bool(dims[large[0]]) if any(dims) else len(window) == 3 and large == [1]


def _reduces_space(program: Program, equation: Equation) -> bool:
    rank = len(program.shapes[equation.reads[0]].shape)
    axes = equation.params["axes"]
    return rank >= 3 and len(axes) == rank - 2 and not _is_statistic(program, equation)


def _is_statistic(program: Program, equation: Equation) -> bool:
    """Tell what a normalization subtracts or divides by from a pooling: it goes back to all that it was made of."""
    whole = math.prod(program.shapes[equation.reads[0]].shape)
    # Of a map of one position everything has as many numbers: there it must meet something else that the image made.
    must_meet = math.prod(program.shapes[equation.results[0]].shape) == whole
    pending, seen = [equation.results[0]], set[int]()
    while pending:
        value = pending.pop()
        for reader in program.readers.get(value, ()):
            result = reader.results[0]
            if reader.primitive not in _POINTWISE or result in seen:
                continue
            meets = any(program.depends[read] and read != value and read not in seen for read in reader.reads)
            if math.prod(program.shapes[result].shape) >= whole and (meets or not must_meet):
                return True
            seen.add(result)
            pending.append(result)
    return False


def _resizes(program: Program, equation: Equation) -> bool:
    """Tell a resizing by interpolation from a product with weights: its matrix is made of row and column numbers."""
    weights = frozenset(program.weight_values)
    pending, seen, counts = [value for value in equation.reads if not program.depends[value]], set[int](), False
    while pending:
        value = pending.pop()
        if value in weights:
            return False
        maker = program.maker.get(value)
        counts |= maker is not None and maker.primitive == "iota"
        fresh = [] if maker is None else [read for read in maker.reads if read not in seen]
        seen.update(fresh)
        pending += fresh
    return counts


def _is_mean(program: Program, equation: Equation) -> bool:
    readers = program.readers.get(equation.results[0], ())
    return equation.primitive == "reduce_sum" and any(reader.primitive in ("div", "mul") for reader in readers)


def _same_full_shape(program: Program, equation: Equation) -> bool:
    shapes = [program.shapes[value].shape for value in equation.reads]
    return len(shapes) == 2 and shapes[0] == shapes[1] and len(shapes[0]) >= 2


def _rectifier(program: Program, equation: Equation, reads: list[int]) -> tuple[str, str]:
    """Recognise max(x, 0) and clamp(0, x, 6) where they are written out."""
    constants = [_constant(program, operand) for operand in equation.operands if operand not in reads]
    if len(reads) != 1 or any(constant is None or np.ndim(constant) for constant in constants):
        return "", ""
    numbers = [float(constant) for constant in constants]
    if equation.primitive == "max" and numbers == [0.0] and not _is_under_root(program, equation.results[0]):
        return "relu", "relu"
    if equation.primitive == "clamp" and numbers[:1] == [0.0]:
        return "relu6", "relu6"
    return "", ""


def _is_under_root(program: Program, value: int) -> bool:
    """Tell a variance, which Flax's normalizations keep from falling below zero, from what a rectifier gives."""
    while len(readers := program.readers.get(value, ())) == 1:
        if readers[0].primitive in ("sqrt", "rsqrt"):
            return True
        if readers[0].primitive not in ("add", "broadcast_in_dim", "reshape", "convert_element_type"):
            return False
        value = readers[0].results[0]
    return False


def _constant(program: Program, operand: Operand) -> Any:
    """Return the number that an operand is, though its type was changed on the way, as by `jnp.clip`; or None."""
    if isinstance(operand, Constant):
        return operand.value
    maker = program.maker.get(operand)
    if maker is None or maker.primitive != "convert_element_type":
        return None
    return _constant(program, maker.operands[0])


def _with_bias(program: Program, equation: Equation) -> int:
    """Follow a product to the sum with its bias, and a sum to its mean: one operation to the user."""
    value = equation.results[0]
    follows = {"conv_general_dilated": "add", "dot_general": "add", "reduce_sum": "div", "max": "min"}
    wanted = follows.get(equation.primitive)
    while wanted is not None:
        readers = program.readers.get(value, ())
        if len(readers) != 1 or value in program.outputs:
            break
        reader = readers[0]
        alone = sum(program.depends[read] for read in reader.reads) == 1
        shape_kept = program.shapes[reader.results[0]].shape == program.shapes[value].shape
        if reader.primitive == wanted and alone and shape_kept and not reader.function:
            return reader.results[0]
        if reader.primitive != "convert_element_type":
            break
        value = reader.results[0]
    return equation.results[0]
