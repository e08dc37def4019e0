"""The live climb: any tiles of any layer, most wanted first, a slice of a fifth of a second at a time."""

import dataclasses
import threading
import time
from array import array
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import jax
import numpy as np
import psutil

from jaxviz.models import Model
from jaxviz.objectives import Objective
from jaxviz.objectives.base import Combination, combine
from jaxviz.parameterizations import fourier
from jaxviz.rendering.lanes import live_lanes
from jaxviz.rendering.request import Request, make_request
from jaxviz.rendering.slots import Look, Slots, State
from jaxviz.rendering.suitable import border_pixels, disturbance, suitable_size
from jaxviz.results import Rendering, Settings, Tile, Update

# A slice shows a picture at its end, so a fast model has many short ones; a slow one takes some steps together, which
# climbs a quarter to a third faster (docs/performance.md), but never longer than Stop may take.
_SLICE_SECONDS = 0.05
_SLOW_STEP_SECONDS = 0.03
_LONGEST_SLICE_SECONDS = 0.2
_STEPS_TOGETHER = 4
_MOST_STEPS_A_SLICE = 16
# A slice ends where a tile has made so many steps: these pictures are kept, to show how it came about.
_STAGES = (1, 4, 16, 64, 256, 1024, 4096)
# Of the memory that is free at the start, what tiles may hold on the host before layers left long ago are forgotten.
_SHARE_OF_FREE_MEMORY = 0.25

# Layer and settings, steps aside.
_Identity: TypeAlias = tuple[str, Settings]

_CONTINUED = "It went on from a picture made under other settings, so the recipe alone does not make it again."


class Place(Protocol):
    """What tiles belong to: a layer."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def units(self) -> int:
        """How many units it has."""
        ...


@dataclasses.dataclass
class _Board:
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
    """

    layer: Place
    settings: Settings
    request: Request
    before: "_Board | None" = None
    states: dict[int, State] = dataclasses.field(default_factory=dict[int, State])
    steps: dict[int, int] = dataclasses.field(default_factory=dict[int, int])
    scores: "dict[int, array[float]]" = dataclasses.field(default_factory=dict[int, "array[float]"])
    ended: dict[int, tuple[int, str, str]] = dataclasses.field(default_factory=dict[int, tuple[int, str, str]])
    continued: set[int] = dataclasses.field(default_factory=set[int])
    slots: Slots | None = None
    wished: int = 0

    @property
    def program(self) -> tuple[str, int, int, int]:
        """What decides which compiled program is used."""
        return _program(self.layer, self.settings, self.wished)

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

    def all_states(self) -> dict[int, State]:
        """Return the states of all tiles that have begun, those in lanes too."""
        return self.states | (self.slots.states(self.slots.units) if self.slots else {})

    def is_moving(self, position: int) -> bool:
        """Return whether a tile can climb further under the settings as they are now."""
        if position not in self.ended:
            return True
        given, state, _ = self.ended[position]
        return state != "diverged" and given < self.settings.steps


