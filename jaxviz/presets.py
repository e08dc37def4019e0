"""Published settings by name, with their source and what differs from it; and the same units under many of them."""

import dataclasses
import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import UInt8

from jaxviz import optimizers
from jaxviz.models import Layer, Model
from jaxviz.objectives import Objective
from jaxviz.parameterizations import Parameterization, fourier, phase_only, pixels
from jaxviz.rendering import render
from jaxviz.results import Rendering
from jaxviz.results.sheet import contact_sheet, png_bytes, to_bytes
from jaxviz.transforms import (
    Transform,
    closeup,
    compose,
    distill_2017,
    jitter,
    lucid,
    lucid_noise,
    noise,
    pad,
    scale,
)

__all__ = ["PRESETS", "Comparison", "Preset", "compare_presets", "named", "table"]

# A step of `rate` along a gradient per unit of a pixel from 0 to 255 is this many times smaller for pixels from 0 to 1.
_SQUARED_255 = 255.0**2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """A set of settings that someone has published.

    Attributes:
        name: What it is called here.
        source: Where the numbers are from.
        differences: What is not as in the source.
        size: Height and width of the source's pictures, in pixels.
        steps: Steps of the climb.
        parameterization: How variables make an image.
        transforms: How images of a size are disturbed; None for not at all.
        optimizer: An optax transformation, or None for Adam.
        learning_rate: Adam's, or None where the optimizer has its own.
    """

    name: str
    source: str
    differences: str
    size: int
    steps: int
    parameterization: Parameterization
    transforms: Callable[[int], Transform | None]
    optimizer: optax.GradientTransformation | None = None
    learning_rate: float | None = None

    def settings(self, *, size: int | None = None, steps: int | None = None) -> dict[str, Any]:
        """Return the arguments of `jaxviz.render`.

        Args:
            size: Height and width in pixels in place of the source's.
            steps: Steps in place of the source's.

        Example:
            >>> settings = PRESETS["lucid"].settings(steps=64)
            >>> settings["steps"], settings["size"], settings["learning_rate"]
            (64, 128, 0.05)
        """
        size = self.size if size is None else size
        return {
            "parameterization": self.parameterization,
            "transforms": self.transforms(size),
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "size": size,
            "steps": self.steps if steps is None else steps,
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The same units under several presets; made by `compare_presets`.

    Attributes:
        renderings: The rendering of each preset, by name.
    """

    renderings: Mapping[str, Rendering]

    def __getitem__(self, name: str) -> Rendering:
        return self.renderings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.renderings)

    def __len__(self) -> int:
        return len(self.renderings)

    def grid(self) -> UInt8[np.ndarray, "sheet_height sheet_width 3"]:
        """Lay the pictures out: a row for each preset, a column for each unit."""
        images = np.concatenate([to_bytes(rendering.images) for rendering in self.renderings.values()])
        labels = [f"{name}: {label}" for name, rendering in self.renderings.items() for label in rendering.labels]
        some = next(iter(self.renderings.values()))
        return contact_sheet(images, labels=labels, columns=len(some))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the grid as a PNG file."""
        Path(path).write_bytes(png_bytes(self.grid()))


def named(name: str) -> Preset:
    """Return a preset by name.

    Raises:
        KeyError: There is none of this name; the message gives the closest.

    Example:
        >>> named("dvt_3").source
        'Yosinski et al. 2015, Table 1, third set; Deep Visualization Toolbox'
    """
    if name in PRESETS:
        return PRESETS[name]
    close = difflib.get_close_matches(name, PRESETS, n=1)
    advice = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(PRESETS)}."
    raise KeyError(f"There is no preset '{name}'. {advice}")


def table() -> str:
    """List all presets: name, steps, size, source, and what differs.

    Example:
        >>> print(table().splitlines()[0])
        lucid: 512 steps, 128 pixels. lucid 0.3.10, `render_vis` as its code is.
    """
    return "\n".join(
        f"{preset.name}: {preset.steps} steps, {preset.size} pixels. {preset.source}.\n"
        f"    Differs: {preset.differences}"
        for preset in PRESETS.values()
    )


