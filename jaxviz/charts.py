"""Charts beside an explorer: bqplot figures that follow its traits and set them.

They are for notebooks that an author composes; what an explorer itself shows it draws without them. bqplot is
loaded when a chart is made. A chart follows its explorer until one of them is closed.
"""

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float32, Int64

from jaxviz.results.tile import smoothed

__all__ = ["score_curves", "score_histogram"]

_HEIGHT_PIXELS = 280
_BINS = 24
_MOST_CURVES = 12
# Okabe and Ito's colours, which the colour-blind can tell apart, without the two that a white or black page hides.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_QUIET, _ACCENT = "#8a8a8a", "#d55e00"
# bqplot's texts are orange on dark pages. A title takes the page's own colour; the label of an axis takes none but a
# plain one, so it has a grey that can be read on both.
_TEXT, _LABEL = "var(--jp-ui-font-color1, currentColor)", "#767676"
_MOST_TICKS = 6
_ROOM_FOR_LEGEND = 1.2  # bqplot draws it over the curves


class Shows(Protocol):
    """What a chart needs of an explorer, or of another widget that shows a layer."""

    layer: str
    units: list[int]
    unit: int
    selection: list[int]
    layers: list[dict[str, Any]]
    class_names: dict[str, list[str]]

    @property
    def scores(self) -> dict[int, float]:
        """The newest score of each unit that has one."""
        ...

    def curve(
        self, unit: int | str | None = None, *, sign: int = 1
    ) -> tuple[Int64[np.ndarray, " time"], Float32[np.ndarray, " time"]]:
        """Return steps and scores of a unit."""
        ...

    def observe(self, handler: Callable[[Any], None], names: Any = ...) -> None:
        """Call back when a trait changes."""
        ...

    def unobserve(self, handler: Callable[[Any], None], names: Any = ...) -> None:
        """Call back no more."""
        ...


def score_curves(explorer: Shows) -> Any:
    """Return a figure with the scores of the selected units over their steps, or of the chosen unit if none is.

    It grows while they climb, and follows `selection`, `unit` and `layer`. Up to twelve units have a curve, which
    like that of the explorer is the mean of the last 16 steps.

    Args:
        explorer: An explorer, or another jaxviz widget that shows a layer.

    Returns:
        A `bqplot.Figure`.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> explorer = jaxviz.explore(model, "mean", steps=4, size=16)
        >>> figure = jaxviz.charts.score_curves(explorer)
        >>> explorer.wait()
        True
        >>> explorer.selection = [0, 2]
        >>> figure.marks[0].labels, figure.marks[0].y.shape
        (['0', '2'], (2, 4))
        >>> explorer.close()
    """
    lines = _bqplot().Lines(
        x=[0.0, 1.0],
        y=[0.0, 0.0],
        scales=_scales(),
        colors=list(_COLOURS),
        stroke_width=1.5,
        labels=[""],
        display_legend=True,
        visible=False,
    )
    figure = _figure("Score", lines, "step", "score")
    figure.legend_location = "top-right"
    _follow(explorer, figure, _draw_curves)
    return figure


