"""A page that dies says no goodbye: of a widget that nothing is heard of, the climb rests until something is."""

import gc
import time
import weakref

import pytest
from fake_browser import Browser
from fake_climb import FakeClimb, open_fake_session

from jaxviz.widgets import Explorer, audience, lifetime, opening
from jaxviz.widgets.cells import CELLS, Cells

PATIENCE = 0.3


@pytest.fixture
def climbing(open_widget, monkeypatch):
    """A browser in front of a climb without an end."""
    monkeypatch.setattr(audience, "SILENCE_SECONDS", PATIENCE)
    monkeypatch.setattr(audience, "REST_SECONDS", 0.02)
    browser = Browser(open_widget("block", climb=FakeClimb(slice_seconds=0.002), steps=4096))
    browser.open(visible=range(4), view="one")
    browser.until(lambda seen: len(seen.frames) > 1)
    return browser


def phase(browser):
    return browser.read().state["status"]["phase"]


def test_the_climb_rests_when_nothing_is_heard_and_goes_on_when_the_page_is_back(climbing):
    browser = climbing
    browser.acknowledges = False  # what it reads, it reads from the grave
    browser.until(lambda seen: phase(seen) == "paused")
    assert "rests" in browser.state["status"]["message"]
    browser.acknowledges = True
    browser.tiles.clear()
    browser.send("alive", views=["one"])
    browser.until(lambda seen: phase(seen) == "climbing" and len(seen.tiles) >= 4)  # all of it is sent again
    assert browser.widget.outbox.views == {"one"}


def test_a_page_that_acknowledges_or_says_that_it_lives_keeps_the_climb_going(climbing):
    browser = climbing
    for acknowledges in (True, False):
        browser.acknowledges = acknowledges
        until = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < until:
            if not acknowledges:
                browser.send("alive", views=["one"])
            assert phase(browser) == "climbing"
            time.sleep(0.01)


def test_silence_means_nothing_while_a_cell_runs(climbing):
    browser = climbing
    browser.acknowledges = False
    CELLS.began()
    try:
        until = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < until:
            assert phase(browser) == "climbing"
            time.sleep(0.01)
    finally:
        CELLS.ended()
    assert phase(browser) == "climbing"
    browser.until(lambda seen: phase(seen) == "paused")


def test_a_dead_page_does_not_count_beside_one_that_was_closed(climbing):
    browser = climbing
    browser.open(view="after the crash")
    browser.send("goodbye", view="after the crash")
    browser.acknowledges = False
    browser.until(lambda seen: phase(seen) == "paused")


def test_a_dead_page_does_not_hold_its_widget_for_ever(monkeypatch, no_thread_left):
    monkeypatch.setattr(audience, "SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(lifetime, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(opening, "open_session", open_fake_session)
    explorer = Explorer(FakeClimb(), "first")
    reference = weakref.ref(explorer)
    Browser(explorer).open(view="one")
    del explorer
    deadline = time.monotonic() + 10
    while reference() is not None:
        gc.collect()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_cells_within_cells_end_with_the_outer_one():
    cells = Cells()
    before = time.monotonic()
    cells.ended()  # of an empty cell, of whose begin IPython does not tell
    cells.began()
    cells.began()
    cells.ended()
    assert cells.silent_seconds(before) == 0
    cells.ended()
    time.sleep(0.02)
    assert 0.02 <= cells.silent_seconds(before) < time.monotonic() - before


def test_the_cells_of_an_ipython_are_followed(monkeypatch):
    from IPython.core import getipython
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    monkeypatch.setattr(getipython, "get_ipython", lambda: shell)
    cells = Cells()
    cells.watch()
    cells.watch()
    cells.ended()  # the cell within which it began
    shell.user_ns["running"] = lambda: cells.silent_seconds(time.monotonic() - 1) == 0
    shell.run_cell("seen = running()\n")
    shell.run_cell("raise ValueError", silent=True)
    shell.run_cell("")
    assert shell.user_ns["seen"]
    assert not shell.user_ns["running"]()
