"""Check images that a user gives, floats in [0, 1] of a shape that the model takes, and that shape itself."""

from collections.abc import Sequence
from typing import Any, cast

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


def checked_input_shape(input_shape: Any) -> tuple[int, ...]:
    """Return the shape of one image as a tuple, or say what is wrong with it.

    Raises:
        TypeError: It holds no whole numbers.
        ValueError: It is empty, or a number is not positive.

    Example:
        >>> checked_input_shape("224")
        Traceback (most recent call last):
        ...
        TypeError: input_shape is '224'; it must be a tuple of whole numbers, such as (224, 224, 3).
    """
    # Only what holds numbers already: `int` makes some of the letters of a text, and cuts fractions off.
    shape: tuple[Any, ...] = tuple(cast(Any, input_shape)) if isinstance(input_shape, tuple | list) else (None,)
    if not all(isinstance(extent, int | np.integer) and not isinstance(extent, bool) for extent in shape):
        raise TypeError(f"input_shape is {input_shape!r}; it must be a tuple of whole numbers, such as (224, 224, 3).")
    if not shape or any(extent < 1 for extent in shape):
        raise ValueError(f"input_shape is {shape}; it must be (height, width, channels), all positive.")
    return tuple(int(extent) for extent in shape)


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
