"""Make a Flax NNX module from stored arrays: each variable filled and each array used, or an error."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import jax
import numpy as np
from flax import nnx, traverse_util

ModuleType = TypeVar("ModuleType", bound=nnx.Module)


def build_filled(
    create: Callable[[nnx.Rngs], ModuleType], arrays: Mapping[str, np.ndarray[Any, Any]], *, source: str
) -> ModuleType:
    """Build a module whose variables are the given arrays.

    The module is created abstractly: no time goes into random values that would be thrown away.

    Args:
        create: A function that makes the module from a source of random keys.
        arrays: An array for each of its variables, by path: `stage1/block1/depthwise/conv/kernel`.
        source: Where the arrays come from, for errors.

    Returns:
        The module, its variables in float32.

    Raises:
        ValueError: A variable has no array, an array no variable, or their shapes differ.

    Example:
        >>> import numpy as np
        >>> from flax import nnx
        >>> arrays = {"kernel": np.eye(2), "bias": np.zeros(2)}
        >>> module = build_filled(lambda rngs: nnx.Linear(2, 2, rngs=rngs), arrays, source="The file")
        >>> module(np.ones((1, 2), np.float32))
        Array([[1., 1.]], dtype=float32)
    """
    module = nnx.eval_shape(lambda: create(cast(nnx.Rngs, _SameKey())))
    state = cast(Any, nnx.state(module))  # flax gives it no full type
    variables = cast(dict[str, Any], traverse_util.flatten_dict(nnx.to_pure_dict(state), sep="/"))
    if missing := variables.keys() - arrays.keys():
        raise ValueError(f"{source} lacks {_listed(missing)}.")
    if unused := arrays.keys() - variables.keys():
        raise ValueError(f"{source} holds {_listed(unused)}, which the network does not have.")
    for name, variable in variables.items():
        if variable.shape != arrays[name].shape:
            raise ValueError(
                f"{source} gives '{name}' the shape {arrays[name].shape}; the network has {variable.shape}."
            )
    filled = {name: jax.device_put(array.astype(np.float32)) for name, array in arrays.items()}
    nnx.replace_by_pure_dict(state, cast(dict[str, Any], traverse_util.unflatten_dict(filled, sep="/")))
    nnx.update(module, state)
    return module


class _SameKey:
    """Stands in for nnx.Rngs, whose counters take more time than all else while a module is traced."""

    def params(self) -> jax.Array:
        return jax.random.key(0)


def _listed(names: Iterable[str]) -> str:
    """List the first three names and the number of the others."""
    ordered = sorted(names)
    shown = ", ".join(f"'{name}'" for name in ordered[:3])
    return shown if len(ordered) <= 3 else f"{shown} and {len(ordered) - 3} more"
