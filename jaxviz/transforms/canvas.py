"""The transforms that make the canvas larger or smaller: borders and crops; they suit signals and volumes too.

Lengths are in pixels, positions are (row, column).
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.pytrees import registered
from jaxviz.transforms.base import Transform, only_positions
from jaxviz.transforms.composition import Border, Geometric
from jaxviz.transforms.sampling import Affine
from jaxviz.transforms.values import Leaf, whole_pixels

Fill: TypeAlias = float | Sequence[float] | Literal["data", "uniform", "reflect"]
"""What lies outside of an image, as a user says it."""

_MODES = ("data", "uniform", "reflect")
_GREY = 0.5


class _Centred(Geometric):
    def draws(self, axes: int) -> int:  # noqa: ARG002
        """Return none."""
        return 0

    def affine(self, random: Float[Array, " draws"], axes: int) -> Affine:  # noqa: ARG002 - nothing moves
        """Return the identity: positions count from the centre."""
        return Affine.identity(axes)


@registered(data_fields=["grey"], meta_fields=["pixels", "mode"])
@dataclass(frozen=True, eq=False, repr=False)
class Pad(_Centred, Border):
    """A border around the image; made by `pad`. `grey` is None unless the mode is `constant`."""

    pixels: int
    mode: Literal["constant", "data", "uniform", "reflect"]
    grey: Leaf
    kind = "pad"

    def outside(self, random: Float[Array, ""]) -> Leaf:
        """Return the border's grey, or one for each channel."""
        return {"uniform": random, "data": _GREY}.get(self.mode, self.grey)

    def of_data(self, mean: Sequence[float] | None) -> "Pad":
        """Return this border with the mean of each channel in place of `data`, or with grey 0.5 if there are none."""
        if self.mode != "data":
            return self
        return replace(self, mode="constant", grey=_filled(_GREY if mean is None else mean))

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the size with the border on every side."""
        only_positions(self, extents)
        return tuple(extent + 2 * self.pixels for extent in extents)

    def arguments(self) -> dict[str, Any]:
        """Return width and fill."""
        values = super().arguments()
        return {"pixels": self.pixels, "fill": values.get("grey", self.mode)}


@registered(data_fields=[], meta_fields=["pixels"])
@dataclass(frozen=True, eq=False, repr=False)
class Crop(_Centred):
    """The middle of the image; made by `crop`."""

    pixels: int
    kind = "crop"

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the size without the border."""
        return _smaller(extents, 2 * self.pixels, self)


@registered(data_fields=[], meta_fields=["pixels"])
@dataclass(frozen=True, eq=False, repr=False)
class Jitter(Geometric):
    """A crop at a random place; made by `jitter`."""

    pixels: int
    kind = "jitter"

    def draws(self, axes: int) -> int:
        """Return one for each axis."""
        return axes

    def affine(self, random: Float[Array, " draws"], axes: int) -> Affine:  # noqa: ARG002
        """Return the translation to the place of the crop."""
        first = jnp.floor(random * (self.pixels + 1))
        return Affine.translation(first - self.pixels / 2)

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the size of the crop."""
        return _smaller(extents, self.pixels, self)


def pad(pixels: int, *, fill: Fill = _GREY) -> Pad:
    """Put a border around the image, so that nothing at its edge is lost when it moves.

    Args:
        pixels: the border's width on every side.
        fill: the border's value in all channels, in [0, 1], or one for each channel; or `"uniform"`, a value drawn
            anew for every image; or `"reflect"`, the image mirrored about its outermost pixels; or `"data"`, in
            `render` the mean of each channel of what the model was wrapped with (`wrap(…, data=images)`), and 0.5 where
            there are no data. The same lies beyond the border, wherever the transforms of its run look.

    Returns:
        A transform whose result is larger by twice `pixels` in height and in width.

    Example:
        >>> import jax
        >>> image = jax.numpy.array([[[1.0], [2.0]]])
        >>> pad(1)(jax.random.key(0), image)[..., 0].tolist()
        [[0.5, 0.5, 0.5, 0.5], [0.5, 1.0, 2.0, 0.5], [0.5, 0.5, 0.5, 0.5]]
    """
    if isinstance(fill, str):
        if fill not in _MODES:
            close = difflib.get_close_matches(fill, _MODES, n=1)
            advice = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"Unknown fill {fill!r}. Give a number, 'data', 'uniform' or 'reflect'.{advice}")
        return Pad(whole_pixels(pixels), fill, None)
    return Pad(whole_pixels(pixels), "constant", _filled(fill))


def crop(pixels: int) -> Crop:
    """Cut a border off the image.

    Args:
        pixels: the border's width on every side.

    Returns:
        A transform whose result is smaller by twice `pixels` in height and in width.

    Example:
        >>> import jax
        >>> crop(1)(jax.random.key(0), jax.numpy.arange(15.0).reshape(3, 5, 1))[..., 0].tolist()
        [[6.0, 7.0, 8.0]]
    """
    return Crop(whole_pixels(pixels))


def jitter(pixels: int) -> Jitter:
    """Crop the image at a random place: lucid's `jitter`.

    The first row and the first column of the crop are whole numbers from 0 to `pixels`, all as likely, so the
    crop copies pixels. About the image's centre this is a translation by up to half of `pixels`.

    Args:
        pixels: how many rows and how many columns are cut off in all.

    Returns:
        A transform whose result is smaller by `pixels` in height and in width.

    Example:
        >>> import jax
        >>> jitter(8).output_size(152, 100)
        (144, 92)
    """
    return Jitter(whole_pixels(pixels))


def with_data_mean(transform: Transform, mean: Float[np.ndarray, " channel"] | None) -> Transform:
    """Return a transform whose borders of the data have its mean, or grey 0.5 where nothing was measured.

    Args:
        transform: any.
        mean: of each channel, or None.

    Example:
        >>> with_data_mean(pad(2, fill="data"), None)
        pad(2, fill=0.5)
    """
    levels = None if mean is None else np.clip(mean, 0, 1).tolist()

    def fill(part: Any) -> Any:
        return part.of_data(levels) if isinstance(part, Pad) else part

    return cast(Transform, jax.tree.map(fill, transform, is_leaf=lambda part: isinstance(part, Pad)))


def _filled(fill: float | Sequence[float]) -> Leaf:
    """Return one number, or one for each channel as one leaf."""
    numbers = np.array(cast(Any, fill), np.float32)
    if numbers.ndim > 1 or numbers.size == 0 or not ((numbers >= 0) & (numbers <= 1)).all():
        raise ValueError(
            f"The fill is {fill}. Images lie in [0, 1], so give a number in this range, or one for each channel."
        )
    numbers.flags.writeable = False
    return numbers if numbers.ndim else float(cast(Any, fill))


def _smaller(extents: tuple[int, ...], pixels: int, transform: Geometric) -> tuple[int, ...]:
    only_positions(transform, extents)
    if min(extents) <= pixels:
        what = f"the height and the width and leaves nothing of an image of {' by '.join(map(str, extents))}"
        if len(extents) != 2:
            what = f"every axis and leaves nothing of an input of {'×'.join(map(str, extents))}"
        raise ValueError(f"{transform} takes {pixels} pixels off {what}. Render a larger one or give fewer pixels.")
    return tuple(extent - pixels for extent in extents)
