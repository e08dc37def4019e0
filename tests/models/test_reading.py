"""Activations are read by the faster equivalents by which pictures are climbed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxviz
from jaxviz.evidence import scores

KERNELS = np.random.default_rng(3).normal(size=(3, 3, 1, 6)).astype(np.float32)


def depthwise(images):
    return jax.lax.conv_general_dilated(
        images, KERNELS, (2, 2), "SAME", feature_group_count=3, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def network(images):
    hidden = jax.nn.relu(depthwise(images))
    hidden = nn.max_pool(hidden, (3, 3), (2, 2), "SAME") + nn.avg_pool(hidden, (3, 3), (2, 2), "SAME")
    hidden = hidden / (1 + hidden**2) ** 0.75
    return hidden.mean((1, 2)) @ jnp.asarray(KERNELS.reshape(6, 9))


@pytest.fixture(params=[(9, 12), (16, 7)], ids=str)
def model(request):
    return jaxviz.wrap(network, input_shape=(*request.param, 3))


def images(model, count, seed=0):
    return np.random.default_rng(seed).random((count, *model.input_shape), np.float32)


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_every_layer_is_the_same_by_equivalents_and_by_xla(model, batch_size):
    shown = images(model, 3)
    found = model.activations(shown, "*", batch_size=batch_size)
    expected = model.activations(shown, "*", batch_size=batch_size, lowering="xla")
    assert found.keys() == expected.keys() == set(model.layers.names)
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(model.predict(shown), network(shown), rtol=1e-5, atol=1e-5)


def program(model, lowering):
    network = model.network(model.input_shape, 2)
    read = network.compiled(((model.layers["output"], True),), lowering)
    return read.lower(model.weights, images(model, 2)).as_text()


def test_a_grouped_convolution_is_left_to_xla_only_where_that_is_asked_for(model):
    # XLA's depthwise convolution takes a CPU a dozen times as long: whole data sets are read through this.
    assert "feature_group_count = 3" in program(model, "xla")
    assert "feature_group_count = 3" not in program(model, "auto")


def test_scores_of_images_agree_with_activations_read_as_they_are(model):
    shown = images(model, 2)
    found = scores(model, [jaxviz.channel("output", 4)], shown)
    np.testing.assert_allclose(found[0], model.predict(shown, lowering="xla")[:, 4], rtol=1e-5, atol=1e-6)


def test_a_model_that_counts_in_whole_numbers_is_read_as_it_is():
    def counting(images):
        levels = (images * 255).astype(jnp.int32)
        return jax.lax.reduce_window(levels, -(2**31), jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME").mean((1, 2))

    model = jaxviz.wrap(counting, input_shape=(5, 8, 3))
    shown = images(model, 2)
    np.testing.assert_array_equal(model.predict(shown), model.predict(shown, lowering="xla"))


def test_a_lowering_that_there_is_not_is_refused(model):
    with pytest.raises(ValueError, match="lowering is 'fast'; it must be 'auto'"):
        model.predict(images(model, 1), lowering="fast")


def test_a_sum_over_windows_is_left_to_xla_and_a_maximum_is_not(model):
    # As taps, a sum recomputes for each of them what it reads; a climb gains that back by its gradient.
    assert program(model, "xla").count("stablehlo.reduce_window") == 2
    assert program(model, "auto").count("stablehlo.reduce_window") == 1
