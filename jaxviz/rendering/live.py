"""The live climb: any tiles of any layer, most wanted first, a slice of a fifth of a second at a time."""

import dataclasses
import threading
import time
from collections.abc import Sequence
from typing import TypeAlias

import psutil

from jaxviz.models import Model
from jaxviz.rendering.board import Board, Place
from jaxviz.rendering.lanes import live_lanes
from jaxviz.rendering.pace import Pace, next_stage
from jaxviz.rendering.request import Request
from jaxviz.rendering.slots import Slots
from jaxviz.rendering.suitable import border_pixels, suitable_size
from jaxviz.rendering.tiles import both_signs
from jaxviz.results import Rendering, Settings, Tile, Update

# Of the memory that is free at the start, what tiles may hold on the host before layers left long ago are forgotten.
_SHARE_OF_FREE_MEMORY = 0.25

# What is in view is all seen soon, though few tiles at a time climb: 24 of 128 pixels take 70 ms on two cores.
_BEGINNING_SECONDS = 0.05

# Layer and settings, steps aside.
_Identity: TypeAlias = tuple[str, Settings]


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
        self._boards: dict[_Identity, Board] = {}
        self._asked: tuple[_Identity, Board] | None = None  # what `check` was asked last, for the `aim` that follows
        self._board: Board | None = None
        self._tiers: list[list[int]] = []
        self._pace = Pace()
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
            if not known and not from_scratch and before is not None and before.program()[:2] == board.program()[:2]:
                # What has not climbed since it was turned to has no pictures yet, but may know whose it goes on from.
                board.before = before.before or before

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
            if board is not None:
                board.forget()

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
        return self._pace.knows(board.program(wished))

    def advance(self) -> list[Update]:
        """Climb for one slice, about a fifth of a second, or compile and take the first step; return what changed.

        Where tiles begin the slice makes no step, so they are seen at once, whatever has to be compiled.
        """
        with self._tiles:
            with self._wanted:
                board, tiers = self._board, self._tiers
            moving = [[position for position in tier if board and board.is_moving(position)] for tier in tiers]
            wanted = {position for tier in moving for position in tier}
            if board is None or not wanted:
                return []
            slots = board.lanes(live_lanes(len(wanted)))
            begun = self._begin(board, slots, moving)
            self._leave_others(board)
            try:
                return begun or self._climb(board, slots)
            except BaseException:
                board.forget_lanes()
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
            return board.rendering(positions)

    def release(self) -> None:
        """Forget all tiles and free the device."""
        with self._tiles, self._wanted:
            self._boards, self._board, self._asked, self._tiers = {}, None, None, []

    def _board_of(self, layer: str, settings: Settings) -> tuple[_Identity, Board]:
        """Return what is known of a layer under some settings, or an empty board; it is not kept here."""
        identity = self._identity(layer, settings)
        with self._wanted:
            board = self._boards.get(identity)
            if board is None and self._asked is not None and self._asked[0] == identity:
                board = self._asked[1]
        if board is None:
            board = Board(self._place(layer), settings, self._request(layer, settings))
        return identity, board

    def _identity(self, layer: str, settings: Settings) -> _Identity:
        return self._place(layer).name, dataclasses.replace(settings, steps=1)

    def _place(self, layer: str) -> Place:
        """Return what the tiles of a board belong to; the bench has another answer, and so of `_request`."""
        return self._model.layers.named(layer)

    def _request(self, layer: str, settings: Settings) -> Request:
        """Ask for every unit of a place and, behind them, for the negative of every unit."""
        return both_signs(self._model, layer, settings, self._lowering)

    def _aimed(self) -> Board:
        with self._wanted:
            if self._board is None:
                raise RuntimeError("No layer was aimed at; call aim first.")
            return self._board

    def _begin(self, board: Board, slots: Slots, tiers: Sequence[Sequence[int]]) -> list[Update]:
        """Fill the lanes, and show tiles that begin, which needs no step: those of all tiers but the last at once."""
        until = time.perf_counter() + _BEGINNING_SECONDS
        fresh = [position for tier in tiers[:-1] for position in tier if position not in board.steps]
        begun: list[Update] = []
        for start in range(0, len(fresh), slots.count):
            if start == 0 or time.perf_counter() < until:
                board.arrange(slots, [fresh[start : start + slots.count]])
                begun += self._begun(board, slots)
        board.arrange(slots, tiers)
        return begun + self._begun(board, slots)

    def _begun(self, board: Board, slots: Slots) -> list[Update]:
        begun = [column for column, position in enumerate(slots.units) if position not in board.steps]
        if not begun:
            return []
        look = slots.show().look()
        return [board.update(look, column) for column in begun]

    def _climb(self, board: Board, slots: Slots) -> list[Update]:
        """Make the steps of one slice."""
        first = [board.steps[position] for position in slots.units]
        left = min(min(board.given, next_stage(steps)) - steps for steps in first)
        views = board.request.transform.views
        count = self._pace.steps(board.program(), most=left, views=views)
        began = time.perf_counter()
        slots.step(count)
        look = slots.show().look()
        self._pace.took(board.program(), (time.perf_counter() - began) / count, views=views)
        return [board.update(look, column) for column in range(len(first))]

    def _leave_others(self, board: Board) -> None:
        """Free the device of other layers' tiles, and forget those left longest ago if all hold too much memory."""
        with self._wanted:
            others = [(identity, other) for identity, other in self._boards.items() if other is not board]
        for _, other in others:
            other.leave_lanes()
        held = sum(other.bytes for _, other in others)
        for identity, other in others:
            if held > self._most_bytes:
                held -= other.bytes
                with self._wanted:
                    self._boards.pop(identity, None)
