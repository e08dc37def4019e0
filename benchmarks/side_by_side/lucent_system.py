"""lucent (torch-lucent), the PyTorch port of lucid, called as its README calls it."""

import importlib.metadata
import sys
import time
import types
from pathlib import Path

import numpy as np
import torch
from torch import nn

from side_by_side import torch_models
from side_by_side.cases import CANVAS_PIXELS, IMAGE_PIXELS, THREADS, Case


def _stand_in_for_torchvision() -> None:
    """Make lucent importable: it imports torchvision for `Normalize`, which `preprocess=False` never calls."""

    class Normalize:
        def __init__(self, **_: object) -> None:
            raise NotImplementedError("the networks of this benchmark scale their images themselves")

    package, transforms = types.ModuleType("torchvision"), types.ModuleType("torchvision.transforms")
    transforms.Normalize = Normalize
    package.transforms = transforms
    sys.modules |= {"torchvision": package, "torchvision.transforms": transforms}


_stand_in_for_torchvision()

from lucent.optvis import objectives, param, render  # noqa: E402


class Lucent:
    """`render_vis` on the whole network, with lucent's own transforms.

    It runs the network to its end whatever layer is climbed, and enlarges what the network sees to 224 pixels unless
    told otherwise. Many units are climbed in its own way: `param.image(batch=units)` and a sum of objectives, each of
    which reads one image of the batch.

    Args:
        weights: A file for each network.
    """

    def __init__(self, weights: dict[str, Path]) -> None:
        torch.set_num_threads(THREADS)
        self._weights = weights
        self._networks: dict[str, nn.Sequential] = {}

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("torch-lucent", "kornia")}

    def values(self, case: Case, images: np.ndarray) -> np.ndarray:
        """Return the layer's value before its rectifier for images [batch, height, width, 3]."""
        network = self._network(case.network, eased=False)
        kept: list[torch.Tensor] = []
        hook = network.get_submodule(torch_models.MODULE_OF[case.layer]).register_forward_hook(
            lambda _module, _inputs, output: kept.append(output)
        )
        with torch.no_grad():
            network(torch.from_numpy(images).permute(0, 3, 1, 2))
        hook.remove()
        return kept[0].movedim(1, -1).numpy()

    def picture(self, case: Case, steps: int) -> np.ndarray:
        """Return the image of the first unit after some steps, [height, width, 3] in [0, 1]."""
        return self._render(case, steps, eased=False)[0]

    def prepare(self, case: Case, steps: int, *, eased: bool) -> str:
        """Make steps, so that all memory has been asked for once."""
        self._render(case, steps, eased=eased)
        return ""

    def run(self, case: Case, steps: int, *, eased: bool) -> float:
        """Return seconds a step.

        Args:
            case: What to climb.
            steps: How far.
            eased: Whether the network sees the canvas as it is and its weights are frozen, which lucent does not do
                by itself, or all is as its README has it.
        """
        self._network(case.network, eased=eased)
        began = time.perf_counter()
        self._render(case, steps, eased=eased)
        return (time.perf_counter() - began) / steps

    def _render(self, case: Case, steps: int, *, eased: bool) -> np.ndarray:
        network = self._network(case.network, eased=eased)
        layer = torch_models.MODULE_OF[case.layer].replace(".", "_")
        if case.units == 1:
            objective = objectives.channel(layer, 0)
        else:
            each = [objectives.channel(layer, unit, batch=unit) for unit in range(case.units)]
            objective = objectives.Objective.sum(each)
        images = render.render_vis(
            network,
            objective,
            lambda: param.image(IMAGE_PIXELS, batch=case.units),
            thresholds=(steps,),
            preprocess=False,
            progress=False,
            show_image=False,
            fixed_image_size=CANVAS_PIXELS if eased else None,
        )
        self._forget(network)
        return images[0]

    def _network(self, name: str, *, eased: bool) -> nn.Sequential:
        if name not in self._networks:
            self._networks[name] = torch_models.build(name, self._weights[name], tuned=False)
        return self._networks[name].requires_grad_(not eased)

    def _forget(self, network: nn.Module) -> None:
        """Take off the hooks that lucent leaves behind, or every call would be slower than the one before."""
        for module in network.modules():
            module._forward_hooks.clear()
        network.zero_grad(set_to_none=True)
