"""The climb of a session: what is chosen, what the job does about it, and what came of it."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from jaxviz.jobs import Courier, Job
from jaxviz.results import LiveClimb, Rendering, Settings, Tile
from jaxviz.widgets.board import IDLE, Board, Phase, Status
from jaxviz.widgets.boards import Boards
from jaxviz.widgets.choice import Choice
from jaxviz.widgets.errors import one_line
from jaxviz.widgets.facts import Facts

_SPEED_SECONDS = 5.0


class Climb:
    """Climb what is chosen in the background, and keep what came of it.

    `lock` guards the data and is never held while something is called that could wait: the live climb, the observers of
    a trait, the kernel's sockets.

    Args:
        live: What climbs.
        facts: Of the model.
        choice: What is climbed first; `live` must accept it.

    Attributes:
        choice: What is chosen now; every change puts a new one here.
        error: What went wrong last, in one line, or "".
        boards: What came of it.

    Raises:
        KeyError, ValueError: `live` refuses the choice.
    """

    def __init__(self, live: LiveClimb, facts: Facts, choice: Choice) -> None:
        self.lock = threading.RLock()
        self.facts = facts
        self.choice = choice
        self.error = ""
        self.boards = Boards(steps_matter=facts.steps_matter)
        self.boards.turn_to(choice)
        self._live = live
        self._accepted: Choice | None = None  # what `live` is turned to
        self._tiers: Sequence[Sequence[Tile]] | None = None
        self._forgets: list[tuple[str, Settings]] = []  # what `live` has to forget before the next slice
        self._is_preparing = False
        self._made: deque[tuple[float, int]] = deque()  # when a slice ended, and its steps
        self._versions = itertools.count(1)
        self.courier = Courier(self.deliver)
        self.job = Job(self._slice, name="jaxviz climb", finish=live.release, after=self.courier.notify)
        self._aim()

    # What a session adds

    def deliver(self) -> float | None:
        """Tell the widgets what there is to tell; on the courier's thread."""
        raise NotImplementedError

    def mirror(self) -> None:
        """Let every widget show the choice."""

    def news(self) -> None:
        """There is something to tell."""

    def wanted(self) -> list[list[Tile]]:
        """Return the tiles that are wanted, in tiers."""
        raise NotImplementedError

    def renumbered(self, before: Choice) -> list[int]:  # noqa: ARG002
        """Hand numbers that changed to what climbs, and return the units that begin again; `lock` is held."""
        return []

    # What is chosen

    def change(self, changes: Mapping[str, Any]) -> None:
        """Choose otherwise; all of it, or nothing if something is wrong.

        Raises:
            KeyError, IndexError, TypeError, ValueError: A value is wrong; the message says what is allowed.
        """
        with self.lock:
            before = self.choice
            self.choice = before.changed(self.facts, changes)
            moved = _aims(before) != _aims(self.choice)
            if moved:
                self._turn()
            again = self.renumbered(before)
            if again:
                self.boards.begin_again(self.choice, again)
            self.error = ""
        self.mirror()
        self.job.again("running", "done", *(("stopped", "failed") if moved or again else ()))
        self.news()

    def check(self, changes: Mapping[str, Any]) -> Choice:
        """Return what a change would give; what the model refuses is refused too, before anything is compiled.

        Raises:
            KeyError, IndexError, TypeError, ValueError: A value is wrong; the message says what is allowed.
        """
        before = self.choice
        choice = before.changed(self.facts, changes)
        if choice.layer and _aims(before) != _aims(choice):
            self._live.check(choice.layer, choice.settings)
        return choice

    def command(self, command: str) -> None:
        """Start, pause, stop or restart the climb; restart begins the present pictures again.

        Raises:
            ValueError: There is no such command.
        """
        if command not in ("start", "pause", "stop", "restart"):
            raise ValueError(f"Unknown command {command!r}; there are start, pause, stop and restart.")
        with self.lock:
            self.error = ""
            if command == "restart":
                self.boards.begin_again(self.choice)
                self._forgets.append(_aims(self.choice))
        if command in ("start", "restart"):
            self.job.start()
        elif command == "pause":
            self.job.pause()
        else:
            self.job.stop()
        self.news()

    def _turn(self) -> None:
        self._forgets += self.boards.turn_to(self.choice)
        self._made.clear()

    # The slices, on the job's thread

    def _slice(self) -> bool:
        try:
            board = self._aim()
            if board is None:
                return False
            self._set_preparing(not self._live.prepared)
            updates = self._live.advance()
        except Exception as error:
            self.report(error)
            raise
        finally:
            self._set_preparing(False)
        now = time.monotonic()
        with self.lock:
            self._made.append((now, board.take(updates, next(self._versions))))
            while now - self._made[0][0] > _SPEED_SECONDS:
                self._made.popleft()
        self.news()
        return bool(updates)

    def _aim(self) -> Board | None:
        """Turn the climb to what is chosen, and say which tiles are wanted.

        If that is refused, the choice goes back to what was accepted last, as far as it is still the same.
        """
        while True:
            with self.lock:
                choice, board, accepted = self.choice, self.boards.shown, self._accepted
                forgets, self._forgets = self._forgets, []
            if board is None:
                return None
            for aims in forgets:
                self._live.forget(*aims)
            try:
                if accepted is None or _aims(accepted) != _aims(choice):
                    # The board's word, which the Python on the screen has too: what is chosen may be newer.
                    self._live.aim(board.layer, choice.settings, from_scratch=not board.goes_on)
                    self._accepted, self._tiers = choice, None
                break
            except (KeyError, ValueError) as error:
                if accepted is None:
                    raise
                self._take_back(choice, accepted)
                self.report(error)
        with self.lock:
            tiers = self.wanted() if self.choice.layer == choice.layer else self._tiers
        if tiers is not None and tiers != self._tiers:
            self._live.prioritise([list(tier) for tier in tiers])
            self._tiers = tiers
        return board

    def _take_back(self, refused: Choice, accepted: Choice) -> None:
        with self.lock:
            if _aims(self.choice) != _aims(refused):
                return
            back = {"layer": accepted.layer, "settings": accepted.settings, "units": accepted.units}
            self.choice = self.choice.changed(self.facts, back)
            self._turn()
        self.mirror()

    def _set_preparing(self, value: bool) -> None:
        with self.lock:
            if value == self._is_preparing:
                return
            self._is_preparing = value
            if value:
                self._made.clear()  # what compiling takes says nothing of the speed
        self.news()

    def report(self, error: BaseException) -> None:
        """Show an error in one line; nothing else changes."""
        self.error = one_line(error)
        self.news()

    # What came of it

    @property
    def phase(self) -> Phase:
        """What the climb does, in the browser's words."""
        phase = self.job.phase
        if self.boards.shown is None:
            return "idle"
        if phase == "running":
            return "preparing" if self._is_preparing else "climbing"
        return phase

    def status(self, message: str) -> Status:
        """Return how far the climb is; `lock` is held."""
        board, phase = self.boards.shown, self.phase
        if board is None:
            return IDLE
        tiles = dict.fromkeys(itertools.chain(*self.wanted()))
        return board.status(tiles, phase, self._speed() if phase == "climbing" else None, message)

    def _speed(self) -> float | None:
        if len(self._made) < 2:
            return None
        steps = sum(made for _, made in itertools.islice(self._made, 1, None))
        return steps / max(1e-3, self._made[-1][0] - self._made[0][0])

    def rendering(self, tiles: list[Tile], board: Board | None = None) -> Rendering:
        """Return tiles in full precision, of a board or of what is on the screen.

        Raises:
            ValueError: None of them has begun.
        """
        with self.lock:
            board = board or self.boards.shown
            begins = {layer for layer, _ in self._forgets}  # again, before the next slice
        if board is None or not tiles or board.layer in begins:
            raise ValueError("Nothing has been rendered yet: start the climb, and `wait` for it.")
        if board.is_forgotten:
            raise ValueError(f"The pictures of '{board.layer}' began again since; these are kept as they were shown.")
        return self._live.rendering(tiles, of=(board.layer, board.settings))


def _aims(choice: Choice) -> tuple[str, Settings]:
    return choice.layer, choice.settings
