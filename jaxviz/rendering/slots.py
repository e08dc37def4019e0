"""The lanes of one engine and the units in them: units enter, leave and come back without compiling anything."""

import dataclasses
import functools
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import jax
import numpy as np
from jaxtyping import Array, Bool, Float32, Int, UInt8

from jaxviz.models import Model
from jaxviz.models.lowering import in_bfloat16, lower
from jaxviz.models.program import Lowering
from jaxviz.objectives import Objective
from jaxviz.rendering.devices import Devices, local_devices
from jaxviz.rendering.engine import MOST_STEPS, Engine
from jaxviz.rendering.lanes import affordable_lanes, lanes_together, parts_at_once, views_together, wished_lanes
from jaxviz.rendering.overriding import overrides
from jaxviz.rendering.plateau import traced
from jaxviz.rendering.request import Request
from jaxviz.rendering.state import Climb, Lanes

# One unit's part of `Lanes`, as NumPy arrays without the lane axis. Parked and resumed, a unit goes on as if nothing
# had happened, bit for bit.
State: TypeAlias = Lanes
# Scores of a dispatch, [step, lane], and how many of the steps were made.
_Scores: TypeAlias = tuple[Array, int]

_DIVERGED = (
    "The score or its gradient stopped being finite at step {step}. The picture is the last sound one. Try a smaller "
    "learning_rate, or a parameterization with a smaller standard_deviation."
)
_DEAD = (
    "The gradient was exactly zero at every step, so the picture is still its first noise. The unit may be behind a "
    "rectifier that no first image passes: try gradient_rules='redirected_relu', another key, a larger size, or the "
    "layer before it."
)
_SETTLED = "Its score had stopped rising, so it was stopped at step {step}, as stop_on_plateau asks."

_engines: "weakref.WeakKeyDictionary[Model, dict[Any, Engine]]" = weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True)
class Look:
    """What the units in the lanes look like now.

    Attributes:
        units: The units, in the order of the arrays.
        pictures: Their images as bytes.
        steps: Steps that each has made.
        states: climbing, done, dead or diverged.
        messages: Advice, empty where all is well.
        scores: The scores since the last look, NaN where a unit stood still.
        transparency: Absolute gradients of the images added up so far, or None where they were not asked for.
    """

    units: tuple[int, ...]
    pictures: UInt8[np.ndarray, "unit *position channel"]
    steps: Int[np.ndarray, " unit"]
    states: tuple[str, ...]
    messages: tuple[str, ...]
    scores: Float32[np.ndarray, "time unit"]
    transparency: Float32[np.ndarray, "unit ..."] | None


@dataclasses.dataclass(frozen=True)
class Shown:
    """What the device is about to show: a promise of a `Look`."""

    units: tuple[int, ...]
    _held: list[int]
    _pictures: Array
    _counters: Array
    _scores: list[_Scores]
    _transparency: Array | None

    def look(self) -> Look:
        """Wait for the device, and return what the units look like."""
        counters = np.asarray(self._counters)[self._held]
        verdicts = [_verdict(*row) for row in counters.tolist()]
        none = np.zeros((0, self._counters.shape[0]), np.float32)
        scores = np.concatenate([none, *(np.asarray(made)[:count] for made, count in self._scores)])
        return Look(
            self.units,
            np.asarray(self._pictures)[self._held],
            counters[:, 0],
            tuple(state for state, _ in verdicts),
            tuple(text for _, text in verdicts),
            scores[:, self._held],
            None if self._transparency is None else np.asarray(self._transparency)[self._held],
        )


