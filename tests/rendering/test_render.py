"""Rendering climbs, is reproducible bit for bit whatever stands beside a unit, and fails one unit at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxviz
from compiling import compilations
from jaxviz import transforms
from jaxviz.rendering import climb, engines, slots

CHANNELS = 6


def small_network(kernel_scale=1.0):
    generator = np.random.default_rng(0)
    first = jnp.asarray(kernel_scale * generator.normal(size=(5, 5, 3, 8)) / 5, jnp.float32)
    second = jnp.asarray(generator.normal(size=(3, 3, 8, CHANNELS)) / 5, jnp.float32)
    dense = jnp.asarray(generator.normal(size=(CHANNELS, 4)), jnp.float32)

    def conv(images, kernel):
        return jax.lax.conv_general_dilated(images, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def network(images):
        with jax.named_scope("first"):
            hidden = jax.nn.relu(conv(images, first))
        with jax.named_scope("second"):
            hidden = jax.nn.relu(conv(hidden, second))
        with jax.named_scope("classes"):
            return jax.nn.softmax(hidden.mean((1, 2)) @ dense)

    return network


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(small_network(), input_shape=(24, 24, 3), name="Small", class_names=["ant", "bee", "cat", "dog"])


def render(model, *arguments, **options):
    return jaxviz.render(model, *arguments, **{"steps": 12, "size": 24, "progress": False, **options})


@pytest.mark.smoke
def test_the_score_of_every_unit_rises(model):
    rendering = render(model, "second", steps=40, transforms=None)
    assert rendering.images.shape == (CHANNELS, 24, 24, 3)
    assert set(rendering.states) == {"done"}
    assert (rendering.score_history[-1] > rendering.score_history[0] + 0.1).all()


@pytest.mark.parametrize("beside", [[3], [3, 1], [5, 3, 0], [0, 1, 2, 3, 4, 5], [3, 3, 3, 3, 3]])
def test_a_units_image_is_the_same_bits_whatever_is_rendered_beside_it(model, beside):
    alone = render(model, "second", units=3).images[0]
    together = render(model, "second", units=beside)
    np.testing.assert_array_equal(together.images[beside.index(3)], alone)


@pytest.mark.smoke
def test_the_same_recipe_gives_the_same_bits_through_objectives_units_and_chunks(model):
    by_units = render(model, "second", units=[2, 4])
    by_objectives = render(model, [jaxviz.channel("second", 2), jaxviz.channel("second", 4)])
    np.testing.assert_array_equal(by_units.images, by_objectives.images)
    for every in (1, 5, 12):
        *_, last = jaxviz.render_steps(model, "second", units=[2, 4], steps=12, size=24, snapshot_every=every)
        np.testing.assert_array_equal(last.images, np.round(by_units.images * 255).astype(np.uint8))


def test_more_units_than_lanes_go_through_them_without_changing(model, monkeypatch):
    whole = render(model, "second")
    monkeypatch.setattr(engines, "wished_lanes", lambda _: 4)
    in_turns = render(model, "second")
    np.testing.assert_array_equal(whole.images, in_turns.images)
    assert set(in_turns.states) == {"done"}


def test_another_key_gives_another_image_and_the_same_key_the_same(model):
    first, second, again = (render(model, "second", units=1, key=key).images for key in (0, 1, jax.random.key(0)))
    assert np.abs(first - second).max() > 0.01
    np.testing.assert_array_equal(first, again)


def test_other_units_of_a_layer_compile_nothing(model):
    render(model, "second", units=[0, 1])
    with compilations() as compiled:
        render(model, "second", units=[4, 5])
        render(model, "second", units=[2, 3], key=7, learning_rate=0.01)
        render(model, "second", units=[2, 3], parameterization=jaxviz.fourier(decay_power=1.3))
        render(model, "second", units=[2, 3], steps=5)
    assert compiled == []


def test_the_default_climbs_the_value_before_a_rectifier(model):
    dead = small_network()

    def shifted(images):
        with jax.named_scope("body"):
            hidden = dead(images)
        with jax.named_scope("off"):
            return jax.nn.relu(hidden - 10.0)

    off = jaxviz.wrap(shifted, input_shape=(24, 24, 3))
    before = render(off, "off")
    after = render(off, [jaxviz.channel("off", unit, rectified=True) for unit in range(4)])
    assert set(before.states) == {"done"}
    assert (before.score_history[-1] > before.score_history[0]).all()
    assert set(after.states) == {"dead"}
    assert all("rectifier" in message for message in after.messages)


@pytest.mark.smoke
def test_one_unit_that_diverges_is_named_and_spoils_no_other(model):
    def fragile(images):
        with jax.named_scope("pair"):
            pooled = images.mean((1, 2))[:, :2]
            broken = jnp.where(pooled[:, 1:] > 0.55, jnp.nan, pooled[:, 1:])
            return jnp.concatenate([pooled[:, :1], broken], -1)

    fragile_model = jaxviz.wrap(fragile, input_shape=(24, 24, 3))
    rendering = render(fragile_model, "pair", steps=60)
    assert rendering.states == ("done", "diverged")
    assert "Try a smaller learning_rate" in rendering.messages[1]
    assert np.isfinite(rendering.images).all()
    np.testing.assert_array_equal(rendering.images[0], render(fragile_model, "pair", units=0, steps=60).images[0])


def test_classes_are_climbed_by_their_logits_and_called_by_their_names(model):
    rendering = render(model, "output", units=["bee", 3])
    assert rendering.labels == ("bee", "dog")
    np.testing.assert_array_equal(rendering.images[0], render(model, jaxviz.class_logit("bee")).images[0])
    assert rendering.scores.max() > 1.0 or rendering.scores.min() < 0.0, "a logit, not a probability"


def test_objectives_of_different_forms_can_be_mixed(model):
    objectives = [
        jaxviz.channel("second", 1) - 0.01 * jaxviz.total_variation(),
        jaxviz.neuron("first", 2, row=1, column=2),
        -jaxviz.channel("second", 1),
        jaxviz.direction("second", np.arange(CHANNELS, dtype=float)),
        jaxviz.deepdream("first"),
    ]
    rendering = render(model, objectives)
    assert set(rendering.states) == {"done"}
    for position, objective in enumerate(objectives):
        np.testing.assert_array_equal(rendering.images[position], render(model, objective).images[0])


@pytest.mark.parametrize("channels", [1, 5])
def test_grayscale_and_many_channels_work(channels):
    def network(images):
        return jnp.tanh(images).mean((1, 2))

    rendering = render(jaxviz.wrap(network, input_shape=(16, 16, channels)), "mean", size=(17, 22))
    assert rendering.images.shape == (channels, 17, 22, channels)
    raised = [rendering.images[unit, ..., unit].mean() for unit in range(channels)]
    assert min(raised) > 0.53


@pytest.mark.parametrize("preset", ["lucid", "lucid_noise", "distill_2017", None, transforms.shift(3)])
def test_every_preset_climbs_at_an_odd_and_oblong_size(model, preset):
    rendering = render(model, "second", units=2, size=(33, 40), steps=30, transforms=preset)
    assert rendering.images.shape == (1, 33, 40, 3)
    assert rendering.score_history[-1, 0] > rendering.score_history[0, 0]


def test_any_optax_optimizer_can_climb(model):
    rendering = render(model, "second", units=0, steps=30, optimizer=optax.sgd(5.0), transforms=None)
    assert rendering.score_history[-1, 0] > rendering.score_history[0, 0]


def test_engines_used_longest_ago_are_forgotten(monkeypatch):
    monkeypatch.setattr(engines, "_MOST_ENGINES", 2)
    small = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
    made = []
    for rate in (None, 1.0, None, 2.0):
        given = {} if rate is None else {"optimizer": optax.sgd(rate)}
        render(small, "mean", units=0, steps=1, size=16, **given)
        made.append(list(engines._engines[small].values()))
    assert [len(each) for each in made] == [1, 2, 2, 2]
    assert made[2][-1] is made[0][0]
    assert made[3][0] is made[0][0]


def test_a_linear_units_best_image_is_its_own_weight():
    """A unit that is a weighted sum of pixels is raised most by pixels at the sign of their weights."""
    weight = jnp.asarray(np.random.default_rng(5).normal(size=(12, 10, 1)), jnp.float32)
    model = jaxviz.wrap(lambda images: (images * weight).sum((1, 2)), input_shape=(12, 10, 1))
    rendering = render(
        model, "sum", size=(12, 10), steps=200, transforms=None, parameterization=jaxviz.pixels(), learning_rate=0.1
    )
    np.testing.assert_array_equal(rendering.images[0] > 0.5, np.asarray(weight) > 0)


def test_snapshots_show_progress_and_closing_them_stops_the_work(model):
    snapshots = jaxviz.render_steps(model, "second", units=[0, 1, 2], steps=12, size=24, snapshot_every=5)
    first, second = next(snapshots), next(snapshots)
    assert (first.step, second.step) == (0, 5)
    assert first.images.dtype == np.uint8
    assert first.states == ("climbing",) * 3
    assert np.isnan(first.scores).all()
    assert np.isfinite(second.scores).all()
    assert second.steps_per_second > 0
    snapshots.close()
    assert list(snapshots) == []


def test_an_interrupt_returns_what_there_is(model, monkeypatch):
    made = []
    original = climb.Climber._look

    def interrupting(self, *arguments):
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(climb.Climber, "_look", interrupting)
    rendering = render(model, "second", units=[0, 1], steps=60)
    assert rendering.states == ("stopped", "stopped")
    assert len(rendering) == 2
    assert rendering.images.std() > 0.01, "the last snapshot is kept"


def test_a_recipe_holds_what_is_needed_to_make_the_image_again(model):
    recipe = render(model, "second", units=[1], learning_rate=0.02).recipe
    again = jaxviz.render(
        model,
        [jaxviz.objectives.from_json(record) for record in recipe.objectives],
        steps=recipe.steps,
        size=recipe.size,
        key=jax.random.wrap_key_data(np.array(recipe.key, np.uint32), impl=recipe.key_implementation),
        parameterization=jaxviz.parameterizations.from_json(recipe.parameterization),
        transforms=transforms.from_json(recipe.transforms),
        learning_rate=recipe.optimizer["learning_rate"],
        progress=False,
    )
    assert again.recipe == recipe
    np.testing.assert_array_equal(again.images, render(model, "second", units=[1], learning_rate=0.02).images)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (["secondd"], {}, KeyError, "Did you mean 'second'"),
        (["second"], {"units": [CHANNELS]}, IndexError, rf"{CHANNELS}.*out of range.*0 to {CHANNELS - 1}"),
        (["second"], {"units": []}, ValueError, "list of units is empty"),
        (["second"], {"units": ["bee"]}, TypeError, "are numbers; 'bee' is none"),
        (["output"], {"units": ["be"]}, ValueError, "bee"),
        ([[]], {}, ValueError, "list of objectives is empty"),
        ([[3]], {}, TypeError, "3 is no objective"),
        ([None], {}, TypeError, "None is no objective"),
        ([jaxviz.channel("second", 0)], {"units": [1]}, TypeError, "units belongs to a layer's name"),
        (["second"], {"steps": 0}, ValueError, "at least 1 step"),
        (["second"], {"steps": 2.5}, TypeError, "whole number"),
        (["second"], {"size": 7}, ValueError, "smallest picture is 8"),
        (["second"], {"size": (24, 24, 3)}, TypeError, r"\(height, width\)"),
        (["second"], {"key": "seed"}, TypeError, "JAX key"),
        (["second"], {"learning_rate": -1.0}, ValueError, "positive"),
        (["second"], {"learning_rate": 0.1, "optimizer": optax.sgd(1.0)}, TypeError, "either learning_rate"),
        (["second"], {"transforms": "lucyd"}, ValueError, "distill_2017, lucid, lucid_noise"),
        (["second"], {"lowering": "fast"}, ValueError, "'auto'"),
        (["second"], {"units": 3.0}, TypeError, "whole number"),
        (["second"], {"units": [-1]}, ValueError, "no counting from the end"),
        (["second"], {"size": 24.0}, TypeError, r"size is 24.0.*\(height, width\)"),
        (["second"], {"key": 2**40}, ValueError, "fit into 32 bits"),
        (["second"], {"optimizer": optax.adam}, TypeError, r"such as optax.adam\(0.05\)"),
        (["second"], {"parameterization": jaxviz.fourier}, TypeError, r"such as jaxviz.fourier\(\)"),
        (["second"], {"parameterization": jaxviz.starting_from(np.zeros((8, 8, 3)))}, ValueError, r"\(8, 8, 3\)"),
        (["second"], {"parameterization": jaxviz.fourier(colours=np.eye(2))}, ValueError, "matrix of 2×2"),
        (
            [jaxviz.channel("second", 0) - jaxviz.l2(np.zeros((8, 8, 3)))],
            {},
            ValueError,
            r"image for l2.*\(24, 24, 3\)",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_compiled(model, monkeypatch, arguments, options, error, message):
    def refuse(*_, **__):
        raise AssertionError("compiled")

    monkeypatch.setattr(slots, "engine_of", refuse)
    with pytest.raises(error, match=message):
        render(model, *arguments, **options)


@pytest.mark.parametrize("parameterization", [jaxviz.fourier(), jaxviz.phase_only(), jaxviz.pixels()], ids=str)
def test_a_jax_that_computes_in_64_bits_makes_the_same_pictures(parameterization):
    found = []
    for wide in (False, True):
        with jax.enable_x64(wide):
            small = jaxviz.wrap(small_network(), input_shape=(24, 24, 3))
            found.append(render(small, "second", units=[1], steps=6, parameterization=parameterization))
    np.testing.assert_allclose(found[0].images, found[1].images, atol=1e-5)  # optax rounds some numbers otherwise
    assert found[0].recipe == found[1].recipe


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="make one with jaxviz"):
        render(lambda images: images, "second")


@pytest.mark.parametrize(("every", "error"), [(0, ValueError), (2.5, TypeError), (True, TypeError)])
def test_a_wrong_number_of_steps_between_snapshots_is_refused_at_once(model, every, error):
    with pytest.raises(error, match="snapshot_every"):
        jaxviz.render_steps(model, "second", steps=4, size=24, snapshot_every=every)


@pytest.mark.parametrize("units", [np.int64(3), np.array(3), jnp.arange(3, 4), range(3, 4), (unit for unit in [3])])
def test_units_are_whole_numbers_of_any_kind(model, units):
    assert render(model, "second", units=units, steps=1).labels == ("second:3",)


def test_a_penalty_alone_climbs_without_the_model(model):
    rendering = render(model, -jaxviz.total_variation(), transforms=None, steps=30)
    assert rendering.states == ("done",)
    assert rendering.score_history[-1, 0] > rendering.score_history[0, 0]


def test_a_picture_that_the_last_step_has_broken_is_named_and_spoils_no_other(model):
    broken = optax.GradientTransformation(
        lambda _: optax.EmptyState(),
        lambda gradient, state, _=None: (jax.tree.map(lambda part: part * jnp.nan, gradient), state),
    )
    rendering = render(model, "second", units=0, steps=1, optimizer=broken)
    assert rendering.states == ("diverged",)
    assert "the picture stopped being finite" in rendering.messages[0]


def test_weights_that_are_not_numbers_are_refused_by_name():
    from flax import nnx

    module = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    module.kernel[...] = jnp.full((3, 2), jnp.nan)
    model = jaxviz.wrap(module, input_shape=(16, 16, 3))
    with pytest.raises(ValueError, match=r"kernel.*holds NaN or infinity"):
        render(model, "output", units=[0])
