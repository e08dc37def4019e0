"""The notebooks, as a reader gets them, without outputs, and as a reader runs them, from the first cell to the last."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from jaxviz.results import read_recipe

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
TIMEOUT_SECONDS = 600


def read(name):
    return nbformat.read(FOLDER / name, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_is_a_first_look():
    assert NOTEBOOKS[0] == "01_first_look.ipynb"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_stored_without_outputs(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert {cell.execution_count for cell in code_cells(notebook)} == {None}
    assert [cell.outputs for cell in code_cells(notebook) if cell.outputs] == []
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}  # no widget state, no machine's name
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_the_first_cell_to_the_last(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))  # this checkout's jaxviz, whichever is installed
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = read(name)
    work = tmp_path / "work"
    work.mkdir()
    NotebookClient(notebook, timeout=TIMEOUT_SECONDS, resources={"metadata": {"path": str(work)}}).execute()
    assert all(cell.execution_count for cell in code_cells(notebook))
    warnings = [
        output.text for cell in code_cells(notebook) for output in cell.outputs if output.get("name") == "stderr"
    ]
    assert [text for text in warnings if "Warning" in text] == []
    if name == "01_first_look.ipynb":
        check_first_look(notebook, work)


def check_first_look(notebook, work):
    """The reader saw the layers, an explorer, pictures, and has a page that holds them."""
    kinds = [kind for cell in code_cells(notebook) for output in cell.outputs for kind in output.get("data", {})]
    assert kinds.count("application/vnd.jupyter.widget-view+json") >= 2
    page = (work / "first_look.html").read_text(encoding="utf-8")
    record = json.loads(re.search(r'id="record">(.*?)</script>', page, re.DOTALL).group(1))
    tiles = [tile for message in record["messages"] for tile in message["content"].get("tiles", [])]
    assert {tile["unit"] for tile in tiles if tile["sign"] == 1} == set(range(24))
    assert {tile["state"] for tile in tiles if tile["sign"] == 1} <= {"d", "x"}  # done, or dead
    assert len(read_recipe(work / "stage5_block2.png").objectives) == 8
