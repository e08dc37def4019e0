"""What to maximise: immutable data with an algebra.

An objective is always maximised; a penalty is an objective too, which is subtracted.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jaxviz.objectives.base import Combination, Objective, Target, combine
from jaxviz.objectives.classes import ClassLogit, ClassProbability, class_logit, class_probability
from jaxviz.objectives.couples import (
    Alignment,
    Diversity,
    Interpolation,
    alignment,
    diversity,
    interpolation,
)
from jaxviz.objectives.custom import Custom, custom
from jaxviz.objectives.directions import Direction, direction, random_direction
from jaxviz.objectives.distribution import Distribution, distribution, measure_distribution
from jaxviz.objectives.layer import DeepDream, deepdream
from jaxviz.objectives.penalties import L1Penalty, L2Penalty, Opacity, TotalVariation, l1, l2, opacity, total_variation
from jaxviz.objectives.references import Caricature, Inversion, caricature, inversion
from jaxviz.objectives.units import Channel, Group, Neuron, Token, channel, group, neuron, token

__all__ = [
    "Alignment",
    "Caricature",
    "Channel",
    "ClassLogit",
    "ClassProbability",
    "Combination",
    "Custom",
    "DeepDream",
    "Direction",
    "Distribution",
    "Diversity",
    "Group",
    "Interpolation",
    "Inversion",
    "L1Penalty",
    "L2Penalty",
    "Neuron",
    "Objective",
    "Opacity",
    "Target",
    "Token",
    "TotalVariation",
    "alignment",
    "caricature",
    "channel",
    "class_logit",
    "class_probability",
    "custom",
    "deepdream",
    "direction",
    "distribution",
    "diversity",
    "from_json",
    "group",
    "interpolation",
    "inversion",
    "l1",
    "l2",
    "measure_distribution",
    "neuron",
    "opacity",
    "random_direction",
    "token",
    "total_variation",
]

_FACTORIES: dict[str, Callable[..., Objective]] = {
    "channel": channel,
    "distribution": distribution,
    "diversity": diversity,
    "alignment": alignment,
    "token": token,
    "inversion": inversion,
    "group": group,
    "custom": custom,
    "class_probability": class_probability,
    "caricature": caricature,
    "class_logit": class_logit,
    "deepdream": deepdream,
    "direction": direction,
    "l1": l1,
    "l2": l2,
    "neuron": neuron,
    "opacity": opacity,
    "total_variation": total_variation,
}


def from_json(record: Mapping[str, Any]) -> Objective:
    """Make the objective that `Objective.to_json` described.

    Args:
        record: `kind` names a factory of this module and the rest are its arguments; the kind `sum` has
            `terms`, each with a `weight` and an `objective`, and an `offset`.

    Raises:
        ValueError: the record describes no objective.

    Example:
        >>> from_json({"kind": "channel", "layer": "block3", "index": 12})
        channel("block3", 12)
        >>> objective = channel("block3", 12) - 0.1 * total_variation()
        >>> from_json(objective.to_json()) == objective
        True
    """
    arguments = dict(record)
    kind = arguments.pop("kind", None)
    try:
        if kind == Combination.kind:
            terms = [(from_json(term["objective"]), term["weight"]) for term in arguments["terms"]]
            return combine(*terms, offset=arguments["offset"])
        if kind == Interpolation.kind:
            return interpolation(from_json(arguments["first"]), from_json(arguments["second"]))
        if kind in _FACTORIES:
            return _FACTORIES[kind](**arguments)
    except (KeyError, TypeError) as error:
        raise ValueError(f"This record of kind {kind!r} describes no objective: {error}.") from error
    known = ", ".join(sorted([*_FACTORIES, Combination.kind, Interpolation.kind]))
    raise ValueError(f"Unknown kind of objective {kind!r}. Known kinds: {known}.")
