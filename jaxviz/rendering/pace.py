"""How many steps a slice of a live climb makes."""

from typing import Any

# A slice shows a picture at its end, so a fast model has many short ones; a slow one takes some steps together, which
# climbs a quarter to a third faster (docs/performance.md), but never longer than Stop may take.
_SLICE_SECONDS = 0.05
_SLOW_STEP_SECONDS = 0.03
_LONGEST_SLICE_SECONDS = 0.2
_STEPS_TOGETHER = 4
_MOST_STEPS_A_SLICE = 16
# A slice ends where a tile has made so many steps: after one, so that all tiles in view soon show something, and where
# pictures are kept, to show how a tile came about.
_STAGES = (1, 4, 16, 64, 256, 1024, 4096)


class Pace:
    """How long a step takes, as measured for each compiled program.

    Example:
        >>> pace = Pace()
        >>> pace.knows("program"), pace.steps("program", most=100)
        (False, 1)
        >>> pace.took("program", 7.0)  # which was compiling
        >>> pace.took("program", 0.0)
        >>> pace.knows("program"), pace.steps("program", most=100)
        (True, 2)
    """

    def __init__(self) -> None:
        self._view_seconds: dict[Any, float] = {}

    def knows(self, program: Any) -> bool:
        """Return whether a program has been compiled."""
        return program in self._view_seconds

    def steps(self, program: Any, *, most: int, views: int = 1) -> int:
        """Return how many steps a slice makes.

        Args:
            program: What decides which compiled program is used.
            most: A slice makes no more of them.
            views: How many views a step takes, one after the other.
        """
        if program not in self._view_seconds:
            return 1
        seconds = self._view_seconds[program] * views
        if seconds < _SLOW_STEP_SECONDS:
            wished = min(_MOST_STEPS_A_SLICE, round(_SLICE_SECONDS / seconds))
        else:
            wished = min(_STEPS_TOGETHER, int(_LONGEST_SLICE_SECONDS / seconds))
        return max(1, min(most, wished))

    def took(self, program: Any, seconds: float, *, views: int = 1) -> None:
        """Say how long a step of a slice took, of so many views.

        The first step is compiled; what it took says nothing of the next, which is measured alone.
        """
        known = self._view_seconds.get(program)
        self._view_seconds[program] = _LONGEST_SLICE_SECONDS if known is None else 0.5 * (known + seconds / views)


def next_stage(steps: int) -> int:
    """Return the number of steps at which the picture of a tile that has made some is kept next."""
    return next((stage for stage in _STAGES if stage > steps), steps + _MOST_STEPS_A_SLICE)
