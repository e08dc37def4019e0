"""Turn what a user asks for into units that the engine can climb; everything wrong is said here, before compiling."""

import dataclasses
import functools
import importlib.metadata
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxviz.gradient_rules import ChosenRules, GradientRule, chosen
from jaxviz.models import Layer, Model
from jaxviz.objectives import Objective, Target, channel, class_logit
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering.lanes import wished_lanes
from jaxviz.rendering.overriding import acted_on
from jaxviz.rendering.plateau import Plateau, checked
from jaxviz.rendering.suitable import completed, suitable, suitable_size
from jaxviz.results import Recipe, Settings
from jaxviz.results.view import INPUTS, View
from jaxviz.transforms import (
    Annealed,
    Background,
    Compose,
    Transform,
    Views,
    background,
    compose,
    distill_2017,
    lucid,
    lucid_noise,
    several_views,
)

SMALLEST_SIZE_PIXELS = 8

AUTO = "auto"
"""The transforms, and the decay power and learning rate with them, that suit the model's family."""

_SIZES = {
    1: "one whole number of samples",
    2: "one whole number of pixels or (height, width)",
    3: "one whole number of voxels or (depth, height, width)",
}

_TRANSFORM_PRESETS = {"lucid": lucid, "lucid_noise": lucid_noise, "distill_2017": distill_2017}


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

    @property
    def view(self) -> View:
        """How the images are shown."""
        return dataclasses.replace(self.model.view, has_opacity=self.parameterization.has_opacity)

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
            model=_model_record(self.model, self.view),
            lowering=self.lowering,
            precision=self.precision,
            stop_on_plateau=None if self.stop_on_plateau is None else self.stop_on_plateau.to_json(),
            gradient_rules=tuple(rule.to_json() for rule in self.gradient_rules),
            versions=_versions(),
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
    steps = _checked_steps(steps)
    automatic = isinstance(transforms, str) and transforms == AUTO
    extents, channels = _extents(model, size), model.input_shape[-1]
    suits = suitable(model, automatic=automatic)
    transform = suits.transform if automatic else _transform(transforms)
    if learning_rate is None and optimizer is None:
        # A family's rate is for the coefficients that it comes with.
        learning_rate = suits.learning_rate if parameterization is None else Settings().learning_rate
    parameterization = completed(parameterization or suits.parameterization, model.data)
    transform = _over_background(transform, parameterization)
    if transparency and model.input_name != "image":
        raise ValueError(
            f"transparency=True fades images, but model '{model.name}' takes {model.input_name}s. Leave it out."
        )
    canvas_size = (*transform.output_size(*extents), channels)
    image_size = _lane_shape(parameterization, extents, channels + parameterization.has_opacity)
    count = parameterization.images_in_lane
    bound, labels = _bound(model, objectives_of(model, objective, units))
    for item in bound:
        if item.couples and count == 1:
            raise ValueError(
                f"{item} compares images, but every lane holds one. Render several side by side: "
                "parameterization=jaxviz.several(jaxviz.fourier(), count=4)."
            )
        if item.reads_opacity and not parameterization.has_opacity:
            raise ValueError(f"{item} reads the opacity of an image, which only parameterization=transparent() has.")
    targets = _targets(model, bound)
    _check_against_model(model, bound, targets, canvas_size)
    update, record, rate = _optimizer(optimizer, learning_rate)
    if lowering not in ("auto", "xla"):
        raise ValueError(f"lowering is {lowering!r}; it must be 'auto' (faster equivalents) or 'xla' (none).")
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision is {precision!r}; it must be 'float32' or 'bfloat16' (products and convolutions).")
    rules = chosen(gradient_rules)
    _check_rules(model, canvas_size, rules)
    return Request(
        model=model,
        objectives=bound,
        labels=labels,
        seeds=tuple(item.seed(layer_name=functools.partial(_layer_name, model)) for item in bound),
        targets=targets,
        steps=steps,
        extents=extents,
        image_size=image_size,
        canvas_size=canvas_size,
        key=_key(key),
        parameterization=parameterization,
        transform=transform,
        optimizer=update,
        optimizer_record=record,
        learning_rate=rate,
        lowering=lowering,
        precision=precision,
        stop_on_plateau=checked(stop_on_plateau),
        gradient_rules=rules,
        transparency=bool(transparency),
    )


