"""Ascent as it was before Adam: regularizers that act on the step or on the pixels, as optax transformations.

For `render(..., optimizer=...)`. The transformations of pixels go with `pixels(squashed=False, decorrelated=False)`,
whose variables are the image minus 0.5, as the methods before 2017 climbed it: zero is the mean grey, and to shrink
variables is to fade. Numbers of the sources that are for pixels from 0 to 255 are converted by whoever names a set of
them (`jaxviz.presets`), so that all numbers here are for images in [0, 1].

An optimizer made here says in a recipe what it is, and `from_json` makes it again. Its numbers are compiled in: another
number compiles anew.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

__all__ = [
    "Recorded",
    "blur_gradients",
    "from_json",
    "l2_decayed",
    "nadam",
    "norm_bounded",
    "normalized",
    "yosinski",
]

# SciPy's `gaussian_filter` looks four standard deviations far.
_TRUNCATE = 4.0
_HALF = 0.5


class Recorded(optax.GradientTransformation):
    """An optax transformation that can be written into a recipe; made by the functions of this module.

    Attributes:
        record: plain data of which `from_json` makes it again.
    """

    record: dict[str, Any]


class Steps(NamedTuple):
    """The state of `yosinski`: the number of steps made."""

    made: Int[Array, ""]


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
    _positive(norm=norm, learning_rate=learning_rate)

    def update(gradient: Any, state: Any, variables: Any = None) -> tuple[Any, Any]:
        stepped = _map_both(lambda variable, part: variable - learning_rate * part, _given(variables), gradient)
        scale = norm / jnp.maximum(optax.tree.norm(stepped), 1e-12)
        return _map_both(lambda new, old: scale * new - old, stepped, variables), state

    record = {"kind": "norm_bounded", "norm": float(norm), "learning_rate": float(learning_rate)}
    return _recorded(lambda _: optax.EmptyState(), update, record)


def l2_decayed(*, decay: float, learning_rate: float) -> Recorded:
    """Climb the score minus `decay` times the squared length of the variables.

    Of a linear unit the best image is the unit's weights over twice the decay.

    Args:
        decay: weight of the squared length.
        learning_rate: of plain gradient ascent.

    Raises:
        ValueError: a number is not positive.

    References:
        K. Simonyan, A. Vedaldi, A. Zisserman: Deep Inside Convolutional Networks. ICLR workshop, 2014. arXiv:1312.6034

    Example:
        >>> optimizer = l2_decayed(decay=0.5, learning_rate=0.1)
        >>> image = jnp.array([1.0])
        >>> round(float(optimizer.update(jnp.array([0.0]), optimizer.init(image), image)[0][0]), 3)
        -0.1
    """
    _positive(decay=decay, learning_rate=learning_rate)
    made = optax.chain(optax.add_decayed_weights(2 * decay), optax.sgd(learning_rate))
    record = {"kind": "l2_decayed", "decay": float(decay), "learning_rate": float(learning_rate)}
    return _recorded(made.init, made.update, record)


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

    A step of gradient ascent, cut off at black and white, and then, each where its number is not zero: decay, blur,
    zeroing of pixels whose norm over the channels is small, zeroing of pixels whose contribution to the score is small:
    the absolute sum over channels of gradient times value.

    Args:
        learning_rate: a fixed one; or give `progress`.
        progress: the rise of the score to aim at in a step: the learning rate is this over the squared length of the
            gradient, `max_learning_rate` at most.
        max_learning_rate: see `progress`.
        decay: share by which the pixels shrink towards grey in every step.
        blur_pixels: standard deviation of a Gaussian blur.
        blur_every: steps from one blur to the next; the first step blurs.
        small_norm_percent: percentile of the norms below which a pixel is set to grey.
        small_benefit_percent: percentile of the contributions below which a pixel is set to grey.

    Raises:
        ValueError: both or neither of `learning_rate` and `progress` is given, or a number is out of range.

    References:
        J. Yosinski, J. Clune, A. Nguyen, T. Fuchs, H. Lipson: Understanding Neural Networks Through Deep Visualization.
        ICML workshop, 2015. arXiv:1506.06579. The order is that of its code, `optimize/gradient_optimizer.py`.

    Example:
        >>> optimizer = yosinski(learning_rate=1, decay=0.5)
        >>> image = jnp.full((2, 3, 1), 0.1)
        >>> updates, _ = optimizer.update(-0.1 * jnp.ones((2, 3, 1)), optimizer.init(image), image)
        >>> round(float((image + updates)[0, 0, 0]), 3)
        0.1
    """
    if (learning_rate is None) == (progress is None):
        raise ValueError("Give either learning_rate or progress.")
    _positive(**{"learning_rate": learning_rate} if progress is None else {"progress": progress})
    for name, value, most in (
        ("decay", decay, 1),
        ("blur_pixels", blur_pixels, 64),
        ("small_norm_percent", small_norm_percent, 100),
        ("small_benefit_percent", small_benefit_percent, 100),
    ):
        if not 0 <= value <= most:
            raise ValueError(f"{name} is {value}; give a number from 0 to {most}.")
    if isinstance(blur_every, bool) or int(blur_every) != blur_every or blur_every < 1:
        raise ValueError(f"blur_every is {blur_every}; give a whole number of steps, 1 or more.")

    def update(gradient: Any, state: Steps, variables: Any = None) -> tuple[Any, Steps]:
        old, rise = cast(Array, _given(variables)), -cast(Array, gradient)
        if progress is None:
            rate = jnp.float32(learning_rate)
        else:
            squared = jnp.maximum(jnp.sum(jnp.square(rise)), 1e-30)
            rate = jnp.minimum(jnp.float32(progress) / squared, jnp.float32(min(max_learning_rate, 1e30)))
        image = jnp.clip(old + rate * rise, -_HALF, _HALF) * (1 - decay)
        if blur_pixels:
            image = jnp.where(state.made % blur_every == 0, blurred(image, blur_pixels), image)
        if small_norm_percent:
            image = _zero_below(image, jnp.sqrt(jnp.sum(jnp.square(image), axis=-1)), small_norm_percent)
        if small_benefit_percent:
            image = _zero_below(image, jnp.abs(jnp.sum(rise * image, axis=-1)), small_benefit_percent)
        return image - old, Steps(state.made + 1)

    record = {
        "kind": "yosinski",
        "learning_rate": learning_rate,
        "progress": progress,
        "max_learning_rate": max_learning_rate if math.isfinite(max_learning_rate) else None,
        "decay": decay,
        "blur_pixels": blur_pixels,
        "blur_every": blur_every,
        "small_norm_percent": small_norm_percent,
        "small_benefit_percent": small_benefit_percent,
    }
    kept = {name: value for name, value in record.items() if value is not None}
    return _recorded(lambda _: Steps(jnp.zeros((), jnp.int32)), update, kept)


