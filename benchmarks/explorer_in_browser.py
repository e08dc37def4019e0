"""The explorer in a real JupyterLab and a real Chromium: frames, what they cost, Stop, a slider, memory.

    .venv/bin/python benchmarks/explorer_in_browser.py [--minutes 10] [--rounds 5] [--cores shared apart]

Needs Linux and what `make test` installs. Everything is measured with 64 tiles of 128 pixels: on a tiny network, where
pictures come as fast as they can be shown, and on EfficientNet-Lite0. Prints one table; medians with the range.

Where all share the processors (`--cores shared`), the climb also loses what the page takes of them. `--cores apart`
gives the kernel the first core for itself, and the server and the browser the others: what streaming costs where the
page is on another machine. What the page takes is said for each process of the browser and for the server, and what the
kernel does for it by the processor time of its threads; both depend little on what else the machine does.
"""

import argparse
import collections
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

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
# The threads that the kernel has already, and so all that come.
ON_FIRST_CORE = "import os\nfor task in os.listdir('/proc/self/task'): os.sched_setaffinity(int(task), {first})\n"
EXPLORE = "explorer = jaxviz.explore(model, layer, units=range(64), steps=4096, size=128, tile_pixels=64)\nexplorer"

# The least that anything live in a notebook can do: one canvas, and a picture as heavy as a frame of eight tiles.
BARE = """
import io, threading, time, anywidget, numpy as np
from PIL import Image
class Bare(anywidget.AnyWidget):
    _esm = '''export default {render({model, el}) {
        const canvas = Object.assign(document.createElement("canvas"), {width: 512, height: 256});
        el.append(canvas);
        model.on("msg:custom", async (content, buffers) => {
            const picture = await createImageBitmap(new Blob([buffers[0]], {type: "image/jpeg"}));
            canvas.getContext("2d").drawImage(picture, 0, 0);
            picture.close();
        });
    }}'''
def frame(seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (64, 128, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(coarse).resize((512, 256), Image.Resampling.BICUBIC).save(data, "JPEG", quality=75)
    return data.getvalue()
frames = [frame(seed) for seed in range(8)]
bare = Bare()
def send():
    for count in range(10**6):
        bare.send({"type": "frame", "id": count}, [frames[count % 8]])
        time.sleep(1 / 15)
threading.Thread(target=send, daemon=True).start()
bare"""

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


def page_percents(page: Page, seconds: float) -> dict[str, float]:
    """Percent of one core that the server and the browser's processes take."""
    began, before = time.monotonic(), processor_seconds()
    page.wait_for_timeout(1000 * seconds)
    used, passed = processor_seconds() - before, time.monotonic() - began
    return {kind: 100 * spent / passed for kind, spent in used.most_common()}


def parts(costs: dict[str, float]) -> str:
    listed = ", ".join(f"{kind} {percent:.1f}" for kind, percent in costs.items())
    return f"{sum(costs.values()):.0f} % of a core: {listed}"


def measure_bare(server: JupyterServer, page: Page) -> None:
    """Print what the page takes for a widget that only draws one picture 15 times a second."""
    folder = Path(tempfile.gettempdir())
    notebook = Notebook(server, page, name=f"bare{time.time():.0f}", cells=[BARE], pictures=folder).open().run()
    page.wait_for_timeout(5000)
    print(f"\none canvas and nothing else, 15 a second, {notebook.python('len(frames[0])') // 1000} kB each")
    print(f"  the page takes                   {parts(page_percents(page, 15))}", flush=True)
    notebook.python("None", after="bare.close(); frames = []")


