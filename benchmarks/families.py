"""Which default settings suit tiny networks and transformers: each network's pictures judged by two of another make.

    python benchmarks/families.py [--canvas 28] [--networks strided,transformer] [--settings "default;lucid"]
                                  [--keys 4] [--first-key 0] [--digits FILE] [--sheet FILE.png]

Networks of MNIST's digits (benchmarks/digits.py) are trained where they are not kept already, a minute or two each.
Then the ten classes of each are rendered under each of the settings below with several keys, and the two other networks
say what they see. A canvas of 80 pixels is more than tiny: there `default` is what suits a transformer or a plain
network. docs/quality.md says what the columns are. With 4 keys and 2 judges a share has a standard error of at most
0.08. Seeds are fixed; pictures are not kept.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from digits import CLASSES, NETWORKS, STORE, TINY, WIDE, Digits, on_canvas, read_digits, trained
from PIL import Image
from predictions import SHARED_DATA

import jaxviz
from jaxviz import Settings, evidence, transforms

STEPS = 256
BANDS = 8  # of the spectrum: 28 pixels have too few frequencies for more than 14
REAL, ANCHOR = slice(0, 1000), slice(1000, 1200)

SMALL = {"max_shift_pixels": 2, "scale_range": 0.05, "max_degrees": 5, "noise": 0}
STRONG = {"preset": "strong", "decay_power": 1.3, "learning_rate": 0.025}
SETTINGS: dict[str, dict[str, float | str]] = {
    "small": SMALL,  # what tiny networks got before anything was measured
    "small, decay 1.5": SMALL | {"decay_power": 1.5},
    "small, decay 2": SMALL | {"decay_power": 2},
    "small, decay 2, four views": SMALL | {"decay_power": 2, "views": 4},
    "small, decay 2, noise 0.3": SMALL | {"decay_power": 2, "noise": 0.3},
    "small, decay 2, shift 4": SMALL | {"decay_power": 2, "max_shift_pixels": 4},
    "small, decay 2, scale ±0.15, ±10°": SMALL | {"decay_power": 2, "scale_range": 0.15, "max_degrees": 10},
    "small, decay 2, gains ±0.1": SMALL | {"decay_power": 2, "gain_range": 0.1},
    "small, decay 2, gains ±0.17": SMALL | {"decay_power": 2, "gain_range": 0.17},
    "small, decay 3": SMALL | {"decay_power": 3},
    "small, rate 0.1": SMALL | {"learning_rate": 0.1},
    "small, rate 0.025": SMALL | {"learning_rate": 0.025},
    "small, noise 0.1": SMALL | {"noise": 0.1},
    "small, noise 0.3": SMALL | {"noise": 0.3},
    "small, shift 0": SMALL | {"max_shift_pixels": 0},
    "small, shift 1": SMALL | {"max_shift_pixels": 1},
    "small, shift 4": SMALL | {"max_shift_pixels": 4},
    "small, scale ±0.15, ±10°": SMALL | {"scale_range": 0.15, "max_degrees": 10},
    "small, four views": SMALL | {"views": 4},
    "strong": STRONG,
    "strong, no gains": STRONG | {"gain_range": 0},
    "strong, gains ±0.1": STRONG | {"gain_range": 0.1},  # what plain networks get
    "strong, four views": STRONG | {"views": 4},
    "strong, rate 0.05": STRONG | {"learning_rate": 0.05},
    "strong, decay 2": STRONG | {"decay_power": 2},
    "strong, decay 2, rate 0.05": STRONG | {"decay_power": 2, "learning_rate": 0.05},
    "lucid": {"preset": "lucid"},
    "nothing": {"preset": "none"},
}
HEADINGS = ("network", "settings", "judges top-1", "log p", "own top-1", "plausibility", "spectrum", "high freq.")


def options(model: jaxviz.Model, name: str) -> dict:
    """Return the arguments of `render` that say what settings say; nothing for the default."""
    if name == "default":
        return {}
    settings = Settings().changed(**SETTINGS[name])
    disturbed = transforms.ranges(
        max_shift_pixels=settings.max_shift_pixels,
        scale_range=settings.scale_range,
        max_degrees=settings.max_degrees,
        noise=settings.noise,
        gain_range=settings.gain_range,
        border_pixels=0 if model.family == "tiny" or model.takes_one_size else 6,  # as the default has it
    )
    return {
        "transforms": transforms.several_views(disturbed, count=settings.views) if settings.views > 1 else disturbed,
        "parameterization": jaxviz.fourier(decay_power=settings.decay_power),
        "learning_rate": settings.learning_rate,
    }


def pictures(model: jaxviz.Model, name: str, keys: range) -> np.ndarray:
    """Return the ten classes under settings, once for each key: `[key * class, side, side, 1]`."""
    objectives = [jaxviz.class_logit(number) for number in range(CLASSES)]
    side = model.input_shape[0]
    made = [
        jaxviz.render(model, objectives, steps=STEPS, size=side, key=key, progress=False, **options(model, name)).images
        for key in keys
    ]
    return np.concatenate(made)


def measured(
    images: np.ndarray, classes: np.ndarray, model: jaxviz.Model, judges: dict[str, jaxviz.Model], real: np.ndarray
) -> list[float]:
    """Return the numbers of a row of the table, the mean over judges where they are asked."""
    judged = [evidence.transfer(judge, images, classes) for judge in judges.values()]
    near = [
        evidence.plausibility(evidence.features(judge, images), evidence.features(judge, real)).mean()
        for judge in judges.values()
    ]
    return [
        float(np.mean([found.top_1 for found in judged])),
        float(np.mean([found.log_probability.mean() for found in judged])),
        evidence.transfer(model, images, classes).top_1,
        float(np.mean(near)),
        evidence.spectrum_error(images, real, bands=BANDS),
        float(evidence.high_frequency_energy(images).mean()),
    ]


def anchors(digits: Digits, side: int) -> tuple[np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return real digits to compare with, and the images at both ends of each scale: other real digits, and noise."""
    seen = on_canvas(digits.held_out[: ANCHOR.stop], side, key=1_000_003)
    classes = digits.held_out_classes[ANCHOR]
    noise = np.random.default_rng(0).random(seen[ANCHOR].shape).astype(np.float32)
    return seen[REAL], {"digits": (seen[ANCHOR], classes), "noise": (noise, classes)}


