"""The scores of some units over their steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxviz.charts.figures import Shows, bqplot, check_shows, follow, new_figure, scales, set_span
from jaxviz.results.tile import smoothed

_MOST_CURVES = 12
# Okabe and Ito's colours, which the colour-blind can tell apart, without the two that a white or black page hides.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_ROOM_FOR_LEGEND = 1.2  # bqplot draws it over the curves


def score_curves(explorer: Shows) -> Any:
    """Return a figure with the scores of the selected units over their steps, or of the chosen unit if none is.

    It grows while they climb, and follows `selection`, `unit` and `layer`. Up to twelve units have a curve, which
    like that of the explorer is the mean of the last 16 steps.

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
        >>> figure = jaxviz.charts.score_curves(explorer)
        >>> explorer.wait()
        True
        >>> explorer.selection = [0, 2]
        >>> figure.marks[0].labels, figure.marks[0].y.shape
        (['0', '2'], (2, 4))
        >>> explorer.close()
    """
    check_shows(explorer)
    lines = bqplot().Lines(
        x=[0.0, 1.0],
        y=[0.0, 0.0],
        scales=scales(),
        colors=list(_COLOURS),
        stroke_width=1.5,
        labels=[""],
        display_legend=True,
        visible=False,
    )
    figure = new_figure("Score", lines, "step", "score")
    figure.legend_location = "top-right"
    follow(explorer, figure, _draw_curves)
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
    set_span(figure.axes[0], 0.0, _ROOM_FOR_LEGEND * last, least_step=1.0)
    values = np.concatenate([values for _, _, values in curves])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    room = 0.05 * (high - low) or 0.5
    set_span(figure.axes[1], low - room, high + room)
    with lines.hold_sync():
        lines.labels = [_name(shown, unit) for unit, _, _ in curves]
        lines.x = _table([taken for _, taken, _ in curves], longest)
        lines.y = _table([values for _, _, values in curves], longest)
        lines.visible = True


def _name(shown: Shows, unit: int) -> str:
    classes = next((layer["classes"] for layer in shown.layers if layer["name"] == shown.layer), "")
    return shown.class_names[classes][unit] if classes else str(unit)


def _table(rows: Sequence[Any], length: int) -> Any:
    """Return rows of one length, NaN where a row has ended; of one row only the row, as bqplot wants it."""
    table = np.full((len(rows), length), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table if len(rows) > 1 else table[0]
