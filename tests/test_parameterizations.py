"""Parameterizations: their images against NumPy, what they draw at the start, their forms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxviz import parameterizations
from jaxviz.parameterizations import Spectrum, decorrelated_to_rgb, fourier, from_json, pixels

SIZES = [(8, 8, 3), (9, 7, 3), (6, 11, 1), (13, 4, 5), (1, 10, 2), (5, 1, 4)]
LUCID_MATRIX = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
LUCID_MATRIX /= 0.46195  # the length of its longest column


@partial(jax.jit, static_argnums=2)
def start(parameterization, key, shape):
    """The variables that a parameterization draws, and their image."""
    variables = parameterization.init(key, *shape)
    return variables, parameterization.to_image(variables)


def normal(*shape, standard_deviation=1.0):
    """Variables for tests that are not about how they are drawn: drawing takes long to compile."""
    return np.random.default_rng(5).normal(scale=standard_deviation, size=shape).astype(np.float32)


def spectrum(height, width, channels, standard_deviation=1.0):
    coefficients = normal(2, channels, height, width // 2 + 1, standard_deviation=standard_deviation)
    return Spectrum(jnp.array(coefficients), width)


@jax.jit
def image_of(parameterization, variables):
    return parameterization.to_image(variables)


def squashed(free):
    return 1 / (1 + np.exp(-free))


def unsquashed(image):
    image = np.asarray(image, np.float64)
    return np.log(image / (1 - image))


def fourier_by_numpy(coefficients, width, decay_power=1.0, *, decorrelated=True):
    """The image of lucid's `fft_image`, wave by wave, with the width's own frequencies."""
    channels, height = coefficients.shape[1:3]
    rows, columns = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
    free = np.zeros((height, width, channels))
    for row, column in np.ndindex(height, width // 2 + 1):
        real, imaginary = coefficients[:, :, row, column].astype(np.float64)
        frequency = np.hypot(min(row, height - row) / height, column / width)
        amplitude = max(frequency, 1 / max(height, width)) ** -decay_power * np.sqrt(height * width)
        phase = 2 * np.pi * (row * rows / height + column * columns / width)
        # Every column but the first and, of an even width, the last stands for its mirror image too.
        twice = 1 if column == 0 or 2 * column == width else 2
        free += twice * amplitude * (real * np.cos(phase) - imaginary * np.sin(phase)) / (height * width)
    if decorrelated and channels == 3:
        free = free @ LUCID_MATRIX.T
    return squashed(free / 4)


@pytest.mark.smoke
@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize(("decay_power", "decorrelated"), [(1.0, True), (1.6, False)])
def test_fourier_images_are_the_sums_of_their_waves(shape, decay_power, decorrelated):
    variables = spectrum(*shape, standard_deviation=0.5)
    image = image_of(fourier(decay_power=decay_power, decorrelated=decorrelated), variables)
    assert image.shape == shape
    expected = fourier_by_numpy(np.asarray(variables.coefficients), shape[1], decay_power, decorrelated=decorrelated)
    np.testing.assert_allclose(image, expected, atol=1e-5)


@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_pixel_images_are_squashed_colours(shape):
    variables = normal(*shape)
    mixed = variables @ LUCID_MATRIX.T if shape[2] == 3 else variables
    np.testing.assert_allclose(image_of(pixels(), jnp.array(variables)), squashed(mixed), atol=1e-5)
    image = image_of(pixels(decorrelated=False), jnp.array(variables))
    np.testing.assert_allclose(image, squashed(variables), atol=1e-5)


def test_a_coefficient_is_a_wave_along_its_own_rows_and_columns():
    """On a square image height and width can be taken for each other; here they cannot."""
    for height, width in ((12, 30), (30, 12), (15, 9)):
        coefficients = np.zeros((2, 1, height, width // 2 + 1), np.float32)
        coefficients[0, 0, 3, 1] = 0.3
        free = unsquashed(image_of(fourier(), Spectrum(jnp.array(coefficients), width)))[..., 0]
        found = np.abs(np.fft.fft2(free))
        strongest = sorted(zip(*np.unravel_index(np.argsort(found, axis=None)[-2:], found.shape), strict=True))
        assert strongest == [(3, 1), (height - 3, width - 1)]


@pytest.mark.parametrize("shape", [(8, 10, 3), (9, 7, 1), (10, 13, 2)], ids=str)
def test_every_image_has_its_coefficients(shape):
    """What `numpy.fft.rfft2` finds in the image before squashing are the scaled coefficients, and nothing else."""
    height, width, channels = shape
    variables = spectrum(*shape)
    image = image_of(fourier(decorrelated=False), variables)
    found = np.fft.rfft2(unsquashed(image), axes=(0, 1))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    scale = np.sqrt(height * width) / np.maximum(frequency, 1 / max(height, width)) / 4
    real, imaginary = np.moveaxis(np.asarray(variables.coefficients), 1, -1) * scale[..., None]
    inner = np.s_[:, 1 : (width + 1) // 2]  # the first and an even width's last column hold their own mirror image
    np.testing.assert_allclose(found[inner], (real + 1j * imaginary)[inner], atol=2e-3)
    assert found.shape[2] == channels


# --- the start -------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay_power", [0.5, 1.0, 2.0])
def test_the_spectrum_at_the_start_falls_by_the_decay_power(decay_power, key):
    _, image = start(fourier(decay_power=decay_power, decorrelated=False), key, (96, 128, 4))
    power = np.square(np.abs(np.fft.rfft2(unsquashed(image), axes=(0, 1)))).mean(axis=2)
    frequency = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(128))
    band = (frequency > 2 / 96) & (frequency < 0.5)
    slope, _ = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)
    np.testing.assert_allclose(slope / 2, -decay_power, atol=0.05)


@pytest.mark.parametrize(("parameterization", "tolerance"), [(fourier(), 0.2), (pixels(), 0.02)], ids=str)
def test_the_start_is_about_as_strong_at_every_size(parameterization, tolerance):
    keys = jax.random.split(jax.random.key(1), 3)
    strengths = [
        np.std([unsquashed(start(parameterization, key, (side, side, 3))[1]) for key in keys]) for side in (64, 256)
    ]
    np.testing.assert_allclose(*strengths, rtol=tolerance)


@pytest.mark.parametrize(
    ("parameterization", "strength"),
    [
        (fourier(), 0.0027),
        (fourier(decorrelated=False), 0.0043),
        (pixels(), 0.0015),
        (pixels(decorrelated=False), 0.0025),
        (pixels(standard_deviation=0), 0.0),
    ],
    ids=str,
)
def test_the_start_is_nearly_grey_as_documented(parameterization, strength):
    keys = jax.random.split(jax.random.key(2), 4)
    images = np.stack([start(parameterization, key, (64, 64, 3))[1] for key in keys])
    np.testing.assert_allclose(images.mean(), 0.5, atol=0.002)
    np.testing.assert_allclose(images.std(), strength, rtol=0.08)


def test_the_standard_deviation_is_that_of_the_variables(key):
    coefficients = np.asarray(start(fourier(standard_deviation=0.3), key, (64, 64, 3))[0].coefficients)
    np.testing.assert_allclose([np.std(part) for part in coefficients], 0.3, rtol=0.02)
    np.testing.assert_allclose(np.mean(coefficients), 0, atol=0.005)
    np.testing.assert_allclose(np.std(start(pixels(standard_deviation=0.3), key, (64, 64, 3))[0]), 0.3, rtol=0.02)


@pytest.mark.parametrize("make", [fourier, pixels])
def test_decorrelated_colours_vary_together_and_others_do_not(make, key):
    def correlation(parameterization):
        _, image = start(parameterization, key, (64, 64, 3))
        return np.corrcoef(np.asarray(image).reshape(-1, 3).T)

    together = correlation(make(standard_deviation=0.05))
    assert together[0, 1] > 0.8
    assert together[1, 2] > 0.8
    apart = correlation(make(standard_deviation=0.05, decorrelated=False))
    assert np.abs(apart - np.eye(3)).max() < 0.25


def test_images_lie_in_the_unit_range_wherever_the_optimizer_goes():
    far = image_of(fourier(), spectrum(16, 17, 3, standard_deviation=1e4))
    for image in (far, image_of(pixels(), jnp.array(normal(16, 17, 3, standard_deviation=1e4)))):
        assert np.min(image) == 0
        assert np.max(image) == 1


# --- colours ---------------------------------------------------------------------------------------


def test_colours_are_mixed_by_the_published_matrix_along_any_axis():
    free = np.random.default_rng(0).normal(size=(4, 3, 3)).astype(np.float32)
    expected = free @ LUCID_MATRIX.T
    np.testing.assert_allclose(decorrelated_to_rgb(jnp.array(free)), expected, atol=1e-5)
    for axis in (0, 1):
        moved = jnp.array(np.moveaxis(free, -1, axis))
        np.testing.assert_allclose(decorrelated_to_rgb(moved, axis=axis), np.moveaxis(expected, -1, axis), atol=1e-5)


def test_the_matrix_has_the_columns_that_other_libraries_ship():
    columns = np.asarray(decorrelated_to_rgb(jnp.eye(3))).T
    published = [[0.5628, 0.1948, 0.0433], [0.5845, 0.0, -0.1082], [0.5845, -0.1948, 0.0649]]
    np.testing.assert_allclose(columns, published, atol=6e-5)


# --- as pytrees ------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameterization", [fourier(), pixels()], ids=str)
def test_each_of_a_batch_is_what_it_is_alone(parameterization):
    keys = jax.random.split(jax.random.key(4), 3)
    together = jax.vmap(lambda key: start(parameterization, key, (64, 64, 3)))(keys)
    for place, key in enumerate(keys):
        alone = start(parameterization, key, (64, 64, 3))
        for one, all_of_them in zip(jax.tree.leaves(alone), jax.tree.leaves(together), strict=True):
            np.testing.assert_allclose(np.asarray(all_of_them)[place], one, atol=1e-6)


@pytest.mark.parametrize("make", [fourier, pixels])
def test_moving_a_number_compiles_nothing(make, key):
    compilations = []

    @jax.jit
    def draw(parameterization, key):
        compilations.append(parameterization)
        return start(parameterization, key, (10, 12, 3))[1]

    images = [draw(make(standard_deviation=size), key) for size in (0.1, 0.2)]
    np.testing.assert_allclose(unsquashed(images[1]), 2 * unsquashed(images[0]), atol=1e-4)
    if make is fourier:
        steep = draw(fourier(standard_deviation=0.1, decay_power=2), key)
        np.testing.assert_allclose(
            steep, start(fourier(standard_deviation=0.1, decay_power=2), key, (10, 12, 3))[1], atol=1e-5
        )
    assert len(compilations) == 1
    assert repr(compilations[0]).startswith("<traced ")


@pytest.mark.parametrize("shape", [(8, 9, 3), (7, 12, 1)], ids=str)
def test_gradients_reach_every_coefficient_that_decides_something(shape):
    variables = spectrum(*shape)
    wanted = np.random.default_rng(0).uniform(size=shape).astype(np.float32)

    @jax.jit
    @jax.grad
    def gradient(variables):
        return jnp.sum(jnp.array(wanted) * fourier().to_image(variables))

    found = np.asarray(gradient(variables).coefficients)
    assert np.isfinite(found).all()
    assert np.all(np.abs(found[0]).max(axis=0) > 0)
    decided = np.abs(found[1]).max(axis=0) > 1e-7
    idle = {(0, 0)} | ({(0, shape[1] // 2)} if shape[1] % 2 == 0 else set())  # a mean has no imaginary part
    idle |= {(shape[0] // 2, column) for _, column in idle} if shape[0] % 2 == 0 else set()
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(~decided)), strict=True)) == idle


# --- forms and errors ------------------------------------------------------------------------------


@given(st.floats(-3, 3, width=32), st.floats(0, 3, width=32), st.booleans())
def test_text_and_data_give_the_parameterization_back(decay_power, standard_deviation, decorrelated):
    options = {"standard_deviation": standard_deviation, "decorrelated": decorrelated}
    for parameterization in (fourier(decay_power=decay_power, **options), pixels(**options)):
        assert eval(str(parameterization), vars(parameterizations)) == parameterization
        assert from_json(parameterization.to_json()) == parameterization
        assert hash(from_json(parameterization.to_json())) == hash(parameterization)
        structure = jax.tree.structure(parameterization)
        assert jax.tree.structure(from_json(parameterization.to_json())) == structure


def test_text_says_what_is_not_usual():
    assert str(fourier()) == repr(fourier()) == "fourier()"
    assert str(fourier(decay_power=1.5, decorrelated=False)) == "fourier(decay_power=1.5, decorrelated=False)"
    assert str(pixels(standard_deviation=np.float32(0.1))) == "pixels(standard_deviation=0.10000000149011612)"


def test_equality_is_about_values_and_not_about_arrays():
    assert jax.tree.map(jnp.array, fourier()) == fourier() != fourier(decay_power=2)
    assert pixels() != fourier()
    assert pixels() != "pixels()"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fourier(decay_power=float("nan")), "decay_power is nan. Give a finite number"),
        (lambda: fourier(standard_deviation=-1), "standard_deviation is -1. Give a finite number, 0 or more"),
        (lambda: pixels(standard_deviation=float("inf")), "standard_deviation is inf"),
        (lambda: from_json({}), "Unknown kind of parameterization None. Known kinds: cppn, fourier, "),
        (lambda: from_json({"kind": "pixels", "decay": 1}), "'pixels' describes no parameterization: .*'decay'"),
    ],
)
def test_factories_refuse_what_cannot_be(make, message):
    with pytest.raises(ValueError, match=message):
        make()
