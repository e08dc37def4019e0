"""Objectives over several images at once: diversity, interpolation, alignment.

Everything else scores one image. These score the images of one lane together, which `several` puts there, and so
couple them; other lanes are as independent as ever.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.objectives.base import Activations, ClassNames, Image, Objective, Score, Shapes, Target
from jaxviz.objectives.layer import LayerObjective
from jaxviz.objectives.values import Leaf, check_finite, layer_name
from jaxviz.pytrees import registered

# Images further apart in a row are not compared by `alignment` (lucid 0.3.10).
_FARTHEST = 4


class Couple(LayerObjective):
    """An objective on the activations of a layer for all images of a lane."""

    def score(self, activations: Activations, image: Image) -> Score:  # noqa: ARG002
        """Refuse: one image alone has no score."""
        raise ValueError(f"{self.kind} compares images; render several at once: parameterization=several(...).")

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:  # noqa: ARG002
        """Refuse: one activation alone has no score."""
        raise ValueError(f"{self.kind} compares images; give the activations of several to score_of_several.")

    @property
    def couples(self) -> bool:
        """Always."""
        return True


@registered(data_fields=[], meta_fields=["layer", "rectified"])
@dataclass(frozen=True, eq=False, repr=False)
class Diversity(Couple):
    """How little images are alike to a layer; made by `diversity`."""

    layer: str
    rectified: bool = True
    kind = "diversity"

    def score_of_several(self, activations: Activations, images: Float[Array, "image ..."]) -> Score:  # noqa: ARG002
        """Return minus the mean cosine of the Gram matrices of every two images."""
        activation = activations[self.target].astype(jnp.float32)
        flat = activation.reshape(activation.shape[0], -1, activation.shape[-1])
        grams = jnp.einsum("ipc,ipd->icd", flat, flat, precision="highest").reshape(len(flat), -1)
        grams = grams / jnp.sqrt(jnp.sum(jnp.square(grams), axis=-1, keepdims=True) + 1e-12)
        first, second = np.triu_indices(len(flat), 1)
        return -jnp.mean(jnp.sum(grams[first] * grams[second], axis=-1))

    def check(self, shapes: Shapes) -> None:
        """Accept every layer."""


@registered(data_fields=["decay"], meta_fields=["layer", "rectified"])
@dataclass(frozen=True, eq=False, repr=False)
class Alignment(Couple):
    """How alike neighbouring images are to a layer, position by position; made by `alignment`."""

    layer: str
    decay: Leaf = 2.0
    rectified: bool = True
    kind = "alignment"

    def score_of_several(self, activations: Activations, images: Float[Array, "image ..."]) -> Score:  # noqa: ARG002
        """Return minus the mean squared differences of neighbours, those further apart weighing less."""
        activation = activations[self.target].astype(jnp.float32)
        total = jnp.float32(0)
        for apart in range(1, min(_FARTHEST, len(activation) - 1) + 1):
            differences = activation[apart:] - activation[:-apart]
            each = jnp.mean(jnp.square(differences), axis=tuple(range(1, differences.ndim)))
            total = total - jnp.sum(each) / jnp.float32(self.decay) ** jnp.float32(apart)
        return total

    def check(self, shapes: Shapes) -> None:  # noqa: ARG002
        """Check the decay."""
        check_finite(self.decay, "The decay of alignment")


@registered(data_fields=["first", "second"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Interpolation(Objective):
    """From one objective to another over the images of a lane; made by `interpolation`."""

    first: Leaf
    second: Leaf
    kind = "interpolation"

    @property
    def couples(self) -> bool:
        """Always: an image's place in the row decides what it climbs."""
        return True

    @property
    def reads_opacity(self) -> bool:
        """Whether either does."""
        return self.first.reads_opacity or self.second.reads_opacity

    def targets(self) -> frozenset[Target]:
        """Return what either reads."""
        return frozenset[Target]().union(self.first.targets(), self.second.targets())

    def score(self, activations: Activations, image: Image) -> Score:  # noqa: ARG002
        """Refuse: one image alone has no place in the row."""
        raise ValueError("interpolation needs a row of images; render several: parameterization=several(...).")

    def score_of_several(self, activations: Activations, images: Float[Array, "image ..."]) -> Score:
        """Return the sum over images of the two scores, weighed by the place in the row."""
        share = jnp.float32(np.linspace(0, 1, images.shape[0]))
        first = jax.vmap(self.first.score)(activations, images)
        second = jax.vmap(self.second.score)(activations, images)
        return jnp.sum((1 - share) * first + share * second)

    def label(self, class_names: ClassNames = ()) -> str:
        """Return both captions."""
        return f"{self.first.label(class_names)} … {self.second.label(class_names)}"

    def bind(self, class_names: ClassNames) -> Objective:
        """Bind the class names of both."""
        return Interpolation(self.first.bind(class_names), self.second.bind(class_names))

    def check(self, shapes: Shapes) -> None:
        """Check both."""
        self.first.check(shapes)
        self.second.check(shapes)

    def check_image(self, shape: tuple[int, ...]) -> None:
        """Check both."""
        self.first.check_image(shape)
        self.second.check_image(shape)

    def to_json(self) -> dict[str, Any]:
        """Return both as plain data."""
        return {"kind": self.kind, "first": self.first.to_json(), "second": self.second.to_json()}

    def expression(self) -> str:
        """Return the call with both."""
        return f"{self.kind}({self.first.expression()}, {self.second.expression()})"


