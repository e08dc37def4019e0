"""The explorer on the screen: what a user sees of it and does with it."""

import json
import re
import time
from typing import Any, NamedTuple

from playwright.sync_api import Locator, Page, expect

from browser.notebook import PATIENT_SECONDS, Notebook

MODEL = "import jaxviz\nmodel = jaxviz.load()"
LAYER = "stage2/block2/expand/relu6"
# A climb that goes on for as long as a test looks at it.
ENDLESS = 65_536

# Of a part of a canvas: its mean, its deviation and a number that any changed pixel changes.
MEASURE = """(canvas, left, width, height) => {
    const {data} = canvas.getContext('2d').getImageData(left, 0, width, height);
    let [sum, squares, code] = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) {
        const grey = (data[at] + data[at + 1] + data[at + 2]) / 3;
        sum += grey; squares += grey * grey; code = (31 * code + data[at] + 7 * data[at + 1] + 13 * data[at + 2]) | 0;
    }
    const count = data.length / 4;
    return [sum / count, Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2)), code];
}"""
TILE = f"""(tile) => {{
    const canvas = tile.parentElement.querySelector('canvas');
    const [sheet, place] = [canvas.getBoundingClientRect(), tile.getBoundingClientRect()];
    const [across, down] = [canvas.width / sheet.width, canvas.height / sheet.height];
    return ({MEASURE})(canvas, (place.left - sheet.left) * across, place.width * across, sheet.height * down);
}}"""


class Picture(NamedTuple):
    """What a tile shows: grey level 0 to 255, and a code that any changed pixel changes."""

    mean: float
    deviation: float
    code: int

    @property
    def is_drawn(self) -> bool:
        """Whether it is more than the grey of an empty tile."""
        return self.deviation > 1


def explore(layer: str = LAYER, *, units: int = 24, steps: int = 48, size: int = 48, **settings: Any) -> str:
    """The source of a cell that opens an explorer, small enough to be quick."""
    chosen = ", ".join(f"{name}={value!r}" for name, value in {"steps": steps, "size": size, **settings}.items())
    return f"explorer = jaxviz.explore(model, {layer!r}, units=range({units}), {chosen})\nexplorer"


class ExplorerView:
    """One view of an explorer (or of another of the widgets) within a page."""

    def __init__(self, page: Page, *, place: int = 0):
        self.page = page
        self.root = page.get_by_test_id("jaxviz").nth(place)

    def get(self, test_id: str) -> Locator:
        """The part of the view with that `data-testid`."""
        return self.root.get_by_test_id(test_id)

    def tile(self, unit: int) -> Locator:
        """The tile of a unit."""
        return self.get(f"tile-{unit}")

    def picture(self, unit: int) -> Picture:
        """What the tile of a unit shows now."""
        return Picture(*self.tile(unit).evaluate(TILE))

    def first_stage(self) -> Picture:
        """The picture with which the chosen unit began, by replaying its climb as soon as there is something to replay.

        The stages follow every second: at first the only one is the newest, in whose place the picture itself is shown.
        """
        expect(self.get("stages")).not_to_have_attribute("aria-valuemax", "0")
        self.get("stages").press("Home")
        measured = (
            self.get("unit-positive")
            .locator("canvas")
            .evaluate(f"canvas => ({MEASURE})(canvas, 0, canvas.width, canvas.height)")
        )
        self.get("stages").press("End")
        return Picture(*measured)

    def wait_for_picture(
        self, unit: int, *, other_than: Picture | None = None, seconds: float = PATIENT_SECONDS
    ) -> Picture:
        """Wait until the tile of a unit shows a picture, or another one than it did."""
        deadline = time.monotonic() + seconds
        while True:
            picture = self.picture(unit)
            if picture.is_drawn and (other_than is None or picture.code != other_than.code):
                return picture
            assert time.monotonic() < deadline, f"no new picture of unit {unit} after {seconds:g} s; it shows {picture}"
            self.page.wait_for_timeout(20)

    def wait_for_state(self, unit: int, state: str, *, seconds: float = PATIENT_SECONDS) -> None:
        """Wait until a tile is waiting, climbing, done, dead, diverged or stopped."""
        expect(self.tile(unit)).to_have_attribute("data-state", state, timeout=seconds * 1000)

    def wait_for_progress(self, text: str, *, seconds: float = PATIENT_SECONDS) -> None:
        """Wait until the line above the pictures begins with a word, as "done"."""
        expect(self.get("progress-text")).to_have_text(re.compile("^" + re.escape(text)), timeout=seconds * 1000)

    def set_range(self, test_id: str, value: float) -> None:
        """Move a slider to a position, as dragging it there does."""
        self.get(test_id).fill(json.dumps(value))

    def has_focus(self) -> bool:
        """Whether keys go to this view."""
        return self.root.evaluate("host => document.activeElement === host")

    def wait_for_steps(self, unit: int, least: int) -> int:
        """Wait until the picture of a unit has made so many steps, and return how many it has made."""
        while (steps := self.steps(unit)) < least:
            self.page.wait_for_timeout(50)
        return steps

    def steps(self, unit: int) -> int:
        """At which step the picture of a unit is that the pointer rests on."""
        self.tile(unit).hover()
        return int(self.get("hover-readout").inner_text().partition("step")[2].split()[0].replace(",", ""))


def open_explorer(notebook: Notebook, *, place: int = 0) -> ExplorerView:
    """The explorer that the notebook's cells made, with its grid on the screen."""
    view = ExplorerView(notebook.page, place=place)
    view.get("grid").wait_for(timeout=PATIENT_SECONDS * 1000)
    return view
