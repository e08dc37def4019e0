"""One notebook in one page of a real front end, driven as a user would and read back from where it runs."""

import ast
import json
import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from browser.server import JupyterServer

# What a kernel with jax may take on two busy cores: a start, an import, a compilation.
PATIENT_SECONDS = 90

KERNEL_READY = """async () => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    // Lab opens the notebook before it knows what can be done with it.
    if (!panel?.sessionContext || !jupyterapp.commands.hasCommand('notebook:run-all-cells')) return false;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session?.kernel?.info;
    return panel.sessionContext.session?.kernel?.status === 'idle';
}"""
SOON = "() => Promise.race([(%s)(), new Promise(resolve => setTimeout(() => resolve(false), 5000))])"
CELLS = """() => (window.jupyterapp?.shell?.currentWidget?.content?.widgets ?? [])
    .filter(cell => cell.model.type === 'code')
    .map(cell => ({prompt: cell.model.executionState ?? '', count: cell.model.executionCount,
                   outputs: cell.model.outputs?.toJSON() ?? []}))"""
PYTHON = """async ([code, expression]) => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({
        code, user_expressions: {value: expression}, store_history: false, stop_on_error: false});
    const reply = (await future.done).content;
    if (reply.status !== 'ok') return {problem: `${reply.ename}: ${reply.evalue}`};
    const value = reply.user_expressions.value;
    return value.status === 'ok' ? {value: value.data['text/plain']} : {problem: `${value.ename}: ${value.evalue}`};
}"""


class CellError(AssertionError):
    """A cell of the notebook under test raised."""


