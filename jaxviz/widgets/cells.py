"""Cells: whether one runs. While one does, a kernel hears nothing that the browser says, and silence means nothing."""

import time


class Cells:
    """What is known of the running cells.

    Example:
        >>> cells = Cells()
        >>> cells.began()
        >>> cells.silent_seconds(since=0.0)
        0.0
        >>> cells.ended()
        >>> cells.silent_seconds(since=0.0) < 1.0
        True
    """

    def __init__(self) -> None:
        self._running = 0
        self._ended_at = float("-inf")
        self._is_watching = False

    def watch(self) -> None:
        """Follow the cells of this kernel, if there is one; called within a cell, which then counts as running."""
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        if shell is None or self._is_watching:
            return
        self._is_watching = True
        self.began()
        shell.events.register("pre_execute", self.began)
        shell.events.register("post_execute", self.ended)

    def began(self) -> None:
        """Note that a cell began."""
        self._running += 1

    def ended(self) -> None:
        """Note that a cell ended; what the browser said meanwhile is heard from now on."""
        self._running = max(0, self._running - 1)  # IPython tells of the end of an empty cell, but not of its begin
        self._ended_at = time.monotonic()

    def silent_seconds(self, since: float) -> float:
        """Return for how long nothing was heard although the kernel listened, since a moment of `time.monotonic`."""
        return 0.0 if self._running else time.monotonic() - max(since, self._ended_at)


CELLS = Cells()
"""Those of this kernel."""
