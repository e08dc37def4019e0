"""Close-ups, blur, mirror images and even noise: what they draw, against NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxviz.transforms import blur, closeup, compose, flip, from_json, noise, pad, rotate

PLACES = jnp.array(
    np.stack(np.meshgrid(np.linspace(0, 1, 64), np.linspace(0, 1, 48), indexing="ij"), axis=-1), jnp.float32
)
"""An image whose two channels are the row and the column, as shares of the image."""


def under_keys(transform, image, count=200):
    keys = jax.random.split(jax.random.key(0), count)
    return np.asarray(jax.jit(jax.vmap(transform, in_axes=(0, None)))(keys, image))


def test_a_closeup_is_a_part_of_the_image_of_the_share_that_was_asked_for():
    """Of an image whose values are its places: they span the share, evenly, and never leave the image."""
    parts = under_keys(closeup(0.3, 0.05), PLACES)
    spans = np.ptp(parts, axis=(1, 2))
    np.testing.assert_allclose(spans.mean(axis=0), 0.3, atol=0.02)
    np.testing.assert_allclose(spans.std(axis=0), 0.05, atol=0.01)
    np.testing.assert_allclose(spans[:, 0], spans[:, 1], atol=0.02)
    centres = parts.mean(axis=(1, 2))
    np.testing.assert_allclose(centres.mean(axis=0), 0.5, atol=0.05)
    assert centres.min() < 0.25
    assert centres.max() > 0.75
    still = closeup(1, 0)(jax.random.key(1), PLACES)
    np.testing.assert_allclose(still, PLACES, atol=1e-5)


def test_shares_are_drawn_evenly_from_a_half_range_and_seen_at_the_size_that_was_asked_for():
    parts = under_keys(closeup(0.275, half_range=0.025, size=(20, 16)), PLACES)
    assert parts.shape[1:] == (20, 16, 2)
    spans = np.ptp(parts, axis=(1, 2)) / np.array([19 / 20, 15 / 16]) * np.array([63 / 64, 47 / 48])
    assert 0.248 < spans.min() < 0.256
    assert 0.294 < spans.max() < 0.302
    np.testing.assert_allclose(spans.std(axis=0), 0.05 / 12**0.5, atol=0.003)


def test_centres_are_normal_about_the_middle_and_what_hangs_over_is_grey():
    parts = under_keys(closeup(0.05, 0, centre_deviation=0.1, size=4), PLACES, 400)
    centres = parts.mean(axis=(1, 2))
    np.testing.assert_allclose(centres.mean(axis=0), 0.5, atol=0.02)
    np.testing.assert_allclose(centres.std(axis=0), 0.1, atol=0.015)
    over = under_keys(closeup(0.1, 0, centre_deviation=5, size=4), jnp.ones((32, 32, 1)), 50)
    assert set(np.unique(over[:, 1, 1, 0].round(3))) >= {0.5}


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (1.5, 1.5), (0, 0)])
def test_a_blur_of_one_width_is_scipys(low, high):
    image = np.random.default_rng(0).uniform(size=(20, 17, 3)).astype(np.float32)
    found = blur(low, high)(jax.random.key(0), jnp.array(image))
    expected = ndimage.gaussian_filter(image, (low, low, 0)) if low else image
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_blur_is_as_wide_as_drawn_from_its_range():
    spike = jnp.zeros((25, 1, 1)).at[12].set(1.0)
    found = under_keys(blur(1, 2), spike, 100)[:, :, 0, 0]
    places = np.arange(25) - 12
    widths = np.sqrt((found * places**2).sum(axis=1) / found.sum(axis=1))
    assert 0.95 < widths.min() < 1.1
    assert 1.85 < widths.max() < 2.05


def test_one_of_two_images_is_mirrored_about_its_middle():
    image = PLACES[:, :, 1:]
    found = under_keys(flip(), image)
    mirrored = np.isclose(found[:, 0, 0, 0], 1)
    assert 0.35 < mirrored.mean() < 0.65
    np.testing.assert_allclose(found[mirrored][0], np.asarray(image)[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(found[~mirrored][0], image, atol=1e-6)
    assert compose(pad(2), flip(), rotate(3)).output_size(8, 9) == (12, 13)


def test_even_noise_is_added_to_the_normal_one():
    flat = jnp.zeros((50, 50, 1))
    even = np.asarray(noise(0, uniform=0.2)(jax.random.key(0), flat))
    assert np.abs(even).max() <= 0.2
    assert even.std() == pytest.approx(0.2 / 3**0.5, rel=0.03)
    both = np.asarray(noise(0.1, uniform=0.2)(jax.random.key(0), flat))
    np.testing.assert_allclose(both - even, noise(0.1)(jax.random.key(0), flat), atol=1e-6)


@pytest.mark.parametrize(
    ("transform", "text"),
    [
        (closeup(0.25, 0.1), "closeup(0.25, 0.1)"),
        (closeup(0.3, half_range=0.05, centre_deviation=0.15, size=(24, 32)),
         "closeup(0.3, half_range=0.05, centre_deviation=0.15, size=[24, 32])"),
        (blur(1, 1.1), "blur(1, 1.1)"),
        (flip(), "flip()"),
        (noise(0.04, uniform=0.02), "noise(0.04, uniform=0.02)"),
    ],
    ids=str,
)  # fmt: skip
def test_every_transform_is_data(transform, text):
    assert str(transform) == text
    assert from_json(transform.to_json()) == transform
    leaves, form = jax.tree.flatten(transform)
    assert jax.tree.unflatten(form, leaves) == transform


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: closeup(0, 0.1), r"The share is 0\. Give a number above zero"),
        (lambda: closeup(0.5), "Give either a standard deviation or a half range"),
        (lambda: closeup(0.5, 0.1, half_range=0.1), "Give either a standard deviation or a half range"),
        (lambda: closeup(0.5, 0.1, size=(1, 2, 3)), "The size is .* Give one number of pixels"),
        (lambda: closeup(0.5, 0.1, size=0), "The height is 0"),
        (lambda: closeup(0.5, 0.1, centre_deviation=-1), "The deviation of the centre is -1"),
        (lambda: blur(2, 1), "The blur is from 2 to 1 pixels"),
        (lambda: noise(0.1, uniform=-1), "The greatest even noise is -1"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(make, message):
    with pytest.raises(ValueError, match=message):
        make()
