"""Colours measured from data, pyramids, networks of positions, greys, starts from images, signals and volumes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxviz import parameterizations
from jaxviz.parameterizations import (
    cppn,
    fourier,
    from_json,
    grayscale,
    laplacian_pyramid,
    measure_colours,
    phase_only,
    pixels,
    starting_from,
)

RANDOM = np.random.default_rng(3)
PHOTOGRAPH = RANDOM.uniform(0.05, 0.95, (9, 12, 3)).astype(np.float32)
MATRIX = RANDOM.normal(size=(4, 4)).astype(np.float32)
EVERY = [
    cppn(hidden_channels=5, layers=2, scale=1.5),
    fourier(colours=np.eye(3)),
    grayscale(phase_only()),
    laplacian_pyramid(levels=3, standard_deviation=0.2),
    pixels(squashed=False),
    starting_from(PHOTOGRAPH, pixels(standard_deviation=0)),
]


def start(parameterization, shape, seed=0):
    variables = parameterization.init(jax.random.key(seed), *shape)
    return variables, np.asarray(parameterization.to_image(variables), np.float64)


def unsquashed(image):
    return np.log(image / (1 - image))


# --- colours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 7])
def test_measured_colours_make_noise_that_varies_as_the_data_do(channels):
    mixing = RANDOM.normal(size=(channels, channels))
    data = RANDOM.normal(size=(30, 12, 10, channels)) @ mixing.T
    colours = measure_colours(data)
    covariance = np.atleast_2d(np.cov(data.reshape(-1, channels).T))
    np.testing.assert_allclose(colours @ colours.T, covariance / np.linalg.eigvalsh(covariance)[-1], atol=2e-3)
    assert np.linalg.norm(colours, axis=0)[0] == pytest.approx(1, abs=1e-5)
    variables, image = start(pixels(colours=colours, standard_deviation=0.01), (9, 10, channels))
    np.testing.assert_allclose(unsquashed(image), np.asarray(variables) @ colours.T, atol=1e-5)


@pytest.mark.parametrize("make", [fourier, partial(phase_only, contrast=0.2), laplacian_pyramid])
def test_every_prior_mixes_measured_colours(make):
    still, mixed = (start(make(colours=colours), (12, 9, 4))[1] for colours in (None, MATRIX))
    difference = unsquashed(mixed) - unsquashed(still) @ MATRIX.T
    assert np.abs(difference).max() < 2e-4 * np.abs(unsquashed(mixed)).max() + 2e-6


@pytest.mark.parametrize("make", [fourier, phase_only, laplacian_pyramid, pixels])
def test_colours_for_what_is_not_decorrelated_are_refused(make):
    with pytest.raises(ValueError, match="colours say how channels are decorrelated"):
        make(decorrelated=False, colours=MATRIX)


def test_the_usual_rate_of_what_holds_a_network_is_that_of_the_network():
    assert starting_from(np.full((9, 8, 3), 0.5)).usual_rate == 0.05
    assert grayscale(cppn()).usual_rate == cppn().usual_rate < 0.01


def test_a_component_that_varies_most_comes_first_and_brightens():
    data = 0.5 + np.array([-0.2, -0.2, -0.2]) * RANDOM.normal(size=(1000, 1)) + 0.02 * RANDOM.normal(size=(1000, 3))
    np.testing.assert_allclose(measure_colours(data)[:, 0], 3**-0.5, atol=0.01)


# --- pyramids, networks, greys ---------------------------------------------------------------------


def test_a_pyramid_of_one_level_is_pixels():
    variables, image = start(laplacian_pyramid(levels=1, standard_deviation=1), (7, 10, 3))
    np.testing.assert_allclose(image, pixels().to_image(variables.pictures[0]), atol=1e-6)


def test_levels_are_enlarged_linearly_and_added():
    parameterization = laplacian_pyramid(levels=3, standard_deviation=1, decorrelated=False)
    variables, image = start(parameterization, (16, 24, 2))
    total = np.zeros((16, 24, 2))
    for level, picture in enumerate(np.asarray(part) for part in variables.pictures):
        place = [(np.arange(extent) + 0.5) / 2**level - 0.5 for extent in (16, 24)]
        rows, columns = np.meshgrid(*place, indexing="ij")
        for channel in range(2):
            total[..., channel] += ndimage.map_coordinates(
                picture[..., channel], [rows, columns], order=1, mode="nearest"
            )
    np.testing.assert_allclose(unsquashed(image), total, atol=1e-4)


def test_a_network_of_positions_is_what_numpy_computes():
    parameterization = cppn(hidden_channels=6, layers=3, scale=2)
    variables, first = start(parameterization, (11, 8, 3))
    assert (first == 0.5).all()
    layers = [variables.parameters["params"][f"Dense_{layer}"] for layer in range(4)]
    kernels = [RANDOM.normal(size=layer["kernel"].shape).astype(np.float32) / 2 for layer in layers]
    biases = [RANDOM.normal(size=layer["bias"].shape).astype(np.float32) for layer in layers]
    both = enumerate(zip(kernels, biases, strict=True))
    moved = {f"Dense_{layer}": {"kernel": jnp.array(kernel), "bias": jnp.array(bias)} for layer, (kernel, bias) in both}
    moved = type(variables)({"params": moved}, (11, 8))
    rows, columns = np.linspace(-(3**0.5), 3**0.5, 11), np.linspace(-(3**0.5), 3**0.5, 8)
    expected = np.empty((11, 8, 3))
    for row, column in np.ndindex(11, 8):
        values = 2 * np.array([rows[row], columns[column]])
        for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
            angle = np.arctan(values @ kernel + bias)
            values = np.concatenate([angle / 0.67, angle**2 / 0.6])
        expected[row, column] = values @ kernels[-1] + biases[-1]
    np.testing.assert_allclose(parameterization.to_image(moved), 1 / (1 + np.exp(-expected)), atol=1e-5)


def test_a_network_of_positions_can_leave_its_grey_start():
    variables = cppn().init(jax.random.key(0), 9, 9, 3)
    gradient = jax.grad(lambda variables: cppn().to_image(variables)[2, 3, 0])(variables)
    assert np.abs(np.asarray(gradient.parameters["params"]["Dense_8"]["kernel"])).max() > 0


def test_a_network_of_positions_starts_with_kernels_that_keep_the_deviation():
    layers = cppn(hidden_channels=200, layers=2).init(jax.random.key(1), 9, 9, 3).parameters["params"]
    assert np.std(layers["Dense_1"]["kernel"]) == pytest.approx(400**-0.5, rel=0.02)
    assert not np.any(layers["Dense_2"]["kernel"])


def test_greys_are_those_of_one_channel():
    _, image = start(grayscale(phase_only()), (8, 9, 5))
    _, one = start(phase_only(), (8, 9, 1))
    np.testing.assert_array_equal(image, np.repeat(one, 5, axis=-1))


# --- starting from an image ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inner",
    [fourier(standard_deviation=0, decay_power=1.3), pixels(standard_deviation=0), fourier(standard_deviation=0,
     colours=np.array([[1, 0.2, 0], [0.9, 0, 0.1], [1, 0, -0.3]])), pixels(standard_deviation=0, squashed=False)],
    ids=repr,
)  # fmt: skip
def test_the_first_image_is_the_one_that_was_given(inner):
    _, image = start(starting_from(PHOTOGRAPH, inner), PHOTOGRAPH.shape)
    np.testing.assert_allclose(image, PHOTOGRAPH, atol=2e-4)


def test_black_and_white_can_be_left_again():
    parameterization = starting_from(np.float32([[[0], [1]]] * 4), pixels(standard_deviation=0))
    variables, image = start(parameterization, (4, 2, 1))
    np.testing.assert_allclose(image[0, :, 0], [0.01, 0.99], atol=1e-5)
    gradient = jax.grad(lambda variables: parameterization.to_image(variables).sum())(variables)
    assert np.abs(np.asarray(gradient)).min() > 1e-3


def test_cut_off_pixels_come_back():
    parameterization = pixels(squashed=False, decorrelated=False)
    far = jnp.array([[[2.0], [-3.0], [0.1]]])
    np.testing.assert_allclose(parameterization.to_image(far)[0, :, 0], [1, 0, 0.6], atol=1e-6)
    gradient = jax.grad(lambda variables: parameterization.to_image(variables).sum())(far)
    np.testing.assert_array_equal(gradient, np.ones((1, 3, 1)))


# --- signals, volumes, vectors ---------------------------------------------------------------------


@pytest.mark.parametrize("extents", [(20,), (21,), (6, 7, 8), (5, 4, 9)], ids=str)
def test_fourier_of_any_number_of_axes_is_the_inverse_transform(extents):
    variables, image = start(fourier(decay_power=1.2, standard_deviation=0.2), (*extents, 3))
    assert image.shape == (*extents, 3)
    axes = [np.fft.fftfreq(extent) for extent in extents[:-1]] + [np.fft.rfftfreq(extents[-1])]
    frequency = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    scale = np.sqrt(np.prod(extents)) / 4 / np.maximum(frequency, 1 / max(extents)) ** 1.2
    real, imaginary = np.moveaxis(np.asarray(variables.coefficients, np.float64), 1, -1) * scale[..., None]
    expected = np.fft.irfftn(real + 1j * imaginary, s=extents, axes=range(len(extents)))
    np.testing.assert_allclose(unsquashed(image), expected, atol=1e-4)


def test_a_vector_is_free_numbers_within_its_bounds():
    variables, image = start(pixels(standard_deviation=5), (3,))  # three features are no colours
    np.testing.assert_allclose(image, 1 / (1 + np.exp(-np.asarray(variables))), atol=1e-6)


# --- as data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameterization", EVERY, ids=lambda parameterization: parameterization.kind)
def test_text_and_data_give_the_parameterization_back(parameterization):
    again = from_json(parameterization.to_json())
    assert again == parameterization
    assert jax.tree.structure(again) == jax.tree.structure(parameterization)
    assert eval(str(parameterization), vars(parameterizations)) == parameterization
    np.testing.assert_array_equal(start(again, (9, 12, 3))[1], start(parameterization, (9, 12, 3))[1])


@pytest.mark.parametrize("parameterization", EVERY, ids=lambda parameterization: parameterization.kind)
def test_each_of_a_batch_is_what_it_is_alone_compiled_or_not(parameterization):
    keys = jax.random.split(jax.random.key(4), 3)
    draw = jax.jit(lambda key: parameterization.to_image(parameterization.init(key, 9, 12, 3)))
    together = jax.vmap(draw)(keys)
    assert together.shape == (3, 9, 12, 3)
    assert np.min(together) >= 0
    assert np.max(together) <= 1
    for place, key in enumerate(keys):
        np.testing.assert_allclose(together[place], draw(key), atol=1e-6)
        np.testing.assert_allclose(
            together[place], parameterization.to_image(parameterization.init(key, 9, 12, 3)), atol=1e-6
        )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: measure_colours(np.zeros((5, 4, 4, 3))), ValueError, "images are constant"),
        (lambda: measure_colours(np.zeros(3)), ValueError, r"give finite numbers, \[batch"),
        (lambda: measure_colours(np.full((5, 4, 4, 3), np.nan)), ValueError, "give finite numbers"),
        (lambda: starting_from(np.zeros((0, 8, 3))), ValueError, "give one image"),
        (lambda: fourier(colours=np.ones((3, 2))), ValueError, r"shape \(3, 2\); give the finite square matrix"),
        (lambda: start(fourier(colours=np.eye(4)), (8, 8, 3)), ValueError, "matrix of 4×4, the image has 3 channels"),
        (lambda: laplacian_pyramid(levels=0), ValueError, "levels is 0; give a whole number, 1 or more"),
        (lambda: cppn(layers=1.5), ValueError, "layers is 1.5"),
        (lambda: grayscale("fourier"), TypeError, "'fourier' is no parameterization"),
        (lambda: starting_from(PHOTOGRAPH * 255), ValueError, "values in \\[0, 1\\]"),
        (lambda: starting_from(PHOTOGRAPH, phase_only()), TypeError, "phase_only cannot make every image"),
        (lambda: start(starting_from(PHOTOGRAPH), (8, 8, 3)), ValueError, r"\(9, 12, 3\); this render makes"),
        (lambda: fourier().init(jax.random.key(0), 3), ValueError, "fourier needs positions"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_advice(make, error, message):
    with pytest.raises(error, match=message):
        make()