class Live:
    """Climb the tiles of a model that someone is looking at; see `jaxviz.results.LiveClimb`.

    A tile's picture is the same bits that `jaxviz.render` makes with the recipe, whatever was climbed beside it, in
    whatever order, and however often it was put aside.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        lowering: As in `jaxviz.render`.

    Raises:
        ValueError: The model takes no images.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> from jaxviz.rendering import Live
        >>> live = Live(jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3)))
        >>> live.aim("mean", jaxviz.Settings(steps=2, size=16), from_scratch=True)
        >>> live.prioritise([[(1, 1), (1, -1)], [(0, 1), (2, 1)]])
        >>> while live.advance():
        ...     pass
        >>> live.rendering([(1, 1), (1, -1)]).labels
        ('mean:1', '-mean:1')
    """

    def __init__(self, model: Model, *, lowering: str = "auto") -> None:
        if model.input_name != "image":
            raise ValueError(
                f"The explorer shows models of images; model '{model.name}' takes {model.input_name}s of shape "
                f"{model.input_shape}. Use jaxviz.render(model, layer), which draws them, or "
                "jaxviz.RenderProgress(jaxviz.render_steps(model, layer)) to watch."
            )
        self._model = model
        self._lowering = lowering
        self._boards: dict[_Identity, _Board] = {}
        self._asked: tuple[_Identity, _Board] | None = None  # what `check` was asked last, for the `aim` that follows
        self._board: _Board | None = None
        self._tiers: list[list[int]] = []
        self._step_seconds: dict[tuple[str, int, int, int], float] = {}  # of each program that was compiled
        # What is wanted changes at once; the tiles themselves belong to the slice that runs.
        self._wanted = threading.Lock()
        self._tiles = threading.RLock()
        self._most_bytes = psutil.virtual_memory().available * _SHARE_OF_FREE_MEMORY

    @property
    def suitable_size(self) -> tuple[int, int]:
        """Height and width of a picture where nothing is said; settings of this height give this width too."""
        height, width = suitable_size(self._model)
        return height, width

    @property
    def border_pixels(self) -> int:
        """Grey around a picture when it is disturbed."""
        return border_pixels(self._model)

    def aim(self, layer: str, settings: Settings, *, from_scratch: bool) -> None:
        """Turn to a layer under some settings; nothing is wanted until `prioritise`.

        Raises:
            KeyError: An unknown layer; the message names the closest.
            ValueError: The model cannot be traced with pictures of this size, or has an unsound weight.
        """
        identity, board = self._board_of(layer, settings)
        board.settings = settings
        board.request = dataclasses.replace(board.request, steps=settings.steps)
        with self._wanted:
            before, self._board, self._asked = self._board, board, None
            self._tiers = []
            known = identity in self._boards
            self._boards = {key: value for key, value in self._boards.items() if value is not board} | {identity: board}
            if not known and not from_scratch and before is not None and before.program[:2] == board.program[:2]:
                board.before = before

    def check(self, layer: str, settings: Settings) -> None:
        """Raise what `aim` would raise, and change nothing.

        Raises:
            KeyError: An unknown layer; the message names the closest.
            ValueError: The model cannot be traced with pictures of this size, or has an unsound weight.
        """
        self._asked = self._board_of(layer, settings)

    def forget(self, layer: str, settings: Settings) -> None:
        """Forget the tiles of a layer under some settings, which then begin again; those of others stay."""
        identity = self._identity(layer, settings)
        with self._tiles:
            with self._wanted:
                board = self._boards.get(identity)
            if board is None:
                return
            if board.slots is not None:
                board.slots.clear()
            for known in (board.states, board.steps, board.scores, board.ended, board.continued):
                known.clear()
            board.before = None

    def prioritise(self, tiers: Sequence[Sequence[Tile]]) -> None:
        """Say which tiles are wanted: those of an earlier list before those of a later one, in turns within one.

        Raises:
            IndexError: The layer has no such unit.
            RuntimeError: No layer was aimed at.
        """
        board = self._aimed()
        positions = [[board.position(tile) for tile in tier] for tier in tiers]
        with self._wanted:
            self._tiers = positions

    @property
    def prepared(self) -> bool:
        """Whether the next slice needs no compiling."""
        with self._wanted:
            board, tiers = self._board, self._tiers
        if board is None:
            return False
        count = sum(board.is_moving(position) for position in {position for tier in tiers for position in tier})
        wished = max(board.wished, live_lanes(count))
        return _program(board.layer, board.settings, wished) in self._step_seconds

    def advance(self) -> list[Update]:
        """Climb for one slice, about a fifth of a second, or compile and take the first step; return what changed."""
        with self._tiles:
            with self._wanted:
                board, tiers = self._board, self._tiers
            moving = [[position for position in tier if board and board.is_moving(position)] for tier in tiers]
            wanted = list(dict.fromkeys(position for tier in moving for position in tier))
            if board is None or not wanted:
                return []
            slots = self._slots(board, len(wanted))
            chosen = _chosen(board, moving, slots)
            board.states |= slots.arrange(chosen, board.states, last_step=board.settings.steps)
            self._leave_others(board)
            try:
                return self._climb(board, slots)
            except BaseException:
                _forget_lanes(board, slots.units)
                raise

    def rendering(self, tiles: Sequence[Tile], *, of: tuple[str, Settings] | None = None) -> Rendering:
        """Return tiles as they are now, in full precision; those not begun are left out.

        Args:
            tiles: Which.
            of: Their layer and settings; what was aimed at last if None.

        Raises:
            IndexError: The layer has no such unit.
            ValueError: None of the tiles has begun, or they were forgotten since.
            RuntimeError: No layer was aimed at.
        """
        board = self._aimed() if of is None else self._board_of(*of)[1]
        positions = [board.position(tile) for tile in tiles]
        with self._tiles:
            states = board.all_states()
            begun = [position for position in positions if position in states]
            if not begun or board.slots is None:
                raise ValueError(f"None of the {len(positions)} tiles asked for has begun to climb.")
            images = board.slots.images_of([states[position] for position in begun])
            scores = [np.array(board.scores.get(position, ()), np.float32) for position in begun]
        rows = max(len(part) for part in scores)
        history = np.full((rows, len(begun)), np.nan, np.float32)
        for column, part in enumerate(scores):
            history[: len(part), column] = part
        ends = [board.ended.get(position, (0, "stopped", "")) for position in begun]
        recipe = dataclasses.replace(board.request, steps=board.settings.steps).recipe().for_units(begun)
        return Rendering(
            images=np.clip(images, 0.0, 1.0),
            score_history=history,
            history_steps=np.arange(rows),
            labels=tuple(board.request.labels[position] for position in begun),
            states=tuple("stopped" if board.is_moving(p) else end[1] for p, end in zip(begun, ends, strict=True)),
            messages=tuple(
                _CONTINUED if position in board.continued else end[2] for position, end in zip(begun, ends, strict=True)
            ),
            recipe=recipe,
        )

    def release(self) -> None:
        """Forget all tiles and free the device."""
        with self._tiles, self._wanted:
            self._boards, self._board, self._asked, self._tiers = {}, None, None, []

    def _board_of(self, layer: str, settings: Settings) -> tuple[_Identity, _Board]:
        """Return what is known of a layer under some settings, or an empty board; it is not kept here."""
        identity = self._identity(layer, settings)
        with self._wanted:
            board = self._boards.get(identity)
            if board is None and self._asked is not None and self._asked[0] == identity:
                board = self._asked[1]
        if board is None:
            board = _Board(self._place(layer), settings, self._request(layer, settings))
        return identity, board

    def _identity(self, layer: str, settings: Settings) -> _Identity:
        return self._place(layer).name, dataclasses.replace(settings, steps=1)

    def _place(self, layer: str) -> Place:
        """Return what the tiles of a board belong to."""
        return self._model.layers.named(layer)

    def _request(self, layer: str, settings: Settings) -> Request:
        """Ask for every unit of a place and, behind them, for the negative of every unit."""
        return _request(self._model, layer, settings, self._lowering)

    def _aimed(self) -> _Board:
        with self._wanted:
            if self._board is None:
                raise RuntimeError("No layer was aimed at; call aim first.")
            return self._board

    def _slots(self, board: _Board, wanted: int) -> Slots:
        """Return the lanes of a board; once there are many they stay, so that nothing is compiled again."""
        wished = live_lanes(wanted)
        if board.slots is None or board.wished < wished:
            board.states = board.all_states()
            objectives = _weighted(board.request)
            board.slots = Slots(board.request, [0], wished=wished, objectives=objectives)
            board.wished = wished
        if board.before is not None:
            _go_on(board, board.slots)
        return board.slots

    def _climb(self, board: _Board, slots: Slots) -> list[Update]:
        """Make the steps of one slice."""
        units = slots.units
        first = [board.steps.get(position, 0) for position in units]
        known = self._step_seconds.get(board.program)
        left = min(min(board.settings.steps, _next_stage(steps)) - steps for steps in first)
        count = max(1, min(left, _steps_of_slice(known) if known else 1))
        began = time.perf_counter()
        slots.step(count)
        look = slots.show().look()
        seconds = (time.perf_counter() - began) / count
        # The first step is compiled; what it took says nothing of the next, which is measured alone.
        self._step_seconds[board.program] = 0.5 * (known + seconds) if known else _LONGEST_SLICE_SECONDS
        return [self._update(board, look, column, look.scores[:, column]) for column in range(len(units))]

    def _update(self, board: _Board, look: Look, column: int, scores: Any) -> Update:
        """Take over what a slice did to one tile, and say it."""
        position, state, message = look.units[column], look.states[column], look.messages[column]
        first, step = board.steps.get(position, 0), int(look.steps[column])
        scores = scores[: step - first]  # a lane that ends within a slice makes no step from then on
        board.steps[position] = step
        board.scores.setdefault(position, array("f")).frombytes(np.asarray(scores, np.float32).tobytes())
        if state == "climbing":
            board.ended.pop(position, None)
        else:
            board.ended[position] = (board.settings.steps, state, message)
        unit, sign = board.tile(position)
        return Update(
            unit=unit,
            sign=sign,
            step=step,
            first_step=first,
            scores=scores,
            state=state,
            message=message or (_CONTINUED if position in board.continued else ""),
            picture=self._model.view.pictures(look.pictures[column : column + 1])[0],
        )

    def _leave_others(self, board: _Board) -> None:
        """Free the device of other layers' tiles, and forget those left longest ago if all hold too much memory."""
        with self._wanted:
            others = [(identity, other) for identity, other in self._boards.items() if other is not board]
        for _, other in others:
            if other.slots is not None and other.slots.units:
                other.states |= other.slots.clear()
        held = sum(other.bytes for _, other in others)
        for identity, other in others:
            if held > self._most_bytes:
                held -= other.bytes
                with self._wanted:
                    self._boards.pop(identity, None)


