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

from jaxviz.models import Model, checked_range
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


def fitted(images: Any, height: int, width: int) -> Float[np.ndarray, "image height width channel"]:
    """Return images brought to a height and width, by cubic interpolation without aliasing, within [0, 1].

    Raises:
        TypeError: They are not floats.
        ValueError: They are not in [0, 1].

    Example:
        >>> from jaxviz.evidence import fitted
        >>> fitted(np.zeros((2, 64, 32, 3), np.float32), 96, 48).shape
        (2, 96, 48, 3)
    """
    array = checked_range(images)
    if array.shape[1:3] == (height, width):
        return array
    shape = (len(array), height, width, array.shape[-1])
    resized = cast(Array, jax.image.resize(array, shape, "cubic", antialias=True))
    return np.clip(np.asarray(resized), 0.0, 1.0)


def transfer(judge: Model, images: Any, classes: Sequence[int | str], *, batch_size: int = 32) -> Transfer:
    """Say whether another network names the classes that pictures were made for.

    Args:
        judge: A network with the same classes as the one that the pictures were climbed on, and no part in that.
        images: Pictures `[image, height, width, channel]` in [0, 1].
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
    images = np.asarray(images)
    if len(numbers) != len(images):
        raise ValueError(f"There are {len(images)} pictures and {len(numbers)} classes; give one class for each.")
    height, width = judge.input_shape[:2]
    values = judge.activations(fitted(images, height, width), logits.name, batch_size=batch_size)[logits.name]
    values = values.reshape(len(values), -1, logits.units).mean(1)  # of logits that have positions, as `class_logit`
    log_probabilities = np.asarray(jax.nn.log_softmax(jnp.asarray(values, jnp.float32)))
    own = np.take_along_axis(log_probabilities, numbers[:, None], axis=1)
    # Equal ones count half: a judge that finds all classes alike recognizes none.
    before = (log_probabilities > own).sum(1) + _TIE * ((log_probabilities == own).sum(1) - 1)
    ranks = cast(np.ndarray[Any, Any], np.floor(before).astype(int))
    return Transfer(float((ranks < 1).mean()), float((ranks < 5).mean()), ranks, own[:, 0])


def features(
    judge: Model, images: Any, *, layer: str | None = None, batch_size: int = 32
) -> Float[np.ndarray, "image feature"]:
    """Return what a judge sees in each image: one vector, the mean over positions of a layer's activations.

    Args:
        judge: The network.
        images: Images `[image, height, width, channel]` in [0, 1].
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
    name = layer or penultimate(judge)
    height, width = judge.input_shape[:2]
    values = judge.activations(fitted(images, height, width), name, batch_size=batch_size)[name]
    return values.reshape(len(values), -1, values.shape[-1]).astype(np.float64).mean(1)


def penultimate(judge: Model) -> str:
    """Return the name of the last layer that holds something else than the classes.

    Raises:
        ValueError: The model has no class logits, or nothing before them.

    Example:
        >>> import jaxviz
        >>> from jaxviz.evidence import penultimate
        >>> penultimate(jaxviz.wrap(lambda images: images.mean((1, 2)) @ np.eye(3), input_shape=(8, 8, 3)))
        'mean'
    """
    names = judge.layers.names
    if judge.logits is None or judge.logits.name not in names[1:]:
        raise ValueError(f"Model '{judge.name}' has no layer before its class logits; give the name of a layer.")
    return names[names.index(judge.logits.name) - 1]


def plausibility(pictures: Any, real: Any) -> Float[np.ndarray, " picture"]:
    """Say how near each picture is to the nearest real image, where 1 is as near as real images are to each other.

    The distance of the picture to its nearest real image, over the mean distance of real images to their nearest
    other: Euclidean distances between a judge's features, all brought to length one. Lower is better; much below 1 is
    a copy of a real image.

    The published score does not bring features to length one. We do, because noise then no longer wins: it excites a
    judge little, its features are short, and what is short is near to everything (uniform noise of 128 pixels, judged
    by GoogLeNet: 0.92 as published, nearer to photographs than they are to each other; 1.07 here).

    Args:
        pictures: Features `[picture, feature]` of the pictures, from `features`.
        real: Features `[image, feature]` of real images, from the same judge and layer: a hundred or more.

    Raises:
        ValueError: The widths differ, or there are fewer than two real images or they are all the same.

    References:
        T. Fel et al.: Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization.
        NeurIPS 2023, arXiv:2306.06805 (its plausibility score, changed as said).

    Example:
        >>> from jaxviz.evidence import plausibility
        >>> real = np.array([[2.0, 0.0], [0.0, 3.0], [0.0, 4.0]])
        >>> plausibility(np.array([[0.0, 1.0], [-1.0, 0.0]]), real).round(2).tolist()
        [0.0, 3.0]
    """
    real, pictures = np.asarray(real, float), np.asarray(pictures, float)
    if len(real) < 2 or real.ndim != 2 or pictures.ndim != 2 or real.shape[1] != pictures.shape[1]:
        raise ValueError(
            f"pictures have features of shape {list(pictures.shape)} and real images of {list(real.shape)}; give "
            "[picture, feature] and [image, feature], both from the same layer, and at least two real images."
        )
    real, pictures = _unit_length(real), _unit_length(pictures)
    among = _distances(real, real)
    np.fill_diagonal(among, np.inf)
    usual = among.min(1).mean()
    if usual == 0:
        raise ValueError("The real images all have the same features, so there is nothing to compare with.")
    return _distances(pictures, real).min(1) / usual


