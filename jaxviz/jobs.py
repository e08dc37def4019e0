"""Jobs: work that goes on in the background, a slice at a time, and can be paused, stopped and waited for.

A thread never keeps alive what it works for: where the work is a method, its object is held weakly, and the
thread ends with it. At the interpreter's exit the slices under way are waited for, because a daemon thread that
is cut off inside a compiled function takes the process down with it.
"""

import atexit
import contextvars
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import MethodType
from typing import Any, Literal

_EXIT_SECONDS = 60.0
"""How long the interpreter's exit waits for the slices under way, which may be compilations."""


class Turnstile:
    """Let one through at a time, in the order in which they came.

    Example:
        >>> turnstile = Turnstile()
        >>> with turnstile.passage(lambda: True) as passed:
        ...     passed
        True
    """

    def __init__(self) -> None:
        # Of reentrant locks, here and below: the garbage collector may close a widget on any thread, at any line.
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

_WORKERS: "weakref.WeakSet[Worker]" = weakref.WeakSet()


def _finish_all() -> None:
    """Let every thread come to the end of its slice; runs at the interpreter's exit."""
    workers = list(_WORKERS)
    for worker in workers:
        worker.close()
    deadline = time.monotonic() + _EXIT_SECONDS
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))


class Worker:
    """A daemon thread that calls a function, for as long as it is not closed and the function's object lives.

    The thread runs in the context in which the worker was made. In a notebook that is the context of a cell:
    what is published under another message's name can make the kernel lose the browser's answers.

    Args:
        work: What is called. If it is a method, its object is held weakly.
        name: Of the thread.
        finish: Called once on the worker's thread when that ends, or by `close` where there is none. It must not
            hold the object that `work` belongs to.
    """

    def __init__(self, work: Callable[[], Any], *, name: str, finish: Callable[[], None] | None = None) -> None:
        self._work: Callable[[], Callable[[], Any] | None] = (
            weakref.WeakMethod(work, lambda _: self.close()) if isinstance(work, MethodType) else lambda: work
        )
        self._name = name
        self._finish = finish
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._closed = False
        self._context = contextvars.copy_context()
        if not _WORKERS:
            # Here and not above, so that it comes before what jax registered to run at the exit.
            atexit.unregister(_finish_all)
            atexit.register(_finish_all)
        _WORKERS.add(self)

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its object is gone."""
        return self._closed

    def close(self) -> None:
        """End the thread after what it is doing; nothing is waited for."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            has_thread = self._thread is not None
        if not has_thread:
            self._end()

    def join(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the thread has ended, and return whether it has; on the thread itself, return at once."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return thread is None
        thread.join(timeout_seconds)
        return not thread.is_alive()

    def _begin(self) -> None:
        """Start the thread if there is none; `_changed` must be held."""
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._context.run, args=(self._run,), name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            while not self._closed:
                self._turn()
        finally:
            self._end()

    def _turn(self) -> None:
        """Wait for something to do, and do it once."""
        raise NotImplementedError

    def _end(self) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish()


JobPhase = Literal["idle", "running", "paused", "stopped", "done", "failed"]


class Job(Worker):
    """Work in slices in the background: started, paused, resumed, stopped; the latest request wins.

    Args:
        work: Does one slice and returns whether there is more to do.
        name: Of the thread.
        finish: See `Worker`.
        after: Called on the thread after every slice, when the phase says what came of it. It must not hold the
            object that `work` belongs to.
        turnstile: What the slices of several jobs share; none if None.

    Attributes:
        phase: `idle`, `running`, `paused`, `stopped`, `done` or `failed`.
        error: What a slice raised, if the phase is `failed`.

    Example:
        >>> count = iter(range(3))
        >>> job = Job(lambda: next(count) < 2)
        >>> job.start()
        >>> job.wait(10), job.phase
        (True, 'done')
        >>> job.close()
    """

    def __init__(
        self,
        work: Callable[[], bool],
        *,
        name: str = "jaxviz job",
        finish: Callable[[], None] | None = None,
        after: Callable[[], None] | None = None,
        turnstile: Turnstile | None = DEVICE,
    ) -> None:
        super().__init__(work, name=name, finish=finish)
        self._turnstile = turnstile
        self._after = after
        self._request = 0  # rises with every start, so that work which comes during the last slice is not missed
        self.phase: JobPhase = "idle"
        self.error: BaseException | None = None

    def start(self) -> None:
        """Begin, go on, or look again for work after having been done."""
        self._turn_to("running")

    def resume(self) -> None:
        """Go on after a pause; does nothing otherwise."""
        if self.phase == "paused":
            self._turn_to("running")

    def pause(self) -> None:
        """Rest after the slice under way, if it runs."""
        if self.phase == "running":
            self._turn_to("paused")

    def stop(self) -> None:
        """End after the slice under way; `start` begins anew."""
        if self.phase in ("running", "paused", "idle"):
            self._turn_to("stopped")

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until it runs no more, and return whether it does not."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or self.phase != "running", timeout_seconds)

    def close(self) -> None:
        """End for good after the slice under way."""
        super().close()
        self._hurry()

    def _hurry(self) -> None:
        if self._turnstile is not None:
            self._turnstile.hurry()

    def _turn_to(self, phase: JobPhase) -> None:
        with self._changed:
            if self._closed:
                return
            self.phase = phase
            if phase == "running":
                self._request += 1
                self.error = None
                self._begin()
            self._changed.notify_all()
        self._hurry()

    def _is_wanted(self) -> bool:
        return self.phase == "running" and not self._closed

    def _turn(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self.phase == "running")
            request = self._request
        if self._turnstile is None:
            self._slice(request)
            return
        with self._turnstile.passage(self._is_wanted) as passed:
            if passed:
                self._slice(request)

    def _slice(self, request: int) -> None:
        work = self._work()
        if work is None or not self._is_wanted():
            return
        error: BaseException | None = None
        more = False
        try:
            more = work()
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it belongs to whoever waits, not to this thread
            error = raised
        del work  # before anything is waited for
        with self._changed:
            if error is not None:
                self.phase, self.error = "failed", error
            elif not more and self.phase == "running" and self._request == request:
                self.phase = "done"
            self._changed.notify_all()
        if self._after is not None:
            self._after()


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