def blur_gradients(*, blur_pixels: float, learning_rate: float) -> Recorded:
    """Climb by Adam along blurred gradients, so that fine detail is reached only through coarse.

    Args:
        blur_pixels: standard deviation of a Gaussian blur of the gradient of every pixel; for `pixels` only.
        learning_rate: of Adam.

    Raises:
        ValueError: a number is not positive.

    References:
        A. Øygard: Visualizing GoogLeNet Classes. 2015.

    Example:
        >>> optimizer = blur_gradients(blur_pixels=1, learning_rate=0.05)
        >>> optimizer.record["kind"]
        'blur_gradients'
    """
    _positive(blur_pixels=blur_pixels, learning_rate=learning_rate)

    def update(gradient: Any, state: Any, variables: Any = None) -> tuple[Any, Any]:
        del variables
        return _map(lambda part: blurred(part, blur_pixels), gradient), state

    blur = _recorded(lambda _: optax.EmptyState(), update, {"kind": "blur", "blur_pixels": float(blur_pixels)})
    made = optax.chain(blur, optax.adam(learning_rate))
    record = {"kind": "blur_gradients", "blur_pixels": float(blur_pixels), "learning_rate": float(learning_rate)}
    return _recorded(made.init, made.update, record)


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
    _positive(learning_rate=learning_rate)

    def update(gradient: Any, state: Any, variables: Any = None) -> tuple[Any, Any]:
        del variables
        count = sum(leaf.size for leaf in cast(list[Array], jax.tree.leaves(gradient)))
        size = optax.tree.norm(gradient) / math.sqrt(count)
        return _map(lambda part: -learning_rate * part / jnp.maximum(size, 1e-20), gradient), state

    record = {"kind": "normalized", "learning_rate": float(learning_rate)}
    return _recorded(lambda _: optax.EmptyState(), update, record)


