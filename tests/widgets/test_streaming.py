"""What the browser is sent: docs/explorer.md, sentence by sentence, over a comm that keeps everything."""

import io
import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from fake_browser import Browser
from fake_climb import DEAD, FakeClimb, picture, shown_score
from PIL import Image

from jaxviz.results import Settings, read_recipe
from jaxviz.results.messages import Shown
from jaxviz.results.tile import TileRecord
from jaxviz.widgets import LayerGrid, UnitView, audience
from jaxviz.widgets.board import Board
from jaxviz.widgets.outbox import Candidate, Outbox
from records import MARKUP


def closest(tile, unit, sign, step, size=16):
    """Whether pixels are those of a tile, as far as JPEG keeps them."""
    return np.abs(tile.astype(int) - picture(unit, sign, step, size)).max() <= 6


def test_the_first_message_has_all_traits(open_widget):
    explorer = open_widget("first")
    opened = [sent for sent in explorer.comm.sent if sent.kind == "comm_open"]
    assert len(opened) == 1
    state = opened[0].data["state"]
    assert (state["layer"], state["units"], state["model_name"]) == ("first", [0, 1, 2, 3], "Tiny")
    assert state["_esm"].startswith("export default")


def test_tiles_in_view_come_as_frames_and_the_last_state_is_exact(open_widget):
    explorer = open_widget("block", unit=0)
    browser = Browser(explorer)
    browser.open(visible=[1, 2, DEAD])
    explorer.wait(10)
    key = ("block/conv", explorer.status["generation"])
    browser.until(
        lambda seen: {tile["state"] for tile, _ in seen.tiles.values()} == {"d", "x"} and len(seen.tiles) == 5
    )
    tile, pixels = browser.tiles[*key, 2, 1]
    assert (tile["state"], tile["score"]) == ("d", pytest.approx(shown_score(2, 1, 7)))
    assert closest(pixels, 2, 1, 8)
    assert browser.tiles[*key, DEAD, 1][0]["state"] == "x"
    assert closest(browser.tiles[*key, 0, -1][1], 0, -1, 8)


def test_only_tiles_in_view_are_sent(open_widget):
    explorer = open_widget("block", unit=0)
    browser = Browser(explorer)
    browser.open(visible=[3, 4])
    explorer.wait(10)
    browser.until(lambda seen: seen.state["states"].count("d") == 10)
    time.sleep(0.1)
    browser.read()
    assert {(unit, sign) for *_, unit, sign in browser.tiles} == {(3, 1), (4, 1), (0, 1), (0, -1)}
    browser.send("visible", units=[9])
    browser.until(lambda seen: any(unit == 9 for *_, unit, _ in seen.tiles))


def test_an_unchanged_tile_is_not_sent_again(open_widget):
    explorer = open_widget("first")
    browser = Browser(explorer)
    explorer.wait(10)
    browser.open(visible=[0, 1, 2, 3])
    browser.until(lambda seen: len(seen.tiles) == 5)
    count = len(browser.frames)
    browser.send("visible", units=[0, 1, 2, 3])
    explorer.unit = 1
    browser.until(lambda seen: len(seen.units) >= 3)
    assert len(browser.frames) <= count + 1  # the negative of unit 1, once it has begun


def test_without_acknowledgement_there_is_no_fourth_frame(open_widget, monkeypatch):
    monkeypatch.setattr("jaxviz.widgets.outbox.PATIENCE_SECONDS", 60.0)  # what comes after that is another test's
    climb = FakeClimb(slice_seconds=0.002)
    explorer = open_widget("first", climb=climb, steps=200)
    browser = Browser(explorer, acknowledges=False)
    browser.open(visible=[0, 1, 2, 3])
    explorer.wait(20)
    time.sleep(0.2)
    assert len(browser.read().frames) == 3
    browser.send("ack", id=browser.frames[1][1]["id"])  # and the one before it
    browser.until(lambda seen: len(seen.frames) > 3)
    time.sleep(0.1)
    assert len(browser.read().frames) in (4, 5, 6)  # twice the two that were drawn, less the one still on its way
    browser.acknowledges = True
    for _, frame in browser.frames[1:]:
        browser.send("ack", id=frame["id"])
    browser.until(lambda seen: {tile["step"] for tile, _ in seen.tiles.values()} == {200})


