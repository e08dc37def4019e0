"""What every gradient rule is: immutable data that says how gradients pass one kind of operation of a network.

A rule is a frozen dataclass and a JAX pytree: its numbers are leaves, so that moving them compiles nothing; which rules
there are is static. The values that a network computes stay as they are, to the bit.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Shaped

from jaxviz.results.plain import Written, plain

# A number, or whatever `jax.tree.map` puts in its place: a tracer, an axis.
Leaf: TypeAlias = Any


@dataclasses.dataclass(frozen=True)
class Place:
    """One operation of a network at the moment when gradients pass it.

    Gradients are those of the score, which is climbed: where one is positive, the climb raises that value.

    Attributes:
        function: The operation, of the array that it reads.
        settings: Parameters of its equation, where it is one.
        inputs: What it reads.
        cotangent: Gradient of what it gives.
        natural: Gradient of what it reads, as the network, or an earlier rule, has it.
        step: The step of each image.
        image_axis: The axis of `inputs` that counts the images, or that their positions were merged into.
    """

    function: Callable[[Array], Array]
    settings: Mapping[str, Any]
    inputs: Array
    cotangent: Array
    natural: Array
    step: Int[Array, " image"]
    image_axis: int

    def any_in_image(self, mask: Bool[Array, "..."]) -> Bool[Array, "..."]:
        """Say of each image whether the mask is true anywhere in it; the shape is the mask's, or broadcasts to it."""
        axis, count = self.image_axis, self.step.shape[0]
        split = mask.reshape(*mask.shape[:axis], count, -1, *mask.shape[axis + 1 :])
        others = tuple(other for other in range(split.ndim) if other != axis)
        return self.of_each_image(split.any(others))

    def of_each_image(self, numbers: Shaped[Array, " image"]) -> Array:
        """Give one number for each image a shape that broadcasts to that of `inputs`."""
        extent = self.inputs.shape[self.image_axis]
        repeated = jnp.repeat(numbers, extent // numbers.shape[0], total_repeat_length=extent)
        return repeated.reshape(-1, *[1] * (self.inputs.ndim - 1 - self.image_axis))


class GradientRule(Written):
    """How gradients pass one kind of operation, in place of its own derivative.

    Example:
        >>> from jaxviz.gradient_rules import from_json, redirected_relu
        >>> rule = redirected_relu(steps=32)
        >>> rule, rule.to_json()
        (redirected_relu(steps=32), {'kind': 'redirected_relu', 'steps': 32})
        >>> from_json(rule.to_json()) == rule
        True
    """

    operations: ClassVar[str]
    """What it acts on, in words."""

    @abc.abstractmethod
    def acts_on(self, operation: str, *, is_output: bool) -> bool:
        """Say whether gradients pass an operation by this rule.

        Args:
            operation: The operation's name in a network, such as `relu` or `max_pool`.
            is_output: Whether it makes an output of the network.
        """

    @abc.abstractmethod
    def gradient(self, place: Place) -> Array:
        """Return the gradient of what an operation reads. No image's may depend on another's."""

    def may_wake(self, step: Any) -> Any:
        """Say of each step whether the rule may then move the picture of a unit that has no gradient of its own."""
        return step < 0

    def to_json(self) -> dict[str, Any]:
        """Return plain data of which `jaxviz.gradient_rules.from_json` makes an equal rule."""
        return {"kind": self.kind} | self._arguments()

    def expression(self) -> str:
        """Return the Python expression that makes this rule."""
        return f"{self.kind}({', '.join(f'{name}={value!r}' for name, value in self._arguments().items())})"

    def _arguments(self) -> dict[str, Any]:
        names = [field.name for field in dataclasses.fields(cast(Any, self))]
        return {name: plain(getattr(self, name)) for name in names}


def pull_back(function: Callable[[Array], Array], inputs: Array, cotangent: Array) -> Array:
    """Return the gradient of what a function reads, given that of what it gives."""
    _, pull = cast(tuple[Array, Callable[[Array], tuple[Array]]], jax.vjp(function, inputs))
    return pull(cotangent)[0]
