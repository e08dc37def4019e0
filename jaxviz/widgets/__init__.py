"""Widgets: views of a climb in a notebook, and what goes between them and the browser (docs/explorer.md)."""

from jaxviz.widgets.bench import Bench
from jaxviz.widgets.explorer import Explorer, LayerGrid, UnitView
from jaxviz.widgets.opening import explore
from jaxviz.widgets.progress import RenderProgress

__all__ = ["Bench", "Explorer", "LayerGrid", "RenderProgress", "UnitView", "explore"]
