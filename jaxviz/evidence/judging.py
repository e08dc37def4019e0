"""What a second network, the judge, makes of pictures that it had no part in.

A picture can convince the network that it was climbed on and nobody else, as an adversarial pattern does; so the
network's own opinion is no evidence. The judge sees every picture brought to its own input size.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxviz.models import Layer, Model, checked_range
from jaxviz.results.class_names import class_index

_TIE = 0.5


@dataclasses.dataclass(frozen=True)
class Transfer:
    """How well a judge recognizes the classes of pictures; made by `transfer`.

    Attributes:
        top_1: Share of pictures whose class is the judge's first.
        top_5: Share of pictures whose class is among the judge's first five.
        ranks: For each picture the number of classes that the judge puts before its own; 0 is the first.
        log_probability: For each picture the logarithm (base e) of the probability that the judge gives to its class.
            It tells pictures apart where no class is among the first five.
    """

    top_1: float
    top_5: float
    ranks: Int[np.ndarray, " image"]
    log_probability: Float[np.ndarray, " image"]


def fitted(images: Any, *extents: int) -> Float[np.ndarray, "image *position channel"]:
    """Return images brought to a height and width, by cubic interpolation without aliasing, within [0, 1].

    Args:
        images: Images `[image, height, width, channel]` in [0, 1]; or signals, or volumes.
        *extents: The height and the width; as many as there are axes of positions.

    Raises:
        TypeError: They are not floats.
        ValueError: They are not in [0, 1], or have other axes than these.

    Example:
        >>> from jaxviz.evidence import fitted
        >>> fitted(np.zeros((2, 64, 32, 3), np.float32), 96, 48).shape
        (2, 96, 48, 3)
    """
    array = checked_range(images)
    if array.ndim != len(extents) + 2:
        raise ValueError(
            f"images have shape {list(array.shape)}, where there are {len(extents)} axes of positions, one axis before "
            "them, and one after. A single image needs the first: images[None]."
        )
    if array.shape[1:-1] == extents:
        return array
    shape = (len(array), *extents, array.shape[-1])
    resized = cast(Array, jax.image.resize(array, shape, "cubic", antialias=True))
    return np.clip(np.asarray(resized), 0.0, 1.0)


def transfer(judge: Model, images: Any, classes: Sequence[int | str], *, batch_size: int = 32) -> Transfer:
    """Say whether another network names the classes that pictures were made for.

    Args:
        judge: A network with the same classes as the one that the pictures were climbed on, and no part in that.
        images: Pictures `[image, height, width, channel]` in [0, 1], of any size; or signals, volumes or vectors.
        classes: The class of each picture, by number or name, as in `jaxviz.class_logit`.
        batch_size: Images evaluated at once.

    Raises:
        ValueError: The judge has no class logits, or the classes do not fit the judge or the pictures.

    Example:
        >>> import jax, jax.numpy as jnp, jaxviz
        >>> from jaxviz.evidence import transfer
        >>> judge = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(8, 8, 3))
        >>> red_and_blue = jnp.zeros((2, 16, 16, 3)).at[0, ..., 0].set(1).at[1, ..., 2].set(1)
        >>> found = transfer(judge, red_and_blue, [0, 1])
        >>> found.top_1, found.top_5, found.ranks.tolist()
        (0.5, 1.0, [0, 1])
    """
    logits = judge.logits
    if logits is None:
        raise ValueError(f"Model '{judge.name}' has no class logits, so it cannot name classes.")
    numbers = np.array([_class_number(judge, name, logits.units) for name in classes], int)
    images = judge.checked_images(images)
    if len(numbers) != len(images):
        raise ValueError(f"There are {len(images)} pictures and {len(numbers)} classes; give one class for each.")
    seen = fitted(images, *judge.input_shape[:-1])
    values = judge.activations(seen, logits.name, batch_size=batch_size)[logits.name]
    values = values.reshape(len(values), -1, logits.units).mean(1)  # of logits that have positions, as `class_logit`
    log_probabilities = np.asarray(jax.nn.log_softmax(jnp.asarray(values, jnp.float32)))
    own = np.take_along_axis(log_probabilities, numbers[:, None], axis=1)
    # Equal ones count half: a judge that finds all classes alike recognizes none.
    before = (log_probabilities > own).sum(1) + _TIE * ((log_probabilities == own).sum(1) - 1)
    before[np.isnan(own[:, 0])] = logits.units - 1  # a judge that gives no number recognizes nothing
    ranks = cast(np.ndarray[Any, Any], np.floor(before).astype(int))
    return Transfer(float((ranks < 1).mean()), float((ranks < 5).mean()), ranks, own[:, 0])


def features(
    judge: Model, images: Any, *, layer: str | None = None, batch_size: int = 32
) -> Float[np.ndarray, "image feature"]:
    """Return what a judge sees in each image: one vector, the mean over positions of a layer's activations.

    Args:
        judge: The network.
        images: Images `[image, height, width, channel]` in [0, 1], of any size; or signals, volumes or vectors.
        layer: Name of the layer; None for the layer that the classifier reads (the penultimate one).
        batch_size: Images evaluated at once.

    Raises:
        KeyError: The layer is unknown.
        ValueError: No layer is given and the judge has no class logits.

    Example:
        >>> import jaxviz
        >>> from jaxviz.evidence import features
        >>> judge = jaxviz.wrap(lambda images: images * 2, input_shape=(8, 8, 3))
        >>> features(judge, np.full((1, 8, 8, 3), 0.5, np.float32), layer=judge.layers[-1].name).tolist()
        [[1.0, 1.0, 1.0]]
    """
    name = judge.layers.named(layer or penultimate(judge)).name
    seen = fitted(judge.checked_images(images), *judge.input_shape[:-1])
    values = judge.activations(seen, name, batch_size=batch_size)[name]
    return values.reshape(len(values), -1, values.shape[-1]).astype(np.float64).mean(1)


def penultimate(judge: Model) -> str:
    """Return the name of the last layer that the class logits are computed from and that holds something else.

    A map of the classes whose mean the logits are holds the same.

    Raises:
        ValueError: The model has no class logits, or nothing before them.

    Example:
        >>> import jaxviz
        >>> from jaxviz.evidence import penultimate
        >>> penultimate(jaxviz.wrap(lambda images: images.mean((1, 2)) @ np.eye(3), input_shape=(8, 8, 3)))
        'mean'
    """
    before = [] if judge.logits is None else _layers_before(judge, judge.logits)
    if not before:
        raise ValueError(f"Model '{judge.name}' has no layer before its class logits; give the name of a layer.")
    return before[-1].name


def _layers_before(judge: Model, logits: Layer) -> list[Layer]:
    """Return the layers that the logits are computed from, but for those that hold the classes already."""
    network = judge.network(judge.input_shape, judge.enough(judge.input_shape, 1))
    program, own = network.program, network.value(logits)
    computed = {value for each in program.needed([own]) for value in (*each.reads, *each.results)} - {own}
    weights = set(program.weight_values)

    def is_other(layer: Layer) -> bool:
        after = program.needed([own], known=[network.value(layer)])
        return layer.units != logits.units or any(weights.intersection(each.reads) for each in after)

    return [layer for layer in judge.layers if network.value(layer) in computed and is_other(layer)]


def _class_number(judge: Model, name: int | str, count: int) -> int:
    if isinstance(name, str):
        return class_index(name, judge.class_names)
    if isinstance(name, bool) or not isinstance(name, int | np.integer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name!r} is no class; give its number or its name.")
    if not 0 <= name < count:
        raise ValueError(f"Class {name} is out of range: model '{judge.name}' has classes 0 to {count - 1}.")
    return int(name)
