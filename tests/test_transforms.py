"""Transforms: where they move pixels, against NumPy; what they draw."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from disturbed import image_of, keys, under_keys
from jaxviz.transforms import (
    compose,
    crop,
    jitter,
    pad,
    rotate,
    scale,
    shift,
)

SIZES = [(7, 9, 3), (8, 6, 1), (5, 12, 4)]


def ramp(height, width):
    """An image whose two channels are the row and the column of every pixel."""
    return jnp.array(np.moveaxis(np.indices((height, width)), 0, -1), jnp.float32)


def backward(transform, size, random):
    """Size of the result and the map from its positions to the source's, in double precision, from corner to corner."""
    height, width = size
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    record = transform.to_json()
    kind = record.pop("kind")
    if kind in ("pad", "crop"):
        pixels = record["pixels"] if kind == "pad" else -record["pixels"]
        return (height + 2 * pixels, width + 2 * pixels), lambda position: position - pixels
    if kind == "jitter":
        pixels = record["pixels"]
        first = np.floor(random[:2] * (pixels + 1))
        return (height - pixels, width - pixels), lambda position: position + first
    (value,) = record["choices"]
    if kind == "shift":
        return size, lambda position: position - value
    if kind == "scale":
        return size, lambda position: (position - centre) / value + centre
    cosine, sine = np.cos(np.deg2rad(value)), np.sin(np.deg2rad(value))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return size, lambda position: turn @ (position - centre) + centre


def read(image, position, outside):
    """Bilinear interpolation, pixel by pixel."""
    first = np.floor(position).astype(int)
    value = np.zeros(image.shape[2])
    for steps in itertools.product((0, 1), (0, 1)):
        tap = first + steps
        inside = np.all(tap >= 0) and np.all(tap < image.shape[:2])
        value += np.prod(1 - np.abs(tap - position)) * (image[tuple(tap)] if inside else outside)
    return value


def by_numpy(members, image, outside=0.5):
    """What a run does whose every draw has one possible value."""
    image, size, maps = np.asarray(image, np.float64), image.shape[:2], []
    for member in members:
        size, look_up = backward(member, size, np.zeros(2))
        maps.append(look_up)
    result = np.zeros((*size, image.shape[2]))
    for place in np.ndindex(*size):
        position = np.array(place, np.float64)
        for look_up in reversed(maps):
            position = look_up(position)
        result[place] = read(image, position, outside)
    return result


RUNS = {
    "rotate": [rotate(choices=[17])],
    "rotate clockwise": [rotate(choices=[-80])],
    "scale up": [scale(choices=[1.7])],
    "scale down": [scale(choices=[0.6])],
    "shift": [shift(choices=[-1.3])],
    "far shift": [shift(choices=[100])],
    "crop after pad": [pad(3, fill=0.25), crop(2)],
    "all": [pad(2), scale(choices=[1.1]), rotate(choices=[-7]), shift(choices=[0.4]), crop(1)],
    "all, other order": [shift(choices=[2.5]), rotate(choices=[30]), pad(1, fill=0.0), scale(choices=[0.8])],
}
OUTSIDE = {"crop after pad": 0.25, "all, other order": 0.0}


@pytest.mark.smoke
@pytest.mark.parametrize(("name", "shape"), list(zip(RUNS, itertools.cycle(SIZES), strict=False)))
def test_pixels_come_from_where_numpy_finds_them(name, shape, key):
    image, transform = image_of(*shape), compose(*RUNS[name])
    expected = by_numpy(RUNS[name], image, OUTSIDE.get(name, 0.5))
    assert transform.output_size(*shape[:2]) == expected.shape[:2]
    np.testing.assert_allclose(transform(key, image), expected, atol=2e-5)


def test_a_quarter_turn_is_that_of_numpy(key):
    for image in (image_of(5, 5, 3), image_of(6, 6, 1)):
        np.testing.assert_allclose(rotate(choices=[90])(key, image), np.rot90(image), atol=1e-5)
        np.testing.assert_allclose(rotate(choices=[-90])(key, image), np.rot90(image, -1), atol=1e-5)
    half = rotate(choices=[180])(key, image_of(5, 8, 3))
    np.testing.assert_allclose(half, image_of(5, 8, 3)[::-1, ::-1], atol=1e-5)


def test_a_positive_angle_moves_what_is_on_the_right_up(key):
    image = jnp.zeros((9, 9, 1)).at[4, 7].set(1.0)
    row, column, _ = np.unravel_index(np.argmax(compose(pad(0, fill=0), rotate(choices=[30]))(key, image)), (9, 9, 1))
    assert row < 4
    assert column > 4


def test_a_factor_above_one_magnifies_and_one_below_shows_the_outside(key):
    image = jnp.zeros((9, 11, 1)).at[3:6, 4:7].set(1.0)
    assert np.sum(scale(choices=[2])(key, image)) > 3 * np.sum(image)
    smaller = np.asarray(scale(choices=[0.5])(key, image))
    np.testing.assert_allclose(smaller[0], 0.5, atol=1e-6)
    assert np.sum(smaller[2:7, 3:8] > 0.9) < 9