def test_as_many_frames_are_on_their_way_as_the_browser_draws_between_two_acknowledgements():
    outbox, board = Outbox(), Board("first", Settings(), 1)
    record = TileRecord()
    record.picture = np.zeros((4, 4, 3), np.uint8)

    def sent_until_it_waits():
        before = len(drawn)
        while not outbox.seconds_until_open():
            record.version += 1
            number, _, _ = outbox.next_frame([Candidate(board, Shown((0, 1), record, "climbing", still=False))])
            drawn.append(number)
        return len(drawn) - before

    drawn = []
    windows = []
    for _ in range(4):
        windows.append(sent_until_it_waits())
        outbox.acknowledge(drawn[-1])
    assert windows == [3, 6, 12, 12]
    sent_until_it_waits()
    outbox.acknowledge(drawn[-12])  # it has become slow
    assert outbox.seconds_until_open() > 0
    outbox.acknowledge(drawn[-1])


@pytest.mark.parametrize(("command", "phase"), [("stop", "stopped"), ("pause", "paused")])
def test_tiles_that_come_to_stand_are_sent_once_more_as_good_as_they_are(open_widget, command, phase):
    explorer = open_widget("first", climb=FakeClimb(slice_seconds=0.002), steps=4000)
    browser = Browser(explorer)
    browser.open(visible=[0, 1])
    browser.until(lambda seen: len(seen.tiles) == 3)
    getattr(explorer, command)()
    browser.until(lambda seen: seen.state["status"]["phase"] == phase)
    time.sleep(0.2)
    count = len(browser.read().frames)
    time.sleep(0.1)
    assert len(browser.read().frames) == count
    last = next(
        sent for sent in reversed(browser.comm.sent) if sent.buffers and sent.data["content"]["type"] == "frame"
    )
    assert Image.open(io.BytesIO(last.buffers[0])).layer[1][1:3] == (1, 1)  # colour at full resolution


def test_frames_are_at_most_30_a_second(open_widget):
    climb = FakeClimb(slice_seconds=0.001)
    explorer = open_widget("first", climb=climb, steps=4000)
    browser = Browser(explorer)
    browser.open(visible=[0, 1, 2, 3])
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        browser.read()
        time.sleep(0.001)
    explorer.stop()
    times = [when for when, _ in browser.frames]
    assert 10 <= len(times) <= 32


def test_status_and_states_are_at_most_10_a_second_and_the_last_is_sent(open_widget):
    climb = FakeClimb(slice_seconds=0.001)
    explorer = open_widget("first", climb=climb, steps=1000)
    browser = Browser(explorer)
    browser.open()
    time.sleep(0.6)
    explorer.pause()
    began = browser.comm.sent[0].when
    updates = [
        sent
        for sent in browser.comm.sent
        if sent.kind == "comm_msg" and sent.data["method"] == "update" and "status" in sent.data["state"]
    ]
    seconds = updates[-1].when - began
    assert len(updates) <= 10 * seconds + 4  # a few are for what was asked, and sent at once
    browser.until(lambda seen: seen.state["status"]["phase"] == "paused")
    explorer.settings = {"steps": 8}
    explorer.start()
    explorer.wait(20)
    browser.until(lambda seen: seen.state["status"]["phase"] == "done")
    assert browser.state["status"] == explorer.status
    assert browser.state["states"] == explorer.states


def test_a_message_is_heard_after_the_traits_that_it_set(open_widget):
    explorer = open_widget("first")
    browser = Browser(explorer)
    browser.open()
    serial = browser.send("set", changes={"unit": 2, "selection": [1]})
    kinds = [
        (sent.data["method"], sent.data.get("state", {}).get("unit"), sent.data.get("content", {}).get("serial"))
        for sent in explorer.comm.sent
        if sent.kind == "comm_msg"
    ]
    assert kinds.index(("update", 2, None)) < kinds.index(("custom", None, serial))
    assert (explorer.unit, explorer.selection) == (2, [1])


