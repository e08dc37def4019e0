"""What comes of an explorer's climb: its pictures, its order, what it survives, and the widgets that share it."""

import time

import pytest
import traitlets
from fake_browser import Browser
from fake_climb import FakeClimb, make_facts, score

from jaxviz import Settings
from jaxviz.widgets import LayerGrid, UnitView
from jaxviz.widgets.facts import Facts, LayerFacts
from jaxviz.widgets.opening import middle_layer


def test_the_rendering_is_of_the_selection_or_else_of_what_is_in_view_or_else_of_all(open_widget):
    explorer = open_widget("first")
    explorer.wait(10)
    assert explorer.rendering.labels == ("first:0", "first:1", "first:2", "first:3")
    Browser(explorer).open(visible=[1, 2])
    assert explorer.rendering.labels == ("first:1", "first:2")
    explorer.selection = [3]
    assert explorer.rendering.labels == ("first:3",)


def test_before_anything_is_rendered_the_rendering_says_so(open_widget):
    explorer = open_widget("first", climb=FakeClimb(gated=True))
    with pytest.raises(ValueError, match="Nothing has been rendered yet"):
        explorer.rendering  # noqa: B018


def test_the_most_wanted_are_climbed_first(open_widget):
    climb = FakeClimb(gated=True)
    explorer = open_widget("block", climb=climb, unit=6)
    browser = Browser(explorer)
    browser.open(visible=[9, 3])
    climb.gate.release()
    browser.until(lambda _: len(climb.tiers) == 3 and (9, 1) in climb.tiers[1])
    assert climb.tiers[0] == [(6, 1), (6, -1)]
    assert climb.tiers[1] == [(9, 1), (3, 1)]
    assert climb.tiers[2] == [(unit, 1) for unit in (0, 1, 2, 4, 5, 7, 8, 10, 11)]


def test_pause_start_stop_and_restart(open_widget):
    climb = FakeClimb(gated=True)
    explorer = open_widget("first", climb=climb)
    climb.gate.release(1)
    Browser(explorer).until(lambda _: explorer._session.record(0, 1) is not None)
    explorer.pause()
    assert explorer.wait(0)
    assert explorer.status["phase"] == "paused"
    climb.gate.release(1)  # of the slice that was under way
    explorer.stop()
    assert explorer.wait(0)
    assert explorer.status["phase"] == "stopped"
    time.sleep(0.05)
    explorer._session.tell()
    assert set(explorer.states) == {"s", "w"}
    climb.gate.release(1000)
    explorer.start()
    assert explorer.wait(10)
    assert explorer.states == "dddd"
    generation = explorer.status["generation"]
    explorer.restart()
    assert explorer.wait(10)
    assert explorer.states == "dddd"
    assert explorer.status["generation"] > generation


def test_a_restart_begins_the_present_pictures_again_and_no_others(open_widget):
    climb = FakeClimb()
    explorer = open_widget("first", climb=climb)
    explorer.wait(10)
    explorer.settings = {"noise": 0.1}
    explorer.wait(10)
    explorer.layer = "head"
    explorer.wait(10)
    explorer.restart()
    explorer.wait(10)
    made = climb.slices
    for change in ({"layer": "first"}, {"settings": {"noise": 0}}):
        for name, value in change.items():
            setattr(explorer, name, value)
        explorer.wait(10)
        assert explorer.states == "dddd"
    assert climb.slices == made + 2  # each looked once and found nothing to do
    explorer.restart()
    explorer.wait(10)
    assert climb.slices > made + 3


def test_a_failing_slice_fails_the_climb_readably_and_keeps_what_there_is(open_widget):
    climb = FakeClimb()
    climb.fail_at = 3
    explorer = open_widget("first", climb=climb)
    with pytest.raises(RuntimeError, match="The climb failed: RuntimeError: out of memory while climbing"):
        explorer.wait(10)
    assert explorer.status["phase"] == "failed"
    assert explorer.error == "RuntimeError: out of memory while climbing"
    assert len(explorer.rendering) == 3
    explorer.start()
    assert explorer.wait(10)
    assert (explorer.states, explorer.error) == ("dddd", "")


def test_settings_that_the_model_refuses_are_refused_in_python(open_widget):
    explorer = open_widget("first")
    explorer.wait(10)
    with pytest.raises(traitlets.TraitError, match="cannot be traced with pictures of 400 pixels"):
        explorer.settings = {"size": 400, "steps": 9}
    with pytest.raises(ValueError, match="cannot be traced with pictures of 400 pixels"):
        LayerGrid(explorer, size=400)
    assert (explorer.settings["size"], explorer.settings["steps"], explorer.error) == (16, 8, "")
    assert explorer.states == "dddd"


