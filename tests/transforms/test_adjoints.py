"""Gradients of transforms, against those that jax derives from its own interpolation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.ndimage import map_coordinates

from disturbed import image_of, keys
from jaxviz.transforms import (
    compose,
    jitter,
    lucid,
    pad,
    rotate,
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
