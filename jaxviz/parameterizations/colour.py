"""From free colours to RGB: the published decorrelation of natural image colours, and the squashing to [0, 1].

References:
    C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017.
    lucid 0.3.10, `lucid/optvis/param/color.py` (Apache-2.0), where the matrix is `color_correlation_svd_sqrt`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

COLOUR_CORRELATION_ROOT = np.array(
    [[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=np.float32
)
DECORRELATED_TO_RGB = COLOUR_CORRELATION_ROOT / np.linalg.norm(COLOUR_CORRELATION_ROOT, axis=0).max()


def decorrelated_to_rgb(image: Float[Array, "*position 3"]) -> Float[Array, "*position 3"]:
    """Turn decorrelated colours into correlated RGB colours, neither bounded."""
    return image @ jnp.asarray(DECORRELATED_TO_RGB).T


def to_unit_range(image: Float[Array, "*position channel"], *, decorrelated: bool) -> Float[Array, "*position channel"]:
    """Turn free colours into an image in [0, 1]; only three channels have correlated colours."""
    if decorrelated and image.shape[-1] == 3:
        image = decorrelated_to_rgb(image)
    return jax.nn.sigmoid(image)
