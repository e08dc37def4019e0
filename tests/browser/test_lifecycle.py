"""What happens to a climb when the page, the kernel or the cell does not stay."""

import contextlib
import time

import playwright.sync_api
import pytest
from playwright.sync_api import expect

from browser.explorer import ENDLESS, MODEL, ExplorerView, explore, open_explorer

# The explorers that the notebook's outputs hold, as IPython holds the value of every cell, and what they do.
PHASES = "[value.status['phase'] for value in Out.values() if isinstance(value, jaxviz.Explorer)]"


def climbing(open_notebook, **options):
    """A notebook with an explorer that climbs: its first picture, from before the step was compiled, has changed."""
    notebook = open_notebook(MODEL, explore(steps=ENDLESS, **options)).run()
    explorer = open_explorer(notebook)
    check_it_climbs(explorer)
    return notebook, explorer


def check_it_climbs(explorer):
    """The picture on the screen changes, and again: the first may be from a saved one to one that rests."""
    picture = explorer.wait_for_picture(0)
    for _ in range(2):
        picture = explorer.wait_for_picture(0, other_than=picture, seconds=30)


def check_it_answers(notebook, explorer, unit):
    """A choice in the browser arrives in Python, and its answer in the browser."""
    explorer.tile(unit).click()
    notebook.wait_for_python(f"explorer.unit == {unit}")
    expect(explorer.get("connection")).to_have_text("")


def test_a_reload_while_climbing_loses_nothing(open_notebook):
    notebook, _ = climbing(open_notebook)
    for unit in (3, 4, 5):
        notebook.reload()
        explorer = open_explorer(notebook)
        check_it_climbs(explorer)
        check_it_answers(notebook, explorer, unit)
    notebook.run_cell_again(1)  # the new widget must be heard as well (ipykernel loses messages of some threads)
    explorer = open_explorer(notebook)
    check_it_climbs(explorer)
    check_it_answers(notebook, explorer, 6)


def test_closing_rests_the_climb_and_reopening_goes_on(open_notebook):
    notebook, _ = climbing(open_notebook)
    notebook.close()
    notebook.page.wait_for_timeout(4500)  # three seconds until it rests, and some
    notebook.reopen()
    first = notebook.python("explorer.status['image_steps']")
    explorer = open_explorer(notebook)
    check_it_climbs(explorer)
    notebook.wait_for_python(f"explorer.status['image_steps'] > {first}")  # the status is told after the pictures
    check_it_answers(notebook, explorer, 2)


def watch_phases(notebook):
    """Let the kernel write down every phase, for when there is no page to see it."""
    notebook.run_cell("phases = []\nexplorer.observe(lambda change: phases.append(change['new']['phase']), 'status')")


@pytest.mark.parametrize("ending", ["crashed", "closed"])
def test_a_page_that_ends_without_closing_the_notebook_rests_the_climb(open_notebook, context, ending):
    notebook, explorer = climbing(open_notebook)
    silence = 4.0 if ending == "crashed" else 90.0
    notebook.run_cell(f"jaxviz.widgets.audience.SILENCE_SECONDS = {silence}")
    watch_phases(notebook)
    check_it_climbs(explorer)  # what it acknowledges keeps it going
    notebook.page.wait_for_timeout(1500 * 4 if ending == "crashed" else 500)
    assert "paused" not in notebook.python("phases")
    notebook.save()
    if ending == "crashed":
        with contextlib.suppress(playwright.sync_api.Error):
            notebook.page.goto("chrome://crash", timeout=3000)
    notebook.page.close()
    page = context.new_page()
    page.wait_for_timeout(9000)
    notebook.move_to(page)
    assert "paused" in notebook.python("phases")
    explorer = open_explorer(notebook)
    check_it_climbs(explorer)
    check_it_answers(notebook, explorer, 3)


def test_two_views_of_one_explorer_show_the_same(open_notebook):
    notebook, first = climbing(open_notebook)
    notebook.run_cell("explorer")
    second = ExplorerView(notebook.page, place=1)
    second.wait_for_picture(1)
    second.tile(2).click()
    expect(first.get("unit-number")).to_have_value("2")
    first.get("pause").click()
    second.wait_for_progress("paused")
    notebook.page.wait_for_timeout(500)
    assert first.picture(0).code == second.picture(0).code
    notebook.picture("two_views")
    second.get("start").click()
    check_it_climbs(first)


