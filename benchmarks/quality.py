"""Which settings make the better picture? Every preset, on two networks, judged by real photographs and by each other.

    python benchmarks/quality.py [--presets default,lucid] [--units 8] [--classes 16] [--steps 256]

Pictures are kept in .benchmarks/quality and made once, so the program may be stopped at any time and goes on where it
was; seeds are fixed. It needs the two networks' weights and a folder of photographs, whose default places are named
below. Without a GPU a preset takes a quarter of an hour to an hour. docs/quality.md says what the columns are.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from predictions import SHARED_DATA, read_image
from tqdm.auto import tqdm

import jaxviz
from jaxviz import evidence, transforms

STORE = Path(__file__).parents[1] / ".benchmarks" / "quality"
SIZE = 128
# A channel in the middle, one near the end, the class logits: what each network calls them.
LAYERS = {
    "efficientnet_lite0": {"mid": "stage4/block3", "late": "stage6/block4"},
    "googlenet": {"mid": "inception_4c", "late": "inception_5a"},
}
FRESH = transforms.ranges(max_shift_pixels=8, scale_range=0.15, max_degrees=12)


PRESETS: dict[str, dict] = {
    "default": {},
    "lucid": {"transforms": "lucid", "parameterization": jaxviz.fourier()},
    "lucid + noise": {"transforms": "lucid_noise", "parameterization": jaxviz.fourier()},
    "distill 2017": {"transforms": "distill_2017", "parameterization": jaxviz.fourier()},
    "pixels": {"parameterization": jaxviz.pixels(), "transforms": None},
    "default matched": {"transforms": "quick"},
}
MATCHED = ("vital", "default matched")
"""Presets that match the features of real images, in place of climbing a unit: VITAL's own, and its objective under the
default settings."""


# Rendered unless --presets says otherwise: the sets above, and published ones by their names in jaxviz.presets.
USUAL = (*PRESETS, "maco", "dvt_1", "dvt_2", "dvt_3", "dvt_4")


# So many photographs, those that excite a unit most, stand for it where a preset (VITAL) matches real images. Its
# authors take fifty of a class; here there is about one of each, and the fiftieth best of 400 says little of a unit.
EXEMPLARS = 10


@dataclasses.dataclass
class Row:
    """One line of the table; NaN where a number makes no sense."""

    network: str
    units: str
    preset: str
    percentile: float = np.nan
    ratio: float = np.nan
    robustness: float = np.nan
    own_top_1: float = np.nan
    top_1: float = np.nan
    top_5: float = np.nan
    log_probability: float = np.nan
    plausibility: float = np.nan
    spectrum: float = np.nan
    high: float = np.nan
    seeds: float = np.nan
    alike: float = np.nan
    choice: float = np.nan


@dataclasses.dataclass
class Photographs:
    """Real images of the pictures' size, their classes, and what each network makes of them."""

    images: np.ndarray
    classes: np.ndarray
    features: dict[str, np.ndarray]


