"""What every objective is: immutable data with a score and an algebra.

An objective is a frozen dataclass and a JAX pytree. What decides which program is compiled (the kind of
objective, the layer's name, `rectified`) is static; unit indices, positions, vectors and weights are leaves.
So objectives of one form, on one layer, can be stacked leaf by leaf and mapped with `jax.vmap`: one
compilation serves every unit.

A leaf may be a tracer, so nothing is validated when a dataclass is made: the factory functions validate what
a user writes, and `Objective.check` compares it with the model.
"""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxviz.objectives.recorded import Recorded, written_sum
from jaxviz.objectives.values import Leaf, Number, check_finite, is_number, leaf
from jaxviz.pytrees import registered
from jaxviz.results.plain import plain

Image: TypeAlias = Float[Array, "*position channel"]
Score: TypeAlias = Float[Array, ""]


class Target(NamedTuple):
    """What an objective reads of the model.

    Attributes:
        layer: the layer's name as the user wrote it; `""` means the model's class logits.
        rectified: on the output of a rectifier, read the rectified value (True) or the one before it (False).
    """

    layer: str
    rectified: bool = False


ClassNames: TypeAlias = tuple[str, ...] | Mapping[str, tuple[str, ...]]
"""Names of classes in the order of the logits; of several models, by how the names of their layers begin."""

Activations: TypeAlias = Mapping[Target, Array]
Shapes: TypeAlias = Mapping[Target, tuple[int, ...]]


class Objective(Recorded):
    """Something to maximise: data that scores one picture.

    Objectives add, subtract and are weighed by numbers; each operation makes a new objective. Two
    that are written alike are equal.

    Example:
        >>> from jaxviz.objectives import channel, total_variation
        >>> objective = channel("block3", 12) - 0.1 * total_variation()
        >>> objective
        channel("block3", 12) - 0.1 * total_variation()
        >>> objective.label()
        'block3:12 - 0.1 total variation'
        >>> sum([channel("block3", unit) for unit in range(3)])
        channel("block3", 0) + channel("block3", 1) + channel("block3", 2)
    """

    __array_ufunc__: ClassVar[None] = None  # a NumPy number on the left leaves the operation to us

    @abc.abstractmethod
    def targets(self) -> frozenset[Target]:
        """Return what `score` reads of the model."""

    @abc.abstractmethod
    def score(self, activations: Activations, image: Image) -> Score:
        """Score one picture; more is better.

        Args:
            activations: for every target its value for one image: no batch axis, the channel axis last.
            image: the image before any transform, in [0, 1].

        Returns:
            A float32 scalar, whatever the precision of the model.
        """

    @property
    def couples(self) -> bool:
        """Whether it compares images, so that it needs several in one lane."""
        return False

    @property
    def reads_opacity(self) -> bool:
        """Whether it reads an image's last channel as its opacity."""
        return False

    def score_of_several(self, activations: Activations, images: Float[Array, "image ..."]) -> Score:
        """Score the images of one lane together: the sum of their scores, unless the objective compares them.

        Args:
            activations: for every target its value, the image as first axis.
            images: before any transform, in [0, 1].
        """
        return jnp.sum(jax.vmap(self.score)(activations, images))

    @abc.abstractmethod
    def label(self, class_names: ClassNames = ()) -> str:
        """Return a short caption, such as `block3:12`.

        Args:
            class_names: the model's, so that a class is called by its name; without them it has a number.
        """

    def bind(self, class_names: ClassNames) -> "Objective":  # noqa: ARG002 - for those that hold a name
        """Return this objective with class names replaced by class indices.

        Args:
            class_names: the model's.

        Raises:
            ValueError: a name is unknown, or names several classes.
        """
        return self

    @abc.abstractmethod
    def check(self, shapes: Shapes) -> None:
        """Compare units, positions, vectors and weights with the model, before anything is traced.

        Args:
            shapes: for every target the shape that `score` will be given: no batch axis, the channels last.

        Raises:
            IndexError: a unit or a position is outside the layer.
            ValueError: a layer has no positions, a vector has the wrong length, or a number is not finite.
        """

    def check_image(self, shape: tuple[int, ...]) -> None:
        """Compare what the objective holds with the shape of the images that are scored, before anything is traced.

        Raises:
            ValueError: it holds an image of another shape.
        """

    def __add__(self, other: "Objective | Number") -> "Objective":
        if isinstance(other, Objective):
            return combine((self, 1.0), (other, 1.0))
        if not is_number(other):
            return NotImplemented
        # `sum` starts from 0; a traced number is added even when it may be 0, for its value is not known.
        is_zero = not isinstance(other, jax.Array) and other == 0
        return self if is_zero else combine((self, 1.0), offset=other)

    __radd__ = __add__

    def __sub__(self, other: "Objective | Number") -> "Objective":
        if isinstance(other, Objective):
            return combine((self, 1.0), (other, -1.0))
        return self + -leaf(other) if is_number(other) else NotImplemented

    def __rsub__(self, other: Number) -> "Objective":
        return -self + other if is_number(other) else NotImplemented

    def __mul__(self, other: Number) -> "Objective":
        return combine((self, other)) if is_number(other) else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> "Objective":
        return self * (1 / other) if is_number(other) else NotImplemented

    def __neg__(self) -> "Objective":
        return combine((self, -1.0))

    def __pos__(self) -> Self:
        return self


