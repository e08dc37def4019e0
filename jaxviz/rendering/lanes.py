"""How many lanes a climb gets: from the number of units and the memory that is there, never by crashing."""

import math

import jax
import psutil

from jaxviz.models import Network

# On a CPU, 16 images a step keep all cores busy and more gain nothing (docs/performance.md). Fewer than 4 lanes are
# not used: XLA's matrix products take another path below 3 rows, and the same unit would then get other bits.
_CPU_LANES = (4, 8, 16)
_ACCELERATOR_LANES = (4, 8, 16, 32, 64, 128, 256)

# Backward needs every value of the forward pass and about as much again for gradients on their way.
_BYTES_PER_FORWARD_BYTE = 2.5
_SHARE_OF_FREE_MEMORY = 0.5


def lane_count(units: int, network: Network, wanted: list[int]) -> int:
    """Choose the number of lanes.

    Args:
        units: Units that will climb.
        network: The model traced for one image of the size that a step sees.
        wanted: The values that a step computes.

    Returns:
        The smallest number that holds all units at once, or else the largest that fits into memory.
    """
    program = network.program
    forward = sum(
        math.prod(program.shapes[value].shape) * program.shapes[value].dtype.itemsize
        for equation in program.needed(wanted)
        for value in equation.results
        if program.depends[value]
    )
    affordable = _free_bytes() * _SHARE_OF_FREE_MEMORY / (forward * _BYTES_PER_FORWARD_BYTE)
    choices = _CPU_LANES if jax.default_backend() == "cpu" else _ACCELERATOR_LANES
    fitting = [count for count in choices if count <= affordable] or [choices[0]]
    return next((count for count in fitting if count >= units), fitting[-1])


def _free_bytes() -> int:
    statistics = jax.local_devices()[0].memory_stats()
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    return psutil.virtual_memory().available
