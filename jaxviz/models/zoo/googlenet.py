"""GoogLeNet (Inception v1) as a Flax NNX module: BVLC's replication, a classic of feature visualization.

Names follow the Caffe model: `conv1`, `conv2_reduce`, `conv2`, `inception_3a` to `inception_5b`,
`classifier`. An inception module concatenates its branches first and rectifies after: the same numbers as
rectifying each branch, and a channel has the same index before the rectifier and after it.

Shapes are [batch, height, width, channel]. The module takes RGB images from 0 to 255, minus `MEAN_COLOUR`.
(Caffe's model takes BGR; the first kernel is turned around on loading, so that its filters can be looked at
as they are.)

References:
    Szegedy et al. (2014), "Going deeper with convolutions", https://arxiv.org/abs/1409.4842. The weights:
    https://github.com/BVLC/caffe/tree/master/models/bvlc_googlenet.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jaxviz.models.zoo.filling import build_filled

MEAN_COLOUR = (123.0, 117.0, 104.0)
CLASSES = 1000


class InceptionChannels(NamedTuple):
    """Channels of an inception module; its output has the sum of those without 'reduce'."""

    branch1x1: int
    reduce3x3: int
    branch3x3: int
    reduce5x5: int
    branch5x5: int
    branch_pool: int

    @property
    def total(self) -> int:
        """Channels of the concatenation."""
        return self.branch1x1 + self.branch3x3 + self.branch5x5 + self.branch_pool


# Table 1 of the paper.
INCEPTION_MODULES = {
    "inception_3a": InceptionChannels(64, 96, 128, 16, 32, 32),
    "inception_3b": InceptionChannels(128, 128, 192, 32, 96, 64),
    "inception_4a": InceptionChannels(192, 96, 208, 16, 48, 64),
    "inception_4b": InceptionChannels(160, 112, 224, 24, 64, 64),
    "inception_4c": InceptionChannels(128, 128, 256, 24, 64, 64),
    "inception_4d": InceptionChannels(112, 144, 288, 32, 64, 64),
    "inception_4e": InceptionChannels(256, 160, 320, 32, 128, 128),
    "inception_5a": InceptionChannels(256, 160, 320, 32, 128, 128),
    "inception_5b": InceptionChannels(384, 192, 384, 48, 128, 128),
}


class RectifiedConvolution(nnx.Module):
    """A convolution and a ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel_size: int = 1, stride: int = 1, rngs: nnx.Rngs
    ) -> None:
        # Caffe pads both sides alike, which differs from "SAME" where the stride is 2.
        self.conv = nnx.Conv(
            in_channels,
            out_channels,
            (kernel_size, kernel_size),
            strides=stride,
            padding=kernel_size // 2,
            rngs=rngs,
        )

    def __call__(self, values: Float[Array, "batch height width in"]) -> Float[Array, "batch rows columns out"]:
        """Return the rectified convolution."""
        return jax.nn.relu(self.conv(values))


