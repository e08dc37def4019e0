"""Share units out over the hosts of a `jax.distributed` run, and gather the pictures on every one.

While they climb, hosts do not speak to each other; at the end each sends its share to all. A host that dies is noticed
by JAX's own coordination service, which ends the processes of the others and says why, after
`heartbeat_timeout_seconds` of `jax.distributed.initialize`.
"""

import dataclasses
import json
import zlib
from collections.abc import Sequence
from typing import Any, cast

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxviz.results import Rendering


def are_many() -> bool:
    """Say whether this process is one of several."""
    return jax.process_count() > 1


def own_share(count: int) -> list[int]:
    """Return the units that this host climbs: every so many-th, since costs may rise along a list."""
    return _share(jax.process_index(), count)


def gathered(own: Rendering, steps: int) -> Rendering:
    """Return the rendering with every host's units as that host has made them.

    Args:
        own: All units, of which this host has climbed its share.
        steps: Rows that a history has at most.

    Raises:
        ValueError: The hosts were asked for different renderings.
    """
    count = len(own)
    share = own_share(count)
    told = {
        "states": [own.states[unit] for unit in share],
        "messages": [own.messages[unit] for unit in share],
        "recipe": zlib.crc32(json.dumps(own.recipe.to_json(), sort_keys=True).encode()),
    }
    all_told = _gathered_json(told)
    differing = [host for host, other in enumerate(all_told) if other["recipe"] != all_told[0]["recipe"]]
    if differing:
        raise ValueError(
            f"Hosts {differing} were asked for another rendering than host 0. Call render with the same arguments, the "
            "same weights and the same versions on every host."
        )
    history = np.full((steps, count), np.nan, np.float32)
    history[: len(own.score_history)] = own.score_history
    most = -(-count // jax.process_count())
    images = _gathered(_padded(own.images[share], most))
    histories = _gathered(_padded(history[:, share].T, most))
    sums = None if own.transparency is None else _gathered(_padded(own.transparency[share], most))
    transparency = None if own.transparency is None else np.empty_like(own.transparency)
    all_images, states, messages = np.empty_like(own.images), [""] * count, [""] * count
    for host, other in enumerate(all_told):
        for position, unit in enumerate(_share(host, count)):
            all_images[unit] = images[host, position]
            history[:, unit] = histories[host, position]
            if transparency is not None and sums is not None:
                transparency[unit] = sums[host, position]
            states[unit], messages[unit] = other["states"][position], other["messages"][position]
    rows = int(np.flatnonzero(~np.isnan(history).all(axis=1)).max(initial=-1)) + 1
    return dataclasses.replace(
        own,
        images=all_images,
        score_history=history[:rows],
        history_steps=np.arange(rows),
        states=tuple(states),
        messages=tuple(messages),
        transparency=transparency,
    )


def _share(host: int, count: int) -> list[int]:
    return list(range(host, count, jax.process_count()))


def _padded(array: np.ndarray[Any, Any], length: int) -> np.ndarray[Any, Any]:
    return np.pad(array, [(0, length - len(array)), *[(0, 0)] * (array.ndim - 1)])


def _gathered(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the arrays of all hosts, of one shape and dtype, stacked."""
    return np.asarray(cast(Any, multihost_utils).process_allgather(array))


def _gathered_json(own: Any) -> Sequence[Any]:
    """Return what all hosts say."""
    encoded = np.frombuffer(json.dumps(own).encode(), np.uint8)
    lengths = _gathered(np.array([len(encoded)], np.int32))[:, 0]
    texts = _gathered(_padded(encoded, int(lengths.max())))
    return [json.loads(text[:length].tobytes()) for text, length in zip(texts, lengths, strict=True)]
