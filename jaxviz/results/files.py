"""Files: a rendering as `.npz` exactly, pictures as PNG with the recipe inside, and the way back.

Nothing is unpickled. A file is written beside its place and moved there when it is whole.
"""

import json
import os
import re
import struct
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxviz.results.recipe import Recipe

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
RECORD = "jaxviz"
"""Name of the member of an `.npz` file that holds, as UTF-8 JSON, all that is not an array."""

RESERVED = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)),
}
"""Names that Windows keeps for devices."""


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that it is there entirely or not at all, making its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Short, since the file's own name may be as long as a name can be.
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            write(file)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write these bytes so that the file is there entirely or not at all, making its folder if need be."""
    write_whole(path, lambda file: file.write(content))


def recipe_text(recipe: Recipe) -> str:
    """Return the recipe as ASCII JSON, fit for a PNG's text chunk."""
    return json.dumps(recipe.to_json(), separators=(",", ":"))


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Read the recipe out of a PNG that jaxviz saved.

    Args:
        path: A PNG written by `Rendering.save` or `Rendering.save_images`.

    Returns:
        The recipe of the units in the picture.

    Raises:
        ValueError: If the file is not a PNG, is cut off, or carries no recipe.

    Example:
        >>> import tempfile, pathlib
        >>> from jaxviz.results import png_bytes
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "plain.png"
        >>> _ = path.write_bytes(png_bytes(np.zeros((2, 3, 3), np.uint8)))
        >>> read_recipe(path)
        Traceback (most recent call last):
            ...
        ValueError: 'plain.png' carries no recipe: jaxviz did not save it, or a program removed its text.
    """
    path = Path(path)
    text = _png_text(path)
    if text is None:
        raise ValueError(f"{path.name!r} carries no recipe: jaxviz did not save it, or a program removed its text.")
    try:
        return Recipe.from_json(json.loads(text))
    except ValueError as error:
        raise ValueError(f"The recipe in {path.name!r} cannot be read: {error}") from error


def _png_text(path: Path) -> bytes | None:
    """Return the content of the text chunk "jaxviz".

    Read by hand because an image library refuses to open a sheet with as many pixels as a wide layer needs.
    """
    with path.open("rb") as file:
        if file.read(8) != PNG_SIGNATURE:
            raise ValueError(f"{path.name!r} is not a PNG file.")
        while len(header := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", header)
            if kind == b"IEND":
                return None
            if kind == b"tEXt":
                keyword, _, text = file.read(length).partition(b"\0")
                if keyword == b"jaxviz":
                    return text
                file.seek(4, os.SEEK_CUR)
            else:
                file.seek(length + 4, os.SEEK_CUR)
    raise ValueError(f"{path.name!r} is cut off before the end of its PNG data.")


def write_npz(path: Path, arrays: dict[str, np.ndarray], record: dict[str, Any]) -> None:
    """Write arrays and a JSON record exactly, without compression (pictures of noise hardly shrink)."""
    # JSON as bytes and not as a NumPy string, which would lose a text's trailing NULs.
    members: dict[str, Any] = {**arrays, RECORD: np.frombuffer(json.dumps(record).encode("ascii"), np.uint8)}
    write_whole(path, lambda file: np.savez(file, **members))


def read_npz(
    path: Path, names: Iterable[str], *, optional: Iterable[str] = ()
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays of these names, the optional ones that are there, and the JSON record that `write_npz` wrote.

    Raises:
        ValueError: If the file is none of ours, or is damaged.
    """
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            raise ValueError(
                f"{path.name!r} is not a rendering, which is an .npz file; "
                "to see how a .png was made, use `jaxviz.results.read_recipe`."
            )
        file.seek(0)
        try:
            members = np.load(file, allow_pickle=False)
            if RECORD not in members:
                raise ValueError(f"it was not written by jaxviz (it has no member {RECORD!r}).")
            record = json.loads(members[RECORD].tobytes())
            there = [*names, *(name for name in optional if name in members)]
            return {name: members[name] for name in there}, record
        # All that NumPy, zipfile and zlib are known to raise on a file cut short or altered; RuntimeError where it then
        # seems to be encrypted, or compressed in a way of which zipfile does not know.
        except (ValueError, KeyError, EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path.name!r} cannot be read as a rendering: {error}") from error


def file_names(labels: Iterable[str]) -> list[str]:
    """Return a file name for each label, without suffix: safe on every system, and no two alike.

    Letters, digits, `_`, `.` and `-` are kept, all else becomes `_`; a leading minus is spelled out, so that
    the name is not taken for an option and differs from that of the positive unit.
    """
    names: list[str] = []
    taken: set[str] = set()
    for label in labels:
        spelled = f"minus_{label[1:]}" if label.startswith("-") else label
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", spelled).strip("._ ")[:100] or "unit"
        if base.split(".")[0].upper() in RESERVED:
            base = f"unit_{base}"
        name, number = base, 1
        while name.lower() in taken:  # some file systems do not tell A from a
            number += 1
            name = f"{base}_{number}"
        taken.add(name.lower())
        names.append(name)
    return names