def compare_presets(
    model: Model,
    objective: str | Layer | Objective | Sequence[Objective],
    *,
    units: Iterable[int | str] | int | str | None = None,
    presets: Iterable[str | Preset] = ("lucid", "lucid_noise", "phase_only", "dvt_3"),
    size: int = 128,
    steps: int | None = None,
    key: int | jax.Array = 0,
    progress: bool = True,
) -> Comparison:
    """Render the same units under several presets, for a look at them side by side.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        objective: As in `render`.
        units: As in `render`.
        presets: Names of presets, or presets of your own.
        size: Height and width in pixels, the same for all.
        steps: Steps, the same for all; each preset's own if None, which are up to 2,560.
        key: Seed of all randomness.
        progress: Whether progress bars are shown.

    Returns:
        The renderings by name, with `grid()` and `save(path)`.

    Raises:
        KeyError: An unknown preset; the message names the closest. Otherwise as `render`.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 3))
        >>> names = ["lucid", "dvt_1"]
        >>> comparison = compare_presets(model, "mean", units=[0], presets=names, size=24, steps=2, progress=False)
        >>> list(comparison), comparison["dvt_1"].images.shape
        (['lucid', 'dvt_1'], (1, 24, 24, 3))
    """
    chosen = [preset if isinstance(preset, Preset) else named(preset) for preset in presets]
    if not chosen:
        raise ValueError(f"No presets were given; there are: {', '.join(PRESETS)}.")
    wanted = units if units is None or isinstance(units, int | str) else list(units)
    return Comparison(
        {
            preset.name: render(
                model, objective, units=wanted, key=key, progress=progress, **preset.settings(size=size, steps=steps)
            )
            for preset in chosen
        }
    )


def _xplique(size: int) -> Transform:
    unit = size // 16
    return compose(
        pad(4 * unit, fill=0.5),
        jitter(2 * unit),
        jitter(2 * unit),
        jitter(4 * unit),
        jitter(4 * unit),
        jitter(4 * unit),
        scale(0.92, 0.96),
        jitter(unit),
        jitter(unit),
    )


def _dvt(number: int, ordinal: str, steps: int, **numbers: Any) -> Preset:
    return Preset(
        name=f"dvt_{number}",
        source=f"Yosinski et al. 2015, Table 1, {ordinal} set; Deep Visualization Toolbox",
        differences=(
            "Grey 0.5 in place of the data's mean; pixels are cut off at 0 and 1; numbers for pixels from 0 to 255 are "
            "converted; the last image is shown, not the best."
        ),
        size=227,
        steps=steps,
        parameterization=pixels(standard_deviation=10 / 255, decorrelated=False, squashed=False),
        transforms=lambda _: None,
        optimizer=optimizers.yosinski(**numbers),
    )


_EVERY_LUCID = (
    "Random numbers are drawn for each image, the transforms are one interpolation, and the objective reads the value "
    "before a rectifier in place of redirecting the rectifier's gradient."
)
_EVERY_MACO = (
    "The magnitude is a formula and not ImageNet's mean; the image is not standardised at each step; one crop "
    "a step, seen at the canvas's size, so that it climbs more slowly."
)

