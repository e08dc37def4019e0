"""The same units under several presets, side by side."""

import dataclasses
import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from jaxtyping import UInt8

from jaxviz.models import Layer, Model
from jaxviz.objectives import Objective
from jaxviz.presets.base import Preset, takes_squares
from jaxviz.presets.published import PUBLISHED
from jaxviz.results import Rendering
from jaxviz.results.files import write_bytes
from jaxviz.results.sheet import contact_sheet, png_bytes

_USUAL_SIZE_PIXELS = 128

PRESETS: dict[str, Preset] = {preset.name: preset for preset in PUBLISHED}
"""Every preset by its name."""


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The same units under several presets; made by `compare_presets`.

    Attributes:
        renderings: The rendering of each preset, by name. Their scores are of disturbed pictures, less the preset's
            penalty; what compares is `jaxviz.evidence.scores(model, objectives, rendering.images)`.
    """

    renderings: Mapping[str, Rendering]

    def __getitem__(self, name: str) -> Rendering:
        return self.renderings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.renderings)

    def __len__(self) -> int:
        return len(self.renderings)

    def grid(self, *, contrast_percentile: float | None = None) -> UInt8[np.ndarray, "sheet_height sheet_width 3"]:
        """Lay the pictures out: a row for each preset, a column for each unit.

        Args:
            contrast_percentile: Stretches the values of every picture from this percentile to the opposite one, so that
                faint pictures can be seen; None leaves them as they are.
        """
        rows = [rendering.pictures(contrast_percentile=contrast_percentile) for rendering in self.renderings.values()]
        labels = [f"{name}: {label}" for name, rendering in self.renderings.items() for label in rendering.labels]
        return contact_sheet(np.concatenate(rows), labels=labels, columns=len(rows[0]))

    def save(self, path: str | os.PathLike[str], *, contrast_percentile: float | None = None) -> None:
        """Write the grid as a PNG file; a missing folder is made."""
        png = png_bytes(self.grid(contrast_percentile=contrast_percentile))
        write_bytes(Path(path), png)


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


def presets_of(presets: str | Preset | Iterable[str | Preset]) -> list[Preset]:
    """Return presets that are given by name or as they are, several or one.

    Raises:
        KeyError: An unknown preset; the message names the closest.

    Example:
        >>> [preset.name for preset in presets_of("lucid")]
        ['lucid']
    """
    several = [presets] if isinstance(presets, str | Preset) else presets
    return [preset if isinstance(preset, Preset) else named(preset) for preset in several]


def table() -> str:
    """List all presets in the order of their years: name, steps, size, source, what differs, and for which inputs.

    Example:
        >>> print(table().splitlines()[0])
        erhan_2009: 256 steps, 128 pixels. Erhan, Bengio, Courville and Vincent 2009: the best image of bounded norm.
    """
    lines: list[str] = []
    for preset in PRESETS.values():
        lines.append(f"{preset.name}: {preset.steps} steps, {preset.size} pixels. {preset.source}.")
        lines.append(f"    Differs: {preset.differences}")
        if others := [f"{name}s" for name in preset.inputs if name != "image"]:
            lines.append(f"    Also for {', '.join(others)}, at the model's own size.")
    return "\n".join(lines)


def compare_presets(
    model: Model,
    objective: str | Layer | Objective | Sequence[Objective],
    *,
    units: Iterable[int | str] | int | str | None = None,
    presets: str | Preset | Iterable[str | Preset] = ("lucid", "lucid_noise", "phase_only", "dvt_3"),
    size: int | None = None,
    steps: int | None = None,
    key: int | jax.Array = 0,
    progress: bool = True,
) -> Comparison:
    """Render the same units under several presets, for a look at them side by side.

    The units of a preset climb at the same time, the presets one after the other, each to the same bits as alone.
    Presets that differ in numbers only, as the four sets of Yosinski do or those that you make of one another by
    `dataclasses.replace`, share one compiled program. They do not share its lanes: numbers belong to a climb, so that
    what they decide is computed once and not for each lane, and on a CPU the lanes of one preset keep all cores busy.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        objective: As in `render`.
        units: As in `render`.
        presets: Names of presets, or presets of your own; or one of them.
        size: Height and width in pixels, the same for all; default 128. Of other inputs than images, and of
            models that take one size only, the model's own.
        steps: Steps, the same for all; each preset's own if None, which are up to 2,560.
        key: Seed of all randomness.
        progress: Whether progress bars are shown.

    Returns:
        The renderings by name, with `grid()` and `save(path)`.

    Raises:
        KeyError: An unknown preset; the message names the closest.
        ValueError: A preset is not for inputs such as the model's. Otherwise as `render`.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 3))
        >>> names = ["lucid", "dvt_1"]
        >>> comparison = compare_presets(model, "mean", units=[0], presets=names, size=24, steps=2, progress=False)
        >>> list(comparison), comparison["dvt_1"].images.shape
        (['lucid', 'dvt_1'], (1, 24, 24, 3))
    """
    chosen = presets_of(presets)
    if not chosen:
        raise ValueError(f"No presets were given; there are: {', '.join(PRESETS)}.")
    if len({preset.name for preset in chosen}) < len(chosen):
        names = ", ".join(preset.name for preset in chosen)
        raise ValueError(f"The presets are {names}; give each under a name of its own.")
    if size is None and takes_squares(model):
        size = _USUAL_SIZE_PIXELS
    wanted = list(units) if isinstance(units, Iterable) and not isinstance(units, str) else units
    return Comparison(
        {
            preset.name: preset.render(
                model, objective, units=wanted, size=size, steps=steps, key=key, progress=progress
            )
            for preset in chosen
        }
    )
