"""Make a Model of a module of any framework, or of any function."""

import functools
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np

from jaxviz.models.adaptation import Adapted
from jaxviz.models.compilation import keep_compiled_programs
from jaxviz.models.data import Numbers, measure
from jaxviz.models.images import checked_input_shape
from jaxviz.models.model import Model
from jaxviz.models.tracing import Preprocess
from jaxviz.results.view import checked_view

Bound: TypeAlias = float | Sequence[float] | Numbers


def wrap(
    module: Any,
    *,
    input_shape: Sequence[int],
    variables: Mapping[str, Any] | None = None,
    value_range: tuple[Bound, Bound] | None = None,
    mean: Bound | None = None,
    std: Bound | None = None,
    preprocess: Preprocess | None = None,
    class_names: Sequence[str] = (),
    feature_names: Sequence[str] | None = None,
    bands: Sequence[int] | None = None,
    data: Any = None,
    name: str | None = None,
    channels_first: bool | None = None,
    batched: bool | None = None,
) -> Model:
    """Make a model of a Flax NNX, Flax Linen, Keras 3 or Equinox module, or of any function of images.

    The images that jaxviz gives to a model are always in [0, 1]. Before they reach the module they are scaled to
    `value_range`, then `mean` is subtracted and the result divided by `std`; or `preprocess` does all of it.

    Args:
        module: A module, or a function `images [B, H, W, C] -> array or pytree of arrays`. An Equinox module may come
            as a pair with its state.
        input_shape: Shape of one image, `(height, width, channels)`; any height and width, any number of channels. Of a
            signal `(samples, channels)`, of a volume `(depth, height, width, channels)`, of a vector `(features,)`.
        variables: The variables of a Linen module.
        value_range: The range that the module's input has before normalization, e.g. `(0, 255)` or `(-1, 1)`; each end
            one number, or one for each channel: the bounds of a vector's features. Default that of `data`, or `(0, 1)`.
        mean: Subtracted from the scaled image; a number or one for each channel.
        std: Divides the difference; a number or one for each channel.
        preprocess: A function of a batch of images in [0, 1], in place of the three above.
        class_names: Names of the classes, in the order of the output.
        feature_names: Of vectors: a name for each feature, shown beside its bar.
        bands: Which channels are shown, where the first three do not make a picture: one as grey, two as red and cyan,
            three as red, green and blue.
        data: What the model was trained on, some hundred inputs: an array `[batch, height, width, channel]` of bytes or
            floats, or an iterable of such batches or of single images. Measured once, and kept as `model.data`: range,
            mean, how channels vary together, how much of each wave. `render` then uses them where nothing else is
            said (docs/inputs.md).
        name: A name to show; default the class's or function's own.
        channels_first: Whether the module takes `[C, H, W]`; default True for Equinox, False for all others.
        batched: Whether the module takes a batch; default False for Equinox, True for all others.

    Returns:
        The model. It is traced but nothing is computed and nothing is compiled.

    Raises:
        TypeError: The module is of no known kind, or an argument does not fit its kind.
        ValueError: The module cannot be traced, or the data do not fit; the message says why and what to do.

    Example:
        >>> import jax, jax.numpy as jnp, jaxviz
        >>> kernel = jax.random.normal(jax.random.key(0), (3, 3, 3, 8))
        >>> def tiny(images):
        ...     return jax.nn.relu(jax.lax.conv_general_dilated(
        ...         images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))).mean((1, 2))
        >>> jaxviz.wrap(tiny, input_shape=(9, 12, 3)).layers.names
        ('conv', 'relu', 'mean')
    """
    keep_compiled_programs()
    shape = checked_input_shape(input_shape)
    if preprocess is not None and (mean is not None or std is not None or value_range is not None):
        raise TypeError("Give either preprocess or value_range, mean and std: preprocess replaces all three.")
    adapted = _adapt(module, variables, channels_first, batched)
    view = checked_view(shape, bands, feature_names)
    bounds = _checked_range(shape[-1], (0.0, 1.0) if value_range is None else value_range)
    is_told = any(each is not None for each in (value_range, mean, std, preprocess))
    measured = None
    if data is not None:
        measured = measure(data, shape, bounds if is_told else None, is_preprocessed=preprocess is not None)
        bounds = measured.value_range
    model = Model(
        adapted,
        input_shape=shape,
        preprocess=preprocess or _normalization(bounds, mean, std),
        class_names=class_names,
        name=name,
        view=view,
        value_range=None if preprocess else bounds,
        data=measured,
    )
    _check_class_names(model, class_names)
    return model


def _check_class_names(model: Model, class_names: Sequence[str]) -> None:
    output = model.logits or model.layers[-1]
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"class_names is {class_names!r}; it must be a list of strings.")
    if len(class_names) not in (0, output.units):
        raise ValueError(
            f"There are {len(class_names)} class_names, but '{output.name}' of model '{model.name}' has {output.units} "
            "units; give one for each."
        )


