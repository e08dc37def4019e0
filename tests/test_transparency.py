"""Sums of gradients as opacity: percentiles, what is kept in files, and how it is shown."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from jaxviz.results import Rendering, read_recipe
from jaxviz.results.transparency import faded, opacity, stretched
from records import make_rendering

RANDOM = np.random.default_rng(0)


@pytest.fixture
def rendering():
    plain = make_rendering(height=12, width=10)
    sums = RANDOM.gamma(1.0, size=plain.images.shape[:-1]).astype(np.float32)
    return dataclasses.replace(plain, transparency=sums)


def test_opacity_rises_to_the_percentile_of_each_picture_as_in_horama():
    sums = RANDOM.gamma(1.0, size=(3, 7, 9)).astype(np.float32) * np.float32([[[1]], [[100]], [[0.01]]])
    for found, one in zip(opacity(sums), sums, strict=True):
        cut = np.minimum(one, np.percentile(one, 80))
        np.testing.assert_allclose(found, cut / cut.max(), rtol=1e-5)
    assert opacity(np.zeros((1, 2, 2), np.float32)).max() == 0
    mostly_nothing = np.float32([[[0, 0, 0], [0, 0, 5]]])
    assert opacity(mostly_nothing).tolist() == [[[0, 0, 0], [0, 0, 1]]]
    with pytest.raises(ValueError, match="percentile is 101; give a number from 0 to 100"):
        opacity(sums, percentile=101)


def test_contrast_is_stretched_between_percentiles_and_flat_pictures_stay():
    image = RANDOM.uniform(0.3, 0.6, size=(1, 20, 20, 3)).astype(np.float32)
    low, high = np.percentile(image, [1, 99])
    np.testing.assert_allclose(stretched(image), (np.clip(image, low, high) - low) / (high - low), atol=1e-5)
    flat = np.full((1, 2, 2, 3), 0.25, np.float32)
    np.testing.assert_array_equal(stretched(flat), flat)


def test_pictures_fade_to_the_grey_of_the_sheet(rendering):
    full = dataclasses.replace(rendering, transparency=None).pictures()
    opaque = opacity(rendering.transparency)[..., None]
    np.testing.assert_allclose(rendering.pictures(), full * opaque + 119 * (1 - opaque), atol=0.51)
    np.testing.assert_array_equal(faded(full, np.ones(full.shape[:-1], np.float32)), full)
    assert not np.array_equal(rendering.grid(), dataclasses.replace(rendering, transparency=None).grid())


def test_files_keep_the_transparency_and_the_recipe(rendering, tmp_path):
    rendering.save(tmp_path / "all.npz")
    assert Rendering.load(tmp_path / "all.npz") == rendering
    paths = rendering.save_images(tmp_path)
    for path, expected in zip(paths, rendering.rgba(), strict=True):
        with Image.open(path) as picture:
            assert picture.mode == "RGBA"
            np.testing.assert_array_equal(np.asarray(picture), expected)
        assert read_recipe(path).model == rendering.recipe.model
    plain = dataclasses.replace(rendering, transparency=None)
    plain.save(tmp_path / "plain.npz")
    assert Rendering.load(tmp_path / "plain.npz").transparency is None


def test_some_units_keep_theirs(rendering):
    np.testing.assert_array_equal(rendering[1].transparency, rendering.transparency[[1]])


@pytest.mark.parametrize(
    ("sums", "message"),
    [(np.zeros((2, 2, 2), np.float32), "transparency has shape"), (None, "no negative values")],
    ids=["shape", "sign"],
)
def test_what_is_no_transparency_is_refused(rendering, sums, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(rendering, transparency=-rendering.transparency - 1 if sums is None else sums)
