"""The bqplot figure that every chart is: its axes, its colours, and how it follows an explorer."""

import math
import weakref
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64

_HEIGHT_PIXELS = 280
QUIET, ACCENT = "#8a8a8a", "#d55e00"
# bqplot's texts are orange on dark pages. A title takes the page's own colour; the label of an axis takes none but a
# plain one, so it has a grey that can be read on both.
_TEXT, _LABEL = "var(--jp-ui-font-color1, currentColor)", "#767676"
_MOST_TICKS = 6
# `status` changes with every slice, and at most ten times a second.
_FOLLOWED = ["status", "selection", "unit", "units", "layer"]


@runtime_checkable
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


def check_shows(explorer: object) -> None:
    """Refuse what has no scores of a layer, before a figure is made.

    Raises:
        TypeError: It is no widget, or one that shows something else.
    """
    if isinstance(explorer, type) or not isinstance(explorer, Shows):
        raise TypeError(
            f"{explorer!r} shows no scores of a layer's units; give jaxviz.explore(...), a LayerGrid, a UnitView or a "
            "Bench, which a chart can follow."
        )


def bqplot() -> Any:
    """Return the library, which has no types."""
    import bqplot

    return bqplot


def scales() -> dict[str, Any]:
    """Return scales from 0 to 1: from marks without data bqplot takes a span whose ticks it cannot write, and stops."""
    return {name: bqplot().LinearScale(min=0.0, max=1.0) for name in ("x", "y")}


def set_span(axis: Any, low: float, high: float, *, least_step: float = 0.0) -> None:
    """Let an axis go from one number to another, with ticks at round numbers.

    bqplot divides an axis evenly and then rounds what it writes: a tick at 1.7 is called 2.
    """
    axis.scale.min, axis.scale.max = low, high
    rough = max((high - low) / _MOST_TICKS, least_step, 1e-12)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * (1 - 1e-9))
    axis.tick_format = f".{max(0, -math.floor(math.log10(step) + 1e-9))}f"
    axis.tick_values = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step


def new_figure(title: str, mark: Any, across: str, up: str) -> Any:
    """Return a figure of one mark with two axes, whose labels are given, on the page's own ground."""
    columns = bqplot().Axis(scale=mark.scales["x"], label=across, grid_lines="none", label_color=_LABEL)
    rows = bqplot().Axis(scale=mark.scales["y"], label=up, grid_lines="none", label_color=_LABEL)
    rows.orientation = "vertical"  # an argument until bqplot 0.12, a property since
    return bqplot().Figure(
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


def follow(explorer: Shows, figure: Any, draw: Callable[[Shows, Any], None]) -> None:
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