def _adapt(
    module: Any, variables: Mapping[str, Any] | None, channels_first: bool | None, batched: bool | None
) -> Adapted:
    framework = _framework(module)
    if isinstance(module, type):
        raise TypeError(f"{module.__name__} is a class; pass an instance of it, e.g. {module.__name__}(…).")
    if variables is not None and framework != "linen":
        raise TypeError("variables are for Flax Linen modules only; this module holds its own weights.")
    if framework == "linen":
        from jaxviz.models import flax_linen

        if variables is None:
            raise TypeError("A Linen module needs its variables: wrap(module, variables=variables, input_shape=…).")
        adapted = flax_linen.adapt(module, variables)
    elif framework == "nnx":
        from jaxviz.models import flax_nnx

        adapted = flax_nnx.adapt(module)
    elif framework == "keras":
        from jaxviz.models import keras_jax

        adapted = keras_jax.adapt(module)
    elif framework == "equinox":
        from jaxviz.models import equinox_module

        first = True if channels_first is None else channels_first
        return equinox_module.adapt(module, channels_first=first, batched=bool(batched))
    elif callable(module):
        adapted = Adapted(lambda _, images: module(images), (), getattr(module, "__name__", type(module).__name__))
    else:
        raise TypeError(
            f"A {type(module).__name__} cannot be wrapped. Pass a Flax NNX or Linen module, a Keras model, an Equinox "
            "module, or a function of images [batch, height, width, channel]."
        )
    return _reoriented(adapted, bool(channels_first), True if batched is None else batched)


def _framework(module: Any) -> str:
    """Name the framework of a module without importing any: one that is not imported cannot have made it."""
    parts = cast(tuple[Any, ...], module if isinstance(module, tuple) else (module,))
    first = parts[0] if parts else parts
    cls: type = first if isinstance(first, type) else type(first)
    for framework, path, base in (
        ("nnx", "flax.nnx", "Module"),
        ("linen", "flax.linen", "Module"),
        ("keras", "keras", "Layer"),
        ("equinox", "equinox", "Module"),
    ):
        package = sys.modules.get(path)
        if package is not None and issubclass(cls, getattr(package, base, ())):
            return framework
    return ""


def _reoriented(adapted: Adapted, channels_first: bool, batched: bool) -> Adapted:
    """Feed a module that takes channels first, or one image at a time, from a batch with channels last."""
    if not channels_first and batched:
        return adapted

    def function(weights: Any, images: jax.Array) -> Any:
        images = jnp.moveaxis(images, -1, 1) if channels_first else images
        if batched:
            return adapted.function(weights, images)
        return jax.vmap(functools.partial(adapted.function, weights))(images)

    return Adapted(function, adapted.weights, adapted.name, adapted.root)


def _checked_range(channels: int, value_range: Any) -> tuple[Numbers, Numbers]:
    """Return both ends of the range, a number for each channel."""
    is_array = isinstance(value_range, np.ndarray | jax.Array)
    pair: Any = np.asarray(cast(Any, value_range)).tolist() if is_array else value_range
    given = [_numbers(end) for end in cast(Sequence[Any], pair)] if isinstance(pair, tuple | list) else []
    ends = [end for end in given if end is not None and end.shape in ((), (channels,))]
    if not len(given) == len(ends) == 2:
        raise ValueError(
            f"value_range is {value_range!r}; it must be (lowest, highest), each one number or {channels}: one for "
            "each channel."
        )
    low, high = (np.broadcast_to(end, (channels,)) for end in ends)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (high > low).all()):
        raise ValueError(f"value_range is {value_range}; it must be (lowest, highest).")
    return low, high


def _normalization(bounds: tuple[Numbers, Numbers], mean: Bound | None, std: Bound | None) -> Preprocess:
    low, high = bounds
    centre = _checked_numbers("mean", 0.0 if mean is None else mean, len(low))
    divisor = _checked_numbers("std", 1.0 if std is None else std, len(low))
    if not (divisor > 0).all():
        raise ValueError(f"std is {std}; it must be positive.")
    scale, shift = (high - low) / divisor, (low - centre) / divisor
    if (scale == 1).all() and (shift == 0).all():
        return lambda images: images
    return lambda images: images * scale.astype(np.float32) + shift.astype(np.float32)


def _checked_numbers(argument: str, value: Bound, channels: int) -> Numbers:
    """Return a mean or a deviation: one finite number, or one for each channel."""
    numbers = _numbers(value)
    if numbers is None or numbers.shape not in ((), (channels,)):
        given = f"is {value!r}" if numbers is None else f"has shape {numbers.shape}"
        raise ValueError(f"{argument} {given}; give one number, or one for each of {channels} channels.")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{argument} is {value}; it must be finite, or every picture would be lost.")
    return numbers


def _numbers(value: Any) -> Numbers | None:
    """Return numbers as an array, or None where there is something else, such as a text that spells a number."""
    try:
        array: Numbers = np.asarray(value)
    except ValueError:  # lists of unequal lengths
        return None
    return array.astype(np.float64) if np.can_cast(array.dtype, np.float64, "same_kind") else None
