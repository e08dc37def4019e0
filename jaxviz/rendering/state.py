"""What the lanes hold, and what a step needs beside that.

A *lane* is one place of the batch. Everything about a unit (its variables, optimizer state, key, step, objective)
has the lane as its first axis; nothing crosses lanes, so a unit's image does not depend on its neighbours.
"""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxviz.gradient_rules import GradientRule
from jaxviz.objectives import Objective
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering.plateau import Plateau, Progress, no_progress
from jaxviz.transforms import Transform

# Folded into a unit's key: one stream for the first variables, one for the transforms of each step; and into that of a
# step's view: the gains of the network.
INIT_STREAM, STEP_STREAM, GAIN_STREAM = 0, 1, 2

# Stands among the scores for "none"; on a device no NaN, which `jax_debug_nans` takes for a fault.
NO_SCORE = np.finfo(np.float32).min


class Lanes(NamedTuple):
    """The state of all lanes; every array has the lane as its first axis.

    Attributes:
        variables: Free variables of the images.
        optimizer: State of the optimizer.
        key: Each unit's own random key.
        step: Steps made so far.
        last_step: Steps to make; a lane whose step has reached it stands still.
        alive: False once the score or the gradient was not finite; the variables stay as they were then.
        moved: Whether any gradient was ever other than zero, of the unit itself: where a rule may have made it, whether
            the score has changed with it.
        settled: Whether the score has stopped rising; the lane stands still from then on.
        progress: What tells whether it has.
        transparency: Absolute gradients of the score by the image, added up over the steps, or None if nobody asked.
    """

    variables: Any
    optimizer: Any
    key: Array
    step: Int[Array, " lane"]
    last_step: Int[Array, " lane"]
    alive: Bool[Array, " lane"]
    moved: Bool[Array, " lane"]
    settled: Bool[Array, " lane"]
    progress: Progress
    transparency: Float[Array, "lane ..."] | None


class Climb(NamedTuple):
    """What a step needs beside the state; all of it traced, so changing a number compiles nothing.

    Attributes:
        objectives: Objectives of one form, stacked leaf by leaf over lanes.
        parameterization: How variables make an image.
        transform: How an image is disturbed before the model sees it.
        learning_rate: Size of a step.
        optimizer_numbers: Numbers of the optimizer that are not compiled in, by name.
        plateau: When a unit whose score no longer rises is stopped.
        gradient_rules: How gradients pass some operations of the network.
    """

    objectives: Objective
    parameterization: Parameterization
    transform: Transform
    learning_rate: Any
    optimizer_numbers: dict[str, Any]
    plateau: Plateau
    gradient_rules: tuple[GradientRule, ...]


def begun(
    variables: Any,
    optimizer: Any,
    key: Array,
    last_step: Int[Array, " lane"],
    transparency: Float[Array, "lane ..."] | None = None,
) -> Lanes:
    """Return lanes whose units have made no step."""
    no, yes = jnp.zeros_like(last_step, bool), jnp.ones_like(last_step, bool)
    step = jnp.zeros_like(last_step)
    progress = no_progress(len(last_step))
    return Lanes(variables, optimizer, key, step, last_step, yes, no, no, progress, transparency)


def select(mask: Bool[Array, " lane"], chosen: Any, other: Any) -> Any:
    """Take whole lanes of one state where the mask is true, and of the other elsewhere."""

    def select_leaf(one: Array, two: Array) -> Array:
        return jnp.where(mask.reshape(-1, *[1] * (one.ndim - 1)), one, two)

    return jax.tree.map(select_leaf, chosen, other)


def form(tree: Any, key_implementation: str) -> Any:
    """Return what two climbs have in common for which one program is compiled."""
    leaves, structure = cast(tuple[list[Any], Any], jax.tree.flatten(tree))
    return structure, tuple((np.shape(leaf), jnp.result_type(leaf)) for leaf in leaves), key_implementation
