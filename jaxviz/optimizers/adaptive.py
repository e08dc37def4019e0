"""Ascent with a mean and a mean square of earlier gradients: Adam and its kin."""

from typing import Any, cast

import jax.numpy as jnp
import optax
from jaxtyping import Array

from jaxviz.optimizers.base import HALF_RANGE, Number, Recorded, given, mapped_both, positive, recorded, transformation


def adam(
    *,
    learning_rate: float,
    mean_decay: float = 0.9,
    square_decay: float = 0.999,
    warmup_steps: int = 0,
    cosine_steps: int | None = None,
    bounded: bool = False,
) -> Recorded:
    """Climb by Adam with other memories than the usual, a learning rate that rises and falls, or pixels kept in range.

    Args:
        learning_rate: the greatest.
        mean_decay: share of the mean gradient that is kept from step to step.
        square_decay: share of the mean square that is kept.
        warmup_steps: first steps over which the rate rises evenly to the greatest.
        cosine_steps: steps over which, after the first ones, it falls to zero along half a cosine; None to stay.
        bounded: whether after every step the variables are cut off where pixels are black and white, for
            `pixels(squashed=False)`. Otherwise they run far beyond, and take as many steps to come back.

    Raises:
        ValueError: a number is out of range.

    References:
        D. Kingma, J. Ba: Adam: A Method for Stochastic Optimization. ICLR, 2015. arXiv:1412.6980

    Example:
        >>> adam(learning_rate=0.05, mean_decay=0.5).record
        {'kind': 'adam', 'learning_rate': 0.05, 'mean_decay': 0.5, 'square_decay': 0.999}
    """
    rates = positive(learning_rate=learning_rate)
    decays = {"mean_decay": float(mean_decay), "square_decay": float(square_decay)}
    for name, share in decays.items():
        if not 0 <= share < 1:
            raise ValueError(f"{name} is {share}; give a number from 0 up to 1.")
    if warmup_steps:
        rates |= positive(warmup_steps=warmup_steps)
    if cosine_steps is not None:
        rates |= positive(cosine_steps=cosine_steps)
    numbers = rates | decays
    record: dict[str, Any] = {"kind": "adam"} | numbers
    if bounded:
        record["bounded"] = True
    return recorded(_adam, record, numbers, bounded=bool(bounded))


def _adam(
    learning_rate: Number,
    mean_decay: Number,
    square_decay: Number,
    warmup_steps: Number = None,
    cosine_steps: Number = None,
    bounded: bool = False,
) -> optax.GradientTransformation:
    def rate(count: Array) -> Any:
        made = count.astype(jnp.float32)
        share = 1.0 if warmup_steps is None else jnp.minimum((made + 1) / warmup_steps, 1)
        if cosine_steps is not None:
            falling = jnp.clip((made - (0 if warmup_steps is None else warmup_steps)) / cosine_steps, 0, 1)
            share = share * 0.5 * (1 + jnp.cos(jnp.pi * falling))
        return -learning_rate * share

    moves = optax.chain(optax.scale_by_adam(b1=mean_decay, b2=square_decay), optax.scale_by_schedule(cast(Any, rate)))
    return _kept_in_range(moves) if bounded else moves


def _kept_in_range(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    def cut_off(old: Array, move: Array) -> Array:
        return jnp.clip(old + move, -HALF_RANGE, HALF_RANGE) - old

    def update(gradient: Any, state: Any, variables: Any = None) -> tuple[Any, Any]:
        moves, state = inner.update(gradient, state, variables)
        return mapped_both(cut_off, given(variables), moves), state

    return transformation(inner.init, update)


def nadam(*, learning_rate: float) -> Recorded:
    """Climb by Adam with Nesterov's momentum, as MaCo does with a learning rate of 1.

    The momentum is 0.9 throughout. In Keras and PyTorch it begins with half of that and rises: in Keras within some
    hundred steps, in PyTorch within thousands.

    Args:
        learning_rate: of the optimizer.

    Raises:
        ValueError: the learning rate is not positive.

    References:
        T. Dozat: Incorporating Nesterov Momentum into Adam. ICLR workshop, 2016.

    Example:
        >>> nadam(learning_rate=1.0).record
        {'kind': 'nadam', 'learning_rate': 1.0}
    """
    numbers = positive(learning_rate=learning_rate)
    return recorded(optax.nadam, {"kind": "nadam"} | numbers, numbers)


def rmsprop(*, learning_rate: float, decay: float = 0.9, epsilon: float = 1e-7) -> Recorded:
    """Climb along the gradient over the root of its mean square so far, number by number: tf-keras-vis's default.

    Args:
        learning_rate: of the optimizer.
        decay: share of the mean square that is kept from step to step, from 0 up to 1.
        epsilon: added under the root.

    Raises:
        ValueError: a number is out of range.

    References:
        G. Hinton: Neural Networks for Machine Learning, lecture 6. 2012.

    Example:
        >>> optimizer = rmsprop(learning_rate=0.1, decay=0.75)
        >>> optimizer.update(jnp.array([-3.0]), optimizer.init(jnp.zeros(1)))[0].round(3).tolist()
        [0.2...]
    """
    numbers = positive(learning_rate=learning_rate, epsilon=epsilon)
    if not 0 <= decay < 1:
        raise ValueError(f"decay is {decay}; give a number from 0 up to 1.")
    numbers["decay"] = float(decay)
    return recorded(_rmsprop, {"kind": "rmsprop"} | numbers, numbers)


def _rmsprop(learning_rate: Number, decay: Number, epsilon: Number) -> optax.GradientTransformation:
    return optax.rmsprop(learning_rate, decay=decay, eps=epsilon)
