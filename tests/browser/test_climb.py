"""The explorer while it climbs, on the real default model."""

import time

from playwright.sync_api import expect

from browser.explorer import ENDLESS, LAYER, MODEL, explore, open_explorer

COUNT_COMPILATIONS = """
import jax
compiled = []
def note(name, *details, **more):
    if "backend_compile" in name:
        compiled.append(name)
jax.monitoring.register_event_duration_secs_listener(note)
"""


def test_every_tile_climbs_and_ends_with_a_picture_and_a_score(open_notebook):
    notebook = open_notebook(MODEL, explore(units=24, steps=48)).run()
    explorer = open_explorer(notebook)
    explorer.wait_for_picture(0)
    notebook.picture("climbing")
    explorer.wait_for_progress("done")
    for unit in range(24):
        assert explorer.tile(unit).get_attribute("data-state") in ("done", "dead")
        assert explorer.picture(unit).is_drawn
    explorer.tile(5).hover()
    expect(explorer.get("hover-score")).to_contain_text(".")
    assert explorer.steps(5) == 48
    assert notebook.python("[explorer.layer, len(explorer.rendering.images)]") == [LAYER, 24]
    explorer.tile(5).click()
    expect(explorer.get("unit-number")).to_have_value("5")
    notebook.wait_for_python("explorer.unit == 5")
    expect(explorer.get("stage-48").first).to_be_visible()
    notebook.picture("done")


def test_scrolling_brings_what_is_in_view_first(open_notebook):
    notebook = open_notebook(MODEL, explore(units=144, steps=ENDLESS, size=32)).run()
    explorer = open_explorer(notebook)
    explorer.wait_for_picture(0)
    explorer.wait_for_steps(0, 1)  # the first picture comes before the step is compiled
    assert explorer.tile(143).count() == 0  # tiles out of view cost nothing
    explorer.get("grid").evaluate("grid => { grid.scrollTop = grid.scrollHeight; }")
    scrolled = time.monotonic()
    explorer.wait_for_picture(143, seconds=15)
    waited = time.monotonic() - scrolled
    print(f"from scrolling to the first picture of the last unit: {waited:.2f} s")
    assert waited < 3  # the issue says one second; two busy cores are given more
    notebook.picture("scrolled")


def test_a_moved_slider_changes_the_pictures_and_the_settings(open_notebook):
    notebook = open_notebook(MODEL, explore(units=12, steps=ENDLESS)).run()
    explorer = open_explorer(notebook)
    explorer.wait_for_picture(0)
    notebook.python("None", after=COUNT_COMPILATIONS)
    for stop, from_scratch in ((25, True), (4, False), (8, False)):
        explorer.get("from-scratch").set_checked(from_scratch)
        explorer.wait_for_steps(0, 300)
        notebook.python("None", after="compiled.clear()")
        generation = notebook.python("explorer.status['generation']")
        contrast = explorer.picture(0).deviation
        explorer.set_range("setting-noise", stop)
        moved = time.monotonic()
        while notebook.python("explorer.status['generation']") == generation or explorer.steps(0) >= 300:
            assert time.monotonic() < moved + 10
        print(f"{time.monotonic() - moved:.2f} s from the slider to pictures under the new settings")
        explorer.wait_for_steps(0, 100)  # until the stages of these have come
        least = explorer.first_stage().deviation
        assert (least < contrast / 2) is from_scratch  # from noise, or from the picture that there was
        assert notebook.python("compiled") == []
    expect(explorer.get("setting-preset")).to_have_value("custom")
    notebook.wait_for_python("explorer.settings['noise'] > 0")


def test_stop_answers_at_once_and_keeps_the_pictures(open_notebook):
    notebook = open_notebook(MODEL, explore(units=24, steps=ENDLESS)).run()
    explorer = open_explorer(notebook)
    explorer.wait_for_picture(0, other_than=explorer.wait_for_picture(0))  # a step that is being compiled is made yet
    explorer.get("stop").click()
    clicked = time.monotonic()
    explorer.wait_for_progress("stopped", seconds=10)
    waited = time.monotonic() - clicked
    print(f"from Stop to stopped: {1000 * waited:.0f} ms")
    assert waited < 2
    notebook.page.wait_for_timeout(300)  # a frame may be on its way
    still = explorer.picture(0)
    notebook.page.wait_for_timeout(1000)
    assert explorer.picture(0) == still
    assert still.is_drawn
    assert notebook.python("explorer.rendering.images.shape[1:]") == (48, 48, 3)
    explorer.get("start").click()
    explorer.wait_for_picture(0, other_than=still)


def test_python_and_the_browser_follow_each_other(open_notebook):
    notebook = open_notebook(MODEL, explore(units=24, steps=ENDLESS)).run()
    explorer = open_explorer(notebook)
    notebook.run_cell("explorer.unit = 7\nexplorer.selection = [3, 4]")
    expect(explorer.get("unit-number")).to_have_value("7")
    expect(explorer.tile(3)).to_have_attribute("aria-selected", "true")
    explorer.set_range("unit-slider", 11)
    notebook.wait_for_python("explorer.unit == 11")
    explorer.get("layer-search").fill("stem/conv:3")
    explorer.get("layer-search").press("Enter")
    notebook.wait_for_python("(explorer.layer, explorer.unit) == ('stem/conv', 3)")
    explorer.wait_for_picture(3)
    notebook.run_cell("explorer.layer = 'output'\nexplorer.units = [340, 949]\nexplorer.unit = 949")
    expect(explorer.get("unit-name")).to_have_text("strawberry")
    explorer.wait_for_picture(949)
    notebook.picture("classes")
