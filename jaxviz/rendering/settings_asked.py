"""How it is climbed: everything but the objectives, as a user gives it, checked before anything is compiled."""

import math
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxviz.gradient_rules import ChosenRules, GradientRule, chosen
from jaxviz.models import Model
from jaxviz.models.lowering import named
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering.overriding import acting
from jaxviz.rendering.promises import check_registered
from jaxviz.rendering.suitable import Suitable, completed, filled, suitable, suitable_size
from jaxviz.results.view import INPUTS
from jaxviz.transforms import (
    Annealed,
    Background,
    Compose,
    Transform,
    Views,
    background,
    compose,
    distill_2017,
    lucid,
    lucid_noise,
    several_views,
)

SMALLEST_SIZE_PIXELS = 8

AUTO, QUICK = "auto", "quick"
"""The transforms, and the decay power and learning rate with them, that suit the model's family; `quick` with one view
a step."""

_SIZES = {
    1: "one whole number of samples",
    2: "one whole number of pixels or (height, width)",
    3: "one whole number of voxels or (depth, height, width)",
}

_TRANSFORM_PRESETS = {"lucid": lucid, "lucid_noise": lucid_noise, "distill_2017": distill_2017}

# One object, so that engines compiled with it are found again; the learning rate is multiplied in the step.
_ADAM = optax.adam(1.0)


def drawn(
    model: Model,
    extents: tuple[int, ...],
    parameterization: Parameterization | None,
    transforms: Transform | str | None,
) -> Suitable:
    """Return how images are made and disturbed, and the usual rate: as asked for, or else what suits the model."""
    if parameterization is not None and not isinstance(parameterization, Parameterization):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{parameterization!r} is no parameterization. Give one such as jaxviz.fourier().")
    automatic = isinstance(transforms, str) and transforms in (AUTO, QUICK)
    if parameterization is not None and parameterization.has_opacity and model.input_name != "image":
        raise ValueError(
            f"transparent is for images, but model '{model.name}' takes {model.input_name}s. Leave it out."
        )
    suits = suitable(model, extents, automatic=automatic, quick=automatic and transforms == QUICK)
    # A family's rate is for the coefficients that it comes with.
    rate = suits.learning_rate if parameterization is None else parameterization.usual_rate
    parameterization = completed(parameterization or suits.parameterization, model.data)
    transform = filled(suits.transform if automatic else _transform(transforms), model.data)
    check_registered(parameterization)
    check_registered(transform)
    return Suitable(parameterization, _over_background(transform, parameterization), rate)


def checked_steps(steps: int, name: str = "steps", *, usual: int = 256) -> int:
    """Return a number of steps."""
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} is {steps!r}; it must be a whole number.")
    if steps < 1:
        raise ValueError(f"{name} is {steps}; it must be at least 1 step ({usual} is usual).")
    return int(steps)


