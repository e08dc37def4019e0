"""The still: the last pictures as a plain image beside a widget, for readers that have no kernel.

JupyterLab does not save what widgets show, and GitHub and nbviewer do not run them. So a widget's output has a
sibling, empty while the climb runs and an image from then on. Where the widget is alive, the front end hides images
that carry the mark.
"""

import base64
import io
import uuid
from typing import Any

import numpy as np
from jaxtyping import UInt8

MARK = b"jaxviz-still"
"""The comment of the JPEG. It lies where base64 spells it in whole, so that a style sheet can find it."""

MOST_TILES = 64
_MOST_PIXELS = 1024
_QUALITY = 85


class Still:
    """The output beside a widget.

    Attributes:
        shown: What the image was made of, to see whether it is still true.
    """

    def __init__(self, display_id: str) -> None:
        self._display_id = display_id
        self.shown: Any = None

    @classmethod
    def beside_output(cls) -> "Still | None":
        """Put an empty output into the running cell; None where there is no kernel to show it."""
        from IPython.core.getipython import get_ipython

        if getattr(get_ipython(), "kernel", None) is None:  # pyright: ignore[reportUnknownArgumentType]
            return None
        still = cls(f"jaxviz-{uuid.uuid4().hex}")
        still._publish({"text/html": "", "text/plain": ""}, update=False)
        return still

    def update(self, sheet: UInt8[np.ndarray, "height width 3"], text: str) -> None:
        """Show an image in the output.

        Args:
            sheet: RGB, uint8.
            text: What readers without images get.
        """
        encoded = base64.b64encode(marked_jpeg(sheet)).decode("ascii")
        self._publish({"image/jpeg": encoded, "text/plain": text}, update=True)

    def _publish(self, data: dict[str, str], *, update: bool) -> None:
        from IPython.display import display

        display(data, raw=True, display_id=self._display_id, update=update)


def marked_jpeg(sheet: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """Encode an image with the mark, made smaller if it is very large.

    Example:
        >>> jpeg = marked_jpeg(np.zeros((8, 8, 3), np.uint8))
        >>> jpeg[24:36]
        b'jaxviz-still'
        >>> base64.b64encode(MARK) in base64.b64encode(jpeg)
        True
    """
    from PIL import Image

    image = Image.fromarray(sheet)
    image.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, comment=MARK)
    return buffer.getvalue()
