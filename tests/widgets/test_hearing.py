"""What the browser says, and views that come and go: docs/explorer.md, sentence by sentence."""

import threading
import time

import pytest
from fake_browser import Browser
from fake_climb import FakeClimb

from jaxviz.widgets import audience
from records import MARKUP


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


def test_what_is_in_view_of_a_layer_that_was_left_meanwhile_is_not_heeded(open_widget):
    explorer = open_widget("block")
    browser = Browser(explorer)
    browser.open(visible=[1])
    explorer.layer = "first"
    browser.send("visible", layer="block/conv", units=[10, 11])
    assert (explorer.error, explorer.outbox.visible) == ("", [1])
    browser.send("visible", layer="first", units=[2, 3])
    assert explorer.outbox.visible == [2, 3]


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
