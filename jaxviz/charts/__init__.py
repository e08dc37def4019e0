"""Charts beside an explorer: bqplot figures that follow its traits and set them.

They are for notebooks that an author composes; what an explorer itself shows it draws without them. bqplot is
loaded when a chart is made. A chart follows its explorer until one of them is closed.
"""

from jaxviz.charts.curves import score_curves
from jaxviz.charts.histogram import score_histogram

__all__ = ["score_curves", "score_histogram"]
