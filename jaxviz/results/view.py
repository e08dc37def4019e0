"""The view: how the inputs of a model are shown as pictures, whatever they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Num, UInt8

from jaxviz.results.plots import bar_charts, heat_maps, line_plots, middle_planes, side_by_side
from jaxviz.results.sheet import as_rgb, checked_channels, to_bytes
from jaxviz.results.transparency import faded

INPUTS = ("vector", "signal", "image", "volume")
"""What an input is called, by its number of positions: features alone, samples, rows and columns, or these in depth."""

MOST_LINES = 6
"""A signal of more channels is shown as a map of channels over time: more lines than this hide each other."""


def input_name(input_shape: tuple[int, ...]) -> str:
    """Return what an input of this shape, the channels last, is called.

    Example:
        >>> input_name((512, 2)), input_name((7,))
        ('signal', 'vector')
    """
    axes = len(input_shape) - 1
    return INPUTS[axes] if axes < len(INPUTS) else f"{axes}-dimensional input"


@dataclass(frozen=True, kw_only=True)
class View:
    """Say how inputs are shown, where their numbers alone do not.

    Images are shown pixel by pixel; signals as lines, the first sample left; volumes by their three middle slices;
    vectors as bars, which point from the middle of a feature's range to its value.

    Attributes:
        bands: Which channels are shown: one as grey, two as red and cyan, three as red, green and blue; of a signal,
            whose lines are drawn. Empty for the only one, both, or the first three; for all lines of a signal.
        feature_names: A name for each feature of a vector; empty for none.
        has_opacity: Whether the last channel of images is their opacity; they are shown on a neutral grey.
        volumes_in_strip: How many volumes lie side by side along the width, as `several` puts them; each has its three
            slices, one volume after the other.

    Example:
        >>> View(bands=(4, 2, 1)).pictures(np.zeros((2, 8, 9, 7), np.float32)).shape
        (2, 8, 9, 3)
        >>> View(feature_names=("age", "height")).pictures(np.zeros((1, 2), np.float32)).shape[-1]
        3
    """

    bands: tuple[int, ...] = ()
    feature_names: tuple[str, ...] = ()
    has_opacity: bool = False
    volumes_in_strip: int = 1

    def pictures(
        self, inputs: Num[np.ndarray, "unit *position channel"], *, channels: Sequence[int] | None = None
    ) -> UInt8[np.ndarray, "unit height width 3"]:
        """Return an RGB picture of each input.

        Args:
            inputs: Floats in [0, 1], or bytes.
            channels: Shown in place of `bands`; None for these.

        Raises:
            ValueError: There is no such channel, a vector is asked for any, or the inputs have more than three axes of
                positions.
        """
        axes = inputs.ndim - 2
        bands = self._chosen(channels)
        if axes == 2 and self.has_opacity:
            return faded(as_rgb(_bytes(inputs[..., :-1]), bands), _bytes(inputs[..., -1]).astype(np.float32) / 255)
        if axes == 2:
            return as_rgb(_bytes(inputs), bands)
        if axes == 3:
            volumes = np.split(inputs, self.volumes_in_strip, axis=-2)
            planes = [plane for volume in volumes for plane in middle_planes(volume)]
            return side_by_side([as_rgb(_bytes(plane), bands) for plane in planes])
        if axes == 1:
            chosen = inputs if bands is None else inputs[..., checked_channels(bands, inputs.shape[-1], of="signals")]
            return line_plots(_floats(chosen)) if chosen.shape[-1] <= MOST_LINES else heat_maps(_bytes(chosen))
        if axes == 0:
            if bands is not None:
                raise ValueError(f"channels is {bands}, but a vector has features, which are all shown. Leave it out.")
            return bar_charts(_floats(inputs), self.feature_names)
        raise ValueError(f"Inputs of shape {inputs.shape[1:]} cannot be shown: there is no picture of {axes} axes.")

    def transparent(
        self, inputs: Num[np.ndarray, "unit height width channel"], *, channels: Sequence[int] | None = None
    ) -> UInt8[np.ndarray, "unit height width 4"]:
        """Return images that have an opacity as red, green, blue and opacity; `channels` as in `pictures`."""
        colours = as_rgb(_bytes(inputs[..., :-1]), self._chosen(channels))
        return np.concatenate([colours, _bytes(inputs[..., -1:])], -1)

    def to_json(self) -> dict[str, Any]:
        """Return what differs from a plain view, as plain data."""
        record: dict[str, Any] = {
            "bands": list(self.bands),
            "feature_names": list(self.feature_names),
            "has_opacity": self.has_opacity,
            "volumes_in_strip": self.volumes_in_strip if self.volumes_in_strip > 1 else None,
        }
        return {name: value for name, value in record.items() if value}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "View":
        """Return the view that `to_json` wrote."""
        return cls(
            bands=tuple(record.get("bands", ())),
            feature_names=tuple(record.get("feature_names", ())),
            has_opacity=bool(record.get("has_opacity", False)),
            volumes_in_strip=int(record.get("volumes_in_strip", 1)),
        )

    def _chosen(self, channels: Sequence[int] | None) -> tuple[int, ...] | None:
        """Return what was asked for, be it nothing at all, or the bands; None for the usual channels."""
        return (self.bands or None) if channels is None else tuple(channels)


def checked_view(
    input_shape: tuple[int, ...], bands: Iterable[int] | None = None, feature_names: Iterable[str] | None = None
) -> View:
    """Return the view of a model's inputs.

    Args:
        input_shape: Shape of one input, the channels last.
        bands: One, two or three channels, or None.
        feature_names: A name for each feature of a vector, or None.

    Raises:
        TypeError, ValueError: The bands or names do not fit the inputs.

    Example:
        >>> checked_view((64, 64, 7), bands=(9, 2, 1))
        Traceback (most recent call last):
        ...
        ValueError: bands is (9, 2, 1), but an input has the channels 0 to 6.
    """
    channels, name = input_shape[-1], input_name(input_shape)
    chosen = () if bands is None else tuple(int(band) for band in bands)
    names = () if feature_names is None else tuple(feature_names)
    if bands is not None:
        if name == "vector":
            raise ValueError("bands says which channels of an image are shown; a vector has features. Leave it out.")
        if not 1 <= len(chosen) <= 3:
            raise ValueError(f"bands is {chosen}; name one channel (grey), two (red, cyan) or three (RGB).")
        if not all(0 <= band < channels for band in chosen):
            raise ValueError(f"bands is {chosen}, but an input has the channels 0 to {channels - 1}.")
    if feature_names is not None:
        if name != "vector":
            raise ValueError(f"feature_names is for vectors; an input of shape {input_shape} is one {name}.")
        if isinstance(feature_names, str) or not all(isinstance(text, str) for text in names):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"feature_names is {feature_names!r}; it must be a list of strings.")
        if len(names) != channels:
            raise ValueError(f"There are {len(names)} feature_names for {channels} features; each needs one.")
    return View(bands=chosen, feature_names=names)


def _bytes(inputs: np.ndarray) -> np.ndarray:
    return inputs if inputs.dtype == np.uint8 else to_bytes(inputs)


def _floats(inputs: np.ndarray) -> np.ndarray:
    return inputs.astype(np.float32) / 255 if inputs.dtype == np.uint8 else inputs
