"""A Jupyter server of its own: nothing of the machine's settings, no news, no browser, a free port."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# Versions of ipykernel beside the installed one, each in a folder of its own that `make browser` fills.
OTHER_KERNELS = ROOT / ".venv-kernels"
START_SECONDS = 60


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A server in a process group of its own, whose output goes to a file, ready when a URL answers."""

    def __init__(self, command: list[str], *, ready_url: str, log: Path, environment: dict[str, str], folder: Path):
        self.log_path = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=folder, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers(ready_url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{command[0]} did not start:\n{self.log()}")
            time.sleep(0.1)

    @staticmethod
    def _answers(url: str) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def log(self, *, lines: int = 60) -> str:
        """The end of what the server wrote."""
        return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").split("\n")[-lines:])

    def stop(self) -> None:
        """End the server with everything that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)


def isolated_environment(state: Path) -> dict[str, str]:
    """The environment in which servers and kernels run: settings and caches in `state`, jaxviz from this checkout."""
    folders = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "XDG_CACHE_HOME": "cache",  # shared by all kernels of a run, so that a program is compiled once
        "XDG_CONFIG_HOME": "xdg_config",
        "XDG_DATA_HOME": "xdg_data",
        "XDG_STATE_HOME": "xdg_state",
    }
    return {
        **os.environ,
        **{name: str(state / folder) for name, folder in folders.items()},
        "JAX_PLATFORMS": "cpu",
        "JUPYTER_PLATFORM_DIRS": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONPATH": str(ROOT),
    }


def write_kernels(folder: Path) -> None:
    """Describe a kernel `ipykernel-VERSION` for each version beside the installed one.

    The version's folder comes first on the path of that kernel, so all else is this environment's.
    """
    for version in sorted(OTHER_KERNELS.glob("*/")):
        name = f"ipykernel-{version.name}"
        specification = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "env": {"PYTHONPATH": os.pathsep.join([str(version), str(ROOT)])},
        }
        path = folder / name / "kernel.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(specification), encoding="utf-8")


class JupyterServer(Process):
    """JupyterLab, Notebook 7 and Voila in one server, over the notebooks in `folder`."""

    def __init__(self, folder: Path, state: Path):
        self.folder = folder
        self.state = state
        self.port = free_port()
        self.token = secrets.token_hex(8)
        write_kernels(state / "data" / "kernels")
        # The option for the news' address does not stop Lab from asking whether news is wanted; this does.
        self.set_settings("notification", {"fetchNews": "false", "checkForUpdates": False})
        super().__init__(
            [
                *(sys.executable, "-m", "jupyter", "lab", "--no-browser"),
                "--ServerApp.ip=127.0.0.1",
                f"--ServerApp.port={self.port}",
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={self.token}",
                f"--ServerApp.root_dir={folder}",
                "--ServerApp.allow_root=True",
                "--ServerApp.terminals_enabled=False",
                "--FileContentsManager.delete_to_trash=False",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                "--LabApp.expose_app_in_browser=True",
                "--JupyterNotebookApp.expose_app_in_browser=True",
            ],
            ready_url=f"http://127.0.0.1:{self.port}/api/status?token={self.token}",
            log=state / "jupyter.log",
            environment=isolated_environment(state),
            folder=folder,
        )

    def set_settings(self, plugin: str, values: dict[str, object]) -> None:
        """Write the settings of one of Lab's own plugins, read when a page is opened."""
        path = self.state / "settings" / "@jupyterlab" / "apputils-extension" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")

    def url(self, path: str) -> str:
        """The address of a page of this server; `reset` forgets the layout that an earlier test left."""
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}&reset"

    def end_kernels(self) -> None:
        """End all that runs, so that the next test has the machine to itself."""
        for kernel in self.api("kernels"):
            self.api(f"kernels/{kernel['id']}", method="DELETE")

    def api(self, path: str, *, method: str = "GET") -> Any:
        """Ask the server's own interface, for example which kernels run."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None
