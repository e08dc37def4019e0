"""The browser's side of a widget: what was sent to it, and a way to answer."""

import io
import time
from typing import NamedTuple

import comm.base_comm
import numpy as np
from PIL import Image


class Sent(NamedTuple):
    when: float
    kind: str
    data: dict
    buffers: list


class FakeComm(comm.base_comm.BaseComm):
    """A comm that keeps what is published on it."""

    def __init__(self, *args, **options):
        self.sent = []
        super().__init__(*args, **options)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        self.sent.append(Sent(time.monotonic(), msg_type, data, [bytes(buffer) for buffer in buffers or []]))


class Browser:
    """A view of a widget, in a browser that draws nothing.

    Args:
        widget: The widget.
        acknowledges: Whether frames are acknowledged, by `read`.
    """

    def __init__(self, widget, acknowledges=True):
        self.widget = widget
        self.comm = widget.comm
        self.acknowledges = acknowledges
        self.state = {}
        self.frames = []
        self.units = []
        self.files = []
        self.heard = []
        self.tiles = {}
        self._read = 0
        self._serial = 0

    def send(self, kind, **content):
        """Send a message, and return its serial number."""
        if kind not in ("ack", "goodbye"):
            self._serial += 1
            content["serial"] = self._serial
        data = {"method": "custom", "content": {"type": kind, **content}}
        self.comm.handle_msg({"content": {"data": data}, "buffers": []})
        return self._serial

    def open(self, visible=(), view="view-1"):
        self.send("hello", view=view)
        if visible:
            self.send("visible", units=list(visible))

    def read(self):
        """Take over everything that has come, and acknowledge frames."""
        while self._read < len(self.comm.sent):
            sent = self.comm.sent[self._read]
            self._read += 1
            if sent.kind == "comm_open" or (sent.kind == "comm_msg" and sent.data["method"] == "update"):
                self.state |= sent.data["state"]
            elif sent.kind == "comm_msg" and sent.data["method"] == "custom":
                self._take(sent)
        return self

    def until(self, condition, seconds=10):
        """Read until a condition holds, which a test then need not assert."""
        deadline = time.monotonic() + seconds
        while not condition(self.read()):
            assert time.monotonic() < deadline, f"it never came true; status {self.state.get('status')}"
            time.sleep(0.002)
        return self

    def _take(self, sent):
        content = sent.data["content"]
        if content["type"] == "frame":
            self.frames.append((sent.when, content))
            for position, tile in enumerate(content["tiles"]):
                cut = tile_of(content, sent.buffers[0], position)
                key = content["layer"], content["generation"], tile["unit"], tile["sign"]
                self.tiles[key] = (tile, cut)
            if self.acknowledges:
                self.send("ack", id=content["id"])
        elif content["type"] == "unit":
            self.units.append((sent.when, content, sent.buffers))
        elif content["type"] == "file":
            self.files.append((content["name"], sent.buffers[0]))
        else:
            self.heard.append(content["serial"])


def tile_of(content, jpeg, position):
    """The pixels of one tile of a frame."""
    atlas = np.asarray(Image.open(io.BytesIO(jpeg)))
    height, width = content["height"], content["width"]
    row, column = divmod(position, content["columns"])
    return atlas[row * height : (row + 1) * height, column * width : (column + 1) * width]
