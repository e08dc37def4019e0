"""The snapshot: what a running climb shows of itself."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from jaxviz.results.checks import frozen_array, frozen_inputs, frozen_states, same_fields
from jaxviz.results.sheet import contact_sheet, png_bytes
from jaxviz.results.view import View


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Snapshot:
    """Hold the pictures and scores of all units at one moment of a climb.

    Attributes:
        step: Steps that the units now climbing have made.
        steps: Steps that each unit has made; 0 for a unit that waits.
        images: uint8 images of all units, the waiting ones included; signals, volumes and vectors as in `Rendering`.
        scores: Each unit's score, NaN where it has not begun.
        states: Each unit's state: waiting, climbing, done, dead, diverged or stopped.
        steps_per_second: Image-steps per second: the steps of all units counted together.
        seconds_left: Estimated seconds until all units are done.
        view: How the images are shown.

    Example:
        >>> import numpy as np
        >>> snapshot = Snapshot(
        ...     step=8,
        ...     steps=[8, 0],
        ...     images=np.zeros((2, 16, 24, 3), np.uint8),
        ...     scores=[1.5, np.nan],
        ...     states=("climbing", "waiting"),
        ...     steps_per_second=40.0,
        ...     seconds_left=1.2,
        ... )
        >>> snapshot
        Snapshot(2 units of 16x24x3, step 8, 40.0 steps per second, 1 seconds left)
    """

    step: int
    steps: Int64[np.ndarray, " unit"]
    images: UInt8[np.ndarray, "unit *position channel"]
    scores: Float32[np.ndarray, " unit"]
    states: tuple[str, ...]
    steps_per_second: float
    seconds_left: float
    view: View = field(default_factory=View)

    def __post_init__(self) -> None:
        images = frozen_inputs(self.images, np.uint8, "images")
        count = len(images)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "steps", frozen_array(self.steps, np.int64, (count,), "steps"))
        object.__setattr__(self, "scores", frozen_array(self.scores, np.float32, (count,), "scores"))
        object.__setattr__(self, "states", frozen_states(self.states, count))

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # holds arrays, as a list does

    def __eq__(self, other: object) -> bool:
        return same_fields(self, other) if isinstance(other, Snapshot) else NotImplemented

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        count, *shape = self.images.shape
        return (
            f"Snapshot({count} unit{'s' * (count != 1)} of {'x'.join(map(str, shape))}, step {self.step}, "
            f"{self.steps_per_second:.1f} steps per second, {self.seconds_left:.0f} seconds left)"
        )

    def pictures(self) -> UInt8[np.ndarray, "unit height width 3"]:
        """Return an RGB picture of each unit, as `Rendering.pictures` does."""
        return self.view.pictures(self.images)

    def _repr_png_(self) -> bytes:
        return png_bytes(contact_sheet(self.pictures()))
