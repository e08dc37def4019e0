"""Gradients for rectifiers and their kin, which have none where they are off."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxviz.gradient_rules.base import GradientRule, Leaf, Place, pull_back
from jaxviz.pytrees import registered

# Activations that somewhere do not rise. All others have a gradient of the right sign wherever one starts.
_RECTIFIERS = frozenset("relu relu6 gelu silu swish hard_silu hard_swish hard_sigmoid hard_tanh mish".split())


@registered(data_fields=["steps"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class RedirectedRelu(GradientRule):
    """Gradients that pass a rectifier where otherwise an image would get none; made by `redirected_relu`."""

    steps: Leaf
    kind = "redirected_relu"
    operations = "rectifiers and their kin (relu, relu6, gelu, silu, mish, hard_swish, hard_sigmoid, hard_tanh)"

    def acts_on(self, operation: str, *, is_output: bool) -> bool:  # noqa: ARG002 - a rectifier is one anywhere
        """Say whether the operation is an activation that somewhere does not rise."""
        return operation in _RECTIFIERS

    def gradient(self, place: Place) -> Array:
        """Return the natural gradient, or for images that would get none, the redirected one."""
        inputs, cotangent = place.inputs, place.cotangent
        value = place.function(inputs)
        slope = pull_back(place.function, inputs, jnp.ones_like(value))
        passes = place.any_in_image((slope > 0) & (cotangent != 0))
        above = value > place.function(jnp.zeros_like(inputs))
        drives_away = jnp.where(above, cotangent > 0, cotangent < 0)
        off = slope <= 0
        redirected = jnp.where(off & drives_away, 0, cotangent)
        early = place.of_each_image(place.step) < self.steps
        return jnp.where(early & ~passes, redirected, place.natural)

    def may_wake(self, step: Any) -> Any:
        """Say of each step whether gradients may be redirected then."""
        return step < self.steps


def redirected_relu(*, steps: int = 16) -> RedirectedRelu:
    """Let gradients pass rectifiers of which an image would get no gradient at all, at the first steps.

    A rectifier that is off everywhere where the score reads it stops the climb before it begins: the picture stays
    its first noise. With `x` what goes in and `g` the gradient of what comes out, the gradient of `x` is

    * the rectifier's own, if any of an image's `g` is not zero where the rectifier rises;
    * otherwise `g`, without what would drive `x` further away from where it rises: below, `g < 0`; above (relu6),
      `g > 0`.

    Each image is judged by itself, those of one lane too, so that a picture does not depend on what is rendered beside
    it; and each rectifier by itself. As in lucid the whole image is judged: an objective of several terms gets no
    redirected gradient for a dead one while another lives on the same rectifier.

    gelu, silu, mish and hard_swish fall before they rise: where an image's gradients reach only the part that does not
    rise, which would drive its units away, they are redirected too. Activations that rise everywhere (elu, softplus,
    sigmoid, leaky_relu) need no rule.

    An objective reads the value before the last rectifier already, unless `rectified=True`: this rule is for rectifiers
    further inside, and for those of kinds that are read as they are.

    Args:
        steps: The rule acts at so many first steps; zero or more. lucid's acts as long as the number of the step is not
            above 16, which is 17 steps.

    Raises:
        ValueError: `steps` is no whole number, or negative.

    References:
        lucid 0.3.10, `misc/redirected_relu_grad.py`.

    Example:
        >>> import jax, jaxviz
        >>> def network(images):
        ...     with jax.named_scope("off"):
        ...         return jax.nn.relu(images.mean((1, 2)) - 0.52)
        >>> model = jaxviz.wrap(network, input_shape=(16, 16, 3))
        >>> objective = jaxviz.channel("off", 0, rectified=True)
        >>> settings = {"steps": 16, "size": 16, "progress": False, "transforms": None}
        >>> jaxviz.render(model, objective, **settings).states
        ('dead',)
        >>> jaxviz.render(model, objective, gradient_rules=redirected_relu(), **settings).states
        ('done',)
    """
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"The number of steps is {steps!r}. Give a whole number, zero or more (16 is lucid's).")
    return RedirectedRelu(int(steps))
