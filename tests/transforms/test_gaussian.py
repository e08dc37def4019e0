import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from compiling import compilations
from jaxviz.transforms import blur
from jaxviz.transforms.gaussian import WIDEST_PIXELS, gaussian_blur

RANDOM = np.random.default_rng(0)
SHAPES = [(9, 12, 3), (16, 7, 1), (30, 2), (9, 7, 8, 1), (1, 5, 2)]


def scipys(image, deviation):
    return ndimage.gaussian_filter(image, (*[deviation] * (image.ndim - 1), 0))


@pytest.mark.parametrize("deviation", [0.3, 0.5, 1.0, 2.5, 20.0, WIDEST_PIXELS])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_blur_is_scipys_plain_jitted_and_mapped(shape, deviation):
    images = RANDOM.normal(size=(2, *shape)).astype(np.float32)
    expected = np.stack([scipys(image, deviation) for image in images])
    np.testing.assert_allclose(gaussian_blur(jnp.array(images[0]), deviation), expected[0], atol=1e-5)
    np.testing.assert_allclose(jax.jit(gaussian_blur)(images[0], deviation), expected[0], atol=1e-5)
    widths = np.full(2, deviation, np.float32)
    np.testing.assert_allclose(jax.vmap(gaussian_blur)(images, widths), expected, atol=1e-5)


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 30, width=32), st.integers(0, 99))
def test_whatever_the_width_and_size_a_blur_keeps_the_sum_and_the_gradient_is_the_same_blur(rows, columns, width, seed):
    image, other = np.random.default_rng(seed).normal(size=(2, rows, columns, 2)).astype(np.float32)
    blurred, back = jax.vjp(lambda image: gaussian_blur(image, width), jnp.array(image))
    np.testing.assert_allclose(blurred.sum((0, 1)), image.sum((0, 1)), atol=1e-4)
    np.testing.assert_allclose(back(jnp.array(other))[0], gaussian_blur(jnp.array(other), width), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_width_changes_nothing(shape):
    image = RANDOM.normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(gaussian_blur(jnp.array(image), 0.0), image, atol=1e-7)


def test_another_range_of_widths_compiles_nothing():
    image, key = jnp.array(RANDOM.normal(size=(9, 12, 3)).astype(np.float32)), jax.random.key(0)
    disturb = jax.jit(lambda transform, key, image: transform(key, image))
    narrow = disturb(blur(0.5, 0.5), key, image)
    with compilations() as compiled:
        wide = disturb(blur(8.0, 8.0), key, image)
    assert compiled == []
    np.testing.assert_allclose(narrow, scipys(np.asarray(image), 0.5), atol=1e-5)
    np.testing.assert_allclose(wide, scipys(np.asarray(image), 8.0), atol=1e-5)
