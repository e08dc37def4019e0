"""The two networks of the comparison in plain torch.nn, with jaxviz's weights.

Every network is an `nn.Sequential` of named stages that takes images in [0, 1], [batch, channel, height, width], and
scales them itself. What is rectified is a `Sequential` that ends in a rectifier, so the value before the rectifier,
which is what is climbed, is a module's output too: lucent can hook it, and `truncated` can end there.

`tuned=True` is what someone does who wants speed and knows how: rectifiers in place, batch normalizations folded into
the convolutions, local response normalization without a power. `tuned=False` is what most people write.
"""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from side_by_side.cases import INCEPTION_MODULES, LITE0_STAGES

CLASSES = 1000

# jaxviz's name of a layer -> the module whose output is the layer's value before its rectifier.
MODULE_OF = {
    "inception_4a": "inception_4a.branches",
    "stage5/block2/expand": "stage5_block2.expand.norm",
    "output": "classifier",
}


class Scaling(nn.Module):
    """(images * factor - mean) / deviation."""

    def __init__(self, factor: float, mean: tuple[float, ...], deviation: float) -> None:
        super().__init__()
        self.factor = factor / deviation
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1) / deviation, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return images * self.factor - self.mean


class HalvingPool(nn.Module):
    """Caffe's maximum over 3 x 3 with stride 2: the last window may reach over the edge."""

    def forward(self, values: Tensor) -> Tensor:
        return F.max_pool2d(values, 3, stride=2, ceil_mode=True)


class TunedLocalResponseNorm(nn.Module):
    """nn.LocalResponseNorm(5, 1e-4, 0.75, 1) as a product with a band matrix and two square roots."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        distance = torch.arange(channels)[:, None] - torch.arange(channels)[None, :]
        band = (distance.abs() <= 2).float() * (1e-4 / 5)
        self.register_buffer("band", band[:, :, None, None], persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        root = torch.rsqrt(1.0 + F.conv2d(values.square(), self.band))
        return values * (root * root.sqrt())


class Reduced(nn.Sequential):
    """A 1 x 1 convolution to few channels, its rectifier and a wide convolution."""

    def __init__(self, channels: int, reduced: int, out: int, kernel_size: int, *, tuned: bool) -> None:
        super().__init__(
            OrderedDict(
                reduce=nn.Conv2d(channels, reduced, 1),
                rectifier=nn.ReLU(inplace=tuned),
                conv=nn.Conv2d(reduced, out, kernel_size, padding=kernel_size // 2),
            )
        )


class Branches(nn.Module):
    """Four branches, concatenated, not rectified."""

    def __init__(self, channels: int, widths: tuple[int, ...], *, tuned: bool) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pooled = widths
        self.branch1x1 = nn.Conv2d(channels, one, 1)
        self.branch3x3 = Reduced(channels, reduce3, three, 3, tuned=tuned)
        self.branch5x5 = Reduced(channels, reduce5, five, 5, tuned=tuned)
        self.branch_pool = nn.Conv2d(channels, pooled, 1)

    def forward(self, values: Tensor) -> Tensor:
        pooled = F.max_pool2d(values, 3, stride=1, padding=1)
        parts = [self.branch1x1(values), self.branch3x3(values), self.branch5x5(values), self.branch_pool(pooled)]
        return torch.cat(parts, 1)


class SpatialMean(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return values.mean((2, 3))


def googlenet(weights: Path, *, tuned: bool) -> nn.Sequential:
    """Build BVLC's GoogLeNet from the arrays of the Caffe model."""

    def rectified(conv: nn.Conv2d) -> nn.Sequential:
        return nn.Sequential(OrderedDict(conv=conv, rectifier=nn.ReLU(inplace=tuned)))

    def norm(channels: int) -> nn.Module:
        return TunedLocalResponseNorm(channels) if tuned else nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)

    stages: OrderedDict[str, nn.Module] = OrderedDict(
        scaling=Scaling(255.0, (123.0, 117.0, 104.0), 1.0),
        conv1=rectified(nn.Conv2d(3, 64, 7, stride=2, padding=3)),
        pool1=HalvingPool(),
        norm1=norm(64),
        conv2_reduce=rectified(nn.Conv2d(64, 64, 1)),
        conv2=rectified(nn.Conv2d(64, 192, 3, padding=1)),
        norm2=norm(192),
        pool2=HalvingPool(),
    )
    channels = 192
    for name, widths in INCEPTION_MODULES.items():
        if name in ("inception_4a", "inception_5a"):
            stages[f"pool_before_{name}"] = HalvingPool()
        branches = Branches(channels, widths, tuned=tuned)
        stages[name] = nn.Sequential(OrderedDict(branches=branches, rectifier=nn.ReLU(inplace=tuned)))
        channels = widths[0] + widths[2] + widths[4] + widths[5]
    stages["mean"] = SpatialMean()
    stages["classifier"] = nn.Linear(channels, CLASSES)
    network = nn.Sequential(stages)
    with np.load(weights) as arrays:
        network.load_state_dict(_googlenet_state(arrays))
    return network.eval()


