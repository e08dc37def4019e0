"""While a cell of the user runs, nothing that the browser says is heard; pictures go on, only fewer."""

import ipywidgets
import pytest
from fake_browser import Browser
from fake_climb import FakeClimb

from jaxviz.widgets.outbox import LEAST_WINDOW, PATIENCE_SECONDS

ENDLESS = 4096


def test_without_acknowledgement_pictures_go_on_at_three_a_second(open_widget):
    browser = Browser(open_widget("block", steps=ENDLESS, climb=FakeClimb(slice_seconds=0.01)), acknowledges=False)
    browser.open(visible=range(12))
    browser.until(lambda browser: len(browser.frames) >= 3 * LEAST_WINDOW, seconds=4 * PATIENCE_SECONDS + 5)
    times = [when for when, *_ in browser.frames]
    for earlier, later in zip(times, times[LEAST_WINDOW:], strict=False):
        assert later - earlier >= PATIENCE_SECONDS - 0.01


@pytest.mark.parametrize("given", [False, True])
def test_a_closed_widget_takes_its_layout_with_it_unless_it_was_given_one(open_widget, given):
    layout = ipywidgets.Layout(width="50%") if given else None
    widget = open_widget("block", layout=layout)
    own = widget.layout
    widget.close()
    assert (own.comm is None) is not given
