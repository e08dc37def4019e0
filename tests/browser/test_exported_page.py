"""The exported page, opened from the disk by a browser that has no network."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from browser.explorer import LAYER, MODEL, ExplorerView, explore, open_explorer
from browser.test_access import serious_findings

UNITS = 12
# What the page may weigh beside its pictures.
MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with the pictures of a layer, made without any browser."""
    import jaxviz

    path = tmp_path_factory.mktemp("page") / "page.html"
    explorer = jaxviz.explore(jaxviz.load(), LAYER, units=range(UNITS), steps=48, size=48)
    assert explorer.wait(300)
    explorer.to_html(path)
    explorer.close()
    return path


@pytest.fixture
def offline(context: BrowserContext, page: Page) -> Page:
    """A page of a browser without a network."""
    context.set_offline(True)
    return page


def test_the_page_works_from_the_disk_without_a_network(offline, exported, pictures):
    offline.goto(exported.as_uri())
    page = ExplorerView(offline)
    for unit in range(UNITS):
        page.wait_for_picture(unit, seconds=10)
        assert page.tile(unit).get_attribute("data-state") in ("done", "dead")
    for gone in ("start", "stop", "restart", "settings", "copy-code-grid"):  # what needs a kernel
        expect(page.get(gone)).to_have_count(0)
    page.set_range("unit-slider", 7)
    expect(page.get("unit-number")).to_have_value("7")
    page.tile(4).click()
    expect(page.get("unit-number")).to_have_value("4")
    strip = page.get("stages")
    strip.focus()
    expect(strip).to_have_attribute("aria-valuetext", "step 48")
    offline.keyboard.press("Home")
    expect(strip).to_have_attribute("aria-valuetext", re.compile("^step [01]$"))
    offline.keyboard.press("End")
    expect(strip).to_have_attribute("aria-valuetext", "step 48")
    page.get("grid").focus()
    offline.keyboard.press(" ")
    expect(page.get(f"tray-{LAYER}:4")).to_be_visible()
    with offline.expect_download() as download:
        page.get("download-grid").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    pictures.mkdir(parents=True, exist_ok=True)
    offline.screenshot(path=pictures / "page.png")
    offline.emulate_media(color_scheme="dark")
    offline.screenshot(path=pictures / "page_dark.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_page(offline, exported, scheme):
    offline.emulate_media(color_scheme=scheme)
    offline.goto(exported.as_uri())
    ExplorerView(offline).wait_for_picture(0, seconds=10)
    assert serious_findings(offline, "body") == []


def test_no_text_is_below_eleven_pixels(offline, exported):
    offline.goto(exported.as_uri())
    page = ExplorerView(offline)
    page.wait_for_picture(0, seconds=10)
    small = page.root.evaluate(
        """host => {
            const walker = document.createTreeWalker(host.shadowRoot, NodeFilter.SHOW_TEXT);
            const small = [];
            while (walker.nextNode()) {
                const {parentElement, textContent} = walker.currentNode;
                if (!textContent.trim() || parentElement.tagName === 'STYLE') continue;
                const size = parseFloat(getComputedStyle(parentElement).fontSize);
                if (size < 11) small.push(`${size}: ${textContent}`);
            }
            return small;
        }"""
    )
    assert small == []


def test_the_page_is_small_beside_its_pictures(exported):
    text = exported.read_text(encoding="utf-8")
    record = json.loads(re.search(r'id="record">(.*?)</script>', text, re.DOTALL).group(1))
    pictures = sum(len(buffer) for message in record["messages"] for buffer in message["buffers"])
    print(f"{len(text)} bytes, {pictures} of them pictures")
    assert len(text) - pictures < MOST_BYTES


def test_a_notebook_exports_what_it_shows(open_notebook, context, tmp_path):
    notebook = open_notebook(MODEL, explore(units=6, steps=16)).run()
    open_explorer(notebook).wait_for_progress("done")
    path = tmp_path / "from_lab.html"
    notebook.run_cell(f"explorer.to_html({str(path)!r})")
    page = context.new_page()
    page.goto(path.as_uri())
    for unit in range(6):
        ExplorerView(page).wait_for_picture(unit, seconds=10)
