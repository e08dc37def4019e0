"""The pictures of some units: how their images are shown, laid out and written one by one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from jaxviz.results import files
from jaxviz.results.recipe import Recipe
from jaxviz.results.sheet import contact_sheet, png_bytes, to_bytes
from jaxviz.results.transparency import faded, opacity, stretched
from jaxviz.results.view import View


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pictures:
    """Hold images, one a unit, and draw them; what is said of their climb is a `Rendering`'s, which checks them too.

    Attributes:
        images: float32 images in [0, 1], `[unit, height, width, channel]`, or inputs of another number of positions.
        labels: A short text for each unit.
        recipe: Everything needed to make the images again.
        transparency: How strongly each pixel moved the score, or None.
    """

    images: Float32[np.ndarray, "unit *position channel"]
    labels: tuple[str, ...]
    recipe: Recipe
    transparency: Float32[np.ndarray, "unit height width"] | None = None

    @property
    def view(self) -> View:
        """How the images are shown, as the model was wrapped."""
        return View.from_json(self.recipe.model.get("view", {}))

    def pictures(
        self, *, channels: Sequence[int] | None = None, contrast_percentile: float | None = None
    ) -> UInt8[np.ndarray, "unit height width 3"]:
        """Return an RGB picture of each unit: the image itself, or a drawing of the signal, volume or vector.

        Images fade to grey where they are transparent, and where the unit did not care if that was asked for.

        Args:
            channels: Which channels to show; see `grid`.
            contrast_percentile: Stretches the values of every picture from this percentile to the opposite one; None
                leaves them as they are.
        """
        pictures = self.view.pictures(self._stretched(contrast_percentile), channels=channels)
        return pictures if self.transparency is None else faded(pictures, opacity(self.transparency))

    def rgba(
        self,
        *,
        channels: Sequence[int] | None = None,
        opacity_percentile: float = 80.0,
        contrast_percentile: float | None = None,
    ) -> UInt8[np.ndarray, "unit height width 4"]:
        """Return the images with their opacity as a fourth channel, as PNG files have it.

        It is the opacity of `jaxviz.transparent`, or what the unit cared for, or the product of both.

        Args:
            channels: Which channels to show; see `grid`.
            opacity_percentile: Percentile of a picture's transparency from which on it is opaque (MaCo: 80).
            contrast_percentile: Stretches the values of every picture from this percentile to the opposite one, as
                figures of MaCo do with 1; None leaves the colours as they are.

        Raises:
            ValueError: The rendering has no transparency; ask `render` for it.
        """
        view, images = self.view, self._stretched(contrast_percentile)
        if self.transparency is None and not view.has_opacity:
            raise ValueError(
                "This rendering has no transparency: call render(..., transparency=True), or render with "
                "parameterization=jaxviz.transparent()."
            )
        if self.transparency is None:
            return view.transparent(images, channels=channels)
        alpha = opacity(self.transparency, percentile=opacity_percentile)
        if view.has_opacity:
            images = np.concatenate([images[..., :-1], images[..., -1:] * alpha[..., None]], axis=-1)
            return view.transparent(images, channels=channels)
        return np.concatenate([view.pictures(images, channels=channels), to_bytes(alpha)[..., None]], axis=-1)

    @property
    def values(self) -> Float32[np.ndarray, "unit *position channel"]:
        """The images in the range that the model was wrapped with: what a vector's features are worth. No opacity.

        Raises:
            ValueError: The range is not known, because a `preprocess` does the scaling, or joint models have different
                ranges.
        """
        if "value_range" not in self.recipe.model:
            raise ValueError(
                "The model's own range is not known: a preprocess does the scaling, or the models of a joint one have "
                "different ranges. Wrap with value_range instead of preprocess, the same for all models of a joint "
                "one; or scale `images` yourself, which are in [0, 1]."
            )
        low, high = (np.asarray(end, np.float64) for end in self.recipe.model["value_range"])
        images = self.images[..., :-1] if self.view.has_opacity else self.images
        return (low + images * (high - low)).astype(np.float32)

    def grid(
        self,
        *,
        columns: int | None = None,
        gap_pixels: int | None = None,
        labels: bool = False,
        channels: Sequence[int] | None = None,
    ) -> UInt8[np.ndarray, "sheet_height sheet_width 3"]:
        """Return all images as one contact sheet on a neutral grey, pixel by pixel.

        Signals are drawn as lines, vectors as bars, volumes as their three middle slices.

        Args:
            columns: Images in a row; about as many as rows if None.
            gap_pixels: Grey between and around the images; about 1/64 of their smaller side if None.
            labels: Whether each label is drawn below its image, shortened to its width.
            channels: Which channels to show: one as grey, two as red and cyan, or three as RGB. If None, the `bands`
                that the model was wrapped with, or the only one, both, or the first three.

        Returns:
            The sheet as an RGB image.

        Raises:
            ValueError: If there is no such channel, a vector is asked for any, or a number is too small.
        """
        return contact_sheet(
            self.pictures(channels=channels),
            labels=self.labels if labels else None,
            columns=columns,
            gap_pixels=gap_pixels,
        )

    def save_images(self, folder: str | os.PathLike[str], *, channels: Sequence[int] | None = None) -> list[Path]:
        """Write one PNG a unit, named after its label, each with the recipe of that one unit.

        Where there is a transparency, be it MaCo's or that of `jaxviz.transparent`, the files have it: `rgba` with its
        defaults.

        Args:
            folder: Where to write; made if it is missing.
            channels: Which channels to show; see `grid`.

        Returns:
            The paths, in the order of the units.
        """
        is_opaque = self.transparency is None and not self.view.has_opacity
        pictures = self.pictures(channels=channels) if is_opaque else self.rgba(channels=channels)
        paths = [Path(folder) / f"{name}.png" for name in files.file_names(self.labels)]
        for position, (path, image) in enumerate(zip(paths, pictures, strict=True)):
            files.write_bytes(path, png_bytes(image, text=files.recipe_text(self.recipe.for_units([position]))))
        return paths

    def _stretched(self, percentile: float | None) -> Float32[np.ndarray, "unit *position channel"]:
        if percentile is None:
            return self.images
        if not self.view.has_opacity:
            return stretched(self.images, percentile=percentile)
        return np.concatenate([stretched(self.images[..., :-1], percentile=percentile), self.images[..., -1:]], axis=-1)
