"""What is pictured: units of a network, beside the photographs that they are judged by."""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from predictions import read_image
from tqdm.auto import tqdm

import jaxviz
from jaxviz import evidence
from judged.store import digest, kept

SIZE = 128
# A channel in the middle, one near the end, the class logits: what each network calls them.
LAYERS = {
    "efficientnet_lite0": {"mid": "stage4/block3", "late": "stage6/block4"},
    "googlenet": {"mid": "inception_4c", "late": "inception_5a"},
}


@dataclasses.dataclass
class Photographs:
    """Real images of the pictures' size, their classes, and what each network makes of them.

    Attributes:
        files: A short name for the files that they are from.
    """

    files: str
    images: np.ndarray
    classes: np.ndarray
    features: dict[str, np.ndarray]


class Case(NamedTuple):
    """Units of a network, and the other network, which judges their pictures.

    Attributes:
        kind: What the units are: "classes", or channels "late" or in the "mid".
    """

    model: jaxviz.Model
    judge: jaxviz.Model
    kind: str
    objectives: list[jaxviz.objectives.Objective]


def judge_of(model: jaxviz.Model, models: dict[str, jaxviz.Model]) -> jaxviz.Model:
    return next(other for other in models.values() if other is not model)


def case_of(models: dict[str, jaxviz.Model], network: str, kind: str, arguments: argparse.Namespace) -> Case:
    model = models[network]
    return Case(model, judge_of(model, models), kind, objectives_of(model, kind, arguments))


def objectives_of(model: jaxviz.Model, kind: str, arguments: argparse.Namespace) -> list[jaxviz.objectives.Objective]:
    if kind == "classes":
        return [jaxviz.class_logit(int(number)) for number in np.linspace(7, 993, arguments.classes).astype(int)]
    layer = LAYERS[model.name][kind]
    width = model.layers[layer].units
    return [jaxviz.channel(layer, int(unit)) for unit in np.linspace(3, width - 4, arguments.units).astype(int)]


def photographs(models: dict[str, jaxviz.Model], folder: Path, count: int) -> Photographs:
    return photographs_of(models, folder, count, SIZE)


def photographs_of(models: dict[str, jaxviz.Model], folder: Path, count: int, size: int) -> Photographs:
    """Return photographs of a height and width in pixels."""
    paths = sorted(folder.glob("[0-9]*_*.jpg"))
    if not paths:
        sys.exit(
            f"There are no photographs named '<class index>_<anything>.jpg' in {folder}, and without real images there "
            "is nothing to compare with. Name a folder with --images (benchmarks/predictions.py says what it may hold)."
        )
    paths = [paths[place] for place in np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)]
    what = [[str(path.resolve()), path.stat().st_size] for path in paths]
    files = digest(what if size == SIZE else [what, size])
    images = kept(
        f"photographs_{files}",
        lambda: evidence.fitted(np.stack([read_image(path) for path in tqdm(paths, desc="photographs")]), size, size),
    )
    classes = np.array([int(path.name.split("_")[0]) for path in paths])
    features = {
        name: kept(f"features_{name}_{model.fingerprint}_{files}", lambda model=model: evidence.features(model, images))
        for name, model in models.items()
    }
    return Photographs(files, images, classes, features)


def data_scores(case: Case, real: Photographs) -> np.ndarray:
    """Return the score of every photograph, `[objective, photograph]`."""
    name = digest([case.model.fingerprint, real.files, *(objective.to_json() for objective in case.objectives)])
    return kept(
        f"scores_{case.model.name}_{name}",
        lambda: evidence.scores(case.model, case.objectives, real.images),
    )
