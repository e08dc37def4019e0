"""The explorer in a real JupyterLab and a real Chromium: frames, what they cost, Stop, a slider, memory.

    .venv/bin/python benchmarks/explorer_in_browser.py [--minutes 10] [--rounds 5]

Needs what `make test` installs. Everything is measured with 64 tiles of 128 pixels: on a tiny network, where pictures
come as fast as they can be shown, and on EfficientNet-Lite0. Prints one table; medians with the range.

The browser draws on the kernel's own processors here, so what it takes slows the climb too. What a browser elsewhere
would leave of it is told apart by the kernel's processor time for a step. What the page takes is said for each process
of the browser and for the server; it depends little on what else the machine does, if the frames come as fast.
"""

import argparse
import collections
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser.conftest import CHROMIUM_OPTIONS, chromium_path
from browser.explorer import ExplorerView, open_explorer
from browser.notebook import Notebook
from browser.server import JupyterServer

TINY = """
import jax, jax.numpy as jnp, numpy as np, jaxviz
kernel = jnp.asarray(np.random.default_rng(0).normal(size=(7, 7, 3, 64)) / 7, jnp.float32)
def network(images):
    return jax.lax.conv_general_dilated(images, kernel, (8, 8), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
model = jaxviz.wrap(network, input_shape=(128, 128, 3), name="Tiny")
layer = model.layers[-1].name
"""
REAL = """
import jaxviz
model = jaxviz.load()
layer = "stage5/block2/expand"
"""
EXPLORE = "explorer = jaxviz.explore(model, layer, units=range(64), steps=4096, size=128, tile_pixels=64)\nexplorer"

# Nothing is sent but the numbers in the bar; the page stays as it is.
HIDE = "serve = explorer._session._serve; explorer._session._serve = lambda session, face: None"
SHOW = "explorer._session._serve = serve; explorer._session.look_again()"

# From a click on Stop until the page says so; and from a moved slider until a pixel of the first tile is another.
STOP_MILLISECONDS = """async (root) => {
    const shadow = root.getRootNode();
    const text = shadow.querySelector('[data-testid="progress-text"]');
    const began = performance.now();
    shadow.querySelector('[data-testid="stop"]').click();
    while (!text.textContent.startsWith('stopped')) await new Promise(resolve => setTimeout(resolve, 2));
    return performance.now() - began;
}"""
SLIDER_MILLISECONDS = """async ([root, value]) => {
    const shadow = root.getRootNode();
    const tile = shadow.querySelector('[data-testid="tile-0"]');
    const canvas = tile.parentElement.querySelector('canvas');
    const look = () => {
        const {data} = canvas.getContext('2d').getImageData(8, 8, 32, 32);
        let code = 0;
        for (const level of data) code = (31 * code + level) | 0;
        return code;
    };
    const slider = shadow.querySelector('[data-testid="setting-noise"]');
    const before = look(), began = performance.now();
    slider.value = String(value);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    slider.dispatchEvent(new Event('change', {bubbles: true}));
    while (look() === before) await new Promise(resolve => setTimeout(resolve, 2));
    return performance.now() - began;
}"""


def said(numbers: list[float], unit: str) -> str:
    return f"{statistics.median(numbers):.3g} ({min(numbers):.3g} to {max(numbers):.3g}) {unit}"


def kind_of(process: psutil.Process) -> str | None:
    """Which part of the page a process of ours is, or None."""
    arguments = process.cmdline()
    line = " ".join(arguments)
    if "ipykernel" in line:
        return None
    if "jupyter" in line:
        return "server"
    kinds = [argument.partition("=")[2] for argument in arguments if argument.startswith("--type=")]
    return (kinds or ["browser"])[0] if "chrom" in line and "playwright" not in arguments[0] else None


def processor_seconds() -> collections.Counter[str]:
    """Processor time so far of the server and of the browser's processes, by kind."""
    found: collections.Counter[str] = collections.Counter()
    for process in psutil.Process().children(recursive=True):
        try:
            if kind := kind_of(process):
                found[kind] += sum(process.cpu_times()[:2])
        except psutil.Error:
            continue  # it has ended meanwhile
    return found


