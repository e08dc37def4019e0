"""The bench climbs one unit under several presets, each as it is alone, and measures the pictures."""

import dataclasses
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import traitlets
from fake_browser import Browser

import jaxviz
from compiling import compilations
from jaxviz import evidence
from jaxviz.presets import PRESETS
from jaxviz.results import read_recipe

PRESET_NAMES = ["dvt_2", "dvt_3"]  # which have no transforms, and compile soon
OPTIONS = {"steps": 6, "size": 24}


@pytest.fixture(scope="module")
def model():
    kernel = jax.random.normal(jax.random.key(0), (3, 3, 3, 4)) / 5

    def network(images):
        found = jax.lax.conv_general_dilated(
            images, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )  # fmt: skip
        return jnp.square(found).mean((1, 2))

    return jaxviz.wrap(network, input_shape=(24, 24, 3), class_names=("ant", "bee", "cat", "dog"), name="Tiny")


@pytest.fixture(scope="module")
def comparison(model):
    """What the bench must show, made without it."""
    return jaxviz.compare_presets(model, "conv", units=[2], presets=PRESET_NAMES, progress=False, **OPTIONS)


@pytest.fixture
def bench(model, no_thread_left):
    bench = jaxviz.Bench(model, "conv", 2, presets=PRESET_NAMES, **OPTIONS)
    yield bench
    bench.close()


def measured(bench):
    return {measure["name"]: measure["values"] for measure in bench.measures}


@pytest.mark.smoke
def test_every_picture_is_the_one_that_its_preset_makes_alone(bench, comparison):
    assert bench.wait(120)
    assert (bench.layer, bench.class_names, bench.states) == ("conv:2", {"conv:2": PRESET_NAMES}, "dd")
    assert list(bench.renderings) == PRESET_NAMES
    for name, rendering in bench.renderings.items():
        np.testing.assert_array_equal(rendering.images, comparison[name].images)
        assert rendering.recipe == comparison[name].recipe
    bench.unit = "dvt_3"
    assert bench.unit == 1
    np.testing.assert_array_equal(bench.curve()[1], comparison["dvt_3"].score_history[:, 0])


def test_every_finished_picture_is_measured(bench, model, comparison):
    bench.wait(120)
    objective = jaxviz.channel("conv", 2)
    found = measured(bench)
    for position, name in enumerate(PRESET_NAMES):
        image = comparison[name].images
        assert found["score"][position] == pytest.approx(evidence.scores(model, objective, image)[0, 0], rel=1e-5)
        energy = evidence.high_frequency_energy(image)[0]
        assert found["fine detail"][position] == pytest.approx(energy, rel=1e-5)
        assert 0 < found["robustness"][position] < 2


def test_the_shared_numbers_change_all_pictures_and_their_measures(bench):
    bench.wait(120)
    first, before = measured(bench), {name: each.images for name, each in bench.renderings.items()}
    bench.settings = {"key": 1}
    assert bench.wait(120)
    assert all(one != two for one, two in zip(first["score"], measured(bench)["score"], strict=True))
    for name, rendering in bench.renderings.items():
        assert np.abs(rendering.images - before[name]).max() > 0.01
    bench.settings = {"key": 0, "steps": 9}
    assert bench.wait(120)
    assert [each.recipe.steps for each in bench.renderings.values()] == [9] * 2
    assert None not in measured(bench)["score"]
    bench.settings = {"steps": 6}
    assert bench.wait(120)
    bench.restart()
    assert bench.wait(120)
    assert measured(bench)["fine detail"] == first["fine detail"]
    for name, rendering in bench.renderings.items():
        np.testing.assert_array_equal(rendering.images, before[name])


def test_another_number_of_steps_is_what_its_preset_makes_of_so_many(model, no_thread_left):
    fading = dataclasses.replace(
        PRESETS["dvt_3"],
        name="fading",
        transforms=lambda scene: jaxviz.transforms.annealed(
            jaxviz.transforms.noise(0.3), jaxviz.transforms.noise(0.0), steps=scene.steps
        ),
    )
    bench = jaxviz.Bench(model, "conv", 2, presets=[fading], steps=9, size=24)
    assert bench.wait(120)
    for steps in (6, 9, 12):
        bench.settings = {"steps": steps}
        assert bench.wait(120)
        alone = fading.render(model, "conv", units=2, steps=steps, size=24, progress=False)
        assert bench.renderings["fading"].recipe == alone.recipe
        assert bench.curve(0)[0].tolist() == list(range(steps))
        np.testing.assert_array_equal(bench.renderings["fading"].images, alone.images)
        assert None not in measured(bench)["score"]
    bench.close()


