"""What the positions of a value see of the input.

Every value of a program has, for every spatial dimension of the input, a `Field`: position `i` sees the pixels
`start + i * stride` to `start + i * stride + size - 1`. A value whose positions see everything, or whose positions
no longer lie along an axis, has the field `None` (the whole extent). Araujo, Norris and Sim, "Computing Receptive
Fields of Convolutional Neural Networks", Distill 2019, has the recurrences; here they are taken from the traced
program, so padding, dilation, branches and transposed convolutions come out of the equations and not of a table.
"""

import dataclasses
import math
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Field:
    """What a position along one spatial dimension sees: `size` pixels, every `stride`, from `start`."""

    size: int
    stride: float
    start: float

    def window(self, extent: int, stride: int, before: int, dilation: int, zoom: int) -> "Field":
        """Return the field after a window of `extent` slid over these positions."""
        step = self.stride / zoom
        # After a transposed convolution positions lie between pixels: what they see is rounded up to whole ones.
        size = self.size + math.ceil((extent - 1) * dilation * step)
        return Field(size, step * stride, self.start - before * step)

    def union(self, other: "Field") -> "Field":
        """Return the field that covers both."""
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Field(math.ceil(end - start), max(self.stride, other.stride), start)


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Where a value lies over the input.

    Attributes:
        dims: For each axis of the value, the spatial dimensions of the input that run along it: usually none or
            one, both after rows and columns were merged to a row of tokens.
        fields: For each spatial dimension the field, or None where every position sees the whole extent.
    """

    dims: tuple[frozenset[int], ...]
    fields: tuple[Field | None, ...]

    def mixed(self, dims: frozenset[int], axes: Sequence[frozenset[int]] | None = None) -> "Geometry":
        """Return this geometry after positions along `dims` were mixed with one another."""
        fields = tuple(None if dim in dims else field for dim, field in enumerate(self.fields))
        kept = self.dims if axes is None else tuple(axes)
        return Geometry(tuple(axis - dims for axis in kept), fields)


def union(geometries: Sequence[Geometry]) -> Geometry:
    """Return the geometry of a value each position of which sees what that position of all of these sees."""
    result = geometries[0]
    for other in geometries[1:]:
        fields = tuple(
            None if one is None or two is None else one.union(two)
            for one, two in zip(result.fields, other.fields, strict=True)
        )
        dims = tuple(one | two for one, two in zip(result.dims, other.dims, strict=True))
        result = Geometry(dims, fields)
    return result


def everything(geometries: Sequence[Geometry], shape: tuple[int, ...]) -> Geometry:
    """Return the geometry of a value of this shape each position of which sees the whole input."""
    return Geometry((frozenset[int](),) * len(shape), (None,) * len(geometries[0].fields))
