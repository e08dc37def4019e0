"""The smaller widgets, beside one another and among those of ipywidgets."""

import re

from playwright.sync_api import expect

from browser.explorer import ENDLESS, LAYER, MODEL, ExplorerView
from browser.notebook import PATIENT_SECONDS
from browser.test_access import serious_findings


def test_a_grid_and_a_unit_view_share_one_climb(open_notebook):
    cell = f"""
import ipywidgets
grid = jaxviz.LayerGrid(model, {LAYER!r}, units=range(12), steps={ENDLESS}, size=48)
view = jaxviz.UnitView(grid)
slider = ipywidgets.IntSlider(max=11)
ipywidgets.link((slider, "value"), (view, "unit"))
ipywidgets.VBox([slider, ipywidgets.HBox([grid, view])])
"""
    notebook = open_notebook(MODEL, cell).run()
    grid, view = ExplorerView(notebook.page, place=0), ExplorerView(notebook.page, place=1)
    grid.get("grid").wait_for(timeout=PATIENT_SECONDS * 1000)
    grid.wait_for_picture(3)
    grid.tile(3).click()
    expect(view.get("unit-number")).to_have_value("3")
    notebook.wait_for_python("(slider.value, view.unit) == (3, 3)")
    notebook.run_cell("slider.value = 5")
    expect(view.get("unit-number")).to_have_value("5")
    expect(grid.tile(5)).to_have_attribute("aria-current", "true")
    notebook.picture("parts")


def test_progress_of_any_steps_has_pictures_and_a_stop(open_notebook):
    steps = f"jaxviz.render_steps(model, {LAYER!r}, units=range(6), steps={ENDLESS}, size=48, snapshot_every=4)"
    notebook = open_notebook(MODEL, f"progress = jaxviz.RenderProgress({steps})\nprogress").run()
    progress = ExplorerView(notebook.page)
    progress.wait_for_picture(0)
    notebook.picture("progress")
    progress.get("stop").click()
    progress.wait_for_progress("stopped", seconds=20)
    assert notebook.python("progress.snapshot.images.shape") == (6, 48, 48, 3)


def test_a_bench_climbs_presets_side_by_side_and_measures_them(open_notebook):
    cell = f"bench = jaxviz.Bench(model, {LAYER!r}, 12, presets=['lucid', 'dvt_3', 'dvt_4'], steps=24, size=48)\nbench"
    notebook = open_notebook(MODEL, cell).run()
    bench = ExplorerView(notebook.page)
    bench.get("grid").wait_for(timeout=PATIENT_SECONDS * 1000)
    bench.wait_for_progress("done")
    assert bench.picture(0).is_drawn
    for preset in range(3):
        for name in ("score", "robustness", "fine detail"):
            expect(bench.get(f"measure-{preset}-{name}")).to_have_text(re.compile(rf"^{name}−?\d"), timeout=60_000)
    bench.get("grid").focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("Enter")
    expect(bench.get("unit-name")).to_have_text("dvt_3")
    notebook.wait_for_python("bench.unit == 1")
    assert serious_findings(notebook.page, '[data-testid="jaxviz"]') == []
    notebook.picture("bench")
    notebook.set_theme("JupyterLab Dark")
    notebook.picture("bench_dark")
    notebook.set_theme("JupyterLab Light")
    bench.tile(0).click()
    before, other = bench.picture(0), bench.picture(1)
    bench.set_range("dial-scale_range", 40)  # which stop that is does not matter
    bench.wait_for_picture(0, other_than=before)
    bench.wait_for_progress("done")
    assert bench.picture(1) == other
    expect(bench.get("unit-name")).to_have_text(re.compile(r"^lucid \(scale_range 0\.\d+\)$"))
    notebook.wait_for_python("list(bench.numbers) == ['lucid'] and bench.numbers['lucid']['scale_range'] > 0.1")
    assert serious_findings(notebook.page, '[data-testid="jaxviz"]') == []
    notebook.picture("bench_moved")
    bench.get("dials-reset").click()
    expect(bench.get("unit-name")).to_have_text("lucid")
    notebook.wait_for_python("bench.numbers == {}")
    before = bench.picture(0)
    bench.set_range("setting-steps", 12)
    bench.get("new-key").click()
    bench.wait_for_picture(0, other_than=before)


def test_two_explorers_share_the_device(open_notebook):
    cells = [
        f"{name} = jaxviz.explore(model, {LAYER!r}, units=range(6), steps={ENDLESS}, size=48)\n{name}"
        for name in ("first", "second")
    ]
    notebook = open_notebook(MODEL, *cells).run()
    for place in (0, 1):
        view = ExplorerView(notebook.page, place=place)
        view.get("grid").wait_for(timeout=PATIENT_SECONDS * 1000)
        view.wait_for_picture(0)
    notebook.wait_for_python("min(each.status['image_steps'] for each in (first, second)) > 0")  # all is compiled
    before = notebook.python("[each.status['image_steps'] for each in (first, second)]")
    notebook.page.wait_for_timeout(3000)
    after = notebook.python("[each.status['image_steps'] for each in (first, second)]")
    made = [later - earlier for earlier, later in zip(before, after, strict=True)]
    assert max(made) < 3 * min(made)
