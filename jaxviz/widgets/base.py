"""What the widgets share: the bundle, the traits, the messages, and how one lives and ends."""

import contextvars
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypedDict, cast

import traitlets

from jaxviz.html import pages
from jaxviz.results.dials import PresetDials
from jaxviz.results.messages import Message
from jaxviz.results.settings import PRESETS, Settings
from jaxviz.widgets import hearing, lifetime, still, upstream
from jaxviz.widgets.board import IDLE, Status
from jaxviz.widgets.cells import CELLS
from jaxviz.widgets.choice import NAMES, Pin, plain
from jaxviz.widgets.errors import one_line
from jaxviz.widgets.facts import LayerFacts
from jaxviz.widgets.mirroring import MirroringWidget
from jaxviz.widgets.outbox import Outbox
from jaxviz.widgets.session import Session
from jaxviz.widgets.traits import trait

Kind = Literal["explorer", "grid", "unit", "progress", "bench"]
"""Which panels are drawn."""


_CLIMBED = ("layer", "units", "unit", "settings", "numbers")
"""Traits that say what climbs."""


class Measure(TypedDict):
    """What was measured of the units' pictures: a number for each unit of the layer, or None."""

    name: str
    meaning: str
    values: list[float | None]


class Code(TypedDict):
    """Python that renders what is on the screen again."""

    unit: str
    grid: str