def test_settings_that_the_model_refuses_are_taken_back_and_said_in_the_browser(open_widget):
    explorer = open_widget("first")
    explorer.wait(10)
    Browser(explorer).send("set", changes={"settings": {"size": 400, "steps": 9}})
    explorer.wait(10)
    assert "cannot be traced with pictures of 400 pixels" in explorer.error
    assert (explorer.settings["size"], explorer.settings["steps"]) == (16, 8)
    assert explorer.states == "dddd"
    assert len(explorer.rendering) == 4


def test_the_code_renders_what_is_on_the_screen(open_widget):
    explorer = open_widget("head", unit=1, noise=0.2)
    for code in explorer.code.values():
        compile(code, "code", "eval")
        assert '"head"' in code
        assert "noise=0.2" in code
    assert "units=[1]" in explorer.code["unit"]
    assert "units=[0, 1, 2]" in explorer.code["grid"]


@pytest.mark.parametrize(
    ("units", "written"),
    [
        ([7], "[7]"),
        ([0, 1, 2], "[0, 1, 2]"),
        (range(1000), "range(1000)"),
        ([4, 5, 6, 7], "range(4, 8)"),
        ([3, 2, 1, 0], "[3, 2, 1, 0]"),
    ],
)
def test_the_code_writes_a_row_of_many_units_as_a_range(units, written):
    code = Settings().python("head", units)
    assert f'"head", units={written}, steps' in code


def test_a_widget_made_of_a_widget_shares_its_climb(open_widget):
    climb = FakeClimb()
    explorer = open_widget("block", climb=climb)
    grid, view = LayerGrid(explorer), UnitView(explorer, unit=4)
    assert (grid.kind, view.kind) == ("grid", "unit")
    assert explorer.unit == grid.unit == 4
    view.unit = 2
    grid.selection = [3]
    explorer.settings = {"noise": 0.3}
    assert explorer.unit == grid.unit == 2
    assert explorer.selection == view.selection == [3]
    assert view.settings["noise"] == 0.3
    view.wait(10)
    assert explorer.states == grid.states == view.states
    assert len(climb.aims) >= 1
    explorer.close()
    assert climb.released == 0  # the others still show it
    view.layer = "first"
    assert view.wait(10)
    assert grid.states == "dddd"
    grid.close()
    view.close()
    view._session.job.join(10)
    assert climb.released == 1


def test_a_unit_view_climbs_its_unit_and_nothing_else(open_widget):
    climb = FakeClimb()
    view = open_widget("block", kind=UnitView, climb=climb, unit=4)
    view.wait(10)
    assert {tile for *_, tile in climb.steps} == {(4, 1), (4, -1)}
    assert view.rendering.labels == ("block/conv:4",)
    assert view.curve(sign=-1)[1] == pytest.approx([score(4, -1, step) for step in range(8)])


def test_a_layer_grid_climbs_no_negative(open_widget):
    climb = FakeClimb()
    grid = open_widget("first", kind=LayerGrid, climb=climb, units=[2, 1])
    grid.wait(10)
    assert {tile for *_, tile in climb.steps} == {(2, 1), (1, 1)}


def test_a_curve_is_empty_before_its_unit_has_begun(open_widget):
    explorer = open_widget("first", climb=FakeClimb(gated=True))
    assert [len(part) for part in explorer.curve(3)] == [0, 0]


def test_with_no_layer_given_a_wide_convolution_from_the_middle_is_chosen():
    facts = make_facts()
    assert middle_layer(facts) == "block/conv" or facts.layers[middle_layer(facts)]["kind"] == "conv"


def test_of_a_transformer_the_end_of_a_block_from_the_middle_is_chosen_and_not_its_patches():
    blocks = [(f"block{number}/{kind}", kind) for number in range(5) for kind in ("dense", "softmax", "add")]
    layers = [
        LayerFacts(
            name=name, kind=kind, shape=[9, 16], units=16, parameters=0, flops=0, receptive_field=[80, 80], classes=""
        )
        for name, kind in [("patches", "conv"), *blocks]
    ]
    assert middle_layer(Facts(name="Transformer", input_shape=(80, 80, 3), layers=layers)) == "block2/add"


def test_several_explorers_take_turns(open_widget):
    climbs = [FakeClimb(slice_seconds=0.005) for _ in range(3)]
    explorers = [open_widget("block", climb=climb, steps=60) for climb in climbs]
    before = [climb.slices for climb in climbs]  # the first has climbed alone while the others were opened
    time.sleep(0.5)
    after = [climb.slices for climb in climbs]
    for explorer in explorers:
        explorer.pause()
    slices = [later - earlier for earlier, later in zip(before, after, strict=True)]
    assert min(slices) > 5
    assert max(slices) - min(slices) <= 3
