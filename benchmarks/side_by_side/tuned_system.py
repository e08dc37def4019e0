"""Hand-tuned PyTorch: see tuned_pytorch.py for what is tuned."""

import importlib.metadata
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from side_by_side import torch_models
from side_by_side.cases import THREADS, Case
from side_by_side.tuned_pytorch import Climber, compiled

# Of more units than this, batches of this size are tried beside one batch of all.
BATCH = 16


class TunedPyTorch:
    """A truncated network and climbers on it, as written or through `torch.compile`.

    Args:
        weights: A file for each network.
    """

    def __init__(self, weights: dict[str, Path]) -> None:
        torch.set_num_threads(THREADS)
        self._weights = weights
        self._networks: dict[tuple[str, str, bool], Callable[[Tensor], Tensor]] = {}
        self._climbers: dict[tuple[Case, bool], list[Climber]] = {}

    def versions(self) -> dict[str, str]:
        return {"torch": importlib.metadata.version("torch")}

    def values(self, case: Case, images: np.ndarray) -> np.ndarray:
        """Return the layer's value before its rectifier for images [batch, height, width, 3]."""
        with torch.no_grad():
            values = self._network(case, compile_it=False)(torch.from_numpy(images).permute(0, 3, 1, 2))
        return values.movedim(1, -1).contiguous().numpy()

    def score(self, case: Case, image: np.ndarray) -> float:
        """Return what the first unit's objective gives for an undisturbed image [height, width, 3]."""
        return float(self.values(case, image[None])[..., 0].mean())

    def picture(self, case: Case, steps: int) -> np.ndarray:
        """Return the image of the first unit after some steps, [height, width, 3] in [0, 1]."""
        climber = Climber(self._network(case, compile_it=False), [0])
        for _ in range(steps):
            climber.step()
        return climber.image()[0].detach().permute(1, 2, 0).numpy()

    def prepare(self, case: Case, steps: int, *, compile_it: bool) -> str:
        """Compile if wanted, and find out whether one batch or several small ones are faster; say which, if asked."""
        network = self._network(case, compile_it=compile_it)
        sizes = [case.units, BATCH] if case.units > BATCH else [case.units]
        seconds = {}
        for size in sizes if not compile_it else sizes[-1:]:
            self._climbers[case, compile_it] = _climbers(network, case.units, size)
            self.run(case, 1, compile_it=compile_it)
            seconds[size] = self.run(case, steps, compile_it=compile_it)
        size = min(seconds, key=seconds.__getitem__)
        self._climbers[case, compile_it] = _climbers(network, case.units, size)
        return f"climbed in batches of {size}" if len(sizes) > 1 else ""

    def run(self, case: Case, steps: int, *, compile_it: bool) -> float:
        """Return seconds a step."""
        climbers = self._climbers[case, compile_it]
        began = time.perf_counter()
        for climber in climbers:
            for _ in range(steps):
                climber.step()
        return (time.perf_counter() - began) / steps

    def read(self, network: str, images: np.ndarray, *, compile_it: bool) -> float:
        """Return the seconds that the class logits of images [batch, height, width, 3] take."""
        read = self._network(Case(network, "output", 1), compile_it=compile_it)
        began = time.perf_counter()
        with torch.inference_mode():
            read(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)).numpy()
        return time.perf_counter() - began

    def _network(self, case: Case, *, compile_it: bool) -> Callable[[Tensor], Tensor]:
        identity = (case.network, case.layer, compile_it)
        if identity not in self._networks:
            whole = torch_models.build(case.network, self._weights[case.network], tuned=True)
            network: nn.Module = torch_models.truncated(whole, case.layer).to(memory_format=torch.channels_last)
            self._networks[identity] = compiled(network) if compile_it else network
        return self._networks[identity]


def _climbers(network: Callable[[Tensor], Tensor], units: int, size: int) -> list[Climber]:
    return [Climber(network, list(range(first, min(first + size, units)))) for first in range(0, units, size)]
