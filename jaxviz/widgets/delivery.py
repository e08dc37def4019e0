"""Delivery: what one widget's browser side gets next, on the courier's thread."""

from typing import Any

from jaxviz.results import Rendering, png_bytes
from jaxviz.results.files import file_names, recipe_text
from jaxviz.results.messages import Message, frame_message, unit_message
from jaxviz.widgets.audience import Face
from jaxviz.widgets.session import Session


def serve(session: Session, face: Face) -> float | None:
    """Send a widget one frame, if its browser side is ready for one, and what else is due.

    Args:
        session: What is shown.
        face: The widget.

    Returns:
        In how many seconds there may be more to send without further news, or None.
    """
    outbox = face.outbox
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

    A tile that the climb has forgotten meanwhile, for want of memory, is written as it was shown, without a recipe.

    Raises:
        ValueError: There is no such picture.
    """
    if request["what"] == "grid":
        return _grid_message(session)
    layer, tile = request["layer"], (int(request["unit"]), int(request["sign"]))
    board = session.board_of(layer, request.get("generation"))
    record = None if board is None else board.records.get(tile)
    if record is None or record.picture is None:
        raise ValueError(f"There is no picture of {layer}:{tile[0]} yet.")
    try:
        rendering = session.rendering([tile], board)
    except ValueError:
        name = file_names([f"{'-' * (tile[1] < 0)}{layer}:{tile[0]}"])[0]
        return Message({"type": "file", "name": f"{name}.png"}, [png_bytes(record.picture)])
    return _png_message(file_names(rendering.labels)[0], rendering, rendering.grid(gap_pixels=0))


def _grid_message(session: Session) -> Message:
    name = file_names([f"{session.choice.layer} grid"])[0]
    try:
        rendering = session.rendering(session.begun())
    except ValueError:
        shown = session.in_view()
        if not shown:
            raise
        # Of several presets, which have no recipe in common.
        return Message({"type": "file", "name": f"{name}.png"}, [png_bytes(session.sheet(shown))])
    return _png_message(name, rendering, rendering.grid(labels=True))


def _png_message(name: str, rendering: Rendering, image: Any) -> Message:
    content = {"type": "file", "name": f"{name}.png"}
    return Message(content, [png_bytes(image, text=recipe_text(rendering.recipe))])
