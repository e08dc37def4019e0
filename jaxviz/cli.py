"""The command line: arguments -> public functions -> files."""

import argparse
import difflib
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_DEFAULT_MODEL = "efficientnet_lite0"

# What `jaxviz demo` renders: one layer from the middle of the network, and classes that people know by sight.
_DEMO_LAYER, _DEMO_UNITS = "stage5/block2/expand", range(16)
_DEMO_CLASSES = ("strawberry", "golden retriever", "goldfish", "monarch", "volcano", "school bus", "daisy", "zebra")

# What --preset takes; "none" is None to `jaxviz.render`.
_PRESETS = ("auto", "quick", "lucid", "lucid_noise", "distill_2017", "none")

# The numbers that make a key of their own, as `jaxviz.render` takes them.
_SEEDS = range(-(2**31), 2**32)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Words after `jaxviz`; those of the process if None.

    Returns:
        0 when all went well, 1 when something in the request was wrong, 130 after Ctrl-C. (2 is argparse's own.)

    Example:
        >>> main(["layers", "no_such_network"])
        1
    """
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except KeyboardInterrupt:
        print("jaxviz: interrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, KeyError, IndexError, ImportError, OSError) as error:
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"jaxviz: {message}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jaxviz",
        description="See what the layers, channels and classes of a vision network look for.",
        epilog="MODEL is a name of the zoo (efficientnet_lite0, googlenet) or package.module:function, "
        "where function() returns what jaxviz.wrap returns.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    layers = commands.add_parser("layers", help="list the layers of a model")
    layers.add_argument("model", nargs="?", default=_DEFAULT_MODEL, metavar="MODEL")
    layers.add_argument("--match", metavar="PATTERN", help="only layers whose name fits, e.g. 'stage3/*'")
    layers.add_argument("--weights", metavar="FILE", help="weights of a zoo model that does not come with them")
    layers.set_defaults(run=_layers)

    render = commands.add_parser(
        "render",
        help="make one image for every unit of a layer",
        description="Make one image for every unit of a layer and write them as a contact sheet.",
        epilog="Example: jaxviz render stage5/block2/expand:0-15 -o expand.png\n"
        "         jaxviz render 'output:golden retriever,949' --steps 512 -o classes.png",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    render.add_argument("target", nargs="+", metavar="[MODEL] LAYER[:UNITS]", help="UNITS: 7 or 0-15,20 or class names")
    render.add_argument("-o", "--out", required=True, metavar="FILE", help=".png for a picture, .npz for everything")
    render.add_argument("--steps", type=int, default=256, help="steps of the climb (default 256)")
    render.add_argument(
        "--size",
        type=_size,
        help="pixels, as 128 or 128x192 (height x width; default 128); of other inputs as 512 or 16x32x32",
    )
    render.add_argument(
        "--preset",
        default="auto",
        help="transforms: auto (what suits the model), quick (the same with one view a step), lucid, lucid_noise, "
        "distill_2017 or none (default auto)",
    )
    render.add_argument("--seed", type=int, default=0, help="seed of all randomness (default 0)")
    render.add_argument("--columns", type=int, help="images in a row")
    render.add_argument("--weights", metavar="FILE", help="weights of a zoo model that does not come with them")
    render.add_argument("--quiet", action="store_true", help="no progress bar")
    render.set_defaults(run=_render)

    demo = commands.add_parser("demo", help="render a layer and some classes of the embedded default model")
    demo.add_argument("-o", "--out", default="demo", metavar="FOLDER", help="where the pictures go (default demo/)")
    demo.set_defaults(run=_demo)
    return parser


def _layers(parsed: argparse.Namespace) -> None:
    layers = _model(parsed.model, parsed.weights).layers
    print(layers.match(parsed.match) if parsed.match else layers)


def _render(parsed: argparse.Namespace) -> None:
    import jaxviz

    if len(parsed.target) > 2:
        raise ValueError(f"expected [MODEL] LAYER[:UNITS], got {len(parsed.target)} words: {' '.join(parsed.target)}")
    suffix = Path(parsed.out).suffix.lower()  # as `Rendering.save` reads it
    if suffix not in (".png", ".npz"):
        raise ValueError(f"cannot write '{parsed.out}': the suffix must be .png (a picture) or .npz (everything)")
    if parsed.columns is not None and (parsed.columns < 1 or suffix != ".png"):
        raise ValueError(f"--columns {parsed.columns} is for a .png with one column or more")
    _check_preset(parsed.preset)
    if parsed.seed not in _SEEDS:
        raise ValueError(f"--seed {parsed.seed} does not fit into 32 bits; give one from {_SEEDS[0]} to {_SEEDS[-1]}")
    _check_writable(parsed.out)
    model = _model(parsed.target[0] if len(parsed.target) == 2 else _DEFAULT_MODEL, parsed.weights)
    layer, units = _units(parsed.target[-1], model)
    rendering = jaxviz.render(
        model,
        layer,
        units=units,
        steps=parsed.steps,
        size=parsed.size,
        key=parsed.seed,
        transforms=None if parsed.preset == "none" else parsed.preset,
        progress=not parsed.quiet,
    )
    rendering.save(parsed.out, columns=parsed.columns, labels=suffix == ".png")
    print(rendering)
    print(f"wrote {parsed.out}")


def _demo(parsed: argparse.Namespace) -> None:
    import jaxviz
    from jaxviz.html import write_renderings

    folder = Path(parsed.out)
    _check_writable(str(folder / "explorer.html"))
    renderings: list[Any] = []
    model = jaxviz.load()
    print(model)
    for name, layer, units in (("layer", _DEMO_LAYER, _DEMO_UNITS), ("classes", "output", _DEMO_CLASSES)):
        print(f"{name}: {len(units)} units of '{layer}'")
        rendering = jaxviz.render(model, layer, units=units)
        rendering.save(folder / f"{name}.png", labels=True)
        rendering.save(folder / f"{name}.npz")
        print(f"wrote {folder / name}.png, and everything about it to {folder / name}.npz")
        renderings.append(rendering)
    write_renderings(folder / "explorer.html", *renderings)
    print(f"wrote {folder / 'explorer.html'}, which shows both in a browser")


def _check_preset(name: str) -> None:
    """Refuse an unknown word here: the function would speak of its own argument, which also takes what words cannot."""
    if name not in _PRESETS:
        close = difflib.get_close_matches(name.lower(), _PRESETS, n=1)
        advice = f"did you mean '{close[0]}'? " if close else ""
        raise ValueError(f"there is no --preset '{name}'; {advice}there are: {', '.join(_PRESETS)}")


def _check_writable(path: str) -> None:
    """Refuse a file that cannot be written before minutes are spent on what it should hold."""
    if Path(path).is_dir():
        raise ValueError(f"cannot write '{path}': it is a folder")
    there = next(folder for folder in Path(path).absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ValueError(f"cannot write '{path}': '{there}' is no folder that can be written to")


def _size(text: str) -> int | tuple[int, ...]:
    if not re.fullmatch(r"\d+(x\d+){0,2}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 128 or 128x192 (height x width)")
    numbers = tuple(int(part) for part in text.split("x"))
    return numbers[0] if len(numbers) == 1 else numbers


def _units(target: str, model: Any) -> tuple[str, list[int | str] | None]:
    """Split LAYER:UNITS; a layer whose own name has a colon is taken as it is, and a class whose name has a comma."""
    if target in model.layers or ":" not in target:
        return target, None
    layer, _, written = target.rpartition(":")
    if "," in written and written in model.class_names:
        return layer, [written]
    units: list[int | str] = []
    for part in written.split(","):
        part = part.strip()
        span = re.fullmatch(r"(\d+)-(\d+)", part)
        if span and int(span[1]) > int(span[2]):
            raise ValueError(f"units {part} run backwards; write {span[2]}-{span[1]}")
        if span:
            units += range(int(span[1]), int(span[2]) + 1)
        elif part:
            units.append(int(part) if part.isdecimal() else part)
    return layer, units


def _model(name: str, weights: str | None) -> Any:
    import jaxviz

    if ":" not in name:
        try:
            return jaxviz.load(name, weights=weights)
        except ValueError as error:  # which speaks of the function's argument
            raise ValueError(re.sub(r"\bweights='([^']*)'", r"--weights \1", str(error))) from error
    if weights is not None:
        raise ValueError("--weights belongs to a model of the zoo; a function loads its own")
    module_name, _, function_name = name.partition(":")
    sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ImportError(f"cannot import '{module_name}' of '{name}': {error}") from error
    finally:
        sys.path.remove("")
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ValueError(f"'{module_name}' has no function '{function_name}'")
    model = function()
    if not isinstance(model, jaxviz.Model):
        raise TypeError(f"{name}() returned a {type(model).__name__}; it must return what jaxviz.wrap returns")
    return model