def extents_of(model: Model, size: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Return height and width of the pictures, or as many numbers as the model's inputs have axes of positions."""
    axes = len(model.input_shape) - 1
    if axes >= len(INPUTS):
        raise ValueError(
            f"Model '{model.name}' takes inputs of shape {model.input_shape}; vectors (features,), signals (samples, "
            "channels), images (height, width, channels) and volumes (depth, height, width, channels) can be rendered."
        )
    if size is None:
        return suitable_size(model)
    extents: tuple[Any, ...] = (size,) * axes if np.ndim(size) == 0 else tuple(cast(Any, size))
    if axes == 0:
        raise TypeError(f"size is {size!r}, but model '{model.name}' takes vectors, which have none. Leave it out.")
    if len(extents) != axes or not all(isinstance(extent, int | np.integer) for extent in extents):
        raise TypeError(f"size is {size!r}; it must be {_SIZES[axes]}.")
    if min(extents) < SMALLEST_SIZE_PIXELS and extents != model.input_shape[:-1]:
        raise ValueError(f"size is {size}; the smallest picture is {SMALLEST_SIZE_PIXELS} pixels (128 is usual).")
    return tuple(int(extent) for extent in extents)


def lane_shape(parameterization: Parameterization, image_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of what a lane makes: an input, or several side by side."""
    *extents, channels = image_shape
    count = parameterization.images_in_lane
    if count > 1 and not extents:
        raise ValueError("several puts inputs side by side, which vectors cannot be. Render them one by one.")
    return (*extents[:-1], extents[-1] * count, channels) if extents else (channels,)


def random_key(key: int | jax.Array) -> jax.Array:
    """Return a JAX key for a whole number or a key of any kind."""
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        if not -(2**31) <= key < 2**32:  # of which jax would use 32 bits, and so climb another number's picture
            raise ValueError(f"key is {key}; a whole number must fit into 32 bits. For more, give jax.random.key(…).")
        return jax.random.key(int(key))
    # By way of the host: it may be on another device than the one that climbs.
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.ndim == 0:
        words: Any = np.asarray(jax.random.key_data(key))
        return cast(jax.Array, jax.random.wrap_key_data(words, impl=jax.random.key_impl(key)))
    if isinstance(key, jax.Array) and key.dtype == np.uint32 and key.ndim == 1:
        return cast(jax.Array, jax.random.wrap_key_data(cast(Any, np.asarray(key))))
    raise TypeError(f"key is {key!r}; it must be a whole number or a JAX key such as jax.random.key(0).")


def optimizer_of(
    optimizer: optax.GradientTransformation | None, learning_rate: float | None, *, usual: float
) -> tuple[optax.GradientTransformation, dict[str, Any], float]:
    """Return the optimizer, its record, and what its updates are multiplied by."""
    if optimizer is not None:
        if learning_rate is not None:
            raise TypeError("Give either learning_rate, for Adam, or an optimizer that has its own.")
        if not all(callable(getattr(optimizer, name, None)) for name in ("init", "update")):
            raise TypeError(f"optimizer is {optimizer!r}; it must be an optax transformation such as optax.adam(0.05).")
        custom = {"kind": "custom", "description": repr(type(optimizer).__name__)}
        record: dict[str, Any] = getattr(optimizer, "record", custom)
        if record["kind"] == "adam" and record.keys() == {"kind", "learning_rate"}:  # our own, out of a recipe
            return _ADAM, record, record["learning_rate"]
        return optimizer, record, 1.0
    rate = usual if learning_rate is None else float(learning_rate)
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"learning_rate is {learning_rate}; it must be a positive number (0.05 is usual).")
    return _ADAM, {"kind": "adam", "learning_rate": rate}, rate


def check_words(lowering: str, precision: str) -> None:
    """Refuse a lowering or a precision that there is not."""
    named(lowering)
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision is {precision!r}; it must be 'float32' or 'bfloat16' (products and convolutions).")


def check_transparency(model: Model) -> None:
    """Refuse to add up the transparency of what is no image."""
    if model.input_name != "image":
        raise ValueError(
            f"transparency=True fades images, but model '{model.name}' takes {model.input_name}s. Leave it out."
        )


def checked_rules(model: Model, canvas_size: tuple[int, ...], gradient_rules: ChosenRules) -> tuple[GradientRule, ...]:
    """Return the gradient rules, each of which acts on something in the model."""
    rules = chosen(gradient_rules)
    for rule in rules:
        check_registered(rule)
    effective = acting(model, canvas_size, rules)
    for rule in rules:
        if rule not in effective:
            raise ValueError(
                f"The gradient rule {rule.kind} acts on {rule.operations}; model '{model.name}' has none. Leave it out."
            )
    return rules


def _transform(transforms: Transform | str | None) -> Transform:
    if transforms is None:
        return compose()
    if isinstance(transforms, Transform):
        return transforms
    if isinstance(transforms, str) and transforms in _TRANSFORM_PRESETS:  # pyright: ignore[reportUnnecessaryIsInstance]
        return _TRANSFORM_PRESETS[transforms]()
    raise ValueError(
        f"transforms is {transforms!r}; it must be 'auto', 'quick', a transform such as jaxviz.transforms.shift(8), "
        f"None, or the name of a preset: {', '.join(sorted(_TRANSFORM_PRESETS))}."
    )


def _over_background(transform: Transform, parameterization: Parameterization) -> Transform:
    """Lay a transparent picture over a background before all else; a picture without opacity needs none."""
    has_background = _has_background(transform)
    if has_background and not parameterization.has_opacity:
        raise ValueError(f"{transform} lays a transparent picture over a background; use it with transparent().")
    if has_background or not parameterization.has_opacity:
        return transform
    if isinstance(transform, Views):  # stands around everything else
        return several_views(compose(background(), transform.inner), count=transform.count)
    return compose(background(), transform)


def _has_background(transform: Transform) -> bool:
    if isinstance(transform, Compose):
        return any(map(_has_background, transform.transforms))
    if isinstance(transform, Views):
        return _has_background(transform.inner)
    if isinstance(transform, Annealed):
        return _has_background(transform.first)
    return isinstance(transform, Background)
