"""A widget lives as long as somebody has it or looks at it, and leaves nothing behind."""

import gc
import threading
import time
import weakref

import pytest
from fake_browser import Browser
from fake_climb import FakeClimb, open_fake_session

import jaxviz.widgets
from jaxviz.widgets import Explorer, LayerGrid, UnitView, lifetime, opening


@pytest.fixture(autouse=True)
def fake_sessions(monkeypatch, no_thread_left):
    monkeypatch.setattr(opening, "open_session", open_fake_session)


def collected(reference, seconds=10):
    deadline = time.monotonic() + seconds
    while reference() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.005)
    return reference() is None


@pytest.mark.smoke
def test_closing_frees_the_climb_the_comm_and_the_registry():
    climb = FakeClimb(slice_seconds=0.001)
    explorer = Explorer(climb, "block", steps=4000)
    model_id = explorer.model_id
    assert lifetime._registry()[model_id] is not None
    explorer.close()
    explorer.close()
    assert explorer._session.job.join(10)
    assert climb.released == 1
    assert model_id not in lifetime._registry()


def test_a_closed_explorer_keeps_what_was_seen_and_says_that_it_climbs_no_more(tmp_path):
    explorer = Explorer(FakeClimb(), "block")
    explorer.wait(10)
    scores, unit = explorer.scores, explorer.unit
    explorer.close()
    closed = r"This explorer is closed; open another with jaxviz\.explore\(model\)"
    for ask in (
        explorer.start,
        explorer.restart,
        lambda: setattr(explorer, "layer", "first"),
        lambda: setattr(explorer, "unit", 2),
        lambda: setattr(explorer, "units", [1]),
        lambda: setattr(explorer, "settings", {"noise": 0.1}),
        lambda: LayerGrid(explorer),
        lambda: UnitView(explorer),
    ):
        with pytest.raises(RuntimeError, match=closed):
            ask()
    assert (explorer.layer, explorer.unit) == ("block/conv", unit)
    with pytest.raises(RuntimeError, match=r"This Explorer is closed, and with it went.*read `rendering` before"):
        _ = explorer.rendering
    assert explorer.scores == scores
    assert len(explorer.curve(2)[0]) == 8
    explorer.selection = [1]
    explorer.to_html(tmp_path / "page.html")
    explorer.pause()
    explorer.stop()
    assert explorer.wait(1)
    assert repr(explorer) == "Explorer('Tiny', 'block/conv', closed)"
    explorer.close()


def test_a_widget_that_was_closed_says_so_only_when_no_other_shares_its_climb():
    explorer = Explorer(FakeClimb(), "first")
    grid = LayerGrid(explorer)
    explorer.close()
    explorer.start()
    assert explorer.wait(10)
    assert len(explorer.rendering) == 4
    grid.close()
    with pytest.raises(RuntimeError, match=r"This LayerGrid is closed; open another with jaxviz\.LayerGrid\("):
        grid.restart()


@pytest.mark.smoke
def test_an_explorer_that_nobody_has_ends_although_it_climbs():
    climb = FakeClimb(slice_seconds=0.001)
    explorer = Explorer(climb, "block", steps=4000)
    reference, model_id = weakref.ref(explorer), explorer.model_id
    time.sleep(0.05)
    del explorer
    assert collected(reference)
    assert model_id not in lifetime._registry()
    deadline = time.monotonic() + 10
    while climb.released == 0:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_explorer_on_the_screen_stays_and_ends_a_while_after_its_last_view_was_closed(monkeypatch):
    monkeypatch.setattr(lifetime, "GRACE_SECONDS", 0.1)
    explorer = Explorer(FakeClimb(), "first")
    browser, reference = Browser(explorer), weakref.ref(explorer)
    browser.open(view="one")
    browser.widget = None
    del explorer
    gc.collect()
    assert reference() is not None
    browser.send("goodbye", view="one")
    browser.open(view="again")
    time.sleep(0.2)
    gc.collect()
    assert reference() is not None
    browser.send("goodbye", view="again")
    assert collected(reference)


def test_a_displayed_explorer_stays_until_it_is_closed(monkeypatch):
    shown = []
    monkeypatch.setattr("jaxviz.widgets.still.show", lambda data, **options: shown.append(data))
    explorer = Explorer(FakeClimb(), "first")
    explorer._ipython_display_()
    assert shown[0]["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    reference = weakref.ref(explorer)
    del explorer
    gc.collect()
    assert reference() is not None
    reference().close()
    assert collected(reference)


def test_a_constructor_that_raises_leaves_nothing():
    count = len(lifetime._registry())
    with pytest.raises(KeyError):
        Explorer(FakeClimb(), "no such layer")
    with pytest.raises(TypeError):
        Explorer(FakeClimb(), "first", sides=3)
    gc.collect()
    assert len(lifetime._registry()) == count


def test_fifty_explorers_leave_no_thread_no_widget_and_no_memory():
    def once():
        explorer = Explorer(FakeClimb(), "block", steps=20)
        browser = Browser(explorer)
        browser.open(visible=range(12))
        explorer.wait(10)
        browser.read()
        browser.send("goodbye", view="view-1")
        explorer.close()

    for _ in range(5):
        once()
    gc.collect()
    threads, widgets, objects = threading.active_count(), len(lifetime._registry()), len(gc.get_objects())
    for _ in range(50):
        once()
    deadline = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    gc.collect()
    assert threading.active_count() <= threads
    assert len(lifetime._registry()) == widgets
    assert len(gc.get_objects()) < objects + 1000  # one explorer with its records is more than 500


def test_every_public_widget_is_in_the_table():
    assert sorted(jaxviz.widgets.__all__) == ["Bench", "Explorer", "LayerGrid", "RenderProgress", "UnitView", "explore"]
