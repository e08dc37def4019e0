"""What the optimizers of this package have over other optax transformations: a record, and numbers that can move."""

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import optax

# A number, or the tracer of one.
Number = Any

HALF_RANGE = 0.5
"""How far pixels in [0, 1] lie from the grey that the variables of `pixels(squashed=False)` count from."""


class Recorded(optax.GradientTransformation):
    """An optax transformation that can be written into a recipe; made by the functions of this module.

    `render` passes its numbers to the compiled step as arguments, so that other numbers compile nothing.

    Attributes:
        record: plain data of which `from_json` makes it again.
        form: what is compiled in; transformations of one form differ in their numbers only.
        numbers: what can move without compiling.
        with_numbers: makes the transformation of this form that has other numbers, which may be traced. States belong
            to the form and not to the numbers.
        compares: None for any variables. Otherwise they must be pixels, and these arguments compare their positions.

    Example:
        >>> from jaxviz.optimizers import nadam
        >>> nadam(learning_rate=1.0).numbers
        {'learning_rate': 1.0}
        >>> nadam(learning_rate=1.0).form == nadam(learning_rate=0.5).form
        True
    """

    record: dict[str, Any]
    form: tuple[Any, ...]
    numbers: dict[str, float]
    with_numbers: Callable[[Mapping[str, Number]], optax.GradientTransformation]
    compares: tuple[str, ...] | None


def recorded(
    make: Callable[..., optax.GradientTransformation],
    record: dict[str, Any],
    numbers: dict[str, float],
    *,
    compares: tuple[str, ...] | None = None,
    **compiled: Any,
) -> Recorded:
    """Make an optimizer with its record.

    Args:
        make: takes the numbers and what is compiled in, by name.
        record: plain data; `kind` names the public function, and the rest are its arguments.
        numbers: what can move.
        compares: arguments that compare positions, of an optimizer of pixels; None for one of any variables.
        **compiled: what cannot.
    """

    def with_numbers(others: Mapping[str, Number]) -> optax.GradientTransformation:
        return make(**others, **compiled)

    made = with_numbers(numbers)
    result = Recorded(cast(Any, made.init), cast(Any, made.update))
    result.record = record
    result.form = (record["kind"], *sorted(numbers), *sorted(compiled.items()))
    result.numbers = numbers
    result.with_numbers = with_numbers
    result.compares = compares
    return result


def transformation(init: Callable[[Any], Any], update: Callable[..., tuple[Any, Any]]) -> optax.GradientTransformation:
    """Make an optax transformation of functions whose arguments are called by our names."""
    return optax.GradientTransformation(cast(Any, init), cast(Any, update))


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every leaf."""
    return jax.tree.map(function, tree)


def mapped_both(function: Callable[[Any, Any], Any], first: Any, second: Any) -> Any:
    """Apply a function to every leaf of two trees of one form."""
    return jax.tree.map(function, first, second)


def given(variables: Any) -> Any:
    """Return the variables, or say that they are missing."""
    if variables is None:
        raise ValueError("This optimizer acts on the variables themselves; pass them to its update.")
    return variables


def positive(**numbers: float | None) -> dict[str, float]:
    """Return the numbers as floats, or say which is not above zero."""
    for name, number in numbers.items():
        if number is None or not 0 < number < math.inf:
            raise ValueError(f"{name} is {number}; give a positive number.")
    return {name: float(cast(float, number)) for name, number in numbers.items()}
