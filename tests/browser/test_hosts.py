"""Other hosts than JupyterLab, and other kernels than the newest: one climb each, heard from both sides."""

import sys
import textwrap

import pytest
from playwright.sync_api import expect

from browser.explorer import ENDLESS, MODEL, ExplorerView, explore, open_explorer
from browser.notebook import write_notebook
from browser.server import OTHER_KERNELS, Process, free_port, isolated_environment

# Voila asks for these by itself; without them it works all the same.
VOILA_ASKS_FOR = ("fontawesome", "mathjax")


def check_it_works(page, explorer, pictures):
    """It climbs, a choice in the browser is answered by Python, and Stop stops."""
    explorer.wait_for_picture(0, other_than=explorer.wait_for_picture(0))
    explorer.tile(3).click()
    # The curve of a unit comes from Python only.
    expect(explorer.get("copy-code-unit")).to_be_enabled()
    explorer.get("stop").click()
    explorer.wait_for_progress("stopped", seconds=10)
    pictures.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=pictures / "host.png")


def test_notebook_7(open_notebook, pictures):
    notebook = open_notebook(MODEL, explore(steps=ENDLESS), host="notebooks").run()
    explorer = open_explorer(notebook)
    check_it_works(notebook.page, explorer, pictures)
    cells = notebook.cell_count()
    explorer.get("grid").focus()
    for key in ("ArrowDown", "a", "b", "Enter"):
        notebook.page.keyboard.press(key)
    assert notebook.cell_count() == cells


def test_voila(server, page, console, pictures):
    write_notebook(server.folder / "voila.ipynb", [MODEL, explore(steps=ENDLESS)])
    page.goto(server.url("voila/render/voila.ipynb"))
    try:
        check_it_works(page, ExplorerView(page), pictures)
    finally:
        server.end_kernels()
    ours = [url for url in console.requests_outside if not any(name in url for name in VOILA_ASKS_FOR)]
    console.forget()
    assert ours == []


def test_marimo(page, pictures, tmp_path):
    cell = f"{MODEL}\n{explore(steps=ENDLESS)}"
    source = (
        f"import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n{textwrap.indent(cell, '    ')}\n    return\n"
    )
    (tmp_path / "page.py").write_text(source, encoding="utf-8")
    port = free_port()
    process = Process(
        [
            *(sys.executable, "-m", "marimo", "--quiet", "run", str(tmp_path / "page.py")),
            *("--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)),
        ],
        ready_url=f"http://127.0.0.1:{port}/health",
        log=tmp_path / "marimo.log",
        environment=isolated_environment(tmp_path),
        folder=tmp_path,
    )
    try:
        page.goto(f"http://127.0.0.1:{port}/")
        check_it_works(page, ExplorerView(page), pictures)
    finally:
        process.stop()


@pytest.mark.parametrize("version", ["6.31", "7.1"])
def test_older_kernels(open_notebook, pictures, version):
    assert (OTHER_KERNELS / version).is_dir(), "`make browser` installs the other versions of ipykernel"
    notebook = open_notebook(MODEL, explore(steps=ENDLESS), kernel=f"ipykernel-{version}").run()
    assert notebook.python("ipykernel.__version__", after="import ipykernel").startswith(f"{version}.")
    explorer = open_explorer(notebook)
    check_it_works(notebook.page, explorer, pictures)
    notebook.reload()
    explorer = open_explorer(notebook)
    explorer.get("start").click()
    explorer.wait_for_picture(0, other_than=explorer.wait_for_picture(0))
    explorer.tile(5).click()
    notebook.wait_for_python("explorer.unit == 5")


def test_a_reload_loses_no_message_while_the_kernel_replies(open_notebook):
    # ipykernel 7.1 loses what arrives while a reply is sent. Usually that is a moment; here each waits for so long
    # that without the mend most reloads hang.
    slow_replies = """
import time
kernel = get_ipython().kernel
manager = kernel.shell_channel_thread.manager

def send_later(message):
    time.sleep(0.02)
    manager._send_on_shell_channel(message)

stream = manager._main_to_shell_channel.to_stream
kernel.shell_channel_thread.io_loop.add_callback(lambda: stream.on_recv(send_later, copy=False))
"""
    notebook = open_notebook(MODEL, explore(), kernel="ipykernel-7.1").run()
    open_explorer(notebook).wait_for_picture(0)
    notebook.run_cell(slow_replies)
    for _ in range(4):
        notebook.reload()
        open_explorer(notebook).wait_for_picture(0)