class HalvingPool(nnx.Module):
    """The maximum over 3 x 3 values with stride 2, padded at the end so that each counts, as in Caffe."""

    def __call__(
        self, values: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch rows columns channel"]:
        """Return the pooled values: half the rows and columns, rounded down, and at least one."""
        padding = [(0, 2 * (max(size // 2, 1) - 1) + 3 - size) for size in values.shape[1:3]]
        return _max_pool(values, 2, padding)


class LocalResponseNorm(nnx.Module):
    """Divide by the energy of the five channels around each value: x / (1 + 1e-4 * mean(x ** 2)) ** 0.75.

    References:
        Krizhevsky et al. (2012), "ImageNet classification with deep convolutional neural networks", section
        3.3.
    """

    def __call__(
        self, values: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch height width channel"]:
        """Return the normalized values."""
        window, steps = (1, 1, 1, 5), (1, 1, 1, 1)
        energy = jax.lax.reduce_window(jnp.square(values), 0.0, jax.lax.add, window, steps, "SAME")
        # d ** -0.75 as two square roots: several times faster than a power, in its gradient too.
        root = jax.lax.rsqrt(1.0 + 1e-4 / 5 * energy)
        return values * root * jnp.sqrt(root)


class ReducedBranch(nnx.Module):
    """A 1 x 1 convolution to few channels, a ReLU, and a wide convolution, not rectified."""

    def __init__(
        self, in_channels: int, reduced_channels: int, out_channels: int, *, kernel_size: int, rngs: nnx.Rngs
    ) -> None:
        self.reduce = nnx.Conv(in_channels, reduced_channels, (1, 1), rngs=rngs)
        self.conv = nnx.Conv(reduced_channels, out_channels, (kernel_size, kernel_size), rngs=rngs)

    def __call__(self, values: Float[Array, "batch height width in"]) -> Float[Array, "batch height width out"]:
        """Return the branch's output before the rectifier."""
        return self.conv(jax.nn.relu(self.reduce(values)))


class PooledBranch(nnx.Module):
    """The maximum over 3 x 3 values with stride 1, and a 1 x 1 convolution, not rectified."""

    def __init__(self, in_channels: int, out_channels: int, *, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(in_channels, out_channels, (1, 1), rngs=rngs)

    def __call__(self, values: Float[Array, "batch height width in"]) -> Float[Array, "batch height width out"]:
        """Return the branch's output before the rectifier."""
        return self.conv(_max_pool(values, 1, [(1, 1), (1, 1)]))


class Inception(nnx.Module):
    """Four branches side by side, concatenated in the order of Caffe, and a ReLU."""

    def __init__(self, in_channels: int, channels: InceptionChannels, *, rngs: nnx.Rngs) -> None:
        self.branch1x1 = nnx.Conv(in_channels, channels.branch1x1, (1, 1), rngs=rngs)
        self.branch3x3 = ReducedBranch(in_channels, channels.reduce3x3, channels.branch3x3, kernel_size=3, rngs=rngs)
        self.branch5x5 = ReducedBranch(in_channels, channels.reduce5x5, channels.branch5x5, kernel_size=5, rngs=rngs)
        self.branch_pool = PooledBranch(in_channels, channels.branch_pool, rngs=rngs)

    def __call__(self, values: Float[Array, "batch height width in"]) -> Float[Array, "batch height width out"]:
        """Return the rectified concatenation."""
        branches = (self.branch1x1, self.branch3x3, self.branch5x5, self.branch_pool)
        return jax.nn.relu(jnp.concatenate([branch(values) for branch in branches], axis=-1))


class GoogLeNet(nnx.Module):
    """BVLC GoogLeNet without its auxiliary classifiers: 7 million parameters.

    Example:
        >>> from flax import nnx
        >>> network = nnx.eval_shape(lambda: GoogLeNet(rngs=nnx.Rngs(0)))
        >>> images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
        >>> nnx.eval_shape(lambda network, images: network(images), network, images).shape
        (1, 1000)
    """

    def __init__(self, *, rngs: nnx.Rngs) -> None:
        self.conv1 = RectifiedConvolution(3, 64, kernel_size=7, stride=2, rngs=rngs)
        self.pool1 = HalvingPool()
        self.norm1 = LocalResponseNorm()
        self.conv2_reduce = RectifiedConvolution(64, 64, rngs=rngs)
        self.conv2 = RectifiedConvolution(64, 192, kernel_size=3, rngs=rngs)
        self.norm2 = LocalResponseNorm()
        self.pool2 = HalvingPool()
        in_channels = 192
        for name, channels in INCEPTION_MODULES.items():
            setattr(self, name, Inception(in_channels, channels, rngs=rngs))
            in_channels = channels.total
        self.pool3 = HalvingPool()
        self.pool4 = HalvingPool()
        self.classifier = nnx.Linear(in_channels, CLASSES, rngs=rngs)

    def __call__(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch classes"]:
        """Return the class logits of preprocessed images of any size."""
        values = self.norm1(self.pool1(self.conv1(images)))
        values = self.pool2(self.norm2(self.conv2(self.conv2_reduce(values))))
        pool_before = {"inception_4a": self.pool3, "inception_5a": self.pool4}
        for name in INCEPTION_MODULES:
            if name in pool_before:
                values = pool_before[name](values)
            values = getattr(self, name)(values)
        return self.classifier(jnp.mean(values, axis=(1, 2)))


def _max_pool(values: Array, stride: int, padding: Sequence[tuple[int, int]]) -> Array:
    """Take the maximum over windows of 3 x 3; padding for rows and columns never wins."""
    window, strides, margins = (1, 3, 3, 1), (1, stride, stride, 1), ((0, 0), *padding, (0, 0))
    return jax.lax.reduce_window(values, -jnp.inf, jax.lax.max, window, strides, margins)


def load_pretrained(weights: str | Path) -> GoogLeNet:
    """Build the network from the weights of the Caffe model.

    Args:
        weights: An .npz file with '<Caffe layer>/kernel', [height, width, in, out] or [in, out], and
            '<Caffe layer>/bias' for each layer with weights, e.g. 'inception_3a/3x3_reduce/kernel'.

    Returns:
        The network.

    Raises:
        ValueError: An array is missing, is not known, or has another shape.
    """
    modules = _module_names()
    with np.load(weights) as stored:
        content: dict[str, np.ndarray[Any, Any]] = dict(stored)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, array in content.items():
        caffe_layer, _, variable = name.rpartition("/")
        arrays[f"{modules[caffe_layer]}/{variable}" if caffe_layer in modules else name] = array
    if (first_kernel := arrays.get("conv1/conv/kernel")) is not None:
        arrays["conv1/conv/kernel"] = first_kernel[:, :, ::-1]
    return build_filled(lambda rngs: GoogLeNet(rngs=rngs), arrays, source=f"The file '{weights}'")


def _module_names() -> dict[str, str]:
    """Return the path of each module that has variables, by the name of its layer in Caffe."""
    names = {
        "conv1/7x7_s2": "conv1/conv",
        "conv2/3x3_reduce": "conv2_reduce/conv",
        "conv2/3x3": "conv2/conv",
        "loss3/classifier": "classifier",
    }
    for inception in INCEPTION_MODULES:
        names |= {
            f"{inception}/1x1": f"{inception}/branch1x1",
            f"{inception}/3x3_reduce": f"{inception}/branch3x3/reduce",
            f"{inception}/3x3": f"{inception}/branch3x3/conv",
            f"{inception}/5x5_reduce": f"{inception}/branch5x5/reduce",
            f"{inception}/5x5": f"{inception}/branch5x5/conv",
            f"{inception}/pool_proj": f"{inception}/branch_pool/conv",
        }
    return names
