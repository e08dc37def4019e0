"""The messages of docs/explorer.md that carry pictures: what a widget sends and an exported page holds."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from jaxviz.results.sheet import SURROUND
from jaxviz.results.tile import LETTERS, TileRecord, jpeg_bytes
from jaxviz.results.update import Tile

FINISHED = ("done", "dead", "diverged")
"""States whose picture changes no more."""

_MOVING_QUALITY = 75  # of a picture that the next will replace in a moment
_CLIMBING_QUALITY = 85
_STILL_QUALITY = 95
_SIGNIFICANT_DIGITS = 5


class Message(NamedTuple):
    """What is sent to the browser: JSON, and bytes beside it."""

    content: dict[str, Any]
    buffers: list[bytes]


class Shown(NamedTuple):
    """A tile of a frame, with the state that is said of it, and whether it stands still: then it is encoded well."""

    tile: Tile
    record: TileRecord
    state: str
    still: bool


def frame_message(number: int, layer: str, generation: int, tiles: Sequence[Shown]) -> Message:
    """Return the `frame` that holds some tiles, which must have pictures of one size.

    Tiles that climb are encoded smaller; a frame in which all stand still is as good as JPEG can be.

    Args:
        number: The `id` of the frame.
        layer: Name of the layer.
        generation: Of the pictures.
        tiles: At least one.
    """
    pictures = [_picture(shown.record) for shown in tiles]
    height, width, _ = pictures[0].shape
    columns = math.ceil(math.sqrt(len(pictures) * height / width))
    still = all(shown.still for shown in tiles)
    content = {
        "type": "frame",
        "id": number,
        "layer": layer,
        "generation": generation,
        "height": height,
        "width": width,
        "columns": columns,
        "tiles": [
            {
                "unit": shown.tile[0],
                "sign": shown.tile[1],
                "step": shown.record.step,
                "score": _number(shown.record.score),
                "state": LETTERS[shown.state],
            }
            for shown in tiles
        ],
    }
    return Message(content, [_atlas_jpeg(pictures, columns, _STILL_QUALITY if still else _MOVING_QUALITY)])


def unit_message(layer: str, generation: int, tile: Tile, record: TileRecord, *, most_scores: int = 1024) -> Message:
    """Return the `unit` message of a tile: its curve and its picture at each stage.

    Args:
        layer: Name of the layer.
        generation: Of the picture.
        tile: Which tile.
        record: What is known of it.
        most_scores: A longer curve is thinned to about so many scores, the last of them kept.
    """
    stages = record.stages()
    scores = record.smoothed_scores()
    chosen = _thinned(len(scores), most_scores)
    content = {
        "type": "unit",
        "layer": layer,
        "unit": tile[0],
        "sign": tile[1],
        "generation": generation,
        "message": record.message,
        "stages": [step for step, _ in stages],
        "height": stages[0][1].shape[0] if stages else 0,
        "width": stages[0][1].shape[1] if stages else 0,
        "steps": [record.steps[position] for position in chosen],
        "scores": [_number(scores[position]) for position in chosen],
    }
    pictures = [picture for _, picture in stages]
    quality = _STILL_QUALITY if record.state in FINISHED else _CLIMBING_QUALITY
    return Message(content, [_atlas_jpeg(pictures, len(pictures), quality)] if stages else [])


def _picture(record: TileRecord) -> UInt8[np.ndarray, "height width 3"]:
    if record.picture is None:
        raise ValueError("A tile without a picture cannot be part of a frame.")
    return record.picture


def _atlas_jpeg(pictures: Sequence[UInt8[np.ndarray, "height width 3"]], columns: int, quality: int) -> bytes:
    """Lay pictures of one size out in rows without gaps, and encode them."""
    height, width, _ = pictures[0].shape
    rows = math.ceil(len(pictures) / columns)
    atlas = np.full((rows * height, columns * width, 3), SURROUND, np.uint8)
    for position, picture in enumerate(pictures):
        top, left = position // columns * height, position % columns * width
        atlas[top : top + height, left : left + width] = picture
    return jpeg_bytes(atlas, quality=quality, full_colour=quality == _STILL_QUALITY)


def _thinned(count: int, most: int) -> list[int]:
    """Return about `most` positions of a sequence, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(position * (count - 1) / (most - 1)) for position in range(most)})


def _number(value: float | None) -> float | None:
    """Return a number as short as it is worth in JSON, which knows no NaN."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
