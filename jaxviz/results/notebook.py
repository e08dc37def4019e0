"""How a rendering shows itself in a notebook: HTML without scripts, and with text that is never markup."""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Float32, UInt8

from jaxviz.results.sheet import png_bytes


def figures_html(
    images: UInt8[np.ndarray, "unit height width 3"],
    labels: Sequence[str],
    scores: Float32[np.ndarray, " unit"],
    states: Sequence[str],
    messages: Sequence[str],
) -> str:
    """Return a row of captioned pictures that wraps to the width of the page.

    Each caption is the label, the score, and the state where that is not simply done; advice shows on hover.
    """
    figures = [
        _figure(png_bytes(image), label, score, state, message)
        for image, label, score, state, message in zip(images, labels, scores, states, messages, strict=True)
    ]
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(figures)}</div>'


def _figure(png: bytes, label: str, score: float, state: str, message: str) -> str:
    facts = [] if np.isnan(score) else [f"{score:.4g}"]
    facts += [] if state == "done" else [state]
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    return (
        f'<figure style="margin:0;width:min-content" title="{escape(message or label)}">'
        f'<img src="{source}" alt="{escape(label)}" style="display:block;max-width:none">'
        f'<figcaption style="font-size:12px;line-height:1.4;overflow-wrap:anywhere">{escape(label)}'
        f'<br><span style="opacity:0.75">{escape(", ".join(facts))}</span></figcaption></figure>'
    )
