"""Channels have random gains behind activation functions: those drawn for each view, and nothing else changes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxviz
from compiling import compilations
from jaxviz import transforms
from jaxviz.rendering.request import make_request
from jaxviz.transforms.gains import drawn_gains

WEIGHTS = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
MORE = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
GAINS = transforms.gains(0.4, rising_steps=1)
PIXELS = jaxviz.pixels(squashed=False, decorrelated=False, standard_deviation=0.1)


def network(images):
    """Two layers of pixels by themselves, the last of which has no activation function."""
    with jax.named_scope("first"):
        hidden = jax.nn.relu(images @ WEIGHTS)
    with jax.named_scope("last"):
        return hidden @ MORE


def channels_first(images):
    """Two layers of pixels by themselves, as convolutions of 1 x 1."""
    hidden = jax.nn.relu(jnp.moveaxis(images, -1, 1))
    hidden = jax.nn.relu6(jax.lax.conv_general_dilated(hidden, WEIGHTS.T[:, :, None, None], (1, 1), "VALID"))
    with jax.named_scope("last"):
        return jax.lax.conv_general_dilated(hidden, MORE.T[:, :, None, None], (1, 1), "VALID")


def channels_last(images):
    hidden = jax.nn.relu6(jax.nn.relu(images) @ WEIGHTS)
    with jax.named_scope("last"):
        return hidden @ MORE


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(network, input_shape=(9, 7, 3))


def render(model, *arguments, **options):
    usual = {"steps": 1, "size": (9, 7), "progress": False, "parameterization": PIXELS, "learning_rate": 0.01}
    return jaxviz.render(model, *arguments, **(usual | options))


def first_image_and_key(model, unit, key=0):
    """Return the picture that a climb begins with and the key of its first step, as docs/architecture.md says."""
    request = make_request(
        model, "last", units=[unit], steps=1, size=(9, 7), key=key, parameterization=PIXELS, transforms=None,
        optimizer=None, learning_rate=1, lowering="auto",
    )  # fmt: skip
    own = jax.random.fold_in(request.key, request.seeds[0])
    image = PIXELS.to_image(PIXELS.init(jax.random.fold_in(own, 0), 9, 7, 3))
    return np.asarray(image, np.float64), jax.random.fold_in(jax.random.fold_in(own, 1), 0)


@pytest.mark.parametrize("count", [1, 3])
def test_a_score_is_that_of_the_network_with_the_gains_that_were_drawn(model, count):
    transform = GAINS
    transform = transforms.several_views(transform, count=count) if count > 1 else transform
    image, key = first_image_and_key(model, 2)
    hidden = np.maximum(image @ WEIGHTS, 0)
    keys = [jax.random.fold_in(key, view) for view in range(count)] if count > 1 else [key]
    gains = [np.asarray(drawn_gains(jax.random.fold_in(key, 2), 0.4, 5), np.float64) for key in keys]
    expected = np.mean([((hidden * gain) @ MORE[:, 2]).mean() for gain in gains])
    assert abs(expected - (hidden @ MORE[:, 2]).mean()) > 1e-3
    rendering = render(model, "last", units=[2], transforms=transform)
    np.testing.assert_allclose(rendering.score_history[0, 0], expected, rtol=1e-5)


def test_gains_of_every_step_and_unit_are_drawn_anew(model):
    still = {"transforms": GAINS, "learning_rate": 1e-9, "steps": 6}
    rendering = render(model, "last", units=[2, 3], **still)
    assert np.ptp(rendering.score_history, axis=0).min() > 0.01
    alone = render(model, "last", units=[3], **still)
    assert np.array_equal(alone.score_history[:, 0], rendering.score_history[:, 1])
    assert np.array_equal(alone.images[0], rendering.images[1])


def test_the_values_that_an_objective_reads_have_no_gains(model):
    plain, gained = (render(model, "first/relu", units=[0, 1], steps=3, transforms=how) for how in (None, GAINS))
    assert np.array_equal(plain.images, gained.images)


def test_a_network_without_activation_functions_is_left_as_it_is():
    model = jaxviz.wrap(lambda images: images @ WEIGHTS, input_shape=(9, 7, 3))
    plain, gained = (render(model, "dense", units=[0], steps=3, transforms=how) for how in (None, GAINS))
    assert np.array_equal(plain.images, gained.images)


def test_gains_of_one_make_the_usual_picture(model):
    plain, gained = (render(model, "last", units=[1], steps=5, transforms=how) for how in (None, transforms.gains(0)))
    np.testing.assert_allclose(plain.images, gained.images, atol=1e-6)


def test_a_step_goes_along_the_gradient_of_the_network_with_its_gains(model):
    image, key = first_image_and_key(model, 2)
    gain = np.asarray(drawn_gains(jax.random.fold_in(key, 2), 0.4, 5), np.float64)
    slope = ((image @ WEIGHTS > 0) * gain * MORE[:, 2]) @ WEIGHTS.T
    how = {"transforms": GAINS, "optimizer": optax.sgd(1.0), "learning_rate": None}
    moved = render(model, "last", units=[2], **how).images[0] - image
    np.testing.assert_allclose(moved / np.linalg.norm(moved), slope / np.linalg.norm(slope), atol=1e-4)


def test_gains_follow_a_schedule(model):
    still = {"learning_rate": 1e-9, "steps": 4, "units": [2], "key": 1}
    fading = transforms.annealed(transforms.gains(0.4), transforms.gains(0.0), steps=3)
    scores = render(model, "last", transforms=fading, **still).score_history[:, 0]
    plain = render(model, "last", transforms=None, **still).score_history[:, 0]
    assert abs(scores[0] - plain[0]) > 0.005
    np.testing.assert_allclose(scores[2:4], plain[2:4], rtol=1e-5)


def test_gains_rise_over_the_first_steps():
    rising = transforms.several_views(
        transforms.compose(transforms.shift(2), transforms.gains(0.2, rising_steps=4)), count=2
    )
    ranges = [float(rising.at(step).network_gains) for step in (0, 1, 3, 4, 100)]
    np.testing.assert_allclose(ranges, [0.05, 0.1, 0.2, 0.2, 0.2], rtol=1e-6)
    assert float(rising.at(2).at(0).network_gains) == pytest.approx(0.15)  # what stands at a step stays


def test_gains_follow_the_channels_wherever_a_network_has_them():
    how = {"units": [1, 2], "steps": 3, "transforms": GAINS}
    one, other = (
        render(jaxviz.wrap(function, input_shape=(9, 7, 3)), "last", **how)
        for function in (channels_first, channels_last)
    )
    np.testing.assert_allclose(one.score_history, other.score_history, rtol=1e-5)


def test_a_moved_range_of_gains_compiles_nothing(model):
    render(model, "last", units=[0], transforms=transforms.ranges(gain_range=0.0))
    with compilations() as compiled:
        moved = render(model, "last", units=[0], transforms=transforms.ranges(gain_range=0.3))
    assert compiled == []
    assert moved.recipe.transforms["transforms"][-1] == {"kind": "gains", "gain_range": 0.3, "rising_steps": 64}


def test_gains_lie_evenly_in_their_range():
    drawn = np.asarray(drawn_gains(jax.random.key(0), 0.2, 100_001))
    assert (drawn.min(), drawn.max()) == (pytest.approx(0.8, abs=1e-3), pytest.approx(1.2, abs=1e-3))
    assert drawn.mean() == pytest.approx(1, abs=2e-3)
    assert drawn.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.01)


def test_the_image_itself_stays_as_it_is_and_the_record_comes_back():
    image = jnp.linspace(0, 1, 36).reshape(4, 3, 3)
    transform = transforms.compose(transforms.noise(0), transforms.gains(0.2))
    assert jnp.array_equal(transform(jax.random.key(0), image), image)
    assert transforms.from_json(transform.to_json()) == transform
    assert eval(transform.expression(), vars(transforms)) == transform


def test_gains_that_could_switch_a_channel_off_and_two_of_them_are_refused():
    with pytest.raises(ValueError, match="less than 1"):
        transforms.gains(1)
    with pytest.raises(ValueError, match="zero or more"):
        transforms.gains(-0.1)
    with pytest.raises(ValueError, match="1 or more"):
        transforms.gains(0.1, rising_steps=0)
    with pytest.raises(ValueError, match="Give one"):
        transforms.compose(transforms.gains(0.1), transforms.ranges())
