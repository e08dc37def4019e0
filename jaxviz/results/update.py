"""The update: what a slice of a live climb changed in one tile."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from jaxtyping import Float32, UInt8

from jaxviz.results.checks import frozen_array, frozen_states
from jaxviz.results.rendering import Rendering
from jaxviz.results.settings import Settings

Tile: TypeAlias = tuple[int, int]
"""A picture of a layer: `(unit, sign)`; sign 1 climbs the unit and -1 its negative."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Update:
    """Hold the picture and the new scores of one tile after a slice of a live climb.

    Attributes:
        unit: Unit of the layer.
        sign: 1, or -1 for the negative of the unit.
        step: Steps made so far.
        first_step: Steps that were made before `scores`; 0 also says that the climb started over.
        scores: The score before each of the new steps.
        state: climbing, done, dead or diverged.
        message: Advice, empty where all is well.
        picture: uint8 image, `[height, width, channel]`.
    """

    unit: int
    sign: int
    step: int
    first_step: int
    scores: Float32[np.ndarray, " time"]
    state: str
    message: str
    picture: UInt8[np.ndarray, "height width channel"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", frozen_array(self.scores, np.float32, (None,), "scores"))
        object.__setattr__(self, "picture", frozen_array(self.picture, np.uint8, (None,) * 3, "picture"))
        frozen_states((self.state,), 1)


class LiveClimb(Protocol):
    """What climbs the tiles of one layer at a time, most wanted first; `jaxviz.rendering.Live` is one.

    Every method may be called from any thread; `advance` from one thread at a time.
    """

    def aim(self, layer: str, settings: Settings, *, from_scratch: bool) -> None:
        """Turn to a layer under some settings; nothing is wanted until `prioritise`.

        A layer that was climbed before under the same settings is where it was left, its steps counted. Under
        other settings its tiles start from noise, or, unless `from_scratch`, go on from their pictures for as many
        steps as the settings say. Everything wrong is said here, and then nothing has changed.

        Raises:
            KeyError: An unknown layer; the message names the closest.
            ValueError: The model cannot be traced with pictures of this size, or has an unsound weight.
        """
        ...

    def check(self, layer: str, settings: Settings) -> None:
        """Raise what `aim` would raise, and change nothing."""
        ...

    def forget(self, layer: str, settings: Settings) -> None:
        """Forget the tiles of a layer under some settings, which then begin again; those of others stay."""
        ...

    def prioritise(self, tiers: "list[list[Tile]]") -> None:
        """Say which tiles are wanted: those of an earlier list before those of a later one, in turns within one.

        Tiles that are in none keep what they have and climb no further.
        """
        ...

    @property
    def prepared(self) -> bool:
        """Whether the next slice needs no compiling."""
        ...

    def advance(self) -> list[Update]:
        """Climb for one slice, about a fifth of a second, or compile and take the first steps; return what changed.

        Returns:
            An update for each tile that moved; none when every wanted tile has come to its end.
        """
        ...

    def rendering(self, tiles: "list[Tile]", *, of: tuple[str, Settings] | None = None) -> Rendering:
        """Return tiles as they are now, in full precision; those not begun are left out.

        Args:
            tiles: Which.
            of: Their layer and settings; what was aimed at last if None.

        Raises:
            ValueError: None of them has begun, or they were forgotten since.
        """
        ...

    def release(self) -> None:
        """Forget all tiles and free the device."""
        ...