def score_histogram(explorer: Shows) -> Any:
    """Return a histogram of the newest scores of a layer's units; brushing over it selects them in the grid.

    It grows while they climb. Dragging over bars sets `explorer.selection` to the units whose score lies there; the
    selection of the explorer, whoever made it, is drawn in colour. The brush goes when something else is selected.

    Args:
        explorer: An explorer, or another jaxviz widget that shows a layer.

    Returns:
        A `bqplot.Figure`.

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
    bars = _bqplot().Bars(
        x=np.linspace(0, 1, _BINS),
        y=np.zeros((2, _BINS)),
        scales=_scales(),
        colors=[_QUIET, _ACCENT],
        type="stacked",
        padding=0.05,
    )
    figure = _figure("Scores of the layer", bars, "newest score", "units")
    brush = _bqplot().interacts.BrushIntervalSelector(scale=bars.scales["x"], marks=[bars], color=_ACCENT)
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
    _follow(explorer, figure, draw)
    return figure


def _draw_curves(shown: Shows, figure: Any) -> None:
    (lines,) = figure.marks
    found = [(unit, *shown.curve(unit)) for unit in (shown.selection or [shown.unit])[:_MOST_CURVES]]
    curves = [(unit, taken, smoothed(taken, scores)) for unit, taken, scores in found if len(taken)]
    if not curves:
        lines.visible = False
        return
    longest = max(len(taken) for _, taken, _ in curves)
    last = float(max(1, max(taken[-1] for _, taken, _ in curves)))
    _span(figure.axes[0], 0.0, _ROOM_FOR_LEGEND * last)
    values = np.concatenate([values for _, _, values in curves])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    room = 0.05 * (high - low) or 0.5
    _span(figure.axes[1], low - room, high + room)
    with lines.hold_sync():
        lines.labels = [_name(shown, unit) for unit, _, _ in curves]
        lines.x = _table([taken for _, taken, _ in curves], longest)
        lines.y = _table([values for _, _, values in curves], longest)
        lines.visible = True


def _draw_histogram(shown: Shows, figure: Any) -> None:
    (bars,) = figure.marks
    known, selection = shown.scores, frozenset(shown.selection)
    chosen = [value for unit, value in known.items() if unit in selection]
    edges = np.histogram_bin_edges([*known.values()] or [0.0], _BINS)
    every, _ = np.histogram([*known.values()], edges)
    selected, _ = np.histogram(chosen, edges)
    most = float(max(1, every.max()))
    _span(figure.axes[0], float(edges[0]), float(edges[-1]))
    _span(figure.axes[1], 0.0, most, least_step=1.0)
    with bars.hold_sync():
        bars.x = (edges[:-1] + edges[1:]) / 2
        bars.y = np.stack([every - selected, selected]).astype(float)


def _within(shown: Shows, span: Any) -> list[int]:
    """Return the units whose score lies in a span of the histogram."""
    low, high = float(min(span)), float(max(span))
    return [unit for unit, value in shown.scores.items() if low <= value <= high]


def _bqplot() -> Any:
    import bqplot  # it has no types

    return bqplot


def _scales() -> dict[str, Any]:
    # With a span of their own: from marks without data bqplot takes one whose ticks it cannot write, and stops there.
    return {name: _bqplot().LinearScale(min=0.0, max=1.0) for name in ("x", "y")}


def _span(axis: Any, low: float, high: float, *, least_step: float = 0.0) -> None:
    """Let an axis go from one number to another, with ticks at round numbers.

    bqplot divides an axis evenly and then rounds what it writes: a tick at 1.7 is called 2.
    """
    axis.scale.min, axis.scale.max = low, high
    rough = max((high - low) / _MOST_TICKS, least_step, 1e-12)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * (1 - 1e-9))
    axis.tick_format = f".{max(0, -math.floor(math.log10(step) + 1e-9))}f"
    axis.tick_values = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step


def _figure(title: str, mark: Any, across: str, up: str) -> Any:
    bqplot = _bqplot()
    columns = bqplot.Axis(scale=mark.scales["x"], label=across, grid_lines="none", label_color=_LABEL)
    rows = bqplot.Axis(scale=mark.scales["y"], label=up, grid_lines="none", label_color=_LABEL)
    rows.orientation = "vertical"  # an argument until bqplot 0.12, a property since
    return bqplot.Figure(
        marks=[mark],
        axes=[columns, rows],
        title=title,
        title_style={"fill": _TEXT},
        padding_x=0,
        padding_y=0,
        fig_margin={"top": 36, "bottom": 40, "left": 56, "right": 16},
        background_style={"fill": "none"},  # the page's own, light or dark
        layout={"height": f"{_HEIGHT_PIXELS}px", "width": "100%"},
    )


def _follow(explorer: Shows, figure: Any, draw: Callable[[Shows, Any], None]) -> None:
    """Draw now, and again whenever something changes that a chart shows, for as long as the figure lives."""
    reference = weakref.ref(figure)

    def again(change: Any) -> None:
        shown = change["owner"]
        drawn = reference()
        if drawn is None or drawn.comm is None:
            shown.unobserve(again, _FOLLOWED)
        else:
            draw(shown, drawn)

    explorer.observe(again, _FOLLOWED)
    draw(explorer, figure)


# `status` changes with every slice, and at most ten times a second.
_FOLLOWED = ["status", "selection", "unit", "units", "layer"]


def _name(shown: Shows, unit: int) -> str:
    classes = next((layer["classes"] for layer in shown.layers if layer["name"] == shown.layer), "")
    return shown.class_names[classes][unit] if classes else str(unit)


def _table(rows: Sequence[Any], length: int) -> Any:
    """Return rows of one length, NaN where a row has ended; of one row only the row, as bqplot wants it."""
    table = np.full((len(rows), length), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table if len(rows) > 1 else table[0]