def _googlenet_state(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    modules = {
        "conv1/7x7_s2": "conv1.conv",
        "conv2/3x3_reduce": "conv2_reduce.conv",
        "conv2/3x3": "conv2.conv",
        "loss3/classifier": "classifier",
    }
    parts = {
        "1x1": "branch1x1",
        "3x3_reduce": "branch3x3.reduce",
        "3x3": "branch3x3.conv",
        "5x5_reduce": "branch5x5.reduce",
        "5x5": "branch5x5.conv",
        "pool_proj": "branch_pool",
    }
    for name in INCEPTION_MODULES:
        modules |= {f"{name}/{caffe}": f"{name}.branches.{ours}" for caffe, ours in parts.items()}
    state = {}
    for name, module in modules.items():
        kernel = np.asarray(arrays[f"{name}/kernel"], np.float32)
        if name == "conv1/7x7_s2":
            kernel = kernel[:, :, ::-1]  # Caffe's first kernel takes blue, green, red
        axes = (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
        state[f"{module}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel.transpose(axes)))
        state[f"{module}.bias"] = torch.from_numpy(np.asarray(arrays[f"{name}/bias"], np.float32))
    return state


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's padding "SAME", which is one-sided where the stride is 2 and the size even."""

    def forward(self, values: Tensor) -> Tensor:
        total = [self._total(size) for size in values.shape[2:]]
        if all(padding % 2 == 0 for padding in total):
            padding = [padding // 2 for padding in total]
        else:
            rows, columns = total
            values = F.pad(values, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
            padding = [0, 0]
        return F.conv2d(values, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _total(self, size: int) -> int:
        kernel, stride = self.kernel_size[0], self.stride[0]
        return max((-(-size // stride) - 1) * stride + kernel - size, 0)


def _normalized(
    channels: int,
    out: int,
    kernel_size: int = 1,
    stride: int = 1,
    groups: int = 1,
    *,
    linear: bool = False,
    tuned: bool,
) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv=SameConv2d(channels, out, kernel_size, stride, groups=groups, bias=False),
        norm=nn.BatchNorm2d(out, eps=1e-3),
    )
    if not linear:
        parts["rectifier"] = nn.ReLU6(inplace=tuned)
    return nn.Sequential(parts)


class InvertedResidual(nn.Module):
    """Expand, convolve each channel on its own, project; add the input where the shapes allow."""

    def __init__(self, channels: int, out: int, kernel_size: int, stride: int, expansion: int, *, tuned: bool) -> None:
        super().__init__()
        hidden = channels * expansion
        self.expand = _normalized(channels, hidden, tuned=tuned) if expansion > 1 else nn.Identity()
        self.depthwise = _normalized(hidden, hidden, kernel_size, stride, hidden, tuned=tuned)
        self.project = _normalized(hidden, out, linear=True, tuned=tuned)
        self.has_shortcut = stride == 1 and channels == out

    def forward(self, values: Tensor) -> Tensor:
        projected = self.project(self.depthwise(self.expand(values)))
        return values + projected if self.has_shortcut else projected


def efficientnet_lite0(weights: Path, *, tuned: bool) -> nn.Sequential:
    """Build EfficientNet-Lite0 from the arrays of its checkpoint, as jaxviz's reader returns them."""
    stages: OrderedDict[str, nn.Module] = OrderedDict(
        scaling=Scaling(255.0, (127.0, 127.0, 127.0), 128.0), stem=_normalized(3, 32, 3, 2, tuned=tuned)
    )
    channels = 32
    for number, (blocks, kernel_size, stride, expansion, out) in enumerate(LITE0_STAGES, start=1):
        for block in range(1, blocks + 1):
            stages[f"stage{number}_block{block}"] = InvertedResidual(
                channels, out, kernel_size, stride if block == 1 else 1, expansion, tuned=tuned
            )
            channels = out
    stages["head"] = _normalized(channels, 1280, tuned=tuned)
    stages["mean"] = SpatialMean()
    stages["classifier"] = nn.Linear(1280, CLASSES)
    network = nn.Sequential(stages)
    with np.load(weights) as arrays:
        network.load_state_dict(_lite0_state(arrays))
    network.eval()
    if tuned:
        _fold_norms(network)
    return network


def _lite0_state(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    modules = {"_conv_stem": "stem.conv", "_bn0": "stem.norm", "_conv_head": "head.conv", "_bn1": "head.norm"}
    modules["_fc"] = "classifier"
    blocks = [
        (f"stage{number}_block{block}", expansion)
        for number, (count, _, _, expansion, _) in enumerate(LITE0_STAGES, start=1)
        for block in range(1, count + 1)
    ]
    for index, (path, expansion) in enumerate(blocks):
        parts = ("expand", "depthwise", "project") if expansion > 1 else ("depthwise", "project")
        for norm, part in enumerate(parts, start=3 - len(parts)):
            modules[f"_blocks.{index}._{part}_conv"] = f"{path}.{part}.conv"
            modules[f"_blocks.{index}._bn{norm}"] = f"{path}.{part}.norm"
    state = {}
    for name in arrays:
        module, _, variable = name.rpartition(".")
        state[f"{modules[module]}.{variable}"] = torch.from_numpy(np.array(arrays[name]))
    return state


def _fold_norms(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Sequential) and isinstance(getattr(module, "norm", None), nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()


def build(network: str, weights: Path, *, tuned: bool) -> nn.Sequential:
    """Build a whole network by name."""
    builder = {"googlenet": googlenet, "efficientnet_lite0": efficientnet_lite0}[network]
    return builder(weights, tuned=tuned)


def truncated(network: nn.Sequential, layer: str) -> nn.Sequential:
    """Return the part of a network that ends with a layer's value before its rectifier, weights frozen."""
    path = MODULE_OF[layer].split(".")
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    for name, stage in network.named_children():
        if name == path[0]:
            stages[name] = _first_part(stage, path[1:])
            break
        stages[name] = stage
    return nn.Sequential(stages).requires_grad_(requires_grad=False)


def _first_part(module: nn.Module, path: list[str]) -> nn.Module:
    """Return what of a stage computes the module at a path in it; that path is followed from the stage's input."""
    if not path:
        return module
    if not isinstance(module, nn.Sequential):
        return _first_part(getattr(module, path[0]), path[1:])
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for name, part in module.named_children():
        if name == path[0]:
            parts[name] = _first_part(part, path[1:])
            break
        parts[name] = part
    return nn.Sequential(parts)
