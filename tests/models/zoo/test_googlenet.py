import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from filled_modules import filled
from flax import nnx

from jaxviz.models import zoo
from jaxviz.models.zoo import googlenet
from jaxviz.models.zoo.googlenet import (
    GoogLeNet,
    HalvingPool,
    Inception,
    InceptionChannels,
    LocalResponseNorm,
)

CAFFE_LAYERS = googlenet._module_names()


def caffe_arrays():
    """Random arrays of the Caffe model: each uniform, with the variance that keeps activations in range."""
    network = nnx.eval_shape(lambda: GoogLeNet(rngs=nnx.Rngs(0)))
    shapes = {}
    for caffe_layer, path in CAFFE_LAYERS.items():
        module = network
        for part in path.split("/"):
            module = getattr(module, part)
        shapes[f"{caffe_layer}/kernel"] = module.kernel.shape
        shapes[f"{caffe_layer}/bias"] = module.bias.shape
    generator = np.random.default_rng(1)
    arrays = {}
    for name in sorted(shapes):
        inputs = np.prod(shapes[name][:-1]) if name.endswith("kernel") else 100
        arrays[name] = ((generator.random(shapes[name]) - 0.5) * np.sqrt(24 / inputs)).astype(np.float32)
    return arrays


@pytest.fixture(scope="module")
def arrays():
    return caffe_arrays()


@pytest.fixture(scope="module")
def weights(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "googlenet.npz"
    np.savez(path, **arrays)
    return path


def test_logits_equal_those_that_pytorch_computes_from_the_same_arrays(weights):
    images = np.random.default_rng(0).random((1, 45, 62, 3)).astype(np.float32)
    logits = zoo.load("googlenet", weights=weights).predict(images)[0]
    expected = [18.59976, 51.63743, 22.67358, -60.86851, 128.06795]
    np.testing.assert_allclose(logits[[0, 1, 500, 999, 807]], expected, rtol=1e-3)
    assert logits.argmax() == 807


def test_the_first_kernel_is_turned_from_bgr_to_rgb(arrays, weights):
    kernel = googlenet.load_pretrained(weights).conv1.conv.kernel[...]
    np.testing.assert_array_equal(kernel[:, :, 0], arrays["conv1/7x7_s2/kernel"][:, :, 2])


def test_a_missing_and_an_unknown_array_are_errors_that_name_it(arrays, tmp_path):
    path = tmp_path / "broken.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if name != "inception_4a/3x3_reduce/bias"})
    with pytest.raises(ValueError, match=r"broken.npz' lacks 'inception_4a/branch3x3/reduce/bias'"):
        googlenet.load_pretrained(path)
    np.savez(path, **arrays, **{"loss1/classifier/bias": np.zeros(3)})
    with pytest.raises(ValueError, match="holds 'loss1/classifier/bias'"):
        googlenet.load_pretrained(path)


def test_without_weights_the_error_says_where_they_come_from():
    with pytest.raises(ValueError, match=r"weights='googlenet.npz'.*bvlc_googlenet.caffemodel"):
        zoo.load("googlenet")


def test_it_has_the_published_number_of_parameters():
    network = nnx.eval_shape(lambda: GoogLeNet(rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network))) == 6_998_552


@pytest.mark.parametrize("shape", [(8, 8), (9, 31), (224, 225)])
def test_images_of_any_size_have_a_logit_for_each_class(shape):
    network = nnx.eval_shape(lambda: GoogLeNet(rngs=nnx.Rngs(0)))
    images = jax.ShapeDtypeStruct((2, *shape, 3), np.float32)
    logits = nnx.eval_shape(lambda network, images: network(images), network, images)
    assert logits.shape == (2, 1000)


@pytest.mark.parametrize(("height", "width"), [(1, 2), (2, 1), (3, 4), (5, 8), (112, 7)])
def test_the_halving_pool_counts_every_value_and_no_padding(height, width):
    values = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype(np.float32) - 10
    rows, columns = max(height // 2, 1), max(width // 2, 1)
    expected = np.empty((2, rows, columns, 3), np.float32)
    for row, column in itertools.product(range(rows), range(columns)):
        window = values[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        expected[:, row, column] = window.max(axis=(1, 2))
    assert 2 * (rows - 1) + 3 >= height
    for function in (HalvingPool(), jax.jit(HalvingPool())):
        np.testing.assert_array_equal(function(jnp.asarray(values)), expected)


def test_the_response_norm_divides_by_the_energy_of_five_channels():
    values = np.random.default_rng(0).normal(scale=100, size=(2, 3, 1, 7)).astype(np.float32)
    expected = np.empty_like(values)
    for channel in range(7):
        energy = np.sum(values[..., max(channel - 2, 0) : channel + 3] ** 2, axis=-1)
        expected[..., channel] = values[..., channel] / (1 + 1e-4 / 5 * energy) ** 0.75
    for function in (LocalResponseNorm(), jax.jit(LocalResponseNorm())):
        np.testing.assert_allclose(function(jnp.asarray(values)), expected, rtol=1e-5)


def test_an_inception_module_concatenates_its_branches_in_order_and_rectifies():
    channels = InceptionChannels(2, 3, 4, 1, 3, 1)
    module = filled(lambda rngs: Inception(5, channels, rngs=rngs))

    @nnx.jit
    def run(module, values):
        branches = (module.branch1x1, module.branch3x3, module.branch5x5, module.branch_pool)
        return module(values), [jax.nn.relu(branch(values)) for branch in branches]

    values = np.random.default_rng(0).normal(size=(1, 4, 3, 5)).astype(np.float32)
    whole, parts = run(module, jnp.asarray(values))
    assert [part.shape[-1] for part in parts] == [2, 4, 3, 1]
    assert channels.total == 10
    np.testing.assert_allclose(whole, np.concatenate(parts, axis=-1), rtol=1e-6)
