"""Widgets over a fake climb, in a kernel that keeps what is sent."""

import threading

import comm
import pytest
from fake_browser import FakeComm
from fake_climb import FakeClimb, open_fake_session

from jaxviz.html import pages
from jaxviz.widgets import Explorer, opening


@pytest.fixture(autouse=True)
def fake_kernel(monkeypatch):
    """Let comms keep what is sent, and widgets do without a bundle that may not be built."""
    monkeypatch.setattr(comm, "create_comm", FakeComm)
    monkeypatch.setattr(pages, "bundle", lambda path: "export default {}; export function openPage() {}")


@pytest.fixture
def no_thread_left():
    """Check that a test leaves no thread behind."""
    before = set(threading.enumerate())
    yield
    # Those of tqdm and of the engine's parts belong to the process.
    left = {each for each in threading.enumerate() if not each.name.startswith(("jaxviz-part", "tqdm"))} - before
    for thread in left:
        thread.join(10)
    assert {thread for thread in left if thread.is_alive()} == set()


@pytest.fixture
def open_widget(monkeypatch, no_thread_left):
    """Make widgets over a fake climb, and close them after the test."""
    monkeypatch.setattr(opening, "open_session", open_fake_session)
    opened = []

    def open_one(*arguments, kind=Explorer, climb=None, **options):
        climb = climb or FakeClimb()
        widget = kind(climb, *(arguments or ("block",)), **options)
        opened.append((widget, climb))
        return widget

    yield open_one
    for widget, climb in opened:
        if climb.gate is not None:
            climb.gate.release(10_000)
        widget.close()
