"""The objective on a class: an index among the logits, or a name that becomes one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxviz.objectives.base import ClassNames, Objective, Score, Shapes
from jaxviz.objectives.layer import LayerObjective
from jaxviz.objectives.values import Leaf, whole_number
from jaxviz.pytrees import registered
from jaxviz.results.class_names import class_index
from jaxviz.results.plain import plain


@registered(data_fields=["index"], meta_fields=["layer"])
@dataclass(frozen=True, eq=False, repr=False)
class ClassLogit(LayerObjective):
    """The logit of one class; made by `class_logit`. `bind` turns a name into an index."""

    index: Leaf
    layer: str = ""
    kind = "class_logit"
    rectified = False  # not a field: no rectifier follows the logits

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return the logit; where a network has logits at several positions, their mean."""
        return jnp.mean(activation[..., self.index].astype(jnp.float32))

    def bind(self, class_names: ClassNames) -> Objective:
        """Look the class's name up."""
        if not isinstance(self.index, str):
            return self
        if not self.layer and isinstance(class_names, Mapping):
            names = " or ".join(f"'{name}'" for name in class_names)
            raise ValueError(f"Say whose class {self.index!r} is: class_logit({self.index!r}, layer={names}).")
        return replace(self, index=class_index(self.index, _names(class_names, self.layer)))

    def check(self, shapes: Shapes) -> None:
        """Check that the model has this class."""
        classes = shapes[self.target][-1]
        if not 0 <= self.index < classes:
            raise IndexError(
                f"Class {self.index} is out of range: the model has {classes} classes (0 to {classes - 1})."
            )

    def label(self, class_names: ClassNames = ()) -> str:
        """Return the class's name, or its number where it has none."""
        if isinstance(self.index, str):
            return self.index
        index: int = plain(self.index)
        names = _names(class_names, self.layer)
        name = names[index] if index < len(names) else f"class {index}"
        return name if isinstance(class_names, tuple) else f"{self.layer}: {name}"


@registered(data_fields=["index"], meta_fields=["layer"])
@dataclass(frozen=True, eq=False, repr=False)
class ClassProbability(ClassLogit):
    """The probability of one class; made by `class_probability`."""

    kind = "class_probability"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return the share of the class in the softmax of the logits; over several positions the mean."""
        return jnp.mean(jax.nn.softmax(activation.astype(jnp.float32), axis=-1)[..., self.index])

    def label(self, class_names: ClassNames = ()) -> str:
        """Return the class's name and that it is its probability."""
        return f"{super().label(class_names)} (probability)"


def class_logit(index: int | str, *, layer: str = "") -> ClassLogit:
    """Maximise the logit of a class: the model's output before any softmax.

    A softmax would be climbed by suppressing the other classes as well (Olah et al., 2017).

    Args:
        index: the class, from 0, or its name. A name is looked up among the model's class names, first as it
            is, then without regard to case and as one of the synonyms that commas separate.
        layer: where the logits are; by default the model's output.

    Example:
        >>> objective = class_logit("tabby")
        >>> objective.bind(("tench", "tabby, tabby cat"))
        class_logit(1)
        >>> objective.bind(("tench", "tabby, tabby cat")).label(("tench", "tabby, tabby cat"))
        'tabby, tabby cat'
    """
    return ClassLogit(index if isinstance(index, str) else whole_number(index, "index"), layer)


def class_probability(index: int | str, *, layer: str = "") -> ClassProbability:
    """Maximise the probability of a class: the softmax of the logits.

    `class_logit` makes better pictures. A probability rises as well by making all other classes less likely, which
    needs no trace of this one in the picture; and where a class is very unlikely, or nearly certain, the gradient of
    its probability vanishes, so that the climb does not start, or stops.

    Args:
        index: the class, from 0, or its name, as in `class_logit`.
        layer: where the logits are; by default the model's output before any softmax.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017, section "Optimization Objectives".

    Example:
        >>> round(float(class_probability(1).of_activation(jnp.array([0.0, 0.0, 0.0, 0.0]))), 3)
        0.25
    """
    return ClassProbability(index if isinstance(index, str) else whole_number(index, "index"), layer)


def _names(class_names: ClassNames, layer: str) -> tuple[str, ...]:
    """Return the names of the classes whose logits a layer is."""
    if isinstance(class_names, tuple):
        return class_names
    parts = layer.split("/")
    beginnings = ("/".join(parts[:depth]) for depth in range(len(parts), 0, -1))
    return next((class_names[beginning] for beginning in beginnings if beginning in class_names), ())