@pytest.mark.parametrize("shape", [(7, 8, 3), (1, 5, 2)], ids=str)
def test_whole_pixels_are_copied_exactly(shape, key):
    image = image_of(*shape)
    grey = np.pad(image, ((4, 4), (4, 4), (0, 0)), constant_values=0.3)
    np.testing.assert_array_equal(pad(4, fill=0.3)(key, image), np.float32(grey))
    moved = compose(pad(4, fill=0.3), shift(choices=[2]), crop(2))(key, image)
    np.testing.assert_array_equal(moved, np.float32(grey)[:-4, :-4])
    np.testing.assert_array_equal(compose(scale(choices=[1]), rotate(choices=[0]))(key, image), image)
    np.testing.assert_array_equal(compose()(key, image), image)
    jittered = np.asarray(compose(pad(4, fill=0.3), jitter(5))(key, image))
    height, width = jittered.shape[:2]
    windows = [grey[row : row + height, column : column + width] for row in range(6) for column in range(6)]
    assert any(np.array_equal(jittered, np.float32(window)) for window in windows)


@pytest.mark.parametrize(("shape", "pixels"), [((7, 8, 3), 3), ((6, 5, 1), 25), ((1, 4, 2), 2)])
def test_reflection_is_that_of_numpy_however_wide(shape, pixels, key):
    image = image_of(*shape)
    expected = np.pad(image, ((pixels, pixels), (pixels, pixels), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(pad(pixels, fill="reflect")(key, image), expected)
    # Between pixels the mirrored image is interpolated like any other.
    moved = compose(pad(pixels, fill="reflect"), shift(choices=[0.5]))(key, image)[1:, 1:]
    between = (expected[1:, 1:] + expected[:-1, 1:] + expected[1:, :-1] + expected[:-1, :-1]) / 4
    np.testing.assert_allclose(moved, between, atol=1e-5)


def test_a_uniform_border_has_one_value_for_each_image():
    image = image_of(4, 5, 3)
    padded = under_keys(pad(2, fill="uniform"), image, 500)
    greys = padded[:, 0, 0, 0]
    np.testing.assert_array_equal(padded[:, 0], np.broadcast_to(greys[:, None, None], (500, 9, 3)))
    np.testing.assert_array_equal(padded[:, 2:-2, 2:-2], np.broadcast_to(image, (500, 4, 5, 3)))
    np.testing.assert_allclose([greys.min(), greys.mean(), greys.max()], [0, 0.5, 1], atol=0.05)


# --- draws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixels", [1, 4])
def test_jitter_crops_at_every_place_equally_often(pixels):
    firsts = under_keys(jitter(pixels), ramp(20, 23), 6000)[:, 0, 0]
    places, counts = np.unique(firsts, axis=0, return_counts=True)
    every = list(itertools.product(range(pixels + 1), range(pixels + 1)))
    assert [tuple(place) for place in places] == every
    expected = 6000 / len(every)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def shifts_of(transform):
    return 20 - under_keys(transform, ramp(41, 41), 2000)[:, 20, 20]


def test_shift_draws_rows_and_columns_independently_from_the_range():
    moved = shifts_of(shift(6))
    assert np.abs(moved).max() <= 6.0001
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=0.3)
    np.testing.assert_allclose(moved.std(axis=0), 6 / np.sqrt(3), rtol=0.05)
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.08


def test_choices_are_drawn_as_often_as_they_are_listed():
    values, counts = np.unique(shifts_of(shift(choices=[-2, 0, 0, 5])).round(3), return_counts=True)
    assert values.tolist() == [-2, 0, 5]
    np.testing.assert_allclose(counts / counts.sum(), [0.25, 0.5, 0.25], atol=0.03)


def test_scale_and_rotate_draw_from_their_ranges():
    factors = 10 / (under_keys(scale(0.8, 1.5), ramp(41, 41), 2000)[:, 20, 30, 1] - 20)
    np.testing.assert_allclose([factors.min(), factors.mean(), factors.max()], [0.8, 1.15, 1.5], atol=0.02)
    sines = (under_keys(rotate(30), ramp(41, 41), 2000)[:, 30, 20, 1] - 20) / -10
    angles = np.rad2deg(np.arcsin(np.clip(sines, -1, 1)))
    np.testing.assert_allclose([angles.min(), angles.mean(), angles.max()], [-30, 0, 30], atol=0.7)


def test_every_key_of_a_batch_disturbs_by_itself_and_alike_each_time():
    image = image_of(12, 10, 3)
    transform = compose(pad(2, fill="uniform"), scale(0.9, 1.1), rotate(5), jitter(2))
    together = under_keys(transform, image, 4)
    alone = np.stack([transform(key, image) for key in keys(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert all(np.abs(first - second).max() > 0.05 for first, second in itertools.combinations(together, 2))
