"""How many lanes a climb gets: from the number of units and the memory that is there, never by crashing."""

import itertools
import math
from collections.abc import Sequence
from typing import cast

import jax
import psutil

from jaxviz.models import Network

# Lanes of a device, each number a multiple of the smaller ones. Any of them gives the same bits: the lowerings and the
# compiler options see to it (docs/performance.md).
_CPU_LANES = (1, 2, 4, 8, 16)
_ACCELERATOR_LANES = (4, 8, 16, 32, 64, 128, 256)

# On a CPU a few lanes make many steps before the next few begin: what they work on stays in the caches, which was 11 to
# 13 % faster than 16 lanes a step, and takes a quarter of the memory.
_CPU_LANES_TOGETHER = 4

# What is watched has to move: on a CPU 8 images a step cost as little an image as 16 and take half the time, and a
# single unit with its negative takes a fifth of that again.
_CPU_LIVE_LANES = (2, 8)
_ACCELERATOR_LIVE_LANES = (4, 64)

# Views of an image beyond these are evaluated one group after the other, so that many views of one unit take no more
# memory than many units do.
_CPU_VIEWS = 8
_ACCELERATOR_VIEWS = 32

# Backward needs every value of the forward pass and about as much again for gradients on their way.
_BYTES_PER_FORWARD_BYTE = 2.5
_SHARE_OF_FREE_MEMORY = 0.5


def choices() -> tuple[int, ...]:
    """Return the numbers of lanes that are used on this backend, rising."""
    return _CPU_LANES if jax.default_backend() == "cpu" else _ACCELERATOR_LANES


def wished_lanes(units: int) -> int:
    """Return the smallest number of lanes that holds all units at once, or else the largest there is."""
    return next((count for count in choices() if count >= units), choices()[-1])


def live_lanes(units: int) -> int:
    """Return how many lanes a live climb of so many units wishes for."""
    few, many = _CPU_LIVE_LANES if jax.default_backend() == "cpu" else _ACCELERATOR_LIVE_LANES
    return few if units <= few else many


def parts_at_once(lanes: int) -> int:
    """Return into how many parts a device's lanes are split that climb at the same time: on a CPU one for each core."""
    if jax.default_backend() != "cpu" or jax.local_device_count() > 1:
        return 1
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return max(count for count in choices() if count <= min(lanes, cores))


def lanes_together(lanes: int, *, views: int = 1) -> int:
    """Return how many of a part's lanes make their steps at the same time; it divides them.

    Args:
        lanes: Of a part.
        views: How many views of a lane's images are evaluated at once.
    """
    if jax.default_backend() != "cpu":
        return lanes
    most = max(1, min(lanes, _CPU_LANES_TOGETHER // views))
    return max(count for count in choices() if count <= most)


def views_together(views: int) -> int:
    """Return how many views of an image are evaluated at once: a divisor of their number, by which alone it goes."""
    most = _CPU_VIEWS if jax.default_backend() == "cpu" else _ACCELERATOR_VIEWS
    return next(together for together in range(min(views, most), 0, -1) if views % together == 0)


def affordable_lanes(wished: int, network: Network, wanted: Sequence[int], *, images_in_lane: int = 1) -> int:
    """Return how many lanes, of those that are wished for, fit into the memory that is free now; it divides them.

    Args:
        wished: A number of lanes.
        network: The model traced for any number of images of the size that a step sees.
        wanted: The values that a step computes.
        images_in_lane: How many images of a lane the model sees at once.
    """
    program = network.program
    traced_images = program.shapes[program.image_value].shape[0]
    forward = sum(
        math.prod(program.shapes[value].shape) * program.shapes[value].dtype.itemsize
        for equation in program.needed(wanted)
        for value in equation.results
        if program.depends[value]
    )
    # A penalty alone reads nothing of the model.
    bytes_per_lane = max(forward * images_in_lane * _BYTES_PER_FORWARD_BYTE / traced_images, 1.0)
    affordable = _free_bytes() * _SHARE_OF_FREE_MEMORY / bytes_per_lane
    halved = itertools.takewhile(lambda count: count > 1, (wished >> times for times in itertools.count()))
    return next((count for count in halved if count <= affordable and wished % count == 0), 1)


def _free_bytes() -> int:
    statistics = cast(dict[str, int] | None, jax.local_devices()[0].memory_stats())
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    return psutil.virtual_memory().available
