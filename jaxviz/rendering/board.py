"""The board: the tiles of one layer under one set of settings, and how far each has come."""

import dataclasses
from array import array
from collections.abc import Sequence
from typing import Protocol

import jax
import numpy as np

from jaxviz.rendering.look import Look
from jaxviz.rendering.request import Request
from jaxviz.rendering.slots import Slots, State
from jaxviz.rendering.tiles import weighted
from jaxviz.results import Rendering, Settings, Tile, Update

_CONTINUED = "It went on from a picture made under other settings, so the recipe alone does not make it again."


class Place(Protocol):
    """What tiles belong to: a layer, or what stands for it on the bench, where a tile's unit is a recipe."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def units(self) -> int:
        """How many units it has."""
        ...


@dataclasses.dataclass
class Board:
    """The tiles of one layer under one set of settings, steps aside.

    Attributes:
        layer: The layer.
        settings: The settings; `steps` may be given a new number.
        request: Every unit of the layer and then the negative of every unit.
        before: The layer's tiles under other settings, from whose pictures these go on.
        states: Where each tile was left, for those that are in no lane.
        steps: The steps that each tile has made.
        scores: The scores of each tile over its steps, as float32.
        ended: Tiles that were seen to end: with the number of steps they had been given then, state and advice.
        continued: Tiles that went on from a picture made under other settings.
        slots: The lanes, once they are needed.
        wished: The number of lanes that was wished for.
        given: The steps that the tiles in the lanes were given; the settings may ask for others while a slice runs.
    """

    layer: Place
    settings: Settings
    request: Request
    before: "Board | None" = None
    states: dict[int, State] = dataclasses.field(default_factory=dict[int, State])
    steps: dict[int, int] = dataclasses.field(default_factory=dict[int, int])
    scores: "dict[int, array[float]]" = dataclasses.field(default_factory=dict[int, "array[float]"])
    ended: dict[int, tuple[int, str, str]] = dataclasses.field(default_factory=dict[int, tuple[int, str, str]])
    continued: set[int] = dataclasses.field(default_factory=set[int])
    slots: Slots | None = None
    wished: int = 0
    given: int = 0

    def program(self, wished: int | None = None) -> tuple[str, int, int]:
        """Return what decides which compiled program is used, with the lanes that there are or with others."""
        return self.layer.name, self.settings.size, wished or self.wished

    def position(self, tile: Tile) -> int:
        """Return where a tile stands in the request.

        Raises:
            IndexError: The layer has no such unit.
        """
        unit, sign = tile
        if not 0 <= unit < self.layer.units:
            raise IndexError(f"Unit {unit} is out of range: layer '{self.layer.name}' has 0 to {self.layer.units - 1}.")
        return unit if sign > 0 else self.layer.units + unit

    def tile(self, position: int) -> Tile:
        """Return the tile that stands at a position."""
        return (position, 1) if position < self.layer.units else (position - self.layer.units, -1)

    @property
    def bytes(self) -> int:
        """Memory that the parked tiles hold."""
        some = next(iter(self.states.values()), None)
        return len(self.states) * sum(leaf.nbytes for leaf in jax.tree.leaves(some))

    def is_moving(self, position: int) -> bool:
        """Return whether a tile can climb further under the settings as they are now."""
        if position not in self.ended:
            return True
        given, state, _ = self.ended[position]
        return state != "diverged" and given < self.settings.steps

    def lanes(self, wished: int) -> Slots:
        """Return at least as many lanes as wished for; once there are many they stay, so nothing is compiled again."""
        if self.slots is None or self.wished < wished:
            self.states = self._all_states()
            self.slots = Slots(self.request, [0], wished=wished, objectives=weighted(self.request))
            self.wished = wished
        if self.before is not None:
            begun = self.slots.begun_from(self.before._all_states())
            self.states |= begun
            self.continued |= begun.keys()
            self.before = None
        return self.slots

    def arrange(self, slots: Slots, tiers: Sequence[Sequence[int]]) -> None:
        """Fill the lanes: earlier tiers first; within one those with the fewest steps, and who is in a lane stays."""
        inside = set(slots.units)
        chosen: list[int] = []
        for tier in tiers:
            ranked = sorted(
                dict.fromkeys(tier), key=lambda position: (self.steps.get(position, 0), position not in inside)
            )
            chosen += [position for position in ranked if position not in chosen][: slots.count - len(chosen)]
        self.given = self.settings.steps
        self.states |= slots.arrange(chosen, self.states, last_step=self.given)

    def update(self, look: Look, column: int) -> Update:
        """Take over what a slice did to the tile in one column, and say it."""
        position, state, message = look.units[column], look.states[column], look.messages[column]
        first, step = self.steps.get(position, 0), int(look.steps[column])
        scores = look.scores[: step - first, column]  # a lane that ends within a slice makes no step from then on
        self.steps[position] = step
        self.scores.setdefault(position, array("f")).frombytes(np.asarray(scores, np.float32).tobytes())
        if state == "climbing":
            self.ended.pop(position, None)
        else:
            self.ended[position] = (self.given, state, message)
        unit, sign = self.tile(position)
        return Update(
            unit=unit,
            sign=sign,
            step=step,
            first_step=first,
            scores=scores,
            state=state,
            message=message or self._origin(position),
            picture=self.request.view.pictures(look.pictures[column : column + 1])[0],
        )

    def leave_lanes(self) -> None:
        """Free the device; the tiles stay where they are."""
        if self.slots is not None and self.slots.units:
            self.states |= self.slots.clear()

    def forget(self) -> None:
        """Let all tiles begin again."""
        if self.slots is not None:
            self.slots.clear()
        for known in (self.states, self.steps, self.scores, self.ended, self.continued):
            known.clear()
        self.before = None

    def forget_lanes(self) -> None:
        """Let the tiles in the lanes begin again: a step that fails has used up what it was given."""
        for position in () if self.slots is None else self.slots.units:
            for known in (self.states, self.steps, self.scores, self.ended):
                known.pop(position, None)
            self.continued.discard(position)
        self.slots = None

    def rendering(self, positions: Sequence[int]) -> Rendering:
        """Return tiles as they are now, in full precision; those not begun are left out.

        Raises:
            ValueError: None of them has begun.
        """
        states = self._all_states()
        begun = [position for position in positions if position in states]
        if not begun:
            raise ValueError(f"None of the {len(positions)} tiles asked for has begun to climb.")
        images = self.lanes(1).images_of([states[position] for position in begun])
        scores = [np.array(self.scores.get(position, ()), np.float32) for position in begun]
        rows = max(len(part) for part in scores)
        history = np.full((rows, len(begun)), np.nan, np.float32)
        for column, part in enumerate(scores):
            history[: len(part), column] = part
        made = [self.steps.get(position, 0) for position in begun]
        steps = self.settings.steps
        ends = [self.ended.get(position, (0, "stopped", "")) for position in begun]
        return Rendering(
            images=np.clip(images, 0.0, 1.0),
            score_history=history,
            history_steps=np.arange(rows),
            labels=tuple(self.request.labels[position] for position in begun),
            states=tuple(
                "stopped" if self.is_moving(position) else state
                for position, (_, state, _) in zip(begun, ends, strict=True)
            ),
            messages=tuple(
                self._origin(position) or message for position, (_, _, message) in zip(begun, ends, strict=True)
            ),
            recipe=dataclasses.replace(
                dataclasses.replace(self.request, steps=steps).recipe().for_units(begun),
                # What has ended, dead before the last step perhaps, would end so again.
                steps_made=tuple(
                    taken if taken > steps or self.is_moving(position) else steps
                    for position, taken in zip(begun, made, strict=True)
                ),
                continued=tuple(position in self.continued for position in begun),
            ),
        )

    def _all_states(self) -> dict[int, State]:
        """Return the states of all tiles that have begun, those in lanes too."""
        return self.states | (self.slots.states(self.slots.units) if self.slots else {})

    def _origin(self, position: int) -> str:
        return _CONTINUED if position in self.continued else ""
