"""The job: work in slices that can be paused, stopped and waited for."""

from collections.abc import Callable
from typing import Literal

from jaxviz.jobs.turnstile import DEVICE, Turnstile
from jaxviz.jobs.worker import Worker

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

    def again(self, *only_from: JobPhase) -> None:
        """Start if it is in one of these phases; a stop that comes at the same time is not lost."""
        self._turn_to("running", *only_from)

    def resume(self) -> None:
        """Go on after a pause; does nothing otherwise."""
        self._turn_to("running", "paused")

    def pause(self) -> None:
        """Rest after the slice under way, if it runs."""
        self._turn_to("paused", "running")

    def stop(self) -> None:
        """End after the slice under way; `start` begins anew."""
        self._turn_to("stopped", "running", "paused", "idle")

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

    def _turn_to(self, phase: JobPhase, *only_from: JobPhase) -> None:
        with self._changed:
            if self._closed or (only_from and self.phase not in only_from):
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
            asked_again = self.phase == "running" and self._request != request
            if error is not None and not asked_again:
                self.phase, self.error = "failed", error
            elif not more and self.phase == "running" and not asked_again:
                self.phase = "done"
            self._changed.notify_all()
        if self._after is not None:
            self._after()
