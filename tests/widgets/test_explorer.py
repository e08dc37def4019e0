"""The explorer as Python sees it: typed traits both ways, errors with the closest match, pictures at any time."""

import numpy as np
import pytest
import traitlets
from fake_climb import DEAD, DIVERGED, FakeClimb, score

from jaxviz import Settings
from jaxviz.widgets import Explorer, LayerGrid, UnitView
from records import MARKUP


@pytest.mark.smoke
def test_it_climbs_at_once_and_ends(open_widget):
    explorer = open_widget("block")
    assert explorer.wait(10)
    states = ["d"] * 12
    states[DEAD], states[DIVERGED] = "x", "v"
    assert explorer.states == "".join(states)
    assert explorer.status["phase"] == "done"
    assert explorer.status["finished"] == explorer.status["total"] == 12  # units; one has two pictures
    assert explorer.status["image_steps"] == explorer.status["total_image_steps"] == 13 * 8
    assert explorer.error == ""


def test_what_the_model_is_can_be_read(open_widget):
    explorer = open_widget()
    assert explorer.model_name == "Tiny"
    assert explorer.input_shape == [16, 16, 3]
    assert [layer["name"] for layer in explorer.layers] == ["first", "block/conv", MARKUP, "head"]
    assert [layer["classes"] for layer in explorer.layers] == ["", "", "", "head"]
    assert explorer.class_names["head"][2] == "school bus"
    assert explorer.kind == "explorer"
    assert explorer.kernel is True
    assert "lucid" in explorer.presets


def test_a_layer_may_be_named_by_its_alias(open_widget):
    assert open_widget("block").layer == "block/conv"


def test_another_layer_brings_its_units_and_empties_the_selection(open_widget):
    explorer = open_widget("block", unit=5)
    explorer.selection = [1, 2]
    explorer.layer = "first"
    assert (explorer.units, explorer.unit, explorer.selection) == ([0, 1, 2, 3], 0, [])
    assert explorer.wait(10)
    assert explorer.states == "dddd"


def test_another_layer_keeps_the_number_of_the_chosen_unit_if_it_has_one(open_widget):
    explorer = open_widget("block", unit=3)
    explorer.layer = "first"
    assert explorer.unit == 3


def test_coming_back_to_a_layer_finds_what_was_rendered(open_widget):
    climb = FakeClimb()
    explorer = open_widget("first", climb=climb)
    explorer.wait(10)
    explorer.layer = "head"
    explorer.wait(10)
    slices = climb.slices
    explorer.layer = "first"
    assert explorer.states == "dddd"  # at once
    assert explorer.wait(10)
    assert climb.slices == slices + 1  # which found nothing to do


def test_units_are_numbers_or_names_of_classes(open_widget):
    explorer = open_widget("head", units=["school bus", 0])
    assert explorer.units == [2, 0]
    explorer.unit = "bumblebee"
    assert explorer.unit == 1
    explorer.selection = np.array([2, 0])
    assert explorer.selection == [2, 0]
    explorer.units = range(3)
    assert explorer.units == [0, 1, 2]


def test_the_first_of_the_units_is_chosen_if_none_is_named(open_widget):
    assert open_widget("head", units=["school bus", 0]).unit == 2
    assert open_widget("head", units=[2, 0], unit=1).unit == 1
    assert open_widget("head").unit == 0


@pytest.mark.smoke
def test_settings_are_merged_and_checked(open_widget):
    explorer = open_widget("first")
    explorer.settings = {"noise": 0.1}
    assert explorer.settings["preset"] == "lucid_noise"
    assert explorer.settings["steps"] == 8
    explorer.settings = {"preset": "none", "steps": 6}
    assert (explorer.settings["noise"], explorer.settings["max_degrees"], explorer.settings["steps"]) == (0, 0, 6)
    explorer.settings = Settings(size=16, steps=4)
    assert explorer.settings == Settings(size=16, steps=4).to_json()
    assert explorer.wait(10)
    assert explorer.states == "dddd"


def test_a_preset_among_all_settings_brings_its_own_numbers(open_widget):
    explorer = open_widget("first")
    explorer.settings = explorer.settings | {"preset": "lucid_noise"}
    assert explorer.settings["noise"] == 0.1


