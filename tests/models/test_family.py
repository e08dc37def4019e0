"""The family of networks that show nothing of it but their equations."""

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import jaxviz


def convolution(groups):
    kernel = jnp.ones((3, 3, 4 // groups, 8))

    def network(images):
        four = jnp.concatenate([images, images[..., :1]], -1)
        return jax.lax.conv_general_dilated(
            four, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups
        )

    return network


def attention(images):
    tokens = images.reshape(images.shape[0], -1, 3)[:, :16]
    weights = jax.nn.softmax(jnp.einsum("bqc,bkc->bqk", tokens, tokens))
    return jnp.einsum("bqk,bkc->bqc", weights, tokens).mean(1)


@pytest.mark.parametrize(
    ("network", "family"),
    [
        (convolution(1), "plain"),
        (convolution(2), "plain"),
        (convolution(4), "depthwise"),
        (attention, "transformer"),
        (lambda images: images.mean((1, 2)) @ jnp.ones((3, 5)), "plain"),
    ],
)
def test_the_family_is_told_from_the_program(network, family):
    assert jaxviz.wrap(network, input_shape=(65, 80, 3)).family == family


@pytest.mark.parametrize("shape", [(64, 200, 3), (28, 28, 1)])
def test_small_images_are_a_family_of_their_own_whatever_the_network(shape):
    assert jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=shape).family == "tiny"


def test_modules_of_every_framework_have_a_family():
    linen = nn.Conv(6, (3, 3), feature_group_count=3)
    variables = linen.init(jax.random.key(0), jnp.zeros((1, 70, 70, 3)))
    assert jaxviz.wrap(linen, variables=variables, input_shape=(70, 70, 3)).family == "depthwise"
    normed = nnx.Sequential(nnx.Conv(3, 4, (3, 3), rngs=nnx.Rngs(0)), nnx.BatchNorm(4, rngs=nnx.Rngs(0)))
    assert jaxviz.wrap(normed, input_shape=(70, 70, 3)).family == "plain"
    heads = eqx.nn.MultiheadAttention(1, 3, key=jax.random.key(0))

    class Tokens(eqx.Module):
        heads: eqx.nn.MultiheadAttention

        def __call__(self, image):
            tokens = image.reshape(3, -1).T[:20]
            return self.heads(tokens, tokens, tokens).mean(0)

    assert jaxviz.wrap(Tokens(heads), input_shape=(70, 70, 3)).family == "transformer"


def test_the_default_network_has_depthwise_convolutions():
    assert jaxviz.load().family == "depthwise"
