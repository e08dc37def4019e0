"""The turnstile: one slice at a time, whoever asks for it."""

import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager


class Turnstile:
    """Let one through at a time, in the order in which they came.

    Example:
        >>> turnstile = Turnstile()
        >>> with turnstile.passage(lambda: True) as passed:
        ...     passed
        True
    """

    def __init__(self) -> None:
        # Of reentrant locks, here and in `Worker`: the garbage collector may close a widget on any thread, at any line.
        self._moved = threading.Condition(threading.RLock())
        self._queue: deque[object] = deque()

    @contextmanager
    def passage(self, wanted: Callable[[], bool]) -> Generator[bool]:
        """Wait for one's turn, keep it for the length of the block, and give whether it came.

        Args:
            wanted: Says whether the turn is still wanted; asked again whenever `hurry` is called or one left.
        """
        ticket = object()
        with self._moved:
            self._queue.append(ticket)
            self._moved.wait_for(lambda: self._queue[0] is ticket or not wanted())
            passed = self._queue[0] is ticket and wanted()
        try:
            yield passed
        finally:
            with self._moved:
                self._queue.remove(ticket)
                self._moved.notify_all()

    def hurry(self) -> None:
        """Ask all who wait whether they still want to."""
        with self._moved:
            self._moved.notify_all()


DEVICE = Turnstile()
"""The one turnstile before the device, so that several explorers share it slice by slice."""
