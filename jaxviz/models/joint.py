"""Several models as one: their programs side by side, reading the same images."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

import jax
import numpy as np

from jaxviz.models.layers import Layer, LayerTable
from jaxviz.models.model import Model
from jaxviz.models.naming import NamedOperation, NamedValue, Naming
from jaxviz.models.program import Equation, Operand, Program
from jaxviz.models.table import BATCH


def joint(models: Mapping[str, Model], *, input_shape: Sequence[int] | None = None) -> Model:
    """Make one model of several, which all look at the same image.

    An objective may then read layers of all of them, so that one picture excites units of several networks: what they
    agree on is less likely to be a quirk of one.

    The layers of each model have its name before theirs, `name/layer`, and the name alone is its class logits, or its
    last output if it has none. Each model scales the image to its own range. One that takes images of one size only
    gets the image resized, linearly; others see it as it is, whatever their usual size.

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
    wrong = [model for model in models.values() if not isinstance(model, Model)]  # pyright: ignore[reportUnnecessaryIsInstance]
    if wrong:
        raise TypeError(f"{wrong[0]!r} is no model; make one with jaxviz.wrap or jaxviz.load.")
    if len(models) < 2:
        raise ValueError(f"joint needs at least two models; {len(models)} given.")
    for name in models:
        if not name or set(name) & set("/*?#"):
            raise ValueError(f"{name!r} cannot be a model's name in layer names; give one without / * ? #.")
    shapes = {name: model.input_shape for name, model in models.items()}
    shape = tuple(input_shape or max(shapes.values(), key=math.prod))
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
        # Not the parent's constructor: the parts are traced, each by itself, and there is nothing else to trace.
        self.models = dict(models)
        self.name = " + ".join(model.name for model in models.values())
        self.input_shape = input_shape
        names = {model.class_names for model in models.values()}
        self.class_names = names.pop() if len(names) == 1 else ()
        self.logits = None
        self._parts = {name: model.for_images(input_shape) for name, model in models.items()}
        self._networks = {}
        self.weights = [weight for part in self._parts.values() for weight in part.weights]
        self._own_weights = [weight for part in self._parts.values() for weight in part._own_weights]
        self._weight_names = [f"{name}{path}" for name, part in self._parts.items() for path in part._weight_names]
        self.layers = LayerTable(self._joint_layers(), model=self.name)
        self._layer_of_value = {layer.value: layer for layer in self.layers}

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

    def _joint_layers(self) -> Iterator[Layer]:
        naming = self._trace((BATCH, *self.input_shape))[1]
        named = {layer.name: layer for layer in naming.layers}
        for name, model in self.models.items():
            # Through the matrix products that resize an image, what a layer sees cannot be followed.
            resized = _seen_resized(model.layers, model.input_shape, self.input_shape)
            for layer in resized if model.takes_one_size else self._parts[name].layers:
                here = named[f"{name}/{layer.name}"]
                yield dataclasses.replace(layer, name=here.name, aliases=here.aliases, value=here.value)

    def _trace(self, shape: tuple[int, ...]) -> tuple[Program, Naming]:
        """Put the programs of all models side by side."""
        images = jax.ShapeDtypeStruct(shape, np.float32)
        beside = _Beside(images)
        for name, part in self._parts.items():
            network = part.network(shape[1:], shape[0])
            beside.add(name, network.program, network.naming, (part.logits or part.layers[-1]).name)
        return beside.program(), beside.naming()


class _Beside:
    """Programs that read the same images, put together under one numbering of values."""

    def __init__(self, images: jax.ShapeDtypeStruct) -> None:
        self._shapes = [images]
        self._equations: list[Equation] = []
        self._weights: list[int] = []
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
        self._weights += map(moved, program.weight_values)
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
            weight_values=self._weights,
            closed_over=(),
            outputs=self._outputs,
        )

    def naming(self) -> Naming:
        """Return the names of all layers."""
        return Naming(tuple(self._layers), tuple(self._operations), self._before, None)


def _seen_resized(layers: Sequence[Layer], own_shape: Sequence[int], shape: Sequence[int]) -> Iterator[Layer]:
    """Say what layers see of images that are resized to a model's own size before it looks at them."""
    for layer in layers:
        columns = zip(layer.receptive_field, layer.stride, layer.offset, own_shape, shape, strict=False)
        fields = [_resized_field(*column) for column in columns]
        receptive_field, stride, offset = zip(*fields, strict=True)
        yield dataclasses.replace(layer, receptive_field=receptive_field, stride=stride, offset=offset)


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