def one_objective(model: Model, objective: str | Layer | Objective, unit: int | str | None) -> tuple[Objective, str]:
    """Return the objective of one unit of a layer, or the one that was given, and what it is called.

    Raises:
        TypeError, ValueError, KeyError, IndexError: There is no such unit, or it is not one.
    """
    bound, labels = _bound(model, objectives_of(model, objective, unit))
    if len(bound) != 1:
        raise ValueError(f"'{objective}' has {len(bound)} units; say which one is meant.")
    _targets(model, bound)
    return bound[0], labels[0]


def _checked_steps(steps: int) -> int:
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"steps is {steps!r}; it must be a whole number.")
    if steps < 1:
        raise ValueError(f"steps is {steps}; at least 1 step is needed to climb (256 is usual).")
    return int(steps)


def _extents(model: Model, size: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Return height and width of the pictures, or as many numbers as the model's inputs have axes of positions."""
    axes = len(model.input_shape) - 1
    if axes >= len(INPUTS):
        raise ValueError(
            f"Model '{model.name}' takes inputs of shape {model.input_shape}; vectors (features,), signals (samples, "
            "channels), images (height, width, channels) and volumes (depth, height, width, channels) can be rendered."
        )
    if size is None:
        return suitable_size(model)
    extents: tuple[Any, ...] = (size,) * axes if isinstance(size, int | np.integer) else tuple(size)
    if axes == 0:
        raise TypeError(f"size is {size!r}, but model '{model.name}' takes vectors, which have none. Leave it out.")
    if len(extents) != axes or not all(isinstance(extent, int | np.integer) for extent in extents):
        raise TypeError(f"size is {size!r}; it must be {_SIZES[axes]}.")
    if min(extents) < SMALLEST_SIZE_PIXELS and extents != model.input_shape[:-1]:
        raise ValueError(f"size is {size}; the smallest picture is {SMALLEST_SIZE_PIXELS} pixels (128 is usual).")
    return tuple(int(extent) for extent in extents)


def _lane_shape(parameterization: Parameterization, extents: tuple[int, ...], channels: int) -> tuple[int, ...]:
    """Return the shape of what a lane makes: an input, or several side by side."""
    count = parameterization.images_in_lane
    if count > 1 and not extents:
        raise ValueError("several puts inputs side by side, which vectors cannot be. Render them one by one.")
    shape = (*extents[:-1], extents[-1] * count, channels) if extents else (channels,)
    if len(extents) != 2:  # what is wrong with a parameterization for such inputs is said before anything is compiled
        jax.eval_shape(lambda: parameterization.to_image(parameterization.init(jax.random.key(0), *shape)))
    return shape


def _over_background(transform: Transform, parameterization: Parameterization) -> Transform:
    """Lay a transparent picture over a background before all else; a picture without opacity needs none."""
    has_background = _has_background(transform)
    if has_background and not parameterization.has_opacity:
        raise ValueError(f"{transform} lays a transparent picture over a background; use it with transparent().")
    if has_background or not parameterization.has_opacity:
        return transform
    if isinstance(transform, Views):  # stands around everything else
        return several_views(compose(background(), transform.inner), count=transform.count)
    return compose(background(), transform)


def _has_background(transform: Transform) -> bool:
    if isinstance(transform, Compose):
        return any(map(_has_background, transform.transforms))
    if isinstance(transform, Views):
        return _has_background(transform.inner)
    if isinstance(transform, Annealed):
        return _has_background(transform.first)
    return isinstance(transform, Background)


def _key(key: int | jax.Array) -> jax.Array:
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return jax.random.key(int(key))
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.ndim == 0:
        return key
    if isinstance(key, jax.Array) and key.dtype == np.uint32 and key.ndim == 1:
        return cast(jax.Array, jax.random.wrap_key_data(key))
    raise TypeError(f"key is {key!r}; it must be a whole number or a JAX key such as jax.random.key(0).")


def _transform(transforms: Transform | str | None) -> Transform:
    if transforms is None:
        return compose()
    if isinstance(transforms, Transform):
        return transforms
    if isinstance(transforms, str) and transforms in _TRANSFORM_PRESETS:  # pyright: ignore[reportUnnecessaryIsInstance]
        return _TRANSFORM_PRESETS[transforms]()
    raise ValueError(
        f"transforms is {transforms!r}; it must be 'auto', a transform such as jaxviz.transforms.shift(8), None, or "
        f"the name of a preset: {', '.join(sorted(_TRANSFORM_PRESETS))}."
    )


def _optimizer(
    optimizer: optax.GradientTransformation | None, learning_rate: float | None
) -> tuple[optax.GradientTransformation, dict[str, Any], float]:
    if optimizer is not None:
        if learning_rate is not None:
            raise TypeError("Give either learning_rate, for Adam, or an optimizer that has its own.")
        custom = {"kind": "custom", "description": repr(type(optimizer).__name__)}
        return optimizer, getattr(optimizer, "record", custom), 1.0
    rate = Settings().learning_rate if learning_rate is None else float(learning_rate)
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"learning_rate is {learning_rate}; it must be a positive number (0.05 is usual).")
    return _ADAM, {"kind": "adam", "learning_rate": rate}, rate