def _chosen(board: _Board, moving: Sequence[Sequence[int]], slots: Slots) -> list[int]:
    """Fill the lanes: earlier tiers first; within one those with the fewest steps, and who is in a lane stays."""
    inside = set(slots.units)
    chosen: list[int] = []
    for tier in moving:
        ranked = sorted(
            dict.fromkeys(tier), key=lambda position: (board.steps.get(position, 0), position not in inside)
        )
        chosen += [position for position in ranked if position not in chosen][: slots.count - len(chosen)]
    return chosen


def _steps_of_slice(step_seconds: float) -> int:
    """Return how many steps a slice makes when one takes so long."""
    if step_seconds < _SLOW_STEP_SECONDS:
        return min(_MOST_STEPS_A_SLICE, round(_SLICE_SECONDS / step_seconds))
    return min(_STEPS_TOGETHER, int(_LONGEST_SLICE_SECONDS / step_seconds))


def _next_stage(steps: int) -> int:
    return next((stage for stage in _STAGES if stage > steps), steps + _MOST_STEPS_A_SLICE)


def _forget_lanes(board: _Board, units: Sequence[int]) -> None:
    """Let the tiles in the lanes begin again: a step that fails has used up what it was given."""
    for position in units:
        for known in (board.states, board.steps, board.scores, board.ended):
            known.pop(position, None)
        board.continued.discard(position)
    board.slots = None


