"""The bqplot charts beside an explorer, in a real page."""

import re

from playwright.sync_api import expect

from browser.explorer import MODEL, explore, open_explorer

CELL = (
    explore(units=24, steps=48).removesuffix("explorer")
    + """
import ipywidgets
curves, histogram = jaxviz.charts.score_curves(explorer), jaxviz.charts.score_histogram(explorer)
ipywidgets.VBox([explorer, ipywidgets.HBox([curves, histogram])])
"""
)
# Lightness from 0 to 255 of what an element is drawn in, and of the page behind it.
LIGHTNESS = """element => {
    const lightness = colour => colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
    const panel = getComputedStyle(document.body).getPropertyValue('--jp-layout-color0');
    const probe = Object.assign(document.body.appendChild(document.createElement('i')), {style: `color: ${panel}`});
    const behind = lightness(getComputedStyle(probe).color);
    probe.remove();
    return [lightness(getComputedStyle(element).fill), behind];
}"""


def test_charts_grow_select_and_follow_the_theme(open_notebook):
    notebook = open_notebook(MODEL, CELL).run()
    explorer = open_explorer(notebook)
    explorer.wait_for_progress("done")
    curves, histogram = (notebook.page.locator(".bqplot .svg-figure, svg.svg-figure").nth(place) for place in (0, 1))
    curves.scroll_into_view_if_needed()
    expect(curves.locator("g.curve path.line").first).to_have_attribute("d", re.compile(r"^M[\d.,-]+L"))
    expect(histogram.locator("rect.bar").first).to_be_attached()

    histogram.scroll_into_view_if_needed()
    box = histogram.bounding_box()
    mouse = notebook.page.mouse
    mouse.move(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + 0.94 * box["width"], box["y"] + box["height"] / 2, steps=8)
    mouse.up()
    notebook.wait_for_python("explorer.selection")
    selection = notebook.python("explorer.selection")
    assert 0 < len(selection) < 24
    for unit in selection:
        expect(explorer.tile(unit)).to_have_attribute("aria-selected", "true")
    expect(curves.locator("g.curve")).to_have_count(min(len(selection), 12))
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.set_theme(theme)
        notebook.picture(theme.split()[-1].lower())
        text, behind = curves.locator("text").first.evaluate(LIGHTNESS)
        assert abs(text - behind) > 80
