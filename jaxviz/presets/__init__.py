"""Published settings by name, with their source and what differs from it; and the same units under many of them."""

from jaxviz.presets.base import Preset, Scene
from jaxviz.presets.comparison import PRESETS, Comparison, compare_presets, named, table
from jaxviz.presets.vital import vital_objective

__all__ = ["PRESETS", "Comparison", "Preset", "Scene", "compare_presets", "named", "table", "vital_objective"]
