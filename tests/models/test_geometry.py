"""Receptive fields from the program agree with where the gradient of one position really is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxviz

HEIGHT, WIDTH = 41, 46


def layer_of(function, name):
    return jaxviz.wrap(function, input_shape=(HEIGHT, WIDTH, 1)).layers[name]


def probed(function, name, row, column):
    """Return first and last input row and column with a gradient from one position of a layer, by brute force."""
    model = jaxviz.wrap(function, input_shape=(HEIGHT, WIDTH, 1))
    network = model.network((HEIGHT, WIDTH, 1), 1)
    layer = model.layers[name]
    wanted = network.wanted(layer, rectified=True)

    def one(images):
        known = dict(zip(network.program.weight_values, model.weights, strict=True))
        values = network.program.evaluate(known | {network.program.image_value: images}, wanted)
        activations = network.read(dict(zip(wanted, values, strict=True)), layer, rectified=True)
        return activations[0, row, column].sum()

    # A positive image and positive kernels, so that no path is cut or cancels another.
    image = 1 + jax.random.uniform(jax.random.key(0), (1, HEIGHT, WIDTH, 1))
    rows, columns = np.nonzero(np.asarray(jax.grad(one)(image))[0, :, :, 0])
    return rows.min(), rows.max(), columns.min(), columns.max()


def assert_fits(function, name, *, exact=True):
    layer = layer_of(function, name)
    row, column = layer.shape[0] // 2, layer.shape[1] // 2
    found = probed(function, name, row, column)
    expected = []
    for position, size, stride, offset, extent in zip(
        (row, column), layer.receptive_field, layer.stride, layer.offset, (HEIGHT, WIDTH), strict=True
    ):
        first = offset + position * stride
        expected += [max(first, 0), min(first + size - 1, extent - 1)]
    if exact:
        assert tuple(expected) == found
    else:
        assert expected[0] <= found[0] <= found[1] <= expected[1]


def conv(images, extents, strides, padding, dilation, zoom=(1, 1)):
    return jax.lax.conv_general_dilated(
        images,
        jnp.ones((*extents, images.shape[-1], 2)),
        strides,
        padding,
        lhs_dilation=zoom,
        rhs_dilation=dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(pairs, pairs, st.sampled_from(["SAME", "VALID", ((2, 0), (1, 3))]), pairs), min_size=1, max_size=3
    )
)
def test_the_field_of_stacked_convolutions_is_where_their_gradient_is(settings_of_layers):
    def stack(images):
        for extents, strides, padding, dilation in settings_of_layers:
            # A window of 1 that is strided skips pixels, so its field has holes: keep windows wider than strides.
            strides = tuple(min(stride, extent) for stride, extent in zip(strides, extents, strict=True))
            dilation = tuple(1 if stride > 1 else rate for stride, rate in zip(strides, dilation, strict=True))
            images = conv(images, extents, strides, padding, dilation)
        with jax.named_scope("last"):
            return images * 2.0

    layer = layer_of(stack, "last")
    if min(layer.shape[:2]) > 0:
        assert_fits(stack, "last")


def test_the_field_of_pooling_branches_and_concatenation_covers_all_branches():
    def branches(images):
        pooled = jax.lax.reduce_window(images, -jnp.inf, jax.lax.max, (1, 3, 2, 1), (1, 2, 2, 1), "SAME")
        wide = jax.lax.reduce_window(images, 0.0, jax.lax.add, (1, 7, 3, 1), (1, 2, 2, 1), "SAME")
        return jnp.concatenate([conv(pooled, (1, 3), (1, 1), "SAME", (1, 1)), wide], -1)

    assert_fits(branches, "average_pool")
    layer = layer_of(branches, "concatenate")
    assert layer.receptive_field == (7, 6)
    assert layer.stride == (2, 2)


def test_the_field_follows_padding_cropping_and_a_strided_slice():
    def cut(images):
        padded = jnp.pad(images, ((0, 0), (2, 1), (0, 3), (0, 0)))
        return conv(padded[:, 1::3, 2:-1:2], (3, 3), (1, 1), "VALID", (1, 1))

    assert_fits(cut, "conv")


def test_a_transposed_convolution_halves_the_stride():
    def up(images):
        return conv(images, (4, 4), (1, 1), ((2, 2), (2, 2)), (1, 1), zoom=(2, 2))

    layer = layer_of(up, "conv")
    assert layer.stride == (0.5, 0.5)
    assert_fits(up, "conv", exact=False)


def test_a_global_mean_and_a_dense_layer_see_the_whole_image():
    def network(images):
        pooled = conv(images, (3, 3), (2, 2), "SAME", (1, 1)).mean((1, 2))
        return pooled @ jnp.ones((2, 5))

    for name in ("mean", "dense"):
        layer = layer_of(network, name)
        assert layer.receptive_field == (HEIGHT, WIDTH)
        assert layer.stride == (None, None)


def test_a_reshape_of_nothing_is_passed_over():
    def network(images):
        nothing = images[:, :0].reshape(len(images), -1)
        return jnp.concatenate([nothing, conv(images, (3, 3), (2, 2), "SAME", (1, 1)).mean((1, 2))], -1)

    assert layer_of(network, "conv").receptive_field == (3, 3)


def test_tokens_of_patches_see_their_patch_until_attention_mixes_them():
    def transformer(images):
        tokens = conv(images[:, :40, :40], (8, 8), (8, 8), "VALID", (1, 1)).reshape(images.shape[0], -1, 2)
        with jax.named_scope("tokens"):
            tokens = tokens * 2.0
        weights = jax.nn.softmax(jnp.einsum("bqc,bkc->bqk", tokens, tokens))
        with jax.named_scope("mixed"):
            return jnp.einsum("bqk,bkc->bqc", weights, tokens)

    assert layer_of(transformer, "tokens").receptive_field == (8, 8)
    assert layer_of(transformer, "mixed").receptive_field == (HEIGHT, WIDTH)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_flip_or_a_running_sum_along_an_axis_is_taken_to_see_everything(axis):
    def mixing(images):
        with jax.named_scope("mixed"):
            return jnp.cumsum(images, axis) if axis == 1 else jnp.flip(images, axis)

    assert layer_of(mixing, "mixed").receptive_field == (HEIGHT, WIDTH)
