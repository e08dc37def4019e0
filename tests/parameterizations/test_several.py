"""Coarse pictures that the images of a lane share: against NumPy, as data, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxviz.parameterizations import cppn, fourier, from_json, laplacian_pyramid, pixels, several, starting_from

LUCIDS = [(1, 2), (1, 4), (1, 8), (2, 8)]
COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]]) / 0.46195


def images_of(parameterization, key=0, height=12, width=20, channels=3):
    count = parameterization.count
    variables = parameterization.init(jax.random.key(key), height, count * width, channels)
    images = jax.jit(parameterization.to_image)(variables)
    return variables, np.stack(np.split(np.asarray(images), count, axis=1))


def unsquashed(images):
    return np.log(images / (1 - images))


@pytest.mark.parametrize("inner", [fourier, pixels, laplacian_pyramid])
def test_what_one_anchor_holds_is_the_same_in_every_image(inner):
    _, images = images_of(several(inner(standard_deviation=0), count=3, coarse=[(1, 2), (1, 4)]))
    assert np.ptp(images) > 1e-4
    np.testing.assert_allclose(images[1], images[0], atol=1e-6)
    np.testing.assert_allclose(images[2], images[0], atol=1e-6)


def test_images_between_anchors_mix_them():
    _, images = images_of(several(pixels(standard_deviation=0), count=5, coarse=[(2, 4)]))
    first, *between, last = unsquashed(images)
    assert np.abs(last - first).max() > 1e-3
    for share, image in zip((0.25, 0.5, 0.75), between, strict=True):
        np.testing.assert_allclose(image, (1 - share) * first + share * last, atol=1e-5)


def test_coarse_pictures_are_enlarged_and_mixed_into_colours_as_the_images_are():
    parameterization = several(pixels(standard_deviation=0), count=2, coarse=[(1, 4)])
    (own, common, (coarse,)), images = images_of(parameterization)
    assert coarse.shape == (1, 3, 5, 3)
    assert common is None
    assert own.shape == (2, 12, 20, 3)
    rows, columns = ((np.arange(extent) + 0.5) / 4 - 0.5 for extent in (12, 20))
    grid = np.asarray(coarse[0], np.float64)
    along = np.stack([[np.interp(rows, np.arange(3), grid[:, c, k]) for c in range(5)] for k in range(3)])
    large = np.stack([[np.interp(columns, np.arange(5), along[k, :, r]) for r in range(12)] for k in range(3)])
    expected = np.moveaxis(large, 0, -1) @ COLOURS.T
    np.testing.assert_allclose(unsquashed(images[1]), expected, atol=1e-5)


def test_without_coarse_pictures_nothing_has_changed():
    plain = several(fourier(), count=3)
    assert "coarse" not in plain.to_json()
    (own, _, coarse), images = images_of(plain)
    assert coarse == ()
    alone = jax.vmap(fourier().to_image)(own)
    np.testing.assert_allclose(images, alone, atol=1e-6)


def test_shared_variables_and_coarse_pictures_add_up():
    (_, common, coarse), images = images_of(several(fourier(standard_deviation=0), count=2, shared=True, coarse=LUCIDS))
    assert common is not None
    assert len(coarse) == 4
    assert np.abs(images[0] - images[1]).max() > 1e-5  # of the two anchors


def test_it_is_data_and_is_mapped_over_lanes():
    parameterization = several(fourier(), count=4, coarse=LUCIDS)
    assert from_json(parameterization.to_json()) == parameterization
    assert str(parameterization) == "several(fourier(), count=4, coarse=[[1, 2], [1, 4], [1, 8], [2, 8]])"
    keys = jax.random.split(jax.random.key(0), 2)
    lanes = jax.vmap(lambda key: parameterization.to_image(parameterization.init(key, 8, 4 * 8, 1)))(keys)
    alone = parameterization.to_image(parameterization.init(keys[1], 8, 4 * 8, 1))
    np.testing.assert_allclose(lanes[1], alone, atol=1e-6)
    assert jnp.isfinite(lanes).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: several(count=2, coarse=[(3, 4)]), "give from 1 to 2 anchors and a divisor"),
        (lambda: several(count=2, coarse=[(1, 0)]), "give from 1 to 2 anchors and a divisor"),
        (lambda: several(cppn(), count=2, coarse=[(1, 2)]), "cannot have coarse pictures added"),
        (lambda: several(pixels(squashed=False), count=2, coarse=[(1, 2)]), "cannot have coarse pictures added"),
        (lambda: several(starting_from(np.zeros((4, 4, 3))), count=2, coarse=[(1, 2)]), "cannot have coarse pictures"),
    ],
)
def test_what_cannot_be_shared_is_refused_with_advice(make, message):
    with pytest.raises(ValueError, match=message):
        make()