class Slots:
    """A fixed number of lanes, compiled once, through which any number of units of a request pass.

    A unit is its position in the request. Which units are in lanes, in which order and for how long changes no unit's
    image: nothing crosses lanes.

    Args:
        request: What is climbed.
        group: Units whose objectives have one form, and so one program.
        wished: The number of lanes that is wished for; default one for each unit, at most as many as pay.
        objectives: The objectives of all units of the request in another form with the same scores.
    """

    def __init__(
        self,
        request: Request,
        group: Sequence[int],
        *,
        wished: int | None = None,
        objectives: Sequence[Objective] | None = None,
    ) -> None:
        self._request = request
        self._objectives = request.objectives if objectives is None else objectives
        self.engine, self.count = _engine(request, group[0], wished or len(group))
        self._constants = self.engine.constants(request.model.weights)
        self._occupants: list[int | None] = [None] * self.count
        self._lanes: Lanes | None = None
        self._climb: Climb | None = None
        self._prepared: list[Array] | None = None
        self._scores: list[_Scores] = []  # of steps that no one has asked to see yet

    @property
    def units(self) -> tuple[int, ...]:
        """The units that are in lanes."""
        return tuple(unit for unit in self._occupants if unit is not None)

    def arrange(
        self, units: Sequence[int], parked: Mapping[int, State], *, last_step: int, park: bool = True
    ) -> dict[int, State]:
        """Let exactly these units be in lanes; those that are there already stay where they are.

        Args:
            units: At most as many as there are lanes, at least one.
            parked: States of units that come back; a unit without one begins.
            last_step: Steps to make.
            park: Whether the states of those that leave are wanted.

        Returns:
            The states of the units that left, if `park`.
        """
        leaving = [unit for unit in self.units if unit not in units]
        left = self.states(leaving) if park else {}
        self._occupants = [None if unit in leaving else unit for unit in self._occupants]
        entering = [unit for unit in units if unit not in self._occupants]
        free = [lane for lane, unit in enumerate(self._occupants) if unit is None]
        for lane, unit in zip(free, entering, strict=False):
            self._occupants[lane] = unit
        if entering or leaving or self._lanes is None:
            self._enter(entering, parked, last_step)
        # Whoever stays in its lane may have been given more steps; an empty lane stands still.
        assert self._lanes is not None
        steps = [0 if unit is None else last_step for unit in self._occupants]
        self._lanes = self._lanes._replace(last_step=np.asarray(steps, np.int32))
        return left

    def clear(self) -> dict[int, State]:
        """Let all units leave, free the device, and return their states."""
        left = self.states(self.units)
        self._occupants, self._lanes, self._climb = [None] * self.count, None, None
        return left

    def states(self, units: Sequence[int]) -> dict[int, State]:
        """Copy the states of units in lanes to the host."""
        if not units:
            return {}
        host = jax.tree.map(np.asarray, self._lanes)
        return {unit: _row(host, self._occupants.index(unit)) for unit in units}

    def step(self, count: int) -> None:
        """Dispatch some steps of every unit; `show` gives what comes of them."""
        assert self._lanes is not None
        assert self._climb is not None
        implementation = str(jax.random.key_impl(self._request.key))
        for first in range(0, count, MOST_STEPS):
            here = min(count - first, MOST_STEPS)
            if self._prepared is None:
                self._prepared = self.engine.prepared(self._constants, self._lanes, self._climb, implementation)
            given = (self._prepared, self._lanes, self._climb, np.int32(here), implementation)
            self._lanes, scores = self.engine.advance(*given)
            self._scores.append((scores, here))

    @property
    def has_more_to_show(self) -> bool:
        """Whether steps were made since `show`."""
        return bool(self._scores)

    def show(self) -> "Shown":
        """Dispatch what the units look like after the steps so far. It is copied while further steps are made."""
        pictures, counters, transparency = self.engine.show(self._lanes, self._request.parameterization)
        scores, self._scores = self._scores, []
        asked = () if transparency is None else (transparency,)
        for array in (pictures, counters, *asked, *(array for array, _ in scores)):
            array.copy_to_host_async()
        held = [lane for lane, unit in enumerate(self._occupants) if unit is not None]
        return Shown(self.units, held, pictures, counters, scores, transparency)

    def images(self) -> Float32[np.ndarray, "unit *position channel"]:
        """Make the images of the units in lanes, in full precision."""
        return self._images(self._lanes)[[lane for lane, unit in enumerate(self._occupants) if unit is not None]]

    def images_of(self, states: Sequence[State]) -> Float32[np.ndarray, "unit *position channel"]:
        """Make the images of any number of states, in full precision."""
        starts = range(0, len(states), self.count)
        parts = [list(states[start : start + self.count]) for start in starts]
        made = [self._images(_rows([*part, *[None] * (self.count - len(part))]))[: len(part)] for part in parts]
        return np.concatenate(made)

    def begun_from(self, pictures_of: Mapping[int, State]) -> dict[int, State]:
        """Return the states of units that begin with the pictures of other states, given for each of them."""
        begun: dict[int, State] = {}
        units = list(pictures_of)
        for start in range(0, len(units), self.count):
            part = units[start : start + self.count]
            held = [*part, *part[:1] * (self.count - len(part))]
            variables = _rows([pictures_of[unit].variables for unit in held])
            lanes = self.engine.begin(self._keys(held), np.zeros(self.count, np.int32), variables)
            host = jax.tree.map(np.asarray, lanes)
            begun |= {unit: _row(host, lane) for lane, unit in enumerate(part)}
        return begun

    def _images(self, lanes: Any) -> Float32[np.ndarray, "lane *position channel"]:
        return np.asarray(self.engine.images(lanes, self._request.parameterization), np.float32)

    def _enter(self, entering: Sequence[int], parked: Mapping[int, State], last_step: int) -> None:
        """Put units into their lanes. Lanes without a unit hold a copy of another's objective and make no steps."""
        request = self._request
        some = next(unit for unit in self._occupants if unit is not None)
        held = [some if unit is None else unit for unit in self._occupants]
        empty = np.array([unit is None for unit in self._occupants])
        self._climb = Climb(
            stacked([self._objectives[unit] for unit in held]),
            request.parameterization,
            request.transform,
            np.float32(request.learning_rate),
            {name: np.float32(number) for name, number in getattr(request.optimizer, "numbers", {}).items()},
            traced(request.stop_on_plateau),
            request.gradient_rules,
        )
        begins = np.array([unit in entering and unit not in parked for unit in self._occupants])
        resumes = np.array([unit in entering and unit in parked for unit in self._occupants])
        if self._lanes is None or begins.any():
            last_steps = np.where(empty, 0, last_step).astype(np.int32)
            keys = self._keys(held)
            variables = self.engine.first(keys, request.parameterization)
            self._merge(begins | empty, self.engine.begin(keys, last_steps, variables))
        if resumes.any():
            states = [parked[unit] if entered else None for unit, entered in zip(held, resumes, strict=True)]
            self._merge(resumes, _rows(states))

    def _keys(self, units: Sequence[int]) -> Array:
        seeds = np.array([self._request.seeds[unit] for unit in units], np.uint32)
        return jax.vmap(functools.partial(jax.random.fold_in, self._request.key))(seeds)

    def _merge(self, mask: Bool[np.ndarray, " lane"], entering: Lanes) -> None:
        everywhere = self._lanes is None or mask.all()
        self._lanes = entering if everywhere else self.engine.merge(mask, entering, self._lanes)


