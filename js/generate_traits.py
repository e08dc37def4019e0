"""Write `js/src/traits.ts` out of the traits that the Python widgets define: `python js/generate_traits.py`.

A test compares the file with what this program writes, so that neither side can change alone.
"""

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any

from jaxviz.results import Settings
from jaxviz.results.dials import Dial, PresetDials
from jaxviz.results.tile import LETTERS
from jaxviz.widgets.base import Code, Kind, Measure, TileWidget
from jaxviz.widgets.board import Phase, Status
from jaxviz.widgets.choice import Pin, Sign
from jaxviz.widgets.facts import LayerFacts

TARGET = Path(__file__).parent / "src" / "traits.ts"

# Python type -> its name in TypeScript, and what is said of it there.
NAMED: dict[Any, tuple[str, str]] = {
    Kind: ("Kind", "Which panels are drawn."),
    Sign: ("Sign", "1 climbs the unit, -1 its negative."),
    Phase: ("Phase", "What the climb does."),
    LayerFacts: ("Layer", "A layer of the model."),
    Settings: ("Settings", "What decides a climb beside the model and the unit."),
    Dial: ("Dial", "A number of a preset that can be moved; a step of 0 is two digits wherever it is."),
    PresetDials: ("PresetDials", "The numbers of a preset that can be moved."),
    Pin: ("Pin", "A tile that is kept in the tray."),
    Status: ("Status", "How far the climb is."),
    Code: ("Code", "Python that renders what is on the screen again."),
    Measure: ("Measure", "What was measured of the units' pictures."),
}
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", types.NoneType: "null"}


def typescript(hint: Any) -> str:
    """Return a Python type hint in TypeScript."""
    if hint in NAMED:
        return NAMED[hint][0]
    if hint in PLAIN:
        return PLAIN[hint]
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " | ".join(json.dumps(value) for value in parts)
    if origin is list:
        inner = typescript(parts[0])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if origin is dict:
        inner = typescript(parts[1])
        return f"Record<string, {f'Partial<{inner}>' if parts[1] is Settings else inner}>"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(typescript(part) for part in parts)
    raise TypeError(f"There is no TypeScript for {hint!r} yet; teach js/generate_traits.py.")


def declaration(hint: Any) -> str:
    """Return the declaration of a named type."""
    name, comment = NAMED[hint]
    if typing.get_origin(hint) is typing.Literal:
        values = " | ".join(json.dumps(value) for value in typing.get_args(hint))
        return f"/** {comment} */\nexport type {name} = {values};\n"
    hints = typing.get_type_hints(hint)
    names = [field.name for field in dataclasses.fields(hint)] if dataclasses.is_dataclass(hint) else list(hints)
    lines = "".join(f"  {each}: {typescript(hints[each])};\n" for each in names)
    return f"/** {comment} */\nexport interface {name} {{\n{lines}}}\n"


def literal(value: Any, indent: str = "") -> str:
    """Return a JSON value as a TypeScript literal, laid out as biome does."""
    if isinstance(value, dict) and value:
        inner = f"{indent}  "
        lines = "".join(f"{inner}{name}: {literal(part, inner)},\n" for name, part in value.items())
        return f"{{\n{lines}{indent}}}"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return json.dumps(value)


def traits_source() -> str:
    """Return the whole file."""
    traits = {name: trait for name, trait in TileWidget.class_traits(sync=True).items() if "hint" in trait.metadata}
    order = [name for name in vars(TileWidget) if name in traits]
    lines = "".join(f"  {name}: {typescript(traits[name].metadata['hint'])};\n" for name in order)
    both = " | ".join(json.dumps(name) for name in order if traits[name].metadata["both"])
    defaults = {name: traits[name].default_value for name in order}
    letters = " | ".join(json.dumps(letter) for letter in LETTERS.values())
    return f"""// Written by js/generate_traits.py out of the Python widgets: do not edit it. See docs/explorer.md.

{chr(10).join(declaration(hint) for hint in NAMED)}
/** {", ".join(LETTERS)}. */
export type State = {letters};

export interface Traits {{
{lines}}}

export type TraitName = keyof Traits;

/** The traits that the browser may change. */
export type Changes = Partial<
  Pick<
    Traits,
    {both}
  >
>;

/** What Python begins with. */
export const DEFAULTS: Traits = {literal(defaults)};
"""


if __name__ == "__main__":
    TARGET.write_text(traits_source(), encoding="utf-8")
