"""What published presets make of a scene: transforms, penalties and optimizers that depend on size, model or steps."""

from typing import Any

import optax

from jaxviz import optimizers
from jaxviz.objectives import Objective, l1, total_variation
from jaxviz.presets.base import Scene
from jaxviz.transforms import (
    Transform,
    annealed,
    blur,
    closeup,
    compose,
    flip,
    jitter,
    noise,
    pad,
    scale,
    several_views,
    shift,
)


def xplique_crops(scene: Scene) -> Transform:
    """Return xplique 2.0's standard transformations, in units of a sixteenth of the picture."""
    unit = scene.size // 16
    return compose(
        pad(4 * unit, fill=0.0),
        *(jitter(units * unit) for units in (2, 2, 4, 4, 4)),
        scale(1, 24 / 23),
        jitter(unit),
        jitter(unit),
        flip(),
        blur(1.0, 1.1),
        closeup(1, 0, size=scene.seen),
    )


def maco_crops(scene: Scene) -> Transform:
    """Return the 32 crops of a step that MaCo's paper states, and its noise."""
    return several_views(compose(_crops(scene, 0.25, standard_deviation=0.1), noise(0, uniform=0.1)), count=32)


def maco_xplique_crops(scene: Scene) -> Transform:
    """Return the 32 crops of a step of xplique's MaCo, which shrink over the steps, and its noise."""
    wide, narrow = (_crops(scene, share, standard_deviation=0.05) for share in (0.5, 0.05))
    return several_views(compose(annealed(wide, narrow, steps=scene.steps), noise(0.04, uniform=0.02)), count=32)


def maco_horama_crops(scene: Scene) -> Transform:
    """Return the 6 crops of a step of Horama's MaCo, and its noise."""
    return several_views(compose(_crops(scene, 0.275, half_range=0.025), noise(0.01, uniform=0.005)), count=6)


def vital_shifts(scene: Scene) -> Transform:
    """Return VITAL's shifts, by whole pixels: up to 30 in 224. Others would blur what the model sees."""
    most = round(30 * scene.size / 224)
    return compose(pad(0, fill="reflect"), shift(choices=range(-most, most + 1)))


def tf_keras_vis_penalty(scene: Scene) -> Objective:
    """Return the regularizers of tf-keras-vis, for pixels from 0 to 255 there: total variation and 0.3 mean value."""
    return (255 / scene.numbers) * total_variation() + (0.3 * 255 / scene.numbers) * l1(0.0)


def norm_bounded(scene: Scene) -> optax.GradientTransformation:
    """Return ascent on the sphere of a root mean square of 0.15."""
    return optimizers.norm_bounded(norm=0.15 * scene.numbers**0.5, learning_rate=1)


def vital_adam(scene: Scene) -> optax.GradientTransformation:
    """Return VITAL's Adam: pixels kept in range, a rate that rises over 100 steps, or half of fewer, and then falls."""
    warmup = min(100, scene.steps // 2)
    falling = max(1, scene.steps - warmup)
    return optimizers.adam(
        learning_rate=0.226,
        mean_decay=0.5,
        square_decay=0.9,
        warmup_steps=warmup,
        cosine_steps=falling,
        bounded=True,
    )


def _crops(scene: Scene, share: float, **numbers: Any) -> Transform:
    return closeup(share, centre_deviation=0.15, size=scene.seen, **numbers)
