"""The rules that every public name keeps, so that knowing one part of jaxviz is knowing all."""

import ast
import difflib
import importlib
import inspect
from pathlib import Path

import pytest

import jaxviz

PACKAGE = Path(jaxviz.__file__).parent
TABLES = (
    "jaxviz",
    "jaxviz.charts",
    "jaxviz.evidence",
    "jaxviz.gradient_rules",
    "jaxviz.objectives",
    "jaxviz.optimizers",
    "jaxviz.parameterizations",
    "jaxviz.presets",
    "jaxviz.results",
    "jaxviz.transforms",
)

# Names that stand for something this project calls by another, or for nothing in particular.
BANNED = {
    "act": "activation",
    "acts": "activations",
    "cfg": "settings",
    "idx": "index",
    "img": "image",
    "imgs": "images",
    "loss": "score or objective",
    "lr": "learning_rate",
    "params": "variables (of a parameterization) or weights (of a model)",
    "rng": "key",
    "tmp": "what it holds",
    "x": "image, or column",
    "xs": "images, or columns",
    "y": "row, or what it holds",
}
# In models/ an equation's `params` are what jax calls so.
ALLOWED_IN = {"params": "models/"}
# What each of these is about may be given without its name, and has a usual value.
POSITIONAL_DEFAULTS = {
    "closeup": {"standard_deviation"},
    "load": {"name"},
    "l1": {"constant"},
    "l2": {"constant"},
    "grayscale": {"inner"},
    "rotate": {"max_degrees"},
    "scale": {"low", "high"},
    "several": {"inner"},
    "shift": {"max_pixels"},
    "starting_from": {"inner"},
    "transparent": {"inner"},
    "label": {"class_names"},
    "explore": {"layer", "units"},
    "curve": {"unit"},
    "wait": {"timeout"},
}


def public_symbols():
    """Every public function and class by its shortest name, each once."""
    seen = {}
    for table in TABLES:
        module = importlib.import_module(table)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                seen.setdefault(value, f"{table}.{name}")
    return {name: value for value, name in seen.items()}


def public_functions():
    """Every public function, and every public method that jaxviz defines, by its name."""
    functions = {}
    for name, symbol in public_symbols().items():
        if inspect.isfunction(symbol):
            functions[name] = symbol
            continue
        for base in inspect.getmro(symbol):
            if not base.__module__.startswith("jaxviz"):
                continue
            for method, value in vars(base).items():
                function = inspect.unwrap(getattr(value, "__func__", value))
                if not method.startswith("_") and inspect.isfunction(function):
                    functions.setdefault(f"{name}.{method}", function)
    return functions


SYMBOLS = public_symbols()
FUNCTIONS = public_functions()
EXAMPLES = {
    name: symbol
    for name, symbol in SYMBOLS.items()
    if name.count(".") == 1 or inspect.isfunction(symbol)  # records that a function makes are shown by it
}


@pytest.mark.smoke
@pytest.mark.parametrize("table", TABLES)
def test_public_tables_name_what_is_there(table):
    module = importlib.import_module(table)
    names = list(module.__all__)  # in ruff's order
    assert len(set(names)) == len(names)
    assert set(names) <= set(dir(module))
    for name in names:
        assert getattr(module, name) is not None


def test_the_public_table_says_the_same_to_python_and_to_type_checkers():
    tree = ast.parse(Path(jaxviz.__file__).read_text(encoding="utf-8"))
    for_checkers = {
        alias.asname: node.module if node.module != "jaxviz" else f"jaxviz.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("jaxviz")
        for alias in node.names
    }
    assert for_checkers == jaxviz._MODULE_OF
    assert set(jaxviz.__all__) == {*jaxviz._MODULE_OF, "__version__"}
    with pytest.raises(AttributeError, match="module 'jaxviz' has no attribute 'chanel'"):
        jaxviz.chanel  # noqa: B018


@pytest.mark.parametrize("name", SYMBOLS)
def test_every_public_name_is_documented(name):
    lines = (inspect.getdoc(SYMBOLS[name]) or "").split("\n")
    assert len(lines[0]) > 10
    assert lines[0].endswith((".", "?"))
    assert not lines[0].startswith(SYMBOLS[name].__name__ + "(")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_public_name_has_an_example(name):
    assert ">>> " in (inspect.getdoc(EXAMPLES[name]) or "")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_is_documented(name):
    function = FUNCTIONS[name]
    owner = SYMBOLS.get(name.rpartition(".")[0])
    document = inspect.getdoc(getattr(owner, function.__name__) if owner else function)  # may be inherited
    assert document, f"{name} has no docstring"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_options_with_defaults_are_keyword_only(name):
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    free = POSITIONAL_DEFAULTS.get(name.rpartition(".")[2], set())
    wrong = [
        parameter.name
        for parameter in parameters
        if parameter.default is not parameter.empty
        and parameter.kind is not parameter.KEYWORD_ONLY
        and parameter.name not in free
    ]
    assert wrong == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_key_comes_before_the_image(name):
    positional = [
        parameter.name
        for parameter in inspect.signature(FUNCTIONS[name]).parameters.values()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]
    images = [positional.index(image) for image in ("image", "images") if image in positional]
    if "key" in positional and images:
        assert positional.index("key") < min(images)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_randomness_comes_from_a_key(name):
    assert not {"rng", "seed", "random_state"} & inspect.signature(FUNCTIONS[name]).parameters.keys()


def test_no_public_name_speaks_of_loss():
    words = {word for name in [*SYMBOLS, *FUNCTIONS] for part in name.split(".") for word in part.lower().split("_")}
    assert "loss" not in words


def names_given_in(source):
    """Names that a file gives to arguments and variables, with their lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


@pytest.mark.parametrize("path", sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")))
def test_no_file_uses_a_banned_name(path):
    source = (PACKAGE / path).read_text(encoding="utf-8")
    wrong = [
        f"{path}:{line}: '{name}'; say {BANNED[name]}"
        for name, line in names_given_in(source)
        if name in BANNED and not path.startswith(ALLOWED_IN.get(name, "nowhere"))
    ]
    assert wrong == []


def test_banned_names_are_seen_in_arguments_and_variables():
    source = "def paint(img, *, key):\n    for idx in range(3):\n        tmp: int = idx\n    return lambda x: x"
    assert {name for name, _ in names_given_in(source)} & BANNED.keys() == {"img", "idx", "tmp", "x"}


def test_submodules_do_not_hide_each_other():
    functions = {name.rpartition(".")[2] for name in SYMBOLS}
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert functions & modules == set()
    for name in functions:  # two names that differ by one letter are taken for each other
        assert difflib.get_close_matches(name, functions - {name}, n=1, cutoff=0.95) == []
