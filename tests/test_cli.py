"""The command line hands its words to the public functions, writes what they give, and says what was wrong."""

import importlib
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxviz
from jaxviz.cli import main
from jaxviz.html import pages
from jaxviz.rendering import settings_asked
from jaxviz.results import read_recipe
from records import make_rendering

NETWORKS = """
import functools

import jax
import jax.numpy as jnp
import numpy as np

import jaxviz

NUMBER = 3


@functools.cache  # one model for all commands, so that they share what was compiled
def tiny():
    generator = np.random.default_rng(0)
    kernel = jnp.asarray(generator.normal(size=(3, 5)), jnp.float32)
    dense = jnp.asarray(generator.normal(size=(5, 3)), jnp.float32)

    def network(images):
        with jax.named_scope("first"):
            hidden = images @ kernel
        with jax.named_scope("odd:name"):
            hidden = jnp.tanh(hidden)
        with jax.named_scope("head"):
            return hidden.mean((1, 2)) @ dense

    return jaxviz.wrap(network, input_shape=(16, 16, 3), class_names=("ant", "bee", "school bus"), name="Tiny")


def number():
    return NUMBER


def interrupted():
    raise KeyboardInterrupt


def broken():
    raise ValueError("no checkpoint in /nowhere")
"""

TINY = "networks_of_cli.tiny:tiny"
FAST = ("--steps", "2", "--size", "16x24")  # all real renders share these, and so one compilation


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A folder with a package of networks."""
    folder = tmp_path_factory.mktemp("networks")
    package = folder / "networks_of_cli"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "tiny.py").write_text(NETWORKS, encoding="utf-8")
    (package / "unlucky.py").write_text("import no_such_dependency\n", encoding="utf-8")
    yield folder
    for name in [name for name in sys.modules if name.startswith("networks_of_cli")]:
        del sys.modules[name]


@pytest.fixture(autouse=True)
def work_folder(networks, monkeypatch):
    """Work where the networks are, as somebody does who has just written one."""
    monkeypatch.chdir(networks)


def tiny_model():
    return importlib.import_module("networks_of_cli.tiny").tiny()


@pytest.fixture
def asked(monkeypatch):
    """What `jaxviz.render` is asked for, which in its place gives a rendering at once."""
    calls = []

    def render(model, layer, **options):
        calls.append({"model": model, "layer": layer, **options})
        return make_rendering(5 if options.get("units") is None else len(options["units"]))

    monkeypatch.setattr(jaxviz, "render", render)
    return calls


def test_layers_prints_the_table_and_leaves_the_path_alone(capsys):
    path_before = list(sys.path)
    assert main(["layers", TINY]) == 0
    output, error = capsys.readouterr()
    heading, *rows = output.splitlines()
    assert heading.split()[:3] == ["layer", "kind", "shape"]
    assert [row.split()[0] for row in rows] == list(tiny_model().layers.names)
    assert error == ""
    assert sys.path == path_before


def test_layers_prints_only_those_that_match(capsys):
    assert main(["layers", TINY, "--match", "fi*"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1
    assert rows[0].startswith("first")


def test_a_name_without_a_colon_is_a_network_of_the_zoo(networks, monkeypatch, asked):
    monkeypatch.syspath_prepend(networks)
    loaded = []

    def load(name, *, weights):
        loaded.append((name, weights))
        return tiny_model()

    monkeypatch.setattr(jaxviz, "load", load)
    assert main(["layers"]) == 0
    assert main(["layers", "googlenet", "--weights", "googlenet.npz"]) == 0
    assert main(["render", "head", "-o", "zoo.npz"]) == 0
    assert loaded == [("efficientnet_lite0", None), ("googlenet", "googlenet.npz"), ("efficientnet_lite0", None)]


def test_render_writes_a_picture_that_carries_its_recipe(tmp_path, capsys):
    path = tmp_path / "new folder" / "first.png"
    assert main(["render", TINY, "first:0-1,3", "-o", str(path), "--seed", "7", *FAST]) == 0
    output, error = capsys.readouterr()
    recipe = read_recipe(path)
    assert [record["index"] for record in recipe.objectives] == [0, 1, 3]
    assert recipe.size == (16, 24)
    assert recipe.steps == 2
    assert recipe.key == (0, 7)
    assert recipe.model["name"] == "Tiny"
    assert recipe.transforms["transforms"][1] == {"kind": "shift", "max_pixels": 2.0}  # as a tiny network needs
    assert "Rendering(3 units of 16x24x3, 2 steps" in output
    assert output.endswith(f"wrote {path}\n")
    assert "rendering" in error, "the progress bar goes to the error stream"


def test_render_makes_what_the_function_of_the_same_name_makes(tmp_path, capsys):
    path = tmp_path / "first.npz"
    assert main(["render", TINY, "first:2", "--out", str(path), "--seed", "5", "--quiet", *FAST]) == 0
    assert capsys.readouterr().err == "", "--quiet shows no progress"
    by_function = jaxviz.render(tiny_model(), "first", units=[2], steps=2, size=(16, 24), key=5, progress=False)
    assert jaxviz.Rendering.load(path) == by_function


@pytest.mark.parametrize(
    ("target", "layer", "units"),
    [
        ("first", "first", None),
        ("first:2", "first", [2]),
        ("first:0-1,3", "first", [0, 1, 3]),
        ("first: 4 , 0-0 ", "first", [4, 0]),
        ("output:school bus,0", "output", ["school bus", 0]),
        ("first:²", "first", ["²"]),
        ("odd:name", "odd:name", None),
        ("odd:name:1", "odd:name", [1]),
    ],
)
def test_units_are_numbers_spans_and_names_and_all_without_them(asked, target, layer, units):
    assert main(["render", TINY, target, "-o", "units.npz"]) == 0
    (call,) = asked
    assert call["model"] is tiny_model()
    assert (call["layer"], call["units"]) == (layer, units)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("", {"steps": 256, "size": None, "key": 0, "transforms": "auto", "progress": True}),
        ("--steps 7 --size 96 --seed 3", {"steps": 7, "size": 96, "key": 3}),
        ("--size 96x64 --preset distill_2017", {"size": (96, 64), "transforms": "distill_2017"}),
        ("--preset none --quiet", {"transforms": None, "progress": False}),
    ],
)
def test_options_are_those_of_the_function(asked, words, options):
    assert main(["render", TINY, "first", "-o", "options.npz", *words.split()]) == 0
    assert {name: asked[0][name] for name in options} == options


@pytest.mark.parametrize("columns", [None, 1, 2])
def test_columns_and_labels_are_those_of_the_sheet(asked, columns):
    options = [] if columns is None else ["--columns", str(columns)]
    assert main(["render", TINY, "first:0-2", "--out", "sheet.png", *options]) == 0
    with Image.open("sheet.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), make_rendering(3).grid(columns=columns, labels=True))


@pytest.mark.parametrize("path", ["shout.PNG", "shout.Npz"])
def test_the_suffix_of_the_file_may_be_in_capitals(asked, path):
    options = ["--columns", "1"] if path.endswith("PNG") else []
    assert main(["render", TINY, "first:0-1", "-o", path, *options]) == 0
    if options:
        with Image.open(path) as picture:
            np.testing.assert_array_equal(np.asarray(picture), make_rendering(2).grid(columns=1, labels=True))
    else:
        assert jaxviz.Rendering.load(path) == make_rendering(2)


def test_the_presets_are_the_words_that_the_function_takes(asked, capsys):
    words = ["auto", "quick", "none", *settings_asked._TRANSFORM_PRESETS]
    assert main(["render", TINY, "first", "-o", "words.png", "--preset", "?"]) == 1
    listed = capsys.readouterr().err.strip().split("there are: ")[1].split(", ")
    assert sorted(listed) == sorted(words)
    for word in words:
        assert main(["render", TINY, "first", "-o", "preset.npz", "--preset", word]) == 0
    assert [call["transforms"] for call in asked] == [None if word == "none" else word for word in words]


@pytest.mark.parametrize("seed", [-(2**31), 2**32 - 1])
def test_the_smallest_and_the_greatest_seed_are_taken(asked, seed):
    assert main(["render", TINY, "first", "-o", "seed.npz", "--seed", str(seed)]) == 0
    assert asked[0]["key"] == seed
    settings_asked.random_key(seed)


def test_demo_writes_a_layer_and_classes_of_the_default_model(asked, monkeypatch, capsys):
    monkeypatch.setattr(jaxviz, "load", lambda: "the default model")
    monkeypatch.setattr(pages, "bundle", lambda path: "export function openPage() {}")
    assert main(["demo", "-o", "pictures"]) == 0
    layer, classes = asked
    assert layer["layer"] == "stage5/block2/expand"
    assert layer["units"] == range(16)
    assert not {"transforms", "parameterization"} & (layer.keys() | classes.keys())  # the default is the best we know
    assert classes["layer"] == "output"
    assert "golden retriever" in classes["units"]
    printed = capsys.readouterr().out
    for name, count in (("layer", 16), ("classes", len(classes["units"]))):
        assert len(jaxviz.Rendering.load(f"pictures/{name}.npz")) == count
        assert len(read_recipe(f"pictures/{name}.png").objectives) == count
        assert f"{name}.png" in printed
    assert "explorer.html" in printed
    assert "pictures" in Path("pictures/explorer.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["layers", TINY, "--match", "third*"], "No layer of model 'Tiny' fits the pattern 'third*'"),
        (["layers", "efficientnet_lite"], "Did you mean 'efficientnet_lite0'?"),
        (
            ["layers", "networks_of_cli.huge:tiny"],
            "cannot import 'networks_of_cli.huge' of 'networks_of_cli.huge:tiny'",
        ),
        (["layers", "networks_of_cli.unlucky:tiny"], "No module named 'no_such_dependency'"),
        (["layers", "networks_of_cli.tiny:huge"], "'networks_of_cli.tiny' has no function 'huge'"),
        (["layers", "networks_of_cli.tiny:NUMBER"], "'networks_of_cli.tiny' has no function 'NUMBER'"),
        (["layers", "networks_of_cli.tiny:number"], "returned a int; it must return what jaxviz.wrap returns"),
        (["layers", "networks_of_cli.tiny:broken"], "no checkpoint in /nowhere"),
        (["layers", TINY, "--weights", "weights.npz"], "--weights belongs to a model of the zoo"),
        (["render", TINY, "frist", "-o", "a.png"], "Unknown layer 'frist' in model 'Tiny'. Did you mean 'first'"),
        (["render", TINY, "first:5", "-o", "a.png"], "5 is out of range"),
        (["render", TINY, "first:bee", "-o", "a.png"], "units of 'first' are numbers; 'bee' is none"),
        (["render", TINY, "output:wasp", "-o", "a.png"], "wasp"),
        (["render", TINY, "first:", "-o", "a.png"], "list of units is empty"),
        (["render", TINY, "first:0,3-1", "-o", "a.png"], "units 3-1 run backwards; write 1-3"),
        (["render", TINY, "first", "head", "-o", "a.png"], "expected [MODEL] LAYER[:UNITS], got 3 words"),
        (["render", TINY, "first", "-o", "a.png", "--steps", "0"], "at least 1 step"),
        (["render", TINY, "first", "-o", "a.png", "--size", "7"], "smallest picture is 8 pixels"),
        (["render", TINY, "first", "-o", "a.png", "--preset", "lucyd"], "no --preset 'lucyd'; did you mean 'lucid'?"),
        (
            ["render", "no_such:model", "first", "-o", "a.png", "--preset", "None"],
            "did you mean 'none'? there are: auto,",
        ),
        (
            ["render", "no_such:model", "first", "-o", "a.png", "--preset", "best"],
            "no --preset 'best'; there are: auto,",
        ),
        (["render", "no_such:model", "first", "-o", "a.png", "--seed", "-99999999999"], "--seed -99999999999 does not"),
        (["render", "no_such:model", "first", "-o", "a.png", "--seed", str(2**32)], "from -2147483648 to 4294967295"),
        (["layers", "googlenet"], "'googlenet' comes without weights. Pass --weights googlenet.npz: the arrays of"),
        (["render", "no_such:model", "first", "-o", "a.jpg"], "cannot write 'a.jpg': the suffix must be .png"),
        (["render", "no_such:model", "first", "-o", "a"], "cannot write 'a': the suffix must be .png"),
        (["render", "no_such:model", "first", "-o", "folder.png"], "cannot write 'folder.png': it is a folder"),
        (["render", "no_such:model", "first", "-o", "file/a.png"], "file' is no folder that can be written to"),
        (["render", "no_such:model", "first", "-o", "a.png", "--columns", "0"], "--columns 0 is for a .png"),
        (["render", "no_such:model", "first", "-o", "a.npz", "--columns", "2"], "--columns 2 is for a .png"),
        (["demo", "-o", "file"], "file' is no folder that can be written to"),
    ],
)
def test_a_bad_request_is_answered_in_one_line_and_exit_code_1(arguments, message, capsys, networks):
    (networks / "folder.png").mkdir(exist_ok=True)
    (networks / "file").touch()
    assert main(arguments) == 1
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("jaxviz: ")
    assert error.count("\n") == 1
    assert message in error
    assert not list(networks.glob("a.*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["paint"], "paint"),
        (["render", TINY, "first"], "--out"),
        (["render", "-o", "a.png"], "LAYER[:UNITS]"),
        (["render", TINY, "first", "-o", "a.png", "--size", "16x"], "'16x' is no size; write 128 or 128x192"),
        (["render", TINY, "first", "-o", "a.png", "--steps", "many"], "many"),
        (["layers", TINY, "--colour"], "--colour"),
    ],
)
def test_words_that_cannot_be_read_end_with_exit_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("usage: jaxviz")
    assert message in error


def test_an_interrupt_ends_with_exit_code_130(capsys):
    assert main(["layers", "networks_of_cli.tiny:interrupted"]) == 130
    assert capsys.readouterr() == ("", "jaxviz: interrupted\n")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([], "layers render demo MODEL efficientnet_lite0 googlenet package.module:function"),
        (["layers"], "MODEL --match PATTERN --weights FILE"),
        (
            ["render"],
            "[MODEL] LAYER[:UNITS] 0-15,20 -o --out .png .npz --steps 256 --size 128x192 --preset lucid distill_2017 "
            "--seed --columns --weights --quiet Example:",
        ),
        (["demo"], "-o --out FOLDER"),
    ],
)
def test_help_names_every_option(command, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert [word for word in words.split() if word not in text] == []


def test_python_can_run_the_package(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["jaxviz", "layers", TINY])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("jaxviz", run_name="__main__")
    assert ended.value.code == 0
    assert "first" in capsys.readouterr().out
