import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxviz.models.zoo.filling import build_filled

ARRAYS = {
    "conv/kernel": np.arange(6, dtype=np.float16).reshape(1, 1, 3, 2),
    "norm/scale": np.array([2.0, 3.0]),
    "norm/bias": np.array([1, -1]),
    "norm/mean": np.array([0.0, 1.0]),
    "norm/var": np.array([4.0, 9.0]),
}


class Block(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 2, (1, 1), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(2, use_running_average=True, epsilon=0.0, rngs=rngs)

    def __call__(self, images):
        return self.norm(self.conv(images))


@pytest.mark.smoke
def test_every_variable_holds_its_array_in_float32():
    block = build_filled(Block, ARRAYS, source="The file")
    images = np.random.default_rng(0).random((2, 5, 3, 3), np.float32)
    convolved = images @ ARRAYS["conv/kernel"][0, 0].astype(np.float32)
    expected = (convolved - ARRAYS["norm/mean"]) / np.sqrt(ARRAYS["norm/var"]) * [2, 3] + [1, -1]
    np.testing.assert_allclose(block(images), expected, rtol=1e-5)
    assert all(variable.dtype == jnp.float32 for variable in nnx.to_flat_state(nnx.state(block)).leaves)


def test_a_missing_an_unknown_and_a_misshapen_array_are_errors_that_name_it():
    without = {name: array for name, array in ARRAYS.items() if name != "norm/var"}
    with pytest.raises(ValueError, match=r"The file lacks 'norm/var'\."):
        build_filled(Block, without, source="The file")
    with pytest.raises(ValueError, match="lacks 'conv/kernel', 'norm/bias', 'norm/mean' and 2 more"):
        build_filled(Block, {}, source="The file")
    with pytest.raises(ValueError, match="The file holds 'dense/bias', which the network does not have"):
        build_filled(Block, {**ARRAYS, "dense/bias": np.zeros(1)}, source="The file")
    with pytest.raises(ValueError, match=r"gives 'norm/mean' the shape \(3,\); the network has \(2,\)"):
        build_filled(Block, {**ARRAYS, "norm/mean": np.zeros(3)}, source="The file")
