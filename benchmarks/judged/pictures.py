"""Pictures as a preset has them, made once."""

import dataclasses
import sys

import numpy as np

import jaxviz
from jaxviz.rendering.settings_asked import drawn
from jaxviz.rendering.suitable import suitable
from judged.cases import SIZE, Case, Photographs, data_scores
from judged.store import digest, kept

PRESETS: dict[str, dict] = {
    "default": {},
    "lucid": {"transforms": "lucid", "parameterization": jaxviz.fourier()},
    "lucid + noise": {"transforms": "lucid_noise", "parameterization": jaxviz.fourier()},
    "distill 2017": {"transforms": "distill_2017", "parameterization": jaxviz.fourier()},
    "pixels": {"parameterization": jaxviz.pixels(), "transforms": None},
    "default matched": {"transforms": "quick"},
    "default measured": {},
    "phase_only measured": {"transforms": "lucid_noise"},
}
MATCHED = ("vital", "default matched")
"""Presets that match the features of real images, in place of climbing a unit: VITAL's own, and its objective under the
default settings."""

MEASURED = ("default measured", "phase_only measured")
"""Presets whose colours are those of the photographs, and phase_only's magnitudes, as `wrap(data=...)` gives them."""

# Rendered unless --presets says otherwise: the sets above, and published ones by their names in jaxviz.presets.
USUAL = (*PRESETS, "maco", "dvt_1", "dvt_2", "dvt_3", "dvt_4")

# So many photographs, those that excite a unit most, stand for it where a preset (VITAL) matches real images. Its
# authors take fifty of a class; here there is about one of each, and the fiftieth best of 400 says little of a unit.
EXEMPLARS = 10

# Pictures rendered, and kept, together.
GROUP = 8


@dataclasses.dataclass(frozen=True)
class Climb:
    """How pictures are made: a preset's name, steps and key."""

    preset: str
    steps: int
    key: int = 0


def pictures(case: Case, climb: Climb, real: Photographs) -> np.ndarray:
    """Render a case in groups, and keep each group under a name that says all that decides its pictures but the code.

    Where the code of a method changes and its numbers do not, empty the store.
    """
    settings = written(case.model, climb, real)
    made = []
    for start in range(0, len(case.objectives), GROUP):
        group = case._replace(objectives=case.objectives[start : start + GROUP])
        what = [[objective.to_json() for objective in group.objectives], *settings, climb.steps, SIZE, climb.key]
        name = f"{case.model.name}_{climb.preset.replace(' ', '_')}_{digest(what)}"
        made.append(kept(name, lambda group=group: render(group, climb, real)))
    return np.concatenate(made)


def render(case: Case, climb: Climb, real: Photographs) -> np.ndarray:
    """Render objectives as a preset has it, its penalty and its real images included."""
    options: dict = {"steps": climb.steps, "size": SIZE, "key": climb.key, "progress": sys.stderr.isatty()}
    model, objectives = case.model, case.objectives
    if climb.preset in MATCHED:
        best = np.argsort(-data_scores(case, real), axis=1)[:, :EXEMPLARS]
        objectives = [jaxviz.presets.vital_objective(model, real.images[rows]) for rows in best]
    if climb.preset in PRESETS:
        return jaxviz.render(model, objectives, **options, **settings_of(climb, model, real)).images
    return jaxviz.presets.named(climb.preset).render(model, objectives, **options).images


def settings_of(climb: Climb, model: jaxviz.Model, real: Photographs) -> dict:
    """Return what `jaxviz.render` is told by one of the sets above."""
    settings = PRESETS[climb.preset]
    if climb.preset not in MEASURED:
        return settings
    colours = jaxviz.measure_colours(real.images)
    if climb.preset == "default measured":
        usual = suitable(model, (SIZE, SIZE), automatic=True)
        # A parameterization that is given is climbed at its own rate, and not at the family's.
        given = dataclasses.replace(usual.parameterization, colours=colours)
        return settings | {"parameterization": given, "learning_rate": usual.learning_rate}
    magnitude = jaxviz.measure_magnitude(real.images)
    return settings | {"parameterization": jaxviz.phase_only(magnitude=magnitude, colours=colours)}


def written(model: jaxviz.Model, climb: Climb, real: Photographs) -> list:
    """Write down all that decides a preset's pictures beside the objectives, steps, size and key."""
    data: list = [model.fingerprint]
    data += [real.files, EXEMPLARS] if climb.preset in MATCHED else []
    data += ["measured, at the usual rate", real.files] if climb.preset in MEASURED else []
    if climb.preset in PRESETS:
        settings = PRESETS[climb.preset]
        given = settings.get("parameterization")
        transforms = settings.get("transforms", "auto")
        numbers = [str(part) for part in drawn(model, (SIZE, SIZE), given, transforms)]
        return [{name: str(value) for name, value in settings.items()}, numbers, *data]
    published = jaxviz.presets.named(climb.preset)
    settings = published.settings(size=SIZE, steps=climb.steps, model=model)
    optimizer = settings.pop("optimizer")
    settings["optimizer"] = optimizer and optimizer.record
    penalty = published.penalty_in(size=SIZE, steps=climb.steps, model=model)
    return [{name: str(value) for name, value in settings.items()}, str(penalty), data]
