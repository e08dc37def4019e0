"""Closeness of a layer's activations to those of real images, as a distribution: VITAL's sorted feature matching."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from jaxviz.objectives.base import ClassNames, Score, Shapes
from jaxviz.objectives.layer import LayerObjective
from jaxviz.objectives.ranks import ranks
from jaxviz.objectives.values import Leaf, check_finite, layer_name
from jaxviz.pytrees import registered

# Of a layer with more positions as many quantiles are kept: the table is part of the recipe.
_MOST_QUANTILES = 256


@registered(
    data_fields=["reference", "importance"],
    meta_fields=["layer", "rectified"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Distribution(LayerObjective):
    """Closeness to the activations of real images, wherever they are; made by `distribution`."""

    layer: str
    reference: Leaf
    importance: Leaf = None
    rectified: bool = True
    kind = "distribution"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return minus the mean squared difference of every activation from what the reference has at its rank."""
        flat = activation.astype(jnp.float32).reshape(-1, activation.shape[-1])
        expected = _resampled(jnp.float32(self.reference), len(flat))
        squared = jnp.square(flat - jnp.take_along_axis(expected, ranks(flat), axis=0))
        if self.importance is not None:
            squared = squared * jnp.float32(self.importance)[None]
        return -jnp.mean(squared)

    def check(self, shapes: Shapes) -> None:
        """Check that the reference has the layer's channels."""
        channels, given = shapes[self.target][-1], np.shape(self.reference)[-1]
        if given != channels:
            raise ValueError(
                f"The reference has {given} channels, but layer {self.layer!r} has {channels}. Measure it on that "
                "layer: measure_distribution(model.activations(images, layer)[layer])."
            )
        if self.importance is not None and np.shape(self.importance) != (channels,):
            raise ValueError(
                f"The importance has shape {np.shape(self.importance)}; give a number for each of {channels} channels."
            )
        check_finite(self.reference, f"The reference for layer {self.layer!r}")

    def label(self, class_names: ClassNames = ()) -> str:  # noqa: ARG002
        """Return what is matched, as in `block3 as in data`."""
        return f"{self.layer} as in data"


def measure_distribution(activations: Any) -> Float32[np.ndarray, "quantile channel"]:
    """Measure how a layer's activations are distributed over the positions of real images.

    Every channel's activations are sorted within each image, and the sorted ones averaged over the images.

    Args:
        activations: `[image, *position, channel]`, as `model.activations(images, layer)[layer]` gives them: some fifty
            images of one class, or the images that excite a unit most.

    Returns:
        A row for each rank from the least to the greatest, a column for each channel. Of more than 256 positions that
        many quantiles are kept.

    Raises:
        ValueError: there are no images or no channels, or numbers are not finite.

    Example:
        >>> measure_distribution(np.float32([[[3], [1]], [[2], [6]]])).tolist()
        [[1.5], [4.5]]
    """
    array: np.ndarray[Any, Any] = np.asarray(activations, np.float32)
    if array.ndim < 2 or 0 in array.shape or not np.isfinite(array).all():
        raise ValueError(
            f"The activations have shape {array.shape}; give the finite numbers of at least one image, "
            "[image, *position, channel]."
        )
    flat = np.sort(array.reshape(len(array), -1, array.shape[-1]), axis=1)
    ranked = flat.astype(np.float64).mean(axis=0)
    return np.asarray(_resampled(ranked, min(len(ranked), _MOST_QUANTILES)), np.float32)


def distribution(layer: str, reference: Any, *, importance: Any = None, rectified: bool = True) -> Distribution:
    """Maximise how alike the activations of a layer are to those of real images, wherever in the picture they are.

    The activations of each channel are sorted over the positions and compared with those of the reference, rank by
    rank; the score is minus the mean squared difference. So the picture has to hold as much of everything as real
    images of this kind do: it is not made to excite a unit beyond what anything real does. Add several layers:

        found = model.activations(images, ["stem", "block3", "output"])
        objective = sum(distribution(layer, measure_distribution(activations)) for layer, activations in found.items())

    The reference may come from images of another size. `jaxviz.presets.vital_objective` does all of this.

    Args:
        layer: a name from `model.layers`.
        reference: the table that `measure_distribution` returns; it is kept in the recipe.
        importance: one number for each channel, by which its squared differences are multiplied, such as its relevance
            for a class; all alike if None.
        rectified: on a rectifier's output, read the rectified value, as `model.activations` gives it, and not the one
            before it.

    Raises:
        ValueError: the reference is no finite table, or the importance is negative.

    References:
        A. Görgün, B. Schiele, J. Fischer: VITAL: More Understandable Feature Visualization through Distribution
        Alignment and Relevant Information Flow. ICCV, 2025. arXiv:2503.22399

    Example:
        >>> objective = distribution("block3", [[1.5], [4.5]])
        >>> float(objective.of_activation(jnp.array([[5.5], [1.5]])))  # sorted, half of one squared
        -0.5
    """
    table = np.array(reference, np.float32)
    if table.ndim != 2 or table.size == 0 or not np.isfinite(table).all():
        raise ValueError(f"The reference has shape {table.shape}; give the table that measure_distribution returns.")
    table.flags.writeable = False
    if importance is None:
        return Distribution(layer_name(layer), table, None, bool(rectified))
    weights = np.array(importance, np.float32)
    if weights.ndim != 1 or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("The importance is one finite number for each channel, zero or more.")
    weights.flags.writeable = False
    return Distribution(layer_name(layer), table, weights, bool(rectified))


def _resampled(table: Any, count: int) -> Any:
    """Read a table of quantiles at the middles of another number of them, linearly; the same number is left alone."""
    if len(table) == count:
        return table
    place = np.clip((np.arange(count) + 0.5) * (len(table) / count) - 0.5, 0, len(table) - 1)
    first = np.minimum(place.astype(np.int32), max(len(table) - 2, 0))
    share = (place - first).astype(table.dtype)[:, None]
    return table[first] * (1 - share) + table[np.minimum(first + 1, len(table) - 1)] * share
