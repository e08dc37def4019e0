"""Pages: what was rendered as one self-contained file, with the same front end as the widgets.

The page holds the bundle, the traits and the messages that a widget would have sent; `openPage` of the bundle
stands in for the kernel. Nothing is loaded from anywhere.
"""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from jaxviz.results.files import write_bytes
from jaxviz.results.messages import Message, Shown, frame_message, unit_message

BUNDLE = Path(__file__).parents[1] / "widgets" / "static" / "jaxviz.js"
"""The front end, built out of `js/`."""

_MOST_TILES = 256  # of one frame
MOST_SCORES = 128
"""Of a curve on a page; there may be thousands of curves."""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="jaxviz">
<title>{title}</title>
<style>html, body {{ height: 100%; margin: 0 }} #explorer {{ min-height: 100% }}</style>
<div id="explorer"></div>
<noscript>This page shows pictures by a script that it holds itself. Please allow scripts.</noscript>
<script type="application/json" id="record">{record}</script>
<script type="application/json" id="bundle">{bundle}</script>
<script type="module">
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const address = URL.createObjectURL(new Blob([read("bundle")], {{ type: "text/javascript" }}));
const {{ openPage }} = await import(address);
openPage({{ element: document.getElementById("explorer"), ...read("record") }});
</script>
</html>
"""


@cache
def bundle(path: Path) -> str:
    """Return the text of the front end.

    Raises:
        FileNotFoundError: It was not built; the message says how.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"The front end of the widgets is missing: there is no '{path}'. "
            "In a checkout, `npm ci && npm run build` in js/ makes it; otherwise install jaxviz-features again."
        ) from None


def write_page(
    path: str | os.PathLike[str], traits: Mapping[str, Any], messages: Sequence[Message], *, title: str = "jaxviz"
) -> None:
    """Write one file that shows what was rendered.

    Args:
        path: Where to write; a missing folder is made.
        traits: The traits of docs/explorer.md.
        messages: `frame` and `unit` messages.
        title: Of the page.

    Raises:
        ValueError: There is no message, and so nothing to show.
    """
    if not messages:
        raise ValueError("Nothing has been rendered yet, so there is nothing to write to a page.")
    record = {
        "traits": dict(traits) | {"kernel": False},
        "messages": [
            {"content": content, "buffers": [base64.b64encode(buffer).decode("ascii") for buffer in buffers]}
            for content, buffers in messages
        ],
    }
    page = _PAGE.format(title=escape(title), record=_json(record), bundle=_json(bundle(BUNDLE)))
    # A string may hold half a character (a lone surrogate), which no file can.
    whole = page.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    write_bytes(Path(path), whole.encode("utf-8"))


def page_messages(layer: str, generation: int, tiles: Sequence[Shown]) -> list[Message]:
    """Return the messages that a page needs for some tiles of a layer, which have pictures."""
    frames: list[Message] = []
    by_shape: dict[tuple[int, ...], list[Shown]] = {}
    for shown in tiles:
        assert shown.record.picture is not None
        by_shape.setdefault(shown.record.picture.shape, []).append(shown)
    for same in by_shape.values():
        for first in range(0, len(same), _MOST_TILES):
            frames += [frame_message(0, layer, generation, same[first : first + _MOST_TILES])]
    units = [unit_message(layer, generation, shown.tile, shown.record, most_scores=MOST_SCORES) for shown in tiles]
    return frames + units


def _json(value: Any) -> str:
    """Return JSON that may stand within a script element: no `</script`, no `<!--`."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False).replace("<", "\\u003c")
