"""Adapt a Flax Linen module with its variables."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import linen

from jaxviz.models.adaptation import Adapted, inference_arguments

_STOCHASTIC_FLAGS: tuple[tuple[type[linen.Module], str, bool], ...] = (
    (linen.BatchNorm, "use_running_average", True),
    (linen.Dropout, "deterministic", True),
)


def adapt(module: linen.Module, variables: Mapping[str, Any]) -> Adapted:
    """Turn a Linen module into a pure function of its variables and the images.

    Args:
        module: The module, not bound to variables.
        variables: What `module.init` gave or training made of it: `{"params": ..., "batch_stats": ...}`.

    Raises:
        ValueError: The variables have no "params" collection.
    """
    if "params" not in variables:
        raise ValueError(
            f"variables has the collections {sorted(variables)}, but a Linen model needs 'params'. "
            "Pass the whole dictionary that module.init returned, e.g. variables={'params': state.params}."
        )

    def function(weights: Any, images: jax.Array) -> Any:
        with linen.intercept_methods(_inference_mode):
            cls: Any = type(module)
            options: dict[str, Any] = inference_arguments(cls.__call__)
            return module.apply(weights, images, **options)

    return Adapted(function, dict(variables), type(module).__name__, root=module.name or type(module).__name__)


def _inference_mode(call: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any], context: Any) -> Any:
    """Run BatchNorm and Dropout as in inference, whatever the user's module passes to them."""
    for cls, flag, value in _STOCHASTIC_FLAGS:
        if isinstance(context.module, cls) and context.method_name == "__call__":
            # Linen refuses a flag that is given both as attribute and as argument. The bound module is a copy that
            # belongs to this one `apply`.
            kept = getattr(context.module, flag)
            object.__setattr__(context.module, flag, None)
            try:
                return call(*arguments[:1], **{**options, flag: value})
            finally:
                object.__setattr__(context.module, flag, kept)
    return call(*arguments, **options)
