"""How strongly each pixel moved the score, as opacity: what the unit did not care for fades away (MaCo)."""

import numpy as np
from jaxtyping import Float32, UInt8

from jaxviz.results.sheet import SURROUND


def opacity(
    transparency: Float32[np.ndarray, "unit ..."], *, percentile: float = 80.0
) -> Float32[np.ndarray, "unit ..."]:
    """Turn sums of absolute gradients into opacity from 0 to 1, each picture by itself.

    A pixel that no gradient ever reached is transparent, and all pixels from a percentile on are opaque.

    Args:
        transparency: Sums of absolute gradients, which are not negative.
        percentile: Of a picture's sums, from which on it is opaque; 0 to 100.

    Raises:
        ValueError: The percentile is out of range.

    References:
        T. Fel et al.: Unlocking Feature Visualization for Deep Networks with MAgnitude Constrained Optimization.
        NeurIPS, 2023. arXiv:2306.06805. xplique 2.0 and Horama 0.3.0 show their maps so, with the percentile 80.

    Example:
        >>> import numpy as np
        >>> opacity(np.float32([[0, 1, 2, 3, 8]]), percentile=75).tolist()
        [[0.0, 0.3333333432674408, 0.6666666865348816, 1.0, 1.0]]
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"The percentile is {percentile}; give a number from 0 to 100 (80 is usual).")
    axes = tuple(range(1, transparency.ndim))
    full = np.percentile(transparency, percentile, axis=axes, keepdims=True)
    # Of a picture in which the percentile is zero, what moved at all is opaque.
    share = np.where(full > 0, transparency / np.where(full > 0, full, 1), transparency > 0)
    return np.clip(share, 0, 1).astype(np.float32)


def stretched(
    images: Float32[np.ndarray, "unit *position channel"], *, percentile: float = 1.0
) -> Float32[np.ndarray, "unit *position channel"]:
    """Stretch the values of each picture over [0, 1], what lies beyond a percentile at either end cut off.

    Example:
        >>> import numpy as np
        >>> stretched(np.float32([[[0.25], [0.5], [0.75]]]), percentile=0)[0, :, 0].tolist()
        [0.0, 0.5, 1.0]
    """
    axes = tuple(range(1, images.ndim))
    low, high = np.percentile(images, [percentile, 100 - percentile], axis=axes, keepdims=True)
    room = np.where(high > low, high - low, 1)
    return np.where(high > low, np.clip((images - low) / room, 0, 1), images).astype(np.float32)


def faded(
    pictures: UInt8[np.ndarray, "unit *position channel"], opacities: Float32[np.ndarray, "unit ..."]
) -> UInt8[np.ndarray, "unit *position channel"]:
    """Lay pictures over the neutral grey of contact sheets.

    Example:
        >>> import numpy as np
        >>> faded(np.uint8([[[255], [255]]]), np.float32([[0, 1]]))[0, :, 0].tolist()
        [119, 255]
    """
    shares = opacities[..., None]
    mixed = pictures.astype(np.float32) * shares + np.float32(SURROUND) * (1 - shares)
    return np.rint(mixed).astype(np.uint8)