def test_more_steps_go_on_and_fewer_are_enough(open_widget):
    climb = FakeClimb()
    explorer = open_widget("first", climb=climb)
    explorer.wait(10)
    generation = explorer.status["generation"]
    explorer.settings = {"steps": 12}
    explorer.wait(10)
    steps, scores = explorer.curve(2)
    assert steps.tolist() == list(range(12))
    assert scores == pytest.approx([score(2, 1, step) for step in range(12)])
    assert explorer.status["generation"] == generation
    explorer.settings = {"steps": 4}
    explorer.wait(10)
    assert explorer.states == "dddd"
    assert explorer.status["image_steps"] == explorer.status["total_image_steps"]


def test_other_settings_are_another_generation_and_the_old_ones_are_found_again(open_widget):
    climb = FakeClimb()
    explorer = open_widget("first", climb=climb)
    explorer.wait(10)
    first = explorer.status["generation"]
    explorer.settings = {"noise": 0.2}
    explorer.wait(10)
    second = explorer.status["generation"]
    slices = climb.slices
    explorer.settings = {"noise": 0}
    explorer.wait(10)
    assert first < second < explorer.status["generation"]
    assert explorer.states == "dddd"
    assert climb.slices == slices + 1


def test_from_scratch_is_handed_on(open_widget):
    climb = FakeClimb()
    explorer = open_widget("first", climb=climb, from_scratch=False)
    explorer.settings = {"noise": 0.2}
    explorer.wait(10)
    explorer.from_scratch = True
    explorer.settings = {"noise": 0.3}
    explorer.wait(10)
    assert [(aim[1].noise, aim[2]) for aim in climb.aims] == [(0, True), (0.2, False), (0.3, True)]


@pytest.mark.parametrize("from_scratch", [True, False])
def test_what_is_chosen_before_pictures_begin_makes_the_climb_no_other_than_the_code_says(open_widget, from_scratch):
    climb = FakeClimb()
    explorer = open_widget("first", climb=climb, from_scratch=from_scratch)
    explorer.wait(10)
    with explorer._session.lock:  # no slice begins meanwhile
        explorer.settings = {"noise": 0.2}
        explorer.from_scratch = not from_scratch
    explorer.wait(10)
    assert climb.aims[-1][1:] == (explorer._session.choice.settings, from_scratch)
    assert ("went on from others" in explorer.code["grid"]) == (not from_scratch)


def test_the_code_says_where_pictures_went_on_from_others_and_nothing_where_they_began_from_noise(open_widget):
    climb = FakeClimb()
    explorer = open_widget("first", climb=climb, from_scratch=False)

    def goes_on(**changes):
        for name, value in changes.items():
            setattr(explorer, name, value)
        for code in explorer.code.values():
            compile(f"rendering = {code}", "code", "exec")
        said = ["went on from others" in code for code in explorer.code.values()]
        assert said[0] == said[1]
        return said[0]

    explorer.wait(10)
    assert not goes_on()
    assert goes_on(settings={"noise": 0.2})
    explorer.wait(10)
    assert goes_on(unit=2, settings={"steps": 12})
    assert not goes_on(settings={"noise": 0})  # as it was left
    assert not goes_on(settings={"size": 24})
    assert not goes_on(layer="head")
    assert goes_on(settings={"noise": 0.3})
    explorer.restart()
    assert not goes_on()
    explorer.wait(10)
    assert climb.aims[-1][2]
    assert not goes_on(from_scratch=True, settings={"noise": 0.4})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("layer", "blok/conv", "Unknown layer 'blok/conv' in model 'Tiny'. Did you mean 'block/conv'?"),
        ("layer", 3, "it must be the name of a layer"),
        ("unit", 12, "Unit 12 is out of range: layer 'block/conv' has 0 to 11."),
        ("unit", "bee", "Only class logits have names"),
        ("unit", 1.5, "give a whole number"),
        ("units", [], "The list of units is empty"),
        ("units", [0, -1], "Unit -1 is out of range"),
        ("selection", [99], "out of range"),
        ("settings", {"nois": 0.1}, "Unknown setting 'nois'. Did you mean 'noise'?"),
        ("settings", {"noise": 3}, "it must be from 0 to 0.5"),
        ("settings", 7, "must be a dictionary of changes"),
        ("from_scratch", 1, "must be True or False"),
        ("tile_pixels", 20, "from 48 to 256"),
        ("pins", [{"layer": "first"}], "must be a dictionary of layer, unit, sign, generation"),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(open_widget, name, value, message):
    explorer = open_widget("block")
    before = getattr(explorer, name)
    with pytest.raises(traitlets.TraitError, match=message.replace("(", r"\(")):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    assert explorer._session.choice.to_json()[name] == before


