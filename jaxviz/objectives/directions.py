"""Objectives on directions in the space of a layer's channels: given, or drawn at random."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.objectives.base import Score, Shapes
from jaxviz.objectives.layer import LayerObjective
from jaxviz.objectives.values import Leaf, check_finite, cosine_power_of, layer_name, whole_number
from jaxviz.pytrees import registered

# Of a cosine, below which `direction` counts it as this much (lucid 0.3.10): away from the direction the
# gradient still points back to it.
_LEAST_COSINE = 0.1


@registered(
    data_fields=["vector", "cosine_power"],
    meta_fields=["layer", "rectified"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Direction(LayerObjective):
    """A direction in the space of a layer's channels; made by `direction`."""

    layer: str
    vector: Leaf
    cosine_power: Leaf = 0.0
    rectified: bool = False
    kind = "direction"

    def of_activation(self, activation: Float[Array, "*position channel"]) -> Score:
        """Return the mean over positions of the dot product times the power of the cosine."""
        return toward(activation, jnp.float32(self.vector), self.cosine_power)

    def check(self, shapes: Shapes) -> None:
        """Check that the vector is finite and has one number for each channel."""
        length, channels = len(self.vector), shapes[self.target][-1]
        if length != channels:
            raise ValueError(
                f"The direction has {length} numbers, but layer {self.layer!r} has {channels} channels. "
                "Give one number for each channel."
            )
        check_finite(self.vector, f"The direction for layer {self.layer!r}")
        check_finite(self.cosine_power, "The cosine power")


def direction(
    layer: str,
    vector: Sequence[float] | np.ndarray[Any, np.dtype[Any]] | Array,
    *,
    cosine_power: float = 0.0,
    rectified: bool = False,
) -> Direction:
    """Maximise a direction in the space of a layer's channels.

    With activation `a` at a position, vector `v` and cosine power `p` the score is the mean over positions of
    `(a . v) * max(cos(a, v), 0.1) ** p`. Zero is the plain dot product, which a few strong channels may win;
    the greater the power, the more the whole pattern of channels has to agree.

    Args:
        layer: a name from `model.layers`.
        vector: one number for each channel.
        cosine_power: `p`, zero or more.
        rectified: on a rectifier's output, climb the rectified value and not the one before it.

    References:
        S. Carter et al.: Activation Atlas. Distill, 2019. lucid 0.3.10, `objectives.direction`; it adds 1e-4
        to the lengths, so their gradient is undefined where the activation is zero. Here 1e-8 is added to the
        squared lengths, and it is zero there.

    Example:
        >>> direction("block3", [0, 1, -0.5], cosine_power=2)
        direction("block3", [0, 1, -0.5], cosine_power=2)
    """
    numbers = np.array(vector, np.float32)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(f"A direction has one number for each channel, so one axis; this has {numbers.shape}.")
    numbers.flags.writeable = False
    return Direction(layer_name(layer), numbers, cosine_power_of(cosine_power), rectified)


def random_direction(
    key: int | np.integer[Any] | Array, layer: str, channels: int, *, cosine_power: float = 0.0
) -> Direction:
    """Draw a direction of length one, all directions being as likely.

    A layer's channels and random directions are climbed alike: whether channels are easier to name than random
    directions is a test of whether they mean something by themselves.

    Args:
        key: a JAX key, or a whole number.
        layer: a name from `model.layers`.
        channels: of the layer.
        cosine_power: as in `direction`.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017, section "Interaction between
        Neurons".

    Example:
        >>> vector = random_direction(0, "block3", 8).vector
        >>> vector.shape, round(float(np.linalg.norm(vector)), 3)
        ((8,), 1.0)
    """
    if whole_number(channels, "number of channels") < 1:
        raise ValueError("A direction needs at least one channel.")
    key = jax.random.key(int(key)) if isinstance(key, int | np.integer) else key
    drawn = jax.random.normal(key, (channels,), jnp.float32)
    vector = np.asarray(drawn, np.float64)
    return direction(layer, vector / np.linalg.norm(vector), cosine_power=cosine_power)


def toward(
    activation: Float[Array, "*position channel"], vectors: Float[Array, "*vectors channel"], cosine_power: Leaf
) -> Score:
    """Return the mean over positions of the dot product with a vector times a power of the cosine.

    Args:
        activation: of a layer.
        vectors: one for every position, or the same for all.
        cosine_power: zero or more.
    """
    return jnp.mean(_toward(activation.astype(jnp.float32), vectors, jnp.float32(cosine_power)))


def _at_each_position(
    activation: Float[Array, "*position channel"], vectors: Float[Array, "*vectors channel"], power: Float[Array, ""]
) -> Float[Array, "*position"]:
    product = _product(activation, vectors)
    cosine = product / (_length(activation) * _length(vectors))
    return product * jnp.maximum(cosine, _LEAST_COSINE) ** power


def _forward(activation: Array, vectors: Array, power: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return _at_each_position(activation, vectors, power), (activation, vectors, power)


def _backward(kept: tuple[Array, Array, Array], cotangent: Array) -> tuple[Array, Array, Array]:
    """Pull back as JAX would, but for the order in which the gradient of the activation is computed.

    JAX's is a sum of two products, of which the processor rounds but one, now this and now that, depending on how many
    lanes there are: a unit's picture would be other bits in company. Here there is one product.
    """
    activation, vectors, power = kept
    product, length = _product(activation, vectors), _length(activation)
    cosine = product / (length * _length(vectors))
    bent = jnp.where(cosine > _LEAST_COSINE, power, 0)
    along = cotangent * jnp.maximum(cosine, _LEAST_COSINE) ** power * (1 + bent)
    away = bent / (1 + bent) * product / jnp.square(length)
    slope = along[..., None] * (jnp.broadcast_to(vectors, activation.shape) - away[..., None] * activation)
    others = functools.partial(_at_each_position, activation)
    of_vectors, of_power = cast(Any, jax.vjp)(others, vectors, power)[1](cotangent)
    return slope, of_vectors, of_power


_differentiable: Any = jax.custom_vjp
_toward = _differentiable(_at_each_position)
_toward.defvjp(_forward, _backward)


def _product(
    activation: Float[Array, "*position channel"], vectors: Float[Array, "*vectors channel"]
) -> Float[Array, "*position"]:
    if vectors.ndim == 1:
        return jnp.matmul(activation, vectors, precision="highest")
    return jnp.sum(activation * vectors, axis=-1)


def _length(vectors: Float[Array, "*vectors channel"]) -> Float[Array, "*vectors"]:
    if vectors.ndim > 1:
        return jnp.sqrt(jnp.sum(jnp.square(vectors), axis=-1) + 1e-8)
    # Of one vector a lane, the processor rounds some of the squares, and of more lanes others; so that none is rounded:
    with jax.enable_x64(True):
        squared = jnp.sum(jnp.square(vectors.astype(jnp.float64)))
        return jnp.sqrt(squared.astype(jnp.float32) + 1e-8)
