"""Check images that a user gives: floats in [0, 1], of a shape that the model takes."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np


def checked_images(images: Any, input_shape: Sequence[int], model: str) -> np.ndarray[Any, Any]:
    """Return images as a float32 array, or say what is wrong with them.

    Args:
        images: What was given.
        input_shape: Shape of one image; its height and width may differ.
        model: The model's name, for messages.

    Raises:
        TypeError: They are not floats.
        ValueError: Their shape or range is wrong.
    """
    array = np.asarray(images)
    if array.ndim != len(input_shape) + 1 or array.shape[-1] != input_shape[-1]:
        taken = "[batch, " + ", ".join(str(extent) for extent in input_shape) + "]"
        raise ValueError(
            f"images have shape {list(array.shape)}; model '{model}' takes {taken} "
            "(height and width may differ). A single image needs a batch axis: images[None]."
        )
    return checked_range(array)


def checked_range(images: Any) -> np.ndarray[Any, Any]:
    """Return images as a float32 array, or say that they are not in [0, 1].

    Raises:
        TypeError: They are not floats.
        ValueError: They are not finite, or below 0 or above 1.
    """
    array = np.asarray(images)
    if not np.issubdtype(array.dtype, np.floating) and array.dtype != jnp.bfloat16:
        raise TypeError(f"images have dtype {array.dtype}; they must be floats in [0, 1]. Divide uint8 by 255.")
    array = array.astype(np.float32, copy=False)
    if array.size and not (array.min() >= -1e-6 and array.max() <= 1 + 1e-6):
        raise ValueError(
            f"images range from {array.min():.4g} to {array.max():.4g}; they must be in [0, 1] and finite. "
            "jaxviz scales them to the model's own range itself."
        )
    return array
