"""The exported page of a session: all that was rendered, as the messages that a page holds."""

from jaxviz.html import page_messages
from jaxviz.results.messages import Message, Shown
from jaxviz.widgets.session import Session


def session_messages(session: Session) -> list[Message]:
    """Return the messages of every layer that has pictures under its newest settings, and of what is pinned."""
    messages: list[Message] = []
    for board in session.exported():
        with session.lock:
            found = [shown for tile in board.records if (shown := board.shown(tile, "stopped"))]
            tiles = [Shown(shown.tile, shown.record.copy(), shown.state) for shown in found]
        if tiles:
            messages += page_messages(board.layer, board.generation, tiles)
    return messages
