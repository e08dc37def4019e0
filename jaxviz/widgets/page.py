"""The exported page of a session: all that was rendered, as the messages that a page holds."""

from collections.abc import Mapping
from typing import Any

from jaxviz.html import page_messages
from jaxviz.results.messages import Message
from jaxviz.widgets.boards import newest, pinned
from jaxviz.widgets.session import Session


def begun_traits(session: Session, traits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traits that a page has otherwise: its grid keeps no places for units that were never climbed."""
    with session.lock:
        records = {} if session.boards.shown is None else session.boards.shown.records
        places = [position for position, unit in enumerate(traits["units"]) if (unit, 1) in records]
    units = [traits["units"][position] for position in places]
    if not units:
        return {}
    return {
        "units": units,
        "unit": traits["unit"] if traits["unit"] in units else units[0],
        "selection": [unit for unit in traits["selection"] if unit in units],
        "states": "".join(traits["states"][position] for position in places),
    }


def session_messages(session: Session) -> list[Message]:
    """Return the messages of every layer that has pictures under its newest settings, and of what is pinned."""
    messages: list[Message] = []
    boards = session.exported()
    last = newest(boards)
    for board in boards:
        with session.lock:
            wanted = [*board.records] if board is last[board.layer] else pinned(board, session.choice.pins)
            found = [shown for tile in wanted if (shown := board.shown(tile, "stopped"))]
            tiles = [shown._replace(record=shown.record.copy()) for shown in found]
        if tiles:
            messages += page_messages(board.layer, board.generation, tiles)
    return messages
