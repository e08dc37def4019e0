"""Which settings suit a vision transformer of photographs? Its classes under several, judged by two other networks.

    python benchmarks/transformer.py --weights vit_tiny_patch16_224.npz [--settings default,lucid] [--classes 16]

The weights are timm's `vit_tiny_patch16_224`; `judged/vit.py` says how to write the file. The judges are
EfficientNet-Lite0 and GoogLeNet. Pictures have the 224 pixels that the network takes, are kept in .benchmarks/quality
and made once. On two cores a set of settings takes some five minutes, with several views as many times that.
docs/quality.md has the table.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np
from judged.cases import photographs_of
from judged.pictures import GROUP
from judged.store import digest, kept
from judged.vit import SIDE, vit_tiny
from predictions import SHARED_DATA

import jaxviz
from jaxviz import evidence
from jaxviz.results import Settings
from jaxviz.transforms import ranges, several_views

USUAL = Settings.for_family("transformer")
SETTINGS: dict[str, dict[str, float] | str] = {
    "default": {},
    "lucid": "lucid",
    "lucid_noise": "lucid_noise",
    "phase_only": "phase_only",
    "dvt_3": "dvt_3",
    "rate 0.05": {"learning_rate": 0.05},
    "rate 0.1": {"learning_rate": 0.1},
    "decay 1": {"decay_power": 1.0},
    "decay 1.6": {"decay_power": 1.6},
    "no gains": {"gain_range": 0.0},
    "gains 0.17": {"gain_range": 0.17},
    "no noise": {"noise": 0.0},
    "noise 0.2": {"noise": 0.2},
    "scale 0.1": {"scale_range": 0.1},
    "shift 32": {"max_shift_pixels": 32.0},
    "shift 32 and scale 0.45": {"max_shift_pixels": 32.0, "scale_range": 0.45},
    "4 views": {"views": 4},
    "16 views": {"views": 16},
    "rate 0.05 and 4 views": {"learning_rate": 0.05, "views": 4},
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="timm's vit_tiny_patch16_224 as an npz file")
    parser.add_argument("--settings", default=",".join(SETTINGS), help="default: %(default)s")
    parser.add_argument("--classes", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--first", type=int, default=7, help="first class; default: %(default)s")
    parser.add_argument("--steps", type=int, default=192, help="default: %(default)s")
    parser.add_argument("--key", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--photographs", type=int, default=200, help="at most so many; default: %(default)s")
    parser.add_argument("--images", type=Path, default=SHARED_DATA / "imagenet_samples", help="default: %(default)s")
    parser.add_argument("--googlenet", type=Path, default=SHARED_DATA / "googlenet" / "googlenet_float16.npz")
    given = parser.parse_args()
    given.settings = given.settings.split(",")
    unknown = [name for name in given.settings if name not in SETTINGS]
    if unknown:
        sys.exit(f"There are no settings {unknown}; there are: {', '.join(SETTINGS)}.")
    for path in (given.weights, given.googlenet):
        if not path.is_file():
            sys.exit(f"There are no weights at {path}; see --help.")
    return given


def pictures(model: jaxviz.Model, name: str, classes: list[int], given: argparse.Namespace) -> np.ndarray:
    """Render classes in groups, and keep each."""
    made = []
    for start in range(0, len(classes), GROUP):
        group = classes[start : start + GROUP]
        what = [model.fingerprint, name, str(SETTINGS[name]), str(USUAL), group, given.steps, given.key]
        made.append(
            kept(f"{model.name}_{digest(what)}", lambda group=group: rendered(model, SETTINGS[name], group, given))
        )
    return np.concatenate(made)


def rendered(
    model: jaxviz.Model, chosen: dict[str, float] | str, classes: list[int], given: argparse.Namespace
) -> np.ndarray:
    objectives = [jaxviz.class_logit(number) for number in classes]
    options = {"steps": given.steps, "key": given.key, "progress": sys.stderr.isatty()}
    if isinstance(chosen, str):
        return jaxviz.presets.named(chosen).render(model, objectives, size=SIDE, **options).images
    settings = USUAL.changed(**chosen)
    numbers = ("max_shift_pixels", "scale_range", "max_degrees", "noise", "gain_range")
    transform = ranges(**{number: getattr(settings, number) for number in numbers}, border_pixels=0)
    transform = several_views(transform, count=settings.views) if settings.views > 1 else transform
    return jaxviz.render(
        model,
        objectives,
        parameterization=jaxviz.fourier(decay_power=settings.decay_power),
        transforms=transform,
        learning_rate=settings.learning_rate,
        **options,
    ).images


@dataclasses.dataclass
class Seen:
    """What a network is shown, and what it has seen of real photographs."""

    model: jaxviz.Model
    features: np.ndarray


def line(name: str, images: np.ndarray, classes: list[int], judges: list[Seen], model: jaxviz.Model) -> str:
    own = evidence.transfer(model, images, classes).top_1
    cells = [name, f"{own:.2f}"]
    for judge in judges:
        found = evidence.transfer(judge.model, images, classes)
        near = evidence.plausibility(evidence.features(judge.model, images), judge.features).mean()
        cells += [f"{found.top_1:.2f} / {found.top_5:.2f}", f"{found.log_probability.mean():.2f}", f"{near:.2f}"]
    cells.append(f"{evidence.high_frequency_energy(images).mean():.2f}")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    given = arguments()
    model = vit_tiny(given.weights)
    models = {
        "efficientnet_lite0": jaxviz.load(),
        "googlenet": jaxviz.load("googlenet", weights=given.googlenet),
    }
    real = photographs_of(models, given.images, given.photographs, SIDE)
    judges = [Seen(judge, real.features[name]) for name, judge in models.items()]
    classes = [int(number) for number in np.linspace(given.first, 993, given.classes)]
    heads = [part for name in models for part in (f"{name} top-1 / top-5", "log p", "plausibility")]
    print("| settings | own top-1 | " + " | ".join(heads) + " | high freq. |")
    print("|" + "---|" * (len(heads) + 3))
    some = slice(None, None, 2)
    print(line("photographs", real.images[some], [int(each) for each in real.classes[some]], judges, model), flush=True)
    for name in given.settings:
        print(line(name, pictures(model, name, classes, given), classes, judges, model), flush=True)


if __name__ == "__main__":
    main()
