"""Find the layers of a flattened program and give each a name.

A layer is a value that a user would point at: what a module returns, and what a functional convolution, matrix
product, pooling, nonlinearity, residual sum or concatenation gives inside a module. Its name is the path of the
module, and for a functional operation that path with the operation's name behind it: `stage3/block1/conv`,
`stage3/block1/relu`. A second call of the same module is `path#2`; a second operation of the same name in a module
is `relu_2`. A composite module's output has the name of the operation that made it and the module's own path as an
alias: `stage3/block1` is `stage3/block1/add`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxviz.models.adaptation import CALL_MARK
from jaxviz.models.program import Constant, Equation, Operand, Program

Scope = tuple[str, ...]

_RECTIFIERS = frozenset({"relu", "relu6", "leaky_relu"})
_SHAPE_PRIMITIVES = frozenset({"concatenate", "reshape", "transpose", "convert_element_type", "squeeze", "copy"})
_ELEMENTWISE_LINEAR = frozenset({"add", "sub", "mul", "div", "rsqrt", "sqrt", "square", "integer_pow"})
_REDUCTIONS = {"reduce_max": "max", "reduce_sum": "sum"}
_PRIMITIVE_FUNCTIONS = {"logistic": "sigmoid", "tanh": "tanh", "erf": "erf"}


@dataclasses.dataclass(frozen=True)
class NamedValue:
    """A value of the program that is a layer: its name, other names it goes by, and what made it."""

    name: str
    aliases: tuple[str, ...]
    kind: str
    value: int


@dataclasses.dataclass(frozen=True)
class NamedOperation:
    """An operation that a user would name, be it a layer or not: the value that it makes, and the one that it reads."""

    name: str
    value: int
    reads: int


@dataclasses.dataclass(frozen=True)
class Naming:
    """The layers and the named operations of a program in order, and what goes into each rectifier."""

    layers: tuple[NamedValue, ...]
    operations: tuple[NamedOperation, ...]
    before_rectifier: dict[int, int]
    logits: int | None


def name_layers(program: Program, *, root: str = "", ignored: str = "", output_names: Sequence[str] = ()) -> Naming:
    """Name the layers of a program.

    Args:
        program: A flattened program.
        root: Name of the outermost module, left out of all names.
        ignored: Scopes that begin with this say the class of a module whose path is known already.
        output_names: A name for each output of the function ('' for none): aliases of those values.

    Returns:
        The layers in the order in which the program makes them.
    """
    program_operations = _operations(program)
    scopes = _Scopes(program, root, ignored)
    leaves = {scope for scope in scopes.outputs if not scopes.has_children(scope)}
    counts: dict[Scope, int] = {}
    for operation in program_operations.values():
        scope = scopes.of(operation.equation)
        counts[scope] = counts.get(scope, 0) + 1

    found: dict[int, tuple[list[str], str]] = {}
    for value, operation in program_operations.items():
        scope = scopes.of(operation.equation)
        if scope in leaves and counts[scope] == 1:
            value = scopes.outputs[scope]  # the module is this operation: its output carries the module's name
            found[value] = (["/".join(scope)], operation.kind)
        elif operation.listed:
            found.setdefault(value, (["/".join((*scope, operation.name))], operation.kind))
    for scope in sorted(scopes.outputs, key=len, reverse=True):
        value = scopes.outputs[scope]
        kind = _module_kind(program, scopes, scope) if scope in leaves else "module"
        names, known_kind = found.setdefault(value, ([], kind))
        if "/".join(scope) not in names:
            names.append("/".join(scope))
        found[value] = (names, known_kind)
    for value, name in zip(program.outputs, output_names, strict=False):
        if program.depends[value]:
            names, kind = found.setdefault(value, ([], "output"))
            names.extend([name] if name and name not in names else [])
    before = {
        value: operation.reads for value, operation in program_operations.items() if operation.name in _RECTIFIERS
    }
    operations = (
        NamedOperation(operation.name, value, operation.reads)
        for value, operation in sorted(program_operations.items())
    )
    return Naming(_unique(found, program), tuple(operations), before, _logits(program, program_operations))


def _unique(found: dict[int, tuple[list[str], str]], program: Program) -> tuple[NamedValue, ...]:
    """Make all names different, the earlier value keeping the plain one; drop what has no batch axis or is empty."""
    taken: set[str] = set()

    def free(name: str) -> str:
        candidate, number = name, 2
        while candidate in taken:
            candidate, number = f"{name}_{number}", number + 1
        taken.add(candidate)
        return candidate

    ordered = [value for value in sorted(found) if program.shapes[value].shape and found[value][0]]
    names = {value: free(found[value][0][0] or "output") for value in ordered}
    layers: list[NamedValue] = []
    for value in ordered:
        aliases = [name for name in found[value][0][1:] if name and name not in taken]
        taken.update(aliases)
        layers.append(NamedValue(names[value], tuple(dict.fromkeys(aliases)), found[value][1], value))
    return tuple(layers)


@dataclasses.dataclass(frozen=True)
class _Operation:
    """A value that one named operation makes, and the equation whose scope it belongs to."""

    name: str
    kind: str
    equation: Equation
    reads: int
    listed: bool = True


def _operations(program: Program) -> dict[int, _Operation]:
    """Find the operations that a user would name, keyed by the value that each one gives."""
    operations: dict[int, _Operation] = {}
    groups: dict[int, list[Equation]] = {}
    for equation in program.equations:
        if not program.depends[equation.results[0]] or equation.is_preprocessing:
            continue
        if equation.function:
            groups.setdefault(equation.call, []).append(equation)
            continue
        operation = _operation(program, equation)
        if operation is not None:
            operations[_with_bias(program, equation)] = operation
    for group in groups.values():
        inside = {value for equation in group for value in equation.results}
        outside = [value for equation in group for value in equation.reads if value not in inside]
        reads = next(value for value in outside if program.depends[value])
        operations[group[-1].results[0]] = _Operation(group[-1].function, group[-1].function, group[-1], reads)
    return operations


def _operation(program: Program, equation: Equation) -> _Operation | None:
    reads = [value for value in equation.reads if program.depends[value]]
    name, kind = _operation_name(program, equation, reads)
    return _Operation(name, kind, equation, reads[0]) if name else None


def _operation_name(program: Program, equation: Equation, reads: list[int]) -> tuple[str, str]:
    primitive, params = equation.primitive, equation.params
    if primitive == "conv_general_dilated":
        groups = params["feature_group_count"]
        return "conv", "conv" if groups == 1 else _grouped_kind(program, equation, groups)
    if primitive == "dot_general":
        return ("dense", "dense") if len(set(reads)) == 1 and len(reads) == 1 else ("matmul", "matmul")
    if primitive in ("reduce_window_max", "reduce_window_sum"):
        if not _pools_space(equation):
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


def _pools_space(equation: Equation) -> bool:
    """Tell a pooling over positions from one over channels (local response normalisation)."""
    window = equation.params["window_dimensions"]
    return sum(extent > 1 for extent in window) > 1 or (len(window) == 3 and window[1] > 1)


def _reduces_space(program: Program, equation: Equation) -> bool:
    rank = len(program.shapes[equation.reads[0]].shape)
    axes = equation.params["axes"]
    return rank >= 3 and len(axes) == rank - 2


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
    if equation.primitive == "max" and numbers == [0.0]:
        return "relu", "relu"
    if equation.primitive == "clamp" and numbers[:1] == [0.0]:
        return "relu6", "relu6"
    return "", ""


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


class _Scopes:
    """The module calls of a program: the scope of each equation, and the value that each scope returns."""

    def __init__(self, program: Program, root: str, ignored: str) -> None:
        self._scope: dict[int, Scope] = {}
        self._root = root
        self._ignored = ignored
        self._separate_calls(program)
        self.outputs = self._find_outputs(program)
        self._parents = {scope[:depth] for scope in self.outputs for depth in range(len(scope))}

    def of(self, equation: Equation) -> Scope:
        """Return the scope of an equation, calls of the same module told apart."""
        return self._scope[equation.results[0]]

    def has_children(self, scope: Scope) -> bool:
        """Say whether other modules were called inside this one."""
        return scope in self._parents

    def _relevant(self, scope: Scope) -> Scope:
        if self._root and scope[:1] == (self._root,):
            scope = scope[1:]
        if self._ignored and any(CALL_MARK in name for name in scope):
            scope = tuple(name for name in scope if not name.startswith(self._ignored))
        return scope

    def _separate_calls(self, program: Program) -> None:
        """Number the visits to each scope: a scope entered again after it was left is a second call."""
        visits: dict[Scope, int] = {}
        previous: Scope = ()
        current: Scope = ()
        for equation in program.equations:
            scope = self._relevant(equation.scope)
            if not program.depends[equation.results[0]]:
                self._scope[equation.results[0]] = scope
                continue
            shared = next(
                (i for i, (a, b) in enumerate(zip(previous, scope, strict=False)) if a != b),
                min(len(previous), len(scope)),
            )
            named: list[str] = list(current[:shared])
            for depth in range(shared, len(scope)):
                name = scope[depth].partition(CALL_MARK)[0]
                path = (*named, name)
                visits[path] = visits.get(path, 0) + 1
                number = visits[path]
                named.append(name if number == 1 else f"{name}#{number}")
            previous, current = scope, tuple(named)
            self._scope[equation.results[0]] = current

    def _find_outputs(self, program: Program) -> dict[Scope, int]:
        """Return for each scope the last value it makes that is read outside it."""
        outputs: dict[Scope, int] = {}
        final = set(program.outputs)
        for equation in program.equations:
            if not program.depends[equation.results[0]] or equation.is_preprocessing:
                continue
            scope = self.of(equation)
            for value in equation.results:
                readers = [self.of(reader) for reader in program.readers.get(value, ())]
                for depth in range(1, len(scope) + 1):
                    if value in final or any(reader[:depth] != scope[:depth] for reader in readers):
                        outputs[scope[:depth]] = value
        return outputs


def _module_kind(program: Program, scopes: _Scopes, scope: Scope) -> str:
    """Name the kind of a module that holds no named operation: a normalisation, or just 'module'."""
    inside = [equation for equation in program.equations if scopes.of(equation) == scope]
    primitives = {equation.primitive for equation in inside if program.depends[equation.results[0]]}
    if {"mul", "add"} <= primitives and primitives <= _ELEMENTWISE_LINEAR | _SHAPE_PRIMITIVES | {"reduce_sum"}:
        return "norm"
    return "reshape" if primitives and primitives <= _SHAPE_PRIMITIVES else "module"


def _logits(program: Program, operations: dict[int, _Operation]) -> int | None:
    """Return the model's class logits: its last output of one vector an image, before any softmax."""
    vectors = [value for value in program.outputs if program.depends[value] and len(program.shapes[value].shape) == 2]
    if not vectors:
        return None
    operation = operations.get(vectors[-1])
    return operation.reads if operation is not None and operation.name in ("softmax", "log_softmax") else vectors[-1]


def unrectified(program: Program, naming: Naming, value: int) -> Operand | tuple[Equation, list[object]]:
    """Describe the value as it was before a rectifier, through concatenations and changes of shape.

    Returns:
        The number of a value, or an equation with such descriptions of its operands.
    """
    if value in naming.before_rectifier:
        return naming.before_rectifier[value]
    equation = program.maker.get(value)
    if equation is None or equation.primitive not in _SHAPE_PRIMITIVES:
        return value
    operands: list[object] = [
        unrectified(program, naming, operand) if isinstance(operand, int) else operand for operand in equation.operands
    ]
    return value if operands == list(equation.operands) else (equation, operands)
