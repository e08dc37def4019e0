"""Errors in one readable line."""

import re

_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"^[\w.]+: ", re.MULTILINE)


def one_line(error: BaseException) -> str:
    """Return what an error says as one readable line."""
    said = error.args[0] if isinstance(error, KeyError) and error.args else error
    text = str(said)
    if _TRACEBACK in text:  # of Python that compiled code called back into; what it raised stands last
        raised = [match.start() for match in _RAISED.finditer(text, text.rindex(_TRACEBACK))]
        text = text[raised[0] :] if raised else text
    text = " ".join(text.split())
    if not isinstance(error, ValueError | TypeError | KeyError | IndexError):
        text = f"{type(error).__name__}: {text}"
    return text if len(text) <= 300 else f"{text[:299]}…"