def test_the_code_makes_what_is_on_the_screen(bench, model, comparison):
    bench.unit = 1
    bench.wait(120)
    code = bench.code["grid"].replace("key=0,", "key=0, progress=False,")
    again = eval(code, {"jaxviz": jaxviz, "model": model})
    assert list(again) == PRESET_NAMES
    np.testing.assert_array_equal(again["dvt_3"].images, comparison["dvt_3"].images)
    assert "['dvt_3']" in bench.code["unit"]


def test_files_and_a_page_hold_the_pictures_with_their_names(bench, comparison, tmp_path):
    browser = Browser(bench)
    browser.open(visible=range(2))
    bench.wait(120)
    browser.until(lambda seen: len(seen.tiles) >= 3 and seen.state["measures"])
    browser.send("file", what="unit", layer="conv:2", unit=1, sign=1)
    browser.send("file", what="grid")
    browser.until(lambda seen: len(seen.files) == 2)
    path = tmp_path / "file.png"
    path.write_bytes(browser.files[0][1])
    assert read_recipe(path) == comparison["dvt_3"].recipe
    assert browser.files[1][0].endswith(".png")
    bench.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '"class_names":{"conv:2":["dvt_2","dvt_3"]}' in page
    assert '"measures":[{"name":"score"' in page


def test_a_preset_whose_picture_excites_nothing_has_no_robustness_and_a_page_all_the_same(no_thread_left, tmp_path):
    dead = jaxviz.wrap(lambda images: jax.nn.relu(images - 9).mean((1, 2)), input_shape=(24, 24, 3))
    bench = jaxviz.Bench(dead, "mean", 2, presets=PRESET_NAMES[:1], **OPTIONS)
    assert bench.wait(60)
    assert (measured(bench)["score"], measured(bench)["robustness"]) == ([0.0], [None])
    bench.to_html(tmp_path / "page.html")
    bench.close()


NUMBERS = {"decay": 0.05, "blur_pixels": 0.5}


def test_another_number_begins_its_preset_again_and_no_other(bench, model, comparison):
    assert bench.wait(120)
    first = measured(bench)
    bench.numbers = {"dvt_3": NUMBERS}
    assert bench.wait(120)
    assert bench.numbers == {"dvt_3": NUMBERS}
    alone = PRESETS["dvt_3"].changed(**NUMBERS).render(model, "conv", units=2, progress=False, **OPTIONS)
    assert list(bench.renderings) == PRESET_NAMES
    np.testing.assert_array_equal(bench.renderings["dvt_3"].images, alone.images)
    assert bench.renderings["dvt_3"].recipe == alone.recipe
    np.testing.assert_array_equal(bench.renderings["dvt_2"].images, comparison["dvt_2"].images)
    np.testing.assert_array_equal(bench.curve("dvt_3")[1], alone.score_history[:, 0])
    for name, (same, other) in measured(bench).items():
        assert same == first[name][0]
        assert other not in (None, first[name][1])
    bench.numbers = {}
    assert bench.wait(120)
    np.testing.assert_array_equal(bench.renderings["dvt_3"].images, comparison["dvt_3"].images)
    assert measured(bench) == first


def test_moving_a_number_compiles_nothing(bench):
    bench.wait(120)
    bench.numbers = {"dvt_3": {"total_variation": 0.001}}  # which is switched on, and so compiled
    bench.wait(120)
    with compilations() as compiled:
        for value in (0.002, 0.003):
            bench.numbers = {"dvt_3": {"total_variation": value, "decay": value}, "dvt_2": {"small_norm_percent": 30}}
            assert bench.wait(120)
    assert compiled == []


def test_the_names_of_presets_and_the_code_say_their_numbers(bench, model):
    bench.numbers = {"dvt_3": NUMBERS}
    assert bench.wait(120)
    assert bench.class_names == {"conv:2": ["dvt_2", "dvt_3 (decay 0.05, blur_pixels 0.5)"]}
    bench.unit = "dvt_3"
    assert bench.unit == 1
    code = bench.code["grid"].replace("key=0,", "key=0, progress=False,")
    again = eval(code, {"jaxviz": jaxviz, "model": model})
    assert list(again) == bench.class_names["conv:2"]
    for name, rendering in zip(again, bench.renderings.values(), strict=True):
        np.testing.assert_array_equal(again[name].images, rendering.images)