def nadam(*, learning_rate: float) -> Recorded:
    """Climb by Adam with Nesterov's momentum, as MaCo does with a learning rate of 1.

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
    _positive(learning_rate=learning_rate)
    made = optax.nadam(learning_rate)
    return _recorded(made.init, made.update, {"kind": "nadam", "learning_rate": float(learning_rate)})


def blurred(image: Float[Array, "row column channel"], blur_pixels: float) -> Float[Array, "row column channel"]:
    """Blur an image by a Gaussian, mirrored at its edges: `scipy.ndimage.gaussian_filter`.

    Example:
        >>> spike = jnp.zeros((7, 7, 1)).at[3, 3, 0].set(1.0)
        >>> [round(float(value), 3) for value in blurred(spike, 0.5)[3, :, 0]]
        [0.0, 0.0, 0.084, 0.619, 0.084, 0.0, 0.0]
    """
    radius = int(_TRUNCATE * blur_pixels + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / blur_pixels) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (0, 1):
        padding = [(radius, radius) if axis == other else (0, 0) for other in range(image.ndim)]
        padded, length = jnp.pad(image, padding, mode="symmetric"), image.shape[axis]
        taps = [
            float(weight) * jax.lax.slice_in_dim(padded, place, place + length, axis=axis)
            for place, weight in enumerate(weights)
        ]
        image = sum(taps[1:], taps[0])
    return image


def from_json(record: Mapping[str, Any]) -> Recorded:
    """Make the optimizer that a `record` describes.

    Raises:
        ValueError: the record describes no optimizer of this module.

    Example:
        >>> from_json({"kind": "normalized", "learning_rate": 0.1}).record
        {'kind': 'normalized', 'learning_rate': 0.1}
    """
    arguments = dict(record)
    kind = arguments.pop("kind", None)
    if kind not in _FACTORIES:
        raise ValueError(f"Unknown kind of optimizer {kind!r}. Known kinds: {', '.join(_FACTORIES)}.")
    return _FACTORIES[kind](**arguments)


_FACTORIES: dict[str, Callable[..., Recorded]] = {
    "blur_gradients": blur_gradients,
    "l2_decayed": l2_decayed,
    "nadam": nadam,
    "norm_bounded": norm_bounded,
    "normalized": normalized,
    "yosinski": yosinski,
}


def _zero_below(
    image: Float[Array, "row column channel"], amounts: Float[Array, "row column"], percent: float
) -> Float[Array, "row column channel"]:
    return jnp.where((amounts < jnp.percentile(amounts, percent))[..., None], 0, image)


# One object for one record: an engine that was compiled with it is found again.
_made: dict[str, Recorded] = {}


def _recorded(init: Callable[[Any], Any], update: Callable[..., Any], record: dict[str, Any]) -> Recorded:
    name = json.dumps(record, sort_keys=True)
    if name not in _made:
        _made[name] = Recorded(cast(Any, init), cast(Any, update))
        _made[name].record = record
    return _made[name]


def _map(function: Callable[[Any], Any], tree: Any) -> Any:
    return jax.tree.map(function, tree)


def _map_both(function: Callable[[Any, Any], Any], first: Any, second: Any) -> Any:
    return jax.tree.map(function, first, second)


def _given(variables: Any) -> Any:
    if variables is None:
        raise ValueError("This optimizer acts on the variables themselves; pass them to its update.")
    return variables


def _positive(**numbers: float | None) -> None:
    for name, number in numbers.items():
        if number is None or not 0 < number < math.inf:
            raise ValueError(f"{name} is {number}; give a positive number.")
