"""Files of weights that every system can read."""

from pathlib import Path

import numpy as np

from jaxviz.models.zoo.efficientnet_lite0 import packaged_checkpoint
from jaxviz.models.zoo.torch_checkpoint import read_state_dict
from side_by_side.cases import INCEPTION_MODULES


def lite0_file(folder: Path) -> Path:
    """Store EfficientNet-Lite0's checkpoint, read by jaxviz's own reader, as an .npz file."""
    path = folder / "efficientnet_lite0.npz"
    np.savez(path, **read_state_dict(packaged_checkpoint()))
    return path


def random_googlenet_file(folder: Path) -> Path:
    """Store random weights under the names of the Caffe model: speed does not ask what they are."""
    path = folder / "googlenet_random.npz"
    generator = np.random.default_rng(0)
    arrays = {}
    for name, shape in _googlenet_kernels().items():
        deviation = np.sqrt(2 / np.prod(shape[:-1]))
        arrays[f"{name}/kernel"] = (deviation * generator.standard_normal(shape)).astype(np.float32)
        arrays[f"{name}/bias"] = np.zeros(shape[-1], np.float32)
    np.savez(path, **arrays)
    return path


def _googlenet_kernels() -> dict[str, tuple[int, ...]]:
    kernels: dict[str, tuple[int, ...]] = {
        "conv1/7x7_s2": (7, 7, 3, 64),
        "conv2/3x3_reduce": (1, 1, 64, 64),
        "conv2/3x3": (3, 3, 64, 192),
    }
    channels = 192
    for name, (one, reduce3, three, reduce5, five, pooled) in INCEPTION_MODULES.items():
        kernels |= {
            f"{name}/1x1": (1, 1, channels, one),
            f"{name}/3x3_reduce": (1, 1, channels, reduce3),
            f"{name}/3x3": (3, 3, reduce3, three),
            f"{name}/5x5_reduce": (1, 1, channels, reduce5),
            f"{name}/5x5": (5, 5, reduce5, five),
            f"{name}/pool_proj": (1, 1, channels, pooled),
        }
        channels = one + three + five + pooled
    return kernels | {"loss3/classifier": (channels, 1000)}