def test_what_is_pinned_keeps_its_picture_and_the_name_it_had(bench, comparison):
    browser = Browser(bench)
    browser.open(visible=range(2))
    bench.wait(120)
    generation = browser.until(lambda seen: len(seen.tiles) >= 2).state["status"]["generation"]
    bench.pins = [{"layer": "conv:2", "unit": 1, "sign": 1, "generation": generation}]
    bench.numbers = {"dvt_3": NUMBERS}
    assert bench.wait(120)
    assert bench.class_names == {
        "conv:2": ["dvt_2", "dvt_3 (decay 0.05, blur_pixels 0.5)"],
        f"conv:2@{generation}": PRESET_NAMES,
    }
    board = bench._session.board_of("conv:2", generation)
    kept = board.records[1, 1].picture
    np.testing.assert_array_equal(kept, comparison["dvt_3"].pictures()[0])
    assert np.abs(bench._session.record(1, 1).picture.astype(int) - kept).max() > 2
    bench.numbers = {"dvt_3": {"decay": 0.2}}
    assert bench.class_names[f"conv:2@{generation}"] == PRESET_NAMES


def test_numbers_hold_under_other_shared_settings_and_back(bench, model):
    assert bench.wait(120)
    bench.settings = {"steps": 9}
    bench.wait(120)
    bench.numbers = {"dvt_2": {"decay": 0.1}}
    bench.wait(120)
    bench.settings = {"steps": 6}
    assert bench.wait(120)
    for name, preset in (("dvt_2", PRESETS["dvt_2"].changed(decay=0.1)), ("dvt_3", PRESETS["dvt_3"])):
        alone = preset.render(model, "conv", units=2, progress=False, **OPTIONS)
        np.testing.assert_array_equal(bench.renderings[name].images, alone.images)
    assert None not in measured(bench)["score"]


def test_numbers_moved_while_it_climbs_leave_the_other_curve_whole(model, no_thread_left):
    bench = jaxviz.Bench(model, "conv", 2, presets=PRESET_NAMES, steps=400, size=24)
    for value in (0.01, 0.02, 0.03, 0.04):
        time.sleep(0.15)
        bench.numbers = {"dvt_2": {"decay": value}}
    assert bench.wait(120)
    for name, preset in (("dvt_2", PRESETS["dvt_2"].changed(decay=0.04)), ("dvt_3", PRESETS["dvt_3"])):
        alone = preset.render(model, "conv", units=2, steps=400, size=24, progress=False)
        np.testing.assert_array_equal(bench.renderings[name].images, alone.images)
        assert bench.curve(name)[0].tolist() == list(range(400))
    bench.close()


def test_a_slider_that_is_dragged_for_long_leaves_nothing_behind(bench):
    bench.wait(120)
    generation = bench.status["generation"]
    bench.pins = [{"layer": "conv:2", "unit": 1, "sign": 1, "generation": generation}]
    session = bench._session
    with session.lock:  # no slice begins meanwhile
        for move in range(1200):
            session.change({"numbers": {"dvt_2": {"decay": move / 2000}}})
        held = session.boards.shown
    assert bench.wait(120)
    assert len(session._former_names) < 100
    assert session.facts.class_names["conv:2"] == ["dvt_2 (decay 0.5995)", "dvt_3"]
    assert bench.class_names[f"conv:2@{generation}"] == PRESET_NAMES
    assert session.boards.shown is held
    former = session.board_of("conv:2", generation)
    assert former._next[0] is held
    assert bench.curve("dvt_3")[0].tolist() == list(range(6))


