"""Climb a request from beginning to end: units pass through the slots, snapshots come out."""

import collections
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jaxviz.rendering.look import Shown
from jaxviz.rendering.objectives_asked import groups
from jaxviz.rendering.request import Request
from jaxviz.rendering.slots import Slots
from jaxviz.results import Rendering, Snapshot

_MOVING = ("waiting", "climbing")
_MOST_STEPS_AHEAD = 8


class Climber:
    """All units of a request on their way; `snapshots` moves them, `rendering` is what there is at any time.

    Args:
        request: What is climbed.
        own: The units that are climbed here, where others are climbed elsewhere; all of them if None.
    """

    def __init__(self, request: Request, own: Sequence[int] | None = None) -> None:
        self._request = request
        count = len(request.objectives)
        self._own = frozenset(range(count) if own is None else own)
        self._pictures = np.full((count, *request.image_size), 128, np.uint8)
        self._images = np.full((count, *request.image_size), 0.5, np.float32)
        self._finished = np.zeros(count, bool)
        self._steps = np.zeros(count, np.int64)
        self._history = np.full((request.steps, count), np.nan, np.float32)
        self._states = ["waiting"] * count
        self._messages = [""] * count
        self._rate = 0.0
        extents = (count, *request.image_size[:-1])
        self._transparency = np.zeros(extents, np.float32) if request.transparency else None

    def snapshots(self, every: int) -> Iterator[Snapshot]:
        """Climb, and yield a snapshot before the first step, every so many steps, and when units are done."""
        for group in groups(self._request.objectives):
            if units := [unit for unit in group if unit in self._own]:
                yield from self._climb(units, every)

    def rendering(self) -> Rendering:
        """Return the pictures as they are now; units that are not done are called stopped."""
        finished = self._finished.reshape(-1, *[1] * (self._images.ndim - 1))
        images = np.where(finished, self._images, self._pictures.astype(np.float32) / 255.0)
        rows = int(self._steps.max())
        return Rendering(
            images=np.clip(images, 0.0, 1.0),
            score_history=self._history[:rows],
            history_steps=np.arange(rows),
            labels=self._request.labels,
            states=tuple("stopped" if state in _MOVING else state for state in self._states),
            messages=tuple(self._messages),
            recipe=self._request.recipe(),
            transparency=self._transparency,
        )

    @property
    def image_steps(self) -> int:
        """Steps made so far, of all units together."""
        return int(self._steps.sum())

    @property
    def all_image_steps(self) -> int:
        """Steps of all units together when they are done; fewer once units have been stopped early."""
        return sum(
            self._request.steps if self._states[unit] in _MOVING else int(self._steps[unit]) for unit in self._own
        )

    @property
    def finished(self) -> int:
        """Number of units that will not change any more."""
        return sum(state not in _MOVING for state in self._states)

    def _climb(self, group: Sequence[int], every: int) -> Iterator[Snapshot]:
        slots = Slots(self._request, group)
        waiting = collections.deque(group)
        staying: list[int] = []
        while waiting or staying:
            entering = [waiting.popleft() for _ in range(min(len(waiting), slots.count - len(staying)))]
            slots.arrange([*staying, *entering], {}, last_step=self._request.steps, park=False)
            if entering:
                self._look(slots, slots.show())
                yield self._snapshot(slots.units)
            for staying in self._chunks(slots, every):
                yield self._snapshot(staying)
                if waiting and len(staying) < len(slots.units):
                    break
            if slots.has_more_to_show:
                staying = self._look(slots, slots.show())

    def _chunks(self, slots: Slots, every: int) -> Iterator[list[int]]:
        """Climb with the same units until the first has made all its steps; yield, now and then, who goes on.

        The device goes on while a snapshot is copied and looked at, but not so far that closing would be felt.
        """
        left = self._request.steps - max(int(self._steps[unit]) for unit in slots.units)
        ahead, began = 0, time.perf_counter()
        while left:
            count = min(every, left)
            slots.step(count - ahead)
            shown = slots.show()
            left -= count
            ahead = min(every, left, _MOST_STEPS_AHEAD)
            slots.step(ahead)
            staying = self._look(slots, shown)
            self._rate = len(slots.units) * count / (time.perf_counter() - began)
            began = time.perf_counter()
            yield staying
            if not staying:
                return

    def _look(self, slots: Slots, shown: Shown) -> list[int]:
        """Take over what the slots show, and return the units that go on climbing."""
        look = shown.look()
        for position, unit in enumerate(look.units):
            first = int(self._steps[unit])
            scores = look.scores[: self._request.steps - first, position]
            self._history[first : first + len(scores), unit] = scores
            self._pictures[unit] = look.pictures[position]
            self._steps[unit] = look.steps[position]
            self._states[unit] = look.states[position]
            self._messages[unit] = look.messages[position]
            if self._transparency is not None and look.transparency is not None:
                self._transparency[unit] = look.transparency[position]
        ended = [unit for unit in look.units if self._states[unit] not in _MOVING and not self._finished[unit]]
        if ended:
            images = dict(zip(slots.units, slots.images(), strict=True))
            for unit in ended:
                self._images[unit] = images[unit]
                self._finished[unit] = True
        return [unit for unit in look.units if self._states[unit] in _MOVING]

    def _snapshot(self, climbing: Sequence[int]) -> Snapshot:
        steps = self._request.steps
        left = sum(steps - int(self._steps[unit]) for unit in self._own if self._states[unit] in _MOVING)
        return Snapshot(
            step=max((int(self._steps[unit]) for unit in climbing), default=int(self._steps.max())),
            steps=self._steps,
            images=self._pictures,
            scores=self._last_scores(),
            states=tuple(self._states),
            steps_per_second=self._rate,
            seconds_left=left / self._rate if self._rate else 0.0,
            view=self._request.view,
        )

    def _last_scores(self) -> np.ndarray[Any, Any]:
        last = np.maximum(self._steps - 1, 0)
        return self._history[last, np.arange(len(last))]
