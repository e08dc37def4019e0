"""The still: the last pictures as a plain image behind a widget, for readers that have no kernel (docs/explorer.md)."""

import base64
import io
import time
import uuid
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxviz.results.sheet import SURROUND

MOST_TILES = 64
FIRST_SECONDS, LONGEST_SECONDS = 2.0, 10.0
"""Of a climb under way: after so long the image is updated for the first time, then after twice as long each time, up
to the second number. A notebook may be saved and closed before the climb rests, and once its page was loaded again
JupyterLab updates its old outputs no more."""
_MOST_PIXELS = 1024
_QUALITY = 85


class Still:
    """The output behind a widget.

    Attributes:
        shown: What the image was made of, to see whether it is still true.
    """

    def __init__(self) -> None:
        self._display_id = f"jaxviz-{uuid.uuid4().hex}"
        self._data = _data(np.full((1, 1, 3), SURROUND, np.uint8), "")
        self.shown: Any = None
        self._pause_seconds = FIRST_SECONDS
        self._due_at = time.monotonic() + FIRST_SECONDS

    def is_due(self, *, climbs: bool) -> bool:
        """Return whether to look for something new to show: now and then while it climbs, always when it rests."""
        now = time.monotonic()
        if climbs and now < self._due_at:
            return False
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_SECONDS) if climbs else FIRST_SECONDS
        self._due_at = now + self._pause_seconds
        return True

    def place(self) -> None:
        """Put the output, a grey pixel at first, behind what the running cell has shown."""
        show(self._data, display_id=self._display_id, update=False)

    def update(self, sheet: UInt8[np.ndarray, "height width 3"], text: str) -> None:
        """Show an image in the output.

        Args:
            sheet: RGB, uint8.
            text: What readers without images get.
        """
        self._data = _data(sheet, text)
        show(self._data, display_id=self._display_id, update=True)


def show(data: dict[str, Any], **options: Any) -> None:
    """Publish an output as it is."""
    from IPython.display import display  # pyright: ignore[reportUnknownVariableType] (its arguments have no types)

    display(data, raw=True, **options)


def is_in_notebook() -> bool:
    """Return whether a kernel will show what is displayed."""
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None  # pyright: ignore[reportUnknownArgumentType]


def _data(sheet: UInt8[np.ndarray, "height width 3"], text: str) -> dict[str, str]:
    return {"image/jpeg": base64.b64encode(_small_jpeg(sheet)).decode("ascii"), "text/plain": text}


def _small_jpeg(sheet: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """Encode an image, made smaller if it is very large: it is kept in the notebook's file."""
    from PIL import Image

    image = Image.fromarray(sheet)
    image.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