def line(network: str, settings: str, numbers: list[float]) -> str:
    return "| " + " | ".join([network, settings, *(f"{number:.2f}" for number in numbers)]) + " |"


def sheet(rows: list[np.ndarray], path: Path) -> None:
    """Draw ten pictures a row, magnified to about 56 pixels each."""
    pixels = np.concatenate([np.concatenate(list(row[..., 0]), axis=1) for row in rows])
    factor = max(1, 56 // rows[0].shape[1])
    drawn = Image.fromarray(np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8))
    drawn.resize((factor * drawn.width, factor * drawn.height), Image.Resampling.NEAREST).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--canvas", type=int, choices=(TINY, WIDE), default=TINY, help="pixels; default: %(default)s")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="default: %(default)s")
    parser.add_argument("--settings", help="names of rows, separated by semicolons; default: all")
    parser.add_argument("--keys", type=int, default=4, help="pictures of each class; default: %(default)s")
    parser.add_argument("--first-key", type=int, default=0, help="default: %(default)s")
    data = SHARED_DATA / "mnist" / "mnist.npz"
    parser.add_argument("--digits", type=Path, default=data, help="MNIST; default: %(default)s")
    parser.add_argument("--sheet", type=Path, help="file for the pictures of the first key, a row for each line")
    given = parser.parse_args()
    networks, names = given.networks.split(","), (given.settings or ";".join(["default", *SETTINGS])).split(";")
    for asked, known in ((networks, [*NETWORKS]), (names, ["default", *SETTINGS])):
        if unknown := [name for name in asked if name not in known]:
            sys.exit(f"Unknown: {', '.join(unknown)}. There are: {'; '.join(known)}.")
    digits = read_digits(given.digits)
    models = {name: trained(name, given.canvas, digits) for name in NETWORKS}
    real, ends = anchors(digits, given.canvas)
    print("| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS), sep="\n")
    rows = []
    for network in networks:
        model, judges = models[network], {name: judge for name, judge in models.items() if name != network}
        for name, (images, classes) in ends.items():
            print(line(network, f"*{name}*", measured(images, classes, model, judges, real)), flush=True)
        for name in names:
            images = pictures(model, name, range(given.first_key, given.first_key + given.keys))
            classes = np.tile(np.arange(CLASSES), given.keys)
            print(line(network, name, measured(images, classes, model, judges, real)), flush=True)
            rows.append(images[:CLASSES])
    if given.sheet:
        sheet(rows, given.sheet)
    print(f"\nWeights are kept in {STORE}", file=sys.stderr)


if __name__ == "__main__":
    main()
