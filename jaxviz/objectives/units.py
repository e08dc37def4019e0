"""Objectives on units of a layer: a channel, a neuron, a token's channel, a group of channels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.objectives.base import ClassNames, Score, Shapes
from jaxviz.objectives.layer import LayerObjective
from jaxviz.objectives.values import Leaf, layer_name, whole_number
from jaxviz.pytrees import registered
from jaxviz.results.plain import plain


@registered(data_fields=["index"], meta_fields=["layer", "rectified"])
@dataclass(frozen=True, eq=False, repr=False)
class Channel(LayerObjective):
    """The mean of one channel over all positions; made by `channel`."""

    layer: str
    index: Leaf
    rectified: bool = False
    kind = "channel"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return the mean over positions."""
        return jnp.mean(activation[..., self.index].astype(jnp.float32))

    def check(self, shapes: Shapes) -> None:
        """Check that the layer has this channel."""
        _check_channel(self.index, self.layer, shapes[self.target])

    def label(self, class_names: ClassNames = ()) -> str:  # noqa: ARG002
        """Return layer and channel, as in `block3:12`."""
        return f"{self.layer}:{plain(self.index)}"


@registered(
    data_fields=["index", "row", "column"],
    meta_fields=["layer", "rectified"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Neuron(LayerObjective):
    """One channel at one position; made by `neuron`. Without a row or a column it is the centre's."""

    layer: str
    index: Leaf
    row: Leaf = None
    column: Leaf = None
    rectified: bool = False
    kind = "neuron"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return the value at the position."""
        if activation.ndim != 3:
            centre = tuple(extent // 2 for extent in activation.shape[:-1])
            return activation[(*centre, self.index)].astype(jnp.float32)
        rows, columns, _ = activation.shape
        row = rows // 2 if self.row is None else self.row
        column = columns // 2 if self.column is None else self.column
        return activation[row, column, self.index].astype(jnp.float32)

    def check(self, shapes: Shapes) -> None:
        """Check that the layer has positions, this one, and this channel."""
        shape = shapes[self.target]
        placed = self.row is not None or self.column is not None
        if len(shape) < 2 or (placed and len(shape) != 3):
            raise ValueError(
                f"A neuron needs a layer of rows, columns and channels; layer {self.layer!r} has the shape "
                f"{shape}. Use channel({json.dumps(self.layer)}, {self.index})"
                + (f", or without row and column neuron({json.dumps(self.layer)}, {self.index})." if placed else ".")
            )
        _check_channel(self.index, self.layer, shape)
        if len(shape) != 3:
            return
        for name, place, size in (("Row", self.row, shape[0]), ("Column", self.column, shape[1])):
            if place is not None and not 0 <= place < size:
                raise IndexError(
                    f"{name} {place} is out of range for layer {self.layer!r}, "
                    f"which has {size} {name.lower()}s (0 to {size - 1})."
                )

    def label(self, class_names: ClassNames = ()) -> str:  # noqa: ARG002
        """Return layer, channel and position, as in `block3:12 @ 4,5`."""
        if self.row is None and self.column is None:
            return f"{self.layer}:{plain(self.index)} @ centre"
        row, column = ("centre" if place is None else plain(place) for place in (self.row, self.column))
        return f"{self.layer}:{plain(self.index)} @ {row},{column}"


@registered(data_fields=["index", "position"], meta_fields=["layer", "rectified"])
@dataclass(frozen=True, eq=False, repr=False)
class Token(LayerObjective):
    """One channel of one token of a transformer; made by `token`."""

    layer: str
    index: Leaf
    position: Leaf = 0
    rectified: bool = False
    kind = "token"

    def of_activation(self, activation: Float[Array, "token channel"]) -> Score:
        """Return the value at the token."""
        return activation[self.position, self.index].astype(jnp.float32)

    def check(self, shapes: Shapes) -> None:
        """Check that the layer has tokens, this one, and this channel."""
        shape = shapes[self.target]
        if len(shape) != 2:
            raise ValueError(
                f"A token needs a layer of tokens and channels; layer {self.layer!r} has the shape {shape}. "
                "Use channel or neuron."
            )
        _check_channel(self.index, self.layer, shape)
        if not 0 <= self.position < shape[0]:
            raise IndexError(
                f"Token {self.position} is out of range for layer {self.layer!r}, which has {shape[0]} tokens "
                f"(0 to {shape[0] - 1})."
            )

    def label(self, class_names: ClassNames = ()) -> str:  # noqa: ARG002
        """Return layer, channel and token, as in `block3:12 @ token 0`."""
        return f"{self.layer}:{plain(self.index)} @ token {plain(self.position)}"


@registered(data_fields=["indices"], meta_fields=["layer", "rectified"])
@dataclass(frozen=True, eq=False, repr=False)
class Group(LayerObjective):
    """The mean of several channels; made by `group`."""

    layer: str
    indices: Leaf
    rectified: bool = False
    kind = "group"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return the mean over the channels and all positions."""
        return jnp.mean(activation[..., jnp.asarray(self.indices)].astype(jnp.float32))

    def check(self, shapes: Shapes) -> None:
        """Check that the layer has these channels."""
        for index in self.indices:
            _check_channel(index, self.layer, shapes[self.target])

    def label(self, class_names: ClassNames = ()) -> str:  # noqa: ARG002
        """Return layer and channels, as in `block3:12+15`."""
        return f"{self.layer}:{'+'.join(str(index) for index in plain(self.indices))}"


def channel(layer: str, index: int, *, rectified: bool = False) -> Channel:
    """Maximise the mean of one channel over all positions.

    Args:
        layer: a name from `model.layers`.
        index: the channel, from 0.
        rectified: on a rectifier's output, climb the rectified value and not the one before it.

    Returns:
        The objective; for a layer without positions it is the value of one unit.

    Example:
        >>> channel("block3", 12)
        channel("block3", 12)
    """
    return Channel(layer_name(layer), whole_number(index, "index"), rectified)


def neuron(
    layer: str, index: int, *, row: int | None = None, column: int | None = None, rectified: bool = False
) -> Neuron:
    """Maximise one channel at one position.

    Args:
        layer: a name from `model.layers`; it must have positions: rows and columns, or, for the centre alone, any.
        index: the channel, from 0.
        row: from 0 at the top; by default the centre's, `rows // 2`.
        column: from 0 at the left; by default the centre's, `columns // 2`. On an even layer the default is
            the bottom right of the four neurons about the centre, as in lucid.
        rectified: on a rectifier's output, climb the rectified value and not the one before it.

    Example:
        >>> neuron("block3", 12).label()
        'block3:12 @ centre'
        >>> neuron("block3", 12, row=4, column=5).label()
        'block3:12 @ 4,5'
    """
    return Neuron(
        layer_name(layer),
        whole_number(index, "index"),
        None if row is None else whole_number(row, "row"),
        None if column is None else whole_number(column, "column"),
        rectified,
    )


def token(layer: str, index: int, *, position: int = 0, rectified: bool = False) -> Token:
    """Maximise one channel of one token of a transformer's layer.

    Args:
        layer: a name from `model.layers`, of tokens and channels. The mean over all tokens is `channel`.
        index: the channel, from 0.
        position: the token, from 0; where a model has a class token, it usually is the first.
        rectified: on a rectifier's output, climb the rectified value and not the one before it.

    Example:
        >>> token("encoder/block3", 12).label()
        'encoder/block3:12 @ token 0'
    """
    return Token(layer_name(layer), whole_number(index, "index"), whole_number(position, "position"), rectified)


def group(layer: str, indices: Sequence[int], *, rectified: bool = False) -> Group:
    """Maximise the mean of several channels of a layer: a group of neurons that stand for something together.

    Groups that weigh their channels, such as those that a matrix factorisation finds, are a `direction`.

    Args:
        layer: a name from `model.layers`.
        indices: the channels, from 0.
        rectified: on a rectifier's output, climb the rectified value and not the one before it.

    References:
        C. Olah et al.: The Building Blocks of Interpretability. Distill, 2018. doi:10.23915/distill.00010

    Example:
        >>> group("block3", [3, 12]).label()
        'block3:3+12'
    """
    numbers = np.array([whole_number(index, "index") for index in indices], np.int32)
    if numbers.size == 0:
        raise ValueError("A group needs at least one channel.")
    numbers.flags.writeable = False
    return Group(layer_name(layer), numbers, rectified)


def _check_channel(index: int, layer: str, shape: tuple[int, ...]) -> None:
    channels = shape[-1]
    if not 0 <= index < channels:
        raise IndexError(
            f"Channel {index} is out of range for layer {layer!r}, which has {channels} channels (0 to {channels - 1})."
        )
