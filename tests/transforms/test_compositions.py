"""Transforms composed: runs, borders, presets, and how they are written and refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disturbed import image_of, under_keys
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
