"""Images and keys for the tests of transforms."""

import jax
import jax.numpy as jnp
import numpy as np


def image_of(*shape):
    return jnp.array(np.random.default_rng(1).uniform(size=shape).astype(np.float32))


def keys(count):
    return jax.random.split(jax.random.key(3), count)


def under_keys(transform, image, count):
    """The results of one image under as many keys."""
    return np.asarray(jax.vmap(transform, in_axes=(0, None))(keys(count), image))
