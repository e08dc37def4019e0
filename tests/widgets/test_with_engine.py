"""The widgets over the real engine, on a tiny JAX model."""

import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fake_browser import Browser

import jaxviz
from jaxviz.results import read_recipe
from records import MARKUP

OPTIONS = {"steps": 6, "size": 16}


@pytest.fixture(scope="module")
def model():
    kernel = jax.random.normal(jax.random.key(0), (3, 3, 3, 6))
    head = jax.random.normal(jax.random.key(1), (6, 3))

    def network(images):
        with jax.named_scope(MARKUP):
            hidden = jax.lax.conv_general_dilated(
                images, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
        return jnp.tanh(hidden).mean((1, 2)) @ head

    return jaxviz.wrap(network, input_shape=(16, 16, 3), class_names=("ant", "bee", "school bus"), name="Tiny")


@pytest.fixture
def explorer(model, no_thread_left):
    explorer = jaxviz.explore(model, **OPTIONS)
    yield explorer
    explorer.close()


@pytest.mark.smoke
@pytest.mark.parametrize("what", ["unit", "grid"])
def test_the_code_makes_what_is_on_the_screen_bit_for_bit(explorer, model, what):
    explorer.unit = 4
    explorer.wait(60)
    assert set(explorer.states) == {"d"}
    shown = explorer.rendering if what == "grid" else explorer.rendering[[4]]
    code = explorer.code[what].replace("steps=6,", "steps=6, progress=False,")
    again = eval(code, {"jaxviz": jaxviz, "model": model})  # as who copies it does
    np.testing.assert_array_equal(shown.images, again.images)
    np.testing.assert_array_equal(explorer.curve(4)[1], again.score_history[:6, -2 if what == "grid" else 0])


@pytest.mark.parametrize("what", ["unit", "grid"])
def test_the_code_makes_the_pictures_that_had_made_more_steps_before_fewer_were_asked_for(explorer, model, what):
    explorer.wait(60)
    explorer.settings = {"steps": 3}
    explorer.wait(60)
    shown = explorer.rendering if what == "grid" else explorer.rendering[[0]]
    code = explorer.code[what].replace("steps=6,", "steps=6, progress=False,")
    np.testing.assert_array_equal(shown.images, eval(code, {"jaxviz": jaxviz, "model": model}).images)
    assert "6 steps of adam" in repr(shown.recipe)
    assert "of 3 steps" not in repr(shown.recipe)


def test_classes_have_names_and_negatives_climb_the_other_way(explorer):
    explorer.layer = explorer.layers[-1]["name"]
    explorer.unit = "school bus"
    assert explorer.wait(60)
    assert explorer.unit == 2
    up, down = explorer.curve()[1], explorer.curve(sign=-1)[1]
    assert up[-1] > up[0]
    assert down[-1] > down[0]
    assert down[0] == pytest.approx(-up[0], abs=1.0)


def test_the_classes_of_each_of_several_joint_models_have_their_own_names(model, no_thread_left):
    shades = jaxviz.wrap(
        lambda images: images.mean((1, 2)), input_shape=(16, 16, 3), class_names=["red", "green", "ant"]
    )
    explorer = jaxviz.explore(jaxviz.joint({"shades": shades, "tiny": model}), "shades", unit="ant", **OPTIONS)
    assert explorer.unit == 2
    explorer.layer, explorer.unit = "tiny", "ant"
    assert explorer.unit == 0
    named = {layer["classes"] for layer in explorer.layers} - {""}
    assert {name: explorer.class_names[name][0] for name in named} == {"shades": "red", "tiny": "ant"}
    assert explorer.wait(60)
    assert explorer.rendering.labels[0] == "tiny: ant"
    explorer.close()


def test_moving_a_slider_compiles_nothing_and_size_does(explorer):
    explorer.wait(60)
    phases = []
    explorer.observe(lambda change: phases.append(change["new"]["phase"]), "status")
    explorer.settings = {"noise": 0.1, "max_degrees": 20, "learning_rate": 0.1, "decay_power": 1.5, "key": 3}
    explorer.settings = {"views": 2}
    explorer.wait(60)
    assert "preparing" not in phases
    assert explorer.rendering.recipe.transforms["count"] == 2
    assert set(explorer.states) == {"d"}
    explorer.settings = {"size": 24}
    explorer.wait(60)
    assert "preparing" in phases
    assert explorer.rendering.images.shape[1:] == (24, 24, 3)


def test_frames_reach_the_browser_and_the_page_holds_them(explorer, tmp_path):
    browser = Browser(explorer)
    browser.open(visible=range(6))
    explorer.wait(60)
    browser.until(lambda seen: {tile["step"] for tile, _ in seen.tiles.values()} == {6} and len(seen.tiles) == 7)
    rendering = explorer.rendering
    for unit in range(6):
        _, pixels = browser.tiles[explorer.layer, explorer.status["generation"], unit, 1]
        assert np.abs(pixels / 255 - rendering.images[unit]).mean() < 0.03
    browser.send("file", what="grid")
    browser.until(lambda seen: seen.files)
    (tmp_path / "grid.png").write_bytes(browser.files[0][1])
    assert len(read_recipe(tmp_path / "grid.png").objectives) == 6


def test_a_unit_view_and_a_progress(model, no_thread_left):
    view = jaxviz.UnitView(model, MARKUP, unit=3, **OPTIONS)
    progress = jaxviz.RenderProgress(jaxviz.render_steps(model, MARKUP, steps=6, size=16))
    assert view.wait(60)
    assert progress.wait(60)
    assert view.rendering.labels == (f"{MARKUP}:3",)
    assert progress.states == "dddddd"
    assert progress.status["image_steps"] == 36
    view.close()
    progress.close()


def test_a_wrong_request_is_said_before_anything_runs(model):
    threads = threading.active_count()
    with pytest.raises(KeyError, match="Did you mean"):
        jaxviz.explore(model, "tahn")
    with pytest.raises(TypeError, match="has no argument 'stepps'"):
        jaxviz.explore(model, stepps=3)
    with pytest.raises(TypeError, match="is no model"):
        jaxviz.explore(lambda images: images)
    assert threading.active_count() <= threads


def test_closing_while_it_climbs_ends_the_thread(model):
    threads = threading.active_count()
    explorer = jaxviz.explore(model, steps=4096, size=16)
    time.sleep(0.3)
    explorer.close()
    assert explorer._session.job.join(30)
    deadline = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= threads
