"""Objectives that compare a layer with what it was for a given image: caricature, inversion, accentuation."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.objectives.base import Score, Shapes
from jaxviz.objectives.directions import toward
from jaxviz.objectives.layer import LayerObjective
from jaxviz.objectives.values import Leaf, check_finite, cosine_power_of, layer_name
from jaxviz.pytrees import registered


class ReferenceObjective(LayerObjective):
    """An objective that holds the activation of a layer for some image."""

    activation: Leaf

    def check(self, shapes: Shapes) -> None:
        """Check that the layer has the shape of the reference for images of the size that is rendered."""
        given, shape = tuple(np.shape(self.activation)), tuple(shapes[self.target])
        if given != shape:
            raise ValueError(
                f"The reference activation has shape {given}, but layer {self.layer!r} has {shape} for the images that "
                "are rendered. Compute it from an image of the size that the model sees: the size of the picture, and "
                "with transforms that enlarge it, that size."
            )


@registered(
    data_fields=["activation", "cosine_power"],
    meta_fields=["layer", "rectified"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Caricature(ReferenceObjective):
    """What an image excites, exaggerated; made by `caricature`."""

    layer: str
    activation: Leaf
    cosine_power: Leaf = 1.0
    rectified: bool = True
    kind = "caricature"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return the mean over positions of the dot product times the power of the cosine."""
        return toward(activation, jnp.float32(self.activation), self.cosine_power)

    def check(self, shapes: Shapes) -> None:
        """Check the reference and the power."""
        super().check(shapes)
        check_finite(self.cosine_power, "The cosine power")


@registered(data_fields=["activation"], meta_fields=["layer", "rectified"])
@dataclass(frozen=True, eq=False, repr=False)
class Inversion(ReferenceObjective):
    """Closeness to what an image excites; made by `inversion`."""

    layer: str
    activation: Leaf
    rectified: bool = True
    kind = "inversion"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return minus the squared distance over the squared length of the reference."""
        reference = jnp.float32(self.activation)
        distance = jnp.sum(jnp.square(activation.astype(jnp.float32) - reference))
        return -distance / (jnp.sum(jnp.square(reference)) + 1e-8)


def caricature(layer: str, activation: Any, *, cosine_power: float = 1.0, rectified: bool = True) -> Caricature:
    """Maximise what an image excites in a layer: the picture exaggerates what the layer saw in it.

    With the image's activation `b` at a position and the picture's `a` there, the score is the mean over positions of
    `(a . b) * max(cos(a, b), 0.1) ** cosine_power`. With a greater power the pattern counts more and its strength less.

    Args:
        layer: a name from `model.layers`.
        activation: of the layer for the image, without the batch axis: `model.activations(images, layer)[layer][0]`. It
            is kept in the recipe. Use `transforms=None`, or an image as large as the transforms make the picture.
        cosine_power: zero or more.
        rectified: on a rectifier's output, compare the rectified value, which `model.activations` gives; False for the
            one before it, if the reference is that.

    References:
        A. Mordvintsev, N. Pezzotti, L. Schubert, C. Olah: Differentiable Image Parameterizations. Distill, 2018. lucid
        0.3.10, `recipes/caricature.py`, whose power is 0 where none is said, and whose cosine is over the whole layer,
        not for each position, and not divided by the reference's length.

    Example:
        >>> reference = np.float32([[[1, 0]], [[0, 2]]])  # 2 rows, 1 column, 2 channels
        >>> objective = caricature("block3", reference, cosine_power=0)
        >>> float(objective.of_activation(jnp.array(reference)))  # the mean of 1 and 4
        2.5
    """
    return Caricature(layer_name(layer), _reference(activation), cosine_power_of(cosine_power), rectified)


def inversion(layer: str, activation: Any, *, rectified: bool = True) -> Inversion:
    """Maximise the closeness of a layer to what it was for an image: what the layer has kept of it.

    The score is minus the squared distance of the activations over the squared length of the reference: zero at best,
    minus one for a layer that is silent. Add a prior, or what the layer does not say stays noise: `- weight *
    total_variation()`, as in the paper, or a parameterization such as `fourier`.

    Args:
        layer: a name from `model.layers`.
        activation: of the layer for the image, as in `caricature`.
        rectified: as in `caricature`.

    References:
        A. Mahendran, A. Vedaldi: Understanding Deep Image Representations by Inverting Them. CVPR, 2015.

    Example:
        >>> reference = np.float32([[[1, 0]], [[0, 2]]])
        >>> [float(inversion("block3", reference).of_activation(jnp.array(a))) for a in (reference, 0 * reference)]
        [-0.0, -1.0]
    """
    return Inversion(layer_name(layer), _reference(activation), rectified)


def _reference(activation: Any) -> np.ndarray[Any, Any]:
    numbers = np.array(activation, np.float32)
    if numbers.ndim == 0 or numbers.size == 0 or not np.isfinite(numbers).all():
        raise ValueError(
            f"The reference activation has shape {numbers.shape}; give the finite numbers of one image, "
            "model.activations(images, layer)[layer][0]."
        )
    numbers.flags.writeable = False
    return numbers