def similarity(
    pictures: Any,
) -> Float[np.ndarray, " unit"]:
    """Return for each unit the mean cosine between the features of its pictures from different seeds.

    1 says that every seed shows the judge the same thing. It is a matter of taste how much that is worth: a unit that
    looks for several things has several good pictures. Compare it with what pictures of different units give.

    Args:
        pictures: Features `[unit, seed, feature]` of two or more pictures for every unit.

    Example:
        >>> from jaxviz.evidence import similarity
        >>> similarity(np.array([[[1.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])).tolist()
        [1.0, 0.0]
    """
    array = np.asarray(pictures, float)
    if array.ndim != 3 or array.shape[1] < 2:
        raise ValueError(
            f"pictures have features of shape {list(array.shape)}; give [unit, seed, feature], 2 seeds up."
        )
    directions = _unit_length(array)
    cosines = np.einsum("usf,utf->ust", directions, directions)
    seeds = array.shape[1]
    return (cosines.sum((1, 2)) - np.einsum("uss->u", cosines)) / (seeds * (seeds - 1))


def forced_choice(
    references: Any,
    candidates: Any,
    candidate_scores: Any,
    *,
    extreme_share: float = 0.1,
) -> Float[np.ndarray, " unit"]:
    """Say how often pictures tell which of two real images excites a unit more: a test for people, taken by a judge.

    For each unit all pairs are shown of an image that excites it most and one that excites it least. The judge points
    at the one whose features have the greater cosine with those of the unit's references. 0.5 is chance. Give real
    images as references for an anchor.

    Args:
        references: Features `[unit, reference, feature]` of each unit's pictures, one or more.
        candidates: Features `[image, feature]` of real images that are not among the references.
        candidate_scores: `[unit, image]`, how much each real image excites each unit, from `scores`.
        extreme_share: Share of the images that are called most and least exciting.

    Returns:
        For each unit the share of pairs that are answered right; a tie counts half.

    References:
        J. Borowski et al.: Exemplary Natural Images Explain CNN Activations Better than State-of-the-Art Feature
        Visualization. ICLR 2021, arXiv:2010.12606 (the test with people: 0.82 for pictures, 0.92 for real images).

    Example:
        >>> from jaxviz.evidence import forced_choice
        >>> candidates = np.array([[1.0, 0.1], [0.9, 0.2], [0.2, 0.9], [0.1, 1.0]])
        >>> references = np.array([[[1.0, 0.0]]])
        >>> forced_choice(references, candidates, np.array([[4.0, 3.0, 2.0, 1.0]]), extreme_share=0.5).tolist()
        [1.0]
    """
    references, candidates = np.asarray(references, float), np.asarray(candidates, float)
    ranked = np.argsort(np.asarray(candidate_scores, float), axis=1, kind="stable")
    if references.ndim != 3 or ranked.shape != (len(references), len(candidates)):
        raise ValueError(
            f"references have shape {list(references.shape)}, candidates {list(candidates.shape)}, their scores "
            f"{list(ranked.shape)}; give [unit, reference, feature], [image, feature] and [unit, image]."
        )
    if not 0 < extreme_share <= 0.5:
        raise ValueError(f"extreme_share is {extreme_share}; it must be above 0 and at most 0.5.")
    count = max(1, int(extreme_share * len(candidates)))
    cosines = _unit_length(references).mean(1) @ _unit_length(candidates).T
    least = np.take_along_axis(cosines, ranked[:, :count], axis=1)[:, None, :]
    most = np.take_along_axis(cosines, ranked[:, -count:], axis=1)[:, :, None]
    return ((most > least) + _TIE * (most == least)).mean((1, 2))


def _distances(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # Row by row: the difference itself, since the binomial formula loses what makes near images differ.
    return np.stack([np.sqrt(((row - two) ** 2).sum(1)) for row in one])


def _unit_length(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def _class_number(judge: Model, name: int | str, count: int) -> int:
    if isinstance(name, str):
        return class_index(name, judge.class_names)
    if not 0 <= name < count:
        raise ValueError(f"Class {name} is out of range: model '{judge.name}' has classes 0 to {count - 1}.")
    return int(name)
