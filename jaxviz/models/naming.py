"""Find the layers of a flattened program and give each a name.

A layer is a value that a user would point at: what a module returns, and what a functional convolution, matrix
product, pooling, nonlinearity, residual sum or concatenation gives inside a module. Its name is the path of the
module, and for a functional operation that path with the operation's name behind it: `stage3/block1/conv`,
`stage3/block1/relu`. A second call of the same module is `path#2`; a second operation of the same name in a module
is `relu_2`. A composite module's output has the name of the operation that made it and the module's own path as an
alias: `stage3/block1` is `stage3/block1/add`.
"""

import dataclasses
import itertools
import math
from collections.abc import Collection, Sequence

from jaxviz.models.adaptation import CALL_MARK
from jaxviz.models.operations import Operation, operations_of
from jaxviz.models.program import Equation, Operand, Program

Scope = tuple[str, ...]

_RECTIFIERS = frozenset({"relu", "relu6", "leaky_relu"})
_SHAPE_PRIMITIVES = frozenset({"concatenate", "reshape", "transpose", "convert_element_type", "squeeze", "copy"})
_ELEMENTWISE_LINEAR = frozenset({"add", "sub", "mul", "div", "rsqrt", "sqrt", "square", "integer_pow"})
# What a normalization makes of its input before the root of the variance.
_STATISTICS = frozenset({"reduce_sum", "broadcast_in_dim", "max"})


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
    """The layers and named operations of a program in order, what goes into each rectifier, and likely class logits."""

    layers: tuple[NamedValue, ...]
    operations: tuple[NamedOperation, ...]
    before_rectifier: dict[int, int]
    logits: tuple[int, ...]


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
    program_operations = operations_of(program)
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
    return Naming(
        _unique(found, program), tuple(operations), before, _logits(program, program_operations, found, output_names)
    )


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
            same = itertools.takewhile(lambda names: names[0] == names[1], zip(previous, scope, strict=False))
            shared = sum(1 for _ in same)
            named: list[str] = list(current[:shared])
            for depth in range(shared, len(scope)):
                name = scope[depth].partition(CALL_MARK)[0]
                # The scope that `jnp.einsum` opens is its subscripts, which name nothing: "BTNH,BSNH->BNTS".
                name = "einsum" if "->" in name else name
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
    statistics = _STATISTICS if "rsqrt" in primitives else {"reduce_sum"}
    if {"mul", "add"} <= primitives and primitives <= _ELEMENTWISE_LINEAR | _SHAPE_PRIMITIVES | statistics:
        return "norm"
    return "reshape" if primitives and primitives <= _SHAPE_PRIMITIVES else "module"


def _logits(
    program: Program, operations: dict[int, Operation], named: Collection[int], output_names: Sequence[str]
) -> tuple[int, ...]:
    """Return what may be the class logits, the likeliest first: outputs of one vector an image, before any softmax.

    One that is called so comes first, then those from which no other is computed, then the later ones.
    """
    names = dict(zip(program.outputs, output_names, strict=False))
    shapes = program.shapes
    vectors = [value for value in program.outputs if program.depends[value] and len(shapes[value].shape) == 2]
    computed = {output: {read for each in program.needed([output]) for read in each.reads} for output in vectors}

    def likelihood(value: int) -> tuple[bool, bool, int]:
        feeds_another = any(value in reads for reads in computed.values())
        return names.get(value, "").endswith("logits"), not feeds_another, vectors.index(value)

    likely = sorted(dict.fromkeys(vectors), key=likelihood, reverse=True)
    return tuple(dict.fromkeys(_before_softmax(program, operations, named, value) for value in likely))


def _before_softmax(program: Program, operations: dict[int, Operation], named: Collection[int], output: int) -> int:
    shapes = program.shapes

    def has_classes(value: int) -> bool:
        return shapes[value].shape[-1] == shapes[output].shape[-1]

    for value in filter(has_classes, same_numbers(program, output)):
        operation = operations.get(value)
        if operation is not None and operation.name in ("softmax", "log_softmax"):
            before = [each for each in same_numbers(program, operation.reads) if each in named and has_classes(each)]
            return min(before, key=lambda each: len(shapes[each].shape), default=operation.reads)
    return output


def same_numbers(program: Program, value: int) -> list[int]:
    """Return a value and those before it of which it is another shape or precision and nothing else, nearest first."""
    found = [value]
    while (maker := program.maker.get(found[-1])) is not None and len(maker.reads) == 1:
        (before,) = maker.reads
        grows = math.prod(program.shapes[before].shape) < math.prod(program.shapes[value].shape)
        if grows or maker.primitive not in _SHAPE_PRIMITIVES | {"broadcast_in_dim"}:
            break
        found.append(before)
    return found


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
