"""Frozen records of what a climb made: pictures, scores, and everything needed to make them again.

The records hold NumPy arrays that are read-only and plain JSON, import no jax, and go to disk and back
exactly. In the shapes, `unit` counts what was rendered, in the order asked for. An image of a `Rendering` is
float32 in [0, 1]; of a `Snapshot` uint8 in 0 to 255; both are `[unit, height, width, channel]`, or have the number
of positions that the model's inputs have. A `View` says how they become pictures.
"""

from jaxviz.results.files import read_recipe
from jaxviz.results.recipe import Recipe
from jaxviz.results.rendering import Rendering
from jaxviz.results.settings import Settings
from jaxviz.results.sheet import contact_sheet, png_bytes
from jaxviz.results.snapshot import Snapshot
from jaxviz.results.statistics import Statistics
from jaxviz.results.update import LiveClimb, Tile, Update
from jaxviz.results.view import View

__all__ = [
    "LiveClimb",
    "Recipe",
    "Rendering",
    "Settings",
    "Snapshot",
    "Statistics",
    "Tile",
    "Update",
    "View",
    "contact_sheet",
    "png_bytes",
    "read_recipe",
]
