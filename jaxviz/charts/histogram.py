"""How the scores of a layer's units are distributed, and the units that a brush over them selects."""

import weakref
from typing import Any

import numpy as np

from jaxviz.charts.figures import ACCENT, QUIET, Shows, bqplot, check_shows, follow, new_figure, scales, set_span

_BINS = 24


def score_histogram(explorer: Shows) -> Any:
    """Return a histogram of the newest scores of a layer's units; brushing over it selects them in the grid.

    It grows while they climb. Dragging over bars sets `explorer.selection` to the units whose score lies there; the
    selection of the explorer, whoever made it, is drawn in colour. The brush goes when something else is selected.

    Args:
        explorer: An explorer, or another jaxviz widget that shows a layer.

    Returns:
        A `bqplot.Figure`.

    Raises:
        TypeError: It is no such widget; the message says what is.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> explorer = jaxviz.explore(model, "mean", steps=4, size=16)
        >>> figure = jaxviz.charts.score_histogram(explorer)
        >>> explorer.wait()
        True
        >>> int(figure.marks[0].y[0].sum())
        3
        >>> figure.interaction.selected = [-100.0, 100.0]
        >>> explorer.selection
        [0, 1, 2]
        >>> explorer.close()
    """
    check_shows(explorer)
    bars = bqplot().Bars(
        x=np.linspace(0, 1, _BINS),
        y=np.zeros((2, _BINS)),
        scales=scales(),
        colors=[QUIET, ACCENT],
        type="stacked",
        padding=0.05,
    )
    figure = new_figure("Scores of the layer", bars, "newest score", "units")
    brush = bqplot().interacts.BrushIntervalSelector(scale=bars.scales["x"], marks=[bars], color=ACCENT)
    figure.interaction = brush
    reference = weakref.ref(explorer)
    brushed: list[tuple[str, list[int]]] = []  # the layer and what the brush selected of it, while it is there

    def select(change: Any) -> None:
        shown, span = reference(), change["new"]
        is_there = span is not None and len(span) == 2
        if shown is None or not (is_there or brushed):  # gone because something else was selected
            return
        units = _within(shown, span) if is_there else []
        brushed[:] = [(shown.layer, units)] if is_there else []
        shown.selection = units

    def draw(shown: Shows, figure: Any) -> None:
        if brushed and brushed[0] != (shown.layer, shown.selection):
            brushed.clear()
            figure.interaction.selected = None
        _draw_histogram(shown, figure)

    brush.observe(select, "selected")
    follow(explorer, figure, draw)
    return figure


def _draw_histogram(shown: Shows, figure: Any) -> None:
    (bars,) = figure.marks
    known, selection = shown.scores, frozenset(shown.selection)
    chosen = [value for unit, value in known.items() if unit in selection]
    edges = np.histogram_bin_edges([*known.values()] or [0.0], _BINS)
    every, _ = np.histogram([*known.values()], edges)
    selected, _ = np.histogram(chosen, edges)
    most = float(max(1, every.max()))
    set_span(figure.axes[0], float(edges[0]), float(edges[-1]))
    set_span(figure.axes[1], 0.0, most, least_step=1.0)
    with bars.hold_sync():
        bars.x = (edges[:-1] + edges[1:]) / 2
        bars.y = np.stack([every - selected, selected]).astype(float)


def _within(shown: Shows, span: Any) -> list[int]:
    """Return the units whose score lies in a span of the histogram."""
    low, high = float(min(span)), float(max(span))
    return [unit for unit, value in shown.scores.items() if low <= value <= high]
