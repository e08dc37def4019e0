"""Channels along which data never vary, constant or copied: every image can be shown, and nothing else changes."""

import jax
import numpy as np
import pytest

import jaxviz
from jaxviz.parameterizations.waves import multiplicities
from jaxviz.rendering.suitable import completed

SIZE = (12, 15)
GENERATOR = np.random.default_rng(0)


def bands(count):
    """Smooth images of bands that vary apart from each other."""
    noise = np.cumsum(np.cumsum(GENERATOR.normal(size=(40, *SIZE, count)), 1), 2)
    low, high = noise.min((1, 2), keepdims=True), noise.max((1, 2), keepdims=True)
    return ((noise - low) / (high - low)).astype(np.float32)


TWO = bands(2)
ZEROS = np.zeros_like(TWO[..., :1])
FIRST = TWO[..., :1]
DATA = {
    "constant": np.concatenate([TWO, ZEROS], -1),
    "constant but for rounding": np.concatenate([TWO, ZEROS + 0.7], -1),
    "copied": np.repeat(FIRST, 3, -1),
    "copied in part": np.concatenate([FIRST, np.float32(0.3) * FIRST, ZEROS, ZEROS, bands(1)], -1),
    "sixteen copies": np.concatenate([TWO] * 8, -1),
}


def wrap(data):
    return jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=data.shape[1:], data=data, value_range=(0, 1))


def render(model, **options):
    return jaxviz.render(model, "mean", transforms=None, size=SIZE, progress=False, **options)


def started(model, image, inner):
    """The first picture of a climb from an image."""
    parameterization = completed(jaxviz.starting_from(image, inner), model.data)
    return parameterization.to_image(parameterization.init(jax.random.key(0), *model.input_shape))


# --- the image that is started from ----------------------------------------------------------------


@pytest.mark.parametrize("make", [jaxviz.fourier, jaxviz.pixels])
@pytest.mark.parametrize("kind", DATA)
def test_a_climb_starts_from_any_image_whatever_the_data_are(kind, make):
    model = wrap(DATA[kind])
    of_the_data = np.clip(DATA[kind][0], 0.01, 0.99)
    of_none = GENERATOR.uniform(0.05, 0.95, model.input_shape).astype(np.float32)
    for image in (of_the_data, of_none):
        np.testing.assert_allclose(started(model, image, make(standard_deviation=0)), image, atol=2e-4)


def test_a_climb_from_red_starts_red_though_all_data_are_grey():
    red = np.broadcast_to(np.float32([0.9, 0.1, 0.1]), (*SIZE, 3))
    parameterization = jaxviz.starting_from(red, jaxviz.fourier(standard_deviation=0))
    rendering = render(wrap(DATA["copied"]), units=[0], steps=1, learning_rate=1e-4, parameterization=parameterization)
    np.testing.assert_allclose(rendering.images[0], red, atol=1e-3)


def test_a_unit_that_reads_a_constant_band_is_not_dead():
    rendering = render(wrap(DATA["constant"]), units=[2], steps=10)
    assert rendering.states == ("done",)
    assert rendering.scores[0] > 0.5


def test_the_band_that_never_varies_moves_a_thousandth_as_far():
    colours = wrap(DATA["constant"]).data.colours
    np.testing.assert_allclose(np.linalg.norm(colours, axis=0)[[0, 2]], [1, 1e-3], rtol=1e-5)
    np.testing.assert_allclose(np.abs(colours[2]), [0, 0, 1e-3], atol=1e-8)


@pytest.mark.parametrize("noise", [0.5 / 255, 0.01, 0.1])
def test_colours_of_data_that_vary_are_what_they_were(noise):
    """Even those of greys that were rounded to bytes apart from each other: the least that photographs vary."""
    data = np.float32(0.2) + 0.6 * DATA["copied"] + GENERATOR.uniform(-noise, noise, DATA["copied"].shape)
    measured = wrap(data).data
    variances, directions = np.linalg.eigh(measured.covariance)
    root = (directions * np.sqrt(variances / variances[-1]))[:, ::-1].astype(np.float32)
    np.testing.assert_array_equal(np.abs(measured.colours), np.abs(root))


# --- phases ----------------------------------------------------------------------------------------


def channel_deviations(data):
    """How far each channel deviates before it is squashed, in the mean over all phases."""
    statistics = wrap(data).data
    parameterization = completed(jaxviz.phase_only(), statistics)
    power = np.square(np.asarray(parameterization.magnitudes(SIZE), np.float64)) * multiplicities(SIZE)
    power[:, 0, 0] = 0  # the mean
    deviation = np.sqrt(power.sum((1, 2))) / np.prod(SIZE)
    colours = np.eye(data.shape[-1]) if statistics.colours is None else statistics.colours
    return np.sqrt(np.square(colours * deviation).sum(1))


def test_a_constant_band_changes_the_contrast_of_no_other():
    alone = channel_deviations(TWO)
    for value in (0.0, 0.7):
        beside = channel_deviations(np.concatenate([TWO, ZEROS + np.float32(value)], -1))
        np.testing.assert_allclose(beside[:2], alone, rtol=1e-3)
        assert beside[2] < 1e-6


def test_copied_bands_have_the_contrast_of_bands_that_are_nearly_copies():
    exact = np.concatenate([TWO, FIRST, FIRST, FIRST], -1)
    nearly = exact + GENERATOR.normal(0, 3e-3, exact.shape).astype(np.float32)
    np.testing.assert_allclose(channel_deviations(exact), channel_deviations(np.clip(nearly, 0, 1)), rtol=0.1)


@pytest.mark.parametrize("kind", DATA)
def test_components_of_rounding_noise_get_no_waves(kind):
    model = wrap(DATA[kind])
    magnitude = np.asarray(completed(jaxviz.phase_only(), model.data).magnitudes(SIZE))
    strength = np.sqrt(np.square(magnitude).mean((1, 2)))
    lengths = np.linalg.norm(model.data.colours, axis=0)
    assert (strength[lengths < 0.0011] < 1e-6 * strength.max()).all()
    np.testing.assert_allclose(strength[lengths > 0.0011], strength.max(), rtol=0.3)


def test_a_band_that_varies_from_image_to_image_only_gets_no_waves():
    dark, bright = (np.concatenate([TWO, ZEROS + np.float32(level)], -1) for level in (0.1, 0.8))
    beside = channel_deviations(np.concatenate([dark, bright]))
    np.testing.assert_allclose(beside[:2] / beside[0], channel_deviations(TWO) / channel_deviations(TWO)[0], rtol=1e-3)
    assert beside[2] < 1e-6


def test_a_constant_band_of_too_many_to_mix_gets_no_waves_either():
    many = bands(18)
    many[..., 7] = 0.25
    deviations = channel_deviations(many)
    assert deviations[7] < 1e-6
    np.testing.assert_allclose(np.sqrt(np.square(np.delete(deviations, 7)).mean()), 2, rtol=1e-3)
