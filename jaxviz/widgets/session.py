"""The session: what is climbed, what is known of it, and who is told; shared by the widgets that show one climb."""

import itertools
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from jaxviz.jobs import Courier, Job
from jaxviz.results import LiveClimb, Rendering, Tile
from jaxviz.results.messages import Message, Shown
from jaxviz.results.tile import TileRecord
from jaxviz.widgets.board import IDLE, Board, Status
from jaxviz.widgets.choice import Choice
from jaxviz.widgets.facts import Facts
from jaxviz.widgets.outbox import Candidate, Outbox

REST_SECONDS = 3.0
"""After the last view was closed, until the climb rests; a page that is loaded again is back before that."""

_SPEED_SECONDS = 5.0
_MOST_BYTES = 256 << 20
"""Of pictures of layers and settings that were left, kept for coming back."""


class Face(Protocol):
    """What the session knows of a widget. It calls these from any thread."""

    outbox: Outbox
    shows_grid: bool
    shows_unit: bool

    def send_message(self, message: Message) -> None:
        """Send JSON and bytes to the browser."""
        ...

    def refresh_still(self) -> None:
        """Show the newest pictures in the output behind the widget."""
        ...

    def mirror(self) -> None:
        """Take over the session's choice."""
        ...

    def show(self, values: Mapping[str, Any]) -> None:
        """Set traits that only Python sets."""
        ...


