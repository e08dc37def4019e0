"""Names of classes: which one a user means."""

import difflib
from collections.abc import Sequence


def class_index(name: str, class_names: Sequence[str]) -> int:
    """Return the index of the class that a name means.

    A name is looked up first as it is, then without regard to case and as one of the synonyms that commas separate.

    Args:
        name: What the user calls the class.
        class_names: The model's, in the order of the logits.

    Raises:
        ValueError: The name is unknown, or names several classes.

    Example:
        >>> class_index("Tabby", ("tench", "tabby, tabby cat"))
        1
        >>> class_index("taby", ("tench", "tabby, tabby cat"))
        Traceback (most recent call last):
        ...
        ValueError: Unknown class 'taby'. Did you mean 'tabby' or 'tabby cat'?
    """
    if not class_names:
        raise ValueError(f"The model has no class names to find {name!r} among. Give the class's index.")
    wanted = name.strip().lower()
    found = [index for index, known in enumerate(class_names) if known == name]
    found = found or [index for index, known in enumerate(class_names) if wanted in _synonyms(known)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{name!r} is the name of the classes {', '.join(map(str, found))}. Give one's index.")
    every = [synonym for known in class_names for synonym in _synonyms(known)]
    close = difflib.get_close_matches(wanted, every, n=3)
    advice = f" Did you mean {' or '.join(map(repr, dict.fromkeys(close)))}?" if close else ""
    raise ValueError(f"Unknown class {name!r}.{advice}")


def _synonyms(name: str) -> list[str]:
    whole = name.strip().lower()
    return [whole, *(part.strip() for part in whole.split(","))]
