"""The courier: news is delivered now and then, and always the last."""

import time
from collections.abc import Callable

from jaxviz.jobs.worker import Worker


class Courier(Worker):
    """A thread that delivers when there is news, not more often than some rate, and always the last.

    Args:
        work: Delivers what there is, and returns in how many seconds it wants to be called without further news, or
            None for not before there is some. It must not raise.
        name: Of the thread.
        least_seconds: Between the begins of two deliveries.

    Example:
        >>> delivered = []
        >>> courier = Courier(lambda: delivered.append("news"), least_seconds=0)
        >>> courier.notify()
        >>> while not delivered:
        ...     time.sleep(0.001)
        >>> courier.close()
    """

    def __init__(
        self, work: Callable[[], float | None], *, name: str = "jaxviz courier", least_seconds: float = 1 / 30
    ) -> None:
        super().__init__(work, name=name)
        self._least_seconds = least_seconds
        self._news = False
        self._due: float | None = None  # on the monotonic clock
        self._began = float("-inf")

    def notify(self) -> None:
        """Say that there is news; returns at once."""
        with self._changed:
            self._news = True
            self._begin()
            self._changed.notify_all()

    def _turn(self) -> None:
        with self._changed:
            while not (self._closed or self._news):
                left = None if self._due is None else self._due - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            pause = self._began + self._least_seconds - time.monotonic()
            if pause > 0:
                self._changed.wait_for(lambda: self._closed, pause)
            if self._closed:
                return
            self._news = False
        self._began = time.monotonic()
        work = self._work()
        seconds = None if work is None else work()
        del work
        self._due = None if seconds is None else time.monotonic() + seconds
