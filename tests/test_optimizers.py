"""Regularized ascent: known optima of a linear unit, and the Deep Visualization Toolbox's steps against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import ndimage

import jaxviz
from compiling import compilations
from jaxviz.optimizers import (
    adam,
    blur_gradients,
    from_json,
    l2_decayed,
    lbfgs,
    nadam,
    norm_bounded,
    normalized,
    rmsprop,
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
    image = image + rate * gradient
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
@pytest.mark.parametrize("strength", [20, 2000])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_four_sets_of_the_paper_make_the_steps_of_its_code(number, strength):
    optimizer = PRESETS[f"dvt_{number}"].settings()["optimizer"]
    record = dict(optimizer.record)
    assert record.pop("kind") == "yosinski"
    scale = RANDOM.normal(size=WEIGHTS.shape).astype(np.float32)

    def gradient(image):  # of a quadratic unit, strong enough for steps that move something, or are cut off
        return strength * (WEIGHTS - scale * scale * image / 10)

    start = (0.05 * RANDOM.normal(size=WEIGHTS.shape)).astype(np.float32)
    expected = start.astype(np.float64)
    for made in range(6):  # each begins with cutting off
        expected = np.clip(expected, -0.5, 0.5)
        expected = dvt_by_numpy(expected, np.asarray(gradient(expected), np.float64), made, **record)
    expected = np.clip(expected, -0.5, 0.5)
    found = climbed(optimizer, start, 6, gradient)
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
        record = preset.settings()["optimizer"].record
        assert (record["decay"], record["blur_pixels"]) == (decay, blur)
        assert every is None or record["blur_every"] == every
        assert (record["small_norm_percent"], record["small_benefit_percent"], preset.steps) == (norm, benefit, steps)
    records = {number: PRESETS[f"dvt_{number}"].settings()["optimizer"].record for number in printed}
    for number in (2, 3):
        assert records[number]["learning_rate"] * 255**2 == pytest.approx(100)
    most = [records[number]["max_learning_rate"] * 255**2 for number in (1, 4)]
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


def test_bounded_pixels_turn_back_at_once():
    def there_and_back(optimizer):
        image = climbed(optimizer, 0 * WEIGHTS, 20, lambda image: np.ones_like(WEIGHTS))
        return image, climbed(optimizer, image, 2, lambda image: -np.ones_like(WEIGHTS))

    options = {"learning_rate": 0.2, "mean_decay": 0.5, "square_decay": 0.9}
    most, back = there_and_back(adam(**options, bounded=True))
    np.testing.assert_allclose([most.max(), back.max()], [0.5, 0.1], atol=1e-5)
    most, back = there_and_back(adam(**options))
    np.testing.assert_allclose([most.max(), back.max()], [4.0, 3.6], atol=1e-4)
    assert adam(**options, bounded=True).form != adam(**options).form
    assert PRESETS["vital"].settings()["optimizer"].record["bounded"]


def test_adams_rate_rises_and_then_falls_along_a_cosine():
    optimizer = adam(learning_rate=0.2, warmup_steps=4, cosine_steps=8)
    image, state, sizes = jnp.zeros(1), optimizer.init(jnp.zeros(1)), []
    for _ in range(14):
        updates, state = optimizer.update(-jnp.ones(1), state, image)  # of one size: Adam's own step is one
        sizes.append(float(updates[0]))
    falling = 0.5 * (1 + np.cos(np.pi * np.clip((np.arange(14) - 4) / 8, 0, 1)))
    np.testing.assert_allclose(sizes, 0.2 * np.minimum((np.arange(14) + 1) / 4, 1) * falling, rtol=1e-3, atol=1e-6)


def test_rmsprop_makes_the_steps_of_keras():
    """`keras.optimizers.RMSprop`: the mean square begins at zero, epsilon is under the root."""
    gradients = RANDOM.normal(size=(5, 4)).astype(np.float32)
    image, square = np.zeros(4), np.zeros(4)
    optimizer = rmsprop(learning_rate=0.1, decay=0.9, epsilon=0.01)
    found, state = jnp.zeros(4), optimizer.init(jnp.zeros(4))
    for gradient in gradients:
        square = 0.9 * square + 0.1 * gradient**2
        image = image + 0.1 * gradient / np.sqrt(square + 0.01)
        updates, state = optimizer.update(-jnp.array(gradient), state)
        found = optax.apply_updates(found, updates)
    np.testing.assert_allclose(found, image, rtol=1e-5)


def test_nadam_makes_the_steps_of_its_definition():
    """Dozat 2016 with one momentum: the mean gradient of the next step, corrected, and the present one beside it."""
    gradients = RANDOM.normal(size=(6, 4)).astype(np.float32)
    image, mean, square = np.zeros(4), np.zeros(4), np.zeros(4)
    optimizer = nadam(learning_rate=0.1)
    found, state = jnp.zeros(4), optimizer.init(jnp.zeros(4))
    for step, gradient in enumerate(gradients, 1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        ahead = 0.9 * mean / (1 - 0.9 ** (step + 1)) + 0.1 * gradient / (1 - 0.9**step)
        image = image + 0.1 * ahead / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        updates, state = optimizer.update(-jnp.array(gradient), state)
        found = optax.apply_updates(found, updates)
    np.testing.assert_allclose(found, image, rtol=1e-4)


def test_lbfgs_finds_the_top_of_a_hill_whose_slopes_differ_a_thousandfold():
    """Where plain ascent needs thousands of steps: its rate is bounded by the steepest slope."""
    steepness = np.geomspace(1, 1000, WEIGHTS.size).reshape(WEIGHTS.shape).astype(np.float32)

    def gradient(image):
        return steepness * (WEIGHTS - image)

    start = np.zeros_like(WEIGHTS)
    found = climbed(lbfgs(), start, 100, gradient)
    plain = climbed(optax.sgd(1 / 1000), start, 100, gradient)
    assert np.abs(found - WEIGHTS).max() < 0.02
    assert np.abs(plain - WEIGHTS).max() > 0.1


EVERY = [
    adam(learning_rate=0.05, warmup_steps=2, cosine_steps=9),
    adam(learning_rate=0.05, bounded=True),
    blur_gradients(blur_pixels=1, learning_rate=0.05),
    l2_decayed(decay=0.1, learning_rate=1),
    lbfgs(memory=3),
    nadam(learning_rate=0.05),
    norm_bounded(norm=2, learning_rate=1),
    normalized(learning_rate=0.1),
    rmsprop(learning_rate=0.01, decay=0.999),
    yosinski(learning_rate=1, decay=0.1),
    yosinski(progress=1, blur_pixels=0.5, blur_every=2, small_norm_percent=20, small_benefit_percent=10),
]
OTHERS = [
    adam(learning_rate=0.04, mean_decay=0.5, square_decay=0.9, warmup_steps=3, cosine_steps=7),
    adam(learning_rate=0.5, square_decay=0.5, bounded=True),
    blur_gradients(blur_pixels=7, learning_rate=0.01),
    l2_decayed(decay=0.3, learning_rate=2),
    lbfgs(memory=3, learning_rate=0.5),
    nadam(learning_rate=0.02),
    norm_bounded(norm=3, learning_rate=2),
    normalized(learning_rate=0.2),
    rmsprop(learning_rate=0.03, decay=0.9, epsilon=1e-3),
    yosinski(learning_rate=2, decay=0.2, blur_pixels=5, small_norm_percent=20),  # and what was off is on
    yosinski(progress=2, blur_pixels=6, blur_every=3, small_norm_percent=30, small_benefit_percent=20),
]
"""The same kinds in the same form, with other numbers."""


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(lambda images: jnp.square(images).mean((1, 2)), input_shape=(16, 16, 3))


def rendered(model, optimizer):
    parameterization = jaxviz.pixels(squashed=False, decorrelated=False)
    return jaxviz.render(
        model, model.layers[-1].name, units=[0, 2], optimizer=optimizer, steps=3, size=(16, 18), transforms=None,
        parameterization=parameterization, progress=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("optimizer", "other"), list(zip(EVERY, OTHERS, strict=True)), ids=lambda optimizer: optimizer.record["kind"]
)
def test_a_recipe_makes_the_optimizer_again_and_other_numbers_compile_nothing(model, optimizer, other):
    again = from_json(optimizer.record)
    assert (again.record, again.form, again.numbers) == (optimizer.record, optimizer.form, optimizer.numbers)
    rendering = rendered(model, optimizer)
    assert rendering.recipe.optimizer == optimizer.record
    assert set(rendering.states) == {"done"}
    with compilations() as compiled:
        moved = rendered(model, other)
        np.testing.assert_array_equal(rendered(model, again).images, rendering.images)
    assert compiled == []
    assert moved.recipe.optimizer == other.record
    assert np.abs(moved.images - rendering.images).max() > 1e-4


def test_numbers_passed_as_arguments_make_the_steps_of_the_numbers_themselves():
    start = (0.05 * RANDOM.normal(size=WEIGHTS.shape)).astype(np.float32)
    for optimizer in EVERY:
        state = optimizer.init(jnp.array(start))
        expected, _ = jax.jit(optimizer.update)(-jnp.array(WEIGHTS), state, jnp.array(start))
        found, _ = jax.jit(
            lambda numbers, make=optimizer.with_numbers, state=state: make(numbers).update(
                -jnp.array(WEIGHTS), state, jnp.array(start)
            )
        )({name: np.float32(number) for name, number in optimizer.numbers.items()})
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: yosinski(), "Give either learning_rate or progress"),
        (lambda: yosinski(learning_rate=1, progress=1), "Give either learning_rate or progress"),
        (lambda: yosinski(learning_rate=1, max_learning_rate=2), "leave it out with learning_rate"),
        (lambda: yosinski(learning_rate=0), "learning_rate is 0; give a positive number"),
        (lambda: yosinski(learning_rate=1, decay=2), "decay is 2; give a number from 0 to 1"),
        (lambda: yosinski(learning_rate=1, small_norm_percent=-1), "small_norm_percent is -1"),
        (lambda: yosinski(learning_rate=1, blur_every=0.5), "blur_every is 0.5; give a whole number"),
        (lambda: norm_bounded(norm=float("inf"), learning_rate=1), "norm is inf"),
        (lambda: rmsprop(learning_rate=1, decay=1), "decay is 1; give a number from 0 up to 1"),
        (lambda: yosinski(progress=1, max_learning_rate=-1), "max_learning_rate is -1; give a positive number"),
        (lambda: from_json({"kind": "normalized", "momentum": 1}), "'normalized' describes no optimizer"),
        (lambda: lbfgs(memory=0), "memory is 0; give a whole number of steps"),
        (
            lambda: from_json({"kind": "newton"}),
            "Unknown kind of optimizer 'newton'. Known kinds: adam, blur_",
        ),
        (lambda: norm_bounded(norm=1, learning_rate=1).update(WEIGHTS, ()), "pass them to its update"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("optimizer", [blur_gradients(blur_pixels=1, learning_rate=0.05), yosinski(learning_rate=0.1)])
@pytest.mark.parametrize(
    "parameterization", [jaxviz.fourier(), jaxviz.phase_only(), jaxviz.several(jaxviz.pixels(), count=2)]
)
def test_an_optimizer_of_pixels_refuses_other_variables_by_name(optimizer, parameterization):
    model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(12, 16, 3))
    with pytest.raises(ValueError, match=r"acts on pixels.*pixels\(squashed=False"):
        jaxviz.render(
            model, "mean", units=0, optimizer=optimizer, parameterization=parameterization, steps=1, transforms=None
        )


def test_what_compares_positions_is_refused_for_a_vector_and_the_rest_is_not():
    model = jaxviz.wrap(lambda vectors: jnp.tanh(vectors), input_shape=(6,))
    options = {"units": 0, "steps": 2, "progress": False, "parameterization": jaxviz.pixels(squashed=False)}
    regularized = yosinski(learning_rate=0.1, blur_pixels=1, small_norm_percent=50)
    with pytest.raises(ValueError, match="blur_pixels and small_norm_percent of yosinski compare positions"):
        jaxviz.render(model, "tanh", optimizer=regularized, **options)
    blurred_ones = blur_gradients(blur_pixels=1, learning_rate=0.1)
    with pytest.raises(ValueError, match="blur_pixels of blur_gradients"):
        jaxviz.render(model, "tanh", optimizer=blurred_ones, **options)
    decayed = yosinski(learning_rate=0.1, decay=0.1, small_benefit_percent=50)
    assert jaxviz.render(model, "tanh", optimizer=decayed, **options).states == ("done",)