def kept(name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return what was made under this name before, or make it."""
    path = STORE / f"{name}.npy"
    if not path.exists():
        array = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, array)
        unfinished.replace(path)
    return np.load(path)


def photographs(models: dict[str, jaxviz.Model], folder: Path, count: int) -> Photographs:
    paths = sorted(folder.glob("[0-9]*_*.jpg"))
    if not paths:
        sys.exit(
            f"There are no photographs named '<class index>_<anything>.jpg' in {folder}, and without real images there "
            "is nothing to compare with. Name a folder with --images (benchmarks/predictions.py says what it may hold)."
        )
    paths = paths[:: max(1, len(paths) // count)][:count]
    images = kept(
        f"photographs_{len(paths)}",
        lambda: evidence.fitted(np.stack([read_image(path) for path in tqdm(paths, desc="photographs")]), SIZE, SIZE),
    )
    classes = np.array([int(path.name.split("_")[0]) for path in paths])
    features = {
        name: kept(f"features_{name}_{len(paths)}", lambda model=model: evidence.features(model, images))
        for name, model in models.items()
    }
    return Photographs(images, classes, features)


def objectives_of(model: jaxviz.Model, units: str, arguments: argparse.Namespace) -> list[jaxviz.objectives.Objective]:
    if units == "classes":
        return [jaxviz.class_logit(int(number)) for number in np.linspace(7, 993, arguments.classes).astype(int)]
    layer = LAYERS[model.name][units]
    width = model.layers[layer].units
    return [jaxviz.channel(layer, int(unit)) for unit in np.linspace(3, width - 4, arguments.units).astype(int)]


def render(
    model: jaxviz.Model,
    objectives: list[jaxviz.objectives.Objective],
    preset: str,
    steps: int,
    key: int,
    real: Photographs,
) -> np.ndarray:
    """Render objectives as a preset has it, its penalty and its real images included."""
    options: dict = {"steps": steps, "size": SIZE, "key": key, "progress": sys.stderr.isatty()}
    if preset in MATCHED:
        best = np.argsort(-data_scores(model, objectives, real), axis=1)[:, :EXEMPLARS]
        objectives = [jaxviz.presets.vital_objective(model, real.images[rows]) for rows in best]
    if preset in PRESETS:
        return jaxviz.render(model, objectives, **options, **PRESETS[preset]).images
    return jaxviz.presets.named(preset).render(model, objectives, **options).images


def written(model: jaxviz.Model, preset: str, steps: int, real: Photographs) -> list:
    """Write down all that decides a preset's pictures beside the objectives, steps, size and key."""
    data = [len(real.images), EXEMPLARS] if preset in MATCHED else []
    if preset in PRESETS:
        settings = PRESETS[preset]
        numbers = jaxviz.Settings.for_family(model.family) if settings == {} else ""
        return [{name: str(value) for name, value in settings.items()}, str(numbers), *data]
    published = jaxviz.presets.named(preset)
    settings = published.settings(size=SIZE, steps=steps, model=model)
    optimizer = settings.pop("optimizer")
    settings["optimizer"] = optimizer and optimizer.record
    penalty = published.penalty_in(size=SIZE, steps=steps, model=model)
    return [{name: str(value) for name, value in settings.items()}, str(penalty), data]


def pictures(
    model: jaxviz.Model,
    objectives: list[jaxviz.objectives.Objective],
    preset: str,
    steps: int,
    key: int,
    real: Photographs,
) -> np.ndarray:
    """Render objectives eight at a time, and keep each eight under a name that says all that decides them."""
    settings = written(model, preset, steps, real)
    made = []
    for start in range(0, len(objectives), 8):
        group = objectives[start : start + 8]
        what = [[objective.to_json() for objective in group], *settings, steps, SIZE, key]
        digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12]

        def make(group: list[jaxviz.objectives.Objective] = group) -> np.ndarray:
            return render(model, group, preset, steps, key, real)

        made.append(kept(f"{model.name}_{preset.replace(' ', '_')}_{digest}", make))
    return np.concatenate(made)


def data_scores(model: jaxviz.Model, objectives: list, real: Photographs) -> np.ndarray:
    """Return the score of every photograph, `[objective, photograph]`."""
    digest = hashlib.sha256(json.dumps([objective.to_json() for objective in objectives]).encode()).hexdigest()[:12]
    name = f"scores_{model.name}_{len(real.images)}_{digest}"
    return kept(name, lambda: evidence.scores(model, objectives, real.images))


def measure(
    row: Row,
    images: np.ndarray,
    again: np.ndarray | None,
    model: jaxviz.Model,
    judge: jaxviz.Model,
    objectives: list,
    real: Photographs,
) -> Row:
    own = np.diagonal(evidence.scores(model, objectives, images))
    data = data_scores(model, objectives, real)
    against = evidence.against_data(own, data)
    seen = evidence.features(judge, images)
    row.percentile = float(against.percentile.mean())
    row.ratio = float(np.median(against.ratio_to_maximum))
    row.robustness = float(np.nanmedian(evidence.robustness(model, objectives, images, FRESH, key=99, draws=4)))
    row.plausibility = float(evidence.plausibility(seen, real.features[judge.name]).mean())
    row.alike = float(evidence.similarity(seen[None])[0])
    row.spectrum = evidence.spectrum_error(images, real.images)
    row.high = float(evidence.high_frequency_energy(images).mean())
    row.choice = float(evidence.forced_choice(seen[:, None], real.features[judge.name], data).mean())
    if again is not None:
        both = np.stack([seen[: len(again)], evidence.features(judge, again)], axis=1)
        row.seeds = float(evidence.similarity(both).mean())
    if row.units == "classes":
        classes = [int(objective.to_json()["index"]) for objective in objectives]
        row.own_top_1 = evidence.transfer(model, images, classes).top_1
        judged = evidence.transfer(judge, images, classes)
        row.top_1, row.top_5 = judged.top_1, judged.top_5
        row.log_probability = float(judged.log_probability.mean())
    return row


