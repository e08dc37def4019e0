"""Delivery: what one widget's browser side gets next, on the courier's thread."""

from typing import Any

from jaxviz.results import Rendering, contact_sheet, png_bytes
from jaxviz.results.files import file_names, recipe_text
from jaxviz.results.messages import Message, frame_message, unit_message
from jaxviz.widgets.session import Face, Session


def serve(session: Session, face: Face) -> float | None:
    """Send a widget one frame, if its browser side is ready for one, and what else is due.

    Args:
        session: What is shown.
        face: The widget.

    Returns:
        In how many seconds there may be more to send without further news, or None.
    """
    outbox = face.outbox
    if session.phase in ("done", "paused", "stopped", "failed"):
        face.refresh_still()
    if not outbox.views:
        return None
    with session.lock:
        closed_seconds = outbox.seconds_until_open()
        frame = None if closed_seconds else outbox.next_frame(session.candidates(face))
    if frame is not None:
        number, board, tiles = frame
        face.send_message(frame_message(number, board.layer, board.generation, tiles))
    with session.lock:
        due, wait = outbox.next_units(session.chosen()) if face.shows_unit else ([], None)
        files, outbox.files = list(outbox.files.values()), {}
    for board, shown in due:
        face.send_message(unit_message(board.layer, board.generation, shown.tile, shown.record))
    for request in files:
        try:
            face.send_message(file_message(session, request))
        except (ValueError, KeyError, IndexError) as error:
            session.report(error)
    if frame is not None:
        return 0.0
    return min((seconds for seconds in (wait, closed_seconds) if seconds), default=None)


def file_message(session: Session, request: dict[str, Any]) -> Message:
    """Return a PNG with the recipe inside: of one unit, or of the grid as a contact sheet.

    A pinned tile of another layer is written as it was shown, without a recipe.

    Raises:
        ValueError: There is no such picture.
    """
    if request["what"] == "grid":
        rendering = session.rendering(session.begun())
        name = file_names([f"{session.choice.layer} grid"])[0]
        return _png_message(name, rendering, contact_sheet(_pictures(rendering), labels=rendering.labels))
    layer, tile = request["layer"], (int(request["unit"]), int(request["sign"]))
    if layer == session.choice.layer:
        rendering = session.rendering([tile])
        return _png_message(file_names(rendering.labels)[0], rendering, rendering.grid(gap_pixels=0))
    for board in session.exported():
        record = board.records.get(tile) if board.layer == layer else None
        if record is not None and record.picture is not None:
            name = file_names([f"{'-' * (tile[1] < 0)}{layer}:{tile[0]}"])[0]
            return Message({"type": "file", "name": f"{name}.png"}, [png_bytes(record.picture)])
    raise ValueError(f"There is no picture of {layer}:{tile[0]} yet.")


def _pictures(rendering: Rendering) -> Any:
    from jaxviz.results.sheet import to_bytes

    return to_bytes(rendering.images)


def _png_message(name: str, rendering: Rendering, image: Any) -> Message:
    content = {"type": "file", "name": f"{name}.png"}
    return Message(content, [png_bytes(image, text=recipe_text(rendering.recipe))])
