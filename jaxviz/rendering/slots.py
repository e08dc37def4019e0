"""The lanes of one engine and the units in them: units enter, leave and come back without compiling anything."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jaxtyping import Array, Bool, Float32

from jaxviz.objectives import Objective
from jaxviz.rendering.engine import MOST_STEPS
from jaxviz.rendering.engines import engine_of
from jaxviz.rendering.look import Scores, Shown, without_gradient
from jaxviz.rendering.plateau import traced
from jaxviz.rendering.request import Request
from jaxviz.rendering.state import Climb, Lanes
from jaxviz.transforms import several_views

# One unit's part of `Lanes`, as NumPy arrays without the lane axis. Parked and resumed, a unit goes on as if nothing
# had happened, bit for bit.
State: TypeAlias = Lanes


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
        self.engine, self.count = engine_of(request, group[0], wished or len(group))
        self._constants = self.engine.constants(request.model.weights)
        self._occupants: list[int | None] = [None] * self.count
        self._lanes: Lanes | None = None
        self._climb: Climb | None = None
        self._prepared: list[Array] | None = None
        self._scores: list[Scores] = []  # of steps that no one has asked to see yet

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
            self._lanes, scores = self.engine.advance(
                self._prepared, self._lanes, self._climb, np.int32(here), implementation
            )
            self._scores.append((scores, here))

    @property
    def has_more_to_show(self) -> bool:
        """Whether steps were made since `show`."""
        return bool(self._scores)

    def show(self) -> Shown:
        """Dispatch what the units look like after the steps so far. It is copied while further steps are made."""
        pictures, counters, transparency = self.engine.show(self._lanes, self._request.parameterization)
        scores, self._scores = self._scores, []
        asked = () if transparency is None else (transparency,)
        for array in (pictures, counters, *asked, *(array for array, _ in scores)):
            array.copy_to_host_async()
        held = [lane for lane, unit in enumerate(self._occupants) if unit is not None]
        request = self._request
        advice = [without_gradient(request.objectives[unit], request.gradient_rules) for unit in self.units]
        return Shown(self.units, held, pictures, counters, scores, transparency, advice)

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
        transform = request.transform
        # A single view is written as many are, so that another number is the same program.
        if request.views_apart and transform.views == 1:
            transform = several_views(transform, count=1)
        self._climb = Climb(
            stacked([self._objectives[unit] for unit in held]),
            request.parameterization,
            transform,
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
