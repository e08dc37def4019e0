"""What every objective is: immutable data with a score, an algebra and a JSON form.

An objective is a frozen dataclass and a JAX pytree. What decides which program is compiled (the kind of
objective, the layer's name, `rectified`) is static; unit indices, positions, vectors and weights are leaves.
So objectives of one form, on one layer, can be stacked leaf by leaf and mapped with `jax.vmap`: one
compilation serves every unit.

A leaf may be a tracer, so nothing is validated when a dataclass is made: the factory functions validate what
a user writes, and `Objective.check` compares it with the model.
"""

import abc
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.objectives.values import Leaf, check_finite
from jaxviz.results.plain import plain, written

Number: TypeAlias = int | float | np.integer[Any] | np.floating[Any] | Array
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


class Objective(abc.ABC):
    """Something to maximise: data that scores one picture.

    Objectives add, subtract and are weighed by numbers; each operation makes a new objective. Two objectives
    are equal when they are written alike, whatever arrays hold their numbers; they hash accordingly.

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

    kind: ClassVar[str]
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

    def check_image(self, shape: tuple[int, ...]) -> None:  # noqa: B027 - for those that hold an image
        """Compare what the objective holds with the shape of the images that are scored, before anything is traced.

        Raises:
            ValueError: it holds an image of another shape.
        """

    def to_json(self) -> dict[str, Any]:
        """Return plain data of which `jaxviz.objectives.from_json` makes an equal objective.

        Example:
            >>> from jaxviz.objectives import channel
            >>> channel("block3", 12).to_json()
            {'kind': 'channel', 'layer': 'block3', 'index': 12, 'rectified': False}
        """
        return {"kind": self.kind} | {field.name: plain(getattr(self, field.name)) for field in _fields(self)}

    def expression(self) -> str:
        """Return the Python expression that makes this objective."""
        arguments: list[str] = []
        for field in _fields(self):
            value = plain(getattr(self, field.name))
            if field.default is MISSING:
                arguments.append(written(value))
            elif value != field.default:
                arguments.append(f"{field.name}={written(value)}")
        return f"{self.kind}({', '.join(arguments)})"

    def seed(self, *, layer_name: Callable[[str], str] = str) -> int:
        """Return 32 bits made of nothing but the objective.

        Folded into a random key they give every objective its own randomness, whatever is rendered beside
        it. Bind class names first: a class's name and its index are two ways to write one objective.

        Args:
            layer_name: gives the one name of a layer that has several, and any other text as it is.

        Example:
            >>> from jaxviz.objectives import channel
            >>> channel("block3", 12).seed()
            2165555522
        """

        def canonical(record: Any) -> Any:
            if isinstance(record, dict):
                return {key: canonical(value) for key, value in sorted(record.items())}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
            if isinstance(record, list):
                return [canonical(value) for value in record]  # pyright: ignore[reportUnknownVariableType]
            return layer_name(record) if isinstance(record, str) else record

        return zlib.crc32(json.dumps(canonical(self.to_json())).encode())

    def __str__(self) -> str:
        return self.expression()

    def __repr__(self) -> str:
        try:
            return self.expression()
        except jax.errors.TracerArrayConversionError:
            return f"<traced {self.kind}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Objective):
            return NotImplemented
        return _canonical(self) == _canonical(other)

    def __hash__(self) -> int:
        return hash(_canonical(self))

    def __add__(self, other: "Objective | Number") -> "Objective":
        if isinstance(other, Objective):
            return combine((self, 1.0), (other, 1.0))
        if not _is_number(other):
            return NotImplemented
        # `sum` starts from 0; a traced number is added even when it may be 0, for its value is not known.
        is_zero = not isinstance(other, jax.Array) and other == 0
        return self if is_zero else combine((self, 1.0), offset=other)

    __radd__ = __add__

    def __sub__(self, other: "Objective | Number") -> "Objective":
        if isinstance(other, Objective):
            return combine((self, 1.0), (other, -1.0))
        return self + -_leaf(other) if _is_number(other) else NotImplemented

    def __rsub__(self, other: Number) -> "Objective":
        return -self + other if _is_number(other) else NotImplemented

    def __mul__(self, other: Number) -> "Objective":
        return combine((self, other)) if _is_number(other) else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> "Objective":
        return self * (1 / other) if _is_number(other) else NotImplemented

    def __neg__(self) -> "Objective":
        return combine((self, -1.0))

    def __pos__(self) -> Self:
        return self


@partial(jax.tree_util.register_dataclass, data_fields=["terms", "weights", "offset"], meta_fields=[])
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
        return self._written([term.label(class_names) for term in self.terms], times=" ")

    def expression(self) -> str:
        """Return the sum as Python writes it."""
        return self._written([term.expression() for term in self.terms], times=" * ")

    def to_json(self) -> dict[str, Any]:
        """Return the terms with their weights, and the constant."""
        terms = [
            {"weight": plain(weight), "objective": term.to_json()}
            for term, weight in zip(self.terms, self.weights, strict=True)
        ]
        return {"kind": self.kind, "terms": terms, "offset": plain(self.offset)}

    def _written(self, names: list[str], *, times: str) -> str:
        weights, offset = [plain(weight) for weight in self.weights], plain(self.offset)
        if weights == [1.0] and offset == 0.0:
            return f"1{times}{names[0]}"
        parts = [
            (weight, name if abs(weight) == 1.0 else f"{written(abs(weight))}{times}{name}")
            for weight, name in zip(weights, names, strict=True)
        ]
        if offset != 0.0:
            parts.append((offset, written(abs(offset))))
        text = "".join(f"{' - ' if sign < 0 else ' + '}{part}" for sign, part in parts)
        return "-" + text[3:] if text.startswith(" - ") else text[3:]


def combine(*weighted: tuple[Objective, Number], offset: Number = 0.0) -> Combination:
    """Make the weighted sum of objectives, taking apart the combinations among them.

    Example:
        >>> from jaxviz.objectives import channel
        >>> combine((channel("a", 1) + channel("b", 2), 0.5), (channel("c", 3), -1), offset=4)
        0.5 * channel("a", 1) + 0.5 * channel("b", 2) - channel("c", 3) + 4
    """
    terms: list[Objective] = []
    weights: list[Leaf] = []
    total = _leaf(offset)
    for objective, factor in weighted:
        scale = _leaf(factor)
        if isinstance(objective, Combination):
            terms += objective.terms
            weights += [scale * weight for weight in objective.weights]
            total = total + scale * objective.offset
        else:
            terms.append(objective)
            weights.append(scale)
    return Combination(tuple(terms), tuple(weights), total)


def _is_number(value: object) -> bool:
    if isinstance(value, jax.Array):
        return value.ndim == 0
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _leaf(number: Number) -> Leaf:
    return number if isinstance(number, jax.Array) else float(number)


def _fields(objective: Any) -> tuple[Field[Any], ...]:
    return fields(objective)


def _canonical(objective: Objective) -> str:
    return json.dumps(objective.to_json(), sort_keys=True, separators=(",", ":"))
