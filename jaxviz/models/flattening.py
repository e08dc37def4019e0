"""Flatten a traced model into one list of equations.

A JAX function becomes a *jaxpr* when it is traced. Here what is called exactly once (`jit`, `remat`, closed calls) is
inlined, loops over stacked layers are unrolled, and custom gradient rules are kept whole.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxviz.models import jax_internals
from jaxviz.models.adaptation import CALL_MARK
from jaxviz.models.program import Array, Constant, Equation, Operand, Program

# A loop is unrolled when its body holds layers (a matrix product or a convolution) and it is short enough to
# be a stack of layers rather than a sequence in time.
MAX_UNROLLED_TURNS = 64
_LAYER_PRIMITIVES = frozenset({"conv_general_dilated", "dot_general"})

ACTIVATION_FUNCTIONS = frozenset(
    "relu relu6 silu swish gelu elu selu celu leaky_relu sigmoid log_sigmoid tanh softmax log_softmax softplus "
    "soft_sign sparse_plus hard_swish hard_silu hard_sigmoid hard_tanh mish glu squareplus identity".split()
)


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
        inner: list[Any] = [] if body is None else body.jaxpr.eqns
        for name in (str(each.params.get("name", "")) for each in (equation, *inner)):
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
        constants, carries = jax_internals.loop_counts(equation)
        turns = params["length"]
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
    inside = jax_internals.inner_equations(jax_internals.loop_body(equation))
    return equation.params["length"] <= MAX_UNROLLED_TURNS and any(
        inner.primitive.name in _LAYER_PRIMITIVES for inner in inside
    )


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