def test_ack_and_goodbye_are_not_answered(open_widget):
    explorer = open_widget("first")
    browser = Browser(explorer)
    browser.open(visible=[0])
    browser.send("ack", id=1)
    browser.send("goodbye", view="view-1")
    assert browser.read().heard == [1, 2]


def test_a_refused_value_is_sent_back_with_an_error_and_nothing_is_lost(open_widget):
    explorer = open_widget("block")
    explorer.wait(10)
    browser = Browser(explorer)
    browser.open()
    browser.read().state["unit"] = 99  # what the browser shows before it is answered
    browser.send("set", changes={"unit": 99, "selection": [1]})
    assert browser.read().state["unit"] == 0
    assert browser.state["error"] == "Unit 99 is out of range: layer 'block/conv' has 0 to 11."
    assert explorer.error == browser.state["error"]
    assert explorer.selection == []  # all or nothing
    assert explorer.states.count("d") == 10
    browser.send("set", changes={"unit": 3})
    assert browser.read().state["error"] == ""


def test_a_corrected_value_is_sent_back(open_widget):
    explorer = open_widget("head")
    browser = Browser(explorer)
    browser.send("set", changes={"settings": {"noise": 0.1}, "units": [1, 1, 0]})
    assert browser.read().state["settings"]["preset"] == "lucid_noise"
    assert browser.state["units"] == [1, 0]
    before = len(explorer.comm.sent)
    browser.send("set", changes={"units": [1, 0, 0]})
    states = [sent.data["state"] for sent in explorer.comm.sent[before:] if sent.data.get("method") == "update"]
    assert any(state.get("units") == [1, 0] for state in states)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("set", {"changes": {"status": {}}}, "'status' cannot be set"),
        ("set", {"changes": {"layer": MARKUP + "?"}}, "Unknown layer"),
        ("command", {"command": "format"}, "Unknown command 'format'"),
        ("file", {"what": "disk"}, "There is no file of 'disk'"),
        ("visible", {"units": [1000]}, "out of range"),
        ("explode", {}, "Unknown message 'explode'"),
        ("visible", {}, "units"),
    ],
)
def test_a_wrong_message_is_an_error_and_is_heard(open_widget, kind, content, message):
    explorer = open_widget("block")
    browser = Browser(explorer)
    serial = browser.send(kind, **content)
    assert message in browser.read().state["error"]
    assert browser.heard == [serial]


def test_a_view_that_opens_again_is_sent_everything_again(open_widget):
    explorer = open_widget("first")
    browser = Browser(explorer)
    browser.open(visible=[0, 1, 2, 3])
    explorer.wait(10)
    browser.until(lambda seen: {tile["step"] for tile, _ in seen.tiles.values()} == {8})
    browser.acknowledges = False
    browser.tiles.clear()
    browser.units.clear()
    browser.send("hello", view="view-1")
    browser.until(lambda seen: len(seen.tiles) == 5 and len(seen.units) >= 2)
    browser.tiles.clear()
    browser.send("hello", view="view-2")  # although the frames before were not acknowledged
    browser.until(lambda seen: len(seen.tiles) == 5)


def test_two_views_of_one_explorer_both_count(open_widget, monkeypatch):
    monkeypatch.setattr(audience, "REST_SECONDS", 0.05)
    climb = FakeClimb(slice_seconds=0.001)
    explorer = open_widget("block", climb=climb, steps=4000)
    browser = Browser(explorer)
    browser.open(view="left")
    browser.open(view="right")
    browser.send("goodbye", view="left")
    time.sleep(0.2)
    assert explorer.status["phase"] == "climbing"
    browser.send("goodbye", view="right")
    browser.until(lambda seen: seen.state["status"]["phase"] == "paused")
    assert "rests" in explorer.status["message"]
    slices = climb.slices
    time.sleep(0.1)
    assert climb.slices <= slices + 1
    browser.open(view="right")
    browser.until(lambda seen: seen.state["status"]["phase"] == "climbing")


def test_a_page_that_is_loaded_again_does_not_rest(open_widget, monkeypatch):
    monkeypatch.setattr(audience, "REST_SECONDS", 0.2)
    explorer = open_widget("block", climb=FakeClimb(slice_seconds=0.001), steps=4000)
    browser = Browser(explorer)
    browser.open(view="before")
    browser.send("goodbye", view="before")
    browser.open(view="after")
    time.sleep(0.4)
    assert browser.read().state["status"]["phase"] == "climbing"


