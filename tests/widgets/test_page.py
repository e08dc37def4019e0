"""An explorer's page holds what was rendered, of every layer, and what is pinned."""

import json
import re

import pytest
from fake_climb import FakeClimb


def record_of(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="record">(.*?)</script>', text, re.DOTALL)[1])


def test_it_holds_every_layer_that_was_rendered(open_widget, tmp_path):
    explorer = open_widget("first", unit=1)
    explorer.wait(10)
    explorer.layer = "head"
    explorer.wait(10)
    explorer.to_html(tmp_path / "page.html")
    record = record_of(tmp_path / "page.html")
    frames = [each["content"] for each in record["messages"] if each["content"]["type"] == "frame"]
    assert {frame["layer"]: len(frame["tiles"]) for frame in frames} == {"first": 5, "head": 4}
    units = [each["content"] for each in record["messages"] if each["content"]["type"] == "unit"]
    assert len(units) == 9
    assert record["traits"]["layer"] == "head"
    assert record["traits"]["kernel"] is False
    assert record["traits"]["status"]["phase"] == "done"


def test_it_holds_the_newest_generation_and_pinned_tiles_of_older_ones(open_widget, tmp_path):
    explorer = open_widget("first")
    explorer.wait(10)
    first = explorer.status["generation"]
    explorer.pins = [{"layer": "first", "unit": 2, "sign": 1, "generation": first}]
    explorer.restart()
    explorer.wait(10)
    explorer.to_html(tmp_path / "page.html")
    record = record_of(tmp_path / "page.html")
    frames = [each["content"] for each in record["messages"] if each["content"]["type"] == "frame"]
    tiles = {frame["generation"]: [tile["unit"] for tile in frame["tiles"]] for frame in frames}
    assert tiles[first] == [2]
    assert set(tiles[explorer.status["generation"]]) == {0, 1, 2, 3}


def test_of_settings_that_were_left_it_holds_what_is_pinned_and_nothing_else(open_widget, tmp_path):
    explorer = open_widget("first")
    explorer.wait(10)
    first = explorer.status["generation"]
    explorer.pins = [{"layer": "first", "unit": 2, "sign": 1, "generation": first}]
    explorer.settings = {"noise": 0.1}
    explorer.wait(10)
    explorer.to_html(tmp_path / "page.html")
    messages = [each["content"] for each in record_of(tmp_path / "page.html")["messages"]]
    frames = [message for message in messages if message["type"] == "frame"]
    tiles = {frame["generation"]: [(tile["unit"], tile["sign"]) for tile in frame["tiles"]] for frame in frames}
    assert tiles[first] == [(2, 1)]
    assert set(tiles[explorer.status["generation"]]) == {(0, 1), (0, -1), (1, 1), (2, 1), (3, 1)}


def test_it_can_be_written_while_it_climbs_but_not_before(open_widget, tmp_path):
    climb = FakeClimb(gated=True)
    explorer = open_widget("first", climb=climb)
    with pytest.raises(ValueError, match="Nothing has been rendered yet"):
        explorer.to_html(tmp_path / "page.html")
    climb.gate.release(2)
    while climb.slices < 2 or explorer._session.record(0, 1) is None:
        pass
    explorer.to_html(tmp_path / "page.html")
    record = record_of(tmp_path / "page.html")
    tiles = record["messages"][0]["content"]["tiles"]
    assert {tile["state"] for tile in tiles} <= {"c", "w", "s"}
    begun = [tile["unit"] for tile in tiles if tile["sign"] > 0]
    assert len(begun) < 4
    assert record["traits"]["units"] == begun  # no empty places
    assert len(record["traits"]["states"]) == len(begun)
