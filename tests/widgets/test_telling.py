"""What is told beside the tiles (the chosen unit, pins, files, text): docs/explorer.md, sentence by sentence."""

import io
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
from fake_browser import Browser
from fake_climb import DEAD, FakeClimb, closest, shown_score
from PIL import Image

from jaxviz.results import read_recipe
from jaxviz.results.messages import Shown
from jaxviz.widgets import LayerGrid, UnitView
from jaxviz.widgets.outbox import Candidate, Outbox
from records import MARKUP


def test_the_chosen_unit_has_its_curve_and_stages_with_the_newest_last(open_widget):
    explorer = open_widget("first", steps=40, unit=2)
    browser = Browser(explorer)
    browser.open()
    explorer.wait(10)
    browser.until(lambda seen: {(unit["sign"], unit["stages"][-1]) for _, unit, _ in seen.units} >= {(1, 40), (-1, 40)})
    _, unit, buffers = [each for each in browser.units if each[1]["sign"] == 1][-1]
    assert (unit["layer"], unit["unit"], unit["steps"]) == ("first", 2, list(range(40)))
    assert unit["scores"] == pytest.approx([shown_score(2, 1, step) for step in range(40)], rel=1e-4)
    assert explorer.scores[2] == pytest.approx(unit["scores"][-1], rel=1e-4)
    assert unit["stages"] == [0, 4, 16, 40]
    strip = np.asarray(Image.open(io.BytesIO(buffers[0])))
    assert strip.shape == (16, 4 * 16, 3)
    for position, step in enumerate(unit["stages"]):
        assert closest(strip[:, position * 16 : (position + 1) * 16], 2, 1, step)


def test_messages_about_the_chosen_unit_are_at_most_4_a_second(open_widget):
    explorer = open_widget("first", climb=FakeClimb(slice_seconds=0.002), steps=4000)
    browser = Browser(explorer)
    browser.open()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        browser.read()
        time.sleep(0.002)
    explorer.stop()
    assert 4 <= len(browser.units) <= 8


def test_the_chosen_unit_is_told_again_at_once_when_it_comes_to_stand():
    outbox, board = Outbox(), SimpleNamespace(generation=1)

    def told(version, *, still):
        candidate = Candidate(board, Shown((0, 1), SimpleNamespace(version=version), "c", still=still))
        due, wait = outbox.next_units([candidate])
        return due == [candidate], wait is not None

    assert told(1, still=False) == (True, False)
    assert told(2, still=False) == (False, True)  # too soon: it will be due
    assert told(3, still=True) == (True, False)
    assert told(3, still=True) == (False, False)


def test_advice_about_a_dead_unit_is_told(open_widget):
    explorer = open_widget("block", unit=DEAD)
    browser = Browser(explorer)
    browser.open()
    explorer.wait(10)
    browser.until(lambda seen: len(seen.units) == 2)
    assert {unit["message"] for _, unit, _ in browser.units} == {"It never had a gradient."}


def test_everything_that_is_sent_is_json_without_nan(open_widget):
    explorer = open_widget("block")
    browser = Browser(explorer)
    browser.open(visible=range(12))
    explorer.wait(10)
    browser.until(lambda seen: len(seen.tiles) == 13)
    for sent in explorer.comm.sent:
        json.dumps(sent.data, allow_nan=False)


def test_a_pinned_tile_is_sent_from_its_own_layer_and_generation(open_widget):
    explorer = open_widget("first")
    browser = Browser(explorer)
    browser.open(visible=[0, 1, 2, 3])
    assert explorer.wait(60)
    pin = {"layer": "first", "unit": 3, "sign": 1, "generation": explorer.status["generation"]}
    browser.send("set", changes={"pins": [pin]})
    browser.send("set", changes={"settings": {"noise": 0.3}})
    browser.send("set", changes={"layer": "head"})
    assert explorer.wait(60)
    explorer.layer = "first"
    explorer.restart()
    assert explorer.wait(60)
    browser.read().tiles.clear()  # what came before, and was not read yet
    browser.send("hello", view="again")
    browser.until(lambda seen: ("first", pin["generation"], 3, 1) in seen.tiles)
    assert browser.tiles["first", pin["generation"], 3, 1][0]["step"] == 8