class Notebook:
    """A notebook made of the given cells, open in JupyterLab (or Notebook 7: `host="notebooks"`)."""

    def __init__(
        self,
        server: JupyterServer,
        page: Page,
        *,
        name: str,
        cells: list[str],
        host: str = "lab/tree",
        kernel: str = "python3",
        pictures: Path,
    ):
        self.server = server
        self.page = page
        self.path = f"{name}.ipynb"
        self.host = host
        self._pictures = pictures
        # ipykernel 7.0 to 7.3 may lose what a page says first, until an explorer has mended that; another page helps.
        self._loads = 3 if kernel == "ipykernel-7.1" else 1
        write_notebook(server.folder / self.path, cells, kernel=kernel)

    def open(self) -> "Notebook":
        """Open the notebook and wait until its kernel can be asked."""
        address = self.server.url(f"{self.host}/{self.path}")
        self.page.goto(address)
        for _ in range(1, self._loads):
            try:
                self.wait_until(KERNEL_READY, seconds=PATIENT_SECONDS / 3)
            except AssertionError:
                self.page.goto(address)
        self.wait_for_kernel()
        return self

    def wait_for_kernel(self) -> None:
        """Wait until the kernel of the notebook on the screen is idle."""
        self.wait_until(KERNEL_READY, seconds=PATIENT_SECONDS)

    def wait_until(self, expression: str, *, seconds: float) -> None:
        """Wait until a JavaScript function, which may be asynchronous and may never end, returns true."""
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(SOON % expression):
            if time.monotonic() > deadline:
                raise AssertionError(f"not true after {seconds:g} s: {expression}")
            self.page.wait_for_timeout(50)

    def start(self) -> "Notebook":
        """Run all cells without waiting for them."""
        self.command("notebook:run-all-cells")
        return self

    def run(self) -> "Notebook":
        """Run all cells and wait for the last; a cell that raises fails the test with its traceback."""
        self.start()
        self.wait_for_cells()
        return self

    def wait_for_cells(self, *, seconds: float = PATIENT_SECONDS) -> None:
        """Wait until every code cell has run to its end."""
        self.wait_until(
            f"() => {{ const cells = ({CELLS})(); return cells.length > 0 && cells.every("
            "cell => cell.count !== null && cell.prompt === 'idle' "
            " || cell.outputs.some(output => output.output_type === 'error')); }",
            seconds=seconds,
        )
        self.check_cells()

    def check_cells(self) -> None:
        """Raise what a cell raised."""
        if errors := self.cell_errors():
            raise CellError("\n".join(errors))

    def cell_errors(self) -> list[str]:
        """The tracebacks that cells on the screen show."""
        outputs = [output for cell in self.page.evaluate(CELLS) for output in cell["outputs"]]
        tracebacks = ["\n".join(output["traceback"]) for output in outputs if output["output_type"] == "error"]
        return [re.sub(r"\x1b\[[0-9;]*m", "", traceback) for traceback in tracebacks]

    def command(self, name: str, *, wait: bool = False) -> None:
        """Run one of the front end's commands. The promise of some resolves only when all cells have run."""
        body = "() => { const running = jupyterapp.commands.execute(%s); %s }"
        self.page.evaluate(body % (json.dumps(name), "return running.then(() => null);" if wait else ""))

    def run_cell(self, source: str) -> None:
        """Add a cell below the last, run it and wait for it."""
        self.add_cell(source)
        self.wait_for_cells()

    def add_cell(self, source: str) -> None:
        """Add a cell below the last and run it without waiting."""
        self.page.evaluate(
            """async (source) => {
                const {content} = jupyterapp.shell.currentWidget;
                content.activeCellIndex = content.widgets.length - 1;
                await jupyterapp.commands.execute('notebook:insert-cell-below');
                content.activeCell.model.sharedModel.setSource(source);
                jupyterapp.commands.execute('notebook:run-cell');
            }""",
            source,
        )

    def run_cell_again(self, index: int) -> None:
        """Run one of the cells again and wait for it."""
        self.page.evaluate(
            """(index) => {
                jupyterapp.shell.currentWidget.content.activeCellIndex = index;
                return jupyterapp.commands.execute('notebook:run-cell').then(() => null);
            }""",
            index,
        )
        self.wait_for_cells()

    def python(self, expression: str, *, after: str = "") -> Any:
        """The value of an expression in the kernel, as a literal; `after` are statements to run before it."""
        answer = self.page.evaluate(PYTHON, [after, expression])
        if "problem" in answer:
            raise CellError(f"{after}\n{expression}\n{answer['problem']}")
        return ast.literal_eval(answer["value"])

    def wait_for_python(self, expression: str, *, seconds: float = 30) -> None:
        """Wait until an expression in the kernel is true."""
        deadline = time.monotonic() + seconds
        while not self.python(f"bool({expression})"):
            if time.monotonic() > deadline:
                raise AssertionError(f"not true after {seconds:g} s: {expression}")
            self.page.wait_for_timeout(100)

    def cell_count(self) -> int:
        """How many cells the notebook has."""
        return self.page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length")

    def active_cell(self) -> int:
        """The index of the cell that the notebook has selected."""
        return self.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex")

    def save(self) -> None:
        """Save the notebook, as Lab does by itself every two minutes."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")

    def reload(self) -> None:
        """Save and reload the page; the kernel goes on."""
        self.save()
        self.page.reload()
        self.wait_for_kernel()

    def move_to(self, page: Page) -> None:
        """Open the notebook in another page; the kernel goes on."""
        self.page = page
        self.open()

    def restart_kernel(self) -> None:
        """Restart the kernel and run nothing."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.wait_for_kernel()

    def shut_down_kernel(self) -> None:
        """Shut the kernel down, as the menu does."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def restart_and_run_all(self) -> None:
        """The menu's "Restart Kernel and Run All Cells", with its question answered; waits for the cells."""
        self.page.evaluate(
            """() => {
                window.cellsRanAgain = false;
                jupyterapp.commands.execute('notebook:restart-run-all').then(() => { window.cellsRanAgain = true; });
            }"""
        )
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.wait_until("() => window.cellsRanAgain", seconds=PATIENT_SECONDS)
        self.wait_for_cells()

    def close(self) -> None:
        """Save the notebook and close its tab; the kernel goes on."""
        self.save()
        self.command("application:close", wait=True)
        self.wait_until("() => !jupyterapp.shell.currentWidget?.sessionContext", seconds=10)

    def reopen(self) -> None:
        """Open the notebook again after `close`, in the same page."""
        self.page.evaluate(
            "(path) => jupyterapp.commands.execute('docmanager:open', {path}).then(() => null)", self.path
        )
        self.wait_for_kernel()

    def set_theme(self, name: str) -> None:
        """Switch to "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate(
            "(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme}).then(() => null)", name
        )
        is_light = "true" if name == "JupyterLab Light" else "false"
        self.page.locator(f'body[data-jp-theme-light="{is_light}"]').wait_for(state="attached")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")  # it lies over everything for a while

    def get(self, test_id: str) -> Locator:
        """The part of the page with that `data-testid`, inside shadow roots too."""
        return self.page.get_by_test_id(test_id)

    def picture(self, name: str) -> Path:
        """Save what is on the screen among the artefacts, and return where."""
        path = self._pictures / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)
        return path


def write_notebook(path: Path, cells: list[str], *, kernel: str = "python3") -> None:
    """Write a notebook of code cells that has not been run."""
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{number}",
                "metadata": {},
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"display_name": kernel, "language": "python", "name": kernel}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook), encoding="utf-8")
