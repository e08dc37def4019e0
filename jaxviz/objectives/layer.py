"""Objectives on what one layer computes: what they share, and the layer as a whole.

By default an objective on the output of a rectifier climbs the value before it, which has a gradient where
the unit is off too; `rectified=True` climbs the rectified value, whose gradient is zero there.
"""

import abc
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxviz.objectives.base import Activations, ClassNames, Image, Objective, Score, Shapes, Target
from jaxviz.objectives.values import layer_name
from jaxviz.pytrees import registered


class LayerObjective(Objective):
    """An objective on the activation of one layer."""

    layer: str
    rectified: bool

    @property
    def target(self) -> Target:
        """The layer, as `score` finds it among the activations."""
        return Target(self.layer, self.rectified)

    @abc.abstractmethod
    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Score the layer's activation for one image."""

    def targets(self) -> frozenset[Target]:
        """Return the one layer."""
        return frozenset([self.target])

    def score(self, activations: Activations, image: Image) -> Score:  # noqa: ARG002 - only penalties read it
        """Score the layer's activation."""
        return self.of_activation(activations[self.target])

    def label(self, class_names: ClassNames = ()) -> str:  # noqa: ARG002 - only a class has a name
        """Return the layer and the kind of objective."""
        return f"{self.layer} {self.kind}"


@registered(data_fields=[], meta_fields=["layer", "rectified"])
@dataclass(frozen=True, eq=False, repr=False)
class DeepDream(LayerObjective):
    """The mean square of a whole layer; made by `deepdream`."""

    layer: str
    rectified: bool = False
    kind = "deepdream"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return the mean square over positions and channels."""
        return jnp.mean(jnp.square(activation.astype(jnp.float32)))

    def check(self, shapes: Shapes) -> None:
        """Accept every layer."""


def deepdream(layer: str, *, rectified: bool = False) -> DeepDream:
    """Maximise whatever a layer responds to: the mean square of its activation.

    Args:
        layer: a name from `model.layers`.
        rectified: on a rectifier's output, climb the rectified value and not the one before it. Before the
            rectifier strongly negative values count as much as positive ones.

    References:
        A. Mordvintsev, C. Olah, M. Tyka: Inceptionism. Google AI Blog, 2015.

    Example:
        >>> deepdream("block3", rectified=True)
        deepdream("block3", rectified=True)
    """
    return DeepDream(layer_name(layer), rectified)
