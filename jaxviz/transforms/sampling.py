"""Read an image at an affine map of positions: the one heavy step of every geometric transform.

Positions are (row, column) in pixels relative to the centre of their image, which lies at ((height - 1) / 2,
(width - 1) / 2); an even size has its centre between pixels. Relative to the centre, padding and centred
cropping are the identity, and rotation and scaling are matrices.
"""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

# A border this wide holds both taps of every position that is a pixel or more outside the image.
_BORDER = 2

_Shape: TypeAlias = tuple[int, int, int]
_Pair: TypeAlias = tuple[Array, Array]


class Affine(NamedTuple):
    """The map that takes a position of the result to the position of the source whose value it gets.

    Attributes:
        matrix: as many rows and columns as there are axes; diagonal unless there are two, which alone are rotated.
        offset: along each axis, in pixels.
    """

    matrix: Float[Array, "axis axis"]
    offset: Float[Array, " axis"]

    @classmethod
    def identity(cls, axes: int) -> "Affine":
        """Return the map that leaves every position where it is."""
        return cls.translation(jnp.float32(np.zeros(axes)))

    @classmethod
    def translation(cls, offset: Float[Array, " axis"]) -> "Affine":
        """Return the map that adds an offset to every position."""
        return cls(jnp.float32(np.eye(offset.shape[0])), offset)

    def then(self, later: "Affine") -> "Affine":
        """Return the map of this transform followed by a later one, whose positions are looked up first."""
        # The fast products of accelerators would misplace pixels.
        matrix = jnp.matmul(self.matrix, later.matrix, precision="highest")
        offset = jnp.matmul(self.matrix, later.offset, precision="highest")
        return Affine(matrix, offset + self.offset)


def sample(
    image: Float[Array, "*position channel"],
    affine: Affine,
    size: tuple[int, ...],
    outside: Float[Array, "..."] | float | None,
) -> Float[Array, "*place channel"]:
    """Read an image, a signal or a volume linearly at the affine map of every position of the result.

    Each of the pixels around a position counts by itself: one that lies outside has the value `outside`. A map by whole
    pixels therefore copies them exactly.

    Args:
        image: the source.
        affine: from positions of the result to positions of the source.
        size: extents of the result, in pixels.
        outside: the value of every pixel outside the source, or one for each channel, or None for the source mirrored
            about its outermost pixels, without end.

    Raises:
        ValueError: there are values outside for another number of channels.

    Returns:
        The result, of the source's precision.

    Example:
        >>> import jax.numpy as jnp
        >>> image = jnp.array([[[1.0], [2.0], [3.0]]])
        >>> half_a_pixel = Affine.translation(jnp.array([0.0, 0.5]))
        >>> sample(image, half_a_pixel, (1, 3), outside=0.0)[0, :, 0].tolist()
        [1.5, 2.5, 1.5]
    """
    if outside is not None and np.ndim(outside):
        if np.shape(outside) != image.shape[-1:]:
            raise ValueError(f"The fill has {np.size(outside)} numbers, but the image {image.shape[-1]} channels.")
        levels = jnp.asarray(outside, image.dtype).reshape([1] * (image.ndim - 1) + [-1])
        return sample(image - levels, affine, size, 0.0) + levels
    if image.ndim == 3:
        return _sample_image(image, affine, (size[0], size[1]), outside)
    for axis, extent in enumerate(size):
        image = _sample_axis(image, axis, affine.matrix[axis, axis], affine.offset[axis], extent, outside)
    return image


