"""The Gaussian blur, by a width that may be traced."""

import string

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxviz.transforms.base import Image
from jaxviz.transforms.values import Leaf

WIDEST_PIXELS = 64
"""The greatest standard deviation of a blur."""
# Weights this many standard deviations away are left out, as `scipy.ndimage.gaussian_filter` does.
_TRUNCATE = 4
_REACH = _TRUNCATE * WIDEST_PIXELS
_NARROWEST_PIXELS = 1e-3  # which leaves everything as it is


def gaussian_blur(image: Image, deviation_pixels: Leaf) -> Image:
    """Blur an image by a Gaussian, mirrored at its edges: `scipy.ndimage.gaussian_filter`.

    Every axis is a product with a matrix, which has the same shape whatever the width: one program blurs by any. On a
    CPU it takes as long as adding up some fifteen shifted images (docs/performance.md).

    Args:
        image: the image, or a signal or volume, which is blurred along every axis but its channels.
        deviation_pixels: standard deviation in pixels, from 0 to 64; it may be traced.

    Example:
        >>> spike = jnp.zeros((7, 7, 1)).at[3, 3, 0].set(1.0)
        >>> [round(float(value), 3) for value in gaussian_blur(spike, 0.5)[3, :, 0]]
        [0.0, 0.0, 0.084, 0.619, 0.084, 0.0, 0.0]
    """
    weights = _weights(deviation_pixels)
    matrices = [_mirrored(weights, length).astype(image.dtype) for length in image.shape[:-1]]
    count = len(matrices)
    if not count:
        return image  # a vector has no neighbours
    given, made = string.ascii_lowercase[:count], string.ascii_uppercase[:count]
    each = [f"{one}{other}" for one, other in zip(made, given, strict=True)]
    return jnp.einsum(f"{','.join(each)},{given}z->{made}z", *matrices, image, precision="highest")


def _weights(deviation_pixels: Leaf) -> Float[Array, " places"]:
    deviation = jnp.maximum(jnp.asarray(deviation_pixels, jnp.float32), _NARROWEST_PIXELS)
    places = np.arange(-_REACH, _REACH + 1, dtype=np.float32)
    near = np.abs(places) <= jnp.floor(_TRUNCATE * deviation + 0.5)
    # What is of the width alone goes first: of a single lane the compiler does so itself, wherever it stands, and the
    # last bit would not be that of a lane in company.
    steepness = -0.5 / jnp.square(deviation)
    weights = jnp.where(near, jnp.exp(np.square(places) * steepness), 0)
    return weights * (1 / jnp.sum(weights))


def _mirrored(weights: Float[Array, " places"], length: int) -> Float[Array, "length length"]:
    """Return what each pixel of an axis is given by each other one, which an edge shows once more and mirrored."""
    period = 2 * length  # of an axis that is mirrored at both ends, again and again
    around = np.arange(-_REACH, _REACH + 1) % period
    shares = jnp.zeros(period, weights.dtype).at[around].add(weights)
    made, given = np.mgrid[:length, :length]
    return shares[(made - given) % period] + shares[(made + given + 1) % period]
