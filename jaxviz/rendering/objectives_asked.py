"""What is climbed: the objectives that a user means, and whether the model has what they read."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import jax
import numpy as np

from jaxviz.models import Layer, Model
from jaxviz.objectives import Objective, Target, channel, class_logit
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering.lanes import wished_lanes
from jaxviz.rendering.promises import check_registered, check_score


def objectives_of(
    model: Model,
    objective: str | Layer | Objective | Sequence[Objective],
    units: Iterable[int | str] | int | str | None,
) -> list[Objective]:
    """Return the objectives that are meant: those given, or one for each unit of a layer.

    Raises:
        TypeError, ValueError, KeyError: As `render`.
    """
    if isinstance(objective, Objective):
        objective = [objective]
    if not isinstance(objective, str | Layer):
        given: Any = objective
        objectives = cast(list[Objective], list(cast(Any, given)) if isinstance(given, Iterable) else [given])
        wrong = [item for item in objectives if not isinstance(item, Objective)]  # pyright: ignore[reportUnnecessaryIsInstance]
        if wrong:
            raise TypeError(f"{wrong[0]!r} is no objective. Make one with jaxviz.channel, jaxviz.class_logit, …")
        if units is not None:
            raise TypeError("units belongs to a layer's name; objectives say themselves which units they mean.")
        if not objectives:
            raise ValueError("The list of objectives is empty; give at least one.")
        return objectives
    layer = model.layers.named(objective) if isinstance(objective, str) else objective
    chosen = _chosen_units(layer, units)
    classes = model.class_layer(layer)
    if classes is not None:
        return [class_logit(unit, layer=classes) for unit in chosen]
    names = [unit for unit in chosen if isinstance(unit, str)]
    if names:
        raise TypeError(f"units of '{layer.name}' are numbers; {names[0]!r} is none. Only class logits have names.")
    name = objective if isinstance(objective, str) else layer.name
    return [channel(name, unit) for unit in chosen if not isinstance(unit, str)]


def one_objective(model: Model, objective: str | Layer | Objective, unit: int | str | None) -> tuple[Objective, str]:
    """Return the objective of one unit of a layer, or the one that was given, and what it is called.

    Raises:
        TypeError, ValueError, KeyError, IndexError: There is no such unit, or it is not one.
    """
    found, labels = bound(model, objectives_of(model, objective, unit))
    if len(found) != 1:
        raise ValueError(f"'{objective}' has {len(found)} units; say which one is meant.")
    targets_of(model, found)
    return found[0], labels[0]


def bound(model: Model, objectives: Sequence[Objective]) -> tuple[tuple[Objective, ...], tuple[str, ...]]:
    """Replace names of classes by indices, and say what each objective is called.

    Raises:
        KeyError, ValueError: The model has no such layer, or no such class.
    """
    # Before names of classes: in a joint model the layer says among which they are.
    model.layers.check(target.layer for objective in objectives for target in objective.targets())
    named = tuple(objective.bind(model.named_classes) for objective in objectives)
    return named, told_apart([objective.label(model.named_classes) for objective in named])


def told_apart(labels: Sequence[str]) -> tuple[str, ...]:
    """Number labels that are alike, such as those of several directions of a layer.

    Example:
        >>> told_apart(["a:1", "a direction", "a direction"])
        ('a:1', 'a direction #1', 'a direction #2')
    """
    counts, seen = Counter(labels), Counter[str]()
    told: list[str] = []
    for label in labels:
        seen[label] += 1
        told.append(f"{label} #{seen[label]}" if counts[label] > 1 else label)
    return tuple(told)


def seeds_of(model: Model, objectives: Sequence[Objective]) -> tuple[int, ...]:
    """Return the seed of each objective, one and the same under all names of a layer."""
    return tuple(objective.seed(layer_name=functools.partial(_layer_name, model)) for objective in objectives)


def targets_of(model: Model, objectives: Sequence[Objective]) -> dict[Target, Layer]:
    """Return the layer of everything that any objective reads."""
    targets: dict[Target, Layer] = {}
    for target in frozenset[Target]().union(*(objective.targets() for objective in objectives)):
        targets[target] = model.layers.named(target.layer) if target.layer else model.class_logits()
    return targets


def groups(objectives: Sequence[Objective]) -> list[list[int]]:
    """Group units whose objectives have one form and so one program."""
    found: dict[Any, list[int]] = {}
    for position, objective in enumerate(objectives):
        leaves, form = cast(tuple[list[Any], Any], jax.tree.flatten(objective))
        found.setdefault((form, tuple(np.shape(leaf) for leaf in leaves)), []).append(position)
    return list(found.values())


def check_objectives(
    model: Model,
    objectives: Sequence[Objective],
    targets: Mapping[Target, Layer],
    parameterization: Parameterization,
    image_shape: tuple[int, ...],
    canvas_size: tuple[int, ...],
) -> None:
    """Refuse objectives that cannot be climbed.

    Args:
        model: The model.
        objectives: Bound.
        targets: The layer of everything that they read.
        parameterization: What a lane holds.
        image_shape: Shape of one image before the transforms, with its opacity if it has one.
        canvas_size: Shape of the images that the model sees.

    Raises:
        ValueError, IndexError: An objective does not fit the model or the images, or the model has an unsound weight.
    """
    one_of_each_form = [objectives[group[0]] for group in groups(objectives)]
    for objective in one_of_each_form:
        check_registered(objective)
    for objective in objectives:
        if objective.couples and parameterization.images_in_lane == 1:
            raise ValueError(
                f"{objective} compares images, but every lane holds one. Render several side by side: "
                "parameterization=jaxviz.several(jaxviz.fourier(), count=4)."
            )
        if objective.reads_opacity and not parameterization.has_opacity:
            raise ValueError(
                f"{objective} reads the opacity of an image, which only parameterization=transparent() has."
            )
    network = model.network(canvas_size, model.enough(canvas_size, wished_lanes(len(objectives))))
    shapes = {target: network.shape(layer, rectified=target.rectified) for target, layer in targets.items()}
    for objective in objectives:
        objective.check(shapes)
        objective.check_image(image_shape)
    for objective in one_of_each_form:
        check_score(objective, shapes, image_shape, parameterization.images_in_lane)
    if model.unsound_weight is not None:
        raise ValueError(
            f"Weight {model.unsound_weight} of model '{model.name}' holds NaN or infinity, so no unit can climb. "
            "Load a checkpoint from before its training diverged."
        )


def _chosen_units(layer: Layer, units: Iterable[int | str] | int | str | None) -> list[int | str]:
    if units is None:
        return list(range(layer.units))
    one = isinstance(units, str) or not isinstance(units, Iterable) or getattr(units, "ndim", 1) == 0
    chosen = cast(list[int | str], [units] if one else list(cast(Any, units)))
    if not chosen:
        raise ValueError(f"The list of units is empty; layer '{layer.name}' has units 0 to {layer.units - 1}.")
    return chosen


def _layer_name(model: Model, text: str) -> str:
    """Return the name of a layer for any of its names."""
    return model.layers.named(text).name if text in model.layers else text
