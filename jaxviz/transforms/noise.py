"""Noise on the values of an image."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.pytrees import registered
from jaxviz.transforms.base import Disturbed, Image, Transform
from jaxviz.transforms.values import Leaf, limit

# Of a piece in its table, and the most numbers that a piece has: tables are a few MB at most.
_PLACES, _LONGEST = 2**16, 2**18


@registered(data_fields=["standard_deviation", "uniform"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Noise(Transform):
    """Noise added to every value of the image; made by `noise`."""

    standard_deviation: Leaf
    uniform: Leaf = None
    kind = "noise"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Add noise; the result is not clipped to [0, 1], which would cut off the gradient there."""
        noisy = image + self.standard_deviation * normal(key, image.size).reshape(image.shape).astype(image.dtype)
        if self.uniform is None:
            return noisy
        more = even(jax.random.fold_in(key, 1), image.size).reshape(image.shape)
        return noisy + self.uniform * more.astype(image.dtype)

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        return extents


def normal(key: PRNGKeyArray, count: int) -> Float[Array, " count"]:
    """Return so many numbers that are distributed as a normal variable and have nothing to do with each other.

    They are the sum of two pieces, each from a random one of 65,536 places of a table of such numbers. The places
    change with the key, so noise of one key says nothing of another's. To draw each number anew is a tenth of a step on
    a CPU; this is a hundredth. More than 262,144 numbers are made of several such sums, of which a part may come back
    at another place, mixed with other numbers.

    References:
        T. Salimans, J. Ho, X. Chen, S. Sidor, I. Sutskever: Evolution strategies as a scalable alternative to
        reinforcement learning. 2017. arXiv:1703.03864. Noise from random places of one table.
    """
    return _of_two_pieces(key, count, _normal_tables, jnp.add)


def even(key: PRNGKeyArray, count: int) -> Float[Array, " count"]:
    """Return so many numbers that lie evenly between -1 and 1, made as `normal` makes its own."""
    return _of_two_pieces(key, count, _even_tables, _wrapped_sum)


def _of_two_pieces(
    key: PRNGKeyArray,
    count: int,
    tables: Callable[[int], np.ndarray],
    combine: Callable[[Array, Array], Array],
) -> Float[Array, " count"]:
    turns = -(-count // _LONGEST)
    length = -(-count // turns)
    bits = jax.random.bits(key, (2, turns), jnp.uint32)
    places = (bits // np.uint32(2**32 // _PLACES)).astype(jnp.int32)
    # Each piece is read by itself: read together, or added up along an axis, they are not merged with what adds them
    # to the image, and a step took 10 % longer.
    first, second = (
        [lax.dynamic_slice(jnp.asarray(table), [place], [length]) for place in own]
        for table, own in zip(tables(length), places, strict=True)
    )
    return jnp.concatenate([combine(one, other) for one, other in zip(first, second, strict=True)])[:count]


def _wrapped_sum(one: Array, other: Array) -> Array:
    """Return the sum, on a circle from -1 to 1: it lies as evenly as its parts."""
    total = one + other
    return total - 2 * jnp.floor((total + 1) / 2)


@functools.lru_cache(maxsize=8)
def _normal_tables(length: int) -> np.ndarray:
    """Return two tables for pieces of a length, of normal numbers; the sum of two has variance one."""
    # Of NumPy's generators this alone promises to give the same numbers for ever.
    numbers = np.random.RandomState(0).standard_normal((2, _PLACES + length))
    return (numbers / np.sqrt(2)).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _even_tables(length: int) -> np.ndarray:
    """Return two tables for pieces of a length, of numbers that lie evenly between -1 and 1."""
    return np.random.RandomState(1).uniform(-1, 1, (2, _PLACES + length)).astype(np.float32)


def noise(standard_deviation: float, *, uniform: float | None = None) -> Noise:
    """Add Gaussian noise to every value of the image.

    Detail that is fainter than the noise no longer pays, so what a picture shows has to be strong: a cure for the
    speckle that networks with depthwise convolutions like (Smilkov et al. 2017 average gradients over such noise).

    Args:
        standard_deviation: of the noise, where the image's values are in [0, 1].
        uniform: adds even noise besides, from minus to plus this, as implementations of MaCo do; none if None.

    Raises:
        ValueError: a number is negative or not finite.

    References:
        D. Smilkov, N. Thorat, B. Kim, F. Viégas, M. Wattenberg: SmoothGrad: removing noise by adding noise. 2017.
        arXiv:1706.03825

    Example:
        >>> import jax
        >>> noise(0.1)(jax.random.key(0), jax.numpy.zeros((4, 5, 3))).shape
        (4, 5, 3)
    """
    even = None if uniform is None else limit(uniform, "The greatest even noise")
    return Noise(limit(standard_deviation, "The standard deviation"), even)
