"""What the browser is sent: docs/explorer.md, sentence by sentence, over a comm that keeps everything."""

import io
import time
import types

import numpy as np
import pytest
from fake_browser import Browser
from fake_climb import DEAD, FakeClimb, closest, shown_score
from PIL import Image

from jaxviz.results import Settings
from jaxviz.results.messages import Shown
from jaxviz.results.tile import TileRecord
from jaxviz.widgets.board import Board
from jaxviz.widgets.outbox import Candidate, Outbox


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


@pytest.fixture
def send():
    """Send one frame from an outbox, and return its number."""
    board, record = Board("first", Settings(), 1), TileRecord()
    record.picture = np.zeros((4, 4, 3), np.uint8)

    def send(outbox):
        record.version += 1
        return outbox.next_frame([Candidate(board, Shown((0, 1), record, "climbing", still=False))])[0]

    return send


@pytest.fixture
def clock(monkeypatch):
    """The outbox's clock, which stands still."""
    clock = [100.0]
    monkeypatch.setattr("jaxviz.widgets.outbox.time", types.SimpleNamespace(monotonic=lambda: clock[0]))
    return clock


@pytest.mark.parametrize(("way", "interval"), [(0.0, 0.0), (0.09, 0.03), (0.6, 0.2), (30.0, 1 / 3)])
def test_no_frame_is_sent_before_a_third_of_the_time_that_the_last_was_on_its_way(send, clock, way, interval):
    outbox = Outbox()
    number = send(outbox)
    assert outbox.seconds_until_open() == 0
    clock[0] += way
    outbox.seconds_until_open()  # forgets what was never heard of
    outbox.acknowledge(number)
    send(outbox)
    assert outbox.seconds_until_open() == pytest.approx(interval)
    outbox.acknowledge(number)  # by another view, which says nothing new
    outbox.open("view")  # has a way of its own
    send(outbox)
    assert outbox.seconds_until_open() == 0


def test_as_many_frames_are_unacknowledged_as_the_browser_draws_between_two_acknowledgements(send, clock):
    outbox = Outbox()

    def sent_until_it_waits():
        before = len(drawn)
        while not outbox.seconds_until_open():
            drawn.append(send(outbox))
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
