"""The numbers of presets can be moved, one by one, and nothing else moves with them."""

import dataclasses
import json
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxviz
from compiling import compilations
from jaxviz import optimizers, transforms
from jaxviz.presets import PRESETS, compare_presets, named
from jaxviz.results.dials import KNOWN, WHOLE, dials_of

EVERY = [(name, number) for name, preset in PRESETS.items() for number in preset.numbers()]


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(lambda images: jnp.square(images - 0.4).mean((1, 2)), input_shape=(48, 48, 3), name="Small")


def other(number, value):
    """Return another number within the limits, near enough to climb."""
    least, greatest = KNOWN[number].least, KNOWN[number].greatest
    if number in (*WHOLE, "max_shift_pixels"):  # the latter is whole in some
        return value + 1
    return min(greatest, 1.25 * value) if value and 1.25 * value <= greatest else max(least, value * 0.75 or 0.01)


def written(preset, *, but=()):
    """Write down all that a preset gives to a climb."""
    settings = preset.settings(size=96, steps=20)
    settings["optimizer"] = settings["optimizer"] and settings["optimizer"].record
    penalty = preset.penalty_in(size=96, steps=20)
    parts = {name: str(part) for name, part in settings.items()} | {"penalty": str(penalty)}
    return {name: part for name, part in parts.items() if name not in but}


@pytest.mark.parametrize(("name", "number"), EVERY)
def test_a_number_that_is_moved_is_there_and_alone(name, number):
    preset = PRESETS[name]
    value = other(number, preset.numbers()[number])
    moved = preset.changed(**{number: value})
    own, after = preset.numbers(), moved.numbers()
    assert moved.name == f"{name} ({number} {value:g})"
    assert written(moved) != written(preset)
    if number not in ("penalty", "total_variation"):
        assert after.pop(number) == pytest.approx(value, rel=1e-6)
        own.pop(number)
    after.pop("penalty", None)
    own.pop("penalty", None)
    assert after == pytest.approx(own, rel=1e-6)


@pytest.mark.parametrize(("name", "number"), EVERY)
def test_a_number_that_is_moved_to_where_it_is_changes_nothing(name, number):
    preset = PRESETS[name]
    same = preset.changed(**{number: preset.numbers(size=96)[number]})
    assert {**written(same), "penalty": ""} == {**written(preset), "penalty": ""}
    if preset.penalty is None:
        assert written(same) == written(preset)


def test_what_a_transform_draws_from_goes_further_in_proportion():
    further = named("lucid").changed(scale_range=0.2, max_degrees=5).settings()["transforms"].to_json()["transforms"]
    drawn = {record["kind"]: record["choices"] for record in further if "choices" in record}
    own = {record["kind"]: record["choices"] for record in transforms.lucid().to_json()["transforms"][2:4]}
    np.testing.assert_allclose(np.array(drawn["scale"]) - 1, 2 * (np.array(own["scale"]) - 1), atol=1e-6)
    np.testing.assert_allclose(drawn["rotate"], np.array(own["rotate"]) / 2, atol=1e-5)


def test_whole_pixels_stay_whole():
    shift = named("vital").changed(max_shift_pixels=10).settings(size=96)["transforms"].to_json()["transforms"][-1]
    assert all(choice.is_integer() for choice in shift["choices"])
    assert (min(shift["choices"]), max(shift["choices"])) == (-10, 10)


def test_noise_can_be_given_to_what_has_none_and_is_the_last_disturbance():
    plain = named("dvt_1").changed(noise=0.2).settings()["transforms"]
    assert plain == transforms.compose(transforms.noise(0.2))
    lucid = named("lucid").changed(noise=0.1).settings()["transforms"]
    assert lucid == transforms.lucid_noise()
    views = dataclasses.replace(
        named("lucid"), transforms=lambda _: transforms.several_views(transforms.shift(3), count=2)
    )
    noisy = views.changed(noise=0.1).settings()["transforms"]
    assert noisy == transforms.several_views(transforms.compose(transforms.shift(3), transforms.noise(0.1)), count=2)


def test_annealed_crops_keep_their_ratio_and_their_steps():
    crops = named("maco_xplique").changed(crop_share=0.25).settings(steps=40)["transforms"].to_json()
    (annealed,) = [record for record in crops["inner"]["transforms"] if record["kind"] == "annealed"]
    assert (annealed["first"]["share"], annealed["last"]["share"], annealed["steps"]) == (0.25, 0.025, 40)


