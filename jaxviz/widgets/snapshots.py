"""A climb that somebody else's snapshots tell of."""

import threading
from collections.abc import Callable, Iterator

import numpy as np

from jaxviz.results import Rendering, Settings, Snapshot, Tile, Update

_MOVING = ("waiting", "climbing")


class SnapshotClimb:
    """Read an iterator of snapshots as a `LiveClimb`: a slice is a snapshot.

    Args:
        snapshots: The iterator; it is closed in the end.
        learned: Called with the number of units and the steps of the climb, whenever more is known of them. The steps
            are None until the speed is known.

    Attributes:
        newest: The newest snapshot, or None.
    """

    def __init__(self, snapshots: Iterator[Snapshot], learned: Callable[[int, int | None], None]) -> None:
        self.newest: Snapshot | None = None
        self._snapshots = snapshots
        self._learned = learned
        self._known: tuple[int, int | None] | None = None
        self._reading = threading.Lock()

    def aim(self, layer: str, settings: Settings, *, from_scratch: bool) -> None:
        """Do nothing: the climb is decided."""

    def check(self, layer: str, settings: Settings) -> None:
        """Refuse nothing: the climb is decided."""

    def forget(self, layer: str, settings: Settings) -> None:
        """Do nothing: the climb is decided."""

    def prioritise(self, tiers: list[list[Tile]]) -> None:
        """Do nothing: the climb is decided."""

    @property
    def prepared(self) -> bool:
        """Whether something has come, and so the program is compiled."""
        return self.newest is not None

    def advance(self) -> list[Update]:
        """Read until something has changed, and return what."""
        with self._reading:
            for snapshot in self._snapshots:
                before, self.newest = self.newest, snapshot
                known = len(snapshot), _steps(snapshot)
                if known != self._known and (self._known is None or known[1] is not None):
                    self._known = known
                    self._learned(*known)
                updates = _updates(before, snapshot)
                if updates:
                    return updates
            return []

    def rendering(self, tiles: list[Tile], *, of: tuple[str, Settings] | None = None) -> Rendering:  # noqa: ARG002
        """Refuse: snapshots have no recipe.

        Raises:
            ValueError: Always.
        """
        raise ValueError("Snapshots carry no recipe; jaxviz.render returns a rendering.")

    def release(self) -> None:
        """Close the iterator, which ends the climb that it tells of."""
        close = getattr(self._snapshots, "close", None)
        with self._reading:
            if close is not None:
                close()


def _steps(snapshot: Snapshot) -> int | None:
    """Return the steps of the climb, as far as the time left tells them."""
    moving = [made for made, state in zip(snapshot.steps.tolist(), snapshot.states, strict=True) if state in _MOVING]
    if not moving:
        return max(1, int(snapshot.steps.max(initial=1)))
    if not snapshot.steps_per_second:
        return None
    return max(1, round((sum(moving) + snapshot.seconds_left * snapshot.steps_per_second) / len(moving)))


def _updates(before: Snapshot | None, now: Snapshot) -> list[Update]:
    updates: list[Update] = []
    pictures = now.pictures()
    for unit, (step, state) in enumerate(zip(now.steps.tolist(), now.states, strict=True)):
        first = 0 if before is None else int(before.steps[unit])
        if before is not None and (first, before.states[unit]) == (step, state):
            continue
        score = now.scores[unit : unit + 1]
        updates.append(
            Update(
                unit=unit,
                sign=1,
                step=step,
                first_step=max(first, step - 1),
                scores=score if step > first and not np.isnan(score[0]) else score[:0],
                state=state,
                message="",
                picture=pictures[unit],
            )
        )
    return updates
