"""Presets climb, are named with their source, and are compared side by side."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
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


def test_a_comparison_is_saved_as_a_picture(model, tmp_path):
    comparison = compare_presets(model, model.layers[-1], units=0, presets=["lucid"], size=48, steps=1, progress=False)
    comparison.save(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_lists_every_preset_with_what_differs():
    assert all(f"{name}: {preset.steps} steps" in table() for name, preset in PRESETS.items())
    assert table().count("Differs: ") == len(PRESETS)


def test_unknown_presets_are_answered_with_the_closest(model):
    with pytest.raises(KeyError, match=r"no preset 'lucidd'\. Did you mean 'lucid'"):
        compare_presets(model, model.layers[-1], presets=["lucidd"], progress=False)
    with pytest.raises(ValueError, match="No presets were given"):
        compare_presets(model, model.layers[-1], presets=[], progress=False)
