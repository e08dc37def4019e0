"""The audience: the widgets that show a climb, the views that are open, and how a climb rests when nobody looks."""

import time
import weakref
from collections.abc import Mapping
from typing import Any, Protocol

from jaxviz.results import LiveClimb
from jaxviz.results.messages import Message
from jaxviz.widgets.cells import CELLS
from jaxviz.widgets.choice import Choice
from jaxviz.widgets.climb import Climb
from jaxviz.widgets.errors import one_line
from jaxviz.widgets.facts import Facts
from jaxviz.widgets.outbox import Outbox

REST_SECONDS = 3.0
"""After the last view was closed, until the climb rests; a page that is loaded again is back before that."""

SILENCE_SECONDS = 90.0
"""Until views of which nothing is heard count as closed. A page that lives says so every ten seconds, but once a minute
where the browser lets a hidden page do little."""


class Face(Protocol):
    """What the session knows of a widget. It calls these from any thread."""

    outbox: Outbox
    shows_grid: bool
    shows_unit: bool

    def mirror(self) -> None:
        """Take over the session's choice."""
        ...

    def show(self, values: Mapping[str, Any]) -> None:
        """Set traits that only Python sets."""
        ...

    def send_message(self, message: Message) -> None:
        """Send JSON and bytes to the browser."""
        ...

    def refresh_still(self) -> None:
        """Show the newest pictures in the output behind the widget."""
        ...

    def views_changed(self) -> None:
        """Note that a view was opened or closed."""
        ...


class Audience(Climb):
    """A climb that rests when its last view is closed, or says nothing for long, and ends with its last widget.

    Args:
        live: What climbs.
        facts: Of the model.
        choice: What is climbed first.
    """

    def __init__(self, live: LiveClimb, facts: Facts, choice: Choice) -> None:
        self._faces: weakref.WeakSet[Face] = weakref.WeakSet()
        self._waiting = 0
        self._rest_at: float | None = None
        self._rests = False
        super().__init__(live, facts, choice)

    # What a session adds

    def tell(self) -> None:
        """Tell the widgets at once."""
        raise NotImplementedError

    # The widgets

    def faces(self) -> list[Face]:
        """Return the widgets that show this session."""
        with self.lock:
            return list(self._faces)

    def join(self, face: Face) -> None:
        """Let a widget show this session."""
        with self.lock:
            self._faces.add(face)
        self.look_again()

    def leave(self, face: Face) -> None:
        """Forget a widget that was closed; with the last one the session ends."""
        with self.lock:
            self._faces.discard(face)
            is_last = not self._faces
        if is_last:
            self.close()
        else:
            self.look_again()

    def close(self) -> None:
        """End the climb and free the device, after the slice under way."""
        self.job.close()
        self.courier.close()

    @property
    def is_closed(self) -> bool:
        """Whether the climb was ended for good, and only what is known of it is left."""
        return self.job.closed

    def mirror(self) -> None:
        """Let every widget show the choice."""
        for face in self.faces():
            face.mirror()

    def look_again(self) -> None:
        """Climb what is wanted now, which may be other tiles than before."""
        self.job.again("running", "done")
        self.news()

    def command(self, command: str) -> None:
        """Start, pause, stop or restart the climb, as `Climb.command` does, and tell of it at once."""
        self._rests = False
        super().command(command)
        self.mirror()  # what begins again has other code
        self.tell()

    def wait(self, timeout_seconds: float | None) -> bool:
        """Wait until nothing climbs, and return whether nothing does; meanwhile it does not rest for want of views.

        Raises:
            RuntimeError: The climb failed.
        """
        with self.lock:
            self._waiting += 1
        self._wake()
        try:
            has_ended = self.job.wait(timeout_seconds)
        finally:
            with self.lock:
                self._waiting -= 1
        self.tell()
        if self.job.phase == "failed" and self.job.error is not None:
            raise RuntimeError(f"The climb failed: {one_line(self.job.error)}") from self.job.error
        return has_ended

    # Views

    def opened(self, face: Face, view: str) -> None:
        """Note that a view of a widget was opened."""
        with self.lock:
            face.outbox.open(view)
            self._rest_at = None
        face.views_changed()
        self._wake()
        self.look_again()

    def closed(self, face: Face, view: str) -> None:
        """Note that a view of a widget was closed; when it was the last, the climb will rest."""
        with self.lock:
            face.outbox.views.discard(view)
            if not any(other.outbox.views for other in self._faces):
                self._rest_at = time.monotonic() + REST_SECONDS
        face.views_changed()
        self.courier.notify()

    def heard(self, face: Face) -> None:
        """Note that a widget's browser side lives."""
        face.outbox.heard_at = time.monotonic()

    def lose_if_due(self) -> float | None:
        """Close the views of which nothing was heard for long, and return in how many seconds that may be.

        A page that dies, or sleeps, says no goodbye.
        """
        waits: list[float] = []
        for face in self.faces():
            views = list(face.outbox.views)
            left = SILENCE_SECONDS - CELLS.silent_seconds(face.outbox.heard_at)
            if views and left > 0:
                waits.append(left)
            elif views:
                for view in views:
                    self.closed(face, view)
        return min(waits, default=None)

    def _wake(self) -> None:
        with self.lock:
            resume, self._rests = self._rests, False
            if resume:
                self.job.resume()

    def rest_if_due(self) -> float | None:
        """Rest if nobody has looked for long enough, and return in how many seconds that may be."""
        with self.lock:
            left = None if self._rest_at is None else self._rest_at - time.monotonic()
            if left is None or left > 0:
                return left
            self._rest_at = None
            rests = self._rests = self.job.phase == "running" and not self._waiting
            if rests:  # under the lock: a view that is opened meanwhile would find nothing to resume
                self.job.pause()
        if rests:
            self.tell()
        return None
