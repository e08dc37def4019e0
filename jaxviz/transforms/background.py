"""A random background behind a picture that is transparent in places."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.pytrees import registered
from jaxviz.transforms.base import Disturbed, Image, Transform, only_images
from jaxviz.transforms.values import Leaf, limit


@registered(data_fields=["contrast"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Background(Transform):
    """A random background behind the picture; made by `background`."""

    contrast: Leaf
    kind = "background"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Lay the colours over a background, by the opacity in the last channel, which is used up."""
        only_images(self, image.shape[:-1])
        colours, opacity = image[..., :-1], image[..., -1:]
        behind = cloud(key, colours.shape, self.contrast).astype(image.dtype)
        return behind + opacity * (colours - behind)

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        only_images(self, extents)
        return extents


def background(*, contrast: float = 1.0) -> Background:
    """Lay a picture of `transparent` over a new random background in every step.

    What is behind a transparent place cannot be foreseen, so only what is opaque can excite a unit for sure. `render`
    puts this first among the transforms of a `transparent` picture, unless one is among them already.

    Args:
        contrast: Standard deviation of the background, a cloud whose waves have the amplitude 1/f, before it is
            squashed to [0, 1]; its mean is drawn from the same distribution.

    References:
        A. Mordvintsev, N. Pezzotti, L. Schubert, C. Olah: Differentiable Image Parameterizations. Distill, 2018.
        doi:10.23915/distill.00012. lucid 0.3.10, `collapse_alpha_random`.

    Example:
        >>> image = jnp.ones((8, 9, 4)).at[..., -1].set(jnp.linspace(0.0, 1.0, 9))
        >>> seen = background()(jax.random.key(0), image)
        >>> seen.shape, seen[:, -1].min().item()
        ((8, 9, 3), 1.0)
    """
    return Background(limit(contrast, "The contrast"))


def cloud(key: PRNGKeyArray, shape: tuple[int, ...], contrast: Leaf) -> Float[Array, "height width channel"]:
    """Draw a random image in [0, 1] whose waves have the amplitude 1/f.

    Example:
        >>> cloud(jax.random.key(0), (6, 7, 3), 0.0)[0, 0].tolist()
        [0.5, 0.5, 0.5]
    """
    waves_key, mean_key = jax.random.split(key)
    height, width, channels = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    amplitude = np.divide(1, frequency, out=np.zeros_like(frequency), where=frequency > 0)
    white = jax.random.normal(waves_key, (channels, height, width), jnp.float32)
    free = jnp.fft.irfft2(jnp.fft.rfft2(white) * jnp.complex64(amplitude[None]), s=(height, width))
    # Of the full spectrum: what the amplitude makes of white noise of deviation one.
    everywhere = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    deviation = np.sqrt(np.square(1 / everywhere[everywhere > 0]).sum() / everywhere.size)
    mean = jax.random.normal(mean_key, (channels, 1, 1), jnp.float32)
    return jnp.moveaxis(jax.nn.sigmoid(jnp.float32(contrast) * (free / np.float32(deviation) + mean)), 0, -1)
