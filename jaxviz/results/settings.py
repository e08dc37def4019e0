"""The settings of a live climb: plain numbers that a slider can move, checked, with the published sets as presets."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, cast

import numpy as np

BORDER_PIXELS = 6
"""Grey around the image in a live climb. It has one width, so that no setting but the size changes a shape."""

LIMITS: dict[str, tuple[float, float]] = {
    "steps": (1, 65_536),
    "size": (1, 1024),
    "learning_rate": (1e-4, 1.0),
    "max_shift_pixels": (0, 32),
    "scale_range": (0, 0.5),
    "max_degrees": (0, 180),
    "noise": (0, 0.5),
    "gain_range": (0, 0.5),
    "views": (1, 16),
    "decay_power": (0, 3),
    "key": (0, 2**31 - 1),
}
"""Least and greatest value of each number."""

WHOLE = ("steps", "size", "views", "key")

PRESETS: dict[str, dict[str, float]] = {
    "lucid": {"max_shift_pixels": 6, "scale_range": 0.1, "max_degrees": 10, "noise": 0, "gain_range": 0},
    "lucid_noise": {"max_shift_pixels": 6, "scale_range": 0.1, "max_degrees": 10, "noise": 0.1, "gain_range": 0},
    "distill_2017": {"max_shift_pixels": 12, "scale_range": 0.05, "max_degrees": 5, "noise": 0, "gain_range": 0},
    "strong": {"max_shift_pixels": 12, "scale_range": 0.3, "max_degrees": 10, "noise": 0.12, "gain_range": 0.17},
    "strong_quick": {"max_shift_pixels": 12, "scale_range": 0.3, "max_degrees": 10, "noise": 0.12, "gain_range": 0.1},
    "none": {"max_shift_pixels": 0, "scale_range": 0, "max_degrees": 0, "noise": 0, "gain_range": 0},
}
"""The ranges of `jaxviz.transforms.lucid`, `lucid_noise` and `distill_2017`, drawn evenly where those draw from lists,
on a canvas of one size. So moving from one to another compiles nothing. `strong` is ours, and `strong_quick` is for a
single view a step: see docs/quality.md."""

_SLOW = {"decay_power": 1.3, "learning_rate": 0.025}
FAMILIES: dict[str, dict[str, float]] = {
    "depthwise": PRESETS["strong"] | _SLOW | {"views": 4},
    "plain": PRESETS["strong_quick"] | _SLOW | {"learning_rate": 0.035},
    "transformer": PRESETS["strong_quick"] | _SLOW,
    "tiny": {"max_shift_pixels": 2, "scale_range": 0.05, "max_degrees": 5, "noise": 0, "decay_power": 2},
}
"""What suits a family of networks (`Model.family`), where it differs from the defaults of `Settings`.