class TileWidget(MirroringWidget):
    """A widget that shows the tiles of a session; see docs/explorer.md for the traits and messages.

    Values are checked by the session, and not by the types of the traits, so that Python and the browser get the
    same answers and the messages name the closest match.
    """

    KIND: ClassVar[str] = "explorer"
    SHOWS_GRID: ClassVar[bool] = True
    SHOWS_UNIT: ClassVar[bool] = True

    kind = trait(Kind, "explorer")
    kernel = trait(bool, True)
    model_name = trait(str, "")
    input_shape = trait(list[int], [])
    layers = trait(list[LayerFacts], [])
    class_names = trait(dict[str, list[str]], {})
    layer = trait(str, "", both=True)
    units = trait(list[int], [], both=True)
    unit = trait(int, 0, both=True)
    selection = trait(list[int], [], both=True)
    settings = trait(Settings, Settings().to_json(), both=True)
    numbers = trait(dict[str, dict[str, float]], {}, both=True)
    dials = trait(list[PresetDials], [])
    presets = trait(dict[str, Settings], {})
    from_scratch = trait(bool, True, both=True)
    tile_pixels = trait(int, 96, both=True)
    pins = trait(list[Pin], [], both=True)
    states = trait(str, "")
    status = trait(Status, dict(IDLE))
    error = trait(str, "")
    code = trait(Code, {"unit": "", "grid": ""})
    measures = trait(list[Measure], [])

    @property
    def _esm(self) -> str:
        """The bundle; a text and not a path, because some hosts show widgets where there are no files."""
        return pages.bundle(pages.BUNDLE)

    def __init__(self, session: Session, *, layout: Any = None) -> None:
        CELLS.watch()
        upstream.let_replies_wake_the_kernel()
        self._session = session
        self._context = contextvars.copy_context()
        self._still: still.Still | None = None
        self.shows_grid = self.SHOWS_GRID
        self.shows_unit = self.SHOWS_UNIT
        self.outbox = Outbox()
        facts = session.facts
        # Before ipywidgets opens the comm, so that the browser gets all of it in one message.
        self.show(
            {
                "kind": self.KIND,
                "model_name": facts.name,
                "input_shape": facts.input_shape,
                "layers": [dict(layer) for layer in facts.layers.values()],
                "class_names": facts.class_names,
                "presets": PRESETS,
            }
        )
        self.mirror()
        self._owns_layout = layout is None
        super().__init__(**({} if layout is None else {"layout": layout}))
        lifetime.loosen(self)
        if layout is None:
            lifetime.loosen(self.layout)
        session.join(self)
        self.mirror()  # what was chosen before it joined
        session.tell()

    # Traits

    def mirror(self) -> None:
        """Take over what is chosen; it may be called on several threads at once, and the newest choice stays."""
        values = None
        while values != (newest := self._session.chosen_values()):
            values = newest
            self.set_quietly(values)

    def show(self, values: Mapping[str, Any]) -> None:
        """Set traits that only Python sets."""
        self.set_quietly(values)

    @traitlets.validate(*NAMES)
    def _validate_choice(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if self.is_mirrored(name, value):
            return value
        if name in _CLIMBED:
            self.check_open()
        try:
            return plain(getattr(self._session.check(self._held(name) | {name: value}), name))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise traitlets.TraitError(one_line(error)) from error

    @traitlets.observe(*NAMES)
    def _choose(self, change: Any) -> None:
        name, value = change["name"], change["new"]
        if self.is_mirrored(name, value):
            return
        # What is selected may be of a layer or of units of which the session is told only behind it.
        is_early = name == "selection" and not set(self._session.choice.units).issuperset(value)
        self._session.change((self._held(name) if is_early else {}) | {name: value})

    def _held(self, name: str) -> dict[str, Any]:
        """Return what another trait depends on and was set just now, within `hold_trait_notifications`."""
        choice = self._session.choice
        held: dict[str, Any] = {} if name == "layer" or self.layer == choice.layer else {"layer": self.layer}
        if name == "selection" and not (isinstance(self.units, list) and self.units == list(choice.units)):
            held["units"] = self.units
        return held

    def check_open(self) -> None:
        """Raise an error if the climb was closed; a widget that was closed lives on in others that share it.

        Raises:
            RuntimeError: It was.
        """
        if self._session.is_closed:
            name = type(self).__name__
            what, how = ("explorer", "explore(model)") if self.KIND == "explorer" else (name, f"{name}(...)")
            raise RuntimeError(f"This {what} is closed; open another with jaxviz.{how}.")

    # Messages

    def send_message(self, message: Message) -> None:
        """Send JSON and bytes to the browser."""
        if self.comm is not None:
            self.send(message.content, buffers=message.buffers)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        # What is published under the message's own name could make the kernel look for a subshell that is gone.
        self._context.copy().run(hearing.hear, self._session, self, content)
        super()._handle_custom_msg(content, buffers)

    def views_changed(self) -> None:
        """Live as long as a view is open, and a while longer."""
        if self.outbox.views:
            lifetime.tighten(self)
        else:
            lifetime.release_later(self)

    # What Python asks

    def start(self) -> None:
        """Begin or go on.

        Raises:
            RuntimeError: The widget was closed.
        """
        self.check_open()
        self._session.command("start")

    def pause(self) -> None:
        """Rest after the slice under way, about a fifth of a second."""
        self._session.command("pause")

    def stop(self) -> None:
        """End after the slice under way; what was rendered stays."""
        self._session.command("stop")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing climbs.

        Args:
            timeout: Seconds to wait at most; without end if None.

        Returns:
            Whether nothing climbs any more.

        Raises:
            RuntimeError: The climb failed; what was rendered is still there.
        """
        return self._session.wait(timeout)

    def close(self) -> None:
        """Close every view, end the climb if no other widget shares it, and free the device.

        Scores, curves and `to_html` stay, from what was seen; what would climb is an error from then on.
        """
        session: Session | None = getattr(self, "_session", None)
        if self.comm is not None:
            lifetime.forget(self.model_id)
        layout = cast("Any", self).layout if getattr(self, "_owns_layout", False) else None
        super().close()
        if layout is not None:
            layout.close()  # ipywidgets would keep one for every widget that there ever was
        if session is not None:
            session.leave(self)

    def __repr__(self) -> str:
        """Say what is shown; ipywidgets would write every trait."""
        phase = "closed" if self._session.is_closed else self.status["phase"]
        return f"{type(self).__name__}({self.model_name!r}, {self.layer!r}, {phase})"

    # On the screen

    def _ipython_display_(self) -> None:
        if self.comm is None:
            still.show({"text/plain": f"{type(self).__name__}, closed"})
            return
        lifetime.tighten(self)
        data, metadata = cast("tuple[dict[str, Any], dict[str, Any]]", super()._repr_mimebundle_())
        still.show(data, metadata=metadata)
        if still.is_in_notebook():
            self._still = self._still or still.Still()
            self._still.place()
            self._session.news()

    def refresh_still(self) -> None:
        """Show the newest pictures in the output behind the widget, if it is displayed and they have changed."""
        session = self._session
        if self._still is None or not self._still.is_due(climbs=session.phase in ("preparing", "climbing")):
            return
        shown = session.in_view(still.MOST_TILES)
        made_of = [(each.tile, each.record.version) for each in shown]
        if shown and made_of != self._still.shown:
            self._still.shown = made_of
            self._still.update(session.sheet(shown), f"{session.facts.name} {session.choice.layer}")
