"""A model traced for one shape of a batch: what evaluates its layers."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxviz.models import lowering
from jaxviz.models.layers import Layer
from jaxviz.models.naming import Naming, unrectified
from jaxviz.models.program import Constant, Equation, Program


class Network:
    """A model traced for one shape of a batch of images: what the rendering engine evaluates.

    Attributes:
        program: The flattened program.
        naming: Its named values.
    """

    def __init__(self, program: Program, naming: Naming) -> None:
        self.program = program
        self.naming = naming
        self._values = {name: named.value for named in naming.layers for name in (named.name, *named.aliases)}

    def value(self, layer: Layer) -> int:
        """Return the number of a layer's value in this program.

        Raises:
            ValueError: For images of this size the model computes no such layer.
        """
        if not self.has(layer):
            shape = "×".join(str(extent) for extent in self.program.shapes[self.program.image_value].shape[1:])
            raise ValueError(f"The model has no layer '{layer.name}' for images of {shape}; take a larger size.")
        return self._values[layer.name]

    def has(self, layer: Layer) -> bool:
        """Return whether the program has a layer: a few operations are others for very small images."""
        return layer.name in self._values

    def wanted(self, layer: Layer, *, rectified: bool) -> tuple[int, ...]:
        """Return the values that `read` needs for a layer."""
        return tuple(_numbers(self._description(layer, rectified)))

    def shape(self, layer: Layer, *, rectified: bool) -> tuple[int, ...]:
        """Return the shape that `read` gives for one image, without the batch axis."""
        shapes = self.program.shapes
        wanted = self.wanted(layer, rectified=rectified)

        def read(*arrays: Array) -> Array:
            return self.read(dict(zip(wanted, arrays, strict=True)), layer, rectified=rectified)

        return jax.eval_shape(read, *(shapes[value] for value in wanted)).shape[1:]

    def read(self, values: Mapping[int, Array], layer: Layer, *, rectified: bool) -> Array:
        """Assemble a layer's activations `[batch, …, channel]` from evaluated values."""
        return self._oriented(_assemble(self._description(layer, rectified), values), layer)

    @functools.cached_property
    def compiled(self) -> Callable[[tuple[tuple[Layer, bool], ...], str], Callable[..., list[Array]]]:
        """Compile what reads layers, each rectified or not: `compiled(reads, name)(weights, images) -> activations`.

        The name is that of the equivalents, for `lowering.named`. What was compiled is kept with the network, and goes
        with it.
        """
        return functools.lru_cache(maxsize=64)(self._compile)

    def _compile(self, reads: tuple[tuple[Layer, bool], ...], name: str) -> Callable[..., list[Array]]:
        faster = lowering.named(name, gradient=False)
        wanted = sorted({value for layer, rectified in reads for value in self.wanted(layer, rectified=rectified)})

        @jax.jit
        def compute(weights: Sequence[Any], images: Float[Array, "batch ..."]) -> list[Array]:
            known = dict(zip(self.program.weight_values, weights, strict=True)) | {self.program.image_value: images}
            values = dict(zip(wanted, self.program.evaluate(known, wanted, lowering=faster), strict=True))
            return [self.read(values, layer, rectified=rectified) for layer, rectified in reads]

        return compute

    def _description(self, layer: Layer, rectified: bool) -> Any:
        value = self.value(layer)
        return value if rectified else unrectified(self.program, self.naming, value)

    def _oriented(self, array: Array, layer: Layer) -> Array:
        """Put the batch first and the channels last; split positions that were merged into the batch."""
        array = jnp.moveaxis(array, (layer.batch_axis, layer.channel_axis), (0, -1))
        batch = self.program.shapes[self.program.image_value].shape[0]
        if array.shape[0] != batch:
            array = array.reshape(batch, array.shape[0] // batch, *array.shape[1:])
        return array


def _numbers(description: Any) -> list[int]:
    if isinstance(description, int):
        return [description]
    if isinstance(description, Constant):
        return []
    return [number for part in description[1] for number in _numbers(part)]


def _assemble(description: Any, values: Mapping[int, Any]) -> Any:
    if isinstance(description, int):
        return values[description]
    if isinstance(description, Constant):
        return description.value
    equation: Equation = description[0]
    return equation.run([_assemble(part, values) for part in description[1]])[0]
