"""A saved notebook keeps a picture: an image behind the widget, updated when the climb rests."""

import base64
import io
import time

import numpy as np
import pytest
from fake_browser import Browser
from fake_climb import FakeClimb
from PIL import Image

from jaxviz.widgets import still


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(still, "show", lambda data, **options: outputs.append((data, options)))
    monkeypatch.setattr(still, "is_in_notebook", lambda: True)
    return outputs


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"]))))


def test_the_image_is_behind_the_widget_and_is_updated_when_the_climb_rests(open_widget, shown):
    explorer = open_widget("first")
    explorer._ipython_display_()
    (view, _), (first, options) = shown[0], shown[1]
    assert "application/vnd.jupyter.widget-view+json" in view
    assert pixels(first).shape == (1, 1, 3)
    assert "text/html" not in first
    explorer.wait(10)
    Browser(explorer).until(lambda _: len(shown) == 3)
    data, again = shown[2]
    assert again["display_id"] == options["display_id"]
    assert (options["update"], again["update"]) == (False, True)
    assert data["text/plain"] == "Tiny first"
    sheet = pixels(data)
    assert sheet.shape[0] > 2 * 16
    assert (np.abs(sheet.astype(int) - (36, 8, 200)).max(-1) < 25).any()  # unit 3 after 8 steps


def test_it_is_updated_now_and_then_while_it_climbs(open_widget, shown, monkeypatch):
    monkeypatch.setattr(still, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(still, "LONGEST_SECONDS", 0.2)
    explorer = open_widget("first", climb=FakeClimb(slice_seconds=0.01), steps=4096)
    explorer._ipython_display_()
    browser = Browser(explorer)
    started = time.monotonic()
    browser.until(lambda _: len(shown) == 5)
    assert 0.4 < time.monotonic() - started < 3  # after 0.1, 0.3 and 0.5 s
    assert explorer.status["phase"] == "climbing"


def test_it_is_not_updated_while_nothing_changed(open_widget, shown):
    explorer = open_widget("first")
    explorer._ipython_display_()
    explorer.wait(10)
    browser = Browser(explorer).until(lambda _: len(shown) == 3)
    explorer.unit = 2
    explorer.tile_pixels = 128
    browser.until(lambda seen: seen.state["tile_pixels"] == 128)
    explorer.wait(10)
    assert len(shown) == 3


def test_a_second_display_has_the_picture_too(open_widget, shown):
    explorer = open_widget("first")
    explorer.wait(10)
    explorer._ipython_display_()
    Browser(explorer).until(lambda _: len(shown) == 3)
    explorer._ipython_display_()
    assert len(shown) == 5
    assert shown[-1][1]["update"] is False
    assert pixels(shown[-1][0]).shape == pixels(shown[2][0]).shape


def test_outside_a_notebook_nothing_is_put_behind(open_widget, shown, monkeypatch):
    monkeypatch.setattr(still, "is_in_notebook", lambda: False)
    explorer = open_widget("first")
    explorer._ipython_display_()
    explorer.wait(10)
    assert len(shown) == 1


def test_a_large_sheet_is_made_smaller(open_widget, shown):
    picture = still.Still()
    picture.update(np.zeros((4000, 2000, 3), np.uint8), "large")
    assert pixels(shown[0][0]).shape == (1024, 512, 3)


def test_a_closed_widget_says_so(open_widget, shown):
    explorer = open_widget("first")
    explorer.close()
    explorer._ipython_display_()
    assert shown[-1][0] == {"text/plain": "Explorer, closed"}