class Bench:
    """One notebook with one explorer on the screen."""

    def __init__(self, server: JupyterServer, page, name: str, setup: str):
        self.page = page
        self.notebook = Notebook(
            server, page, name=f"{name}{time.time():.0f}", cells=[setup, EXPLORE], pictures=Path(tempfile.gettempdir())
        )
        self.notebook.open().run()
        self.view: ExplorerView = open_explorer(self.notebook)
        self.view.wait_for_picture(0)
        self.notebook.wait_for_python("explorer.status['phase'] == 'climbing' and explorer.status['image_steps'] > 200")

    def image_steps(self) -> tuple[float, float, int]:
        """Return the time, the processor time of the kernel, and the steps that it has made."""
        clocks = "__import__('time').monotonic(), __import__('time').process_time()"
        moment, work, steps = self.notebook.python(
            f"({clocks}, explorer.status['image_steps'])", after="explorer._session.tell()"
        )
        return moment, work, steps

    def steps_per_second(self, seconds: float) -> tuple[float, float]:
        """Return steps a second, and steps for a second of the kernel's processor time."""
        began, idle, before = self.image_steps()
        self.page.wait_for_timeout(1000 * seconds)
        ended, busy, after = self.image_steps()
        return (after - before) / (ended - began), (after - before) / (busy - idle)

    def frames_per_second(self, seconds: float) -> float:
        """Frames that the browser has drawn and acknowledged."""
        count = "explorer.outbox._number - len(explorer.outbox._unacknowledged)"
        before = self.notebook.python(count)
        began = time.monotonic()
        self.page.wait_for_timeout(1000 * seconds)
        after = self.notebook.python(count)
        return (after - before) / (time.monotonic() - began)

    def page_percents(self, seconds: float) -> dict[str, float]:
        """Percent of one core that the server and the browser's processes take."""
        began, before = time.monotonic(), processor_seconds()
        self.page.wait_for_timeout(1000 * seconds)
        used, passed = processor_seconds() - before, time.monotonic() - began
        return {kind: 100 * spent / passed for kind, spent in used.most_common()}

    def memory_megabytes(self) -> float:
        return self.notebook.python("__import__('psutil').Process().memory_info().rss / 1e6")

    def command(self, command: str) -> None:
        self.notebook.python("None", after=f"explorer.{command}()")

    def stop_milliseconds(self) -> float:
        milliseconds = self.view.get("grid").evaluate(STOP_MILLISECONDS)
        self.command("start")
        self.view.wait_for_progress("climbing")
        self.page.wait_for_timeout(1500)
        return milliseconds

    def slider_milliseconds(self, value: int) -> float:
        grid = self.view.get("grid").element_handle()
        milliseconds = self.page.evaluate(SLIDER_MILLISECONDS, [grid, value])
        self.page.wait_for_timeout(2000)
        return milliseconds

    def cost_of_streaming(self, seconds: float, rounds: int) -> tuple[list[float], list[float]]:
        """How much slower it climbs while pictures are sent, and how much more the kernel works for it, in percent."""
        slower, dearer = [], []
        for _ in range(rounds):
            shown = self.steps_per_second(seconds)
            self.notebook.python("None", after=HIDE)
            hidden = self.steps_per_second(seconds)
            self.notebook.python("None", after=SHOW)
            slower.append(100 * (1 - shown[0] / hidden[0]))
            dearer.append(100 * (1 - shown[1] / hidden[1]))
        return slower, dearer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long the kernel's memory is watched")
    options = parser.parse_args()
    server = JupyterServer(Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp()))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        for name, setup in (("tiny", TINY), ("efficientnet_lite0", REAL)):
            bench = Bench(server, page, name, setup)
            print(f"\n{name}, 64 tiles of 128 px")
            frames = [bench.frames_per_second(4) for _ in range(options.rounds)]
            print(f"  frames drawn by the browser      {said(frames, 'a second')}")
            print(f"  image-steps                      {bench.steps_per_second(5)[0]:.1f} a second")
            costs = bench.page_percents(10)
            parts = ", ".join(f"{kind} {percent:.1f}" for kind, percent in costs.items())
            print(f"  the page takes                   {sum(costs.values()):.0f} % of a core: {parts}")
            slower, dearer = bench.cost_of_streaming(5, options.rounds)
            print(f"  streaming slows the climb by     {said(slower, '%')}, the browser on the same processors")
            print(f"  of which the kernel's own work   {said(dearer, '%')}")
            stops = [bench.stop_milliseconds() for _ in range(options.rounds)]
            print(f"  from Stop to stopped             {said(stops, 'ms')}")
            moves = [bench.slider_milliseconds(20 + 10 * number) for number in range(options.rounds)]
            print(f"  from a slider to a changed pixel {said(moves, 'ms')}")
            memory = []
            until = time.monotonic() + 60 * options.minutes
            while time.monotonic() < until:
                memory.append(bench.memory_megabytes())
                page.wait_for_timeout(15_000)
            print(f"  kernel memory over {options.minutes:g} min       {', '.join(f'{m:.0f}' for m in memory)} MB")
            bench.command("close")
        browser.close()
    server.stop()


if __name__ == "__main__":
    main()
