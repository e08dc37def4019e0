"""From free colours to an image: the published colours of natural images, and the squashing to [0, 1].

References:
    C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017. doi:10.23915/distill.00007
    lucid 0.3.10, `lucid/optvis/param/color.py` (Apache-2.0), from which the numbers are.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxviz.parameterizations.base import Leaf
from jaxviz.results.statistics import colour_root

# `color_correlation_svd_sqrt` in lucid: a root of the correlation of colours in ImageNet. A row is a colour
# (red, green, blue), a column a decorrelated component: brightness, red against blue, green against both.
_CORRELATION_ROOT = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
# As in lucid, the longest column, which is that of brightness, gets the length one.
DECORRELATED_TO_RGB = _CORRELATION_ROOT / np.linalg.norm(_CORRELATION_ROOT, axis=0).max()
RGB_TO_DECORRELATED = cast(np.ndarray[Any, Any], np.linalg.inv(DECORRELATED_TO_RGB))


def decorrelated_to_rgb(free: Float[Array, "..."], *, axis: int = -1) -> Float[Array, "..."]:
    """Turn three uncorrelated components into red, green and blue that vary together as in natural images.

    Free variables that move independently then move along the colours that photographs have: mostly brighter
    and darker, less from red to blue, least from green to magenta.

    Args:
        free: unbounded components.
        axis: the axis of the three components, and of the three colours in the result.

    Returns:
        Unbounded colours of the same shape.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017, section "Preconditioning
        and Parameterization".

    Example:
        >>> brightness = jnp.array([1.0, 0.0, 0.0])
        >>> [f"{colour:.4f}" for colour in decorrelated_to_rgb(brightness)]
        ['0.5628', '0.5845', '0.5845']
    """
    # Written out, because the product with a matrix is several times slower on a CPU, and inexact on a GPU.
    first, second, third = (lax.index_in_dim(free, component, axis, keepdims=False) for component in range(3))
    shares: list[list[float]] = DECORRELATED_TO_RGB.tolist()
    colours = [row[0] * first + row[1] * second + row[2] * third for row in shares]
    return jnp.stack(colours, axis)


def measure_colours(images: Any) -> np.ndarray[Any, Any]:
    """Measure how the channels of images vary together, for `fourier(colours=...)` and the other parameterizations.

    Args:
        images: `[batch, height, width, channel]` in [0, 1], some hundred of the data that the model was trained on;
            or signals or volumes. Any number of channels.

    Returns:
        A root of the covariance of the channels, scaled like the published matrix: a row is a channel, a column an
        uncorrelated component, the one that varies most first and of length one. One free step along a component
        changes the image as much as the data vary along it; where they do not vary, because a channel is constant or a
        copy of another, a thousandth of what it does along the first.

    Raises:
        ValueError: there are no images, or they are constant or not finite.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017. lucid 0.3.10 ships the result for
        ImageNet, captum's unreleased `dataset_klt_matrix` measures it.

    Example:
        >>> generator = np.random.default_rng(0)
        >>> brightness = generator.uniform(size=(4, 8, 8, 1))  # of three channels that are all alike
        >>> bool(np.allclose(measure_colours(np.tile(brightness, 3)), [[0.57735, 0, 0]] * 3, atol=1e-3))
        True
    """
    array: np.ndarray[Any, Any] = np.asarray(images, np.float64)
    if array.ndim < 2 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"The images have shape {array.shape}; give finite numbers, [batch, height, width, channel].")
    values = array.reshape(-1, array.shape[-1])
    covariance = np.atleast_2d(np.cov(values.T, bias=True))
    return colour_root(covariance)


def mixing(decorrelated: bool, colours: Leaf, axes: int, channels: int) -> Callable[[Array, int], Array]:
    """Return the function that mixes uncorrelated components, found along an axis, into an image's channels.

    Args:
        decorrelated: whether the three channels of an image are mixed by the published matrix.
        colours: a matrix to mix by instead, or None.
        axes: of positions: two of an image.
        channels: of the image.
    """
    if colours is not None:
        if jnp.shape(colours) != (channels, channels):
            given = "×".join(str(extent) for extent in jnp.shape(colours))
            raise ValueError(f"The colours are a matrix of {given}, the image has {channels} channels.")
        matrix = jnp.float32(colours)

        def mix(free: Array, axis: int) -> Array:
            components = [lax.index_in_dim(free, component, axis, keepdims=False) for component in range(channels)]
            mixed = [
                functools.reduce(operator.add, [matrix[row, column] * part for column, part in enumerate(components)])
                for row in range(channels)
            ]
            return jnp.stack(mixed, axis)

        return mix
    if decorrelated and axes == 2 and channels == 3:
        return lambda free, axis: decorrelated_to_rgb(free, axis=axis)
    return lambda free, _: free


def unmixing(decorrelated: bool, colours: Leaf, axes: int, channels: int) -> Callable[[Array], Array]:
    """Return the inverse of `mixing`, along the last axis; components that no image holds are zero."""
    mix = mixing(decorrelated, colours, axes, channels)
    inverse = jnp.linalg.pinv(mix(jnp.eye(channels, dtype=jnp.float32), -1).T)
    return lambda mixed: jnp.matmul(mixed, inverse.T, precision="highest")


def checked_colours(colours: Any, *, decorrelated: bool) -> np.ndarray[Any, Any] | None:
    """Return a matrix of colours as an array, or say what is wrong with it, or that nothing is to be decorrelated."""
    if colours is None:
        return None
    if not decorrelated:
        raise ValueError("colours say how channels are decorrelated; leave them out, or decorrelated=False.")
    matrix = np.array(colours, np.float32)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ValueError(
            f"The colours have shape {matrix.shape}; give the finite square matrix that measure_colours returns."
        )
    matrix.flags.writeable = False
    return matrix


def to_unit_range(free: Float[Array, "..."]) -> Float[Array, "..."]:
    """Squash unbounded colours to [0, 1] by the logistic function; 0 becomes 0.5, a mid grey.

    Example:
        >>> to_unit_range(jnp.array([-100.0, 0.0, 100.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    return jax.nn.sigmoid(free)


def to_free(image: Float[Array, "..."]) -> Float[Array, "..."]:
    """Undo `to_unit_range`, for values between 0 and 1.

    Example:
        >>> to_free(to_unit_range(jnp.array([-2.0, 0.5]))).round(3).tolist()
        [-2.0, 0.5]
    """
    return jnp.log(image) - jnp.log1p(-image)


def cut_to_unit_range(free: Float[Array, "..."]) -> Float[Array, "..."]:
    """Cut unbounded colours off at 0 and 1; the gradient goes through, so that what is cut off can come back.

    Example:
        >>> cut_to_unit_range(jnp.array([-1.0, 0.25, 3.0])).tolist()
        [0.0, 0.25, 1.0]
    """
    return free + lax.stop_gradient(jnp.clip(free, 0, 1) - free)