Measured: docs/quality.md, section "The defaults"."""

QUICK: dict[str, dict[str, Any]] = {"depthwise": {"preset": "strong_quick", "views": 1}}
"""What differs where a step has to make do with one view of an image."""

CUSTOM = "custom"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides a live climb beside the model and the unit.

    Everything but `size` can change without compiling anything.

    Attributes:
        preset: Name of the preset that the transforms' numbers are, or `custom`.
        steps: Steps of the climb.
        size: Height and width of the picture in pixels.
        learning_rate: Adam's.
        max_shift_pixels: The picture is shifted by up to so much, each way.
        scale_range: The picture is magnified by 1 minus this to 1 plus this.
        max_degrees: The picture is rotated by up to so much, each way.
        noise: Standard deviation of the Gaussian noise that is added to the picture before the model sees it.
        gain_range: Every channel of the network has a random gain of 1 minus this to 1 plus this.
        views: How many pictures a step disturbs at random and takes the mean of; a step costs as much as so many.
        decay_power: Of the Fourier parameterization; more gives smoother pictures.
        key: Seed of all randomness.

    Raises:
        ValueError, TypeError: A number is outside its limits, or no number.

    Example:
        >>> Settings().changed(noise=0.1)
        Settings(preset='lucid_noise', noise=0.1)
        >>> Settings().changed(preset="none", steps=64)
        Settings(preset='none', steps=64, max_shift_pixels=0.0, scale_range=0.0, max_degrees=0.0)
        >>> Settings().changed(learning_rat=0.1)
        Traceback (most recent call last):
        ...
        TypeError: Unknown setting 'learning_rat'. Did you mean 'learning_rate'?
    """

    preset: str = "lucid"
    steps: int = 256
    size: int = 128
    learning_rate: float = 0.05
    max_shift_pixels: float = 6.0
    scale_range: float = 0.1
    max_degrees: float = 10.0
    noise: float = 0.0
    gain_range: float = 0.0
    views: int = 1
    decay_power: float = 1.0
    key: int = 0

    def __post_init__(self) -> None:
        for name, (least, greatest) in LIMITS.items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), least, greatest))
        object.__setattr__(self, "preset", self._matching_preset())

    @classmethod
    def for_family(cls, family: str, *, quick: bool = False) -> "Settings":
        """Return the settings that suit a family of networks: what `render` uses where nothing is said.

        Args:
            family: A model's `family`.
            quick: With one view a step, as `transforms="quick"` and the explorer have it.

        Example:
            >>> Settings.for_family("tiny").max_shift_pixels
            2.0
        """
        return cls().changed(**FAMILIES[family]).changed(**(QUICK.get(family, {}) if quick else {}))

    def changed(self, **changes: Any) -> "Settings":
        """Return these settings with some changed; a preset sets the numbers that are not given beside it.

        Raises:
            TypeError: A name is unknown; the message names the closest.
            ValueError: A value is outside its limits, or the preset is unknown.
        """
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                raise TypeError(f"Unknown setting '{name}'. {_closest(name, known)}")
        preset = changes.pop("preset", None)
        if preset is not None and preset != CUSTOM:
            if preset not in PRESETS:
                raise ValueError(f"Unknown preset {preset!r}. {_closest(str(preset), [*PRESETS])}")
            changes = PRESETS[preset] | changes
        return replace(self, **changes)

    def same_pictures(self, other: "Settings") -> bool:
        """Return whether a climb under other settings makes the same pictures on its way, steps aside."""
        return replace(self, steps=1) == replace(other, steps=1)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a plain dictionary."""
        return asdict(self)

    def python(
        self,
        layer: str,
        units: Sequence[int],
        *,
        sign: int = 1,
        classes: bool = False,
        model: str = "model",
        width: int | None = None,
        border_pixels: int = BORDER_PIXELS,
    ) -> str:
        """Return the Python that renders the same pictures, bit for bit on the same backend.

        Args:
            layer: Name of the layer.
            units: Units of the layer.
            sign: -1 for what turns the units off.
            classes: Whether the units are class logits.
            model: Name of the variable that holds the model.
            width: Of the picture in pixels, if it is not square.
            border_pixels: Grey around the picture.

        Example:
            >>> print(Settings(steps=64).python("stage3", [12]))
            jaxviz.render(
                model, "stage3", units=[12], steps=64, size=128, key=0, learning_rate=0.05,
                parameterization=jaxviz.fourier(decay_power=1.0),
                transforms=jaxviz.transforms.ranges(
                    max_shift_pixels=6.0, scale_range=0.1, max_degrees=10.0, noise=0.0, gain_range=0.0,
                ),
            )
        """
        if sign > 0:
            what = f"{_quoted(layer)}, units={_listed(units)}"
        else:
            objective = "class_logit({unit})" if classes else "channel({layer}, {unit})"
            what = f"[{', '.join('-jaxviz.' + objective.format(layer=_quoted(layer), unit=unit) for unit in units)}]"
        size = self.size if width is None or width == self.size else (self.size, width)
        border = "" if border_pixels == BORDER_PIXELS else f" border_pixels={border_pixels},"
        numbers = " ".join(f"{name}={getattr(self, name)}," for name in PRESETS["none"])
        several = self.views > 1
        space = " " * (12 if several else 8)
        transforms = f"jaxviz.transforms.ranges(\n{space}{numbers}{border}\n{space[4:]})"
        if several:
            transforms = f"jaxviz.transforms.several_views(\n        {transforms},\n        count={self.views},\n    )"
        return (
            "jaxviz.render(\n"
            f"    {model}, {what}, steps={self.steps}, size={size}, key={self.key}, "
            f"learning_rate={self.learning_rate},\n"
            f"    parameterization=jaxviz.fourier(decay_power={self.decay_power}),\n"
            f"    transforms={transforms},\n"
            ")"
        )

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if field.name == "preset" or getattr(self, field.name) != field.default
        ]
        return f"Settings({', '.join(shown)})"

    def _matching_preset(self) -> str:
        for name, numbers in PRESETS.items():
            if all(getattr(self, number) == value for number, value in numbers.items()):
                return name
        return CUSTOM


def _checked(name: str, value: Any, least: float, greatest: float) -> float:
    number: Any = cast(Any, value).item() if isinstance(value, np.generic) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise TypeError(f"{name} is {value!r}; it must be a finite number.")
    if name in WHOLE and number != int(number):
        raise ValueError(f"{name} is {value}; it must be a whole number.")
    if not least <= number <= greatest:
        raise ValueError(f"{name} is {value}; it must be from {least:g} to {greatest:g}.")
    return int(number) if name in WHOLE else float(number)


def _quoted(text: str) -> str:
    """Write a text as Python does, in double quotes where that is as plain."""
    return f'"{text}"' if text.isprintable() and not {'"', "\\"} & set(text) else repr(text)


def _listed(units: Sequence[int]) -> str:
    """Write units as one would: a row of more than three as a range."""
    first, end = units[0] if units else 0, units[-1] + 1 if units else 0
    if len(units) > 3 and list(units) == list(range(first, end)):
        return f"range({f'{first}, ' if first else ''}{end})"
    return str(list(units))


def _closest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(known)}."
