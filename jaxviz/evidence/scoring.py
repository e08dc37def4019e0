"""What pictures do to their own unit, against what real data does to it."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz import pytrees
from jaxviz.models import Layer, Model
from jaxviz.objectives import Objective, Target
from jaxviz.transforms import Transform
from jaxviz.transforms.canvas import with_data_mean


@dataclasses.dataclass(frozen=True)
class AgainstData:
    """Where the score of each picture lies among the scores of a data set; made by `against_data`.

    Attributes:
        percentile: Share of the data's images that score lower than the picture, in percent; half of the equal ones
            count. 100 means that no image of the data set excites the unit as much.
        ratio_to_maximum: The picture's score over the data's maximum, both above the data's median: 1 is as much as
            the best image, 0 as much as a usual one. NaN where all of the data scores the same.
    """

    percentile: Float[np.ndarray, " unit"]
    ratio_to_maximum: Float[np.ndarray, " unit"]


def scores(
    model: Model, objectives: Objective | Sequence[Objective], images: Any, *, batch_size: int = 32
) -> Float[np.ndarray, "objective image"]:
    """Score images as they are, without any transform, by every one of some objectives.

    Args:
        model: The model that the objectives are about.
        objectives: One or several; class names are allowed.
        images: Float array `[image, height, width, channel]` in [0, 1], of any size that the model takes.
        batch_size: Images evaluated at once.

    Returns:
        A row for each objective, a column for each image.

    Raises:
        KeyError, IndexError, TypeError, ValueError: An objective does not fit the model, or is none, or the images do
            not.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> from jaxviz.evidence import scores
        >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(8, 8, 3))
        >>> images = jnp.stack([jnp.full((8, 8, 3), grey) for grey in (0.25, 0.75)])
        >>> scores(model, [jaxviz.channel("mean", 0), -jaxviz.channel("mean", 2)], images).tolist()
        [[0.25, 0.75], [-0.25, -0.75]]
    """
    images = model.checked_images(images)
    listed = _listed(objectives)
    if not listed or not len(images) or batch_size < 1:
        raise ValueError(
            f"There are {len(listed)} objectives, {len(images)} images and a batch_size of {batch_size}; "
            "give at least one of each."
        )
    size = model.enough(images.shape[1:], min(batch_size, len(images)))
    network = model.network(images.shape[1:], size)
    # Before names of classes: in a joint model the layer says among which they are.
    model.layers.check(target.layer for objective in listed for target in objective.targets())
    bound = [objective.bind(model.named_classes) for objective in listed]
    targets = _targets(model, bound)
    shapes = {target: network.shape(layer, rectified=target.rectified) for target, layer in targets.items()}
    for objective in bound:
        if objective.reads_opacity:
            raise ValueError(f"{objective} reads the opacity of an image, but the images that a model sees have none.")
        objective.check(shapes)
        objective.check_image(images.shape[1:])
    activations = network.compiled(tuple((layer, target.rectified) for target, layer in targets.items()), "auto")
    forms: dict[Any, list[int]] = {}
    for position, objective in enumerate(bound):
        leaves, form = cast(tuple[list[Any], Any], jax.tree.flatten(objective))
        forms.setdefault((form, tuple(np.shape(leaf) for leaf in leaves)), []).append(position)
    result = np.empty((len(bound), len(images)), np.float32)
    for start in range(0, len(images), size):
        part = images[start : start + size]
        padded = jnp.asarray(np.pad(part, [(0, size - len(part)), *[(0, 0)] * (part.ndim - 1)]))
        values = dict(zip(targets, activations(model.weights, padded), strict=True))
        for positions in forms.values():
            stacked = jax.tree.map(
                lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]),
                *(bound[position] for position in positions),
            )
            found = np.asarray(_score_all(stacked, values, padded, len(positions)))
            result[positions, start : start + len(part)] = found[:, : len(part)]
    return result


def against_data(picture_scores: Any, data_scores: Any) -> AgainstData:
    """Say where each unit's picture lies in the distribution of the scores of real images.

    Args:
        picture_scores: `[unit]`, the score of each unit's own picture, as `scores` gives on its diagonal.
        data_scores: `[unit, image]`, the scores of the data's images for each unit.

    Raises:
        ValueError: There are not as many rows of data as pictures, or the data has no images.

    Example:
        >>> from jaxviz.evidence import against_data
        >>> found = against_data(np.array([8.0, 2.0]), np.array([[0.0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]))
        >>> found.percentile.tolist(), found.ratio_to_maximum.tolist()
        ([100.0, 50.0], [3.0, 0.0])
    """
    pictures, data = np.asarray(picture_scores, float), np.asarray(data_scores, float)
    if data.ndim != 2 or pictures.shape != data.shape[:1] or not data.shape[1]:
        raise ValueError(
            f"picture_scores has shape {list(pictures.shape)} and data_scores {list(data.shape)}; "
            "give one number for each unit, and for each unit one row of at least one image."
        )
    own = pictures[:, None]
    share = ((data < own) + 0.5 * (data == own)).mean(1)
    usual = np.median(data, axis=1)
    span = data.max(1) - usual
    ratio = np.divide(pictures - usual, span, out=np.full(len(pictures), np.nan), where=span > 0)
    return AgainstData(100.0 * share, ratio)


def robustness(
    model: Model,
    objectives: Objective | Sequence[Objective],
    images: Any,
    transform: Transform,
    *,
    key: int | np.integer[Any] | PRNGKeyArray = 0,
    draws: int = 8,
) -> Float[np.ndarray, " unit"]:
    """Say how much of each picture's score is left under transforms that it has not seen.

    Args:
        model: The model that the pictures were made for.
        objectives: The objective of each picture, or the one of a single picture.
        images: The pictures, `[unit, height, width, channel]` in [0, 1].
        transform: How pictures are disturbed; a border of the data has that of the model, as in `render`.
        key: Decides the disturbances; take another one than the rendering's.
        draws: Disturbed copies of every picture.

    Raises:
        KeyError, IndexError, TypeError, ValueError: As `scores`, or the transform is none or not for such inputs, or
            there are not as many pictures as objectives.

    Returns:
        For each picture the mean score of its disturbed copies over its score when it is left alone. 1 is as much,
        a pattern that lives on exact pixels has about 0. NaN where the score itself is not positive.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> from jaxviz.evidence import robustness
        >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(8, 8, 3))
        >>> images = jnp.full((1, 8, 8, 3), 0.5)
        >>> robustness(model, [jaxviz.channel("mean", 0)], images, jaxviz.transforms.rotate(20)).tolist()
        [1.0]
    """
    images = model.checked_images(images)
    objectives = _listed(objectives)
    if not isinstance(transform, Transform):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"transform is {transform!r}; give one of jaxviz.transforms, such as jaxviz.transforms.lucid()."
        )
    if len(objectives) != len(images):
        raise ValueError(f"There are {len(objectives)} objectives and {len(images)} pictures; give one for each.")
    if draws < 1:
        raise ValueError(f"draws is {draws}; at least 1 disturbed copy is needed.")
    transform = with_data_mean(transform, None if model.data is None else model.data.mean)
    transform.output_size(*images.shape[1:-1])  # says so where it is not for such inputs
    base = jax.random.key(int(key)) if isinstance(key, int | np.integer) else key
    still = np.diagonal(scores(model, objectives, images))
    total = np.zeros(len(images))
    for draw in range(draws):
        keys = jax.random.split(jax.random.fold_in(base, draw), len(images))
        moved = np.clip(np.asarray(_disturb_all(transform, keys, jnp.asarray(images))), 0.0, 1.0)
        total += np.diagonal(scores(model, objectives, moved))
    return np.divide(total / draws, still, out=np.full(len(images), np.nan), where=still > 0)


def _listed(objectives: Any) -> list[Objective]:
    """Return one objective or several as a list; a text as a whole is none, not each of its letters."""
    several = isinstance(objectives, Iterable) and not isinstance(objectives, str)
    listed = cast(list[Any], list(cast(Any, objectives)) if several else [objectives])
    for each in listed:
        if isinstance(each, str):
            raise TypeError(f'{each!r} is no objective. Make one of a unit of this layer: jaxviz.channel("{each}", 0).')
        if not isinstance(each, Objective):
            raise TypeError(f"{each!r} is no objective. Make one with jaxviz.channel, jaxviz.class_logit, …")
    return listed


def _targets(model: Model, objectives: Sequence[Objective]) -> dict[Target, Layer]:
    targets: dict[Target, Layer] = {}
    for target in sorted(frozenset[Target]().union(*(objective.targets() for objective in objectives))):
        targets[target] = model.layers.named(target.layer) if target.layer else model.class_logits()
    return targets


def _all_scores(objectives: Objective, activations: Mapping[Target, Array], images: Array, count: int) -> Array:
    def score(objective: Objective, activation: Mapping[Target, Array], image: Array) -> Array:
        return objective.score(activation, image)

    of_images = cast(Any, jax.vmap(score, in_axes=(None, 0, 0)))
    # An objective without numbers, such as `deepdream`, does not tell how many there are.
    return jax.vmap(of_images, in_axes=(0, None, None), axis_size=count)(objectives, activations, images)


_score_all: Callable[[Objective, Mapping[Target, Array], Array, int], Array] = pytrees.jit(_all_scores, static=(3,))


def _all_disturbed(transform: Transform, keys: Array, images: Array) -> Array:
    return jax.vmap(transform)(keys, images)


# Compiled once for every kind of transform, whose numbers are arguments.
_disturb_all: Callable[[Transform, Array, Array], Array] = pytrees.jit(_all_disturbed)
