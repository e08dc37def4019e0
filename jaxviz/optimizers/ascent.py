"""Ascent of a score by its gradient: bounded, decayed, of one length, bent by the curvature."""

import math
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from jaxviz.optimizers.base import (
    Number,
    Recorded,
    given,
    mapped,
    mapped_both,
    positive,
    recorded,
    transformation,
)


def norm_bounded(*, norm: float, learning_rate: float) -> Recorded:
    """Climb on a sphere: after every step the variables are scaled to a fixed length.

    The first activation maximisation: the best image of bounded norm. Of a linear unit it is the unit's weights, scaled
    to the norm.

    Args:
        norm: length of all variables together.
        learning_rate: of plain gradient ascent.

    Raises:
        ValueError: a number is not positive.

    References:
        D. Erhan, Y. Bengio, A. Courville, P. Vincent: Visualizing Higher-Layer Features of a Deep Network. Technical
        report 1341, University of Montreal, 2009.

    Example:
        >>> optimizer = norm_bounded(norm=2, learning_rate=1)
        >>> image = jnp.array([0.0, 1.0])
        >>> updates, _ = optimizer.update(jnp.array([-1.0, 1.0]), optimizer.init(image), image)  # of minus the score
        >>> (image + updates).tolist()
        [2.0, 0.0]
    """
    numbers = positive(norm=norm, learning_rate=learning_rate)
    return recorded(_norm_bounded, {"kind": "norm_bounded"} | numbers, numbers)


def _norm_bounded(norm: Number, learning_rate: Number) -> optax.GradientTransformation:
    def update(gradient: Any, state: Any, variables: Any = None) -> tuple[Any, Any]:
        stepped = mapped_both(lambda variable, part: variable - learning_rate * part, given(variables), gradient)
        scale = norm / jnp.maximum(optax.tree.norm(stepped), 1e-12)
        return mapped_both(lambda new, old: scale * new - old, stepped, variables), state

    return transformation(_stateless, update)


def l2_decayed(*, decay: float, learning_rate: float) -> Recorded:
    """Climb the score minus `decay` times the squared length of the variables.

    Of a linear unit the best image is the unit's weights over twice the decay.

    Args:
        decay: weight of the squared length, 0 for none.
        learning_rate: of plain gradient ascent.

    Raises:
        ValueError: the decay is negative, or the learning rate is not positive.

    References:
        K. Simonyan, A. Vedaldi, A. Zisserman: Deep Inside Convolutional Networks. ICLR workshop, 2014. arXiv:1312.6034

    Example:
        >>> optimizer = l2_decayed(decay=0.5, learning_rate=0.1)
        >>> image = jnp.array([1.0])
        >>> round(float(optimizer.update(jnp.array([0.0]), optimizer.init(image), image)[0][0]), 3)
        -0.1
    """
    if not 0 <= decay < math.inf:
        raise ValueError(f"decay is {decay}; give a number, 0 or more.")
    numbers = {"decay": float(decay)} | positive(learning_rate=learning_rate)
    return recorded(_l2_decayed, {"kind": "l2_decayed"} | numbers, numbers)


def _l2_decayed(decay: Number, learning_rate: Number) -> optax.GradientTransformation:
    def update(gradient: Any, state: Any, variables: Any = None) -> tuple[Any, Any]:
        return mapped_both(
            lambda part, old: -learning_rate * (part + 2 * decay * old), gradient, given(variables)
        ), state

    return transformation(_stateless, update)


def normalized(*, learning_rate: float) -> Recorded:
    """Climb by steps of one length: the gradient over its root mean square, as deepdream does.

    Args:
        learning_rate: the root mean square of a step.

    Raises:
        ValueError: the learning rate is not positive.

    References:
        A. Mordvintsev: DeepDreaming with TensorFlow. 2015, which divides by the standard deviation.

    Example:
        >>> optimizer = normalized(learning_rate=0.1)
        >>> optimizer.update(jnp.array([-3.0, 3.0]), optimizer.init(jnp.zeros(2)))[0].round(3).tolist()
        [0.1..., -0.1...]
    """
    numbers = positive(learning_rate=learning_rate)
    return recorded(_normalized, {"kind": "normalized"} | numbers, numbers)


def _normalized(learning_rate: Number) -> optax.GradientTransformation:
    def update(gradient: Any, state: Any, variables: Any = None) -> tuple[Any, Any]:
        del variables
        count = sum(leaf.size for leaf in cast(list[Array], jax.tree.leaves(gradient)))
        size = optax.tree.norm(gradient) / math.sqrt(count)
        return mapped(lambda part: -learning_rate * part / jnp.maximum(size, 1e-20), gradient), state

    return transformation(_stateless, update)


def lbfgs(*, learning_rate: float = 1.0, memory: int = 10) -> Recorded:
    """Climb by limited-memory BFGS: steps bent by the curvature that the last steps have met.

    It makes sense where every step climbs the same score: `transforms=None`, as for feature inversion, or few and weak
    transforms. Under random transforms the differences of gradients, from which it learns the curvature, are mostly
    noise. There is no line search: that would need the score at points of its own for every unit, while a step here
    evaluates all units once and together. So if a score diverges, lower the learning rate.

    Args:
        learning_rate: share of the step that the curvature proposes.
        memory: how many earlier steps are remembered; each takes as much memory as the variables twice.

    Raises:
        ValueError: a number is not positive.

    References:
        D. Liu, J. Nocedal: On the Limited Memory BFGS Method for Large Scale Optimization. 1989.

    Example:
        >>> lbfgs(memory=5).record
        {'kind': 'lbfgs', 'learning_rate': 1.0, 'memory': 5}
    """
    numbers = positive(learning_rate=learning_rate)
    if isinstance(memory, bool) or int(memory) != memory or memory < 1:
        raise ValueError(f"memory is {memory}; give a whole number of steps, 1 or more (10 is usual).")
    return recorded(_lbfgs, {"kind": "lbfgs"} | numbers | {"memory": int(memory)}, numbers, memory=int(memory))


def _lbfgs(learning_rate: Number, memory: int) -> optax.GradientTransformation:
    return optax.chain(optax.scale_by_lbfgs(memory_size=memory), optax.scale(-learning_rate))


def _stateless(variables: Any) -> optax.EmptyState:  # noqa: ARG001 - what optax calls
    return optax.EmptyState()
