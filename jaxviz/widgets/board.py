"""The board: the records of one layer under one set of settings, and what can be counted on them."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypedDict

from jaxviz.results import Settings, Tile, Update
from jaxviz.results.messages import FINISHED, Shown
from jaxviz.results.tile import LETTERS, TileRecord

Phase = Literal["idle", "preparing", "climbing", "paused", "stopped", "done", "failed"]
"""What a climb does."""


class Status(TypedDict):
    """How far a climb is; `finished` and `total` count units, each with its negative where that is climbed."""

    phase: Phase
    generation: int
    finished: int
    total: int
    image_steps: int
    total_image_steps: int
    seconds_left: float | None
    steps_per_second: float | None
    message: str


IDLE = Status(
    phase="idle",
    generation=0,
    finished=0,
    total=0,
    image_steps=0,
    total_image_steps=0,
    seconds_left=None,
    steps_per_second=None,
    message="",
)


class Board:
    """What is known of the tiles of one layer under one set of settings, their number of steps aside.

    Attributes:
        layer: Name of the layer.
        settings: The settings; `steps` may get another number.
        generations: All generations under which these pictures were shown; the last is the present one.
        records: What is known of each tile that was begun.
        is_forgotten: Whether the climb began these pictures again, and has only the new ones.
        is_dropped: Whether records were dropped to save memory, of tiles that the climb may still have.
        goes_on: Whether these pictures go on from those under other settings, where there are any.
    """

    def __init__(self, layer: str, settings: Settings, generation: int) -> None:
        self.layer = layer
        self.settings = settings
        self.generations = [generation]
        self.records: dict[Tile, TileRecord] = {}
        self.is_forgotten = False
        self.is_dropped = False
        self.goes_on = False
        self._next: tuple[Board, frozenset[int]] | None = None  # where it goes on, without some units

    def goes_on_as(self, board: "Board", *, without: frozenset[int]) -> None:
        """Hand all tiles to another board, but those of some units, and what a slice under way makes of them, too."""
        self._next = board, without
        board.records = {tile: record for tile, record in self.records.items() if tile[0] not in without}

    def skip(self, former: "Board") -> None:
        """Hand tiles to where another board hands them, in place of that, which can be forgotten then."""
        if self._next is not None and self._next[0] is former and former._next is not None:
            board, without = former._next
            self._next = board, self._next[1] | without

    @property
    def is_remembered(self) -> bool:
        """Whether it has to be known although it holds nothing: what was dropped of it must begin again."""
        return self.is_dropped and not self.is_forgotten

    @property
    def generation(self) -> int:
        """The present generation."""
        return self.generations[-1]

    def take(self, updates: Sequence[Update], version: int) -> int:
        """Take over what a slice changed, and return how many steps it made, of all tiles together."""
        board = self
        while board._next is not None:
            board, without = board._next
            updates = [update for update in updates if update.unit not in without]
        return board._take(updates, version)

    def _take(self, updates: Sequence[Update], version: int) -> int:
        made = 0
        for update in updates:
            record = self.records.setdefault((update.unit, update.sign), TileRecord())
            record.take(update, version=version, given=self.settings.steps)
            made += update.step - update.first_step
        return made

    def state(self, tile: Tile, phase: str) -> str:
        """Return the state that is shown of a tile while the climb is in some phase."""
        record = self.records.get(tile)
        if record is None:
            return "waiting"
        if record.has_ended(self.settings.steps):
            return record.state
        if phase == "stopped":
            return "stopped"
        # Tiles take turns in the lanes; between its turns one climbs no less than another.
        return "climbing" if phase in ("preparing", "climbing", "paused") else "waiting"

    def steps_made(self, units: Iterable[int]) -> tuple[int, int]:
        """Return the least and the most steps with which these units make the pictures that they have or come to.

        That is what the settings ask for, but for pictures that had made more when less was asked for.
        """
        asked = self.settings.steps
        records = [self.records.get((unit, 1)) for unit in units]
        most = max([asked, *(record.step for record in records if record is not None)])
        made = [
            asked if record is None else max(asked, record.step)
            for record in records
            # With the most steps, what is dead or has diverged would end as it did.
            if record is None or record.state not in ("dead", "diverged") or not record.has_ended(most)
        ]
        return min(made, default=most), most

    def letters(self, units: Iterable[int], phase: str) -> str:
        """Return the states of the grid's tiles, a letter for each unit."""
        return "".join(LETTERS[self.state((unit, 1), phase)] for unit in units)

    def shown(self, tile: Tile, phase: str) -> Shown | None:
        """Return a tile as a frame shows it, or None if it has no picture."""
        record = self.records.get(tile)
        if record is None or record.picture is None:
            return None
        state = self.state(tile, phase)
        return Shown(tile, record, state, still=state in FINISHED or phase not in ("preparing", "climbing"))

    def status(self, wanted: Iterable[Tile], phase: Phase, speed: float | None, message: str) -> Status:
        """Count how far the wanted tiles are, and how many units of theirs have nothing left to climb.

        Args:
            wanted: The tiles that are climbed, each once.
            phase: Of the climb.
            speed: Steps per second, of all tiles together; None where it is not known.
            message: What else there is to say.
        """
        steps = self.settings.steps
        made = left = total_steps = 0
        finished: dict[int, bool] = {}  # of each unit, whether its picture and perhaps its negative have ended
        for tile in wanted:
            total_steps += steps
            record = self.records.get(tile)
            done = 0 if record is None else min(record.step, steps)
            ended = record is not None and record.has_ended(steps)
            finished[tile[0]] = finished.get(tile[0], True) and ended
            made += steps if ended else done  # a tile that diverged early has nothing left to do
            left += 0 if ended else steps - done
        return Status(
            phase=phase,
            generation=self.generation,
            finished=sum(finished.values()),
            total=len(finished),
            image_steps=made,
            total_image_steps=total_steps,
            seconds_left=None if phase != "climbing" or not speed else round(left / speed, 1),
            steps_per_second=None if not speed else round(speed, 1),
            message=message,
        )

    def forget_all_but(self, tiles: Iterable[Tile]) -> None:
        """Keep only the records of some tiles."""
        self.records = {tile: self.records[tile] for tile in tiles if tile in self.records}

    @property
    def byte_count(self) -> int:
        """Roughly how much memory the records hold."""
        return sum(record.byte_count for record in self.records.values())