class Bench:
    """One notebook with one explorer on the screen."""

    def __init__(self, server: JupyterServer, page: Page, name: str, setup: str):
        self.page = page
        self.notebook = Notebook(
            server, page, name=f"{name}{time.time():.0f}", cells=[setup, EXPLORE], pictures=Path(tempfile.gettempdir())
        )
        self.notebook.open().run()
        self.view: ExplorerView = open_explorer(self.notebook)
        self.view.wait_for_picture(0)
        self.notebook.wait_for_python("explorer.status['phase'] == 'climbing' and explorer.status['image_steps'] > 200")

    def image_steps(self) -> tuple[float, int]:
        """Return the time, and the steps that were made."""
        asked = "(__import__('time').monotonic(), explorer.status['image_steps'])"
        moment, steps = self.notebook.python(asked, after="explorer._session.tell()")
        return moment, steps

    def steps_per_second(self, seconds: float) -> float:
        """Return steps a second."""
        began, before = self.image_steps()
        self.page.wait_for_timeout(1000 * seconds)
        ended, after = self.image_steps()
        return (after - before) / (ended - began)

    def frames_per_second(self, seconds: float) -> float:
        """Frames that the browser has drawn and acknowledged."""
        count = "explorer.outbox._number - len(explorer.outbox._unacknowledged)"
        before = self.notebook.python(count)
        began = time.monotonic()
        self.page.wait_for_timeout(1000 * seconds)
        after = self.notebook.python(count)
        return (after - before) / (time.monotonic() - began)

    def kernel_percents(self, seconds: float) -> dict[str, float]:
        """Percent of one core that the kernel's threads take which do not climb: they tell the page of it."""
        threads = "__import__('psutil').Process().threads()"
        names = "{thread.native_id: thread.name for thread in __import__('threading').enumerate()}"
        asked = f"(__import__('time').monotonic(), {names}, {{each.id: sum(each[1:]) for each in {threads}}})"
        began, names_before, before = self.notebook.python(asked)
        self.page.wait_for_timeout(1000 * seconds)
        ended, _, after = self.notebook.python(asked)
        used: collections.Counter[str] = collections.Counter()
        for thread, name in names_before.items():
            if not name.startswith(("jaxviz climb", "jaxviz-part")):
                used[name] += 100 * (after.get(thread, 0) - before.get(thread, 0)) / (ended - began)
        return {name: percent for name, percent in used.most_common() if percent >= 0.1}

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

    def cost_of_streaming(self, seconds: float, rounds: int) -> list[float]:
        """How much slower it climbs while pictures are sent, in percent."""
        slower = []
        for _ in range(rounds):
            shown = self.steps_per_second(seconds)
            self.notebook.python("None", after=HIDE)
            hidden = self.steps_per_second(seconds)
            self.notebook.python("None", after=SHOW)
            slower.append(100 * (1 - shown / hidden))
        return slower

    def measure(self, rounds: int, minutes: float) -> None:
        """Print all that is measured."""
        frames = [self.frames_per_second(4) for _ in range(rounds)]
        print(f"  frames drawn by the browser      {said(frames, 'a second')}")
        print(f"  image-steps                      {self.steps_per_second(5):.1f} a second")
        print(f"  the page takes                   {parts(page_percents(self.page, 10))}")
        print(f"  the kernel for it takes          {parts(self.kernel_percents(10))}")
        print(f"  streaming slows the climb by     {said(self.cost_of_streaming(5, rounds), '%')}")
        stops = [self.stop_milliseconds() for _ in range(rounds)]
        print(f"  from Stop to stopped             {said(stops, 'ms')}")
        moves = [self.slider_milliseconds(20 + 10 * number) for number in range(rounds)]
        print(f"  from a slider to a changed pixel {said(moves, 'ms')}")
        memory = []
        until = time.monotonic() + 60 * minutes
        while time.monotonic() < until:
            memory.append(self.memory_megabytes())
            self.page.wait_for_timeout(15_000)
        print(f"  kernel memory over {minutes:g} min       {', '.join(f'{m:.0f}' for m in memory)} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long the kernel's memory is watched")
    parser.add_argument("--bare", action="store_true", help="only what a page takes for the least that could be drawn")
    parser.add_argument("--cores", nargs="+", choices=("shared", "apart"), default=("shared", "apart"))
    options = parser.parse_args()
    cores = os.sched_getaffinity(0)
    arrangements = ["shared"] if options.bare else options.cores
    if "apart" in arrangements and len(cores) < 2:
        parser.error("There is one core only, which cannot be the kernel's alone; use --cores shared.")
    for arrangement in arrangements:
        first = min(cores)
        # What is started from here stays on these; the kernel, which is too, moves before it starts jax.
        os.sched_setaffinity(0, cores - {first} if arrangement == "apart" else cores)
        own = ON_FIRST_CORE.format(first={first}) if arrangement == "apart" else ""
        server = JupyterServer(Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp()))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_OPTIONS)
            page = browser.new_page(viewport={"width": 1600, "height": 1200})
            if arrangement == "shared":
                measure_bare(server, page)
            for name, setup in () if options.bare else (("tiny", TINY), ("efficientnet_lite0", REAL)):
                bench = Bench(server, page, name, own + setup)
                print(f"\n{name}, 64 tiles of 128 px, cores {arrangement}")
                bench.measure(options.rounds, options.minutes)
                bench.command("close")
            browser.close()
        server.stop()


if __name__ == "__main__":
    main()
