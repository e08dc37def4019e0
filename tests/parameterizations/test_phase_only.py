"""Phase only: magnitudes that no phase can change, and tables of magnitudes measured from images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxviz import parameterizations
from jaxviz.parameterizations import Phases, from_json, measure_magnitude, phase_only, tabulate_magnitude
from jaxviz.parameterizations.magnitude import read_magnitude

SIZES = [(8, 8, 3), (9, 7, 3), (12, 11, 1), (13, 4, 5), (32, 2), (31, 1), (6, 7, 8, 1)]
COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]]) / 0.46195


def free_phases(shape, seed=0):
    size = (*shape[:-2], shape[-2] // 2 + 1, shape[-1])
    angles = np.random.default_rng(seed).uniform(-9, 9, size).astype(np.float32)
    return Phases(jnp.array(angles), shape[-2])


@jax.jit
def image_of(parameterization, variables):
    return parameterization.to_image(variables)


def spectrum_of(image):
    """The complex waves of the image before squashing, and, of an image of three colours, before mixing."""
    image = np.asarray(image, np.float64)
    free = np.log(image / (1 - image))
    if image.ndim == 3 and image.shape[-1] == 3:
        free = free @ np.linalg.inv(COLOURS).T
    return np.fft.fftn(free, axes=range(image.ndim - 1)), free


def template(extents, decay_power, blur_pixels):
    frequency = np.sqrt(sum(f**2 for f in np.meshgrid(*map(np.fft.fftfreq, extents), indexing="ij")))
    frequency = np.maximum(frequency, 1 / max(extents))
    return frequency**-decay_power * np.exp(-((2 * np.pi * frequency * blur_pixels) ** 2) / 2)


@pytest.mark.smoke
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_no_phase_changes_how_much_of_a_wave_there_is(shape):
    parameterization = phase_only(decay_power=1.2, blur_pixels=0.4, contrast=0.7)
    wanted = template(shape[:-1], 1.2, 0.4)
    for seed in range(3):
        waves, _ = spectrum_of(image_of(parameterization, free_phases(shape, seed)))
        found = np.abs(waves) / np.prod(shape[:-1])
        own_mirror = np.ones(shape[:-1], bool)
        for axis, extent in enumerate(shape[:-1]):
            place = np.arange(extent).reshape([-1 if axis == other else 1 for other in range(len(shape) - 1)])
            own_mirror = own_mirror & ((place == 0) | (2 * place == extent))
        size = np.sqrt(np.sum(np.where(np.arange(wanted.size).reshape(wanted.shape) == 0, 0, wanted) ** 2))
        expected = 0.7 * wanted / size
        np.testing.assert_allclose(
            found[~own_mirror], np.broadcast_to(expected[..., None], found.shape)[~own_mirror], rtol=2e-3
        )
        assert np.all(found[own_mirror] <= np.broadcast_to(expected[..., None], found.shape)[own_mirror] * 1.002)


def test_the_image_before_squashing_deviates_by_the_contrast():
    for contrast in (0.5, 2.0):
        _, free = spectrum_of(image_of(phase_only(contrast=contrast), free_phases((65, 41, 3))))
        spread = free - free.mean(axis=(0, 1))
        np.testing.assert_allclose(np.sqrt(np.mean(spread**2)), contrast, rtol=1e-2)


def test_a_phase_moves_its_wave_along_its_own_direction():
    """Adding to every phase what a shift adds shifts the image, rows and columns told apart."""
    shape = (12, 9, 2)
    variables = free_phases(shape)
    rows, columns = np.fft.fftfreq(12)[:, None, None], np.fft.rfftfreq(9)[None, :, None]
    turn = -2 * np.pi * (2 * rows + 3 * columns)
    # Phases within the first column are differences of two mirrored ones, so that half of the turn is enough.
    turn[:, 0] /= 2
    moved = image_of(phase_only(), Phases(variables.angles + jnp.float32(turn), 9))
    still = image_of(phase_only(), variables)
    own = np.zeros((12, 5, 2), bool)
    own[[0, 6], 0] = True  # their phases are their own, and a cosine has two signs only
    one, two = (np.where(own, 0, spectrum_of(image)[0][:, :5]) for image in (np.roll(still, (2, 3), (0, 1)), moved))
    np.testing.assert_allclose(one, two, atol=2e-3)


# --- measured magnitudes ---------------------------------------------------------------------------


def noise_images(count, height, width, channels, magnitude, seed=0):
    noise = np.random.default_rng(seed).normal(size=(count, height, width, channels))
    waves = np.fft.fft2(noise, axes=(1, 2)) * magnitude(
        np.fft.fftfreq(height)[:, None, None], np.fft.fftfreq(width)[None, :, None], np.arange(channels)
    )
    free = np.fft.ifft2(waves, axes=(1, 2)).real
    return 0.5 + 0.05 * free / free.std()


@pytest.mark.parametrize("size", [(64, 64), (48, 81)], ids=str)
def test_the_table_of_images_gives_their_magnitude_on_another_canvas(size):
    def magnitude(rows, columns, channel):
        frequency = np.maximum(np.hypot(rows, columns), 1 / 81)
        tilted = 1 + 0.5 * np.cos(2 * np.arctan2(rows, columns))
        return (1 + channel) * tilted * frequency ** (-1.0 - 0.3 * channel)

    images = noise_images(80, *size, 2, magnitude)
    table = measure_magnitude(images)
    assert table.shape == (24, 12, 2)
    height, width = 40, 33
    read = np.moveaxis(np.asarray(read_magnitude(jnp.array(table), (height, width))), 0, -1)
    rows, columns = np.fft.fftfreq(height)[:, None, None], np.fft.rfftfreq(width)[None, :, None]
    expected = magnitude(rows, columns, np.arange(2))
    band = np.broadcast_to((np.hypot(rows, columns) > 0.05) & (np.hypot(rows, columns) < 0.5), read.shape)
    ratio = np.log(read[band] / expected[band])
    assert np.std(ratio) < 0.06  # the mean is free: only the form counts


def test_a_spectrum_from_elsewhere_gives_the_same_table_as_its_images():
    images = np.random.default_rng(0).uniform(size=(20, 24, 30, 3))
    waves = np.abs(np.fft.rfft2(images @ np.linalg.inv(COLOURS).T, axes=(1, 2))).mean(axis=0)
    np.testing.assert_allclose(tabulate_magnitude(waves, width=30), measure_magnitude(images), rtol=2e-3)


def test_colours_are_taken_apart_before_they_are_measured():
    """Images with brightness only hold nothing of the other two components, unless colours are taken as they are."""
    noise = np.random.default_rng(0).normal(size=(60, 32, 32, 3)) * [1, 0.1, 0.01]
    images = 0.5 + 0.05 * noise @ COLOURS.T
    apart, together = measure_magnitude(images).mean(axis=(0, 1)), measure_magnitude(images, decorrelated=False)
    np.testing.assert_allclose(apart / apart[0], [1, 0.1, 0.01], rtol=0.08)
    np.testing.assert_allclose(together.mean(axis=(0, 1)) / together[..., 0].mean(), [1, 1, 1], rtol=0.1)


def test_images_of_a_measured_phase_only_have_the_magnitude_that_was_measured():
    def magnitude(rows, columns, channel):
        return np.maximum(np.hypot(rows, columns), 1 / 64) ** -1.3

    images = noise_images(60, 64, 64, 1, magnitude)
    parameterization = phase_only(magnitude=measure_magnitude(images), contrast=0.2)
    made = np.stack([image_of(parameterization, free_phases((64, 64, 1), seed)) for seed in range(8)])
    given, found = (np.abs(np.fft.fft2(part - 0.5, axes=(1, 2))).mean(axis=(0, 3)) for part in (images, made))
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    band = (frequency > 0.03) & (frequency < 0.5)
    ratio = np.log(found[band] / given[band])
    assert np.std(ratio) < 0.12


def test_signals_are_measured_too():
    signals = np.random.default_rng(0).uniform(size=(50, 200, 2))
    table = measure_magnitude(signals)
    assert table.shape == (24, 1, 2)
    np.testing.assert_allclose(table, 1, atol=0.2)
    image = image_of(phase_only(magnitude=table), free_phases((37, 2)))
    assert image.shape == (37, 2)


# --- as data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameterization",
    [phase_only(), phase_only(decay_power=2, contrast=1.5), phase_only(decorrelated=False, blur_pixels=0),
     phase_only(magnitude=measure_magnitude(np.random.default_rng(0).uniform(size=(2, 16, 16, 1))))],
    ids=lambda parameterization: repr(parameterization)[:60],
)  # fmt: skip
def test_text_and_data_give_the_parameterization_back(parameterization):
    assert from_json(parameterization.to_json()) == parameterization
    assert eval(str(parameterization), vars(parameterizations)) == parameterization
    assert len(repr(parameterization)) < 80
    shape = (9, 10, 1)
    again = image_of(from_json(parameterization.to_json()), free_phases(shape))
    np.testing.assert_array_equal(again, image_of(parameterization, free_phases(shape)))


def test_moving_a_number_compiles_nothing():
    traces = []

    @jax.jit
    def draw(parameterization, variables):
        traces.append(parameterization)
        return parameterization.to_image(variables)

    variables = free_phases((10, 12, 3))
    images = [
        draw(phase_only(**options), variables)
        for options in ({}, {"decay_power": 2}, {"contrast": 3, "blur_pixels": 1})
    ]
    assert len(traces) == 1
    assert repr(traces[0]).startswith("<traced ")
    assert min(np.abs(images[0] - other).max() for other in images[1:]) > 0.01
    assert (np.abs(images[2] - images[1]) > 0.01).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: phase_only(contrast=-1), "contrast is -1. Give a finite number, 0 or more"),
        (lambda: phase_only(blur_pixels=float("nan")), "blur_pixels is nan"),
        (lambda: phase_only(decay_power=1, magnitude=np.ones((24, 12, 3))), "Give either decay_power and blur_pixels"),
        (lambda: phase_only(magnitude=np.ones((8, 5, 3))), r"shape \(8, 5, 3\) and type float64; give what"),
        (lambda: phase_only(magnitude=np.zeros((24, 12, 3))), "holds zero, negative, infinite or undefined numbers"),
        (lambda: measure_magnitude(np.zeros((2, 8, 8, 3)), colours=np.eye(2)), "2×2, the images have 3 channels"),
        (lambda: measure_magnitude(np.zeros((0, 8, 8, 3))), r"shape \(0, 8, 8, 3\); give \[batch"),
        (lambda: measure_magnitude(np.full((3, 8, 8, 1), 0.5)), "all images are constant"),
        (lambda: tabulate_magnitude(np.ones((8, 6, 3)), width=8), r"8 pixels wide it is \[height, 5, channel\]"),
        (lambda: tabulate_magnitude(-np.ones((8, 5, 3)), width=8), "negative, infinite or undefined"),
        (lambda: phase_only().init(jax.random.key(0), 7), r"phase_only needs positions; a vector of \(7,\) has none"),
        (
            lambda: phase_only(magnitude=np.ones((24, 1, 3))).init(jax.random.key(0), 8, 8, 2),
            "measured on 3 channels, the image has 2",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_advice(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- tables from files -----------------------------------------------------------------------------


@pytest.fixture
def measured():
    return measure_magnitude(np.random.default_rng(3).uniform(size=(4, 16, 18, 3)))


def test_a_magnitude_from_a_file_is_the_one_that_was_measured(measured, tmp_path):
    np.save(tmp_path / "cells.npy", measured)
    np.savez(tmp_path / "alone.npz", measured)
    np.savez(tmp_path / "named.npz", magnitude=measured.astype(np.float64), mean=np.zeros(3))
    for path in (tmp_path / "cells.npy", str(tmp_path / "alone.npz"), tmp_path / "named.npz"):
        parameterization = phase_only(magnitude=path)
        assert parameterization == phase_only(magnitude=measured)
        assert from_json(parameterization.to_json()) == parameterization  # it holds the numbers and not the path
    variables = free_phases((16, 18, 3))
    np.testing.assert_array_equal(
        image_of(parameterization, variables), image_of(phase_only(magnitude=measured), variables)
    )


def test_a_missing_file_of_a_magnitude_is_answered_with_the_closest(measured, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"There is no file '.*cells\.npy'\. numpy\.save and numpy\.savez write"
    ):
        phase_only(magnitude=tmp_path / "cells.npy")
    np.save(tmp_path / "cells.npy", measured)
    with pytest.raises(FileNotFoundError, match=r"Did you mean '.*cells\.npy'\?"):
        phase_only(magnitude=tmp_path / "cell.npy")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lambda table: table[:23],
            r"magnitude in '.*' has shape \(23, 12, 3\) and type float32; give what measure_mag",
        ),
        (lambda table: table[..., 0], r"has shape \(24, 12\) and type float32"),
        (lambda table: table.astype(complex), r"has shape \(24, 12, 3\) and type complex128"),
        (lambda table: np.where(table == table.max(), np.nan, table), "holds zero, negative, infinite or undefined"),
        (lambda table: -table, "holds zero, negative, infinite or undefined"),
        (lambda table: {"low": table, "high": table}, "holds low, high; call the table 'magnitude'"),
        (lambda table: b"not an array", r"is no \.npy or \.npz file of numbers"),
        (lambda table: b"", r"is no \.npy or \.npz file of numbers"),
    ],
    ids=["frequencies", "axes", "complex", "nan", "negative", "two tables", "text", "empty"],
)
def test_a_file_that_holds_no_magnitude_is_refused(measured, tmp_path, content, message):
    made, path = content(measured), tmp_path / "file"
    with path.open("wb") as file:
        if isinstance(made, bytes):
            file.write(made)
        elif isinstance(made, dict):
            np.savez(file, **made)
        else:
            np.save(file, made)
    with pytest.raises(ValueError, match=message):
        phase_only(magnitude=path)


def test_a_magnitude_is_measured_on_the_components_that_are_mixed():
    colours = np.array([[1.0, 0.5], [0.0, 0.5]])
    components = np.random.default_rng(4).normal(size=(40, 16, 16, 2)) * [1.0, 0.1]
    table = measure_magnitude(components @ colours.T, colours=colours)
    np.testing.assert_allclose(table, measure_magnitude(components), rtol=1e-3)
