"""The benchmark's own environments: jaxviz as it is here and the peers. Imports nothing that must be installed."""

import dataclasses
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / ".benchmarks"


@dataclasses.dataclass(frozen=True)
class Environment:
    """A virtual environment, made once.

    Attributes:
        folder: Where it is.
        packages: What it holds, with what these ask for.
        alone: What it holds without what these ask for.
        with_jaxviz: Whether jaxviz, as it is here, is in it too.
    """

    folder: Path
    packages: tuple[str, ...]
    alone: tuple[str, ...]
    with_jaxviz: bool = False

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def is_ready(self) -> bool:
        """Whether it holds what it should."""
        return self._stamp.is_file() and self._stamp.read_text() == self._wanted()

    def make(self) -> None:
        """Make it, with the pip of the Python that runs; raise CalledProcessError if something does not install."""
        print(f"Making {self.folder} (some minutes, once)", flush=True)
        venv.create(self.folder, clear=True, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet", "--retries", "5"]
        jaxviz = ["--editable", str(REPOSITORY)] if self.with_jaxviz else []
        subprocess.run([*pip, *jaxviz, *self.packages], check=True)
        subprocess.run([*pip, "--no-deps", *self.alone], check=True)
        self._stamp.write_text(self._wanted())

    @property
    def _stamp(self) -> Path:
        return self.folder / "installed.txt"

    def _wanted(self) -> str:
        project = hashlib.sha256((REPOSITORY / "pyproject.toml").read_bytes()).hexdigest()
        return "\n".join([sys.version, *[project] * self.with_jaxviz, *self.packages, *self.alone])


# lucent asks for torchvision, which has no build for this torch on every machine and of which it uses one function
# (see lucent_system.py), and for test tools; so it comes without what it asks for and with what it truly needs.
OWN = Environment(
    FOLDER / "venv",
    packages=("torch==2.13.0",),
    alone=("torch-lucent==0.1.8", "kornia==0.4.1", "decorator==5.2.1"),
    with_jaxviz=True,
)

# xplique asks for `tensorflow[and-cuda]`: 4 GB that no processor uses. So it, and what else would bring TensorFlow
# again, come without what they ask for, and with what `import xplique` imports. psutil is for the worker.
XPLIQUE = Environment(
    FOLDER / "venv-xplique",
    packages=(
        "tensorflow-cpu==2.20.0",
        "keras==3.15.1",
        "numpy==2.4.6",
        "scipy==1.15.3",
        "scikit-learn==1.7.2",
        "scikit-image==0.25.2",
        "matplotlib==3.11.2",
        "opencv-python-headless==5.0.0.93",
        "einops==0.8.2",
        "deprecated==1.3.1",
        "decorator==5.3.1",
        "cloudpickle==3.1.3",
        "dm-tree==0.1.10",
        "psutil",
    ),
    alone=("xplique==2.0.2", "tensorflow-probability==0.25.0", "tf-keras==2.20.1"),
)


def run_inside(others: tuple[Environment, ...]) -> None:
    """Return inside the own environment; outside, make it and others, and start this program again in it.

    Args:
        others: Environments that are made if they can be; one that cannot is not ready afterwards.
    """
    if Path(sys.prefix).resolve() == OWN.folder.resolve():
        return
    if not OWN.is_ready:
        OWN.make()
    for other in others:
        if other.is_ready:
            continue
        try:
            other.make()
        except subprocess.CalledProcessError as failure:
            print(f"{other.folder} could not be made: {failure}", flush=True)
    os.execv(OWN.python, [str(OWN.python), *sys.argv])
