"""A real JupyterLab and a real Chromium, once for the whole run; a page and a notebook for every test."""

import os
import re
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, WebSocket, sync_playwright

from browser.notebook import Notebook
from browser.server import ROOT, JupyterServer

ARTIFACTS = ROOT / ".artifacts" / "browser"
# A test that waits for something that never comes should say so soon.
TIMEOUT_SECONDS = 12
CHROMIUM_OPTIONS = [
    "--no-sandbox",  # as root, as in CI, there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def chromium_path() -> str:
    """Where Chromium is, or what to do."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("These tests need Chromium: `make browser` installs it on Debian; else set CHROMIUM to its path.")
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    running = JupyterServer(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


class Console:
    """What a page complained about, whom it asked outside this machine, and what it and the kernels said."""

    def __init__(self, context: BrowserContext):
        self.errors: list[str] = []
        self.requests_outside: list[str] = []
        self.messages: deque[str] = deque(maxlen=400)
        context.on("page", lambda page: page.on("websocket", self._follow))
        context.on("console", lambda message: self._note(message.type, message.text))
        context.on("weberror", lambda error: self._raise(error.error))
        context.on("request", lambda request: self._ask(request.url))

    def widget_errors(self) -> list[str]:
        """Uncaught errors of widgets. Their code comes from a blob; Lab and Notebook have such errors of their own."""
        return [error for error in self.errors if error.startswith("uncaught") and "blob:" in error]

    def forget(self) -> None:
        """Forget what was noted, where a test has looked at it itself."""
        self.errors.clear()
        self.requests_outside.clear()

    def _note(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)

    def _raise(self, error: Error) -> None:
        self.errors.append(f"uncaught {error.stack or error}")

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda data: self._hear(">", socket.url, data))
        socket.on("framereceived", lambda data: self._hear("<", socket.url, data))

    def _hear(self, way: str, url: str, data: str | bytes) -> None:
        if "/channels" in url:
            text = data if isinstance(data, str) else data.decode("utf-8", "replace")
            kinds = re.findall(r'"(?:msg_type|method|execution_state)":\s*"(\w+)"', text)
            connection = url.rpartition("session_id=")[2][:8]
            self.messages.append(f"{time.monotonic():.2f} {connection} {way} {' '.join(kinds)} {len(data)}")

    def _ask(self, url: str) -> None:
        if not re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|(file|data|blob|about):", url):
            self.requests_outside.append(url)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="no-preference")
    context.set_default_timeout(TIMEOUT_SECONDS * 1000)
    yield context
    context.close()


@pytest.fixture
def console(context: BrowserContext) -> Iterator[Console]:
    """What the test's pages say. A test fails on a widget's uncaught error and on a request to another machine."""
    console = Console(context)
    yield console
    assert console.widget_errors() == []
    assert console.requests_outside == []


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path:
    """The folder for this test's screenshots, kept by CI."""
    return ARTIFACTS / re.sub(r"[^\w-]+", "_", request.node.name).strip("_")


@pytest.fixture
def page(context: BrowserContext, console: Console) -> Page:
    return context.new_page()


@pytest.fixture
def open_notebook(
    request: pytest.FixtureRequest, server: JupyterServer, page: Page, console: Console, pictures: Path
) -> Iterator[Callable[..., Notebook]]:
    """Make and open a notebook of the given cells. Its name is new: an old name would meet an old kernel."""
    notebooks: list[Notebook] = []

    def open_notebook(*cells: str, **options: str) -> Notebook:
        name = f"{pictures.name[:60]}_{len(list(server.folder.iterdir()))}"
        notebook = Notebook(server, page, name=name, cells=list(cells), pictures=pictures, **options)
        notebooks.append(notebook)
        return notebook.open()

    yield open_notebook
    report = getattr(request.node, "call_report", None)
    if report is not None and report.failed:
        for notebook in notebooks:
            notebook.picture("failed")
        lines = [line for notebook in notebooks for line in notebook.cell_errors()]
        sections = {"cells": lines, "browser console": console.errors, "messages": console.messages}
        text = "\n\n".join("\n".join([f"# {name}", *said]) for name, said in sections.items())
        (pictures / "failed.txt").write_text(f"{text}\n\n# server\n{server.log()}\n", encoding="utf-8")
    server.end_kernels()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Tell fixtures how the test went."""
    report = yield
    setattr(item, f"{report.when}_report", report)
    return report
