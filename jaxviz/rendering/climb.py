"""Run the engine over any number of units: lanes are filled from a queue, snapshots come out."""

import collections
import functools
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jaxviz.models import Model
from jaxviz.models.lowering import lower
from jaxviz.models.program import Lowering
from jaxviz.objectives import Objective
from jaxviz.rendering.engine import Climb, Engine, Lanes
from jaxviz.rendering.lanes import affordable_lanes, wished_lanes
from jaxviz.rendering.request import Request
from jaxviz.results import Rendering, Snapshot

_DIVERGED = (
    "The score or its gradient stopped being finite at step {step}. The picture is the last sound one. Try a smaller "
    "learning_rate, or a parameterization with a smaller standard_deviation."
)
_DEAD = (
    "The gradient was exactly zero at every step, so the picture is still its first noise. The unit may be behind a "
    "rectifier that no first image passes: try another key, a larger size, or the layer before it."
)

_engines: "weakref.WeakKeyDictionary[Model, dict[Any, Engine]]" = weakref.WeakKeyDictionary()


class Climber:
    """All units of a request on their way; `snapshots` moves them, `rendering` is what there is at any time."""

    def __init__(self, request: Request) -> None:
        self._request = request
        count = len(request.objectives)
        self._pictures = np.full((count, *request.image_size), 128, np.uint8)
        self._images = np.full((count, *request.image_size), 0.5, np.float32)
        self._finished = np.zeros(count, bool)
        self._steps = np.zeros(count, np.int64)
        self._history = np.full((request.steps, count), np.nan, np.float32)
        self._states = ["waiting"] * count
        self._messages = [""] * count
        self._rate = 0.0

    def snapshots(self, every: int) -> Iterator[Snapshot]:
        """Climb, and yield a snapshot before the first step, every so many steps, and when units are done."""
        for group in _groups(self._request.objectives):
            yield from self._climb(group, every)

    def rendering(self) -> Rendering:
        """Return the pictures as they are now; units that are not done are called stopped."""
        images = np.where(self._finished[:, None, None, None], self._images, self._pictures.astype(np.float32) / 255.0)
        stopped = ("waiting", "climbing")
        rows = int(self._steps.max())
        return Rendering(
            images=np.clip(images, 0.0, 1.0),
            score_history=self._history[:rows],
            history_steps=np.arange(rows),
            labels=self._request.labels,
            states=tuple("stopped" if state in stopped else state for state in self._states),
            messages=tuple(self._messages),
            recipe=self._request.recipe(),
        )

    @property
    def image_steps(self) -> int:
        """Steps made so far, of all units together."""
        return int(self._steps.sum())

    @property
    def finished(self) -> int:
        """Number of units that will not change any more."""
        return sum(state not in ("waiting", "climbing") for state in self._states)

    def _climb(self, group: Sequence[int], every: int) -> Iterator[Snapshot]:
        request = self._request
        engine, lane_total = _engine(request, group)
        constants = engine.constants(request.model.weights)
        waiting = collections.deque(group)
        occupants: list[int | None] = [None] * lane_total
        lanes: Lanes | None = None
        climb: Climb | None = None
        while waiting or any(unit is not None for unit in occupants):
            entering = [lane for lane, unit in enumerate(occupants) if unit is None][: len(waiting)]
            for lane in entering:
                occupants[lane] = waiting.popleft()
            if entering:
                lanes, climb = self._enter(engine, lanes, occupants, entering)
                self._look(engine, lanes, occupants)
                yield self._snapshot(occupants)
            assert lanes is not None
            assert climb is not None
            lanes = self._advance(engine, constants, lanes, climb, occupants, every)
            self._look(engine, lanes, occupants)
            self._leave(engine, lanes, occupants)
            yield self._snapshot(occupants)

    def _enter(
        self, engine: Engine, lanes: Lanes | None, occupants: list[int | None], entering: list[int]
    ) -> tuple[Lanes, Climb]:
        """Put units into lanes. Lanes without a unit hold a copy of another's objective and make no steps."""
        request = self._request
        some = next(unit for unit in occupants if unit is not None)
        held = [some if unit is None else unit for unit in occupants]
        objectives = [request.objectives[unit] for unit in held]
        mask = np.isin(np.arange(len(occupants)), entering) | np.array([unit is None for unit in occupants])
        last_step = np.array([0 if unit is None else request.steps for unit in occupants], np.int32)
        seeds = np.array([request.seeds[unit] for unit in held], np.uint32)
        keys = jax.vmap(functools.partial(jax.random.fold_in, request.key))(jnp.asarray(seeds))
        for lane in entering:
            self._states[occupants[lane] or 0] = "climbing"
        climb = Climb(
            _stacked(objectives), request.parameterization, request.transform, np.float32(request.learning_rate)
        )
        fresh = engine.enter(lanes, jnp.asarray(mask), keys, jnp.asarray(last_step), request.parameterization)
        return fresh, climb

    def _advance(
        self,
        engine: Engine,
        constants: Sequence[Any],
        lanes: Lanes,
        climb: Climb,
        occupants: list[int | None],
        every: int,
    ) -> Lanes:
        """Make steps up to the next snapshot; at most one snapshot's steps are queued on the device."""
        began = time.perf_counter()
        left = min(self._request.steps - int(self._steps[unit]) for unit in occupants if unit is not None)
        made: list[Any] = []
        implementation = str(jax.random.key_impl(self._request.key))
        for _ in range(min(every, left)):
            lanes, scores = engine.step(constants, lanes, climb, implementation)
            made.append(scores)
        history = np.stack([np.asarray(scores) for scores in made])
        for lane, unit in enumerate(occupants):
            if unit is not None:
                first = int(self._steps[unit])
                self._history[first : first + len(made), unit] = history[:, lane]
        units = sum(unit is not None for unit in occupants)
        self._rate = units * len(made) / (time.perf_counter() - began)
        return lanes

    def _look(self, engine: Engine, lanes: Lanes, occupants: list[int | None]) -> None:
        """Copy pictures and counters from the device."""
        pictures = np.asarray(engine.pictures(lanes, self._request.parameterization))
        steps, alive, moved = (np.asarray(part) for part in (lanes.step, lanes.alive, lanes.moved))
        for lane, unit in enumerate(occupants):
            if unit is None:
                continue
            self._pictures[unit] = pictures[lane]
            self._steps[unit] = steps[lane]
            if not alive[lane]:
                self._states[unit] = "diverged"
                self._messages[unit] = _DIVERGED.format(step=steps[lane])
            elif steps[lane] >= self._request.steps:
                self._states[unit] = "done" if moved[lane] else "dead"
                self._messages[unit] = "" if moved[lane] else _DEAD

    def _leave(self, engine: Engine, lanes: Lanes, occupants: list[int | None]) -> None:
        """Take the full-precision images of units that are done and free their lanes."""
        leaving = [
            lane
            for lane, unit in enumerate(occupants)
            if unit is not None and self._states[unit] not in ("waiting", "climbing")
        ]
        if not leaving:
            return
        images = np.asarray(engine.images(lanes, self._request.parameterization), np.float32)
        for lane in leaving:
            unit = occupants[lane]
            self._images[unit] = images[lane]
            self._finished[unit] = True
            occupants[lane] = None

    def _snapshot(self, occupants: list[int | None]) -> Snapshot:
        climbing = [int(self._steps[unit]) for unit in occupants if unit is not None]
        steps = self._request.steps
        left = sum(steps - int(made) for made, state in zip(self._steps, self._states, strict=True) if state in _MOVING)
        return Snapshot(
            step=max(climbing, default=int(self._steps.max())),
            steps=self._steps,
            images=self._pictures,
            scores=self._last_scores(),
            states=tuple(self._states),
            steps_per_second=self._rate,
            seconds_left=left / self._rate if self._rate else 0.0,
        )

    def _last_scores(self) -> np.ndarray[Any, Any]:
        last = np.maximum(self._steps - 1, 0)
        return self._history[last, np.arange(len(last))]


