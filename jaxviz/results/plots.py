"""Pictures of what is no image: signals as lines, vectors as bars, volumes as slices."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Num, UInt8

from jaxviz.results.sheet import SURROUND, text_strip, text_width

PAPER, FAINT = 244, 212
"""Grey levels of a plot's background and of its middle line."""

COLOURS = np.array(
    [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0)], np.float32
)
"""Of lines and bars, told apart by the colour-blind too (Okabe and Ito 2008)."""

LINE_PIXELS = 1.6
_PLOT_HEIGHT, _PLOT_WIDTH, _MARGIN = 96, 192, 4
_MOST_MAP_PIXELS = 1024
_SMALLEST_SLICE = 64
_NAME_POINTS, _MOST_NAMES, _MOST_NAME_PIXELS = 11, 64, 144
_BARS_WIDTH = 128


def line_plots(signals: Float32[np.ndarray, "unit sample channel"]) -> UInt8[np.ndarray, "unit height width 3"]:
    """Draw signals in [0, 1] as lines, a colour for each channel, 0 at the bottom.

    What is not a number is drawn where the surround's grey is. Where many samples fall into one column of pixels the
    line fills it from the least to the greatest.

    Example:
        >>> line_plots(np.zeros((2, 1000, 1), np.float32)).shape
        (2, 96, 192, 3)
    """
    return np.stack([_line_plot(_known(signal)) for signal in signals])


