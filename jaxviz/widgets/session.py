"""The session: a climb, the widgets that show it, and what each of them is told."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxviz.results import LiveClimb, Tile, contact_sheet
from jaxviz.results.messages import Shown
from jaxviz.results.tile import TileRecord
from jaxviz.widgets.audience import Audience, Face
from jaxviz.widgets.board import Board
from jaxviz.widgets.boards import pinned
from jaxviz.widgets.choice import Choice
from jaxviz.widgets.errors import one_line
from jaxviz.widgets.facts import Facts
from jaxviz.widgets.outbox import Candidate

_LEAST_TELLING_SECONDS = 0.4  # numbers that change faster cannot be read; another phase is told at once
_LONGEST_OBSERVER_SECONDS = 2.0


class Session(Audience):
    """A climb, and what the widgets that show it are told and sent.

    Args:
        live: What climbs.
        facts: Of the model.
        choice: What is climbed first.
        serve: Sends a widget what it should get, and returns in how many seconds it wants to be called again.
    """

    def __init__(
        self, live: LiveClimb, facts: Facts, choice: Choice, *, serve: "Callable[[Session, Face], float | None]"
    ) -> None:
        self._serve = serve
        self._telling = threading.RLock()
        self._is_told, self._told_at, self._told_phase = True, float("-inf"), ""
        super().__init__(live, facts, choice)
        self._told_steps = self._steps_made()

    def wanted(self) -> list[list[Tile]]:
        """Return what is wanted: the chosen unit and its negative, then what is in view, then the rest of the grid."""
        faces, choice = self.faces(), self.choice
        in_grid = frozenset(choice.units)
        views = [face.outbox.visible for face in faces if face.shows_grid]
        visible = [unit for units in itertools.zip_longest(*views) for unit in units if unit in in_grid]
        rest = choice.units if not faces or any(face.shows_grid for face in faces) else ()
        chosen = [(choice.unit, 1), (choice.unit, -1)] if any(face.shows_unit for face in faces) else []
        tiers, taken = [chosen], set(chosen)
        for units in (visible, rest):
            tier = [tile for tile in dict.fromkeys((unit, 1) for unit in units) if tile not in taken]
            taken.update(tier)
            tiers.append(tier)
        return tiers

    def change(self, changes: Mapping[str, Any]) -> None:
        """Choose otherwise, as `Climb.change` does; states are told at once where they are of other units now."""
        units = self.choice.layer, self.choice.units
        super().change(changes)
        if units != (self.choice.layer, self.choice.units):
            self.tell()

    # What is told

    def news(self) -> None:
        """Tell the widgets soon."""
        self._is_told = False
        self.courier.notify()

    def tell(self) -> None:
        """Set the traits that only Python sets, on every widget, to what is known now."""
        # One at a time, so that the newest is set last. An observer that waits for a thread that waits here would
        # block both; after a while the order matters less.
        alone = self._telling.acquire(timeout=_LONGEST_OBSERVER_SECONDS)
        try:
            self._is_told, self._told_at = True, time.monotonic()
            with self.lock:
                before, self._told_steps = self._told_steps, self._steps_made()
                is_overtaken = before != self._told_steps
            if is_overtaken:  # the code names these steps; a slice may have been under way when fewer were asked for
                self.mirror()
            values = self.told()
            self._told_phase = values["status"]["phase"]
            for face in self.faces():
                face.show(values)
        finally:
            if alone:
                self._telling.release()

    def told(self) -> dict[str, Any]:
        """Return the values of the traits that only Python sets."""
        with self.lock:
            status = self.status("rests until a view is opened" if self._rests else "")
            board = self.boards.shown
            letters = "" if board is None else board.letters(self.choice.units, status["phase"])
            return {"states": letters, "status": dict(status), "error": self.error}

    def chosen_values(self) -> dict[str, Any]:
        """Return what is chosen, and the Python that renders it, which is never told without it."""
        with self.lock:
            choice, board = self.choice, self.boards.shown
            said = choice.settings, choice.layer
            goes_on = board is not None and board.goes_on
            rows, steps = self._rows(), self._steps_made()
            code = {
                what: self.facts.python(*said, units, goes_on=goes_on, made=steps[what]) for what, units in rows.items()
            }
        return {**choice.to_json(), "code": {"unit": "", "grid": "", **code}}

    def _rows(self) -> dict[str, Sequence[int]]:
        """Return the units of each piece of code."""
        return {"unit": [self.choice.unit], "grid": self.choice.units} if self.boards.shown is not None else {}

    def _steps_made(self) -> dict[str, tuple[int, int]]:
        """Return how many steps the pictures of each piece of code have made, least and most; `lock` is held."""
        board = self.boards.shown
        return {} if board is None else {what: board.steps_made(units) for what, units in self._rows().items()}

    def deliver(self) -> float | None:
        """Tell and send what is due, on the courier's thread, and return when to come again."""
        try:
            waits = [self._tell_if_due(), self.lose_if_due(), self.rest_if_due()]
            waits += [self._serve(self, face) for face in self.faces()]
        except Exception as error:  # noqa: BLE001 - this thread serves everything that comes after
            self.error = one_line(error)
            return None
        return min((wait for wait in waits if wait is not None), default=None)

    def _tell_if_due(self) -> float | None:
        left = self._told_at + _LEAST_TELLING_SECONDS - time.monotonic()
        if self._is_told or (left > 0 and self.phase == self._told_phase):
            return None if self._is_told else left
        self.tell()
        return None

    # What is shown

    def candidates(self, face: Face) -> list[Candidate]:
        """Return the tiles that a widget shows and that have a picture; `lock` is held.

        They are the chosen unit and its negative, what is in view, and in an explorer what is pinned.
        """
        board, choice, phase = self.boards.shown, self.choice, self.phase
        if board is None:
            return []
        tiles = [(choice.unit, 1), (choice.unit, -1)] if face.shows_unit else []
        tiles += [(unit, 1) for unit in face.outbox.visible] if face.shows_grid else []
        places = dict.fromkeys((board, tile) for tile in tiles)
        if face.shows_unit and face.shows_grid:
            pins = choice.pins
            boards = self.boards.of_layers(pins)
            places |= dict.fromkeys((other, tile) for other in boards for tile in pinned(other, pins))
        return [Candidate(other, shown) for other, tile in places if (shown := other.shown(tile, phase))]

    def chosen(self) -> list[Candidate]:
        """Return the chosen unit's tiles that have a picture, as copies."""
        with self.lock:
            board, unit = self.boards.shown, self.choice.unit
            if board is None:
                return []
            found = [shown for sign in (1, -1) if (shown := board.shown((unit, sign), self.phase))]
            return [Candidate(board, shown._replace(record=shown.record.copy())) for shown in found]

    def record(self, unit: int, sign: int) -> TileRecord | None:
        """Return what is known of a tile of the layer on the screen, as a copy."""
        with self.lock:
            record = None if self.boards.shown is None else self.boards.shown.records.get((unit, sign))
            return None if record is None else record.copy()

    def scores(self) -> dict[int, float]:
        """Return the newest score of each unit in the grid that has one."""
        with self.lock:
            records = {} if self.boards.shown is None else self.boards.shown.records
            found = [(unit, records[unit, 1].score) for unit in self.choice.units if (unit, 1) in records]
            return {unit: score for unit, score in found if score is not None}

    def begun(self) -> list[Tile]:
        """Return the tiles to speak of: the selection if there is one, else what is in view, else all; if begun."""
        with self.lock:
            board, choice = self.boards.shown, self.choice
            if board is None:
                return []
            visible = [unit for face in self._faces if face.shows_grid for unit in face.outbox.visible]
            for units in (choice.selection, dict.fromkeys(visible), choice.units):
                tiles = [(unit, 1) for unit in units if (unit, 1) in board.records]
                if tiles:
                    return tiles
            return [tile for tile in ((choice.unit, 1), (choice.unit, -1)) if tile in board.records]

    def in_view(self, most: int | None = None) -> list[Shown]:
        """Return the first of the tiles on the screen that have pictures, all of one size."""
        with self.lock:
            board = self.boards.shown
            if board is None:
                return []
            shown = [found for tile in self.begun()[:most] if (found := board.shown(tile, self.phase))]
            sizes = {found.record.picture.shape for found in shown if found.record.picture is not None}
            return shown if len(sizes) == 1 else []

    def sheet(self, shown: Sequence[Shown]) -> UInt8[np.ndarray, "sheet_height sheet_width 3"]:
        """Lay pictures out as a contact sheet, with what they are called."""
        layer = self.choice.layer
        labels = [f"{'-' * (sign < 0)}{self.facts.name_of(layer, unit)}" for (unit, sign), *_ in shown]
        pictures = [each.record.picture for each in shown if each.record.picture is not None]
        return contact_sheet(np.stack(pictures), labels=labels)

    def board_of(self, layer: str, generation: int | None) -> Board | None:
        """Return the board of a layer that was shown under a generation, or the newest if None; None if it is gone."""
        with self.lock:
            shown = self.boards.shown
            if generation is None and shown is not None and shown.layer == layer:
                return shown
            boards = [board for board in self.exported() if board.layer == layer]
            named = [board for board in boards if generation is None or generation in board.generations]
            return max(named, key=lambda board: board.generation, default=None)

    def exported(self) -> list[Board]:
        """Return the boards that an exported page shows."""
        with self.lock:
            return self.boards.of_layers(self.choice.pins)
