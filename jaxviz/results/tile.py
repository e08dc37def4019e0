"""The record of one tile of an explorer: its newest picture, its whole curve, and its picture at some stages."""

import copy
import io
from array import array

import numpy as np
from jaxtyping import Float32, Int, UInt8

from jaxviz.results.sheet import as_rgb
from jaxviz.results.update import Update

STAGES = (0, *(4**power for power in range(1, 12)))
"""Steps 0, 4, 16, 64, 256, …: the first picture that has made at least so many is kept as a stage."""

SMOOTHED_STEPS = 16
"""Over so many steps the score that is shown is averaged: each step disturbs the picture in another way."""

LETTERS = {"waiting": "w", "climbing": "c", "done": "d", "dead": "x", "diverged": "v", "stopped": "s"}
"""How the browser is told a state."""

_STAGE_QUALITY = 92


class TileRecord:
    """What is known of a tile; it grows with each update.

    Attributes:
        picture: RGB, uint8, or None before the first update.
        step: Steps made so far.
        state: As in `Update`, or waiting.
        given: The steps that the tile had been given when it ended.
        message: Advice, empty where all is well.
        steps: The step before which each score was taken.
        scores: The scores so far.
        version: A number that is another one after each update; 0 before the first.
    """

    def __init__(self) -> None:
        self.picture: UInt8[np.ndarray, "height width 3"] | None = None
        self.step = 0
        self.state = "waiting"
        self.given = 0
        self.message = ""
        self.steps = array("i")  # four bytes a step: a list takes 64, and curves grow as long as a tile climbs
        self.scores = array("f")
        self.version = 0
        self._stages: dict[int, bytes] = {}  # of JPEG: six raw pictures of each of 2,000 tiles would be half a gigabyte

    def take(self, update: Update, *, version: int, given: int) -> None:
        """Take over what a slice changed.

        Args:
            update: Of this tile.
            version: Another number than all before.
            given: The steps that the climb has been given.
        """
        if update.step == 0 or update.first_step < self.step:  # it begins again
            self.steps, self.scores, self._stages = array("i"), array("f"), {}
        picture = as_rgb(update.picture[None])[0]
        reached = sum(stage <= update.step for stage in STAGES)
        if reached > sum(stage <= max(self._stages, default=-1) for stage in STAGES):
            self._stages[update.step] = jpeg_bytes(picture, quality=_STAGE_QUALITY, full_colour=True)
        self.steps.extend(range(update.first_step, update.first_step + len(update.scores)))
        self.scores.frombytes(update.scores.tobytes())
        self.picture, self.step, self.message = picture, update.step, update.message
        self.state, self.given, self.version = update.state, given, version

    def has_ended(self, steps: int) -> bool:
        """Return whether the tile climbs no further when a climb has so many steps."""
        if self.state == "diverged":
            return True
        return self.state in ("done", "dead") and self.given >= steps

    def copy(self) -> "TileRecord":
        """Return a record that stays as this one is now."""
        same = copy.copy(self)
        same.steps, same.scores, same._stages = self.steps[:], self.scores[:], {**self._stages}
        return same

    @property
    def score(self) -> float | None:
        """The newest of the smoothed scores, or None if there is none yet that is a number."""
        newest = slice(-SMOOTHED_STEPS, None)
        last = smoothed(np.asarray(self.steps[newest]), np.asarray(self.scores[newest]))[-1:]
        return float(last[0]) if np.isfinite(last).any() else None

    def smoothed_scores(self) -> Float32[np.ndarray, " time"]:
        """Return the curve as it is shown: before each step, the mean score of the last `SMOOTHED_STEPS`."""
        return smoothed(np.asarray(self.steps), np.asarray(self.scores))

    @property
    def byte_count(self) -> int:
        """Roughly how much memory the record holds."""
        pictures = (0 if self.picture is None else self.picture.nbytes) + sum(map(len, self._stages.values()))
        return pictures + 8 * len(self.scores)

    def stages(self) -> list[tuple[int, UInt8[np.ndarray, "height width 3"]]]:
        """Return the picture at each stage with its step, the last of them the newest."""
        if self.picture is None:
            return []
        kept = [(step, decoded(data)) for step, data in self._stages.items() if step < self.step]
        return [*kept, (self.step, self.picture)]


def smoothed(steps: Int[np.ndarray, " time"], scores: Float32[np.ndarray, " time"]) -> Float32[np.ndarray, " time"]:
    """Average each score with those of the `SMOOTHED_STEPS` - 1 steps before it, as far as there are any.

    Args:
        steps: Ascending; some may be missing.
        scores: The score before each.

    Example:
        >>> smoothed(np.array([0, 1, 40], np.int32), np.array([1, 3, 5], np.float32))
        array([1., 2., 5.], dtype=float32)
    """
    first = np.searchsorted(steps, steps - SMOOTHED_STEPS, side="right")
    count = np.arange(1, len(steps) + 1) - first
    total = np.concatenate([[0.0], np.cumsum(scores, dtype=np.float64)])
    with np.errstate(invalid="ignore"):  # after a score that is not finite none is
        return ((total[1:] - total[first]) / count).astype(np.float32)


def jpeg_bytes(image: UInt8[np.ndarray, "height width 3"], *, quality: int, full_colour: bool) -> bytes:
    r"""Encode an RGB image as JPEG.

    Args:
        image: uint8 image.
        quality: 1 to 95.
        full_colour: Whether colour keeps the resolution of lightness (4:4:4) or half of it (4:2:0).

    Example:
        >>> jpeg_bytes(np.zeros((8, 8, 3), np.uint8), quality=85, full_colour=False)[:2]
        b'\xff\xd8'
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=0 if full_colour else 2)
    return buffer.getvalue()


def decoded(jpeg: bytes) -> UInt8[np.ndarray, "height width 3"]:
    """Return the pixels of an RGB JPEG."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image)