class Session:
    """Climb what is chosen in the background and keep what came of it; told about and asked from any thread.

    The lock guards the data and is never held while anything is called that could wait: the climb, a trait's
    observers, or the kernel's sockets.

    Args:
        live: What climbs.
        facts: Of the model.
        choice: What is climbed first; `live` must accept it.
        serve: Sends a face what it should get, and returns in how many seconds it wants to be called again.

    Raises:
        KeyError, ValueError: `live` refuses the choice.
    """

    def __init__(
        self, live: LiveClimb, facts: Facts, choice: Choice, *, serve: "Callable[[Session, Face], float | None]"
    ) -> None:
        self.facts = facts
        self.choice = choice
        self.error = ""
        self._live = live
        self._serve = serve
        self.lock = threading.RLock()
        self._telling = threading.RLock()
        self._faces: weakref.WeakSet[Face] = weakref.WeakSet()
        self._generation = itertools.count(1)
        self._version = itertools.count(1)
        self._boards: list[Board] = []  # the one turned to last is the last
        self._board = self._board_of(choice)
        self._accepted: Choice | None = None  # what `live` is turned to
        self._tiers: list[list[Tile]] | None = None
        self._forget_all = False
        self._is_preparing = False
        self._made: deque[tuple[float, int]] = deque()  # when a slice ended, and its steps
        self._untold, self._told_at, self._told_phase = True, float("-inf"), ""
        self._waiting = 0
        self._rest_at: float | None = None
        self._rests = False
        self.courier = Courier(self._deliver)
        self.job = Job(self._slice, name="jaxviz climb", finish=live.release, after=self.courier.notify)
        self._aim()

    # What is chosen

    def change(self, changes: Mapping[str, Any]) -> None:
        """Choose otherwise; all of it, or nothing if something is wrong.

        Raises:
            KeyError, IndexError, TypeError, ValueError: A value is wrong; the message says what is allowed.
        """
        with self.lock:
            before = self.choice
            self.choice = before.changed(self.facts, changes)
            moved = (before.layer, before.settings) != (self.choice.layer, self.choice.settings)
            if moved:
                self._board = self._board_of(self.choice)
            self.error = ""
        self.mirror()
        if moved and self.job.phase in ("idle", "stopped", "failed", "done") or self.job.phase in ("running", "done"):
            self.job.start()
        self.news()

    def command(self, command: str) -> None:
        """Start, pause, stop or restart the climb; restart begins the present pictures again.

        Raises:
            ValueError: There is no such command.
        """
        if command not in ("start", "pause", "stop", "restart"):
            raise ValueError(f"Unknown command {command!r}; there are start, pause, stop and restart.")
        with self.lock:
            self.error = ""
            self._rests = False
            if command == "restart" and self._board is not None:
                self._forget_all = True
                former = self._board
                self._board = Board(former.layer, self.choice.settings, next(self._generation))
                former.forget_all_but(self._pinned(former))
                self._boards.append(self._board)
        if command in ("start", "restart"):
            self.job.start()
        elif command == "pause":
            self.job.pause()
        else:
            self.job.stop()
        self.news()

    def mirror(self) -> None:
        """Let every widget show the choice."""
        for face in self.faces():
            face.mirror()

    def _board_of(self, choice: Choice) -> Board | None:
        """Return the board of a choice, under a new generation if another one was shown before; `_lock` is held."""
        if not choice.layer:
            return None
        shown = self._boards[-1] if self._boards else None
        for board in reversed(self._boards):
            if board.layer == choice.layer and board.settings.same_pictures(choice.settings):
                if board is not shown and any(other.layer == board.layer for other in self._newer(board)):
                    board.generations.append(next(self._generation))
                break
        else:
            board = Board(choice.layer, choice.settings, next(self._generation))
        board.settings = choice.settings
        self._boards = [*(other for other in self._boards if other is not board), board]
        self._forget()
        self._made = deque()
        return board

    def _newer(self, board: Board) -> list[Board]:
        return [other for other in self._boards if other.generation > board.generation]

    def _forget(self) -> None:
        """Forget the boards that were left longest ago when all hold too much, except what is pinned."""
        total = sum(board.byte_count for board in self._boards)
        for board in self._boards[:-1]:
            if total <= _MOST_BYTES:
                break
            total -= board.byte_count
            board.forget_all_but(self._pinned(board))
        self._boards = [board for board in self._boards[:-1] if board.records] + self._boards[-1:]

    def _pinned(self, board: Board) -> list[Tile]:
        return [
            (pin["unit"], pin["sign"])
            for pin in self.choice.pins
            if pin["layer"] == board.layer and pin["generation"] in board.generations
        ]

    # The climb, on the job's thread

    def _slice(self) -> bool:
        """Turn to what is wanted, climb for one slice, and note what it changed."""
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
            made = board.take(updates, next(self._version))
            self._made.append((now, made))
            while self._made and now - self._made[0][0] > _SPEED_SECONDS:
                self._made.popleft()
            self._untold = True
        return bool(updates)

    def _aim(self) -> Board | None:
        """Turn the climb to the choice, and say which tiles are wanted; if it is refused, go back to the last one."""
        with self.lock:
            choice, board, forget_all = self.choice, self._board, self._forget_all
            accepted = self._accepted
        if board is None:
            return None
        aimed = accepted is not None and (accepted.layer, accepted.settings) == (choice.layer, choice.settings)
        if not aimed or forget_all:
            if forget_all:
                self._live.release()
            try:
                self._live.aim(board.layer, choice.settings, from_scratch=choice.from_scratch)
            except (KeyError, ValueError) as error:
                if accepted is None or forget_all:
                    raise
                self._take_back(choice, accepted)
                self.report(error)
                return self._aim()
            with self.lock:
                self._accepted, self._tiers, self._forget_all = choice, None, self._forget_all and not forget_all
        with self.lock:
            tiers = self._wanted()
            fresh = self.choice.layer == choice.layer and tiers != self._tiers
            self._tiers = tiers if fresh else self._tiers
        if fresh:
            self._live.prioritise(tiers)
        return board

    def _take_back(self, refused: Choice, accepted: Choice) -> None:
        with self.lock:
            if (self.choice.layer, self.choice.settings) != (refused.layer, refused.settings):
                return  # another choice was made since
            back = {"layer": accepted.layer, "settings": accepted.settings, "units": list(accepted.units)}
            self.choice = self.choice.changed(self.facts, back)
            self._board = self._board_of(self.choice)
        self.mirror()

    def _wanted(self) -> list[list[Tile]]:
        """Return what is wanted, in tiers: the chosen unit, what is in view, the rest of the grid."""
        faces, choice = self.faces(), self.choice
        shows_grid = any(face.shows_grid for face in faces) or not faces
        chosen = [(choice.unit, 1), (choice.unit, -1)] if any(face.shows_unit for face in faces) else []
        in_grid = set(choice.units)
        views = [face.outbox.visible for face in faces if face.shows_grid]
        visible = [unit for units in itertools.zip_longest(*views) for unit in units if unit in in_grid]
        taken = set(chosen)
        tiers = [chosen]
        for units in (visible, choice.units if shows_grid else ()):
            tiles = [(unit, 1) for unit in dict.fromkeys(units) if (unit, 1) not in taken]
            taken.update(tiles)
            tiers.append(tiles)
        return tiers

    def _set_preparing(self, value: bool) -> None:
        with self.lock:
            if value == self._is_preparing:
                return
            self._is_preparing, self._untold = value, True
            if value:
                self._made.clear()  # what compiling takes says nothing of the speed
        self.courier.notify()

    # What is told

    def faces(self) -> list[Face]:
        """Return the widgets that show this session."""
        with self.lock:
            return list(self._faces)

    def join(self, face: Face) -> None:
        """Let a widget show this session."""
        with self.lock:
            self._faces.add(face)
        self.look_again()

    def leave(self, face: Face) -> None:
        """A widget was closed; with the last one the session ends."""
        with self.lock:
            self._faces.discard(face)
            last = not self._faces
        if last:
            self.close()
        else:
            self.look_again()

    def close(self) -> None:
        """End the climb and free the device, after the slice under way."""
        self.job.close()
        self.courier.close()

    def look_again(self) -> None:
        """What is wanted may be other tiles now."""
        if self.job.phase in ("running", "done"):
            self.job.start()
        self.news()

    def news(self) -> None:
        """There is something to tell."""
        self._untold = True
        self.courier.notify()

    def report(self, error: BaseException) -> None:
        """Show an error in one line; nothing else changes."""
        self.error = one_line(error)
        self.news()

    @property
    def phase(self) -> str:
        """What the climb does, in the browser's words."""
        phase = self.job.phase
        if self._board is None:
            return "idle"
        return {"running": "preparing" if self._is_preparing else "climbing"}.get(phase, phase)

    def status(self) -> Status:
        """Return how far the climb is."""
        with self.lock:
            board, phase = self._board, self.phase
            if board is None:
                return IDLE
            tiles = dict.fromkeys(itertools.chain(*self._wanted()))
            message = "rests until a view is opened" if self._rests and phase == "paused" else ""
            return board.status(tiles, phase, self._speed() if phase == "climbing" else None, message)

    def _speed(self) -> float | None:
        if len(self._made) < 2 or self._made[-1][0] <= self._made[0][0]:
            return None
        steps = sum(made for _, made in itertools.islice(self._made, 1, None))
        return steps / (self._made[-1][0] - self._made[0][0])

    def tell(self) -> None:
        """Set the traits that only Python sets, on every widget, from what is known now."""
        with self._telling:
            with self.lock:
                self._untold, self._told_at, self._told_phase = False, time.monotonic(), self.job.phase
                status = self.status()
                letters = self._board.letters(self.choice.units, status["phase"]) if self._board else ""
                values = {"states": letters, "status": dict(status), "code": self.code(), "error": self.error}
            for face in self.faces():
                face.show(values)

    def code(self) -> dict[str, str]:
        """Return the Python that renders what is on the screen again."""
        choice = self.choice
        if not choice.layer:
            return {"unit": "", "grid": ""}
        classes = self.facts.layers[choice.layer]["classes"]
        return {
            "unit": choice.settings.python(choice.layer, [choice.unit], classes=classes),
            "grid": choice.settings.python(choice.layer, choice.units, classes=classes),
        }

    def _deliver(self) -> float | None:
        """Tell what is due to be told, on the courier's thread, and return when to come again."""
        try:
            waits = [self._tell_if_due(), self._rest_if_due()]
            waits += [self._serve(self, face) for face in self.faces()]
        except Exception as error:  # noqa: BLE001 - this thread serves everything that comes after
            self.error = one_line(error)
            return None
        return min((wait for wait in waits if wait is not None), default=None)

    def _tell_if_due(self) -> float | None:
        if not self._untold and self._told_phase == self.job.phase:
            return None
        left = self._told_at + 0.1 - time.monotonic()
        if left <= 0:
            self.tell()
        return left if left > 0 else None

    # Views, and what they need

    def opened(self, face: Face, view: str) -> None:
        """A view of a widget was opened."""
        with self.lock:
            face.outbox.open(view)
            self._rest_at = None
            resume, self._rests = self._rests, False
        if resume:
            self.job.resume()
        self.look_again()

    def closed(self, face: Face, view: str) -> None:
        """A view of a widget was closed; when it was the last, the climb will rest."""
        with self.lock:
            face.outbox.views.discard(view)
            if not any(other.outbox.views for other in self._faces):
                self._rest_at = time.monotonic() + REST_SECONDS
        self.courier.notify()

    def _rest_if_due(self) -> float | None:
        with self.lock:
            if self._rest_at is None:
                return None
            left = self._rest_at - time.monotonic()
            if left > 0:
                return left
            self._rest_at = None
            rest = self.job.phase == "running" and not self._waiting
            self._rests = rest
        if rest:
            self.job.pause()
            self.tell()
        return None

    def candidates(self, face: Face) -> list[Candidate]:
        """Return the tiles that a widget shows and that have a picture: of the chosen unit, in view, and pinned."""
        with self.lock:
            board, choice, phase = self._board, self.choice, self.phase
            if board is None:
                return []
            tiles = [(choice.unit, 1), (choice.unit, -1)] if face.shows_unit else []
            if face.shows_grid:
                tiles += [(unit, 1) for unit in face.outbox.visible]
            found = [Candidate(board, shown) for tile in dict.fromkeys(tiles) if (shown := board.shown(tile, phase))]
            for other in self._boards if face.shows_unit and face.shows_grid else ():
                pinned = [shown for tile in self._pinned(other) if (shown := other.shown(tile, "stopped"))]
                found += [Candidate(other, shown) for shown in pinned if other is not board or shown.tile not in tiles]
            return found

    def chosen(self) -> list[Candidate]:
        """Return the chosen unit's tiles that have a picture, as copies."""
        with self.lock:
            board, unit = self._board, self.choice.unit
            if board is None:
                return []
            found = [shown for sign in (1, -1) if (shown := board.shown((unit, sign), self.phase))]
            return [Candidate(board, shown._replace(record=shown.record.copy())) for shown in found]

    # What Python asks

    def wait(self, timeout_seconds: float | None) -> bool:
        """Wait until nothing climbs, and return whether nothing does.

        Raises:
            RuntimeError: The climb failed.
        """
        with self.lock:
            self._waiting += 1
            resume, self._rests = self._rests, False
        if resume:
            self.job.resume()
        try:
            rests = self.job.wait(timeout_seconds)
        finally:
            with self.lock:
                self._waiting -= 1
        self.tell()
        if self.job.phase == "failed" and self.job.error is not None:
            raise RuntimeError(f"The climb failed: {one_line(self.job.error)}") from self.job.error
        return rests

    def record(self, unit: int, sign: int) -> TileRecord | None:
        """Return what is known of a tile of the present board, as a copy."""
        with self.lock:
            record = None if self._board is None else self._board.records.get((unit, sign))
            return None if record is None else record.copy()

    def begun(self) -> list[Tile]:
        """Return the tiles to speak of: the selection if there is one, else what is in view, else all; if begun."""
        with self.lock:
            board, choice = self._board, self.choice
            if board is None:
                return []
            visible = [unit for face in self._faces if face.shows_grid for unit in face.outbox.visible]
            for units in (choice.selection, dict.fromkeys(visible), choice.units):
                tiles = [(unit, 1) for unit in units if (unit, 1) in board.records]
                if tiles:
                    return tiles
            return [tile for tile in ((choice.unit, 1), (choice.unit, -1)) if tile in board.records]

    def rendering(self, tiles: list[Tile]) -> Rendering:
        """Return tiles of the present layer in full precision.

        Raises:
            ValueError: None of them has begun.
        """
        with self.lock:
            accepted, choice = self._accepted, self.choice
            turned = accepted is not None and (accepted.layer, accepted.settings) == (choice.layer, choice.settings)
        if not tiles or not turned or self._forget_all:
            raise ValueError("Nothing has been rendered yet: start the climb, and `wait` for it.")
        return self._live.rendering(tiles)

    def in_view(self, most: int) -> tuple[str, list[Shown]]:
        """Return a line about what is on the screen, and the first of its tiles that have pictures."""
        with self.lock:
            board, phase = self._board, self.phase
            if board is None:
                return "", []
            shown = [found for tile in self.begun()[:most] if (found := board.shown(tile, phase))]
            height = {found.record.picture.shape for found in shown if found.record.picture is not None}
            return f"{self.facts.name} {board.layer}", shown if len(height) == 1 else []

    def boards(self) -> list[Board]:
        """Return the newest board of each layer, and those with pinned tiles, for an exported page."""
        with self.lock:
            newest = {board.layer: board for board in sorted(self._boards, key=lambda board: board.generation)}
            return [board for board in self._boards if board is newest[board.layer] or self._pinned(board)]


def one_line(error: BaseException) -> str:
    """Return what an error says as one readable line."""
    said = error.args[0] if isinstance(error, KeyError) and error.args else error
    text = " ".join(str(said).split())
    text = text if isinstance(error, ValueError | TypeError | KeyError | IndexError) else f"{type(error).__name__}: {text}"
    return text if len(text) <= 300 else f"{text[:299]}…"
