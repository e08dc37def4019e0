"""The traits are what docs/explorer.md and js/src/traits.ts say."""

import importlib.util
import re
from pathlib import Path

from jaxviz.widgets.base import TileWidget
from jaxviz.widgets.choice import NAMES, Choice

ROOT = Path(__file__).parents[2]


def generator():
    specification = importlib.util.spec_from_file_location("generate_traits", ROOT / "js" / "generate_traits.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_types_of_the_front_end_are_those_of_python():
    written = (ROOT / "js" / "src" / "traits.ts").read_text(encoding="utf-8")
    assert written == generator().traits_source(), "run `python js/generate_traits.py`"


def test_the_document_lists_the_traits_and_who_may_set_them():
    document = (ROOT / "docs" / "explorer.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \|.*\| ([→↔]) \|$", document, re.MULTILINE))
    traits = {name: trait for name, trait in TileWidget.class_traits(sync=True).items() if "hint" in trait.metadata}
    assert listed == {name: "↔" if trait.metadata["both"] else "→" for name, trait in traits.items()}
    assert {name for name, sign in listed.items() if sign == "↔"} == set(NAMES) == Choice.__annotations__.keys()


def test_the_document_lists_the_messages_that_are_heard():
    from jaxviz.widgets.hearing import _ACTIONS

    document = (ROOT / "docs" / "explorer.md").read_text(encoding="utf-8")
    section = document.split("## Messages from the browser")[1].split("## Messages from Python")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == _ACTIONS.keys()
