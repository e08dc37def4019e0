"""The outbox of one widget: who looks at it, what they have seen, and what they should get next."""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from jaxviz.results import Tile
from jaxviz.results.messages import Shown
from jaxviz.widgets.board import Board

LEAST_WINDOW, GREATEST_WINDOW = 3, 12
"""How many frames may be unacknowledged: twice as many as the browser drew between two acknowledgements, of which there
are few, within these."""
MOST_ON_THE_WAY = 3
"""How many frames may really be on their way to the browser: each follows the one before after this part of the time
until a frame was known to be drawn."""
PATIENCE_SECONDS = 1.0
"""Until a frame that was not acknowledged holds back the next no more: while a cell of the user runs, no
acknowledgement is heard, although every frame arrives."""
_MOST_PIXELS = 1 << 22  # of one frame: 256 tiles of 128 pixels, encoded in about 25 ms
_UNIT_SECONDS = 1.0
"""Between two messages about the chosen unit and sign, while it climbs; there are two signs."""


class Candidate(NamedTuple):
    """A tile that a widget wants to show, most wanted first."""

    board: Board
    shown: Shown


class _Sent(NamedTuple):
    """What was sent of a tile last: the version of its picture, the number of the frame, and whether it stood still."""

    version: int
    number: int
    still: bool


class Outbox:
    """What one widget's browser side has been sent, and what it has drawn.

    Attributes:
        views: The views that are open.
        visible: Units whose tiles are in view, in reading order.
        files: Files that were asked for, the latest of each kind.
        heard_at: When something was heard last, by `time.monotonic`.
    """

    def __init__(self) -> None:
        self.views: set[str] = set()
        self.visible: list[int] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.heard_at = float("-inf")
        self._unacknowledged: dict[int, float] = {}  # number of the frame -> when it was sent
        self._window = LEAST_WINDOW
        self._number = 0
        self._acknowledged = 0  # the number of the last frame
        self._way_seconds = 0.0  # from sending it until this was heard
        self._next_at = float("-inf")
        self._sent: dict[tuple[int, Tile], _Sent] = {}  # by generation and tile
        self._told: dict[tuple[int, Tile], tuple[int, float]] = {}  # of the chosen unit: version, when

    def open(self, view: str) -> None:
        """Note that a view was opened: it has seen nothing, and what was on its way will not be acknowledged."""
        self.views.add(view)
        self._unacknowledged.clear()
        self._acknowledged, self._way_seconds = self._number, 0.0
        self._sent.clear()
        self._told.clear()

    def acknowledge(self, number: int) -> None:
        """Note that a frame and all before it were drawn."""
        if number > self._acknowledged:
            sent = self._unacknowledged.get(number, float("-inf"))  # or so long ago that it is forgotten
            self._acknowledged, self._way_seconds = number, min(time.monotonic() - sent, PATIENCE_SECONDS)
        left = {sent: when for sent, when in self._unacknowledged.items() if sent > number}
        drawn = len(self._unacknowledged) - len(left)
        self._window = min(max(LEAST_WINDOW, 2 * drawn), GREATEST_WINDOW)
        self._unacknowledged = left

    def seconds_until_open(self) -> float:
        """Return in how many seconds another frame may be sent, if nothing is heard until then."""
        now = time.monotonic()
        young = {number: when for number, when in self._unacknowledged.items() if now - when < PATIENCE_SECONDS}
        if len(young) < len(self._unacknowledged):
            self._window = LEAST_WINDOW
        self._unacknowledged = young
        if len(young) < self._window:
            return max(0.0, self._next_at - now)
        return min(self._unacknowledged.values()) + PATIENCE_SECONDS - now

    def next_frame(self, candidates: Iterable[Candidate]) -> tuple[int, Board, list[Shown]] | None:
        """Choose what the next frame holds, and count it as sent.

        Among the tiles that have changed, those that were sent longest ago come first; a frame holds tiles of one
        board and size, and either such that stand still or such that climb. A tile that comes to stand is sent once
        more, as good as it is.

        Args:
            candidates: The tiles that the widget shows.

        Returns:
            The number of the frame, its board and its tiles; None if nothing has changed.
        """
        changed = [each for each in candidates if self._is_news(each)]
        if not changed:
            return None
        changed.sort(key=lambda each: self._sent_of(each).number)
        kind = _kind(changed[0])
        board = changed[0].board
        same = [each.shown for each in changed if _kind(each) == kind]
        assert same[0].record.picture is not None
        height, width, _ = same[0].record.picture.shape
        chosen = same[: max(1, _MOST_PIXELS // (height * width))]
        self._number += 1
        now = time.monotonic()
        self._unacknowledged[self._number] = now
        self._next_at = now + self._way_seconds / MOST_ON_THE_WAY
        if len(self._sent) > 4 * len(changed) + 4096:  # generations of long ago
            self._sent.clear()
        for shown in chosen:
            self._sent[board.generation, shown.tile] = _Sent(shown.record.version, self._number, shown.still)
        return self._number, board, chosen

    def next_units(self, candidates: Iterable[Candidate]) -> tuple[list[Candidate], float | None]:
        """Choose those of the chosen unit's tiles that are due a message, and count them as told.

        Args:
            candidates: The chosen unit's tiles.

        Returns:
            The tiles, and in how many seconds another one will be due, or None.
        """
        now = time.monotonic()
        due: list[Candidate] = []
        waits: list[float] = []
        told: dict[tuple[int, Tile], tuple[int, float]] = {}
        for each in candidates:
            key = (each.board.generation, each.shown.tile)
            version, when = self._told.get(key, (0, float("-inf")))
            told[key] = version, when
            if version == each.shown.record.version:
                continue
            if now - when < _UNIT_SECONDS and not each.shown.still:
                waits.append(when + _UNIT_SECONDS - now)
            else:
                told[key] = each.shown.record.version, now
                due.append(each)
        self._told = told
        return due, min(waits, default=None)

    def _is_news(self, candidate: Candidate) -> bool:
        sent, shown = self._sent_of(candidate), candidate.shown
        return sent.version != shown.record.version or (shown.still and not sent.still)

    def _sent_of(self, candidate: Candidate) -> _Sent:
        return self._sent.get((candidate.board.generation, candidate.shown.tile), _Sent(0, 0, still=False))


def _kind(candidate: Candidate) -> tuple[int, int, int, bool]:
    picture = candidate.shown.record.picture
    assert picture is not None
    return (candidate.board.generation, *picture.shape[:2], candidate.shown.still)