@registered(data_fields=["terms", "weights", "offset"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Combination(Objective):
    """A weighted sum of objectives and a constant: what the operators make.

    Attributes:
        terms: one or more objectives, none of which is itself a combination.
        weights: one number for each term.
        offset: the constant.
    """

    terms: tuple[Leaf, ...]
    weights: tuple[Leaf, ...]
    offset: Leaf
    kind = "sum"

    def targets(self) -> frozenset[Target]:
        """Return what any of the terms reads."""
        return frozenset[Target]().union(*(term.targets() for term in self.terms))

    def score(self, activations: Activations, image: Image) -> Score:
        """Return the weighted sum of the terms' scores and the constant."""
        total = jnp.float32(self.offset)
        for term, weight in zip(self.terms, self.weights, strict=True):
            total = total + jnp.float32(weight) * term.score(activations, image)
        return total

    @property
    def couples(self) -> bool:
        """Whether any of the terms does."""
        return any(term.couples for term in self.terms)

    @property
    def reads_opacity(self) -> bool:
        """Whether one of the terms does."""
        return any(term.reads_opacity for term in self.terms)

    def score_of_several(self, activations: Activations, images: Float[Array, "image ..."]) -> Score:
        """Return the weighted sum of the terms' scores, and the constant once for every image."""
        total = jnp.float32(self.offset) * jnp.float32(images.shape[0])
        for term, weight in zip(self.terms, self.weights, strict=True):
            total = total + jnp.float32(weight) * term.score_of_several(activations, images)
        return total

    def bind(self, class_names: ClassNames) -> Objective:
        """Bind the class names in every term."""
        return Combination(tuple(term.bind(class_names) for term in self.terms), self.weights, self.offset)

    def check(self, shapes: Shapes) -> None:
        """Check every term, and that the weights and the constant are finite."""
        for term, weight in zip(self.terms, self.weights, strict=True):
            check_finite(weight, f"The weight of {term}")
            term.check(shapes)
        check_finite(self.offset, f"The constant added to {self.terms[0]}")

    def check_image(self, shape: tuple[int, ...]) -> None:
        """Check every term."""
        for term in self.terms:
            term.check_image(shape)

    def label(self, class_names: ClassNames = ()) -> str:
        """Return the captions of the terms with their weights."""
        return written_sum(self.weights, [term.label(class_names) for term in self.terms], self.offset, times=" ")

    def expression(self) -> str:
        """Return the sum as Python writes it."""
        return written_sum(self.weights, [term.expression() for term in self.terms], self.offset, times=" * ")

    def to_json(self) -> dict[str, Any]:
        """Return the terms with their weights, and the constant."""
        terms = [
            {"weight": plain(weight), "objective": term.to_json()}
            for term, weight in zip(self.terms, self.weights, strict=True)
        ]
        return {"kind": self.kind, "terms": terms, "offset": plain(self.offset)}


def combine(*weighted: tuple[Objective, Number], offset: Number = 0.0) -> Combination:
    """Make the weighted sum of objectives, taking apart the combinations among them.

    Example:
        >>> from jaxviz.objectives import channel
        >>> combine((channel("a", 1) + channel("b", 2), 0.5), (channel("c", 3), -1), offset=4)
        0.5 * channel("a", 1) + 0.5 * channel("b", 2) - channel("c", 3) + 4
    """
    terms: list[Objective] = []
    weights: list[Leaf] = []
    total = leaf(offset)
    for objective, factor in weighted:
        scale = leaf(factor)
        if isinstance(objective, Combination):
            terms += objective.terms
            weights += [scale * weight for weight in objective.weights]
            total = total + scale * objective.offset
        else:
            terms.append(objective)
            weights.append(scale)
    return Combination(tuple(terms), tuple(weights), total)
