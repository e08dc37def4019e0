"""From free colours to an image: the published colours of natural images, and the squashing to [0, 1].

References:
    C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017. doi:10.23915/distill.00007
    lucid 0.3.10, `lucid/optvis/param/color.py` (Apache-2.0), from which the numbers are.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

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


def to_unit_range(free: Float[Array, "..."]) -> Float[Array, "..."]:
    """Squash unbounded colours to [0, 1] by the logistic function; 0 becomes 0.5, a mid grey.

    Example:
        >>> to_unit_range(jnp.array([-100.0, 0.0, 100.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    return jax.nn.sigmoid(free)
