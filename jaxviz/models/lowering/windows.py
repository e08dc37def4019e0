"""Slide a window over an array, and add what was computed at each window back to where it came from.

`taps` reads an array once for each offset inside the window, so that a reduction over windows becomes that many whole
arrays combined one after the other: loops that XLA vectorizes, in place of a loop over windows, which it does not.
`scatter` is the transposed walk. For a stride above one it computes every phase of the result (the positions with the
same remainder by the stride) by itself, without gaps of zeros, and interleaves them.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array
Scalar = float | int


class Window(NamedTuple):
    """A window that slides along some axes; every tuple has one entry for each of them.

    Attributes:
        axes: The axes of the array that it slides along, ascending.
        sizes: How many elements it reads.
        strides: How far it moves between two results.
        padding: How many elements are added before and after the array; negative to take away.
        dilation: Distance between the elements that it reads.
    """

    axes: tuple[int, ...]
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    @property
    def elements(self) -> int:
        """How many elements the window reads."""
        return math.prod(self.sizes)

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """Return the positions inside the window, the last axis fastest."""
        return itertools.product(*map(range, self.sizes))

    def padded_sizes(self, shape: Sequence[int]) -> list[int]:
        """Return the sizes of an array along the window's axes, with padding."""
        return [shape[axis] + sum(padding) for axis, padding in zip(self.axes, self.padding, strict=True)]

    def output_sizes(self, shape: Sequence[int]) -> list[int]:
        """Return the number of windows along each axis."""
        spans = [(size - 1) * step + 1 for size, step in zip(self.sizes, self.dilation, strict=True)]
        return [
            max((padded - span) // stride + 1, 0)
            for padded, span, stride in zip(self.padded_sizes(shape), spans, self.strides, strict=True)
        ]

    def along(self, position: int) -> "Window":
        """Return the same window along one of its axes only, given by its place in `axes`."""
        chosen = slice(position, position + 1)
        return Window(*(field[chosen] for field in self))  # pyright: ignore[reportArgumentType]


def pad(array: Array, fill: Scalar, axes: Sequence[int], padding: Sequence[tuple[int, int]]) -> Array:
    """Add elements before and after some axes; negative numbers take elements away."""
    config = [(0, 0, 0)] * array.ndim
    for axis, (before, after) in zip(axes, padding, strict=True):
        config[axis] = (before, after, 0)
    if not any(map(any, config)):
        return array
    return jax.lax.pad(array, jnp.asarray(fill, array.dtype), config)


def taps(array: Array, window: Window, fill: Scalar) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Read every window at one offset at a time.

    Args:
        array: What the window slides over.
        window: The window.
        fill: Value of the padding.

    Yields:
        The offset inside the window, and an array with the element that each window reads there.
    """
    padded = pad(array, fill, window.axes, window.padding)
    counts = window.output_sizes(array.shape)
    for offset in window.offsets():
        starts, limits, strides = [0] * array.ndim, list(padded.shape), [1] * array.ndim
        for axis, place, step, stride, count in zip(
            window.axes, offset, window.dilation, window.strides, counts, strict=True
        ):
            starts[axis], strides[axis] = place * step, stride
            limits[axis] = place * step + (count - 1) * stride + 1
        yield offset, jax.lax.slice(padded, starts, limits, strides)


def scatter(
    arrays: Sequence[Array],
    fills: Sequence[Scalar],
    window: Window,
    shape: Sequence[int],
    combine: Callable[..., Array],
) -> Array:
    """Add what is computed at every window to the elements that the window reads: the transpose of `taps`.

    Args:
        arrays: Arrays with one element for each window along the window's axes.
        fills: For each array, the value at which `combine` adds nothing.
        window: The window.
        shape: Shape of the array that the window slides over.
        combine: `combine(offset, *slices)` gives what every window adds to the element at an offset inside it.

    Returns:
        The sums, of `shape` along the window's axes and as `combine` returns them along the others.
    """
    counts = [arrays[0].shape[axis] for axis in window.axes]
    lengths = [-(-size // stride) for size, stride in zip(window.padded_sizes(shape), window.strides, strict=True)]
    reach = [
        (size - 1) * step // stride
        for size, step, stride in zip(window.sizes, window.dilation, window.strides, strict=True)
    ]
    margins = [(before, max(length - count, 0)) for before, length, count in zip(reach, lengths, counts, strict=True)]
    padded = [pad(array, fill, window.axes, margins) for array, fill in zip(arrays, fills, strict=True)]

    phases: dict[tuple[int, ...], Array] = {}
    for offset in window.offsets():
        places = [place * step for place, step in zip(offset, window.dilation, strict=True)]
        starts = [before - place // stride for before, place, stride in zip(reach, places, window.strides, strict=True)]
        phase = tuple(place % stride for place, stride in zip(places, window.strides, strict=True))
        term = combine(offset, *(cut(array, window.axes, starts, lengths) for array in padded))
        phases[phase] = phases[phase] + term if phase in phases else term

    return crop(interleave(phases, window), window, shape)


def cut(array: Array, axes: Sequence[int], starts: Sequence[int], sizes: Sequence[int]) -> Array:
    """Return a piece of an array, the whole extent of the axes that are not named."""
    first, last = [0] * array.ndim, list(array.shape)
    for axis, start, size in zip(axes, starts, sizes, strict=True):
        first[axis], last[axis] = start, start + size
    return jax.lax.slice(array, first, last)


def interleave(phases: dict[tuple[int, ...], Array], window: Window) -> Array:
    """Put phase `r` at the positions `r, r + stride, ...` of each axis; a phase that is missing is zero."""

    def along(place: int, phase: tuple[int, ...]) -> Array:
        if place == len(window.axes):
            found = phases.get(phase)
            return jnp.zeros_like(next(iter(phases.values()))) if found is None else found
        parts = [along(place + 1, (*phase, remainder)) for remainder in range(window.strides[place])]
        if len(parts) == 1:
            return parts[0]
        axis, shape = window.axes[place], list(parts[0].shape)
        shape[axis] *= len(parts)
        return jnp.stack(parts, axis + 1).reshape(shape)

    return along(0, ())


def crop(padded: Array, window: Window, shape: Sequence[int]) -> Array:
    """Take the padding off, and off the ends whatever was added to fill the last phase."""
    margins = [
        (-before, shape[axis] + before - padded.shape[axis])
        for axis, (before, _) in zip(window.axes, window.padding, strict=True)
    ]
    return pad(padded, 0, window.axes, margins)
