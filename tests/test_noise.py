"""Noise has the distribution it says, is the same for the same key, and lets the gradient through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxviz import transforms

IMAGE = jnp.full((40, 51, 3), 0.5)


def test_noise_has_its_standard_deviation_and_no_mean():
    difference = np.asarray(transforms.noise(0.1)(jax.random.key(0), IMAGE) - IMAGE)
    assert difference.std() == pytest.approx(0.1, rel=0.05)
    assert difference.mean() == pytest.approx(0, abs=0.005)


def test_noise_is_the_same_plain_jitted_and_vmapped():
    transform = transforms.noise(0.2)
    keys = jax.random.split(jax.random.key(1), 3)
    plain = np.stack([transform(key, IMAGE) for key in keys])
    np.testing.assert_allclose(jax.vmap(jax.jit(transform), in_axes=(0, None))(keys, IMAGE), plain, atol=1e-6)


def test_the_gradient_passes_through_noise_unchanged():
    gradient = jax.grad(lambda image: transforms.noise(0.3)(jax.random.key(2), image).sum())(IMAGE)
    np.testing.assert_array_equal(gradient, np.ones(IMAGE.shape))


def test_noise_is_data():
    transform = transforms.lucid_noise()
    assert transforms.from_json(transform.to_json()) == transform
    assert repr(transforms.noise(0.1)) == "noise(0.1)"
    with pytest.raises(ValueError, match="standard deviation"):
        transforms.noise(-1)