def _sample_axis(
    image: Float[Array, "..."],
    axis: int,
    factor: Float[Array, ""],
    offset: Float[Array, ""],
    extent: int,
    outside: Float[Array, ""] | float | None,
) -> Float[Array, "..."]:
    """Read along one axis; the axes one after the other are as good as all at once, because nothing is rotated."""
    length = image.shape[axis]
    position = factor * (np.arange(extent, dtype=np.float32) - np.float32((extent - 1) / 2))
    position = position + (offset + np.float32((length - 1) / 2))
    if outside is None:
        position, outside = _mirrored(position, length), 0.0
    first, share = _split(position, length)
    border = [(_BORDER, _BORDER, 0) if place == axis else (0, 0, 0) for place in range(image.ndim)]
    padded = lax.pad(image, jnp.float32(outside).astype(image.dtype), border)
    share = share.reshape([-1 if place == axis else 1 for place in range(image.ndim)]).astype(image.dtype)
    one, other = (jnp.take(padded, place, axis=axis, mode="clip") for place in (first, first + 1))
    return (1 - share) * one + share * other


def _sample_image(
    image: Float[Array, "height width channel"],
    affine: Affine,
    size: tuple[int, int],
    outside: Float[Array, ""] | float | None,
) -> Float[Array, "rows columns channel"]:
    height, width, channels = image.shape
    row, column = _positions(affine, (height, width), size)
    if outside is None:
        row, column, outside = _mirrored(row, height), _mirrored(column, width), 0.0
    row_above, below = _split(row, height)
    column_left, right = _split(column, width)
    border = (_BORDER, _BORDER, 0)
    padded = lax.pad(image, jnp.float32(outside).astype(image.dtype), (border, border, (0, 0, 0)))
    shape = (padded.shape[0], padded.shape[1], channels)
    shares = below.astype(image.dtype), right.astype(image.dtype)
    return _linear(shape, padded.reshape(-1, channels), (row_above, column_left), shares)


def _positions(affine: Affine, source: tuple[int, int], size: tuple[int, int]) -> tuple[Array, Array]:
    """Return row and column in the source, counted from its first pixel, for every pixel of the result."""
    rows = np.arange(size[0], dtype=np.float32)[:, None] - (size[0] - 1) / 2
    columns = np.arange(size[1], dtype=np.float32)[None, :] - (size[1] - 1) / 2
    (row_by_row, row_by_column), (column_by_row, column_by_column) = affine.matrix
    row = row_by_row * rows + row_by_column * columns + (affine.offset[0] + (source[0] - 1) / 2)
    column = column_by_row * rows + column_by_column * columns + (affine.offset[1] + (source[1] - 1) / 2)
    return row, column


def _mirrored(position: Float[Array, "*place"], length: int) -> Float[Array, "*place"]:
    """Fold positions into the image. Between two pixels this mirrors the interpolated value too."""
    if length == 1:
        return 0 * position
    folded = jnp.mod(position, 2 * (length - 1))
    return jnp.minimum(folded, 2 * (length - 1) - folded)


def _split(position: Float[Array, "*place"], length: int) -> tuple[Int[Array, "*place"], Float[Array, "*place"]]:
    """Split positions into the first tap, counted in the image with its border, and the second's weight."""
    first = jnp.floor(position)
    return jnp.clip(first, -_BORDER, length).astype(jnp.int32) + _BORDER, position - first


def _read_linearly(shape: _Shape, flat: Array, first: _Pair, share: _Pair) -> Array:
    """Read between the two by two pixels whose first is (row, column), from an image of this shape made flat.

    The adjoint is written out because the one that JAX derives adds pixel by pixel, four times for every
    pixel of the result. Adding both rows of a corner at once, each with its two neighbouring pixels in one
    piece, takes a fifth of the time on a CPU (16 images of 152 by 152: 11 ms instead of 60 ms).

    Args:
        shape: rows, columns and channels of the image.
        flat: the image, as many rows as it has pixels.
        first: row and column of the first pixel, for each pixel of the result.
        share: of the second row and of the second column, in [0, 1).
    """
    (above_left, above_right), (below_left, below_right) = _corners(shape, flat, first)
    below, right = share[0][..., None], share[1][..., None]
    left, above = 1 - right, 1 - below
    upper = (above * left) * above_left + (above * right) * above_right
    return upper + (below * left) * below_left + (below * right) * below_right


