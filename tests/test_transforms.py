"""Transforms: where they move pixels, against NumPy and jax's own interpolation; what they draw; their forms."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.scipy.ndimage import map_coordinates

from jaxviz import transforms
from jaxviz.transforms import (
    Transform,
    compose,
    crop,
    distill_2017,
    from_json,
    jitter,
    lucid,
    pad,
    rotate,
    scale,
    shift,
)

SIZES = [(7, 9, 3), (8, 6, 1), (5, 12, 4)]


def image_of(*shape):
    return jnp.array(np.random.default_rng(1).uniform(size=shape).astype(np.float32))


def keys(count):
    return jax.random.split(jax.random.key(3), count)


def under_keys(transform, image, count):
    """The results of one image under as many keys."""
    return np.asarray(jax.vmap(transform, in_axes=(0, None))(keys(count), image))


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


# --- composition -----------------------------------------------------------------------------------


def test_a_run_loses_nothing_between_its_members_and_blurs_once(key):
    image = image_of(7, 8, 3)
    there_and_back = compose(shift(choices=[5.5]), rotate(choices=[40]), rotate(choices=[-40]), shift(choices=[-5.5]))
    np.testing.assert_allclose(there_and_back(key, image), image, atol=1e-5)


def test_a_second_border_begins_a_new_run(key):
    image = image_of(5, 4, 2)
    twice = compose(pad(1, fill=0.0), shift(choices=[1]), pad(1, fill=1.0))(key, image)
    black = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    moved = np.pad(black, ((1, 0), (1, 0), (0, 0)))[:-1, :-1]
    np.testing.assert_array_equal(twice, np.pad(moved, ((1, 1), (1, 1), (0, 0)), constant_values=1))


class Brighter(Transform):
    """A transform that moves nothing."""

    kind = "brighter"

    def __call__(self, key, image):
        return image + jax.random.uniform(key)

    def output_size(self, height, width):
        return height, width


def test_other_transforms_take_their_turn_between_runs(key):
    image = image_of(5, 4, 2)
    result = compose(pad(1, fill=0.0), Brighter(), pad(1, fill=0.0))(key, image)
    added = result[1, 1, 0]
    assert 0 < added < 1
    expected = np.pad(np.pad(image, ((1, 1), (1, 1), (0, 0))) + added, ((1, 1), (1, 1), (0, 0)))
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_compositions_are_flat_and_one_transform_does_the_same_composed(key):
    assert compose(compose(pad(1), jitter(2)), rotate(3)) == compose(pad(1), compose(jitter(2), rotate(3)))
    image = image_of(9, 9, 3)
    for transform in (jitter(3), rotate(40), pad(2, fill="uniform")):
        np.testing.assert_array_equal(compose(transform)(key, image), transform(key, image))


# --- gradients -------------------------------------------------------------------------------------


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


def test_moving_a_number_compiles_nothing(key):
    compilations = []

    @jax.jit
    def disturb(transform, image):
        compilations.append(transform)
        return transform(key, image)

    image = image_of(12, 12, 3)
    for size in (1.0, 2.0, 3.0):
        transform = compose(pad(2, fill=size / 10), shift(size), scale(1 / size, 1.5), rotate(choices=[size, -size]))
        np.testing.assert_allclose(disturb(transform, image), transform(key, image), atol=1e-5)
    assert len(compilations) == 1
    assert repr(compilations[0]) == "<traced compose>"


def test_a_border_of_a_colour_is_outside_wherever_the_image_is_moved(key):
    image, colour = image_of(6, 7, 3), np.float32([0.1, 0.5, 0.9])
    border = pad(4, fill=colour.tolist())
    assert transforms.from_json(border.to_json()) == border
    assert eval(repr(border), vars(transforms)) == border
    moved = np.asarray(compose(border, shift(2))(key, image))
    np.testing.assert_allclose(moved[:2], np.broadcast_to(colour, (2, 15, 3)), atol=1e-6)
    channels = [
        compose(pad(4, fill=float(level)), shift(2))(key, image)[..., place] for place, level in enumerate(colour)
    ]
    np.testing.assert_allclose(moved, np.stack(channels, axis=-1), atol=1e-6)
    with pytest.raises(ValueError, match="The fill has 3 numbers, but the image 1 channels"):
        border(key, image[..., :1])


def test_a_border_of_the_data_is_grey_where_there_are_none(key):
    image = image_of(4, 5, 3)
    border = pad(1, fill="data")
    np.testing.assert_array_equal(border(key, image), pad(1)(key, image))
    assert transforms.from_json(border.to_json()) == border
    assert border.of_data([0.25, 0.5, 0.75]) == pad(1, fill=[0.25, 0.5, 0.75])
    assert pad(1, fill=0.25).of_data([1.0]) == pad(1, fill=0.25)


# --- presets ---------------------------------------------------------------------------------------


def test_lucid_has_the_numbers_of_its_code():
    records = lucid().to_json()["transforms"]
    assert [record.pop("kind") for record in records] == ["pad", "jitter", "scale", "rotate", "jitter"]
    assert records[0] == {"pixels": 12, "fill": 0.5}
    assert [records[1], records[4]] == [{"pixels": 8}, {"pixels": 4}]
    np.testing.assert_allclose(records[2]["choices"], np.linspace(0.9, 1.1, 11), rtol=1e-6)
    angles = records[3]["choices"]
    assert sorted(set(angles)) == list(range(-10, 11))
    assert {angle: angles.count(angle) for angle in set(angles)} == dict.fromkeys(range(-10, 11), 1) | {0: 6}


def test_distill_2017_has_the_numbers_of_the_article():
    records = distill_2017().to_json()["transforms"]
    kinds = ["pad", "jitter", "scale", "rotate", "jitter", "crop"]
    assert [record.pop("kind") for record in records] == kinds
    assert [records[place]["pixels"] for place in (0, 1, 4)] == [16, 16, 8]
    assert sorted(records[2]["choices"]) == [0.95, 0.975, 1, 1.025, 1.05]
    assert records[3]["choices"] == list(range(-5, 6))


@pytest.mark.parametrize(("preset", "more"), [(lucid(), 12), (distill_2017(), 0)], ids=["lucid", "distill_2017"])
def test_presets_have_one_size_whatever_they_draw(preset, more):
    assert preset.output_size(64, 64) == (64 + more, 64 + more)
    results = under_keys(preset, image_of(33, 48, 3), 20)
    assert results.shape == (20, 33 + more, 48 + more, 3)
    assert np.all((results >= 0) & (results <= 1.0001))


# --- forms and errors ------------------------------------------------------------------------------

NUMBERS = st.floats(0, 30, width=32)
MEMBERS = st.one_of(
    st.builds(pad, st.integers(0, 9), fill=st.sampled_from(["uniform", "reflect"]) | st.floats(0, 1)),
    st.builds(crop, st.integers(0, 9)),
    st.builds(jitter, st.integers(0, 9)),
    st.builds(shift, NUMBERS),
    st.builds(lambda numbers: shift(choices=numbers), st.lists(NUMBERS, min_size=1)),
    st.builds(lambda low, more: scale(low, low + more), st.floats(0.1, 2), NUMBERS),
    st.builds(rotate, NUMBERS),
)


@given(st.lists(MEMBERS, max_size=4))
def test_text_and_data_give_the_transform_back(members):
    for transform in [*members, compose(*members)]:
        assert eval(str(transform), vars(transforms)) == transform
        assert from_json(transform.to_json()) == transform
        assert hash(from_json(transform.to_json())) == hash(transform)
        assert jax.tree.structure(from_json(transform.to_json())) == jax.tree.structure(transform)


def test_text_is_short_python():
    transform = compose(pad(np.int64(3), fill="reflect"), scale(0.9, 1.1), rotate(choices=[-5, 0.5]))
    assert str(transform) == 'compose(pad(3, fill="reflect"), scale(0.9, 1.1), rotate(choices=[-5, 0.5]))'


def test_equality_is_about_values_and_not_about_arrays():
    assert jax.tree.map(jnp.array, scale(0.5, 1.5)) == scale(0.5, 1.5) != scale(0.5, 2)
    assert rotate(10) != rotate(choices=[10])
    assert rotate(10) != "rotate(10)"
    assert pad(2) != crop(2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pad(-1), ValueError, r"The number of pixels is -1\. Give zero or more"),
        (lambda: pad(1.5), TypeError, r"The number of pixels is 1\.5 \(float\)\. Give a whole number"),
        (lambda: crop(True), TypeError, r"is True \(bool\)"),
        (lambda: pad(1, fill="reflekt"), ValueError, r"Unknown fill 'reflekt'.* Did you mean 'reflect'\?"),
        (lambda: pad(1, fill=2), ValueError, r"The fill is 2\. Images lie in \[0, 1\]"),
        (lambda: pad(1, fill=float("nan")), ValueError, "The fill is nan"),
        (lambda: shift(), ValueError, r"either a range or choices, as in shift\(8\) or shift\(choices="),
        (lambda: shift(1, choices=[1]), ValueError, "either a range or choices"),
        (lambda: shift(-1), ValueError, r"The greatest distance is -1\. Give a finite number"),
        (lambda: scale(0.9), ValueError, r"as in scale\(0\.9, 1\.1\)"),
        (lambda: scale(0.9, choices=[1]), ValueError, "either a range or choices"),
        (lambda: scale(1.1, 0.9), ValueError, r"The factors are 1\.1 to 0\.9\. Give numbers above zero"),
        (lambda: scale(0, 1), ValueError, "above zero"),
        (lambda: scale(choices=[1, 0]), ValueError, "above zero"),
        (lambda: rotate(float("inf")), ValueError, "The greatest angle is inf"),
        (lambda: rotate(choices=[]), ValueError, "The angles to choose from are"),
        (lambda: rotate(choices=[float("nan")]), ValueError, "Give finite numbers, one or more"),
        (lambda: compose([pad(2), crop(4)]), TypeError, r"is no transform; give one such as.*each by itself"),
        (lambda: compose(pad(2), crop(4)).output_size(4, 9), ValueError, r"crop\(4\) takes 8 pixels off"),
        (lambda: jitter(4).output_size(9, 4), ValueError, "leaves nothing of an image of 9 by 4"),
        (
            lambda: from_json({"kind": "swirl"}),
            ValueError,
            "kind of transform 'swirl'. Known kinds: annealed, background",
        ),
        (lambda: from_json({"kind": "pad"}), ValueError, "'pad' describes no transform: .*'pixels'"),
        (lambda: from_json({"kind": "compose"}), ValueError, "'compose' describes no transform: 'transforms'"),
    ],
)
def test_factories_refuse_what_cannot_be(make, error, message):
    with pytest.raises(error, match=message):
        make()
