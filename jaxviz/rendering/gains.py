"""Let the channels of a network have gains behind its activation functions (`jaxviz.transforms.gains`)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxviz.models import Model
from jaxviz.models.program import Lowering, Program, Replacement

# As `jax.nn` calls them, and what `jaxviz.models` recognises where it is written out.
_ACTIVATIONS = frozenset(
    "relu relu6 leaky_relu elu celu selu gelu silu swish mish softplus squareplus sparse_plus soft_sign sigmoid tanh "
    "hard_silu hard_swish hard_sigmoid hard_tanh erf".split()
)


class Gained(NamedTuple):
    """A value of a network whose channels have gains.

    Attributes:
        value: Its number.
        image_axis: The axis that counts the images, or that their positions were merged into.
        channel_axis: The axis of its channels.
        first: The first of its channels among all that have gains.
        channels: How many it has.
    """

    value: int
    image_axis: int
    channel_axis: int
    first: int
    channels: int

    def shaped(self, gains: Float[Array, "image channel"], shape: Sequence[int]) -> Array:
        """Give its channels' gains a shape that broadcasts to the value's."""
        own = gains[:, self.first : self.first + self.channels]
        merged = shape[self.image_axis] // len(own)
        own = own if merged == 1 else jnp.repeat(own, merged, axis=0)
        own = own if self.image_axis < self.channel_axis else own.T
        axes = (self.image_axis, self.channel_axis)
        return own.reshape([extent if axis in axes else 1 for axis, extent in enumerate(shape)])


def gained(model: Model, image_shape: Sequence[int], batch: int, wanted: Sequence[int]) -> tuple[Gained, ...]:
    """Return the values behind activation functions on the way to some values, without those themselves.

    Args:
        model: The model.
        image_shape: Shape of an image.
        batch: Number of images.
        wanted: Numbers of the values that objectives read.
    """
    network = model.network(image_shape, batch)
    program = network.program
    computed = {value for equation in program.needed(wanted) for value in equation.results} - set(wanted)
    there = [layer for layer in model.layers if network.has(layer)]
    channel_axes = {network.value(layer): layer.channel_axis for layer in there}
    found: list[Gained] = []
    for operation in network.naming.operations:
        axis = model.image_axis(image_shape, operation.value)
        if operation.name not in _ACTIVATIONS or operation.value not in computed or axis is None:
            continue
        shape = program.shapes[operation.value].shape
        channel_axis = channel_axes.get(operation.value, len(shape) - 1)
        if channel_axis != axis:
            first = found[-1].first + found[-1].channels if found else 0
            found.append(Gained(operation.value, axis, channel_axis, first, shape[channel_axis]))
    return tuple(found)


def computed_once(gains: Float[Array, "image channel"], step: Int[Array, " image"]) -> Float[Array, "image channel"]:
    """Return the gains so that a CPU computes them once.

    XLA merges cheap computations into what reads them, there for each of the taps of a convolution: a step took twice
    as long. It takes barriers away, but not a loop of whose length it knows nothing.

    Args:
        gains: As they were drawn.
        step: The step of each image, zero or more, which the compiler does not know.
    """
    if not gains.shape[1] or jax.default_backend() != "cpu":
        return gains
    length = 1 + jnp.minimum(step[0], 0)

    def draw(turn: Array, kept: Array) -> Array:  # noqa: ARG001 - of the one turn
        return gains

    return cast(Array, jax.lax.fori_loop(0, length, draw, jnp.zeros_like(gains)))


def with_gains(
    program: Program,
    values: Sequence[Gained],
    gains: Float[Array, "image channel"],
    replaced: Mapping[int, Replacement],
    lowering: Lowering | None,
) -> dict[int, Replacement]:
    """Return what computes the values with their gains, beside what is replaced already."""

    def disturbed(item: Gained) -> Replacement:
        before = replaced.get(item.value)

        def compute(known: Mapping[int, Array]) -> Array:
            if before is None:
                (array,) = program.run(program.maker[item.value], known, lowering)
            else:
                array = before(known)
            return array * item.shaped(gains, array.shape).astype(array.dtype)

        return compute

    return {**replaced, **{item.value: disturbed(item) for item in values}}