# One object, so that engines compiled with it are found again; the learning rate is multiplied in the step.
_ADAM = optax.adam(1.0)


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
        objectives = list(objective)
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


def _chosen_units(layer: Layer, units: Iterable[int | str] | int | str | None) -> list[int | str]:
    if units is None:
        return list(range(layer.units))
    if isinstance(units, int | str | np.integer):
        units = [units]  # pyright: ignore[reportAssignmentType]
    chosen = [int(unit) if isinstance(unit, np.integer) else unit for unit in units]  # pyright: ignore[reportGeneralTypeIssues,reportUnknownVariableType,reportOptionalIterable]
    if not chosen:
        raise ValueError(f"The list of units is empty; layer '{layer.name}' has units 0 to {layer.units - 1}.")
    return chosen


def _bound(model: Model, objectives: Sequence[Objective]) -> tuple[tuple[Objective, ...], tuple[str, ...]]:
    bound = tuple(objective.bind(model.named_classes) for objective in objectives)
    return bound, tuple(objective.label(model.named_classes) for objective in bound)


def _layer_name(model: Model, text: str) -> str:
    """Return the name of a layer for any of its names, so that a unit has one seed under all of them."""
    return model.layers.named(text).name if text in model.layers else text


def _targets(model: Model, objectives: Sequence[Objective]) -> dict[Target, Layer]:
    targets: dict[Target, Layer] = {}
    for target in frozenset[Target]().union(*(objective.targets() for objective in objectives)):
        targets[target] = model.layers.named(target.layer) if target.layer else model.class_logits()
    return targets


def _check_against_model(
    model: Model,
    objectives: Sequence[Objective],
    targets: Mapping[Target, Layer],
    canvas_size: tuple[int, ...],
) -> None:
    network = model.network(canvas_size, wished_lanes(len(objectives)))
    shapes = {target: network.shape(layer, rectified=target.rectified) for target, layer in targets.items()}
    for objective in objectives:
        objective.check(shapes)
    if model.unsound_weight is not None:
        raise ValueError(
            f"Weight {model.unsound_weight} of model '{model.name}' holds NaN or infinity, so no unit can climb. "
            "Load a checkpoint from before its training diverged."
        )


def _check_rules(model: Model, canvas_size: tuple[int, ...], rules: Sequence[GradientRule]) -> None:
    network = model.network(canvas_size, 1)
    for rule in rules:
        if not acted_on(network.program, network.naming.operations, rule):
            raise ValueError(
                f"The gradient rule {rule.kind} acts on {rule.operations}; model '{model.name}' has none. Leave it out."
            )


def _model_record(model: Model, view: View) -> dict[str, Any]:
    record: dict[str, Any] = {
        "name": model.name,
        "fingerprint": model.fingerprint,
        "input_shape": list(model.input_shape),
    }
    if model.value_range is not None:
        record["value_range"] = [end.tolist() if np.ptp(end) else float(end[0]) for end in model.value_range]
    if model.data is not None:
        record["data"] = {"images": model.data.count}
    if told := view.to_json():
        record["view"] = told
    return record


def _versions() -> dict[str, str]:
    packages = ("jaxviz-features", "jax", "jaxlib", "flax", "optax", "numpy")
    versions = {"python": platform.python_version(), "backend": jax.default_backend()}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "unknown"
    return versions