def test_a_penalty_counts_as_many_times_and_total_variation_is_added():
    image = jnp.asarray(np.random.default_rng(0).random((6, 5, 3)), jnp.float32)
    preset = named("tf_keras_vis")
    changed = preset.changed(penalty=3, total_variation=0.5)
    own, both = (each.penalty_in(size=6).score({}, image) for each in (preset, changed))
    total_variation = jaxviz.total_variation().score({}, image)
    np.testing.assert_allclose(both, 3 * own + 0.5 * total_variation, rtol=1e-5)
    assert named("lucid").changed(total_variation=0.0).penalty_in() is None


def test_a_moved_number_of_the_toolbox_is_what_its_optimizer_makes_of_it(model):
    moved = named("dvt_1").changed(decay=0.1, small_norm_percent=0.0)
    made = moved.render(model, "mean", units=[0], size=48, steps=5, progress=False)
    numbers = {"blur_pixels": 0.5, "blur_every": 4, "decay": 0.1}
    alone = jaxviz.render(
        model,
        "mean",
        units=[0],
        parameterization=jaxviz.pixels(decorrelated=False, squashed=False, standard_deviation=10 / 255),
        transforms=None,
        optimizer=jaxviz.optimizers.yosinski(progress=2.0, max_learning_rate=100 / 255**2, **numbers),
        size=48,
        steps=5,
        progress=False,
    )
    np.testing.assert_array_equal(made.images, alone.images)


@pytest.mark.parametrize("number", [number for number in named("phase_only").numbers() if number != "total_variation"])
def test_another_number_compiles_nothing(model, number):
    preset = named("phase_only")
    options = {"units": [0], "size": 48, "steps": 4, "progress": False}
    preset.render(model, "mean", **options)
    with compilations() as compiled:
        preset.changed(**{number: other(number, preset.numbers()[number])}).render(model, "mean", **options)
    assert compiled == []


def test_changed_presets_are_compared_under_their_names(model):
    presets = ["dvt_3", named("dvt_3").changed(decay=0.01)]
    comparison = compare_presets(model, "mean", units=[0], presets=presets, size=48, steps=3, progress=False)
    assert list(comparison) == ["dvt_3", "dvt_3 (decay 0.01)"]
    assert np.abs(comparison["dvt_3"].images - comparison["dvt_3 (decay 0.01)"].images).max() > 1e-4


@pytest.mark.parametrize(
    ("numbers", "error", "message"),
    [
        ({"decai": 1.0}, TypeError, "Preset 'dvt_1' has no number 'decai' to move. Did you mean 'decay'?"),
        ({"zzz": 1.0}, TypeError, "has no number 'zzz' to move. There are: progress, "),
        ({"decay": 1.5}, ValueError, "decay is 1.5; it must be from 0 to 1"),
        ({"decay": math.nan}, TypeError, "decay is nan; it must be a finite number"),
        ({"decay": True}, TypeError, "decay is True; it must be a finite number"),
        ({"blur_every": 1.5}, ValueError, "blur_every is 1.5; it must be a whole number"),
        ({"progress": 0}, ValueError, "progress is 0; it must be from 1e-12"),
    ],
)
def test_what_a_number_cannot_be_is_said_at_once(numbers, error, message):
    with pytest.raises(error) as raised:
        named("dvt_1").changed(**numbers)
    assert message in str(raised.value)


def test_a_preset_of_ones_own_may_go_farther_than_the_published():
    own = dataclasses.replace(
        named("simonyan_2013"), optimizer=lambda _: optimizers.l2_decayed(decay=5, learning_rate=1)
    )
    (dial,) = [dial for dial in dials_of(own.numbers()) if dial["name"] == "decay"]
    assert (dial["value"], dial["high"], dial["greatest"]) == (5, 5, 5)
    assert own.changed(decay=4).settings()["optimizer"].record["decay"] == 4
    with pytest.raises(ValueError, match="decay is 6; it must be from 0 to 5"):
        own.changed(decay=6)


@given(st.sampled_from(EVERY), st.integers(24, 600))
def test_a_dial_holds_its_number_at_any_size(place, size):
    name, number = place
    (dial,) = [dial for dial in dials_of(PRESETS[name].numbers(size=size)) if dial["name"] == number]
    assert dial["least"] <= dial["low"] <= dial["value"] <= dial["high"] <= dial["greatest"]
    assert dial["step"] >= 0
    assert dial["label"]
    assert dial["meaning"]
    assert json.loads(json.dumps(dial)) == dial
