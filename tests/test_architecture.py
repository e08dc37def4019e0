"""The arrows of docs/architecture.md: who may import whom, read from the source of every file."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "jaxviz"
ROOT = "jaxviz"

RECORDS = frozenset({"results"})
LEAVES = frozenset({"models", "objectives", "gradient_rules", "parameterizations", "transforms"})
ENGINES = frozenset({"rendering", "evidence", "attribution"})
FACES = frozenset({"widgets", "html", "charts"})
# Part of jaxviz -> the other parts that it may import. The command line may import all of them.
ALLOWED = {
    "results": frozenset(),
    "jobs": RECORDS,
    "pytrees": frozenset(),  # what jax should tell apart
    **dict.fromkeys(LEAVES, RECORDS | {"pytrees"}),
    **dict.fromkeys(ENGINES, LEAVES | RECORDS | {"pytrees"}),
    "html": RECORDS,
    "charts": RECORDS,
    "optimizers": frozenset({"transforms"}),  # optax transformations; one blur serves both
    "presets": LEAVES | RECORDS | {"rendering", "optimizers"},  # settings of all parts, and what compares them
    "spectrum": LEAVES | RECORDS | {"rendering", "evidence"},  # pictures and data of one unit side by side
    "widgets": RECORDS | {"jobs", "html"},
    "cli": LEAVES | ENGINES | FACES | RECORDS | {"jobs", "presets", "spectrum", ROOT},
    "__main__": frozenset({"cli"}),
    ROOT: frozenset(),  # the public table imports when a name is used, and for type checkers
}

# File -> the parts that it may also import, but only where they are used.
LATE_ARROWS = {
    # The one place where engine and widgets come together.
    "widgets/opening.py": frozenset({"models", "transforms", "rendering", "evidence", "presets"}),
    "results/rendering.py": frozenset({"html"}),  # `rendering.to_html` is the shortest way to a page, and nothing else
}

# Packages that only these files may import, whenever they do it.
RESERVED = {
    "flax": ("models/flax_linen.py", "models/flax_nnx.py", "models/zoo/", "parameterizations/cppn_network.py"),
    "keras": ("models/keras_jax.py",),
    "equinox": ("models/equinox_module.py",),
    "jax._src": ("models/jax_internals.py",),
    "jax.core": ("models/jax_internals.py",),
    "jax.extend": ("models/jax_internals.py",),
    "jax.interpreters": ("models/jax_internals.py",),
    "tensorflow": (),
    "torch": (),
}
# Packages that no file outside widgets/ may import before they are used.
LATE = {"anywidget", "ipywidgets", "bqplot", "IPython", "PIL"}
# Parts that the browser's side stands on: they must work where there is no jax.
WITHOUT_JAX = {"results", "jobs"} | FACES
JAX = {"jax", "jaxlib", "optax", "flax"}


class Import(NamedTuple):
    module: str  # with the imported name behind it, as in `jaxviz.models.zoo`
    at_top: bool  # runs when the file is imported


def imports_of(source: str) -> list[Import]:
    found: list[Import] = []

    def visit(node: ast.AST, at_top: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            found.extend(Import(f"{node.module}.{alias.name}", at_top) for alias in node.names)
        elif isinstance(node, ast.Attribute):  # jax._src.core without an import of its own
            dotted = ast.unparse(node)
            if dotted.startswith("jax."):
                found.append(Import(dotted, False))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            at_top = False  # nothing of it runs
        in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, at_top and not in_function)

    visit(ast.parse(source), True)
    return found


def part_of(dotted: str) -> str:
    """The part that a name such as `jaxviz.models.load` belongs to; the public table for `jaxviz.load`."""
    name = dotted.split(".")[1] if "." in dotted else ""
    return name if name in ALLOWED and name != ROOT else ROOT


def is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def wrong_imports(path: str, source: str) -> list[str]:
    """What is wrong with the imports of the file at `path`, counted from jaxviz/."""
    here = path.split("/")[0].removesuffix(".py")
    here = ROOT if here == "__init__" else here
    if here not in ALLOWED:
        return [f"{path}: jaxviz has no part called {here!r}"]
    wrong: list[str] = []
    for module, at_top in imports_of(source):
        package = module.split(".")[0]
        if package == ROOT and here != ROOT:
            there = part_of(module)
            late = frozenset() if at_top else LATE_ARROWS.get(path, frozenset())
            if there not in ALLOWED[here] | {here} | late and module != "jaxviz.__version__":
                wrong.append(f"{path}: {here} may not import {module}")
        wrong += [
            f"{path}: {reserved} belongs in {', '.join(files) or 'no file'}"
            for reserved, files in RESERVED.items()
            if is_inside(module, reserved) and not path.startswith(files)
        ]
        if package in LATE and at_top and here != "widgets":
            wrong.append(f"{path}: {package} must be imported where it is used")
        if package in JAX and here in WITHOUT_JAX:
            wrong.append(f"{path}: {here} must work without {package}")
    return sorted(set(wrong))


FILES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("path", FILES)
def test_every_import_follows_the_arrows(path):
    assert wrong_imports(path, FILES[path].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("results/recipe.py", "import jax"),
        ("results/sheet.py", "def draw():\n    import jax.numpy as jnp"),
        ("results/sheet.py", "from PIL import Image"),
        ("results/sheet.py", "from jaxviz.models import Model"),
        ("objectives/units.py", "from jaxviz.models import Model"),
        ("objectives/units.py", "from jaxviz import Model"),
        ("transforms/base.py", "import jaxviz.rendering"),
        ("models/model.py", "from jaxviz.rendering.engine import climb"),
        ("models/model.py", "from flax import nnx"),
        ("parameterizations/cppn.py", "from flax import linen"),
        ("models/flax_nnx.py", "import keras"),
        ("models/program.py", "import jax\n\njax._src.core.Jaxpr"),
        ("models/program.py", "from jax.extend import core"),
        ("models/program.py", "from jax import core"),
        ("rendering/engine.py", "import ipywidgets"),
        ("rendering/engine.py", "from jaxviz.cli import main"),
        ("jobs/job.py", "from jaxviz.rendering import render"),
        ("html/__init__.py", "import jax"),
        ("html/__init__.py", "from jaxviz.widgets import Explorer"),
        ("widgets/opening.py", "from jaxviz.rendering import Live"),
        ("widgets/explorer.py", "def open():\n    from jaxviz.rendering import Live"),
        ("results/rendering.py", "from jaxviz.html import write_page"),
        ("results/recipe.py", "def show():\n    from jaxviz.html import write_page"),
        ("charts/figures.py", "import bqplot"),
        ("utilities.py", ""),
    ],
)
def test_a_wrong_import_is_found(path, source):
    assert len(wrong_imports(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("results/sheet.py", "import numpy\nfrom jaxviz.results.recipe import Recipe"),
        ("results/sheet.py", "def draw():\n    from PIL import Image"),
        ("rendering/engine.py", "import jax, optax\nfrom jaxviz.objectives import channel"),
        ("models/zoo/googlenet.py", "from flax import nnx"),
        ("models/jax_internals.py", "from jax.extend import core"),
        ("widgets/explorer.py", "import anywidget\nfrom jaxviz.jobs import Job"),
        ("widgets/opening.py", "def explore():\n    from jaxviz.rendering import Live"),
        ("widgets/opening.py", "if TYPE_CHECKING:\n    from jaxviz.models import Model"),
        ("results/rendering.py", "def to_html():\n    from jaxviz.html import write_page"),
        ("charts/figures.py", "def score_curves():\n    import bqplot"),
        ("rendering/request.py", "from jaxviz import __version__"),
        ("cli.py", "import jaxviz\nfrom jaxviz import load\nfrom jaxviz.transforms import lucid"),
    ],
)
def test_a_right_import_passes(path, source):
    assert wrong_imports(path, source) == []


def modules_after(program: str) -> set[str]:
    """The packages that are loaded after a program has run in a fresh Python, without its suffixes."""
    result = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint('\\n'.join(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {name.split(".")[0] for name in result.stdout.split()}


FRAMEWORKS = {"flax", "keras", "equinox", "torch", "tensorflow"}
BROWSER = {"ipywidgets", "anywidget", "bqplot", "IPython"}


@pytest.mark.smoke
def test_import_jaxviz_loads_nothing_heavy():
    heavy = FRAMEWORKS | BROWSER | {"jax", "jaxlib", "optax", "numpy", "PIL", "tqdm"}
    assert heavy & modules_after("import jaxviz; dir(jaxviz)") == set()


@pytest.mark.smoke
def test_no_public_name_but_widgets_loads_a_framework_or_widgets():
    no_widgets = "[name for name in jaxviz.__all__ if jaxviz._MODULE_OF.get(name) != 'jaxviz.widgets']"
    assert (FRAMEWORKS | BROWSER) & modules_after(
        f"import jaxviz; [getattr(jaxviz, name) for name in {no_widgets}]"
    ) == set()


@pytest.mark.smoke
def test_a_widget_loads_widgets_but_neither_charts_nor_a_framework_nor_the_engine():
    loaded = modules_after("import jaxviz; jaxviz.explore")
    assert {"anywidget", "ipywidgets"} <= loaded
    assert (FRAMEWORKS | JAX | {"bqplot", "pandas"}) & loaded == set()
