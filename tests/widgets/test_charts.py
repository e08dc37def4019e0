"""Charts follow the explorer's traits and set them."""

import gc
import re
import weakref

import bqplot
import numpy as np
import pytest
from fake_browser import Browser
from fake_climb import FakeClimb, shown_score

from jaxviz import charts
from jaxviz.charts.figures import set_span
from jaxviz.widgets import Explorer, LayerGrid, RenderProgress, UnitView


def test_curves_are_of_the_chosen_unit_or_of_the_selection(open_widget):
    explorer = open_widget("block", unit=3)
    figure = charts.score_curves(explorer)
    (lines,) = figure.marks
    explorer.wait(10)
    assert lines.visible
    assert lines.labels == ["3"]
    np.testing.assert_allclose(lines.y, [shown_score(3, 1, step) for step in range(8)], rtol=1e-6)
    explorer.selection = [1, 8]
    assert lines.labels == ["1", "8"]
    assert lines.x.shape == lines.y.shape == (2, 8)
    assert np.isnan(lines.y[1, 4:]).all()  # unit 8 diverged after four steps
    explorer.layer = "head"
    explorer.unit = "school bus"
    explorer.wait(10)
    assert lines.labels == ["school bus"]


def test_curves_grow_while_it_climbs(open_widget):
    climb = FakeClimb(gated=True)
    explorer = open_widget("first", climb=climb, steps=40)
    (lines,) = charts.score_curves(explorer).marks
    assert not lines.visible
    browser = Browser(explorer)
    climb.gate.release(2)
    browser.until(lambda _: lines.visible)
    length = len(lines.y)
    climb.gate.release(3)
    browser.until(lambda _: len(lines.y) > length)


def test_the_histogram_counts_the_newest_scores(open_widget):
    explorer = open_widget("block")
    figure = charts.score_histogram(explorer)
    (bars,) = figure.marks
    explorer.wait(10)
    assert explorer.scores[5] == pytest.approx(shown_score(5, 1, 7))
    assert bars.y.sum() == len(explorer.scores) == 12
    explorer.selection = [0, 1]
    assert bars.y[1].sum() == 2
    assert bars.y.sum() == 12
    assert bars.y[1].nonzero()[0][0] == 0


def test_brushing_selects_units_and_clearing_the_brush_none(open_widget):
    explorer = open_widget("block")
    figure = charts.score_histogram(explorer)
    explorer.wait(10)
    figure.interaction.selected = [2.5, 4.5]
    assert explorer.selection == [3, 4]
    figure.interaction.selected = None
    assert explorer.selection == []


def test_the_brush_goes_when_what_it_selected_is_selected_no_more_and_clears_no_other_selection(open_widget):
    explorer = open_widget("block")
    figure = charts.score_histogram(explorer)
    explorer.wait(10)
    brush = figure.interaction
    brush.selected = [2.5, 4.5]
    explorer.unit = 1
    assert list(brush.selected) == [2.5, 4.5]
    explorer.selection = []
    assert brush.selected is None
    brush.selected = [2.5, 4.5]
    assert explorer.selection == [3, 4]
    explorer.selection = [1, 5]
    assert (brush.selected, explorer.selection) == (None, [1, 5])
    brush.selected = [2.5, 4.5]
    explorer.layer = "first"
    assert brush.selected is None
    brush.selected = [100, 200]  # of no unit
    assert brush.selected is not None
    explorer.selection = [1]
    assert (brush.selected, explorer.selection) == (None, [1])


def test_a_chart_of_an_explorer_without_pictures_is_empty(open_widget):
    explorer = open_widget("first", climb=FakeClimb(gated=True))
    assert not charts.score_curves(explorer).marks[0].visible
    assert charts.score_histogram(explorer).marks[0].y.sum() == 0


def test_the_axis_of_steps_has_ticks_at_whole_steps_only(open_widget):
    explorer = open_widget("first", steps=2)
    figure = charts.score_curves(explorer)
    explorer.wait(10)
    np.testing.assert_array_equal(figure.axes[0].tick_values, [0, 1])


@pytest.mark.parametrize("chart", [charts.score_curves, charts.score_histogram])
def test_a_chart_of_what_shows_no_layer_is_refused_before_a_figure_is_made(chart, monkeypatch):
    monkeypatch.setattr(bqplot, "Figure", None)
    progress = RenderProgress(iter(()))
    progress.wait(10)
    for given in (progress, FakeClimb(), Explorer, None):
        with pytest.raises(TypeError, match=rf"^{re.escape(repr(given))} shows no scores .*jaxviz\.explore.*UnitView"):
            chart(given)
    progress.close()


@pytest.mark.parametrize("kind", [LayerGrid, UnitView])
def test_the_parts_of_an_explorer_have_charts_too(open_widget, kind):
    shown = open_widget("first", kind=kind)
    lines, bars = charts.score_curves(shown).marks[0], charts.score_histogram(shown).marks[0]
    shown.wait(10)
    assert lines.visible
    assert bars.y.sum() == len(shown.scores) > 0


def test_a_closed_chart_follows_no_more(open_widget):
    explorer = open_widget("first")
    figure = charts.score_curves(explorer)
    explorer.wait(10)
    figure.close()
    lines = figure.marks[0]
    explorer.selection = [1]
    assert lines.labels == ["0"]


def test_a_chart_does_not_keep_its_explorer_alive(open_widget, monkeypatch):
    from fake_climb import open_fake_session

    from jaxviz.widgets import Explorer, opening

    monkeypatch.setattr(opening, "open_session", open_fake_session)
    explorer = Explorer(FakeClimb(), "first")
    figures = [charts.score_curves(explorer), charts.score_histogram(explorer)]
    explorer.wait(10)
    reference = weakref.ref(explorer)
    del explorer
    for _ in range(100):
        gc.collect()
        if reference() is None:
            break
    assert reference() is None
    assert len(figures) == 2


@pytest.mark.parametrize(
    ("low", "high", "least", "expected", "written"),
    [
        (-8.0, 3.6, 0.0, [-8, -6, -4, -2, 0, 2], ".0f"),
        (0.0, 0.31, 0.0, [0, 0.1, 0.2, 0.3], ".1f"),
        (0.0, 1.0, 1.0, [0, 1], ".0f"),
        (0.0, 5.0, 1.0, [0, 1, 2, 3, 4, 5], ".0f"),
    ],
)
def test_ticks_are_round_numbers_written_as_they_are(low, high, least, expected, written):
    axis = bqplot.Axis(scale=bqplot.LinearScale())
    set_span(axis, low, high, least_step=least)
    np.testing.assert_allclose(axis.tick_values, expected, atol=1e-12)
    assert axis.tick_format == written
    assert [float(format(value, written)) for value in axis.tick_values] == pytest.approx(expected)
