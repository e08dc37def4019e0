"""Ascent under regularizers that act on the pixels or on their gradients: blurs, decay, zeroing of what is small."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int

from jaxviz.optimizers.base import HALF_RANGE, Number, Recorded, given, mapped, positive, recorded, transformation
from jaxviz.optimizers.percentiles import percentile
from jaxviz.transforms.gaussian import WIDEST_PIXELS, gaussian_blur

# Numbers of `yosinski` with everything switched off.
_OFF = {"learning_rate": 0.0, "progress": 0.0, "max_learning_rate": 1e30}


class Steps(NamedTuple):
    """The state of `yosinski`: the number of steps made."""

    made: Int[Array, ""]


def yosinski(
    *,
    learning_rate: float | None = None,
    progress: float | None = None,
    max_learning_rate: float = math.inf,
    decay: float = 0.0,
    blur_pixels: float = 0.0,
    blur_every: int = 1,
    small_norm_percent: float = 0.0,
    small_benefit_percent: float = 0.0,
) -> Recorded:
    """Climb pixels under the four regularizers of the Deep Visualization Toolbox.

    A step of gradient ascent, and then, each where its number is not zero: decay, blur, zeroing of pixels whose norm
    over the channels is small, zeroing of pixels whose contribution to the score is small: the absolute sum over
    channels of gradient times value. What comes out is cut off at black and white.

    Args:
        learning_rate: a fixed one; or give `progress`.
        progress: the rise of the score to aim at in a step: the learning rate is this over the squared length of the
            gradient, `max_learning_rate` at most.
        max_learning_rate: see `progress`, with which alone it goes.
        decay: share by which the pixels shrink towards grey in every step.
        blur_pixels: standard deviation of a Gaussian blur.
        blur_every: steps from one blur to the next; the first step blurs.
        small_norm_percent: percentile of the norms below which a pixel is set to grey.
        small_benefit_percent: percentile of the contributions below which a pixel is set to grey.

    Raises:
        ValueError: both or neither of `learning_rate` and `progress` is given, a greatest learning rate beside a fixed
            one, or a number is out of range.

    References:
        J. Yosinski, J. Clune, A. Nguyen, T. Fuchs, H. Lipson: Understanding Neural Networks Through Deep Visualization.
        ICML workshop, 2015. arXiv:1506.06579. The order is that of its code, `optimize/gradient_optimizer.py`, which
        cuts off at the beginning of the next step.

    Example:
        >>> optimizer = yosinski(learning_rate=1, decay=0.5)
        >>> image = jnp.full((2, 3, 1), 0.1)
        >>> updates, _ = optimizer.update(-0.1 * jnp.ones((2, 3, 1)), optimizer.init(image), image)
        >>> round(float((image + updates)[0, 0, 0]), 3)
        0.1
    """
    if (learning_rate is None) == (progress is None):
        raise ValueError("Give either learning_rate or progress.")
    if learning_rate is not None and max_learning_rate != math.inf:
        raise ValueError("max_learning_rate bounds the rates that progress asks for; leave it out with learning_rate.")
    rate = positive(progress=progress) if learning_rate is None else positive(learning_rate=learning_rate)
    if isinstance(blur_every, bool) or int(blur_every) != blur_every or blur_every < 1:
        raise ValueError(f"blur_every is {blur_every}; give a whole number of steps, 1 or more.")
    regularizers = {
        "decay": (decay, 1),
        "blur_pixels": (blur_pixels, WIDEST_PIXELS),
        "small_norm_percent": (small_norm_percent, 100),
        "small_benefit_percent": (small_benefit_percent, 100),
    }
    for name, (value, most) in regularizers.items():
        if not 0 <= value <= most:
            raise ValueError(f"{name} is {value}; give a number from 0 to {most}.")
    most = {} if max_learning_rate == math.inf else positive(max_learning_rate=max_learning_rate)
    amounts = {name: float(value) for name, (value, _) in regularizers.items()}
    record = {"kind": "yosinski"} | rate | most | amounts | {"blur_every": int(blur_every)}
    numbers = _OFF | rate | most | amounts | {"blur_every": int(blur_every)}
    compares = tuple(name for name in ("blur_pixels", "small_norm_percent") if amounts[name])
    return recorded(_yosinski, record, numbers, compares=compares)


def _yosinski(
    learning_rate: Number,
    progress: Number,
    max_learning_rate: Number,
    decay: Number,
    blur_pixels: Number,
    blur_every: Number,
    small_norm_percent: Number,
    small_benefit_percent: Number,
) -> optax.GradientTransformation:
    """Make the steps of `yosinski`, with all that it can do compiled in: what is zero is passed over while it runs."""

    def blur(image: Array, made: Array) -> Array:
        blurs = made % jnp.asarray(blur_every).astype(jnp.int32) == 0
        return jnp.where(blurs, gaussian_blur(image, blur_pixels), image)

    def without_small_norms(image: Array) -> Array:
        return _zero_below(image, jnp.sqrt(jnp.sum(jnp.square(image), axis=-1)), small_norm_percent)

    def without_small_benefits(image: Array, rise: Array) -> Array:
        return _zero_below(image, jnp.abs(jnp.sum(rise * image, axis=-1)), small_benefit_percent)

    def update(gradient: Any, state: Steps, variables: Any = None) -> tuple[Any, Steps]:
        old, rise = cast(Array, given(variables)), -cast(Array, gradient)
        aimed = jnp.minimum(progress / jnp.maximum(jnp.sum(jnp.square(rise)), 1e-30), max_learning_rate)
        rate = jnp.where(progress > 0, aimed, learning_rate)
        image = (old + rate * rise) * (1 - decay)
        image = _if_any(blur_pixels, blur, image, state.made)
        image = _if_any(small_norm_percent, without_small_norms, image)
        image = _if_any(small_benefit_percent, without_small_benefits, image, rise)
        return jnp.clip(image, -HALF_RANGE, HALF_RANGE) - old, Steps(state.made + 1)

    return transformation(lambda _: Steps(jnp.zeros((), jnp.int32)), update)


def blur_gradients(*, blur_pixels: float, learning_rate: float) -> Recorded:
    """Climb by Adam along blurred gradients, so that fine detail is reached only through coarse.

    Args:
        blur_pixels: standard deviation of a Gaussian blur of the gradient of every pixel; for `pixels` only.
        learning_rate: of Adam.

    Raises:
        ValueError: a number is not positive.

    References:
        After A. Øygard: Visualizing GoogLeNet Classes. 2015, who blurs the image itself after every step, and less and
        less; `yosinski(blur_pixels=...)` does that, always by as much.

    Example:
        >>> optimizer = blur_gradients(blur_pixels=1, learning_rate=0.05)
        >>> optimizer.record["kind"]
        'blur_gradients'
    """
    numbers = positive(blur_pixels=blur_pixels, learning_rate=learning_rate)
    record = {"kind": "blur_gradients"} | numbers
    return recorded(_blur_gradients, record, numbers, compares=("blur_pixels",))


def _blur_gradients(blur_pixels: Number, learning_rate: Number) -> optax.GradientTransformation:
    adam = optax.adam(learning_rate)

    def update(gradient: Any, state: Any, variables: Any = None) -> tuple[Any, Any]:
        smooth = mapped(lambda part: gaussian_blur(part, blur_pixels), gradient)
        return adam.update(smooth, state, variables)

    return transformation(adam.init, update)


def _if_any(amount: Number, change: Callable[..., Array], image: Array, *others: Array) -> Array:
    """Change an image if a number is above zero: a branch, because the number is the climb's and not a lane's."""

    def keep(image: Array, *others: Array) -> Array:
        del others
        return image

    return cast(Array, lax.cond(amount > 0, change, keep, image, *others))


def _zero_below(
    image: Float[Array, "*position channel"], amounts: Float[Array, "*position"], percent: Number
) -> Float[Array, "*position channel"]:
    return jnp.where((amounts < percentile(amounts, percent))[..., None], 0, image)