_MOVING = ("waiting", "climbing")


def _groups(objectives: Sequence[Objective]) -> list[list[int]]:
    """Group units whose objectives have one form and so one program."""
    groups: dict[Any, list[int]] = {}
    for position, objective in enumerate(objectives):
        leaves, form = cast(tuple[list[Any], Any], jax.tree.flatten(objective))
        groups.setdefault((form, tuple(np.shape(leaf) for leaf in leaves)), []).append(position)
    return list(groups.values())


def _stacked(objectives: Sequence[Objective]) -> Objective:
    def stack(*leaves: Any) -> np.ndarray[Any, Any]:
        stacked = np.stack([np.asarray(leaf) for leaf in leaves])
        return stacked.astype(np.float32 if np.issubdtype(stacked.dtype, np.floating) else np.int32)

    return jax.tree.map(stack, *objectives)


def _engine(request: Request, group: Sequence[int]) -> tuple[Engine, int]:
    """Find or make the engine for units of one form, and its number of lanes."""
    model = request.model
    read = request.objectives[group[0]].targets()
    targets = tuple(sorted((target, request.targets[target]) for target in read))
    lanes = wished_lanes(len(group))
    network = model.network(request.canvas_size, lanes)
    wanted = [v for target, layer in targets for v in network.wanted(layer, rectified=target.rectified)]
    lanes = affordable_lanes(lanes, network, wanted)
    engines = _engines.setdefault(model, {})
    identity = (request.canvas_size, lanes, targets, request.optimizer, request.image_size, request.lowering)
    if identity not in engines:
        engines[identity] = Engine(
            model.network(request.canvas_size, lanes),
            targets,
            request.optimizer,
            request.image_size,
            _lowering(request.lowering),
        )
    return engines[identity], lanes


def _lowering(name: str) -> Lowering | None:
    return functools.partial(lower, backend=jax.default_backend()) if name == "auto" else None