def _go_on(board: _Board, slots: Slots) -> None:
    """Let tiles begin with the pictures that they had under other settings."""
    assert board.before is not None
    begun = slots.begun_from(board.before.all_states())
    board.states |= begun
    board.continued |= begun.keys()
    board.before = None


def _weighted(request: Request) -> list[Objective]:
    """Write every objective as a weighted sum of one term, so that one program serves both signs."""
    return [
        objective if isinstance(objective, Combination) else combine((objective, 1.0))
        for objective in request.objectives
    ]


def _program(layer: Place, settings: Settings, wished: int) -> tuple[str, int, int, int]:
    return layer.name, settings.size, settings.views, wished


def _size(model: Model, settings: Settings) -> tuple[int, ...]:
    """Return the height and width of the pictures: square, but where another shape suits the model."""
    size = suitable_size(model)
    return size if settings.size == size[0] else (settings.size, settings.size)


def _request(model: Model, layer: str, settings: Settings, lowering: str) -> Request:
    """Ask for every unit of a layer and, behind them, for the negative of every unit."""

    def request(objective: Any, units: Any) -> Request:
        return make_request(
            model,
            objective,
            units=units,
            steps=settings.steps,
            size=_size(model, settings),
            key=settings.key,
            parameterization=fourier(decay_power=settings.decay_power),
            transforms=disturbance(model, settings),
            optimizer=None,
            learning_rate=settings.learning_rate,
            lowering=lowering,
        )

    positive = request(layer, None)
    negative = request([-objective for objective in positive.objectives], None)
    both = (*positive.objectives, *negative.objectives)
    return dataclasses.replace(
        positive,
        objectives=both,
        labels=(*positive.labels, *negative.labels),
        seeds=(*positive.seeds, *negative.seeds),
        targets={**positive.targets, **negative.targets},
    )
