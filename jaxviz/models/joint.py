"""Several models as one: their programs side by side, reading the same images."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import jax
import numpy as np

from jaxviz.models.adaptation import Adapted
from jaxviz.models.agreement import agreed_class_names, agreed_data, agreed_range, agreed_view
from jaxviz.models.images import checked_input_shape
from jaxviz.models.layers import Layer, LayerTable
from jaxviz.models.model import Model
from jaxviz.models.naming import NamedOperation, NamedValue, Naming
from jaxviz.models.program import Equation, Operand, Program


def joint(models: Mapping[str, Model], *, input_shape: Sequence[int] | None = None) -> Model:
    """Make one model of several, which all look at the same image.

    An objective may then read layers of all of them, so that one picture excites units of several networks: what they
    agree on is less likely to be a quirk of one.

    The layers of each model have its name before theirs, `name/layer`, and the name alone is its class logits, or its
    last output if it has none. Each model scales the image to its own range. One that takes images of one size only
    gets the image resized, linearly; others see it as it is, whatever their usual size.

    Kept is what all models agree on: `bands` or `feature_names`, `value_range`, and what was measured of `data`, which
    some may lack if all ranges are equal. Nothing is kept of what they differ in.

    Args:
        models: The models by the names that they shall have; at least two. The models are not changed.
        input_shape: Shape of one image; default that of the model with the largest.

    Returns:
        The joint model. Nothing is computed and nothing is compiled.

    Raises:
        TypeError: Something in it is no model.
        ValueError: There are fewer than two, a name is not usable, or their images differ in more than their size.

    References:
        What is made for several networks at once convinces others too: Y. Liu, X. Chen, C. Liu, D. Song: Delving into
        Transferable Adversarial Examples and Black-box Attacks. ICLR, 2017.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> bright = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 3))
        >>> edges = jaxviz.wrap(lambda images: jnp.tanh(images[:, 1:] - images[:, :-1]), input_shape=(16, 16, 3))
        >>> both = jaxviz.joint({"bright": bright, "edges": edges})
        >>> both.layers.names
        ('bright/mean', 'edges/tanh')
        >>> objective = jaxviz.channel("bright", 0) + 2 * jaxviz.channel("edges", 1)
        >>> jaxviz.render(both, objective, steps=2, size=16, progress=False).labels
        ('bright:0 + 2 edges:1',)
    """
    if not isinstance(models, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError("joint takes the models by their names, as in joint({'a': one, 'b': two}).")
    wrong = [model for model in models.values() if not isinstance(model, Model)]  # pyright: ignore[reportUnnecessaryIsInstance]
    if wrong:
        raise TypeError(f"{wrong[0]!r} is no model; make one with jaxviz.wrap or jaxviz.load.")
    if len(models) < 2:
        raise ValueError(f"joint needs at least two models; {len(models)} given.")
    for name in models:
        if not name or set(name) & set("/*?#"):
            raise ValueError(f"{name!r} cannot be a model's name in layer names; give one without / * ? #.")
    shapes = {name: model.input_shape for name, model in models.items()}
    shape = max(shapes.values(), key=math.prod) if input_shape is None else checked_input_shape(input_shape)
    if any((len(other), other[-1]) != (len(shape), shape[-1]) for other in shapes.values()):
        raise ValueError(
            f"The models' images differ in more than their size: {shapes}. Wrap one with a preprocess that makes what "
            "it takes of images as the other's are."
        )
    return JointModel(models, shape)


class JointModel(Model):
    """Several models that look at the same image; made by `jaxviz.joint`.

    Attributes:
        models: The models by name, as they were given.
    """

    def __init__(self, models: Mapping[str, Model], input_shape: tuple[int, ...]) -> None:
        self.models = dict(models)
        self._parts = {name: model.for_images(input_shape) for name, model in models.items()}
        parts = list(models.values())
        super().__init__(
            Adapted(_never_called, [part._own_weights for part in self._parts.values()], "joint"),
            input_shape=input_shape,
            preprocess=_never_called,
            class_names=agreed_class_names(parts),
            name=" + ".join(model.name for model in parts),
            view=agreed_view(parts),
            value_range=agreed_range(parts),
            data=agreed_data(parts),
        )
        self._weight_names = [f"{name}{path}" for name, part in self._parts.items() for path in part._weight_names]
        self.layers = LayerTable(map(self._as_seen, self.layers), model=self.name)

    def for_images(self, input_shape: tuple[int, ...]) -> Model:
        """Return the same models for images of another shape."""
        return self if input_shape == self.input_shape else JointModel(self.models, input_shape)

    @property
    def named_classes(self) -> Mapping[str, tuple[str, ...]]:
        """The names of each model's classes, by the model's name in layer names."""
        found: dict[str, tuple[str, ...]] = {}
        for name, model in self.models.items():
            named = model.named_classes
            found |= (
                {f"{name}/{inner}": names for inner, names in named.items()}
                if isinstance(named, Mapping)
                else {name: named}
            )
        return found

    def class_layer(self, layer: Layer) -> str | None:
        """Return the name of the logits of the model whose classes a layer's units are, or None."""
        name, _, own_name = layer.name.partition("/")
        found = self.models[name].class_layer(self.models[name].layers.named(own_name))
        return None if found is None else f"{name}/{found}".removesuffix("/")

    def class_logits(self) -> Layer:
        """Refuse: which model's is not said."""
        names = " or ".join(f"'{name}'" for name in self.models)
        raise ValueError(f"Each of the joint models has class logits. Say whose you mean, by layer={names}.")

    def _as_seen(self, layer: Layer) -> Layer:
        """Describe a layer behind a resizing as its own model does: positions are lost in the products that resize."""
        name, _, own_name = layer.name.partition("/")
        model = self.models[name]
        if not model.takes_one_size:
            return layer
        own = model.layers.named(own_name)
        columns = zip(own.receptive_field, own.stride, own.offset, model.input_shape, self.input_shape, strict=False)
        receptive_field, stride, offset = zip(*(_resized_field(*column) for column in columns), strict=True)
        return dataclasses.replace(
            own,
            name=layer.name,
            aliases=layer.aliases,
            value=layer.value,
            receptive_field=receptive_field,
            stride=stride,
            offset=offset,
        )

    def _trace(self, shape: tuple[int, ...]) -> tuple[Program, Naming]:
        """Put the programs of all models side by side."""
        beside = _Beside(jax.ShapeDtypeStruct(shape, np.float32))
        for name, part in self._parts.items():
            network = part.network(shape[1:], shape[0])
            beside.add(name, network.program, network.naming, (part.logits or part.layers[-1]).name)
        return beside.program(), beside.naming()


