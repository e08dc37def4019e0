"""What a user installs, and the files that promise it."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import jaxviz

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = {line.name: line for line in map(Requirement, PROJECT["dependencies"])}
TEST_DEPENDENCIES = {line.name: line for line in map(Requirement, PROJECT["optional-dependencies"]["test"])}


def lowest(requirement: Requirement) -> Version:
    (version,) = [Version(clause.version) for clause in requirement.specifier if clause.operator in (">=", "==")]
    return version


def pinned():
    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").split("\n")
    return {pin.name: lowest(pin) for pin in map(Requirement, (line for line in lines if line and line[0] != "#"))}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with a fresh source archive, and the wheel that is built out of it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(next(name for name in names if name.endswith("METADATA"))).decode()
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "jaxviz").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if not re.match(r"jaxviz_features-[^/]*\.dist-info/", name)} == package
    assert "jaxviz/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert f"Version: {PROJECT['version']}\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata


def test_source_archive_can_be_tested(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "README.md", "LICENSE", "conftest.py", "tests/lowest.txt", "jaxviz/py.typed"} <= names


def test_installed_version_is_that_of_the_project():
    assert jaxviz.__version__ == PROJECT["version"]


def test_the_command_is_installed():
    (command,) = entry_points(group="console_scripts", name="jaxviz")
    assert callable(command.load())


def test_lowest_versions_are_the_ones_that_are_tested():
    pins = pinned()
    for requirement in DEPENDENCIES.values():
        assert pins[requirement.name] in requirement.specifier
        assert pins[requirement.name] == lowest(requirement), requirement.name
    for name in pins.keys() & TEST_DEPENDENCIES.keys():
        assert pins[name] in TEST_DEPENDENCIES[name].specifier


def test_jax_and_flax_have_a_lowest_and_a_highest_version():
    for name in ("jax", "flax"):
        assert {clause.operator for clause in DEPENDENCIES[name].specifier} == {">=", "<"}


def test_keras_equinox_and_torch_are_never_required():
    assert not {"keras", "equinox", "torch", "tensorflow"} & DEPENDENCIES.keys()


def test_every_dependency_has_a_reason_and_every_reason_a_dependency():
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)) == DEPENDENCIES.keys() | TEST_DEPENDENCIES.keys()


def test_changelog_knows_this_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0] == PROJECT["version"]
