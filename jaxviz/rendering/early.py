"""Compute once what a step needs of the weights alone.

The compiler of a CPU takes nothing out of a loop. Kernels that a gradient reads turned round, groups that were merged,
and the like are as large as the weights themselves and would be made again in every step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
from jaxtyping import Array

from jaxviz.models import jax_internals


class Split(NamedTuple):
    """A function in two parts.

    Attributes:
        large: Constants that would be written into every compiled program.
        early: Takes what is fixed and returns what the rest needs of it.
        late: Takes the list of both and the other arguments, and returns what the function does.
    """

    large: list[Array]
    early: Callable[[Any], list[Array]]
    late: Callable[..., Any]


def split(function: Callable[..., Any], fixed: Any, *others: Any) -> Split:
    """Take what depends on the first argument alone out of a function.

    Args:
        function: Of pytrees, which can be traced.
        fixed: The first argument, or shapes and dtypes of it.
        others: The other arguments, or shapes and dtypes of them; later ones must be of the same form.

    Returns:
        Both parts, `function(fixed, *others) == late([*large, *early(fixed)], *others)`.

    Example:
        >>> import jax.numpy as jnp
        >>> parts = split(lambda weights, images: images * weights.T, jnp.ones((2, 3)), jnp.ones((3, 2)))
        >>> parts.early(jnp.ones((2, 3)))[0].shape
        (3, 2)
    """
    program, shapes = jax.make_jaxpr(function, return_shape=True)(fixed, *others)
    form = cast(Any, jax.tree.structure(shapes))
    large, early, late = jax_internals.split(program, len(jax.tree.leaves(fixed)))

    def run_early(fixed: Any) -> list[Array]:
        return early(*jax.tree.leaves(fixed))

    def run_late(kept: list[Array], *others: Any) -> Any:
        return jax.tree.unflatten(form, late(*kept, *jax.tree.leaves(others)))

    return Split(large, run_early, run_late)
