"""Adapt a Flax NNX module."""

from typing import Any, cast

import jax
from flax import nnx

from jaxviz.models.adaptation import Adapted, inference_arguments, scoped_calls, with_parents

_PATH = "_jaxviz_path"


def adapt(module: nnx.Module) -> Adapted:
    """Turn an NNX module into a pure function of its state and the images.

    The module itself is never changed: every trace works on a copy, set to inference mode (dropout off, running
    averages used). The copy's modules carry their path as a static attribute, which survives `nnx.jit`, `nnx.remat`
    and `nnx.scan`; their `__call__`s run inside a name scope of that path.
    """
    definition, state = cast(tuple[nnx.GraphDef[Any], Any], nnx.split(module))

    def function(weights: Any, images: jax.Array) -> Any:
        copy = nnx.merge(definition, weights)
        copy.set_attributes(deterministic=True, use_running_average=True, training=False, raise_if_not_found=False)
        classes: set[type] = set()
        for path, node in nnx.iter_graph(copy):
            if isinstance(node, nnx.Module):
                object.__setattr__(node, _PATH, "/".join(str(part) for part in path))
                classes.add(type(node))
        with scoped_calls(with_parents(classes), lambda node: getattr(node, _PATH, None)):
            call: Any = copy
            cls: Any = type(module)
            return call(images, **inference_arguments(cls.__call__))

    return Adapted(function, state, type(module).__name__)