_ALL = (
    Preset(
        name="lucid",
        source="lucid 0.3.10, `render_vis` as its code is",
        differences=_EVERY_LUCID,
        size=128,
        steps=512,
        parameterization=fourier(),
        transforms=lambda _: lucid(),
        learning_rate=0.05,
    ),
    Preset(
        name="distill_2017",
        source="Olah, Mordvintsev and Schubert 2017, the footnote on its figures",
        differences=_EVERY_LUCID + " The article does not state the size; this is lucid's.",
        size=128,
        steps=2560,
        parameterization=fourier(),
        transforms=lambda _: distill_2017(),
        learning_rate=0.05,
    ),
    Preset(
        name="lucent",
        source="lucent 0.1.8, `render_vis`",
        differences=(
            _EVERY_LUCID + " Jitter is a crop, as in lucid, where lucent shifts and fills with zeros; nothing is "
            "enlarged to 224 pixels."
        ),
        size=128,
        steps=512,
        parameterization=fourier(),
        transforms=lambda _: lucid(),
        learning_rate=0.05,
    ),
    Preset(
        name="captum_wip",
        source="captum, branch optim-wip of 2022, `InputOptimization` and `NaturalImage`",
        differences=(
            "Its image is not divided by four, so that coefficients and learning rate are four times as large here: "
            "0.08 and 0.1 for 0.02 and 0.025."
        ),
        size=224,
        steps=512,
        parameterization=fourier(standard_deviation=0.08),
        transforms=lambda _: compose(scale(choices=[1, 0.975, 1.025, 0.95, 1.05]), jitter(16)),
        learning_rate=0.1,
    ),
    Preset(
        name="xplique",
        source="xplique 2.0, `optimize` with its standard transformations",
        differences=(
            "No blur and no mirroring among the transforms; crops are seen at their own size, not enlarged to the "
            "model's; the image is not stretched to the full range."
        ),
        size=512,
        steps=256,
        parameterization=fourier(decay_power=0.85),
        transforms=_xplique,
        learning_rate=0.05,
    ),
    Preset(
        name="maco",
        source="Fel et al. 2023, the settings that the paper states",
        differences=_EVERY_MACO + " The noise is normal with the deviation of U(-0.1, 0.1).",
        size=512,
        steps=256,
        parameterization=phase_only(contrast=1, standardized=True),
        transforms=lambda _: compose(closeup(0.25, 0.1), noise(0.1 / 3**0.5)),
        optimizer=optimizers.nadam(learning_rate=1.0),
    ),
    Preset(
        name="maco_xplique",
        source="xplique 2.0, `maco`",
        differences=(
            _EVERY_MACO + " 32 crops a step there; their mean size falls from 0.5 to 0.05 during the climb, here it is "
            "drawn about the middle, with the deviation of both together."
        ),
        size=512,
        steps=256,
        parameterization=phase_only(contrast=1, standardized=True),
        transforms=lambda _: compose(closeup(0.275, 0.139), noise(0.083)),
        optimizer=optimizers.nadam(learning_rate=1.0),
    ),
    Preset(
        name="maco_horama",
        source="Horama 0.3.0, `maco` as its code is",
        differences=_EVERY_MACO + " 6 crops a step there, of 0.25 to 0.3 of the image, evenly drawn.",
        size=1280,
        steps=1000,
        parameterization=phase_only(contrast=1, standardized=True),
        transforms=lambda _: compose(closeup(0.275, 0.0144), noise(0.052)),
        optimizer=optimizers.nadam(learning_rate=1.0),
    ),
    _dvt(
        1,
        "first",
        500,
        progress=2.0,
        max_learning_rate=100 / _SQUARED_255,
        blur_pixels=0.5,
        blur_every=4,
        small_norm_percent=50,
    ),
    _dvt(2, "second", 750, learning_rate=100 / _SQUARED_255, decay=0.3, small_norm_percent=20),
    _dvt(3, "third", 1000, learning_rate=100 / _SQUARED_255, decay=0.0001, blur_pixels=1.0, blur_every=4),
    _dvt(
        4,
        "fourth",
        1000,
        progress=2.0,
        max_learning_rate=1e8 / _SQUARED_255,
        blur_pixels=0.5,
        blur_every=4,
        small_benefit_percent=90,
    ),
    Preset(
        name="lucid_noise",
        source="jaxviz: lucid's settings and Gaussian noise of 0.1 before the model",
        differences="Nothing; it is defined here.",
        size=128,
        steps=256,
        parameterization=fourier(),
        transforms=lambda _: lucid_noise(),
        learning_rate=0.05,
    ),
    Preset(
        name="phase_only",
        source="jaxviz: MaCo's free phases at the contrast of photographs, under lucid's transforms and noise",
        differences="Nothing; it is defined here.",
        size=128,
        steps=256,
        parameterization=phase_only(),
        transforms=lambda _: lucid_noise(),
        learning_rate=0.05,
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}
"""Every preset by its name."""
