"""Turn what a user asks for into units that the engine can climb; everything wrong is said here, before compiling."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax

from jaxviz.gradient_rules import ChosenRules, GradientRule
from jaxviz.models import Layer, Model
from jaxviz.objectives import Objective, Target
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering.objectives_asked import bound, check_objectives, objectives_of, seeds_of, targets_of
from jaxviz.rendering.plateau import Plateau, checked
from jaxviz.rendering.promises import check_disturbed, check_image, check_pixels, check_update
from jaxviz.rendering.provenance import model_record, versions
from jaxviz.rendering.settings_asked import (
    check_transparency,
    check_words,
    checked_rules,
    checked_steps,
    drawn,
    extents_of,
    lane_shape,
    optimizer_of,
    random_key,
)
from jaxviz.results import Recipe
from jaxviz.results.view import View
from jaxviz.transforms import Transform


@dataclasses.dataclass(frozen=True)
class Request:
    """A checked request.

    Attributes:
        model: The model.
        objectives: One for each unit, class names replaced by indices.
        labels: A short name for each unit.
        seeds: A number for each unit that depends on its objective alone, the same under every alias of a layer.
        targets: The layer of everything that any objective reads.
        steps: Steps for each unit.
        extents: Height and width of an image; of another input as many numbers as it has axes of positions.
        image_size: Height, width, channels of what a lane makes: an image, or several side by side.
        canvas_size: Height, width, channels of what the model sees after the transforms.
        key: The random key.
        parameterization: How variables make an image.
        transform: How images are disturbed.
        optimizer: An optax transformation.
        optimizer_record: JSON of the optimizer.
        learning_rate: What the optimizer's updates are multiplied by.
        lowering: `auto` or `xla`.
        precision: `float32` or `bfloat16`.
        stop_on_plateau: When a unit whose score no longer rises is stopped; None for never.
        gradient_rules: How gradients pass some operations of the model.
        transparency: Whether the gradients of the images are added up.
        views_apart: Whether views are evaluated one after the other, so that another number of them compiles nothing.
    """

    model: Model
    objectives: tuple[Objective, ...]
    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    targets: Mapping[Target, Layer]
    steps: int
    extents: tuple[int, ...]
    image_size: tuple[int, ...]
    canvas_size: tuple[int, ...]
    key: jax.Array
    parameterization: Parameterization
    transform: Transform
    optimizer: optax.GradientTransformation
    optimizer_record: dict[str, Any]
    learning_rate: float
    lowering: str
    precision: str
    stop_on_plateau: Plateau | None
    gradient_rules: tuple[GradientRule, ...]
    transparency: bool = False
    views_apart: bool = False

    @property
    def view(self) -> View:
        """How the images are shown."""
        return dataclasses.replace(
            self.model.view,
            has_opacity=self.parameterization.has_opacity,
            volumes_in_strip=self.parameterization.images_in_lane if len(self.extents) == 3 else 1,
        )

    def recipe(self) -> Recipe:
        """Return everything needed to make the images again."""
        return Recipe(
            objectives=tuple(objective.to_json() for objective in self.objectives),
            parameterization=self.parameterization.to_json(),
            transforms=self.transform.to_json(),
            optimizer=self.optimizer_record,
            steps=self.steps,
            size=self.extents,
            key=tuple(int(word) for word in np.ravel(jax.random.key_data(self.key))),
            key_implementation=str(jax.random.key_impl(self.key)),
            model=model_record(self.model, self.view),
            lowering=self.lowering,
            precision=self.precision,
            stop_on_plateau=None if self.stop_on_plateau is None else self.stop_on_plateau.to_json(),
            gradient_rules=tuple(rule.to_json() for rule in self.gradient_rules),
            versions=versions(),
        )


def make_request(
    model: Model,
    objective: str | Layer | Objective | Sequence[Objective],
    *,
    units: Iterable[int | str] | int | str | None,
    steps: int,
    size: int | tuple[int, ...] | None,
    key: int | jax.Array,
    parameterization: Parameterization | None,
    transforms: Transform | str | None,
    optimizer: optax.GradientTransformation | None,
    learning_rate: float | None,
    lowering: str,
    precision: str = "float32",
    stop_on_plateau: Plateau | None = None,
    gradient_rules: ChosenRules = (),
    transparency: bool = False,
) -> Request:
    """Check everything that can be checked without compiling, and resolve names.

    Raises:
        TypeError, ValueError, KeyError, IndexError: Something is wrong; the message says what, and what is allowed.
    """
    if not isinstance(model, Model):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{model!r} is no model; make one with jaxviz.wrap or jaxviz.load.")
    steps = checked_steps(steps)
    extents, channels = extents_of(model, size), model.input_shape[-1]
    parameterization, transform, usual_rate = drawn(model, extents, parameterization, transforms)
    if transparency:
        check_transparency(model)
    canvas_size = (*transform.output_size(*extents), channels)
    image_shape = (*extents, channels + parameterization.has_opacity)
    image_size = lane_shape(parameterization, image_shape)
    variables = check_image(parameterization, image_size)
    check_disturbed(transform, image_shape, canvas_size)
    objectives, labels = bound(model, objectives_of(model, objective, units))
    targets = targets_of(model, objectives)
    check_objectives(model, objectives, targets, parameterization, image_shape, canvas_size)
    update, record, rate = optimizer_of(optimizer, learning_rate, usual=usual_rate)
    if record["kind"] == "custom":
        check_update(update, variables)
    check_pixels(optimizer, variables, image_size)
    check_words(lowering, precision)
    return Request(
        model=model,
        objectives=objectives,
        labels=labels,
        seeds=seeds_of(model, objectives),
        targets=targets,
        steps=steps,
        extents=extents,
        image_size=image_size,
        canvas_size=canvas_size,
        key=random_key(key),
        parameterization=parameterization,
        transform=transform,
        optimizer=update,
        optimizer_record=record,
        learning_rate=rate,
        lowering=lowering,
        precision=precision,
        stop_on_plateau=checked(stop_on_plateau),
        gradient_rules=checked_rules(model, canvas_size, gradient_rules),
        transparency=bool(transparency),
    )
