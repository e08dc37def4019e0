"""Regularized ascent: known optima of a linear unit, and the Deep Visualization Toolbox's steps against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import ndimage

import jaxviz
from jaxviz import optimizers
from jaxviz.optimizers import (
    blur_gradients,
    blurred,
    from_json,
    l2_decayed,
    nadam,
    norm_bounded,
    normalized,
    yosinski,
)
from jaxviz.presets import PRESETS

RANDOM = np.random.default_rng(1)
WEIGHTS = (0.1 * RANDOM.normal(size=(9, 12, 3))).astype(np.float32)


def climbed(optimizer, image, steps, gradient=lambda image: WEIGHTS):
    """Climb a linear unit, or anything of known gradient."""

    @jax.jit
    def step(image, state):
        updates, state = optimizer.update(-jnp.array(gradient(image)), state, image)
        return optax.apply_updates(image, updates), state

    image, state = jnp.array(image), optimizer.init(jnp.array(image))
    for _ in range(steps):
        image, state = step(image, state)
    return np.asarray(image)


def dvt_by_numpy(image, gradient, made, **numbers):
    """One step of `gradient_optimizer.py`, channels last, for pixels about a mean of zero."""
    rate = numbers.get("learning_rate")
    if rate is None:
        rate = min(numbers["progress"] / (gradient**2).sum(), numbers["max_learning_rate"])
    image = np.clip(image + rate * gradient, -0.5, 0.5)
    image = image * (1 - numbers.get("decay", 0))
    if numbers.get("blur_pixels", 0) and made % numbers["blur_every"] == 0:
        channels = [ndimage.gaussian_filter(image[..., c], numbers["blur_pixels"]) for c in range(image.shape[-1])]
        image = np.stack(channels, axis=-1)
    if numbers.get("small_norm_percent", 0):
        norms = np.linalg.norm(image, axis=-1)
        image = np.where((norms < np.percentile(norms, numbers["small_norm_percent"]))[..., None], 0, image)
    if numbers.get("small_benefit_percent", 0):
        benefit = np.abs((gradient * -image).sum(axis=-1))
        image = np.where((benefit < np.percentile(benefit, numbers["small_benefit_percent"]))[..., None], 0, image)
    return image


@pytest.mark.smoke
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_four_sets_of_the_paper_make_the_steps_of_its_code(number):
    record = dict(PRESETS[f"dvt_{number}"].optimizer.record)
    assert record.pop("kind") == "yosinski"
    scale = RANDOM.normal(size=WEIGHTS.shape).astype(np.float32)

    def gradient(image):  # of a quadratic unit, strong enough for steps that move something
        return 20 * (WEIGHTS - scale * scale * image / 10)

    start = (0.05 * RANDOM.normal(size=WEIGHTS.shape)).astype(np.float32)
    expected = start.astype(np.float64)
    for made in range(6):
        expected = dvt_by_numpy(expected, np.asarray(gradient(expected), np.float64), made, **record)
    found = climbed(PRESETS[f"dvt_{number}"].optimizer, start, 6, gradient)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert np.abs(found - start).max() > 0.01
    vmapped = jax.vmap(yosinski(**record).update)(
        -jnp.array(np.stack([gradient(start)] * 2)),
        jax.vmap(yosinski(**record).init)(jnp.array(np.stack([start] * 2))),
        jnp.array(np.stack([start] * 2)),
    )[0]
    np.testing.assert_allclose(vmapped[1], climbed(yosinski(**record), start, 1, gradient) - start, atol=1e-5)


def test_the_numbers_of_the_paper_are_those_of_its_table():
    """Decay, blur, percentiles and steps as printed; learning rates for pixels from 0 to 255 over 255 squared."""
    printed = {
        1: (0, 0.5, 4, 50, 0, 500),
        2: (0.3, 0, None, 20, 0, 750),
        3: (0.0001, 1.0, 4, 0, 0, 1000),
        4: (0, 0.5, 4, 0, 90, 1000),
    }
    for number, (decay, blur, every, norm, benefit, steps) in printed.items():
        preset = PRESETS[f"dvt_{number}"]
        record = preset.optimizer.record
        assert (record["decay"], record["blur_pixels"]) == (decay, blur)
        assert every is None or record["blur_every"] == every
        assert (record["small_norm_percent"], record["small_benefit_percent"], preset.steps) == (norm, benefit, steps)
    for number in (2, 3):
        assert PRESETS[f"dvt_{number}"].optimizer.record["learning_rate"] * 255**2 == pytest.approx(100)
    most = [PRESETS[f"dvt_{number}"].optimizer.record["max_learning_rate"] * 255**2 for number in (1, 4)]
    np.testing.assert_allclose(most, [100, 1e8])


def test_aiming_at_progress_makes_a_linear_unit_rise_by_just_that():
    image = climbed(yosinski(progress=0.25), 0 * WEIGHTS, 1)
    assert (WEIGHTS * image).sum() == pytest.approx(0.25, rel=1e-4)


def test_the_best_image_of_bounded_norm_is_the_weights_of_a_linear_unit():
    image = climbed(norm_bounded(norm=3, learning_rate=1), RANDOM.normal(size=WEIGHTS.shape).astype(np.float32), 300)
    np.testing.assert_allclose(image, 3 * WEIGHTS / np.linalg.norm(WEIGHTS), atol=1e-2)
    assert np.linalg.norm(image) == pytest.approx(3, rel=1e-4)


def test_the_best_image_under_l2_is_the_weights_over_twice_the_decay():
    image = climbed(l2_decayed(decay=0.25, learning_rate=0.5), 0 * WEIGHTS, 60)
    np.testing.assert_allclose(image, WEIGHTS / 0.5, atol=1e-4)


@pytest.mark.parametrize("blur_pixels", [0.3, 0.5, 1.0, 2.5])
@pytest.mark.parametrize("shape", [(9, 12, 3), (16, 7, 1)], ids=str)
def test_a_blur_is_scipys(shape, blur_pixels):
    image = RANDOM.normal(size=shape).astype(np.float32)
    if int(4 * blur_pixels + 0.5) > min(shape[:2]):  # mirrored twice
        image = np.pad(image, [(8, 8), (8, 8), (0, 0)])
    expected = ndimage.gaussian_filter(image, (blur_pixels, blur_pixels, 0))
    np.testing.assert_allclose(blurred(jnp.array(image), blur_pixels), expected, atol=1e-5)


def test_blurred_gradients_reach_beyond_the_pixels_that_have_any():
    spot = np.zeros((9, 12, 3), np.float32)
    spot[4, 5] = 1
    image = climbed(blur_gradients(blur_pixels=1, learning_rate=0.1), 0 * spot, 1, lambda image: spot)
    assert image[4, 7, 0] > 0.05


def test_steps_of_one_length_do_not_depend_on_the_gradients():
    weak, strong = (
        climbed(normalized(learning_rate=0.1), 0 * WEIGHTS, 1, lambda image, scale=scale: scale * WEIGHTS)
        for scale in (1e-6, 1e3)
    )
    np.testing.assert_allclose(weak, strong, rtol=1e-4)
    assert np.sqrt(np.mean(strong**2)) == pytest.approx(0.1, rel=1e-4)


EVERY = [
    blur_gradients(blur_pixels=1, learning_rate=0.05),
    l2_decayed(decay=0.1, learning_rate=1),
    nadam(learning_rate=1),
    norm_bounded(norm=2, learning_rate=1),
    normalized(learning_rate=0.1),
    yosinski(learning_rate=1, decay=0.1),
]


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda optimizer: optimizer.record["kind"])
def test_a_recipe_says_which_optimizer_it_was_and_makes_it_again(optimizer):
    assert from_json(optimizer.record) is optimizer  # so that an engine compiled with it is found again
    model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 3))
    pixels = jaxviz.pixels(squashed=False, decorrelated=False)
    options = {"steps": 3, "size": (16, 18), "transforms": None, "parameterization": pixels, "progress": False}
    rendering = jaxviz.render(model, "mean", units=[0, 2], optimizer=optimizer, **options)
    assert rendering.recipe.optimizer == optimizer.record
    assert set(rendering.states) == {"done"}
    assert optimizers.from_json(rendering.recipe.optimizer) is optimizer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: yosinski(), "Give either learning_rate or progress"),
        (lambda: yosinski(learning_rate=1, progress=1), "Give either learning_rate or progress"),
        (lambda: yosinski(learning_rate=0), "learning_rate is 0; give a positive number"),
        (lambda: yosinski(learning_rate=1, decay=2), "decay is 2; give a number from 0 to 1"),
        (lambda: yosinski(learning_rate=1, small_norm_percent=-1), "small_norm_percent is -1"),
        (lambda: yosinski(learning_rate=1, blur_every=0.5), "blur_every is 0.5; give a whole number"),
        (lambda: norm_bounded(norm=float("inf"), learning_rate=1), "norm is inf"),
        (lambda: from_json({"kind": "newton"}), "Unknown kind of optimizer 'newton'. Known kinds: blur_gradients"),
        (lambda: norm_bounded(norm=1, learning_rate=1).update(WEIGHTS, ()), "pass them to its update"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(make, message):
    with pytest.raises(ValueError, match=message):
        make()
