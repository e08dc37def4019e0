"""Let gradients pass some operations of a network by rules, while its values stay as they are."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import jax
from jaxtyping import Array, Int

from jaxviz.gradient_rules import GradientRule, Place
from jaxviz.gradient_rules.base import pull_back
from jaxviz.models import Model
from jaxviz.models.naming import NamedOperation, same_numbers
from jaxviz.models.program import Equation, Lowering, Program, Replacement

_Function: TypeAlias = Callable[[Sequence[Array], Array], Array]

# custom_vjp has no type that keeps the type of the function it decorates.
_differentiable: Any = jax.custom_vjp


class Override(NamedTuple):
    """An operation that gradients pass by rules.

    Attributes:
        operation: The operation.
        equations: What computes it from the value that it reads.
        beside: Numbers of the other values that the equations read; none depends on the images.
        image_axis: The axis of what it reads that counts the images.
        rules: Which rules act on it, by their places among all rules.
    """

    operation: NamedOperation
    equations: tuple[Equation, ...]
    beside: tuple[int, ...]
    image_axis: int
    rules: tuple[int, ...]

    def replacement(
        self, program: Program, rules: Sequence[GradientRule], step: Int[Array, " image"], lowering: Lowering | None
    ) -> Replacement:
        """Return what computes the operation, for `Program.evaluate`."""

        def function(beside: Sequence[Array], inputs: Array) -> Array:
            values: dict[int, Any] = dict(zip(self.beside, beside, strict=True)) | {self.operation.reads: inputs}
            for equation in self.equations:
                values.update(zip(equation.results, program.run(equation, values, lowering), strict=True))
            return values[self.operation.value]

        def replacement(values: Mapping[int, Array]) -> Array:
            beside = [values[value] for value in self.beside]
            acting = tuple(rules[place] for place in self.rules)
            return _with_rules(self, function, values[self.operation.reads], beside, acting, step)

        return replacement


def acted_on(program: Program, operations: Sequence[NamedOperation], rule: GradientRule) -> list[NamedOperation]:
    """Return the operations of a network that gradients pass by a rule."""
    outputs = frozenset(value for output in program.outputs for value in same_numbers(program, output))
    return [item for item in operations if rule.acts_on(item.name, is_output=item.value in outputs)]


def acting(model: Model, image_shape: Sequence[int], rules: Sequence[GradientRule]) -> tuple[GradientRule, ...]:
    """Return those rules that have something to act on in a model.

    Args:
        model: The model.
        image_shape: Shape of an image.
        rules: The rules.
    """
    network = model.network(image_shape, 1)
    return tuple(rule for rule in rules if acted_on(network.program, network.naming.operations, rule))


def overrides(
    model: Model, image_shape: Sequence[int], batch: int, rules: Sequence[GradientRule], wanted: Sequence[int]
) -> tuple[Override, ...]:
    """Return the operations that gradients pass by rules on their way from some values to the images.

    Args:
        model: The model.
        image_shape: Shape of an image.
        batch: Number of images.
        rules: The rules; where several act on one operation, each is given what the earlier one made.
        wanted: Numbers of the values that objectives read.
    """
    if not rules:
        return ()
    network = model.network(image_shape, batch)
    program = network.program
    computed = {value for equation in program.needed(wanted) for value in equation.results}
    acting: dict[NamedOperation, list[int]] = {}
    for place, rule in enumerate(rules):
        for operation in acted_on(program, network.naming.operations, rule):
            if operation.value in computed:
                acting.setdefault(operation, []).append(place)
    found = [
        _override(program, operation, model.image_axis(image_shape, operation.reads), places)
        for operation, places in acting.items()
    ]
    return tuple(override for override in found if override is not None)


def _override(
    program: Program, operation: NamedOperation, image_axis: int | None, rules: Sequence[int]
) -> Override | None:
    """Take an operation out of its network; None if it reads more of the images than one value."""
    needed = program.needed([operation.value], [operation.reads])
    equations = tuple(equation for equation in needed if program.depends[equation.results[0]])
    made = {value for equation in equations for value in equation.results} | {operation.reads}
    beside = tuple(sorted({value for equation in equations for value in equation.reads} - made))
    if image_axis is None or any(program.depends[value] for value in beside):
        return None
    return Override(operation, equations, beside, image_axis, tuple(rules))


@functools.partial(_differentiable, nondiff_argnums=(0, 1))
def _with_rules(
    override: Override,
    function: _Function,
    inputs: Array,
    beside: list[Array],
    rules: tuple[GradientRule, ...],
    step: Int[Array, " image"],
) -> Array:
    del override, rules, step
    return function(beside, inputs)


def _forward(
    override: Override,
    function: _Function,
    inputs: Array,
    beside: list[Array],
    rules: tuple[GradientRule, ...],
    step: Int[Array, " image"],
) -> tuple[Array, Any]:
    del override
    return function(beside, inputs), (inputs, beside, rules, step)


def _backward(override: Override, function: _Function, kept: Any, cotangent: Array) -> tuple[Any, ...]:
    inputs, beside, rules, step = cast(tuple[Array, list[Array], tuple[GradientRule, ...], Array], kept)
    operation = functools.partial(function, beside)
    gradient = pull_back(operation, inputs, cotangent)
    settings: Mapping[str, Any] = override.equations[0].params if len(override.equations) == 1 else {}
    for rule in rules:
        gradient = rule.gradient(Place(operation, settings, inputs, cotangent, gradient, step, override.image_axis))
        if getattr(gradient, "shape", None) != inputs.shape:
            given = getattr(gradient, "shape", gradient)
            raise ValueError(f"The gradient rule {rule.kind} returns {given} for inputs of shape {inputs.shape}.")
    return gradient, None, None, None


_with_rules.defvjp(_forward, _backward)
