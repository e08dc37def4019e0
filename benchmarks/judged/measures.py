"""The numbers of a preset's pictures, and the table of them."""

import dataclasses

import numpy as np

import jaxviz
from jaxviz import evidence, transforms
from judged.cases import SIZE, Case, Photographs, data_scores, judge_of
from judged.pictures import Climb, pictures

# The same for every preset, and drawn with a key that no climb has; the default's own are stronger but for rotation.
FRESH = transforms.ranges(max_shift_pixels=8, scale_range=0.15, max_degrees=12)

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


def measure(case: Case, climb: Climb, real: Photographs, *, again: bool) -> Row:
    """Judge a preset's pictures of a case; with `again` also how alike two keys' pictures of its first units are."""
    images = pictures(case, climb, real)
    data = data_scores(case, real)
    against = evidence.against_data(np.diagonal(evidence.scores(case.model, case.objectives, images)), data)
    seen, photographs_seen = evidence.features(case.judge, images), real.features[case.judge.name]
    robustness = evidence.robustness(case.model, case.objectives, images, FRESH, key=99, draws=4)
    row = Row(
        case.model.name,
        case.kind,
        climb.preset,
        percentile=float(against.percentile.mean()),
        ratio=float(np.median(against.ratio_to_maximum)),
        robustness=float(np.nanmedian(robustness)),
        plausibility=float(evidence.plausibility(seen, photographs_seen).mean()),
        alike=float(evidence.similarity(seen[None])[0]),
        spectrum=evidence.spectrum_error(images, real.images),
        high=float(evidence.high_frequency_energy(images).mean()),
        choice=float(evidence.forced_choice(seen[:, None], photographs_seen, data).mean()),
    )
    if again:
        first = case._replace(objectives=case.objectives[:8])
        others = evidence.features(case.judge, pictures(first, dataclasses.replace(climb, key=climb.key + 1), real))
        row.seeds = float(evidence.similarity(np.stack([seen[: len(others)], others], axis=1)).mean())
    if case.kind == "classes":
        classes = [int(objective.to_json()["index"]) for objective in case.objectives]
        row.own_top_1 = evidence.transfer(case.model, images, classes).top_1
        row = dataclasses.replace(row, **named_by(case.judge, images, classes))
    return row


def named_by(judge: jaxviz.Model, images: np.ndarray, classes: list[int]) -> dict[str, float]:
    """Return how often a network names these classes, as columns of the table."""
    judged = evidence.transfer(judge, images, classes)
    return {
        "top_1": judged.top_1,
        "top_5": judged.top_5,
        "log_probability": float(judged.log_probability.mean()),
    }


def anchors(models: dict[str, jaxviz.Model], real: Photographs) -> list[Row]:
    """Return what photographs of the same size, and noise, get: the ends of each scale."""
    rows = []
    classes = [int(number) for number in real.classes]
    noise = np.random.default_rng(0).random((len(classes[:32]), SIZE, SIZE, 3)).astype(np.float32)
    for name, model in models.items():
        judge = judge_of(model, models)
        among = real.features[judge.name]
        nearest = [
            evidence.plausibility(among[row : row + 1], np.delete(among, row, 0))[0] for row in range(0, len(among), 8)
        ]
        photographs = Row(
            name,
            "anchor",
            "photographs",
            **named_by(judge, real.images[::4], classes[::4]),
            plausibility=float(np.mean(nearest)),
            alike=float(evidence.similarity(among[None])[0]),
            spectrum=0.0,
            high=float(evidence.high_frequency_energy(real.images).mean()),
        )
        lost = Row(
            name,
            "anchor",
            "noise",
            **named_by(judge, noise, classes[:32]),
            plausibility=float(evidence.plausibility(evidence.features(judge, noise), among).mean()),
            spectrum=evidence.spectrum_error(noise, real.images),
            high=float(evidence.high_frequency_energy(noise).mean()),
        )
        rows += [photographs, lost]
    return rows


def best_photographs(case: Case, real: Photographs) -> Row:
    """Return what the photograph that excites a unit most gets in the place of its picture: the anchor of 2-AFC."""
    data, seen = data_scores(case, real), real.features[case.judge.name]
    best = data.argmax(axis=1)
    choices = [
        evidence.forced_choice(
            seen[None, None, place], np.delete(seen, place, axis=0), np.delete(data[None, unit], place, axis=1)
        )[0]
        for unit, place in enumerate(best)
    ]
    row = Row(case.model.name, case.kind, "best photographs", choice=float(np.mean(choices)))
    if case.kind == "classes":
        classes = [int(objective.to_json()["index"]) for objective in case.objectives]
        row = dataclasses.replace(row, **named_by(case.judge, real.images[best], classes))
    return row


def table(rows: list[Row]) -> str:
    def cell(value: object) -> str:
        if isinstance(value, str):
            return value
        return "" if np.isnan(value) else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"

    lines = ["| " + " | ".join(HEADINGS.values()) + " |", "|" + "---|" * len(HEADINGS)]
    lines += ["| " + " | ".join(cell(getattr(row, name)) for name in HEADINGS) + " |" for row in rows]
    return "\n".join(lines) + "\n"