def test_the_dials_of_a_preset_are_those_that_make_it(bench):
    assert [each["preset"] for each in bench.dials] == PRESET_NAMES
    dials = {dial["name"]: dial for dial in bench.dials[0]["dials"]}
    assert dials["decay"]["value"] == 0.3
    assert dials["small_norm_percent"]["value"] == 20
    assert {"blur_pixels", "blur_every", "small_benefit_percent", "noise", "total_variation"} <= dials.keys()
    for dial in dials.values():
        assert dial["least"] <= dial["low"] <= dial["value"] <= dial["high"] <= dial["greatest"]
        assert dial["meaning"]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"dvt_9": {"decay": 1}}, "There is no preset 'dvt_9' on this bench. Did you mean"),
        ({"dvt_3": {"decai": 1}}, "no number 'decai' to move. Did you mean 'decay'"),
        ({"dvt_3": {"decay": 2}}, "decay is 2; it must be from 0 to 1"),
        ({"dvt_3": {"decay": "much"}}, "decay is 'much'; it must be a finite number"),
        ({"dvt_3": {"blur_every": 2.5}}, "blur_every is 2.5; it must be a whole number"),
        ({"dvt_3": 0.1}, "The numbers of 'dvt_3' are 0.1; give a dictionary"),
        ([], "it must be a dictionary"),
    ],
)
def test_numbers_that_a_preset_cannot_have_are_refused(bench, numbers, message):
    with pytest.raises(traitlets.TraitError, match=message):
        bench.numbers = numbers
    assert bench.numbers == {}


def test_an_explorer_has_no_numbers(model, no_thread_left):
    explorer = jaxviz.explore(model, steps=2, size=24)
    with pytest.raises(traitlets.TraitError, match="numbers belongs to jaxviz"):
        explorer.numbers = {"dvt_3": {"decay": 0.1}}
    explorer.close()


def test_own_presets_and_any_objective_may_be_on_the_bench(model, no_thread_left):
    own = dataclasses.replace(PRESETS["dvt_2"], name="own")
    bench = jaxviz.Bench(model, 0.5 * jaxviz.channel("conv", 1), presets=["dvt_2", own], **OPTIONS)
    assert bench.wait(120)
    assert list(bench.class_names.values()) == [["dvt_2", "own"]]
    np.testing.assert_array_equal(bench.renderings["own"].images, bench.renderings["dvt_2"].images)
    assert bench.code["grid"] == ""  # Python knows no preset of that name
    assert "model, objective, presets=['dvt_2']" in bench.code["unit"]
    bench.close()


@pytest.mark.parametrize("preset", ["dvt_3", PRESETS["dvt_3"]])
def test_a_single_preset_needs_no_list(model, no_thread_left, preset):
    bench = jaxviz.Bench(model, "conv", 2, presets=preset, **OPTIONS)
    assert list(bench.class_names.values()) == [["dvt_3"]]
    bench.close()


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"noise": 0.3}, "noise"), ({"preset": "strong"}, "preset"), (jaxviz.Settings(views=2, **OPTIONS), "views")],
)
def test_settings_that_the_presets_do_not_share_are_refused(bench, settings, named):
    before = bench.settings
    with pytest.raises(traitlets.TraitError, match=f"^{named} cannot be changed here: .* only steps, size and key"):
        bench.settings = settings
    with pytest.raises(ValueError, match="only steps, size and key"):
        jaxviz.LayerGrid(bench, steps=8, decay_power=2)
    assert bench.settings == before


def test_all_settings_may_be_given_back_with_the_shared_ones_changed(bench):
    bench.settings = bench.settings | {"steps": 7, "key": 3}
    assert (bench.settings["steps"], bench.settings["key"], bench.settings["size"]) == (7, 3, 24)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("conv", 2), {"presets": ["lucidd"]}, KeyError, "Did you mean 'lucid'"),
        (("conv", 2), {"presets": []}, ValueError, "give at least one"),
        (("conv", 2), {"presets": ["lucid", "lucid"]}, ValueError, "under a name of its own"),
        (("conv",), {}, ValueError, "has 4 units; say which one is meant"),
        (("conv", 9), {}, IndexError, "9"),
        (("konv", 2), {}, KeyError, "Did you mean 'conv'"),
        (("conv", 2), {"noise": 0.1}, TypeError, "has no argument 'noise'"),
        (("conv", 2), {"size": 4}, ValueError, "size is 4"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(model, arguments, options, error, message):
    with pytest.raises(error, match=message):
        jaxviz.Bench(model, *arguments, **options)


@pytest.mark.parametrize(("unit", "written"), [(np.int64(1), "units=[1]"), ("cat", "units=['cat']")])
def test_the_code_names_the_unit_as_python_does(model, no_thread_left, unit, written):
    bench = jaxviz.Bench(model, "output", unit, presets=["dvt_3"], **OPTIONS)
    assert written in bench.code["unit"]
    bench.close()