def _never_called(*_: Any) -> NoReturn:
    """Stand for a function where there is none: the models of a joint one are traced by themselves."""
    raise AssertionError("A joint model has no function of its own.")


class _Beside:
    """Programs that read the same images, put together under one numbering of values."""

    def __init__(self, images: jax.ShapeDtypeStruct) -> None:
        self._shapes = [images]
        self._equations: list[Equation] = []
        self._own_weights: list[int] = []
        self._closed_values: list[int] = []
        self._closed_over: list[Any] = []
        self._outputs: list[int] = []
        self._layers: list[NamedValue] = []
        self._operations: list[NamedOperation] = []
        self._before: dict[int, int] = {}

    def add(self, name: str, program: Program, naming: Naming, face: str) -> None:
        """Add a program.

        Args:
            name: What goes before the names of its layers.
            program: The program.
            naming: Its layers.
            face: The layer that goes by the name alone.
        """
        first = len(self._shapes)

        def moved(value: int) -> int:
            return 0 if value == program.image_value else first + value

        def operand(operand: Operand) -> Operand:
            return moved(operand) if isinstance(operand, int) else operand

        self._shapes += program.shapes
        self._equations += [
            dataclasses.replace(
                equation,
                operands=tuple(map(operand, equation.operands)),
                results=tuple(map(moved, equation.results)),
            )
            for equation in program.equations
        ]
        own = len(program.weight_values) - len(program.closed_over)
        self._own_weights += map(moved, program.weight_values[:own])
        self._closed_values += map(moved, program.weight_values[own:])
        self._closed_over += program.closed_over
        self._outputs += map(moved, program.outputs)
        self._layers += [
            NamedValue(
                f"{name}/{layer.name}",
                (*(f"{name}/{alias}" for alias in layer.aliases), *([name] if layer.name == face else [])),
                layer.kind,
                moved(layer.value),
            )
            for layer in naming.layers
        ]
        self._operations += [
            NamedOperation(item.name, moved(item.value), moved(item.reads)) for item in naming.operations
        ]
        self._before |= {moved(value): moved(before) for value, before in naming.before_rectifier.items()}

    def program(self) -> Program:
        """Return the programs as one."""
        return Program(
            self._equations,
            self._shapes,
            image_value=0,
            weight_values=[*self._own_weights, *self._closed_values],
            closed_over=self._closed_over,
            outputs=self._outputs,
        )

    def naming(self) -> Naming:
        """Return the names of all layers."""
        return Naming(tuple(self._layers), tuple(self._operations), self._before, ())


def _resized_field(
    size: int, stride: float | None, offset: float | None, own_extent: int, extent: int
) -> tuple[int, float | None, float | None]:
    """Follow what a position sees along one dimension through the resizing; a resized pixel is a mean of neighbours."""
    if stride is None or offset is None:
        return extent, None, None
    factor = extent / own_extent
    if factor == 1:
        return size, stride, offset
    reach = max(factor, 1.0)  # linear interpolation, smoothed where pixels become fewer
    first = (offset + 0.5) * factor - 0.5 - reach
    last = (offset + size - 0.5) * factor - 0.5 + reach
    return min(math.ceil(last - first), extent), stride * factor, math.floor(first) + 1
