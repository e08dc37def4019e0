"""The activation spectrum: what turns a unit off, what leaves it alone and what excites it, side by side."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from jaxviz.evidence import scores
from jaxviz.models import Model
from jaxviz.objectives import Objective
from jaxviz.rendering import render
from jaxviz.results import Rendering, contact_sheet, png_bytes
from jaxviz.results.files import write_bytes
from jaxviz.results.sheet import SURROUND

PERCENTILES = (0.0, 25.0, 50.0, 75.0, 100.0)
"""Least, slightly negative, usual, slightly positive and greatest, as the article shows them."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ActivationSpectrum:
    """Hold what goes from a unit's minimum to its maximum; made by `activation_spectrum`.

    Attributes:
        rendering: Two pictures: what minimises the objective and what maximises it.
        percentiles: Of the data's scores, from least to greatest; empty without data.
        positions: Which input of the data lies at each percentile.
        examples: These inputs, float32 in [0, 1].
        scores: The objective's score, without any transform, of the first picture, the examples and the second; of
            transparent pictures on the grey on which they are shown.
        labels: A short text for each of them.

    Example:
        >>> import jaxviz
        >>> model = jaxviz.wrap(lambda vectors: 2 * vectors, input_shape=(2,))
        >>> spectrum = jaxviz.activation_spectrum(model, jaxviz.channel("output", 0), steps=20, progress=False)
        >>> spectrum.labels
        ('minimised: 0', 'maximised: 2')
    """

    rendering: Rendering
    percentiles: tuple[float, ...]
    positions: Int64[np.ndarray, " example"]
    examples: Float32[np.ndarray, "example *position channel"]
    scores: Float32[np.ndarray, " picture"]
    labels: tuple[str, ...]

    def pictures(self) -> UInt8[np.ndarray, "picture height width 3"]:
        """Return all of them in order as RGB pictures of the size of the rendered ones."""
        first, last = self.rendering.pictures()
        plain = replace(self.rendering.view, has_opacity=False, volumes_in_strip=1)
        examples = [plain.pictures(example[None])[0] for example in self.examples]
        return np.stack([first, *(_resized(picture, first.shape[0], first.shape[1]) for picture in examples), last])

    def grid(self) -> UInt8[np.ndarray, "sheet_height sheet_width 3"]:
        """Lay them out in one row, from least to greatest, with their scores."""
        return contact_sheet(self.pictures(), labels=self.labels, columns=len(self.labels))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the grid as a PNG file; a missing folder is made."""
        write_bytes(Path(path), png_bytes(self.grid()))

    def __repr__(self) -> str:
        return f"ActivationSpectrum({', '.join(self.labels)})"

    def _repr_png_(self) -> bytes:
        return png_bytes(self.grid())


def activation_spectrum(
    model: Model,
    objective: Objective,
    *,
    data: Any = None,
    percentiles: Sequence[float] = PERCENTILES,
    **options: Any,
) -> ActivationSpectrum:
    """Show what goes from a unit's minimum to its maximum: optimized pictures at both ends, data between.

    A picture that excites a unit says little of what leaves it cold; the negative and the middle tell whether the unit
    looks for one thing or for several.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        objective: What is minimised and maximised, as `jaxviz.channel("block3", 12)`.
        data: Inputs in [0, 1], `[batch, height, width, channel]`; none are shown if None.
        percentiles: Which of the data are shown, by their scores: 0 the least, 100 the greatest.
        **options: As in `jaxviz.render`: `steps`, `size`, `key`, `parameterization`, `transforms`, `progress`, …

    Returns:
        The pictures with their scores; a notebook shows them as one row.

    Raises:
        TypeError, ValueError: An argument is wrong; the message says what is allowed.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017. doi:10.23915/distill.00007, "Dataset
        examples and optimization".

    Example:
        >>> import numpy as np, jaxviz
        >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(8, 8, 3))
        >>> greys = np.linspace(0, 1, 5, dtype=np.float32)[:, None, None, None] * np.ones((1, 8, 8, 3), np.float32)
        >>> spectrum = activation_spectrum(
        ...     model, jaxviz.channel("mean", 0), data=greys, percentiles=(0, 50, 100), steps=2, size=8, progress=False)
        >>> spectrum.positions.tolist(), spectrum.labels[1:4]
        ([0, 2, 4], ('0 %: 0', '50 %: 0.5', '100 %: 1'))
    """
    if not isinstance(objective, Objective):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{objective!r} is no objective. Give one unit's, such as jaxviz.channel('block3', 12).")
    if objective.couples or getattr(options.get("parameterization"), "images_in_lane", 1) > 1:
        raise ValueError("A spectrum is of single pictures: give an objective of one image, and no several(...).")
    if objective.reads_opacity:
        raise ValueError(f"{objective} reads the opacity of an image, but examples have none: leave that term out.")
    wanted = tuple(float(percentile) for percentile in percentiles)
    if not all(0 <= percentile <= 100 for percentile in wanted):
        raise ValueError(f"percentiles is {wanted}; give numbers from 0 (the least) to 100 (the greatest).")
    wanted = tuple(sorted(wanted)) if data is not None else ()
    inputs = None if data is None else model.checked_images(data)
    positions = np.zeros(0, np.int64)
    examples = np.zeros((0, *model.input_shape), np.float32)
    found = np.zeros(0, np.float32)
    if inputs is not None:
        all_scores = scores(model, objective, inputs)[0]
        if not np.isfinite(all_scores).all():
            raise ValueError(
                f"Input {np.isfinite(all_scores).argmin()} of the data has no finite score: the model gives none."
            )
        ranks = [round(percentile / 100 * (len(inputs) - 1)) for percentile in wanted]
        positions = np.argsort(all_scores, kind="stable")[ranks]
        examples, found = inputs[positions], all_scores[positions]
    rendering = render(model, [-objective, objective], **options)
    least, greatest = scores(model, objective, _as_shown(rendering))[0]
    together = np.array([least, *found, greatest], np.float32)
    names = ("minimised", *(f"{percentile:g} %" for percentile in wanted), "maximised")
    return ActivationSpectrum(
        rendering=rendering,
        percentiles=wanted,
        positions=positions,
        examples=examples,
        scores=together,
        labels=tuple(f"{name}: {score:.3g}" for name, score in zip(names, together, strict=True)),
    )


def _as_shown(rendering: Rendering) -> Float32[np.ndarray, "unit *position channel"]:
    """Return the images; what is transparent lies on the grey on which it is shown."""
    images = rendering.images
    if not rendering.view.has_opacity:
        return images
    grey = np.float32(SURROUND / 255)
    return grey + images[..., -1:] * (images[..., :-1] - grey)


def _resized(picture: UInt8[np.ndarray, "_ _ 3"], height: int, width: int) -> UInt8[np.ndarray, "height width 3"]:
    from PIL import Image

    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))
