"""By keyboard, by screen reader, in both themes, narrow, and with names that try to be markup."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.explorer import ENDLESS, MODEL, explore, open_explorer
from browser.server import ROOT

AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"


def serious_findings(page, selector: str, axe: Path = AXE) -> list[str]:
    """What axe-core finds serious or critical within an element."""
    page.evaluate(axe.read_text(encoding="utf-8"))
    violations = page.evaluate("async (selector) => (await axe.run(selector)).violations", selector)
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:200]}: {violation['nodes'][0]['failureSummary']}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ]


def test_all_by_keyboard_and_no_key_reaches_the_notebook(open_notebook):
    notebook = open_notebook(MODEL, explore(units=24, steps=ENDLESS)).run()
    explorer = open_explorer(notebook)
    explorer.wait_for_picture(0)
    cells, active = notebook.cell_count(), notebook.active_cell()
    explorer.get("grid").focus()
    press = notebook.page.keyboard.press
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp", "Enter"):
        press(key)
    notebook.wait_for_python("explorer.unit == 2")
    press("End")
    press("Enter")
    notebook.wait_for_python("explorer.unit == 23")
    press(" ")
    notebook.wait_for_python("[pin['unit'] for pin in explorer.pins] == [23]")
    for key in ("a", "b", "d", "d", "j", "k", "x", "Shift+Enter"):
        press(key)
    press("/")
    expect(explorer.get("layer-search")).to_be_focused()
    press("Escape")
    explorer.get("setting-noise").focus()
    for key in ("ArrowRight", "ArrowUp", "a"):
        press(key)
    notebook.wait_for_python("explorer.settings['noise'] > 0")
    press("/")
    notebook.page.keyboard.type("stage3/block2/expand")
    press("ArrowDown")
    press("ArrowRight")  # from the first layer that was found to its tiles
    expect(explorer.get("grid")).to_be_focused()
    notebook.wait_for_python("explorer.layer == 'stage3/block2/expand/conv'")
    press("Tab")
    press("Tab")
    expect(explorer.get("unit-slider")).to_be_focused()
    press("ArrowRight")
    notebook.wait_for_python("explorer.unit == 24")
    assert (notebook.cell_count(), notebook.active_cell()) == (cells, active)
    explorer.get("grid").focus()
    notebook.picture("focus")
    for _ in range(80):  # Tab leaves the widget in the end
        press("Tab")
        if not explorer.has_focus():
            break
    else:
        pytest.fail("Tab never leaves the explorer")
    explorer.get("grid").focus()
    press("Escape")  # and so does Escape, where it has nothing to undo
    assert not explorer.has_focus()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious_in_either_theme(open_notebook, theme):
    notebook = open_notebook(MODEL, explore(units=24, steps=32)).run()
    explorer = open_explorer(notebook)
    notebook.set_theme(theme)
    explorer.wait_for_progress("done")
    explorer.tile(3).click()
    notebook.picture(theme.split()[-1].lower())
    assert serious_findings(notebook.page, '[data-testid="jaxviz"]') == []
    notebook.set_theme("JupyterLab Light")


def test_narrow_panels_stack_and_nothing_sticks_out(open_notebook):
    notebook = open_notebook(MODEL, explore(units=24, steps=32)).run()
    explorer = open_explorer(notebook)
    explorer.wait_for_progress("done")
    notebook.command("application:toggle-left-area")
    notebook.page.set_viewport_size({"width": 560, "height": 1000})
    notebook.page.wait_for_timeout(300)
    notebook.picture("narrow")
    width, content = explorer.root.evaluate("host => [host.clientWidth, host.scrollWidth]")
    assert content <= width
    grid, unit = explorer.get("grid").bounding_box(), explorer.get("unit-slider").bounding_box()
    assert unit["y"] >= grid["y"] + grid["height"]


def test_names_that_look_like_markup_are_text(open_notebook):
    markup = "<img src=x onerror=window.attacked=1>"
    model = f'''
import jax, jaxviz
def function(images):
    with jax.named_scope("{markup}"):
        features = jax.nn.relu(jax.lax.conv(images.transpose(0, 3, 1, 2), jax.numpy.ones((4, 3, 3, 3)), (1, 1), "SAME"))
    return features.mean((2, 3))
model = jaxviz.wrap(function, input_shape=(32, 32, 3), class_names=["{markup}"] * 4)
name = next(layer.name for layer in model.layers if "onerror" in layer.name)
'''
    notebook = open_notebook(model, "explorer = jaxviz.explore(model, name, steps=8, size=32)\nexplorer").run()
    explorer = open_explorer(notebook)
    explorer.wait_for_progress("done")
    expect(explorer.root.get_by_text("onerror").first).to_be_visible()
    notebook.run_cell("explorer.layer = 'output'")
    expect(explorer.get("unit-name")).to_have_text(markup)
    explorer.get("grid").focus()
    notebook.page.keyboard.press(" ")
    explorer.get("tray").wait_for()
    notebook.picture("markup")
    assert explorer.root.locator("img").count() == 0
    assert notebook.page.evaluate("window.attacked") is None


def test_what_goes_wrong_is_one_readable_line_and_pictures_stay(open_notebook):
    model = """
import jax, jaxviz, numpy
broken = False
def check(images):
    if broken:
        raise RuntimeError("the camera\\nis on fire")
    return images
def function(images):
    shape = jax.ShapeDtypeStruct(images.shape, images.dtype)
    images = images + 0 * jax.pure_callback(check, shape, jax.lax.stop_gradient(images))
    kernels = jax.random.normal(jax.random.key(0), (4, 3, 3, 3))
    return jax.nn.relu(jax.lax.conv(images.transpose(0, 3, 1, 2), kernels, (1, 1), "SAME"))
model = jaxviz.wrap(function, input_shape=(32, 32, 3))
"""
    cell = f"explorer = jaxviz.explore(model, model.layers[-1].name, steps={ENDLESS}, size=32)\nexplorer"
    notebook = open_notebook(model, cell).run()
    explorer = open_explorer(notebook)
    explorer.wait_for_picture(0)
    notebook.run_cell("broken = True")
    expect(explorer.get("error")).to_contain_text("on fire", timeout=20_000)
    explorer.wait_for_progress("failed")
    assert explorer.picture(0).is_drawn
    notebook.picture("failed_climb")
    assert "on fire" in notebook.python("explorer.error")
    assert "\n" not in notebook.python("explorer.error")
    notebook.run_cell("broken = False")
    explorer.get("start").click()
    explorer.wait_for_picture(0, other_than=explorer.picture(0))
    expect(explorer.get("error")).to_have_count(0)
