"""Pictures of pictures: any number of channels as RGB, many images as one sheet, labels, PNG bytes."""

import io
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, UInt8

SURROUND = 119
"""Grey level (sRGB) around the images. #777 is the middle of perceived lightness (CIE L* 50), so that neither
dark nor bright images gain from what is beside them."""


# Of a caption's width, what is left for the second of its two parts however long the first is.
_LEAST_SHARE = 0.45


def to_bytes(images: Float32[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Return float images in [0, 1] as uint8; a pixel that is not a number becomes the surround's grey."""
    levels = np.rint(np.where(np.isnan(images), SURROUND / 255, images) * 255)
    return levels.astype(np.uint8)


def as_rgb(
    images: UInt8[np.ndarray, "unit height width channel"], channels: Sequence[int] | None = None
) -> UInt8[np.ndarray, "unit height width 3"]:
    """Return images of any number of channels as RGB.

    One channel gives grey. Two give red and cyan, so that where they agree the picture stays grey. Of more
    than three, the first three are shown unless `channels` names one, two or three others.

    Raises:
        ValueError: If `channels` names none, more than three, or one that is not there.
    """
    count = images.shape[-1]
    chosen = range(min(count, 3)) if channels is None else checked_channels(channels, count, of="images")
    if len(chosen) > 3:
        raise ValueError(f"channels names {len(chosen)} channels; give one (grey), two (red, cyan) or three (RGB).")
    return images[..., [*chosen, chosen[-1], chosen[-1]][:3]]


def checked_channels(channels: Sequence[int], count: int, *, of: str) -> list[int]:
    """Return the channels to show as a list, if there are such.

    Args:
        channels: Their numbers.
        count: How many channels the inputs have.
        of: What the inputs are called, for the message.

    Raises:
        ValueError: If `channels` names none, or one that is not there.
    """
    chosen = list(channels)
    if not chosen:
        raise ValueError(f"channels is empty; name some of 0 to {count - 1}, or give None for the usual ones.")
    for channel in chosen:
        if not 0 <= channel < count:
            raise ValueError(f"Channel {channel} is out of range for {of} of {count} channels (0 to {count - 1}).")
    return chosen


def default_columns(count: int, height: int, width: int) -> int:
    """Return the number of columns of a sheet that is about square, with full rows where that is near."""
    square = min(count, max(1, math.ceil(math.sqrt(count * height / width))))
    return next((columns for columns in range(square, 2 * square + 1) if count % columns == 0), square)


def contact_sheet(
    images: UInt8[np.ndarray, "unit height width channel"],
    *,
    labels: Sequence[str] | None = None,
    columns: int | None = None,
    gap_pixels: int | None = None,
    channels: Sequence[int] | None = None,
) -> UInt8[np.ndarray, "sheet_height sheet_width 3"]:
    """Lay images out in rows on a neutral grey, pixel by pixel, with hairline gaps.

    Args:
        images: uint8 images with any number of channels.
        labels: A text for each image, drawn below it and shortened to its width; None for no texts.
        columns: Images in a row; about as many as rows if None.
        gap_pixels: Grey between and around the images; about 1/64 of their smaller side if None.
        channels: Which one, two or three channels to show; see `as_rgb`.

    Returns:
        The sheet as an RGB image.

    Raises:
        ValueError: If `columns` or `gap_pixels` is too small, or the labels are not one for each image.

    Example:
        >>> import numpy as np
        >>> contact_sheet(np.zeros((6, 10, 20, 3), np.uint8), columns=3, gap_pixels=1).shape
        (23, 64, 3)
    """
    count, height, width, _ = images.shape
    columns = default_columns(count, height, width) if columns is None else columns
    gap = max(1, round(min(height, width) / 64)) if gap_pixels is None else gap_pixels
    if columns < 1 or gap < 0:
        raise ValueError(f"columns={columns}, gap_pixels={gap}: at least 1 column and 0 pixels are needed.")
    if labels is not None and len(labels) != count:
        raise ValueError(f"There are {len(labels)} labels for {count} images; each image needs one.")
    rgb = as_rgb(images, channels)
    strips = [] if labels is None else [_label_strip(label, height, width) for label in labels]
    strip_height = strips[0].shape[0] if strips else 0
    step_down, step_right = height + strip_height + gap, width + gap
    rows, columns = math.ceil(count / columns), min(columns, count)
    sheet = np.full((rows * step_down + gap, columns * step_right + gap, 3), SURROUND, np.uint8)
    for position in range(count):
        top, left = gap + position // columns * step_down, gap + position % columns * step_right
        sheet[top : top + height, left : left + width] = rgb[position]
        if strips:
            sheet[top + height : top + height + strip_height, left : left + width] = strips[position]
    return sheet


def _label_strip(label: str, height: int, width: int) -> UInt8[np.ndarray, "strip_height width 3"]:
    """Return a strip of surround as wide as an image with the label in black, shortened until it fits."""
    points = min(24, max(10, round(min(height, width) / 11)))
    text = " ".join(label.split())
    name, colon, rest = text.rpartition(": ")  # `lucid: block3:12`, `maximised: 7.1`: both parts tell tiles apart
    shown = _shortened(rest, points, max(width - text_width(name + colon, points), _LEAST_SHARE * width if name else 0))
    if name:
        shown = f"{_shortened(name, points, width - text_width(colon + shown, points))}{colon}{shown}"
    return text_strip(shown, width, round(points * 1.5), points, SURROUND)


def _shortened(text: str, points: int, width: float) -> str:
    """Return a text that is as wide as that at most."""
    # Of `stage5/block2/expand:12` the end tells the tiles of a sheet apart, of the name of a class the beginning.
    is_numbered = ":" in text
    shown = text
    while shown and text_width(shown, points) > width:
        text = text[1:] if is_numbered else text[:-1]
        shown = (f"…{text}" if is_numbered else f"{text.rstrip()}…") if text else ""
    return shown


def text_width(text: str, points: int) -> float:
    """Return how wide a text of a size is, in pixels."""
    from PIL import ImageFont

    return ImageFont.load_default(points).getlength(text)


def text_strip(
    text: str, width: int, height: int, points: int, background: int
) -> UInt8[np.ndarray, "strip_height width 3"]:
    """Return a strip of one grey with a text in black in its middle."""
    from PIL import Image, ImageDraw, ImageFont

    strip = Image.new("RGB", (width, height), (background,) * 3)
    # Black on #777 has a contrast of 4.7:1, white only 4.5:1.
    place = (width / 2, height / 2)
    ImageDraw.Draw(strip).text(place, text, fill=(0, 0, 0), font=ImageFont.load_default(points), anchor="mm")
    return np.asarray(strip)


def png_bytes(image: UInt8[np.ndarray, "height width colour"], *, text: str | None = None) -> bytes:
    r"""Encode an RGB image as PNG.

    Args:
        image: uint8 image; a fourth channel is its opacity.
        text: ASCII kept in the file as its text chunk "jaxviz"; none if None.

    Example:
        >>> import numpy as np
        >>> png_bytes(np.zeros((2, 3, 3), np.uint8))[:4]
        b'\x89PNG'
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    metadata = PngInfo()
    if text is not None:
        metadata.add_text("jaxviz", text)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", pnginfo=metadata)
    return buffer.getvalue()
