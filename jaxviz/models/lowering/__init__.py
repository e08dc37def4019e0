"""Equivalents of single operations that run faster on this backend, in value and in image gradient.

`lower` is offered one equation of a traced program at a time. It answers with an equal result made another way, or
with None for "leave it to XLA". The choice is made while tracing, from the backend and from shapes, dtypes and
parameters alone, by measurements that `benchmarks/lowerings.py` repeats.

Equal means: the same number but for the order in which floats are added, in value and in both gradients; which of
several equal maxima a pooling window picks is the same too. What is returned works under `jit`, `vmap` and
`grad`. Forward-mode differentiation (`jax.jvp`) is open only to what is written without a gradient of its own: matrix
products and powers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxviz.models.lowering.choice import lower_convolution, lower_convolution_on_gpu
from jaxviz.models.lowering.half import in_bfloat16
from jaxviz.models.lowering.pooling import lower_max_pool, lower_sum_pool
from jaxviz.models.lowering.powers import lower_power
from jaxviz.models.lowering.rows import lower_dot
from jaxviz.models.program import Lowering

__all__ = ["in_bfloat16", "lower", "named"]

_Rule = Callable[[Mapping[str, Any], Sequence[jax.Array]], jax.Array | None]

_RULES: dict[str, dict[str, _Rule]] = {
    "cpu": {
        "conv_general_dilated": lower_convolution,
        "dot_general": lower_dot,
        "pow": lower_power,
        "reduce_window_max": lower_max_pool,
        "reduce_window_sum": lower_sum_pool,
    },
    "gpu": {
        "conv_general_dilated": lower_convolution_on_gpu,
        "reduce_window_max": lower_max_pool,
        "reduce_window_sum": lower_sum_pool,
    },
}


def lower(
    primitive_name: str, params: Mapping[str, Any], operands: Sequence[jax.Array], *, backend: str
) -> jax.Array | None:
    """Evaluate one equation by an equivalent that runs faster on a backend.

    Args:
        primitive_name: Name of the equation's primitive, such as `conv_general_dilated`.
        params: The equation's own parameters.
        operands: Arrays, or tracers of them, that the equation reads. The images of a batch should all be in here: the
            choice is by the shape that is seen, which under `vmap` is that of one image.
        backend: `jax.default_backend()` of the device that will run it. `"cpu"` and `"gpu"` have equivalents: elsewhere
            XLA's own lowering stands until a measurement says otherwise.

    Returns:
        The equation's only result, or None where XLA's own lowering is to be kept.

    Example:
        >>> import jax.numpy as jnp
        >>> volumes = jnp.array([1.0, 16.0, 81.0])
        >>> lower("pow", {}, [volumes, 0.75], backend="cpu")
        Array([ 1.,  8., 27.], dtype=float32)
        >>> lower("tanh", {}, [volumes], backend="cpu") is None
        True
    """
    rule = _RULES.get(backend, {}).get(primitive_name)
    return None if rule is None else rule(params, operands)


# Chosen for their gradients alone: an average pool that is only read recomputes what it reads for each of its taps.
_FOR_GRADIENTS = {"cpu": ("reduce_window_sum",), "gpu": tuple(_RULES["gpu"])}


def named(name: str, *, gradient: bool = True) -> Lowering | None:
    """Return what equations are offered to on this backend: `auto` means `lower`, `xla` nothing (None).

    Args:
        name: Which of the two.
        gradient: Whether the image gradient is computed, too; some equivalents gain by that alone.

    Raises:
        ValueError: It is another name.

    Example:
        >>> named("xla") is None
        True
    """
    if name not in ("auto", "xla"):
        raise ValueError(f"lowering is {name!r}; it must be 'auto' (faster equivalents) or 'xla' (none).")
    if name == "xla":
        return None
    backend = jax.default_backend()
    passed = () if gradient else _FOR_GRADIENTS.get(backend, ())

    def offered(primitive: str, params: Mapping[str, Any], operands: Sequence[Any]) -> jax.Array | None:
        return None if primitive in passed else lower(primitive, params, operands, backend=backend)

    return offered
