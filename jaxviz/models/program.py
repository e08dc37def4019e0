"""Flatten a traced model into one list of equations, and evaluate any of its values.

A JAX function becomes a *jaxpr* when it is traced. `flatten` inlines everything that is called exactly once
(`jit`, `remat`, closed calls), unrolls loops over stacked layers, and keeps custom gradient rules whole. What is
left is a `Program`: values numbered in order, each made by one equation that knows the name scope of the module
that made it. `Program.evaluate` runs just the equations that the wanted values need.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxviz.models import jax_internals
from jaxviz.models.adaptation import CALL_MARK

Array = jax.Array
Lowering = Callable[[str, Mapping[str, Any], Sequence[Array]], Array | None]
Replacement = Callable[[Mapping[int, Array]], Array]

# A loop is unrolled when its body holds layers (a matrix product or a convolution) and it is short enough to
# be a stack of layers rather than a sequence in time.
MAX_UNROLLED_TURNS = 64
_PLAIN: tuple[type, ...] = (bool, int, float, str, tuple, type(None))
_LAYER_PRIMITIVES = frozenset({"conv_general_dilated", "dot_general"})

ACTIVATION_FUNCTIONS = frozenset(
    "relu relu6 silu swish gelu elu selu celu leaky_relu sigmoid log_sigmoid tanh softmax log_softmax softplus "
    "soft_sign sparse_plus hard_swish hard_silu hard_sigmoid hard_tanh mish glu squareplus identity".split()
)


# The scope of what happens to images before the user's model: no layer is found there.
PREPROCESSING = "jaxviz.preprocessing"


class Constant(NamedTuple):
    """A number written into the program."""

    value: Any


Operand = int | Constant


@dataclasses.dataclass(frozen=True, eq=False)
class Equation:
    """One operation of a flattened program.

    Attributes:
        primitive: Name of the jax primitive, or `index`/`stack` for the ends of an unrolled loop.
        operands: Numbers of the values it reads, or constants.
        results: Numbers of the values it makes.
        params: The primitive's own parameters.
        scope: Names of the enclosing modules, outermost first.
        function: The `jax.nn` function it is a part of, or ''.
        call: Number that equations of the same call of `function` share.
        source: The jaxpr equation, or None for the ends of an unrolled loop.
    """

    primitive: str
    operands: tuple[Operand, ...]
    results: tuple[int, ...]
    params: Mapping[str, Any]
    scope: tuple[str, ...]
    function: str
    call: int
    source: Any

    @property
    def reads(self) -> tuple[int, ...]:
        """Numbers of the values it reads."""
        return tuple(operand for operand in self.operands if isinstance(operand, int))

    @property
    def is_preprocessing(self) -> bool:
        """Whether it belongs to the scaling of images and not to the model."""
        return self.scope[:1] == (PREPROCESSING,)

    def run(self, operands: Sequence[Any]) -> list[Any]:
        """Compute the results from the operands."""
        if self.source is not None:  # jax has a primitive of its own that is called stack
            return jax_internals.run(self.source, operands)
        if self.primitive == "index":
            return [jax.lax.index_in_dim(operands[0], self.params["index"], 0, keepdims=False)]
        return [jnp.stack(list(operands))]


class Program:
    """A flattened program: numbered values, the equations that make them, and the arrays it was closed over.

    Attributes:
        equations: In an order in which they can be run.
        shapes: Shape and dtype of every value.
        image_value: Number of the value that holds the images.
        weight_values: Numbers of the values that hold the weights, in the order of `weights`.
        closed_over: Arrays found inside the trace; they come after the caller's own weights in `weight_values`.
        outputs: Numbers of the values that the function returns.
        depends: Whether each value depends on the images.
        maker: The equation that makes each value.
    """

    def __init__(
        self,
        equations: Sequence[Equation],
        shapes: Sequence[jax.ShapeDtypeStruct],
        image_value: int,
        weight_values: Sequence[int],
        closed_over: Sequence[Any],
        outputs: Sequence[Operand],
    ) -> None:
        self.equations = tuple(equations)
        self.shapes = tuple(shapes)
        self.image_value = image_value
        self.weight_values = tuple(weight_values)
        self.closed_over = tuple(closed_over)
        self.outputs = tuple(output for output in outputs if isinstance(output, int))
        self.maker: dict[int, Equation] = {value: equation for equation in self.equations for value in equation.results}
        self.depends = self._dependence()

    def _dependence(self) -> tuple[bool, ...]:
        depends = [False] * len(self.shapes)
        depends[self.image_value] = True
        for equation in self.equations:
            if any(depends[value] for value in equation.reads):
                for value in equation.results:
                    depends[value] = True
        return tuple(depends)

    @functools.cached_property
    def readers(self) -> dict[int, tuple[Equation, ...]]:
        """The equations that read each value."""
        readers: dict[int, list[Equation]] = {}
        for equation in self.equations:
            for value in dict.fromkeys(equation.reads):
                readers.setdefault(value, []).append(equation)
        return {value: tuple(equations) for value, equations in readers.items()}

    def description(self) -> Iterator[str]:
        """Write down what is computed, equation by equation, the same for the same computation everywhere."""
        for equation in self.equations:
            operands = [str(o) if isinstance(o, int) else repr(np.asarray(o.value).tolist()) for o in equation.operands]
            params = {
                name: value
                for name, value in equation.params.items()
                if isinstance(value, _PLAIN) and " at 0x" not in repr(value)
            }
            yield f"{equation.results} = {equation.primitive} {operands} {sorted(params.items())}"

    def needed(self, wanted: Iterable[int], known: Iterable[int] = ()) -> list[Equation]:
        """Return the equations, in order, without which the wanted values cannot be computed from the known."""
        missing, seen = set(wanted), set(known)
        equations: list[Equation] = []
        for equation in reversed(self.equations):
            if any(value in missing and value not in seen for value in equation.results):
                equations.append(equation)
                missing.update(equation.reads)
        return equations[::-1]

    def fixed_values(self, wanted: Iterable[int]) -> tuple[int, ...]:
        """Return the values that do not depend on the images and from which the wanted ones are computed."""
        wanted = tuple(wanted)
        reads = {
            value for equation in self.needed(wanted) if self.depends[equation.results[0]] for value in equation.reads
        }
        return tuple(sorted(value for value in reads.union(wanted) if not self.depends[value]))

    def evaluate(
        self,
        known: Mapping[int, Array],
        wanted: Sequence[int],
        *,
        lowering: Lowering | None = None,
        replaced: Mapping[int, Replacement] = MappingProxyType({}),
    ) -> list[Array]:
        """Compute values from known ones, by the fewest equations that do.

        Args:
            known: Arrays (or tracers) for the numbers of values: the weights and the images, or whatever cuts
                the program above the wanted values.
            wanted: Numbers of the values to compute.
            lowering: Offered each equation that depends on the images: `(primitive, params, operands)` to an
                equal result that is faster on this backend, or None to leave the equation as it is.
            replaced: For numbers of values, what computes them from the values before, in place of their equations.

        Returns:
            One array for each wanted value.
        """
        values: dict[int, Any] = dict(known)
        for equation in self.needed(wanted, known):
            if equation.results[0] in replaced:
                values[equation.results[0]] = replaced[equation.results[0]](values)
            else:
                values.update(zip(equation.results, self.run(equation, values, lowering), strict=True))
        return [values[value] for value in wanted]

    def run(self, equation: Equation, values: Mapping[int, Any], lowering: Lowering | None) -> list[Any]:
        """Compute the results of one equation from the values before it, by its equal if there is a faster one."""
        operands = [values[operand] if isinstance(operand, int) else operand.value for operand in equation.operands]
        lowered = None
        if lowering is not None and self.depends[equation.results[0]]:
            lowered = lowering(equation.primitive, equation.params, operands)
        return equation.run(operands) if lowered is None else [lowered]


class _Flattener:
    """Collect the equations of nested jaxprs under one numbering of values."""

    def __init__(self) -> None:
        self.equations: list[Equation] = []
        self.shapes: list[jax.ShapeDtypeStruct] = []
        self.closed_over: list[Any] = []
        self.closed_values: list[int] = []
        self._known_arrays: dict[int, tuple[Any, int]] = {}
        self._calls = 0

    def new_value(self, abstract: Any) -> int:
        self.shapes.append(jax.ShapeDtypeStruct(abstract.shape, abstract.dtype))
        return len(self.shapes) - 1

    def close_over(self, array: Any) -> int:
        """Number an array that the traced function was closed over, once however often it is met."""
        if id(array) not in self._known_arrays:
            value = self.new_value(array)
            # The array itself is kept: were it freed, another could be met under the same identity.
            self._known_arrays[id(array)] = (array, value)
            self.closed_over.append(array if isinstance(array, jax.Array) else jnp.asarray(array))
            self.closed_values.append(value)
        return self._known_arrays[id(array)][1]

    def inline(
        self,
        program: Any,
        operands: Sequence[Operand],
        scope: tuple[str, ...] = (),
        function: tuple[str, int] = ("", 0),
    ) -> list[Operand]:
        """Append the equations of a closed jaxpr and return its results."""
        values: dict[Any, Operand] = dict(zip(program.jaxpr.invars, operands, strict=True))
        for variable, array in zip(program.jaxpr.constvars, program.consts, strict=True):
            values[variable] = self.close_over(array)

        def read(atom: Any) -> Operand:
            return Constant(atom.val) if jax_internals.is_literal(atom) else values[atom]

        for equation in program.jaxpr.eqns:
            results = self._append(
                equation,
                [read(atom) for atom in equation.invars],
                scope + jax_internals.scopes(equation),
                self._function(equation, function),
            )
            values.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in program.jaxpr.outvars]

    def _function(self, equation: Any, outer: tuple[str, int]) -> tuple[str, int]:
        """Return the name and the number of the `jax.nn` call that an equation belongs to."""
        if outer[0]:
            return outer
        body = jax_internals.rule_body(equation)
        inner = [str(e.params.get("name", "")) for e in body.jaxpr.eqns] if body is not None else []
        for name in (str(equation.params.get("name", "")), *inner):
            if name in ACTIVATION_FUNCTIONS:
                self._calls += 1
                return name, self._calls
        name = jax_internals.nn_function(equation).lstrip("_").removesuffix("_deprecated")
        if name not in ACTIVATION_FUNCTIONS:
            return "", 0
        previous = self.equations[-1] if self.equations else None
        if previous is None or previous.function != name:
            self._calls += 1
        return name, self._calls

    def _append(
        self, equation: Any, operands: list[Operand], scope: tuple[str, ...], function: tuple[str, int]
    ) -> list[Operand]:
        body = jax_internals.nested_program(equation)
        if body is not None:
            return self.inline(body, operands, scope, function)
        if equation.primitive.name == "scan" and _is_stack_of_layers(equation):
            return self._unroll(equation, operands, scope)
        results = [self.new_value(variable.aval) for variable in equation.outvars]
        self.equations.append(
            Equation(
                equation.primitive.name, tuple(operands), tuple(results), equation.params, scope, *function, equation
            )
        )
        return list(results)

    def _unroll(self, equation: Any, operands: list[Operand], scope: tuple[str, ...]) -> list[Operand]:
        """Write the turns of a scan one after the other; modules of turn i are named `module[i]`."""
        params, body = equation.params, jax_internals.loop_body(equation)
        constants, carries, turns = params["num_consts"], params["num_carry"], params["length"]
        carry = operands[constants : constants + carries]
        stacked = operands[constants + carries :]
        collected: list[list[Operand]] = [[] for _ in equation.outvars[carries:]]
        for turn in reversed(range(turns)) if params["reverse"] else range(turns):
            slices = [self._helper("index", [operand], {"index": turn}, scope) for operand in stacked]
            first = len(self.equations)
            results = self.inline(body, [*operands[:constants], *carry, *slices], scope)
            self._number(first, len(scope), turn)
            carry = results[:carries]
            for column, result in zip(collected, results[carries:], strict=True):
                column.append(result)
        if params["reverse"]:
            collected = [column[::-1] for column in collected]
        return [*carry, *(self._helper("stack", column, {}, scope) for column in collected)]

    def _number(self, first: int, depth: int, turn: int) -> None:
        for position in range(first, len(self.equations)):
            scope = self.equations[position].scope
            inner, mark, serial = (scope[depth] if len(scope) > depth else "turn").partition(CALL_MARK)
            numbered = (*scope[:depth], f"{inner}[{turn}]{mark}{serial}", *scope[depth + 1 :])
            self.equations[position] = dataclasses.replace(self.equations[position], scope=numbered)

    def _helper(
        self, primitive: str, operands: list[Operand], params: dict[str, Any], scope: tuple[str, ...]
    ) -> Operand:
        shapes = [
            self.shapes[operand] if isinstance(operand, int) else jnp.asarray(operand.value) for operand in operands
        ]
        shape = shapes[0].shape[1:] if primitive == "index" else (len(operands), *shapes[0].shape)
        value = self.new_value(jax.ShapeDtypeStruct(shape, shapes[0].dtype))
        self.equations.append(Equation(primitive, tuple(operands), (value,), params, scope, "", 0, None))
        return value


def _is_stack_of_layers(equation: Any) -> bool:
    def holds_layers(program: Any) -> bool:
        for inner in program.jaxpr.eqns:
            nested = jax_internals.nested_program(inner) or jax_internals.rule_body(inner)
            if inner.primitive.name in _LAYER_PRIMITIVES or (nested is not None and holds_layers(nested)):
                return True
        return False

    return equation.params["length"] <= MAX_UNROLLED_TURNS and holds_layers(jax_internals.loop_body(equation))


def flatten(
    function: Callable[[Sequence[Array], Array], Sequence[Array]],
    weights: Sequence[Any],
    images: jax.ShapeDtypeStruct,
) -> Program:
    """Trace `function(weights, images) -> outputs` and flatten what it does.

    Args:
        function: Pure; takes the list of weights and the images, returns a list of arrays. Arrays that it closes
            over become further weights.
        weights: Arrays, or anything with a shape and a dtype: only these are looked at.
        images: Shape and dtype of the images, the batch axis first.

    Returns:
        The flattened program. Nothing is computed.
    """
    abstract = [jax.ShapeDtypeStruct(jnp.shape(weight), weight.dtype) for weight in weights]
    closed = jax_internals.trace(function, abstract, images)
    flattener = _Flattener()
    inputs = [flattener.new_value(variable.aval) for variable in closed.jaxpr.invars]
    outputs = flattener.inline(closed, inputs)
    return Program(
        flattener.equations,
        flattener.shapes,
        image_value=inputs[-1],
        weight_values=[*inputs[:-1], *flattener.closed_values],
        closed_over=flattener.closed_over,
        outputs=outputs,
    )