def test_files_are_pngs_with_the_recipe_inside(open_widget, tmp_path):
    explorer = open_widget("first")
    browser = Browser(explorer)
    browser.open(visible=[0, 1, 2, 3])
    explorer.wait(10)
    browser.send("file", what="unit", layer="first", unit=1, sign=-1)
    browser.until(lambda seen: seen.state["error"] != "")  # the negative of unit 1 was never climbed
    browser.send("file", what="unit", layer="first", unit=1, sign=1)
    browser.send("file", what="grid")
    browser.until(lambda seen: len(seen.files) == 2)
    (name, unit), (sheet_name, sheet) = browser.files
    assert (name, sheet_name) == ("first_1.png", "first_grid.png")
    for data, count in ((unit, 1), (sheet, 4)):
        path = tmp_path / "file.png"
        path.write_bytes(data)
        assert len(read_recipe(path).objectives) == count


def test_the_file_of_a_pinned_picture_has_its_own_recipe_unless_it_began_again(open_widget, tmp_path):
    explorer = open_widget("first")
    browser = Browser(explorer)
    browser.open(visible=[0, 1, 2, 3])
    explorer.wait(10)
    first = explorer.status["generation"]
    explorer.pins = [{"layer": "first", "unit": 3, "sign": 1, "generation": first}]
    explorer.settings = {"steps": 4, "noise": 0.2}
    explorer.wait(10)
    explorer.layer = "head"
    explorer.wait(10)

    def file(generation):
        browser.files.clear()
        browser.send("file", what="unit", layer="first", unit=3, sign=1, generation=generation)
        browser.until(lambda seen: len(seen.files) == 1)
        path = tmp_path / "file.png"
        path.write_bytes(browser.files[0][1])
        return path

    assert read_recipe(file(first)).steps == 8
    assert read_recipe(file(first + 1)).steps == 4
    explorer.layer = "first"
    explorer.settings = {"steps": 8, "noise": 0}
    explorer.wait(10)
    pinned = explorer.status["generation"]
    explorer.pins = [{"layer": "first", "unit": 3, "sign": 1, "generation": pinned}]
    explorer.restart()
    explorer.wait(10)
    with pytest.raises(ValueError, match="recipe"):
        read_recipe(file(pinned))


def test_the_code_comes_with_what_it_renders_however_often_that_changes(open_widget):
    explorer = open_widget("block", climb=FakeClimb(slice_seconds=0.01), steps=4000)
    browser = Browser(explorer)
    browser.open()
    for unit in (3, 5, 1):
        serial = browser.send("set", changes={"unit": unit})
        browser.read()
        assert browser.heard[-1] == serial
        assert f"units=[{unit}]" in browser.state["code"]["unit"]
    explorer.unit = 2
    assert "units=[2]" in browser.read().state["code"]["unit"]
    explorer.settings = {"noise": 0.25}
    assert "noise=0.25" in browser.read().state["code"]["unit"]
    explorer.units = [2, 7]
    assert "units=[2, 7]" in browser.read().state["code"]["grid"]


def test_a_layer_whose_name_is_markup_is_text_everywhere(open_widget):
    explorer = open_widget(MARKUP)
    browser = Browser(explorer)
    browser.open(visible=[0])
    explorer.wait(10)
    browser.until(lambda seen: (MARKUP, 1, 0, 1) in seen.tiles)
    assert repr(MARKUP) in explorer.code["unit"] or MARKUP in explorer.code["unit"]
    compile(explorer.code["unit"], "code", "eval")


def test_a_grid_is_told_nothing_about_the_chosen_unit_and_a_unit_view_nothing_about_the_grid(open_widget):
    explorer = open_widget("first")
    grid, view = LayerGrid(explorer), UnitView(explorer)
    explorer.wait(10)
    left, right = Browser(grid), Browser(view)
    left.open(visible=[1, 2])
    right.open(visible=[1, 2])
    left.until(lambda seen: len(seen.tiles) == 2)
    right.until(lambda seen: len(seen.tiles) == 2 and len(seen.units) == 2)
    assert {tile[2:] for tile in left.tiles} == {(1, 1), (2, 1)}
    assert {tile[2:] for tile in right.tiles} == {(0, 1), (0, -1)}
    assert left.units == []
    grid.close()
    view.close()
