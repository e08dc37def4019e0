"""Share the lanes out over the devices of this machine.

The lane is the only axis that is split. Nothing crosses lanes, so every device runs the program of a single one on its
own lanes, and no device waits for another within a step. A unit's picture is then the same bits on any number of
devices, as far as a device computes the same bits for any number of lanes (docs/performance.md).
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

# jax gives its own class of devices no type.
Device: TypeAlias = Any

LANES = PartitionSpec("lane")
EVERYWHERE = PartitionSpec()
LANES_OF_EACH_STEP = PartitionSpec(None, "lane")


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices that a climb uses; equal ones compile alike.

    Attributes:
        members: The devices, each with as many lanes as the others.
    """

    members: tuple[Device, ...]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.members)

    def split(self, function: Callable[..., Any], takes: Any, gives: Any) -> Callable[..., Any]:
        """Return a function that every device runs on its own part.

        Args:
            function: Takes and returns arrays of the lanes of one device.
            takes: For each argument how it is split: `LANES` or `EVERYWHERE`, or a tree of them.
            gives: The same for what it returns.
        """
        if self.count == 1:
            return function
        # What a model does inside may not say how its values vary over devices; they vary by lanes and nothing else.
        return jax.shard_map(function, mesh=self._mesh, in_specs=takes, out_specs=gives, check_vma=False)

    def everywhere(self, arrays: Sequence[Any]) -> list[Any]:
        """Copy arrays to every device."""
        if self.count == 1:
            return list(arrays)
        return jax.device_put(list(arrays), NamedSharding(self._mesh, EVERYWHERE))

    @functools.cached_property
    def _mesh(self) -> Mesh:
        return Mesh(np.array(self.members), ("lane",))


def local_devices() -> tuple[Device, ...]:
    """Return the devices of this process, or the one that the user chose by `jax.default_device`."""
    chosen: Any = cast(Any, jax.config).jax_default_device
    if chosen is not None and not isinstance(chosen, str):
        return (chosen,)
    devices = cast(list[Device], jax.local_devices(backend=chosen))
    return tuple(devices if chosen is None else devices[:1])
