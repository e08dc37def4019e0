"""Presets climb, are named with their source, and are compared side by side."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from compiling import compilations
from jaxviz.gradient_rules import redirected_relu
from jaxviz.presets import PRESETS, compare_presets, named, table


@pytest.fixture(scope="module")
def model():
    kernel = jnp.array(np.random.default_rng(0).normal(size=(3, 3, 3, 4)) / 5, jnp.float32)

    def network(images):
        found = jax.lax.conv_general_dilated(
            images, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )  # fmt: skip
        return jnp.square(found).mean((1, 2))

    return jaxviz.wrap(network, input_shape=(48, 48, 3), name="Small")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_names_its_source_and_climbs(model, name):
    preset = PRESETS[name]
    assert preset.name == name
    assert len(preset.source) > 10
    assert len(preset.differences) > 10
    rendering = preset.render(model, model.layers[-1], units=[1], size=48, steps=4, progress=False)
    assert rendering.states == ("done",)
    assert (rendering.transparency is not None) == preset.transparency
    assert rendering.recipe.optimizer["kind"] != "custom"
    assert np.ptp(rendering.images) > 0


def test_presets_are_compared_in_rows_and_each_is_what_it_is_alone(model):
    names = ["lucid", "phase_only", "dvt_2"]
    comparison = compare_presets(
        model, model.layers[-1], units=iter([2, 0]), presets=names, size=48, steps=4, progress=False
    )
    assert list(comparison) == names
    assert len(comparison) == 3
    alone = jaxviz.render(
        model, model.layers[-1], units=[2, 0], progress=False, **named("dvt_2").settings(size=48, steps=4)
    )
    np.testing.assert_array_equal(comparison["dvt_2"].images, alone.images)
    grid = comparison.grid()
    assert grid.shape[0] > 3 * 48
    assert 2 * 48 < grid.shape[1] < 3 * 48


@pytest.mark.parametrize(
    "presets",
    [
        [named(f"dvt_{number}") for number in (1, 2, 3, 4)],
        [
            dataclasses.replace(
                named("lucid"), name=str(rate), learning_rate=rate, parameterization=jaxviz.fourier(decay_power=power)
            )
            for rate, power in ((0.05, 1.0), (0.1, 1.5))
        ],
    ],
    ids=["dvt", "own"],
)
def test_presets_that_differ_in_numbers_only_share_one_compiled_program(model, presets):
    def compare(presets):
        return compare_presets(model, model.layers[-1], units=[1, 2], presets=presets, size=48, steps=5, progress=False)

    first = compare(presets[:1])
    with compilations() as compiled:
        others = compare(presets[1:])
    assert compiled == []
    pictures = [first[presets[0].name].images, *(rendering.images for rendering in others.renderings.values())]
    assert all(np.abs(one - other).max() > 0.01 for one, other in itertools.combinations(pictures, 2))


def test_a_comparison_is_saved_as_a_picture(model, tmp_path):
    comparison = compare_presets(model, model.layers[-1], units=0, presets=["lucid"], size=48, steps=1, progress=False)
    comparison.save(tmp_path / "new folder" / "sheet.png")
    assert (tmp_path / "new folder" / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_lists_every_preset_with_what_differs():
    assert all(f"{name}: {preset.steps} steps" in table() for name, preset in PRESETS.items())
    assert table().count("Differs: ") == len(PRESETS)


@pytest.mark.parametrize("preset", ["dvt_3", PRESETS["dvt_3"]])
def test_a_single_preset_may_be_compared_without_a_list(model, preset):
    comparison = compare_presets(model, model.layers[-1], units=0, presets=preset, size=48, steps=1, progress=False)
    assert list(comparison) == ["dvt_3"]


def test_unknown_presets_are_answered_with_the_closest(model):
    with pytest.raises(KeyError, match=r"no preset 'lucidd'\. Did you mean 'lucid'"):
        compare_presets(model, model.layers[-1], presets=["lucidd"], progress=False)
    with pytest.raises(ValueError, match="No presets were given"):
        compare_presets(model, model.layers[-1], presets=[], progress=False)


# --- gradient rules ----------------------------------------------------------------------------------


def dead_unit(images):
    with jax.named_scope("off"):
        return jax.nn.relu(images.mean((1, 2)) - 0.6)  # no first image, which is grey 0.5, reaches it


def test_a_dead_rectifier_is_woken_by_lucids_preset_and_by_no_other():
    model = jaxviz.wrap(dead_unit, input_shape=(16, 16, 3), name="Dead")
    objective = jaxviz.channel("off", 0, rectified=True)
    names = ["lucid", "lucent", "lucid_noise"]
    comparison = compare_presets(model, [objective], presets=names, size=24, steps=32, progress=False)
    moved = {name: np.ptp(comparison[name].images) for name in names}
    assert moved["lucid"] > 0.3
    assert max(moved["lucent"], moved["lucid_noise"]) < 0.2
    assert comparison["lucid"].recipe.gradient_rules == (redirected_relu(steps=17).to_json(),)
    assert comparison["lucent"].recipe.gradient_rules == ()
    assert [name for name, preset in PRESETS.items() if preset.gradient_rules] == ["lucid"]


def test_a_rule_is_left_out_where_the_model_has_nothing_for_it(model):
    assert named("lucid").settings()["gradient_rules"] == (redirected_relu(steps=17),)
    assert named("lucid").settings(model=model)["gradient_rules"] == ()
    with pytest.raises(ValueError, match="The gradient rule redirected_relu acts on rectifiers"):
        jaxviz.render(model, model.layers[-1], progress=False, **named("lucid").settings(size=48, steps=1))


# --- other inputs than images ------------------------------------------------------------------------


def linear_model(*shape):
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(int(np.prod(shape)), 2)), jnp.float32)

    def network(inputs):
        with jax.named_scope("unit"):
            return inputs.reshape(inputs.shape[0], -1) @ weights

    kind = {1: "Table", 2: "Ear", 4: "Scanner"}[len(shape)]
    return jaxviz.wrap(network, input_shape=shape, name=kind), np.asarray(weights)[:, 1].reshape(shape)


@pytest.mark.parametrize("shape", [(12,), (40, 2), (6, 8, 7, 1)], ids=str)
def test_presets_of_plain_numbers_suit_any_input_at_the_models_own_size(shape):
    model, weights = linear_model(*shape)
    names = [name for name, preset in PRESETS.items() if model.input_name in preset.inputs]
    assert {"erhan_2009", "simonyan_2013"} <= set(names)
    assert ("dvt_3" in names) == (len(shape) > 1)
    comparison = compare_presets(model, "unit", units=1, presets=names, steps=40, progress=False)
    assert {rendering.images.shape for rendering in comparison.renderings.values()} == {(1, *shape)}
    best = 0.5 + 0.15 * np.sqrt(weights.size) * weights / np.linalg.norm(weights)
    np.testing.assert_allclose(comparison["erhan_2009"].images[0], best.clip(0, 1), atol=0.03)
    for name in set(names) - {"erhan_2009", "dvt_1", "dvt_2", "dvt_3", "dvt_4"}:
        assert ((comparison[name].images[0] > 0.5) == (weights > 0)).mean() > 0.95
    assert comparison.grid().ndim == 3


@pytest.mark.parametrize("name", ["lucid", "maco", "vital"])
def test_a_preset_for_images_says_so_to_other_inputs_and_what_suits_them(name):
    model, _ = linear_model(40, 2)
    message = f"Preset '{name}' is for images, but model 'Ear' takes signals.*without a preset suits any input"
    with pytest.raises(ValueError, match=message):
        named(name).render(model, "unit", progress=False)
    assert "Also for vectors, signals, volumes, at the model's own size." in table()


def test_what_a_comparison_cannot_do_is_said_at_once(model):
    with pytest.raises(ValueError, match="lucid, lucid; give each under a name of its own"):
        compare_presets(model, "mean", units=np.int64(1), presets=["lucid", "lucid"], progress=False)
    with pytest.raises(TypeError, match=r"\(24, 32\); the pictures of presets are square"):
        named("xplique").render(model, "mean", units=1, size=(24, 32), progress=False)


def test_captums_canvas_is_as_large_as_its_picture_and_mirrored():
    transform = PRESETS["captum_wip"].settings(size=224)["transforms"]
    assert transform.output_size(224, 224) == (224, 224)
    assert "reflect" in repr(transform)


def test_vital_moves_by_whole_pixels_and_flips_nothing():
    transform = PRESETS["vital"].settings(size=56, steps=4)["transforms"]
    board = np.float32(np.indices((56, 56)).sum(0) % 2)[..., None]
    for number in range(6):
        moved = np.asarray(transform(jax.random.key(number), jnp.asarray(board)))
        assert set(np.unique(moved).tolist()) == {0.0, 1.0}


def flattening_model(height, width):
    """A model that takes one size of images only, with a convolution and a dense layer behind it."""
    generator = np.random.default_rng(0)
    kernel = jnp.array(generator.normal(size=(3, 3, 3, 4)), jnp.float32)
    weights = jnp.array(generator.normal(size=(height * width * 4, 5)), jnp.float32)

    def network(images):
        found = jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return jnp.tanh(found).reshape(images.shape[0], -1) @ weights

    return jaxviz.wrap(network, input_shape=(height, width, 3))


def test_a_model_of_one_size_that_is_no_square_is_compared_at_its_own():
    model = flattening_model(12, 17)
    names = ["erhan_2009", "simonyan_2013"]
    comparison = jaxviz.compare_presets(model, "dense", units=[1], presets=names, steps=2, progress=False)
    assert [comparison[name].images.shape for name in names] == [(1, 12, 17, 3)] * 2
    bench = jaxviz.Bench(model, "dense", 1, presets=names, steps=2)
    assert bench.wait(60), bench.error
    assert (bench.states, bench.settings["size"]) == ("dd", 12)
    assert "size=" not in bench.code["grid"]
    np.testing.assert_array_equal(bench.renderings["erhan_2009"].images[0], comparison["erhan_2009"].images[0])
    bench.close()
