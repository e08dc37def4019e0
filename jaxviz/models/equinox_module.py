"""Adapt an Equinox module."""

import inspect
from collections.abc import Iterable
from typing import Any, cast

import equinox
import jax
import jax.numpy as jnp

from jaxviz.models.adaptation import Adapted, inference_arguments, scoped_calls, with_parents


def adapt(module: Any, *, channels_first: bool, batched: bool) -> Adapted:
    """Turn an Equinox module into a pure function of its arrays and the images.

    Equinox modules take one image with its channels first; they are mapped over the batch. `equinox.nn.BatchNorm` and
    other modules with state come as a pair `(module, state)`.

    Args:
        module: The module, or `(module, state)`.
        channels_first: Whether the module takes [C, H, W] (as `equinox.nn.Conv2d` does) instead of [H, W, C].
        batched: Whether it takes a whole batch at once.
    """
    module, state = cast(tuple[Any, Any], module) if isinstance(module, tuple) else (module, None)
    name = type(module).__name__
    arrays, structure = cast(
        tuple[Any, Any], equinox.partition((equinox.nn.inference_mode(module), state), equinox.is_array)
    )

    def function(weights: Any, images: jax.Array) -> Any:
        copy, held = equinox.combine(weights, structure)
        paths = dict(_modules(copy))
        options: dict[str, Any] = {**inference_arguments(type(copy).__call__)}
        parameters = inspect.signature(type(copy).__call__).parameters
        if "key" in parameters and parameters["key"].default is inspect.Parameter.empty:
            options["key"] = jax.random.key(0)  # inference mode draws nothing from it

        def call(image: jax.Array) -> Any:
            if channels_first:
                image = jnp.moveaxis(image, -1, 1 if batched else 0)
            if held is None:
                return copy(image, **options)
            return copy(image, held, **options)[0]

        identities = {identity: path for path, identity, _ in paths.values()}
        with scoped_calls(with_parents({cls for *_, cls in paths.values()}), lambda node: identities.get(id(node))):
            return call(images) if batched else jax.vmap(call)(images)

    return Adapted(function, arrays, name, ignored_scopes="eqx.nn.")


def _modules(module: Any) -> list[tuple[int, tuple[str, int, type]]]:
    """List the modules inside a module, itself first, with their paths of field names and positions."""
    found: list[tuple[int, tuple[str, int, type]]] = []

    def visit(node: Any, path: str) -> None:
        children: Iterable[tuple[str, Any]]
        if isinstance(node, equinox.Module):
            found.append((id(node), (path, id(node), type(node))))
            children = [(name, getattr(node, name)) for name in node.__dataclass_fields__ if hasattr(node, name)]
        elif isinstance(node, (list, tuple)):
            children = [(str(position), child) for position, child in enumerate(cast(Iterable[Any], node))]
        elif isinstance(node, dict):
            children = [(str(name), child) for name, child in cast(dict[Any, Any], node).items()]
        else:
            return
        for name, child in children:
            visit(child, f"{path}/{name}" if path else name)

    visit(module, "")
    return found