def anchors(models: dict[str, jaxviz.Model], real: Photographs) -> list[Row]:
    """What photographs of the same size, and noise, get: the ends of each scale."""
    rows = []
    noise = np.random.default_rng(0).random((len(real.classes[:32]), SIZE, SIZE, 3)).astype(np.float32)
    for name, model in models.items():
        judge = next(other for other in models.values() if other is not model)
        judged = evidence.transfer(judge, real.images[::4], list(real.classes[::4]))
        among = real.features[judge.name]
        nearest = [
            evidence.plausibility(among[row : row + 1], np.delete(among, row, 0))[0] for row in range(0, len(among), 8)
        ]
        rows.append(
            Row(
                name,
                "anchor",
                "photographs",
                top_1=judged.top_1,
                top_5=judged.top_5,
                log_probability=float(judged.log_probability.mean()),
                plausibility=float(np.mean(nearest)),
                alike=float(evidence.similarity(among[None])[0]),
                spectrum=0.0,
                high=float(evidence.high_frequency_energy(real.images).mean()),
            )
        )
        lost = evidence.transfer(judge, noise, list(real.classes[:32]))
        rows.append(
            Row(
                name,
                "anchor",
                "noise",
                top_1=lost.top_1,
                top_5=lost.top_5,
                log_probability=float(lost.log_probability.mean()),
                plausibility=float(evidence.plausibility(evidence.features(judge, noise), among).mean()),
                spectrum=evidence.spectrum_error(noise, real.images),
                high=float(evidence.high_frequency_energy(noise).mean()),
            )
        )
    return rows


HEADINGS = {
    "network": "network",
    "units": "units",
    "preset": "preset",
    "top_1": "judge top-1",
    "top_5": "judge top-5",
    "log_probability": "log p",
    "own_top_1": "own top-1",
    "plausibility": "plausibility",
    "alike": "alike",
    "percentile": "percentile",
    "ratio": "of max",
    "robustness": "robust",
    "spectrum": "spectrum",
    "high": "high freq.",
    "seeds": "seeds",
    "choice": "2-AFC",
}


def table(rows: list[Row]) -> str:
    def cell(value: object) -> str:
        if isinstance(value, str):
            return value
        return "" if np.isnan(value) else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"

    lines = ["| " + " | ".join(HEADINGS.values()) + " |", "|" + "---|" * len(HEADINGS)]
    lines += ["| " + " | ".join(cell(getattr(row, name)) for name in HEADINGS) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default=",".join(USUAL), help="default: %(default)s")
    parser.add_argument("--networks", default=",".join(LAYERS), help="default: %(default)s")
    parser.add_argument("--kinds", default="classes,late,mid", help="default: %(default)s")
    parser.add_argument("--units", type=int, default=8, help="channels of each layer; default: %(default)s")
    parser.add_argument("--classes", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--photographs", type=int, default=400, help="at most so many; default: %(default)s")
    parser.add_argument("--seeds", action="store_true", help="render the first 8 classes again with another key")
    parser.add_argument("--images", type=Path, default=SHARED_DATA / "imagenet_samples", help="default: %(default)s")
    weights = SHARED_DATA / "googlenet" / "googlenet_float16.npz"
    parser.add_argument("--googlenet", type=Path, default=weights, help="its weights; default: %(default)s")
    arguments = parser.parse_args()
    presets = arguments.presets.split(",")
    for preset in presets:
        try:
            if preset not in PRESETS:
                jaxviz.presets.named(preset)
        except KeyError as error:
            sys.exit(f"{error.args[0]} And of this program: {', '.join(PRESETS)}.")
    if not arguments.googlenet.is_file():
        sys.exit(
            f"GoogLeNet's weights are not at {arguments.googlenet}: one network cannot be judged by itself. "
            "Name the file with --googlenet."
        )
    models = {
        "efficientnet_lite0": jaxviz.load(),
        "googlenet": jaxviz.load("googlenet", weights=arguments.googlenet),
    }
    real = photographs(models, arguments.images, arguments.photographs)
    rows = anchors(models, real)
    print(table(rows), flush=True)
    for kind in arguments.kinds.split(","):
        for name in arguments.networks.split(","):
            model = models[name]
            judge = next(other for other in models.values() if other is not model)
            objectives = objectives_of(model, kind, arguments)
            for preset in presets:
                images = pictures(model, objectives, preset, arguments.steps, 0, real)
                again = None
                if arguments.seeds and kind == "classes":
                    again = pictures(model, objectives[:8], preset, arguments.steps, 1, real)
                rows.append(measure(Row(name, kind, preset), images, again, model, judge, objectives, real))
                print(table(rows[-1:]).splitlines()[-1], flush=True)
    text = table(rows)
    (STORE / "table.md").write_text(text, encoding="utf-8")
    (STORE / "table.json").write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1), encoding="utf-8")
    print(f"\n{text}\nWritten to {STORE / 'table.md'}")


if __name__ == "__main__":
    main()
