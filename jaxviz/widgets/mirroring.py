"""A widget whose traits mirror what something else has: several at once, from any thread, without an echo."""

import threading
from collections.abc import Mapping
from typing import Any, Self

import anywidget

from jaxviz.widgets.traits import copied


class MirroringWidget(anywidget.AnyWidget):
    """A widget some of whose traits are set from elsewhere, on threads of its own."""

    _mirrored: threading.local  # what is being set on each thread

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make what `set_quietly` needs, which may be called before ipywidgets opens the comm."""
        widget = super().__new__(cls, *args, **kwargs)
        widget._mirrored = threading.local()
        return widget

    def set_quietly(self, values: Mapping[str, Any]) -> None:
        """Set traits to what the session has: all of them, then one message to the browser, then the observers.

        So an observer of `layer` finds the units of that layer. `hold_trait_notifications` and `hold_sync` would do
        the same on one thread, but not on two at once.
        """
        before = {name: getattr(self, name) for name, value in values.items() if getattr(self, name) != value}
        self._trait_values.update({name: values[name] for name in before})
        if not before:
            return
        if self.comm is not None:
            self.send_state(list(before))
        outer = getattr(self._mirrored, "values", None)
        self._mirrored.values = values
        try:
            for name, old in before.items():
                if getattr(self, name) == values[name]:  # or else an observer or a thread has set it again, and told
                    self._notify_trait(name, old, values[name])
        finally:
            self._mirrored.values = outer

    def _notify_trait(self, name: str, old_value: Any, new_value: Any) -> None:
        super()._notify_trait(name, copied(old_value), copied(new_value))

    def is_mirrored(self, name: str, value: Any) -> bool:
        """Whether a trait is being set on this thread to what it should mirror, and not by a user."""
        values = getattr(self._mirrored, "values", None)
        return values is not None and name in values and values[name] == value

    def _should_send_property(self, key: str, value: Any) -> bool:
        return not self.is_mirrored(key, value) and super()._should_send_property(key, value)
