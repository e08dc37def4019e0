"""A saved notebook that is opened where no kernel has the explorer shows its last pictures."""

import re
import subprocess
import sys

from playwright.sync_api import expect

from browser.explorer import ENDLESS, MODEL, explore, open_explorer

# The width in pixels of the pictures that Lab shows as plain images.
STILLS = (
    "() => [...document.querySelectorAll('.jp-RenderedImage img')].map(image => image.getBoundingClientRect().width)"
)


def save_and_lose_the_kernel(notebook):
    """Save and load the notebook again with a kernel that knows nothing: the picture in its output is seen."""
    notebook.save()
    notebook.restart_kernel()
    notebook.page.reload()
    notebook.wait_for_kernel()
    expect(notebook.page.get_by_text("model not found")).to_be_visible()
    (width,) = notebook.page.evaluate(STILLS)
    assert width > 100


def test_a_saved_notebook_shows_its_last_pictures_without_a_kernel(open_notebook, server):
    notebook = open_notebook(MODEL, explore(units=12, steps=48)).run()
    open_explorer(notebook).wait_for_progress("done")
    notebook.wait_for_python("explorer._still.shown")
    notebook.page.wait_for_timeout(500)
    assert notebook.page.evaluate(STILLS) == [0]  # there, and hidden by the live view
    save_and_lose_the_kernel(notebook)
    notebook.picture("without_kernel")

    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--log-level=ERROR", notebook.path]
    subprocess.run(command, cwd=server.folder, check=True)
    page = (server.folder / notebook.path).with_suffix(".html").read_text(encoding="utf-8")
    (picture,) = re.findall(r'<img[^>]*src="data:image/(?:png|jpeg);base64,\s*([^"]+)"', page)
    assert len(picture) > 5_000


def test_a_notebook_that_was_loaded_again_while_it_climbed_shows_pictures_without_a_kernel(open_notebook):
    notebook = open_notebook(MODEL, explore(units=12, steps=ENDLESS)).run()
    open_explorer(notebook).wait_for_picture(0)
    notebook.wait_for_python("explorer._still.shown")
    notebook.page.wait_for_timeout(500)
    notebook.reload()
    open_explorer(notebook).get("stop").click()
    save_and_lose_the_kernel(notebook)


def test_a_figure_behind_the_explorer_is_not_taken_for_its_picture(open_notebook):
    figure = """
import numpy
from IPython.display import Image, display
from jaxviz.results import png_bytes
display(explorer)
Image(png_bytes(numpy.zeros((40, 60, 3), "uint8")))
"""
    notebook = open_notebook(MODEL, explore(units=4, steps=4).removesuffix("explorer") + figure).run()
    open_explorer(notebook).wait_for_progress("done")
    assert notebook.page.evaluate(STILLS) == [0, 60]