def bar_charts(
    vectors: Float32[np.ndarray, "unit feature"], names: Sequence[str] = ()
) -> UInt8[np.ndarray, "unit height width 3"]:
    """Draw vectors in [0, 1] as bars from the middle, 0.5, to each value; the first feature on top.

    Args:
        vectors: One picture each.
        names: Drawn left of the bars, shortened to fit, unless there are more than 64; none if empty.

    Example:
        >>> bar_charts(np.zeros((2, 3), np.float32)).shape
        (2, 36, 128, 3)
    """
    features = vectors.shape[1]
    named = bool(names) and features <= _MOST_NAMES
    pitch = 16 if named else max(1, min(12, 256 // features))
    column = _name_column(names, pitch) if named else np.empty((features * pitch, 0, 3), np.uint8)
    bars = np.stack([_bars(_known(vector), pitch) for vector in vectors])
    return np.concatenate([np.broadcast_to(column, (len(bars), *column.shape)), bars], axis=2)


def heat_maps(signals: UInt8[np.ndarray, "unit sample channel"]) -> UInt8[np.ndarray, "unit height width 3"]:
    """Show signals of many channels as grey maps: a row for each channel, time from left to right.

    More than 1024 samples are averaged into 1024 columns, and more than 1024 channels into 1024 rows: file formats and
    browsers know a largest picture.

    Example:
        >>> heat_maps(np.zeros((2, 100, 40), np.uint8)).shape
        (2, 80, 192, 3)
    """
    signals = _averaged(_averaged(signals, 1), 2)
    _, samples, channels = signals.shape
    enlarged = max(1, _PLOT_HEIGHT // channels)
    rows = [row // enlarged for row in range(channels * enlarged)]
    columns = np.arange(max(_PLOT_WIDTH, samples)) * samples // max(_PLOT_WIDTH, samples)
    grey = np.swapaxes(signals, 1, 2)[:, rows][:, :, columns]
    return np.repeat(grey[..., None], 3, axis=-1)


def middle_planes(volumes: Num[np.ndarray, "unit depth height width channel"]) -> list[np.ndarray]:
    """Return the middle slices of volumes: across depth, across height, across width.

    The first has rows and columns of the volume's height and width, the second its depth and width, the third its
    depth and height.
    """
    _, depth, height, width, _ = volumes.shape
    return [volumes[:, depth // 2], volumes[:, :, height // 2], volumes[:, :, :, width // 2]]


def side_by_side(planes: Sequence[UInt8[np.ndarray, "unit _ _ 3"]]) -> UInt8[np.ndarray, "unit rows columns 3"]:
    """Put slices side by side on a neutral grey; small ones are enlarged by a whole number.

    Example:
        >>> planes = middle_planes(np.zeros((2, 40, 64, 50, 3), np.uint8))
        >>> side_by_side(planes).shape
        (2, 64, 168, 3)
    """
    factor = math.ceil(_SMALLEST_SLICE / max(max(plane.shape[1:3]) for plane in planes))
    planes = [plane.repeat(factor, axis=1).repeat(factor, axis=2) for plane in planes]
    rows, gap = max(plane.shape[1] for plane in planes), 2
    columns = sum(plane.shape[2] for plane in planes) + gap * (len(planes) - 1)
    pictures = np.full((len(planes[0]), rows, columns, 3), SURROUND, np.uint8)
    left = 0
    for plane in planes:
        top = (rows - plane.shape[1]) // 2
        pictures[:, top : top + plane.shape[1], left : left + plane.shape[2]] = plane
        left += plane.shape[2] + gap
    return pictures


def _averaged(levels: UInt8[np.ndarray, "unit sample channel"], axis: int) -> UInt8[np.ndarray, "unit _ _"]:
    """Average neighbours along an axis until it fits into a map; what fits is left as it is."""
    extent = levels.shape[axis]
    if extent <= _MOST_MAP_PIXELS:
        return levels
    bounds = np.arange(_MOST_MAP_PIXELS + 1) * extent // _MOST_MAP_PIXELS
    sums = np.add.reduceat(levels, bounds[:-1], axis, dtype=np.int64)
    counts = np.diff(bounds).reshape([-1 if number == axis else 1 for number in range(levels.ndim)])
    return np.rint(sums / counts).astype(np.uint8)


def _known(values: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    return np.where(np.isnan(values), np.float32(SURROUND / 255), values)


def _line_plot(signal: Float32[np.ndarray, "sample channel"]) -> UInt8[np.ndarray, "height width 3"]:
    picture = np.full((_PLOT_HEIGHT, _PLOT_WIDTH, 3), PAPER, np.float32)
    picture[_PLOT_HEIGHT // 2] = FAINT
    for channel, colour in zip(range(signal.shape[1]), COLOURS, strict=False):
        least, greatest = _ranges(signal[:, channel], _PLOT_WIDTH)
        span = _PLOT_HEIGHT - 2 * _MARGIN
        top = _MARGIN + (1 - greatest) * span - LINE_PIXELS / 2
        bottom = _MARGIN + (1 - least) * span + LINE_PIXELS / 2
        row = np.arange(_PLOT_HEIGHT)[:, None]
        covered = np.clip(np.minimum(bottom, row + 1) - np.maximum(top, row), 0, 1)[..., None]
        picture += covered * (colour - picture)
    return np.rint(picture).astype(np.uint8)


def _ranges(samples: Float32[np.ndarray, " sample"], columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest value that the line through the samples takes in each column of pixels."""
    each = max(4, 2 * math.ceil(len(samples) / columns))
    places = np.linspace(0, len(samples) - 1, columns * each + 1)
    line = np.interp(places, np.arange(len(samples)), samples)
    inner, right = line[:-1].reshape(columns, each), line[each::each]
    return np.minimum(inner.min(1), right), np.maximum(inner.max(1), right)


def _bars(vector: Float32[np.ndarray, " feature"], pitch: int) -> UInt8[np.ndarray, "height width 3"]:
    picture = np.full((len(vector), pitch, _BARS_WIDTH, 3), PAPER, np.float32)
    column, middle = np.arange(_BARS_WIDTH), _BARS_WIDTH / 2
    picture[:, :, _BARS_WIDTH // 2] = FAINT
    ends = vector[:, None] * _BARS_WIDTH
    left, right = np.minimum(ends, middle), np.maximum(ends, middle)
    covered = np.clip(np.minimum(right, column + 1) - np.maximum(left, column), 0, 1)[:, None, :, None]
    colours = COLOURS[(vector < 0.5).astype(int)][:, None, None]
    gap = pitch // 6
    inside = picture[:, gap : pitch - gap]
    inside += covered * (colours - inside)
    return np.rint(picture).astype(np.uint8).reshape(-1, _BARS_WIDTH, 3)


def _name_column(names: Sequence[str], pitch: int) -> UInt8[np.ndarray, "height width 3"]:
    shown = [_begun(name) for name in names]
    width = 6 + math.ceil(max(text_width(text, _NAME_POINTS) for text in shown))
    return np.concatenate([text_strip(text, width, pitch, _NAME_POINTS, PAPER) for text in shown])


def _begun(name: str) -> str:
    """Cut the end of a feature's name off until it fits."""
    text = shown = " ".join(name.split())
    while text and text_width(shown, _NAME_POINTS) > _MOST_NAME_PIXELS:
        text = text[:-1]
        shown = f"{text}…"
    return shown
