"""Tiny models of every framework, each with a known structure."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx


class ConvBlock(nnx.Module):
    """Convolution, normalization, rectifier, dropout."""

    def __init__(self, inputs, outputs, *, rngs, strides=1):
        self.conv = nnx.Conv(inputs, outputs, (3, 3), strides=strides, rngs=rngs)
        self.norm = nnx.BatchNorm(outputs, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, images):
        return self.dropout(nnx.relu(self.norm(self.conv(images))))


class ResidualNet(nnx.Module):
    """Branches, a module called twice, a softmax at the end."""

    def __init__(self, *, rngs):
        self.stem = ConvBlock(3, 8, rngs=rngs, strides=2)
        self.blocks = nnx.List([ConvBlock(8, 8, rngs=rngs), ConvBlock(8, 8, rngs=rngs)])
        self.shared = nnx.Conv(8, 8, (1, 1), rngs=rngs)
        self.head = nnx.Linear(8, 10, rngs=rngs)

    def __call__(self, images):
        hidden = self.stem(images)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        hidden = self.shared(self.shared(hidden))
        hidden = nnx.max_pool(hidden, (3, 3), (2, 2), "SAME")
        return nnx.softmax(self.head(hidden.mean((1, 2))))


class ScannedNet(nnx.Module):
    """Three stacked blocks run by `nnx.scan` under `nnx.remat`; two outputs in a dictionary."""

    def __init__(self, *, rngs):
        @nnx.split_rngs(splits=3)
        @nnx.vmap(in_axes=(0,), out_axes=0)
        def make(rngs):
            return ConvBlock(8, 8, rngs=rngs)

        self.stem = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.blocks = make(rngs)

    def __call__(self, images):
        hidden = self.stem(images)

        @nnx.scan(in_axes=(0, nnx.Carry), out_axes=nnx.Carry)
        def run(block, hidden):
            return nnx.remat(lambda block, hidden: block(hidden))(block, hidden)

        return {"features": run(self.blocks, hidden), "pooled": hidden.mean((1, 2))}


class LinenBlock(nn.Module):
    """A bfloat16 convolution, normalization in the mode it is told, gelu, dropout."""

    features: int

    @nn.compact
    def __call__(self, images, train=True):
        hidden = nn.Conv(self.features, (3, 3), dtype=jnp.bfloat16)(images)
        hidden = nn.BatchNorm(use_running_average=not train)(hidden)
        return nn.Dropout(0.5, deterministic=not train)(nn.gelu(hidden))


class LinenTurn(nn.Module):
    """One turn of a scan over layers."""

    @nn.compact
    def __call__(self, hidden, _):
        return nn.relu(nn.Conv(8, (3, 3))(hidden)), None


class LinenNet(nn.Module):
    """A residual sum, a rematerialized block and a scan over layers."""

    @nn.compact
    def __call__(self, images, train=True):
        hidden = LinenBlock(8, name="stem")(images, train)
        hidden = hidden + nn.remat(LinenBlock, static_argnums=(2,))(8, name="again")(hidden, train)
        stack = nn.scan(
            LinenTurn, variable_axes={"params": 0}, split_rngs={"params": True}, in_axes=nn.broadcast, length=2
        )
        hidden, _ = stack(name="stack")(hidden, None)
        return nn.Dense(4)(hidden.reshape(hidden.shape[0], -1))


class EquinoxNet(eqx.Module):
    """A list of layers with a function among them, and a residual 1x1 convolution."""

    layers: list
    skip: eqx.nn.Conv2d

    def __init__(self, key):
        first, second, third = jax.random.split(key, 3)
        self.layers = [
            eqx.nn.Conv2d(3, 6, 3, padding=1, key=first),
            jax.nn.relu,
            eqx.nn.MaxPool2d(2, 2),
            eqx.nn.Conv2d(6, 6, 3, key=second),
        ]
        self.skip = eqx.nn.Conv2d(6, 6, 1, key=third)

    def __call__(self, image, *, key=None):
        for layer in self.layers:
            image = layer(image)
        return (image + self.skip(image)).mean((1, 2))


@pytest.fixture
def images():
    """Five images of 9 by 12 pixels."""
    return np.random.default_rng(0).random((5, 9, 12, 3), np.float32)


@pytest.fixture
def residual_net():
    return ResidualNet(rngs=nnx.Rngs(0))


@pytest.fixture
def scanned_net():
    return ScannedNet(rngs=nnx.Rngs(0))


@pytest.fixture
def linen_net():
    module = LinenNet()
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    return module, module.init(keys, jnp.zeros((1, 9, 12, 3)))


@pytest.fixture
def equinox_net():
    return EquinoxNet(jax.random.key(0))
