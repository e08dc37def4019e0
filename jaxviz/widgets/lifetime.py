"""How long a widget lives: as long as somebody has it, or has it on the screen.

ipywidgets and the kernel hold every widget until `close`. That would keep an explorer's pictures, its thread and
its part of the device for every time that a cell was run again. So they get weak references here, and the widget is
held strongly from its display until a while after its last view was closed.
"""

import threading
import weakref
from typing import Any, cast

from ipywidgets.widgets import widget as ipywidgets_widget

GRACE_SECONDS = 60.0
"""After the last view was closed; a page that is loaded again, or a notebook that is opened again, is back by then."""

_held: dict[str, Any] = {}
_timers: dict[str, threading.Timer] = {}
_lock = threading.RLock()


def loosen(widget: Any) -> None:
    """Replace what ipywidgets and the kernel hold of a new widget by weak references."""
    handler = weakref.WeakMethod(widget._handle_msg)

    def handle(message: Any) -> None:
        method = handler()
        if method is not None:
            method(message)

    widget.comm.on_msg(handle)
    _registry()[widget.model_id] = weakref.proxy(widget)


def tighten(widget: Any) -> None:
    """Hold a widget that is on the screen."""
    with _lock:
        _cancel(widget.model_id)
        _held[widget.model_id] = widget


def release_later(widget: Any) -> None:
    """Hold a widget, whose last view was closed, only for a while."""
    with _lock:
        _cancel(widget.model_id)
        timer = threading.Timer(GRACE_SECONDS, _release, (widget.model_id,))
        timer.daemon = True
        _timers[widget.model_id] = timer
        timer.start()


def forget(model_id: str) -> None:
    """Hold a widget no more, because it was closed."""
    with _lock:
        _cancel(model_id)
        _held.pop(model_id, None)


def _release(model_id: str) -> None:
    with _lock:
        _timers.pop(model_id, None)
        widget = _held.pop(model_id, None)
    del widget  # outside of the lock, because this may be its end


def _cancel(model_id: str) -> None:
    timer = _timers.pop(model_id, None)
    if timer is not None:
        timer.cancel()


def _registry() -> dict[str, Any]:
    # Of ipywidgets 8; 7 has it on the class.
    instances: Any = getattr(ipywidgets_widget, "_instances", None)
    return cast("dict[str, Any]", ipywidgets_widget.Widget.widgets if instances is None else instances)
