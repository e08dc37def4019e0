"""Many views a step are a mean over them, the transparency is a sum of gradients, and neither crosses lanes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxviz
from compiling import compilations
from jaxviz.rendering import engines, lanes
from jaxviz.rendering.request import make_request
from jaxviz.transforms import annealed, closeup, compose, from_json, noise, rotate, several_views, shift

WANTED = np.random.default_rng(0).uniform(size=(16, 16, 3)).astype(np.float32)
PIXELS = jaxviz.pixels(squashed=False, decorrelated=False, standard_deviation=0.02)
RATE = 0.01


@pytest.fixture(scope="module")
def model():
    kernel = jnp.array(np.random.default_rng(1).normal(size=(3, 3, 3, 5)) / 3, jnp.float32)

    def network(images):
        with jax.named_scope("patterns"):
            return jax.nn.relu(
                jax.lax.conv_general_dilated(
                    images - 0.5, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
                )
            )

    return jaxviz.wrap(network, input_shape=(16, 16, 3), name="Small")


@pytest.fixture(scope="module")
def quadratic():
    """A unit that falls with the squared distance from one image."""

    def network(images):
        with jax.named_scope("closeness"):
            return -jnp.square(images - WANTED).sum((1, 2, 3))[:, None]

    return jaxviz.wrap(network, input_shape=(16, 16, 3))


def render(model, *arguments, **options):
    return jaxviz.render(model, *arguments, **{"steps": 4, "size": 16, "progress": False, **options})


def by_hand(model, objective, transform, steps, parameterization=PIXELS):
    """Climb by plain gradient ascent as docs/architecture.md says it: the images, their scores and gradients."""
    request = make_request(
        model, objective, units=None, steps=1, size=16, key=0, parameterization=parameterization, transforms=transform,
        optimizer=None, learning_rate=1, lowering="auto",
    )  # fmt: skip
    key = jax.random.fold_in(request.key, request.seeds[0])
    image = np.asarray(parameterization.to_image(parameterization.init(jax.random.fold_in(key, 0), 16, 16, 3)))
    images, scores, slopes = [image], [], []
    for step in range(steps):
        now = transform.at(step)
        step_key = jax.random.fold_in(jax.random.fold_in(key, 1), step)
        keys = [jax.random.fold_in(step_key, view) for view in range(now.views)] if now.views > 1 else [step_key]
        distances = [np.asarray(now(key, jnp.array(images[-1]))) - WANTED for key in keys]
        scores.append(np.mean([-np.square(distance).sum() for distance in distances]))
        slopes.append(np.mean([-2 * distance for distance in distances], axis=0))
        images.append(images[-1] + RATE * slopes[-1])
    return np.stack(images), np.array(scores), np.stack(slopes)


@pytest.mark.smoke
@pytest.mark.parametrize("count", [1, 2, 11, 24])
def test_a_step_of_many_views_moves_by_the_mean_of_their_gradients(quadratic, count):
    transform = several_views(noise(0.1), count=count)
    options = {"parameterization": PIXELS, "optimizer": optax.sgd(RATE), "transforms": transform}
    found = render(quadratic, "closeness", steps=3, transparency=True, **options)
    images, scores, slopes = by_hand(quadratic, jaxviz.channel("closeness", 0), transform, 3)
    np.testing.assert_allclose(found.score_history[:, 0], scores, rtol=1e-5)
    np.testing.assert_allclose(found.images[0], images[-1], atol=1e-5)
    np.testing.assert_allclose(found.transparency[0], np.abs(slopes).mean(axis=-1).sum(axis=0), rtol=1e-4, atol=1e-4)
    assert from_json(found.recipe.transforms) == transform


def test_one_view_is_the_same_bits_as_the_transform_alone(model):
    plain, one = (
        render(model, "patterns", units=[1], transforms=transform)
        for transform in (shift(2), several_views(shift(2), count=1))
    )
    np.testing.assert_array_equal(plain.images, one.images)


def test_many_views_shake_the_score_less(model):
    few, many = (
        render(
            model, "patterns", units=[2], steps=30, transforms=several_views(closeup(0.3, 0.1), count=count),
            learning_rate=1e-6,
        ).score_history.std()
        for count in (1, 16)
    )  # fmt: skip
    assert many < 0.5 * few


@pytest.mark.parametrize("several", [False, True], ids=["one image", "two images a lane"])
def test_the_bits_of_a_unit_do_not_depend_on_who_is_beside_it_or_how_many_lanes_there_are(model, several, monkeypatch):
    options = {"transforms": several_views(compose(rotate(10), noise(0.1)), count=12), "transparency": True, "steps": 5}
    if several:
        options["parameterization"] = jaxviz.several(count=2)
    together = render(model, "patterns", **options)
    alone = render(model, "patterns", units=3, **options)
    np.testing.assert_array_equal(together.images[3], alone.images[0])
    np.testing.assert_array_equal(together.transparency[3], alone.transparency[0])
    monkeypatch.setattr(engines, "wished_lanes", lambda *_: 2)
    in_turns = render(model, "patterns", **options)
    np.testing.assert_array_equal(in_turns.images, together.images)
    np.testing.assert_array_equal(in_turns.transparency, together.transparency)


@pytest.mark.parametrize("transform", [noise(0.1), compose(rotate(10), shift(2))], ids=["noise", "moved"])
def test_a_unit_is_the_same_bits_however_many_views_are_evaluated_together(model, transform, monkeypatch):
    options = {"units": [1, 4], "transforms": several_views(transform, count=12), "steps": 5}
    found = [render(model, "patterns", **options).images]
    for together in (1, 2, 3):
        monkeypatch.setattr(engines, "views_together", lambda _, together=together: together)
        found.append(render(model, "patterns", **options).images)
    for images in found[1:]:
        np.testing.assert_array_equal(images, found[0])


def test_another_number_of_views_compiles_nothing_if_as_many_are_evaluated_together(model):
    def climb(count):
        render(model, "patterns", units=[2], transforms=several_views(shift(3), count=count))

    with compilations() as compiled:
        climb(16)
    assert compiled
    with compilations() as compiled:
        climb(24)
        climb(32)
    assert compiled == []


def test_views_are_evaluated_together_as_many_as_divide_their_number():
    assert [lanes.views_together(views) for views in (1, 2, 8, 32, 12, 11)] == [1, 2, 8, 8, 6, 1]


def test_transforms_change_evenly_over_the_steps_they_are_given_and_not_after(quadratic):
    transform = annealed(noise(0.3), noise(0.1), steps=3)
    assert [float(transform.at(step).standard_deviation) for step in (0, 1, 2, 9)] == pytest.approx(
        [0.3, 0.2, 0.1, 0.1]
    )
    options = {"parameterization": PIXELS, "optimizer": optax.sgd(RATE), "transforms": transform}
    found = render(quadratic, "closeness", steps=5, **options)
    images, scores, _ = by_hand(quadratic, jaxviz.channel("closeness", 0), transform, 5)
    np.testing.assert_allclose(found.score_history[:, 0], scores, rtol=1e-5)
    np.testing.assert_allclose(found.images[0], images[-1], atol=1e-5)


def test_a_number_on_its_way_changes_within_a_composition_and_its_views():
    transform = several_views(compose(annealed(shift(0), shift(8), steps=5), noise(0.1)), count=4)
    now = transform.at(2)
    assert float(now.inner.transforms[0].max_pixels) == pytest.approx(4)
    assert now.views == 4
    assert now.output_size(20, 30) == (20, 30)


@pytest.mark.parametrize(
    "transform",
    [
        several_views(compose(closeup(0.25, 0.1), noise(0.05)), count=32),
        several_views(annealed(closeup(0.5, 0.05), closeup(0.05, 0.05), steps=256), count=6),
    ],
    ids=["views", "annealed"],
)
def test_views_are_data_and_their_numbers_compile_nothing(transform):
    assert from_json(transform.to_json()) == transform
    assert eval(str(transform), {**vars(jaxviz.transforms)}) == transform
    leaves, form = jax.tree.flatten(transform)
    assert jax.tree.structure(jax.tree.unflatten(form, [2 * leaf for leaf in leaves])) == form


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: several_views(shift(2), count=0), ValueError, "number of views is 0. Give a whole number, 1 or more"),
        (lambda: several_views(shift(2), count=2.5), TypeError, "number of views is 2.5"),
        (lambda: several_views("lucid", count=2), TypeError, "needs a transform such as"),
        (lambda: several_views(several_views(shift(2), count=2), count=2), TypeError, "takes several views already"),
        (lambda: compose(several_views(shift(2), count=2), noise(0.1)), TypeError, "around the whole composition"),
        (lambda: annealed(shift(2), noise(0.1), steps=4), ValueError, "moves numbers only"),
        (lambda: annealed(jaxviz.transforms.pad(2), jaxviz.transforms.pad(4), steps=4), ValueError, "numbers only"),
        (lambda: annealed(noise(0.2), noise(0.1), steps=0), ValueError, "number of steps is 0"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(make, error, message):
    with pytest.raises(error, match=message):
        make()


# --- transparency ----------------------------------------------------------------------------------


def test_what_the_unit_does_not_look_at_is_transparent():
    left = jaxviz.wrap(lambda images: jnp.square(images[:, :, :8]).mean((1, 2)), input_shape=(16, 16, 3))
    options = {"parameterization": PIXELS, "transforms": None, "transparency": True}
    rendering = render(left, left.layers[-1].name, units=[0, 2], **options)
    assert rendering.transparency.shape == (2, 16, 16)
    assert (rendering.transparency[:, :, 8:] == 0).all()
    assert (rendering.transparency[:, :, :8] > 0).all()
    rgba = rendering.rgba()
    assert (rgba[:, :, 8:, 3] == 0).all()
    assert (rgba[:, :, :8, 3] > 0).all()
    assert (rendering.pictures()[:, :, 8:] == 119).all()


def test_the_transparency_of_a_linear_unit_is_the_size_of_its_weights_at_every_step():
    weights = np.random.default_rng(3).normal(size=(16, 16, 3, 2)).astype(np.float32)
    linear = jaxviz.wrap(lambda images: jnp.einsum("nrcd,rcdu->nu", images, weights), input_shape=(16, 16, 3))
    options = {"parameterization": PIXELS, "transforms": None, "transparency": True, "steps": 5}
    rendering = render(linear, "output", units=[1, 0], **options)
    expected = 5 * np.abs(weights).mean(axis=2)
    np.testing.assert_allclose(rendering.transparency, np.moveaxis(expected, -1, 0)[::-1], rtol=1e-4)


def test_nothing_is_added_up_unless_it_is_asked_for(model):
    plain, asked = (render(model, "patterns", units=[1], transparency=wanted) for wanted in (False, True))
    assert plain.transparency is None
    np.testing.assert_array_equal(plain.images, asked.images)
    with pytest.raises(ValueError, match=r"no transparency: call render\(..., transparency=True\)"):
        plain.rgba()


def test_the_transparency_of_a_unit_stopped_early_stands_still_too(model):
    stopping = jaxviz.Plateau(patience_steps=2, least_gain=1.0, smoothing_steps=1)
    stopped = render(model, "patterns", units=[1, 2], steps=20, stop_on_plateau=stopping, transparency=True)
    made = int((~np.isnan(stopped.score_history[:, 0])).sum())
    assert made < 20
    whole = render(model, "patterns", units=[1], steps=made, transparency=True)
    np.testing.assert_array_equal(stopped.transparency[0], whole.transparency[0])


def test_what_is_annealed_already_has_steps_of_its_own_and_is_refused():
    falling = annealed(noise(0.2), noise(0.1), steps=4)
    with pytest.raises(TypeError, match="annealed already"):
        annealed(compose(shift(1), falling), compose(shift(2), falling), steps=8)
