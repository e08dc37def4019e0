"""The dials of presets: what each number means, and how far it can be moved."""

import dataclasses
import difflib
import math
from collections.abc import Mapping
from typing import Any, TypedDict


class Dial(TypedDict):
    """A number that can be moved.

    Attributes are for a slider: `value` is the preset's own, `low` and `high` the ends, `step` the way from one stop to
    the next, or 0 for two digits wherever it is; a typed number may go from `least` to `greatest`.
    """

    name: str
    label: str
    meaning: str
    value: float
    least: float
    greatest: float
    low: float
    high: float
    step: float


class PresetDials(TypedDict):
    """The dials of a preset; in a list and not by name, because a browser puts names that are whole numbers first."""

    preset: str
    dials: list[Dial]


@dataclasses.dataclass(frozen=True)
class Known:
    """What is known of a number: as in `Dial`; 0 where a slider has no natural upper end."""

    label: str
    meaning: str
    greatest: float
    high: float
    step: float = 0.0
    least: float = 0.0


# How many times the slider of a number that has no natural ends goes below and above the preset's own.
_SLIDER_TIMES = 100.0
_TINY = 1e-12

KNOWN: dict[str, Known] = {
    "learning_rate": Known("Learning rate", "How far a step goes", 1e6, 0, least=_TINY),
    "progress": Known("Progress", "Rise of the score that a step aims at", 1e6, 0, least=_TINY),
    "max_learning_rate": Known("Rate at most", "The greatest learning rate of a step", 1e9, 0, least=_TINY),
    "norm": Known("Norm", "Length of all pixels together, which every step keeps", 1e6, 0, least=_TINY),
    "decay": Known("L2 decay", "Share by which pixels fade towards grey in every step", 1, 1),
    "blur_pixels": Known("Blur, px", "Standard deviation of the Gaussian blur", 8, 4, 0.1),
    "blur_every": Known("Blur every", "Steps from one blur to the next", 64, 16, 1, least=1),
    "small_norm_percent": Known("Clip norms, %", "Share of the pixels, those of least norm, set to grey", 100, 100, 1),
    "small_benefit_percent": Known(
        "Clip gains, %", "Share of the pixels, those that contribute least to the score, set to grey", 100, 100, 1
    ),
    "decay_power": Known("Decay", "How steeply fine detail is held back; more gives smoother pictures", 3, 3, 0.05),
    "contrast": Known("Contrast", "Times the contrast of photographs", 100, 10, 0.1, least=0.1),
    "max_shift_pixels": Known("Shift ±px", "The picture is shifted at random by up to so many pixels", 256, 64, 1),
    "scale_range": Known("Scale ±", "The picture is magnified at random by 1 minus to 1 plus this", 0.5, 0.5, 0.01),
    "max_degrees": Known("Rotation ±°", "The picture is rotated at random by up to so many degrees", 180, 45, 1),
    "crop_share": Known(
        "Crops", "Mean height and width of the random crops over the picture's", 1, 1, 0.01, least=0.05
    ),
    "even_noise": Known("Even noise ±", "Even noise added before the model, from minus to plus this", 0.5, 0.5, 0.01),
    "noise": Known("Noise", "Standard deviation of the noise added before the model", 0.5, 0.5, 0.01),
    "penalty": Known("Penalty ×", "Times the published penalty", 100, 10, 0.1),
    "total_variation": Known("Total variation", "Weight of the differences between neighbouring pixels", 100, 0.1),
}
WHOLE = ("blur_every",)


def dials_of(numbers: Mapping[str, float]) -> list[Dial]:
    """Return the sliders of numbers, as `own_numbers` gives them.

    Example:
        >>> [dial["label"] for dial in dials_of({"decay": 0.01, "noise": 0.0})]
        ['L2 decay', 'Noise']
    """
    dials: list[Dial] = []
    for name, value in numbers.items():
        known = KNOWN[name]
        natural = known.high > 0
        dials.append(
            Dial(
                name=name,
                label=known.label,
                meaning=known.meaning,
                value=value,
                least=known.least,
                greatest=max(known.greatest, value),
                low=known.least if natural else value / _SLIDER_TIMES,
                high=max(known.high, value) if natural else value * _SLIDER_TIMES,
                step=known.step,
            )
        )
    return dials


def checked_number(owner: str, name: str, value: Any, own: Mapping[str, float]) -> float:
    """Return a number as it counts.

    Raises:
        TypeError: There is none of this name, and the message names the closest; or it is no number.
        ValueError: It is outside its limits.

    Example:
        >>> checked_number("dvt_1", "decai", 0.1, {"decay": 0.0})
        Traceback (most recent call last):
        ...
        TypeError: Preset 'dvt_1' has no number 'decai' to move. Did you mean 'decay'?
    """
    if name not in own:
        close = difflib.get_close_matches(name, own, n=1, cutoff=0.5)
        advice = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(own)}."
        raise TypeError(f"Preset '{owner}' has no number '{name}' to move. {advice}")
    known = KNOWN[name]
    if isinstance(value, bool) or not hasattr(value, "__float__") or not math.isfinite(float(value)):
        raise TypeError(f"{name} is {value!r}; it must be a finite number.")
    number = float(value)
    greatest = max(known.greatest, own[name])  # somebody's own preset may go farther
    if not known.least <= number <= greatest:
        raise ValueError(f"{name} is {value}; it must be from {known.least:g} to {greatest:g}.")
    if name in WHOLE and not number.is_integer():
        raise ValueError(f"{name} is {value}; it must be a whole number.")
    return number


def called(name: str, numbers: Mapping[str, float]) -> str:
    """Return what a preset with other numbers is called.

    Example:
        >>> called("dvt_1", {"decay": 0.01}), called("lucid", {})
        ('dvt_1 (decay 0.01)', 'lucid')
    """
    return f"{name} ({', '.join(f'{each} {value:g}' for each, value in numbers.items())})" if numbers else name