def test_a_view_that_is_opened_at_the_moment_of_resting_wakes_the_climb(open_widget, monkeypatch):
    monkeypatch.setattr(audience, "REST_SECONDS", 0.02)
    explorer = open_widget("block", climb=FakeClimb(slice_seconds=0.001), steps=4000)
    browser = Browser(explorer)
    browser.open(view="before")
    session = explorer._session
    opening = threading.Thread(target=lambda: session.opened(explorer, "after"))
    pause = session.job.pause

    def late() -> None:
        opening.start()
        opening.join(0.2)  # it waits for the decision, or has come too early to find anything to resume
        pause()

    monkeypatch.setattr(session.job, "pause", late)
    browser.send("goodbye", view="before")
    browser.until(lambda _: opening.ident is not None)
    opening.join(10)
    assert session.job.phase == "running"


def test_who_waits_keeps_it_from_resting_and_a_pause_stays_one(open_widget, monkeypatch):
    monkeypatch.setattr(audience, "REST_SECONDS", 0.02)
    explorer = open_widget("first", climb=FakeClimb(slice_seconds=0.005), steps=80)
    browser = Browser(explorer)
    browser.open()
    browser.send("goodbye", view="view-1")
    assert explorer.wait(20)
    assert explorer.status["phase"] == "done"
    explorer.settings = {"steps": 4000}
    explorer.pause()
    assert explorer.status["phase"] == "paused"
    browser.open(view="view-2")
    time.sleep(0.15)
    assert explorer.status["phase"] == "paused"


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
    assert unit["stages"] == [2, 4, 16, 40]  # the fake climb makes two steps a slice
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
    explorer.wait(10)
    pin = {"layer": "first", "unit": 3, "sign": 1, "generation": explorer.status["generation"]}
    browser.send("set", changes={"pins": [pin]})
    browser.send("set", changes={"settings": {"noise": 0.3}})
    browser.send("set", changes={"layer": "head"})
    explorer.wait(10)
    explorer.layer = "first"
    explorer.restart()
    explorer.wait(10)
    browser.tiles.clear()
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


def test_many_threads_may_do_everything_at_once(open_widget):
    climb = FakeClimb(slice_seconds=0.0005)
    explorer = open_widget("block", climb=climb, steps=200)
    browser = Browser(explorer)
    browser.open(visible=range(12))
    problems = []

    def hammer(action):
        def run():
            try:
                for number in range(60):
                    action(number)
            except Exception as problem:  # noqa: BLE001 - to be looked at on the test's own thread
                problems.append(problem)

        return threading.Thread(target=run)

    layers = ("first", "block", "head")
    threads = [
        hammer(lambda number: setattr(explorer, "layer", layers[number % 3])),
        hammer(lambda number: setattr(explorer, "unit", number % 3)),
        hammer(lambda number: setattr(explorer, "settings", {"noise": (number % 5) / 10})),
        hammer(lambda number: explorer.pause() if number % 2 else explorer.start()),
        hammer(lambda number: browser.send("set", changes={"unit": number % 2, "selection": [number % 3]})),
        hammer(lambda number: browser.send("visible", units=[number % 3])),
        hammer(lambda number: browser.send("hello", view=f"view-{number % 3}")),
        hammer(lambda number: (explorer.status, explorer.curve(), explorer.code)),
        hammer(lambda number: explorer.restart() if number % 20 == 0 else None),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "deadlock"
    assert problems == []
    explorer.layer, explorer.unit = "first", 1
    browser.send("visible", units=[0, 1, 2, 3])
    explorer.start()
    assert explorer.wait(30)
    assert explorer.states == "dddd"
    choice = explorer._session.choice.to_json()
    assert {name: getattr(explorer, name) for name in choice} == choice
    key = ("first", explorer.status["generation"])
    browser.until(
        lambda seen: {seen.tiles.get((*key, unit, 1), [{"step": 0}])[0]["step"] for unit in range(4)} == {200}
    )
    assert browser.state["status"] == explorer.status
