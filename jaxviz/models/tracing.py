"""Trace a model for one shape of a batch, and say why where that cannot be done."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxviz.models.adaptation import Adapted
from jaxviz.models.flattening import flatten
from jaxviz.models.naming import Naming, name_layers
from jaxviz.models.program import PREPROCESSING, Program

Preprocess: TypeAlias = Callable[[jax.Array], jax.Array]

_TRACER_ERRORS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def trace(
    adapted: Adapted, preprocess: Preprocess, shape: tuple[int, ...], *, name: str, input_shape: tuple[int, ...]
) -> tuple[Program, Naming]:
    """Trace a model, preprocessing and all, and name its layers.

    Args:
        adapted: The model.
        preprocess: A function of a batch of images in [0, 1] that goes before it.
        shape: Shape of the batch of images.
        name: The model's name, for messages.
        input_shape: Shape of one image that the model was wrapped for.

    Raises:
        ValueError: The model cannot be traced with such images, or does not depend on them; the message says why.
    """
    paths, structure = leaves(adapted.weights)
    names: list[str] = []

    def function(weights: Sequence[Any], images: Array) -> list[Array]:
        tree = jax.tree_util.tree_unflatten(structure, list(weights))
        with jax.named_scope(PREPROCESSING):
            scaled = preprocess(images)
        outputs, _ = leaves(adapted.function(tree, scaled))
        names[:] = [_output_name(path) for path, _ in outputs]
        return [output for _, output in outputs]

    try:
        program = flatten(function, [weight for _, weight in paths], jax.ShapeDtypeStruct(shape, jnp.float32))
    except Exception as error:
        reason = f"{type(error).__name__}: {_reason(error)} {_advice(error, shape[1:], input_shape)}"
        raise ValueError(f"Model '{name}' cannot be traced with {_times(shape[1:])} images: {reason}") from error
    if not program.outputs or not any(program.depends[value] for value in program.outputs):
        raise ValueError(f"The output of model '{name}' does not depend on the images.")
    if len(names) == 1:
        names[0] = "output"
    return program, name_layers(program, root=adapted.root, ignored=adapted.ignored_scopes, output_names=names)


def leaves(tree: Any) -> tuple[list[tuple[tuple[Any, ...], Any]], Any]:
    """Return a pytree's leaves, each with its path, and its structure."""
    return cast(Any, jax.tree_util.tree_flatten_with_path(tree))


def _output_name(path: Sequence[Any]) -> str:
    parts = [getattr(part, "key", getattr(part, "name", getattr(part, "idx", ""))) for part in path]
    return "/".join(f"output{part}" if isinstance(part, int) else str(part) for part in parts)


def _reason(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def _advice(error: Exception, image_shape: tuple[int, ...], input_shape: tuple[int, ...]) -> str:
    if isinstance(error, _TRACER_ERRORS):
        return (
            "It needs the values of its input while it is being traced (an if, a float() or a NumPy call on an "
            "array). Use jnp, jnp.where or lax.cond there."
        )
    if image_shape != input_shape:
        return (
            f"It was wrapped for {_times(input_shape)} images; a model with a flattened dense layer or a table of "
            "positions takes only that size."
        )
    return f"Check that input_shape {image_shape} is what the model takes, the channel last."


def _times(shape: Sequence[int]) -> str:
    return "×".join(str(extent) for extent in shape)
