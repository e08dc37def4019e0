"""Hearing: what the browser's messages do."""

from collections.abc import Callable
from typing import Any, Protocol

from jaxviz.results.messages import Message
from jaxviz.widgets.audience import Face
from jaxviz.widgets.choice import NAMES
from jaxviz.widgets.session import Session


class Hearer(Face, Protocol):
    """A widget, as far as its messages go."""

    def send_state(self, key: Any = None) -> None:
        """Send traits again."""
        ...


def hear(session: Session, face: Hearer, content: Any) -> None:
    """Do what a message from the browser asks for, and answer it.

    Whatever is wrong becomes one line in the trait `error`; nothing is raised.

    Args:
        session: What the widget shows.
        face: The widget.
        content: `{type, serial, ...}` of docs/explorer.md.
    """
    session.heard(face)
    try:
        kind = content["type"]
        if kind not in _ACTIONS:
            raise ValueError(f"Unknown message {kind!r} from the browser.")
        _ACTIONS[kind](session, face, content)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        session.report(error)
    face.show({"error": session.error})
    if isinstance(content, dict) and "serial" in content:
        face.send_message(Message({"type": "heard", "serial": content["serial"]}, []))


def _set(session: Session, face: Hearer, content: dict[str, Any]) -> None:
    changes = content["changes"]
    try:
        session.change(changes)
    finally:
        # Of what was corrected or refused the browser has another value than Python, which has not changed.
        truth = session.choice.to_json()
        wrong = [name for name in changes if name in NAMES and truth[name] != changes[name]]
        if wrong:
            face.send_state(wrong)


def _visible(session: Session, face: Hearer, content: dict[str, Any]) -> None:
    layer = session.choice.layer
    if content.get("layer", layer) != layer:
        return  # Python chose another layer meanwhile, of which the browser will say what is in view
    face.outbox.visible = session.facts.units(layer, content["units"]) if layer else []
    session.look_again()


def _file(session: Session, face: Hearer, content: dict[str, Any]) -> None:
    if content["what"] not in ("unit", "grid"):
        raise ValueError(f"There is no file of {content['what']!r}; ask for 'unit' or 'grid'.")
    with session.lock:
        face.outbox.files[content["what"]] = content
    session.news()


def _acknowledge(session: Session, face: Hearer, content: dict[str, Any]) -> None:
    with session.lock:
        face.outbox.acknowledge(content["id"])
    session.courier.notify()


def _alive(session: Session, face: Hearer, content: dict[str, Any]) -> None:
    for view in content["views"]:
        if view not in face.outbox.views:  # it was silent for so long that it counted as closed
            session.opened(face, str(view))


_ACTIONS: dict[str, Callable[[Session, Hearer, dict[str, Any]], None]] = {
    "hello": lambda session, face, content: session.opened(face, str(content["view"])),
    "goodbye": lambda session, face, content: session.closed(face, str(content["view"])),
    "alive": _alive,
    "ack": _acknowledge,
    "set": _set,
    "visible": _visible,
    "command": lambda session, _, content: session.command(content["command"]),
    "file": _file,
}