def test_running_the_cell_again_leaves_one_climb(open_notebook):
    notebook, _ = climbing(open_notebook)
    for _ in range(3):
        notebook.run_cell_again(1)
        check_it_climbs(open_explorer(notebook))
    notebook.wait_for_python(f"{PHASES} == ['paused'] * 3 + ['climbing']")
    assert notebook.page.get_by_test_id("jaxviz").count() == 1


def test_after_a_restart_the_stale_view_says_so_and_keeps_its_pictures(open_notebook):
    notebook, explorer = climbing(open_notebook)
    notebook.restart_kernel()
    notebook.page.wait_for_timeout(300)
    last = explorer.picture(0)
    explorer.tile(1).click()
    expect(explorer.get("connection")).to_contain_text("kernel gone", timeout=30_000)
    assert last.is_drawn
    assert explorer.picture(0) == last
    notebook.picture("kernel_gone")


def test_a_view_at_rest_says_by_itself_that_its_kernel_was_shut_down(open_notebook):
    notebook, explorer = climbing(open_notebook)
    explorer.get("stop").click()
    expect(explorer.get("progress-text")).to_contain_text("stopped")
    notebook.shut_down_kernel()
    notebook.page.wait_for_timeout(300)
    last = explorer.picture(0)
    expect(explorer.get("connection")).to_contain_text("kernel gone", timeout=30_000)
    assert last.is_drawn
    assert explorer.picture(0) == last


def test_restart_and_run_all_climbs_again(open_notebook):
    notebook, _ = climbing(open_notebook)
    notebook.restart_and_run_all()
    explorer = open_explorer(notebook)
    check_it_climbs(explorer)
    check_it_answers(notebook, explorer, 3)


def test_a_long_cell_does_not_stop_the_pictures(open_notebook):
    notebook, explorer = climbing(open_notebook)
    notebook.add_cell("import time\nuntil = time.monotonic() + 8\nwhile time.monotonic() < until: time.sleep(0.01)")
    started = time.monotonic()
    notebook.page.wait_for_timeout(500)
    for _ in range(3):  # pictures go on although nothing that the browser says is heard
        explorer.wait_for_picture(0, other_than=explorer.picture(0), seconds=3)
    assert time.monotonic() - started < 7
    explorer.tile(4).click()
    expect(explorer.get("connection")).to_contain_text("kernel busy", timeout=6_000)
    notebook.picture("kernel_busy")
    notebook.wait_for_cells()
    notebook.wait_for_python("explorer.unit == 4")
    expect(explorer.get("connection")).to_have_text("")


def test_fifty_explorers_opened_and_closed_leave_nothing_behind(open_notebook):
    cycle = """
import gc, threading, time, psutil, ipywidgets
from IPython.display import clear_output, display

def cycles(count):
    for _ in range(count):
        explorer = jaxviz.explore(model, "stem/conv", units=range(4), steps=4, size=32)
        display(explorer)
        explorer.wait(60)
        explorer.close()
        clear_output()
    gc.collect()
    deadline = time.monotonic() + 10  # closing waits for nothing: the last threads may still be at their last slice
    while time.monotonic() < deadline and any("jaxviz" in thread.name for thread in threading.enumerate()):
        time.sleep(0.05)
    return len(threading.enumerate()), len(ipywidgets.Widget.widgets if hasattr(ipywidgets.Widget, 'widgets')
        else ipywidgets.widget._instances), psutil.Process().memory_info().rss / 2**20
"""
    notebook = open_notebook(MODEL, cycle).run()
    notebook.run_cell("first = cycles(10)")
    notebook.run_cell("last = cycles(50)")
    threads, widgets, mebibytes = notebook.python("[after - before for before, after in zip(first, last)]")
    print(f"after fifty more: {threads} threads, {widgets} widgets, {mebibytes:.1f} MiB")
    assert threads <= 0
    assert widgets <= 0
    assert mebibytes < 30
    assert notebook.page.get_by_test_id("jaxviz").count() == 0