def stacked(objectives: Sequence[Objective]) -> Objective:
    """Stack objectives of one form leaf by leaf."""

    def stack(*leaves: Any) -> np.ndarray[Any, Any]:
        together = np.stack([np.asarray(leaf) for leaf in leaves])
        return together.astype(np.float32 if np.issubdtype(together.dtype, np.floating) else np.int32)

    return jax.tree.map(stack, *objectives)


def _row(lanes: Any, lane: int) -> State:
    def copy(leaf: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.array(leaf[lane])  # a view would hold all lanes, in memory that the next step may use up

    return jax.tree.map(copy, lanes)


def _rows(states: Sequence[Any]) -> Any:
    """Make lanes of states, or of parts of them; a lane without one (None) holds a copy of another and is not used."""
    some = next(state for state in states if state is not None)

    def stack(*rows: Any) -> np.ndarray[Any, Any]:
        return np.stack(rows)  # and not `jnp.asarray` of it, which compiles a program for each shape

    return jax.tree.map(stack, *(some if state is None else state for state in states))


def _verdict(step: int, last_step: int, alive: int, moved: int, settled: int) -> tuple[str, str]:
    """Return a unit's state and advice."""
    if not alive:
        return "diverged", _DIVERGED.format(step=step)
    if step < last_step and not settled:
        return "climbing", ""
    if not moved:
        return "dead", _DEAD
    return "done", _SETTLED.format(step=step) if step < last_step else ""


def _engine(request: Request, unit: int, wished: int) -> tuple[Engine, int]:
    """Find or make the engine for units of one form, and its number of lanes."""
    model = request.model
    read = request.objectives[unit].targets()
    targets = tuple(sorted((target, request.targets[target]) for target in read))
    members = local_devices()
    each = wished_lanes(-(-wished // len(members)))
    devices = Devices(members[: -(-wished // each)])
    views = views_together(request.transform.views)
    images = request.parameterization.images_in_lane * views  # of a lane, that the model sees at once
    parts = parts_at_once(each)
    together = lanes_together(each // parts, views=views)
    network = model.network(request.canvas_size, together * images)
    wanted = [v for target, layer in targets for v in network.wanted(layer, rectified=target.rectified)]
    at_once = affordable_lanes(parts * together, network, wanted, images_in_lane=images)
    parts = min(parts, at_once)
    together = at_once // parts
    engines = _engines.setdefault(model, {})
    how = (request.lowering, request.precision)
    rules = request.gradient_rules
    kinds = cast(Any, jax.tree.structure(rules))
    kept = (parts, together, views, request.transparency)
    optimizer = getattr(request.optimizer, "form", request.optimizer)
    identity = (request.canvas_size, each, request.image_size, devices, targets, optimizer, *how, kinds, *kept)
    if identity not in engines:
        engines[identity] = Engine(
            model.network(request.canvas_size, together * images),
            targets,
            request.optimizer,
            request.image_size,
            _lowering(*how),
            overrides(model, request.canvas_size, together * images, rules, wanted),
            devices,
            *kept,
        )
    return engines[identity], each * devices.count


def _lowering(name: str, precision: str) -> Lowering | None:
    backend: Callable[[], str] = jax.default_backend
    faster = cast(Lowering, functools.partial(lower, backend=backend())) if name == "auto" else None
    return in_bfloat16(faster) if precision == "bfloat16" else faster
