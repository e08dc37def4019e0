"""The worker: a thread that ends with the object it works for, and before the interpreter does."""

import atexit
import contextvars
import threading
import time
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any

_EXIT_SECONDS = 60.0
"""How long the interpreter's exit waits for the slices under way, which may be compilations."""

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