def diversity(layer: str, *, rectified: bool = True) -> Diversity:
    """Maximise how different the images of a lane look to a layer: several facets of one unit.

    With the Gram matrix `G` of an image, which channels are active together anywhere, the score is minus the mean over
    all pairs of images of the cosine of their matrices; it lies in [-1, 0]. Add it with a weight, and render several:

        render(model, channel("block3", 12) + 2 * diversity("block2"), parameterization=several(fourier(), count=4))

    Published weights are for a sum over pairs and other scales of activation, so try: the score of the unit should
    fall a little.

    Args:
        layer: a name from `model.layers`, best one with positions, at or before the unit's layer.
        rectified: on a rectifier's output, read the rectified value and not the one before it.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017, section "Diversity". lucid 0.3.10,
        `objectives.diversity`, which is minus this, times the number of images less one: use it with a negative weight
        there.

    Example:
        >>> activation = jnp.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 2.0]]])  # 3 images, 1 position, 2 channels
        >>> score = diversity("block2").score_of_several({Target("block2", True): activation}, activation)
        >>> round(float(score), 3)  # of three pairs one is alike
        -0.333
    """
    return Diversity(layer_name(layer), bool(rectified))


def alignment(layer: str, *, decay: float = 2.0, rectified: bool = True) -> Alignment:
    """Maximise how alike neighbouring images of a lane are to a layer, so that what they show stays in its place.

    The score is minus the sum, over all pairs of images at most four apart in the row, of the mean squared difference
    of the activations over `decay ** apart`. Add it, with a weight, to an `interpolation`.

    Args:
        layer: a name from `model.layers`; an early one aligns places, a late one what is there.
        decay: how much less images that are one further apart weigh.
        rectified: on a rectifier's output, read the rectified value and not the one before it.

    References:
        lucid 0.3.10, `objectives.alignment`. A. Mordvintsev, N. Pezzotti, L. Schubert, C. Olah: Differentiable Image
        Parameterizations. Distill, 2018, section "Aligned Feature Visualization Interpolation".

    Example:
        >>> activation = jnp.array([[[0.0]], [[1.0]], [[3.0]]])
        >>> float(alignment("block2").score_of_several({Target("block2", True): activation}, activation))
        -4.75
    """
    if not decay > 0:
        raise ValueError(f"The decay of alignment is {decay}. Give a number above zero; 2 is usual.")
    return Alignment(layer_name(layer), float(decay), bool(rectified))


def interpolation(first: Objective, second: Objective) -> Interpolation:
    """Go from one objective to another over the images of a lane: the first climbs one, the last the other.

    Of `n` images, image `i` climbs `(1 - t) * first + t * second` with `t = i / (n - 1)`. What the images share keeps
    the objects in their places: `several(fourier(), count=5, shared=True)`, and `+ weight * alignment(layer)`.

    Args:
        first: what the first image climbs.
        second: what the last image climbs; both score one image.

    References:
        lucid 0.3.10, `objectives.channel_interpolate`, between two channels.

    Example:
        >>> from jaxviz.objectives import channel
        >>> interpolation(channel("block3", 3), channel("block3", 12)).label()
        'block3:3 … block3:12'
    """
    for objective in (first, second):
        if not isinstance(objective, Objective):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{objective!r} is no objective. Make one with jaxviz.channel, jaxviz.class_logit, …")
        if objective.couples:
            raise ValueError(f"{objective} compares images; interpolation goes between objectives of one image.")
    return Interpolation(first, second)
