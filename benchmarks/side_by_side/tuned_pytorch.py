"""Feature visualization in PyTorch as someone writes it who wants it fast on a CPU.

The network ends at the climbed layer, its weights are frozen and its convolutions hold the batch normalizations; images
are channels last; all units are one batch; pad, jitter, scale, rotate and jitter are one `grid_sample`; Adam is fused.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from side_by_side.cases import CANVAS_PIXELS, IMAGE_PIXELS, LEARNING_RATE

COLOURS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
COLOURS = COLOURS / COLOURS.norm(dim=0).max()
SCALES = torch.tensor([1 + (step - 5) / 50 for step in range(11)])
DEGREES = torch.tensor([*range(-10, 11), *[0] * 5], dtype=torch.float32)


class Climber:
    """A batch of images, each climbing the mean of one channel.

    Args:
        network: Images [batch, 3, 140, 140] in [0, 1] -> the layer's values [batch, channel, row, column], or logits.
        units: The channel that each image climbs.
    """

    def __init__(self, network: Callable[[Tensor], Tensor], units: list[int]) -> None:
        self.network = network
        self.units = torch.tensor(units)
        self.batch = torch.arange(len(units))
        self.coefficients = (torch.randn(len(units), 3, IMAGE_PIXELS, IMAGE_PIXELS // 2 + 1, 2) * 0.01).requires_grad_()
        self.optimizer = torch.optim.Adam([self.coefficients], lr=LEARNING_RATE, fused=True)
        self.scale = _spectrum_scale(IMAGE_PIXELS)

    def image(self) -> Tensor:
        """Return the images, [batch, 3, height, width] in [0, 1]."""
        free = torch.view_as_complex(self.coefficients * self.scale)
        values = torch.fft.irfft2(free, s=(IMAGE_PIXELS, IMAGE_PIXELS), norm="ortho") / 4
        mixed = torch.matmul(COLOURS, values.flatten(2)).reshape(values.shape)
        return torch.sigmoid(mixed)

    def step(self) -> float:
        """Climb one step and return the mean score."""
        self.optimizer.zero_grad()
        values = self.network(disturbed(self.image()))
        chosen = values[self.batch, self.units]
        scores = chosen if chosen.ndim == 1 else chosen.mean((1, 2))
        (-scores.sum()).backward()
        self.optimizer.step()
        return float(scores.detach().mean())


def disturbed(image: Tensor) -> Tensor:
    """Pad by 12, jitter by 8, scale, rotate, jitter by 4: lucid's transforms, another draw for every image."""
    count = len(image)
    first, second = torch.randint(0, 9, (count, 2, 1)) - 4.0, torch.randint(0, 5, (count, 2, 1)) - 2.0
    factor = SCALES[torch.randint(0, len(SCALES), (count,))]
    angle = DEGREES[torch.randint(0, len(DEGREES), (count,))] * (math.pi / 180)
    cosine, sine = angle.cos() / factor, angle.sin() / factor
    matrix = torch.stack([cosine, -sine, sine, cosine], 1).reshape(count, 2, 2)
    offset = first + matrix @ second
    theta = torch.cat([matrix * (CANVAS_PIXELS / IMAGE_PIXELS), offset * (2 / IMAGE_PIXELS)], 2)
    grid = F.affine_grid(theta, [count, 3, CANVAS_PIXELS, CANVAS_PIXELS], align_corners=False)
    # Zeros outside, so half is taken off before and added after: the border is 0.5.
    moved = F.grid_sample(image - 0.5, grid, align_corners=False) + 0.5
    return moved.contiguous(memory_format=torch.channels_last)


def _spectrum_scale(size: int) -> Tensor:
    rows, columns = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None, :]
    return (1 / torch.hypot(rows, columns).clamp(min=1 / size))[None, None, :, :, None]


def compiled(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the network compiled for the shapes that it sees."""
    return torch.compile(network, dynamic=False)
