"""Make small modules for tests."""

import numpy as np
from flax import nnx, traverse_util

from jaxviz.models.zoo.filling import build_filled


def filled(create, **changed):
    """A small module with random variables, some of them given, made without compiling anything."""
    state = nnx.to_pure_dict(nnx.state(nnx.eval_shape(lambda: create(nnx.Rngs(0)))))
    shapes = {name: variable.shape for name, variable in traverse_util.flatten_dict(state, sep="/").items()}
    generator = np.random.default_rng(0)
    arrays = {name: generator.random(shape) for name, shape in shapes.items()}
    return build_filled(create, arrays | changed, source="The test")
