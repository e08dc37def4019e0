import time
import pytest
SETUP = """
import sys; sys.path.insert(0, "/work/wt/widgets")
from pathlib import Path
import jaxviz, jaxviz.html
jaxviz.html.BUNDLE = Path("/work/wt/front/jaxviz/widgets/static/jaxviz.js")
model = jaxviz.load()
"""
def test_tmp(open_notebook, pictures):
    notebook = open_notebook(SETUP, "explorer = jaxviz.explore(model, 'stage4/block2/add', steps=48, size=64)\nexplorer")
    page = notebook.page
    notebook.run()
    page.get_by_test_id("grid").wait_for()
    page.wait_for_timeout(9000)
    page.screenshot(path="/tmp/v/lab1.png")
    print(notebook.python("(explorer.status, explorer.states, explorer.error)"))
    page.get_by_test_id("tile-5").click()
    page.wait_for_timeout(1500)
    print("unit", notebook.python("explorer.unit"))
    page.get_by_test_id("layer-search").fill("classifier:949")
    page.keyboard.press("Enter")
    page.wait_for_timeout(12000)
    page.screenshot(path="/tmp/v/lab2.png")
    print(notebook.python("(explorer.layer, explorer.unit, explorer.status)"))
    # slider
    before = notebook.python("explorer.settings")
    page.get_by_test_id("setting-decay_power").focus()
    for _ in range(5): page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1500)
    print(before, notebook.python("explorer.settings"))
    count = notebook.cell_count()
    page.get_by_test_id("grid").focus()
    for key in ["a", "b", "ArrowDown", "ArrowDown", "Enter", "Escape"]: page.keyboard.press(key)
    page.wait_for_timeout(500)
    print("cells", count, notebook.cell_count())
    notebook.restart_kernel()
    t = time.time()
    try:
        page.get_by_text("kernel gone").wait_for(timeout=30000)
        print("gone after", time.time() - t)
    except Exception as e:
        print("never gone", e)
    page.screenshot(path="/tmp/v/lab3.png")
