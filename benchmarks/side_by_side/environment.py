"""The benchmark's own environment: jaxviz as it is here, and the peers. Imports nothing that must be installed."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / ".benchmarks"
ENVIRONMENT = FOLDER / "venv"

# lucent asks for torchvision, which has no build for this torch on every machine and of which it uses one function
# (see lucent_system.py), and for test tools; so it comes without what it asks for and with what it truly needs.
WITH_DEPENDENCIES = ("torch==2.13.0",)
ALONE = ("torch-lucent==0.1.8", "kornia==0.4.1", "decorator==5.2.1")


def run_inside() -> None:
    """Return inside the environment; outside, make it and start this program again in it."""
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return
    python = _python()
    if _wanted() != _installed():
        _make(python)
    os.execv(python, [str(python), *sys.argv])


def _python() -> Path:
    return ENVIRONMENT / "bin" / "python"


def _wanted() -> str:
    """Say what the environment should hold."""
    project = hashlib.sha256((REPOSITORY / "pyproject.toml").read_bytes()).hexdigest()
    return "\n".join([sys.version, project, *WITH_DEPENDENCIES, *ALONE])


def _installed() -> str:
    stamp = ENVIRONMENT / "installed.txt"
    return stamp.read_text() if stamp.is_file() else ""


def _make(python: Path) -> None:
    print(f"Making {ENVIRONMENT} (some minutes, once)", flush=True)
    venv.create(ENVIRONMENT, clear=True, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--retries", "5"]
    subprocess.run([*pip, "--editable", str(REPOSITORY), *WITH_DEPENDENCIES], check=True)
    subprocess.run([*pip, "--no-deps", *ALONE], check=True)
    (ENVIRONMENT / "installed.txt").write_text(_wanted())