def _corners(shape: _Shape, flat: Array, first: _Pair) -> tuple[_Pair, _Pair]:
    place = first[0] * shape[1] + first[1]
    steps = (0, 1), (shape[1], shape[1] + 1)
    above, below = (tuple(flat.at[place + step].get(mode="promise_in_bounds") for step in pair) for pair in steps)
    return (above[0], above[1]), (below[0], below[1])


def _linear_forward(shape: _Shape, flat: Array, first: _Pair, share: _Pair) -> tuple[Array, tuple[Array, _Pair, _Pair]]:
    return _read_linearly(shape, flat, first, share), (flat, first, share)


def _linear_backward(
    shape: _Shape, kept: tuple[Array, _Pair, _Pair], cotangent: Array
) -> tuple[Array, None, tuple[Array, Array]]:
    flat, (row, column), (below, right) = kept
    height, width, channels = shape
    # |[1, 0] - share| are the shares of the first and of the second. To stack them would keep the compiler from working
    # on many numbers at once, and take twice the time.
    second = np.array([[1, 0]], cotangent.dtype)
    rows, columns = (jnp.abs(second - share.reshape(-1, 1)) for share in (below, right))
    shares = rows[:, :, None] * columns[:, None, :]
    updates = (shares[..., None] * cotangent.reshape(-1, 1, 1, channels)).reshape(-1, 2, 2 * channels)
    places = jnp.stack([row.ravel(), column.ravel() * channels], axis=-1)
    size = (height, width * channels)
    add = _added_up if jax.default_backend() == "cpu" else _added_up_in_any_order
    total = add(size, places, updates)
    return total.reshape(-1, channels), None, _share_gradient(_corners(shape, flat, (row, column)), kept[2], cotangent)


def _added_up(size: tuple[int, int], places: Array, updates: Array) -> Array:
    """Add blocks of numbers to zeros, each at the (row, column) of its first."""
    return lax.scatter_add(
        lax.full(size, 0, updates.dtype),
        places,
        updates,
        lax.ScatterDimensionNumbers((1, 2), (), (0, 1)),
        mode="promise_in_bounds",
    )


def _added_up_in_any_order(size: tuple[int, int], places: Array, updates: Array) -> Array:
    """Add blocks as `_added_up` does, as whole numbers, whose sum is the same in whatever order they come.

    Accelerators add where threads happen to arrive, and floats in another order have another sum, from which a climb
    ends at another picture. To sort them first, as XLA does when it is asked for one order, took three times as long as
    the rest of a step (docs/performance.md).
    """
    precise_type, whole = (jnp.float64, jnp.int64) if updates.dtype == jnp.float64 else (jnp.float32, jnp.int32)
    precise = updates.astype(precise_type)
    begin_here = _added_up(size, places, jnp.ones((len(places), 1, 1), whole))
    # Blocks are of two by two pixels, so a number is added to by those that begin at one of four.
    most = 4 * jnp.max(begin_here).astype(precise_type)
    # The largest sum there can be is as much as the type holds, with a bit to spare for what is rounded up.
    unit = jnp.max(jnp.abs(precise)) * most / (jnp.iinfo(whole).max // 2)
    counted = jnp.round(precise / jnp.where(unit > 0, unit, 1)).astype(whole)
    # A number that is not finite makes the unit so, and with it every sum.
    return (_added_up(size, places, counted).astype(precise_type) * unit).astype(updates.dtype)


def _share_gradient(corners: tuple[_Pair, _Pair], share: _Pair, cotangent: Array) -> _Pair:
    """Return the gradient of the shares, for hyper-parameters; the compiler drops it where nobody asks."""
    below, right = share[0][..., None], share[1][..., None]
    (above_left, above_right), (below_left, below_right) = corners
    along_rows = (1 - right) * (below_left - above_left) + right * (below_right - above_right)
    along_columns = (1 - below) * (above_right - above_left) + below * (below_right - below_left)
    return (cotangent * along_rows).sum(-1), (cotangent * along_columns).sum(-1)


_differentiable: Any = jax.custom_vjp
_linear = _differentiable(_read_linearly, nondiff_argnums=(0,))
_linear.defvjp(_linear_forward, _linear_backward)
