"""What an explorer asks for: a picture of every unit of a layer, and one of the negative of every unit."""

import dataclasses
from collections.abc import Sequence

from jaxviz.models import Model
from jaxviz.objectives import Combination, Objective
from jaxviz.objectives.base import combine
from jaxviz.rendering.request import Request, make_request
from jaxviz.rendering.suitable import by_settings, suitable_size
from jaxviz.results import Settings


def both_signs(model: Model, layer: str, settings: Settings, lowering: str) -> Request:
    """Ask for every unit of a layer and, behind them, for the negative of every unit.

    Raises:
        KeyError: An unknown layer; the message names the closest.
        ValueError: The model cannot be traced with pictures of this size, or has an unsound weight.
    """
    said = by_settings(model, settings)

    def request(objective: str | Sequence[Objective]) -> Request:
        return make_request(
            model,
            objective,
            units=None,
            steps=settings.steps,
            size=_size(model, settings),
            key=settings.key,
            parameterization=said.parameterization,
            transforms=said.transform,
            optimizer=None,
            learning_rate=said.learning_rate,
            lowering=lowering,
        )

    positive = request(layer)
    negative = request([-objective for objective in positive.objectives])
    return dataclasses.replace(
        positive,
        objectives=(*positive.objectives, *negative.objectives),
        labels=(*positive.labels, *negative.labels),
        seeds=(*positive.seeds, *negative.seeds),
        targets={**positive.targets, **negative.targets},
        views_apart=True,
    )


def weighted(request: Request) -> list[Objective]:
    """Write every objective as a weighted sum of one term, so that one program serves both signs."""
    return [
        objective if isinstance(objective, Combination) else combine((objective, 1.0))
        for objective in request.objectives
    ]


def _size(model: Model, settings: Settings) -> tuple[int, ...]:
    """Return the height and width of the pictures: square, but where another shape suits the model."""
    size = suitable_size(model)
    return size if settings.size == size[0] else (settings.size, settings.size)
