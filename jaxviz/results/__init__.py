"""Frozen records of what a climb made: pictures, scores, and everything needed to make them again.

The records hold NumPy arrays that are read-only and plain JSON, import no jax, and go to disk and back
exactly. In the shapes, `unit` counts what was rendered, in the order asked for. An image of a `Rendering` is
float32 in [0, 1]; of a `Snapshot` uint8 in 0 to 255; both are `[unit, height, width, channel]`.
"""

from jaxviz.results.files import read_recipe
from jaxviz.results.recipe import Recipe
from jaxviz.results.rendering import Rendering
from jaxviz.results.settings import Settings
from jaxviz.results.sheet import contact_sheet, png_bytes
from jaxviz.results.snapshot import Snapshot
from jaxviz.results.update import LiveClimb, Tile, Update

__all__ = [
    "LiveClimb",
    "Recipe",
    "Rendering",
    "Settings",
    "Snapshot",
    "Tile",
    "Update",
    "contact_sheet",
    "png_bytes",
    "read_recipe",
]
