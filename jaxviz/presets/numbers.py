"""The numbers of a preset that can be moved, and the preset with others."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from jaxviz import optimizers, parameterizations, transforms
from jaxviz.objectives import total_variation
from jaxviz.results.dials import KNOWN, WHOLE, called

if TYPE_CHECKING:
    from jaxviz.presets.base import Preset, Scene

_OF_OPTIMIZERS = (
    "learning_rate",
    "progress",
    "max_learning_rate",
    "norm",
    "decay",
    "blur_pixels",
    "blur_every",
    "small_norm_percent",
    "small_benefit_percent",
)
_OF_PARAMETERIZATIONS = ("decay_power", "contrast")
# The share of the mean square that is kept, which is no decay of pixels.
_OTHER_DECAYS = ("rmsprop",)
# Kind of transform -> the number's name, its fields, and the value that disturbs nothing.
_OF_TRANSFORMS: dict[tuple[str, tuple[str, ...]], tuple[str, float]] = {
    ("shift", ("max_pixels", "choices")): ("max_shift_pixels", 0.0),
    ("scale", ("low", "high", "choices")): ("scale_range", 1.0),
    ("rotate", ("max_degrees", "choices")): ("max_degrees", 0.0),
    ("closeup", ("share",)): ("crop_share", 0.0),
    ("noise", ("standard_deviation",)): ("noise", 0.0),
    ("noise", ("uniform",)): ("even_noise", 0.0),
}


def own_numbers(preset: "Preset", scene: "Scene") -> dict[str, float]:
    """Return the numbers of a preset that can be moved, as they are, by name."""
    found: dict[str, float] = {}
    update = preset.optimizer and preset.optimizer(scene)
    record: Mapping[str, Any] = getattr(update, "record", {})
    found |= {name: float(record[name]) for name in _OF_OPTIMIZERS if name in record}
    if record.get("kind") in _OTHER_DECAYS:
        found.pop("decay", None)
    if update is None and preset.learning_rate is not None:
        found["learning_rate"] = preset.learning_rate
    image = preset.parameterization.to_json()
    found |= {name: float(image[name]) for name in _OF_PARAMETERIZATIONS if name in image}
    transform = preset.transforms and preset.transforms(scene)
    if transform is not None:
        found |= {name: value for name, value in _strengths(transform.to_json()).items() if value or name == "noise"}
    found.setdefault("noise", 0.0)
    if preset.penalty is not None:
        found["penalty"] = 1.0
    found["total_variation"] = 0.0
    return {name: found[name] for name in KNOWN if name in found}


def moved(preset: "Preset", numbers: Mapping[str, float]) -> "Preset":
    """Return a preset with other numbers, which are checked already."""
    changes: dict[str, Any] = {}
    chosen = {name: numbers[name] for name in _OF_OPTIMIZERS if name in numbers}
    if chosen and preset.optimizer is None:
        changes["learning_rate"] = chosen["learning_rate"]
    elif chosen:
        changes["optimizer"] = _then(preset.optimizer, functools.partial(_other_optimizer, numbers=chosen))
    image = {name: numbers[name] for name in _OF_PARAMETERIZATIONS if name in numbers}
    if image:
        changes["parameterization"] = parameterizations.from_json(preset.parameterization.to_json() | image)
    strengths = {name: numbers[name] for name, _ in _OF_TRANSFORMS.values() if name in numbers}
    if strengths:
        changes["transforms"] = _then(preset.transforms, functools.partial(_disturbed, strengths=strengths))
    if "penalty" in numbers or numbers.get("total_variation"):
        changes["penalty"] = _then(preset.penalty, functools.partial(_penalty, numbers=numbers))
    return dataclasses.replace(preset, name=called(preset.name, numbers), **changes)


def _then(make: "Callable[[Scene], Any] | None", change: Callable[[Any], Any]) -> "Callable[[Scene], Any]":
    def made(scene: "Scene") -> Any:
        return change(make and make(scene))

    return made


def _other_optimizer(update: Any, numbers: Mapping[str, float]) -> optimizers.Recorded:
    whole = {name: int(value) if name in WHOLE else value for name, value in numbers.items()}
    return optimizers.from_json(update.record | whole)


def _penalty(own: Any, numbers: Mapping[str, float]) -> Any:
    parts = [] if own is None else [numbers.get("penalty", 1.0) * own]
    parts += [numbers["total_variation"] * total_variation()] if numbers.get("total_variation") else []
    return sum(parts[1:], parts[0]) if parts else None


def _disturbed(transform: Any, strengths: Mapping[str, float]) -> Any:
    if transform is None and not strengths.get("noise"):
        return None
    record: dict[str, Any] = {"kind": "compose", "transforms": []} if transform is None else transform.to_json()
    own = _strengths(record)
    changed = _mapped(record, lambda node: _scaled(node, own, strengths))
    made = transforms.from_json(changed)
    if "noise" in own or not strengths.get("noise"):
        return made
    noise = transforms.noise(strengths["noise"])  # which the preset has not
    if made.views > 1:
        inner = transforms.compose(transforms.from_json(changed["inner"]), noise)
        return transforms.several_views(inner, count=changed["count"])
    return transforms.compose(made, noise)


def _strengths(record: Any) -> dict[str, float]:
    """Return how far transforms go from what disturbs nothing: the greatest of each kind."""
    found: dict[str, float] = {}

    def look(node: dict[str, Any]) -> dict[str, Any]:
        for (kind, names), (number, neutral) in _OF_TRANSFORMS.items():
            if node["kind"] == kind:
                values = [value for name in names for value in _listed(node.get(name))]
                far = max((abs(value - neutral) for value in values), default=None)
                if far is not None:
                    found[number] = max(found.get(number, 0.0), round(far, 9))
        return node

    _mapped(record, look)
    return found


def _scaled(node: dict[str, Any], own: Mapping[str, float], strengths: Mapping[str, float]) -> dict[str, Any]:
    """Return a transform that goes as much further as the greatest of its kind has to."""
    changed = dict(node)
    for (kind, names), (number, neutral) in _OF_TRANSFORMS.items():
        if node["kind"] != kind or number not in strengths or number not in own:
            continue
        for name in names:
            value = node.get(name)
            if value is None:
                continue
            if own[number] == 0:  # of a single number
                changed[name] = strengths[number]
            else:
                times = strengths[number] / own[number]
                scaled = [neutral + (each - neutral) * times for each in _listed(value)]
                if name == "choices" and kind == "shift":  # whole pixels blur nothing
                    scaled = [float(round(each)) for each in scaled]
                changed[name] = scaled if isinstance(value, list) else scaled[0]
    return changed


def _listed(value: Any) -> list[float]:
    return [] if value is None else cast("list[float]", value) if isinstance(value, list) else [value]


def _mapped(node: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Apply a function to every record of a transform within a record."""
    if isinstance(node, list):
        return [_mapped(part, change) for part in cast("list[Any]", node)]
    if isinstance(node, dict):
        inner = {name: _mapped(part, change) for name, part in cast("dict[str, Any]", node).items()}
        return change(inner) if "kind" in inner else inner
    return node
