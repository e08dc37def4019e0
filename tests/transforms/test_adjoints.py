"""Gradients of transforms, against those that jax derives from its own interpolation."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from jax.scipy.ndimage import map_coordinates

from disturbed import image_of, keys
from jaxviz.transforms import (
    compose,
    jitter,
    lucid,
    pad,
    rotate,
    sampling,
    scale,
    shift,
)


def places_in(image, transform):
    """Where a transform whose every draw has one possible value looks each pixel up."""
    size = transform.output_size(*image.shape[:2])
    matrix, offset = map(np.asarray, transform.affine(jnp.zeros(transform.draws(2)), 2))
    relative = np.indices(size) - (np.array(size) - 1)[:, None, None] / 2
    centre = (np.array(image.shape[:2]) - 1) / 2
    return np.float32(np.einsum("ij,jrc->irc", matrix, relative) + (offset + centre)[:, None, None])


def by_jax(image, places, outside):
    """The same reading by jax's own function, whose adjoint jax derives."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        planes = [
            map_coordinates(image[..., channel], list(places), order=1, mode="constant", cval=outside)
            for channel in range(image.shape[2])
        ]
        return jnp.stack(planes, axis=-1)


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        (rotate(choices=[23]), (8, 6, 1)),
        (scale(choices=[0.7]), (7, 9, 3)),
        (scale(choices=[2.3]), (5, 12, 4)),
        (shift(choices=[1.6]), (1, 5, 2)),
    ],
)
def test_the_written_adjoint_is_the_one_that_jax_derives(transform, shape, key):
    image, cotangent = image_of(*shape), image_of(*shape) - 0.5

    def both(function):
        value, pull = jax.vjp(function, image)
        return value, pull(cotangent)[0]

    value, gradient = jax.jit(lambda: both(lambda image: transform(key, image)))()
    places = places_in(image, transform)
    expected, derived = jax.jit(lambda: both(lambda image: by_jax(image, places, 0.5)))()
    np.testing.assert_allclose(value, expected, atol=1e-5)
    np.testing.assert_allclose(gradient, derived, atol=1e-5)


@pytest.mark.parametrize("transform", [lucid(), compose(pad(3, fill="reflect"), rotate(40))], ids=["lucid", "reflect"])
def test_the_gradient_is_the_adjoint_of_a_linear_map(transform):
    """<transform(image), cotangent> = <image, adjoint(cotangent)>, when black lies outside."""
    images = image_of(2, 37, 34, 2)

    @jax.jit
    def products(images):
        results, pull = jax.vjp(lambda images: jax.vmap(transform)(keys(2), images), images)
        results -= jax.vmap(transform)(keys(2), jnp.zeros_like(images))
        cotangent = jnp.sin(jnp.arange(results.size, dtype=jnp.float32)).reshape(results.shape)
        return jnp.sum(results * cotangent), jnp.sum(images * pull(cotangent)[0])

    np.testing.assert_allclose(*products(images), rtol=1e-3, atol=1e-3)


def test_one_image_under_many_keys_gathers_all_their_gradients():
    transform = compose(pad(2), rotate(20), jitter(2))

    @jax.jit
    def gradient(keys):
        def total(image):
            return jnp.sum(jax.vmap(transform, in_axes=(0, None))(keys, image) ** 2)

        return jax.grad(total)(image_of(9, 8, 3))

    apart = sum(gradient(key[None]) for key in keys(3))
    np.testing.assert_allclose(gradient(keys(3)), apart, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "make", [lambda size: rotate(10 * size), lambda size: shift(size), lambda size: scale(size, 2)]
)
def test_hyper_parameters_have_gradients(make, key):
    smooth = jnp.array(np.prod(np.sin(np.moveaxis(np.indices((17, 15)), 0, -1) / [3, 2]), -1, np.float32)[..., None])
    weights = image_of(17, 15, 1)

    @jax.jit
    def total(transform):
        return jnp.sum(weights * transform(key, smooth))

    numbers, structure = jax.tree.flatten(make(1.0))
    gradient = jax.tree.leaves(jax.grad(total)(make(1.0)))[0]
    difference = [total(jax.tree.unflatten(structure, [numbers[0] + step, *numbers[1:]])) for step in (-1e-3, 1e-3)]
    np.testing.assert_allclose(gradient, (difference[1] - difference[0]) / 2e-3, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("factor", [0.2, 0.9, 4.0], ids=["many places read one pixel", "usual", "few pixels are read"])
def test_an_accelerator_adds_up_the_same_gradient(factor, monkeypatch):
    image, cotangent = image_of(9, 14, 3), 1e-3 * (image_of(12, 11, 3) - 0.5)
    turned = sampling.Affine(factor * jnp.array([[0.8, 0.6], [-0.6, 0.8]]), jnp.array([0.3, -1.7]))

    def gradient(cotangent):
        return jax.vjp(lambda image: sampling.sample(image, turned, (12, 11), 0.5), image)[1](cotangent)[0]

    expected = gradient(cotangent)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    np.testing.assert_allclose(gradient(cotangent), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert not np.any(gradient(0 * cotangent))
    # A climb that leaves the numbers has to be seen.
    assert not np.isfinite(gradient(cotangent.at[0, 0, 0].set(jnp.inf))).any()


@given(seed=st.integers(0, 2**16), blocks=st.integers(1, 40), large=st.floats(1e-6, 1e6))
def test_an_accelerator_adds_up_the_same_bits_in_any_order(seed, blocks, large):
    random = np.random.default_rng(seed)
    places = np.stack([random.integers(0, 4, blocks), 2 * random.integers(0, 3, blocks)], -1).astype(np.int32)
    updates = np.float32(large) * random.normal(size=(blocks, 2, 4)).astype(np.float32)
    order = random.permutation(blocks)
    one, other = (
        sampling._added_up_in_any_order((5, 8), jnp.asarray(places[some]), jnp.asarray(updates[some]))
        for some in (slice(None), order)
    )
    np.testing.assert_array_equal(one, other)
    expected = np.zeros((5, 8))
    for (row, column), block in zip(places, updates, strict=True):
        expected[row : row + 2, column : column + 4] += block
    np.testing.assert_allclose(one, expected, rtol=0, atol=(blocks + 1) * 6e-8 * np.abs(updates).max())
