"""What is kept of layers and settings that were left: enough to come back to, and never a blank grid."""

import pytest
from fake_browser import Browser
from fake_climb import FakeClimb

from jaxviz.widgets import boards


def pin(explorer, unit=0):
    explorer.pins = [{"layer": "first", "unit": unit, "sign": 1, "generation": explorer.status["generation"]}]


def visit(explorer, layer):
    explorer.layer = layer
    assert explorer.wait(10)


def test_pictures_that_began_again_beside_a_pin_are_found_when_one_comes_back(open_widget):
    explorer = open_widget("first")
    explorer.wait(10)
    pin(explorer)
    explorer.restart()
    explorer.wait(10)
    generation = explorer.status["generation"]
    visit(explorer, "head")
    visit(explorer, "first")
    assert (explorer.states, explorer.status["generation"]) == ("dddd", generation)
    assert len(explorer.rendering) == 4
    explorer.pins = []
    explorer.settings = {"steps": 4}
    explorer.wait(10)
    assert explorer.states == "dddd"


@pytest.mark.parametrize("pinned", [False, True])
def test_a_layer_that_was_dropped_to_save_memory_begins_again_when_one_comes_back(open_widget, monkeypatch, pinned):
    monkeypatch.setattr(boards, "MOST_BYTES", 1)
    explorer = open_widget("first")
    explorer.wait(10)
    before = explorer.status["generation"]
    if pinned:
        pin(explorer, 2)
    visit(explorer, "head")
    visit(explorer, "first")
    assert (explorer.states, explorer.status["finished"]) == ("dddd", 4)
    assert explorer.status["generation"] > before
    assert len(explorer.rendering) == 4
    visit(explorer, "head")
    visit(explorer, "first")  # and again
    assert explorer.states == "dddd"
    known = explorer._session.boards._boards
    assert len(known) == 3 if pinned else 2


def test_dropping_forgets_nothing_that_others_go_on_from(open_widget, monkeypatch):
    monkeypatch.setattr(boards, "MOST_BYTES", 1)
    climb = FakeClimb()
    explorer = open_widget("first", climb=climb, from_scratch=False)
    explorer.wait(10)
    explorer.settings = {"noise": 0.25}
    explorer.wait(10)
    assert {settings.noise for _, settings, _ in climb.steps} == {0, 0.25}
    explorer.settings = {"noise": 0}
    explorer.wait(10)
    assert explorer.states == "dddd"


def test_a_dropped_layer_is_in_no_page_and_its_pinned_tile_is(open_widget, monkeypatch):
    monkeypatch.setattr(boards, "MOST_BYTES", 1)
    explorer = open_widget("first")
    explorer.wait(10)
    visit(explorer, "head")
    assert [board.layer for board in explorer._session.exported()] == ["head"]
    visit(explorer, "first")
    pin(explorer, 1)
    visit(explorer, "head")
    first, head = explorer._session.exported()
    assert (first.layer, list(first.records), head.layer) == ("first", [(1, 1)], "head")


def test_a_finished_layer_can_be_had_while_another_one_rests(open_widget):
    climb = FakeClimb(gated=True)
    explorer = open_widget("first", climb=climb)
    climb.gate.release(100)
    explorer.wait(10)
    browser = Browser(explorer)
    browser.until(lambda _: climb.slices > 0 and explorer._session.job.phase != "running")
    while climb.gate.acquire(blocking=False):
        pass
    explorer.layer = "block"
    climb.gate.release()
    browser.until(lambda _: explorer._session.record(0, 1) is not None)
    explorer.pause()
    climb.gate.release()  # of the slice that may be under way
    explorer.layer = "first"
    assert explorer.status["phase"] == "paused"
    assert explorer.rendering.labels == ("first:0", "first:1", "first:2", "first:3")
