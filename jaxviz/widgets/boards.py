"""The boards of a session: one for each layer and settings that were shown, kept for coming back."""

import itertools
import operator
from collections.abc import Iterable, Sequence

from jaxviz.results import Settings, Tile
from jaxviz.widgets.board import Board
from jaxviz.widgets.choice import Choice, Pin

MOST_BYTES = 256 << 20
"""Of pictures of layers and settings that were left."""


class Boards:
    """The boards, of which one is shown.

    Args:
        steps_matter: Whether pictures of another number of steps are other pictures from the first step on.

    Attributes:
        shown: The board on the screen, or None before a layer was chosen.
    """

    def __init__(self, *, steps_matter: bool = False) -> None:
        self._same_pictures = operator.eq if steps_matter else Settings.same_pictures
        self.shown: Board | None = None
        self._boards: list[Board] = []  # the one left longest ago comes first
        self._generations = itertools.count(1)

    def turn_to(self, choice: Choice) -> list[tuple[str, Settings]]:
        """Show the board of a choice, under a new generation if the layer's pictures are other ones than before.

        Returns:
            The layer and settings whose tiles the climb must forget first: they were dropped here to save memory, and
            the climb would say no more of those that have ended.
        """
        if not choice.layer:
            self.shown = None
            return []
        same_layer = [board for board in self._boards if board.layer == choice.layer]
        same = (board for board in same_layer if self._same_pictures(board.settings, choice.settings))
        found = next((board for board in same if not board.is_forgotten), None)
        dropped = found if found is not None and found.is_dropped else None
        if dropped is not None:
            dropped.is_forgotten = True
            found = None
        board = found or self._new(choice, begins=dropped is not None)
        if any(other.generation > board.generation for other in same_layer):
            board.generations.append(next(self._generations))
        board.settings = choice.settings
        self._show(board, choice.pins)
        return [] if dropped is None else [(dropped.layer, dropped.settings)]

    def begin_again(self, choice: Choice, units: Iterable[int] | None = None) -> None:
        """Show another board in place of the one that is shown, of which only what is pinned is kept.

        Args:
            choice: What is chosen.
            units: Of these nothing is taken over, all if None. Where they were shown under other settings, all begins
                again when one comes back.
        """
        former = self.shown
        if former is None:
            return
        board = Board(former.layer, choice.settings, next(self._generations))
        if units is not None:
            former.goes_on_as(board, without=frozenset(units))
            for other in self._boards:
                other.skip(former)
                if other.layer == former.layer and other is not former and not other.is_forgotten:
                    other.forget_all_but(pinned(other, choice.pins))
                    other.is_dropped = True
        former.is_forgotten = True
        former.forget_all_but(pinned(former, choice.pins))
        self._show(board, choice.pins)

    def of_layers(self, pins: Sequence[Pin]) -> list[Board]:
        """Return the newest board of each layer, and those of which something is pinned."""
        boards = [board for board in self._boards if board is self.shown or board.records]
        last = newest(boards)
        return [board for board in boards if board is last[board.layer] or pinned(board, pins)]

    def _new(self, choice: Choice, *, begins: bool) -> Board:
        """Return an empty board, whose pictures go on from those on the screen where the live climb lets them."""
        board = Board(choice.layer, choice.settings, next(self._generations))
        former = self.shown
        if former is not None and former.layer == board.layer and former.settings.size == board.settings.size:
            board.goes_on = not (begins or choice.from_scratch)
        return board

    def _show(self, board: Board, pins: Sequence[Pin]) -> None:
        others = [other for other in self._boards if other is not board]
        total = board.byte_count + sum(other.byte_count for other in others)
        for other in others:
            if total > MOST_BYTES:
                total -= other.byte_count
                other.forget_all_but(pinned(other, pins))
                other.is_dropped = True
        self._boards = [*(other for other in others if other.records or other.is_remembered), board]
        self.shown = board


def newest(boards: Iterable[Board]) -> dict[str, Board]:
    """Return the board of each layer that was shown last."""
    return {board.layer: board for board in sorted(boards, key=lambda board: board.generation)}


def pinned(board: Board, pins: Sequence[Pin]) -> list[Tile]:
    """Return the tiles of a board that are in the tray."""
    return [
        (pin["unit"], pin["sign"])
        for pin in pins
        if pin["layer"] == board.layer and pin["generation"] in board.generations
    ]