def test_what_only_python_knows_cannot_be_set(open_widget):
    explorer = open_widget()
    for name in ("states", "status", "layers", "kind", "code"):
        with pytest.raises(traitlets.TraitError):
            setattr(explorer, name, getattr(explorer, name))


@pytest.mark.parametrize("kind", [Explorer, LayerGrid, UnitView])
def test_unknown_arguments_are_refused_with_the_closest(open_widget, kind):
    with pytest.raises(TypeError, match=r"has no argument 'stepps'. Did you mean 'steps'\?"):
        open_widget("block", kind=kind, stepps=3)
    with pytest.raises(KeyError, match=r"Did you mean 'first'\?"):
        open_widget("frist", kind=kind)
    with pytest.raises(IndexError, match="out of range"):
        open_widget("first", kind=kind, unit=4)
    with pytest.raises(ValueError, match="it must be from 1 to 65536"):
        open_widget("first", kind=kind, steps=0)


def test_layer_and_unit_can_be_set_together(open_widget):
    explorer = open_widget("first")
    with explorer.hold_trait_notifications():
        explorer.layer = "block"
        explorer.unit = 11
    assert (explorer.layer, explorer.unit, len(explorer.units)) == ("block/conv", 11, 12)


def test_observers_are_told_and_may_answer(open_widget):
    explorer = open_widget("first")
    seen = []
    explorer.observe(lambda change: seen.append(change["new"]), "unit")
    explorer.observe(lambda change: setattr(explorer, "unit", 2), "layer")
    explorer.layer = "block"
    assert explorer.unit == 2
    assert explorer._session.choice.unit == 2
    assert seen[-1] == 2


@pytest.mark.smoke
def test_links_work_both_ways(open_widget):
    explorer, other = open_widget("first"), open_widget("block")
    traitlets.link((explorer, "unit"), (other, "unit"))
    explorer.unit = 3
    assert other._session.choice.unit == 3
    other.unit = 1
    assert explorer._session.choice.unit == 1


def test_an_observer_finds_traits_that_belong_together(open_widget):
    explorer = open_widget("block", unit=11)
    explorer.selection = [8]
    seen = []
    explorer.observe(
        lambda change: seen.append((explorer.layer, len(explorer.units), explorer.unit, explorer.selection)),
        ["layer", "units", "unit", "selection"],
    )
    explorer.layer = "first"
    assert set(map(repr, seen)) == {repr(("first", 4, 0, []))}


@pytest.mark.parametrize("name", ["layer", "unit", "settings", "from_scratch", "tile_pixels", "pins"])
def test_none_is_refused_as_any_other_wrong_value_and_nothing_changes(open_widget, name):
    explorer = open_widget("block")
    before = getattr(explorer, name)
    with pytest.raises(traitlets.TraitError):
        setattr(explorer, name, None)
    assert getattr(explorer, name) == before


def test_what_a_trait_gives_out_is_the_users_to_change_and_to_set(open_widget):
    explorer = open_widget("block")
    settings = explorer.settings
    settings["noise"] = 0.4
    assert explorer.settings["noise"] == 0
    explorer.settings = settings
    assert explorer._session.choice.settings.noise == 0.4
    settings["noise"] = 0.1
    assert explorer.settings["noise"] == 0.4
    explorer.selection.append(3)
    assert explorer.selection == []
    explorer.selection += [3]
    assert explorer._session.choice.selection == (3,)
    explorer.pins = [{"layer": "first", "unit": 0, "sign": 1, "generation": 1}]
    explorer.pins[0]["unit"] = 2
    pins = explorer.pins
    pins[0]["unit"] = 3
    assert explorer.pins[0]["unit"] == 0
    explorer.pins = pins
    assert explorer._session.choice.pins[0]["unit"] == 3
    explorer.observe(lambda change: change["new"].append(5), "units")
    explorer.units = [1, 2]
    assert explorer.units == [1, 2]


def test_numpys_whole_numbers_are_taken_wherever_a_number_is(open_widget):
    explorer = open_widget("block")
    explorer.tile_pixels, explorer.unit, explorer.selection = np.int64(64), np.int64(1), np.arange(2)
    explorer.settings = {"steps": np.int64(3)}
    assert (explorer.tile_pixels, explorer.unit, explorer.selection, explorer.settings["steps"]) == (64, 1, [0, 1], 3)
