"""The table of published settings: numbers, where they are from, and what is not as there."""

import functools
from typing import Any

import optax

from jaxviz import optimizers
from jaxviz.objectives import l1, total_variation
from jaxviz.parameterizations import fourier, phase_only, pixels
from jaxviz.presets.base import Preset, Scene
from jaxviz.transforms import (
    Transform,
    annealed,
    blur,
    closeup,
    compose,
    distill_2017,
    flip,
    jitter,
    lucid,
    lucid_noise,
    noise,
    pad,
    rotate,
    scale,
    several_views,
    shift,
)

# A step of `rate` along a gradient per unit of a pixel from 0 to 255 is this many times smaller for pixels from 0 to 1.
_SQUARED_255 = 255.0**2

_PIXELS = functools.partial(pixels, decorrelated=False, squashed=False)
_MACO = phase_only(contrast=1, standardized=True)


def _xplique(scene: Scene) -> Transform:
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


def _crops(scene: Scene, share: float, **numbers: Any) -> Transform:
    return closeup(share, centre_deviation=0.15, size=scene.seen, **numbers)


def _maco(scene: Scene) -> Transform:
    return several_views(compose(_crops(scene, 0.25, standard_deviation=0.1), noise(0, uniform=0.1)), count=32)


def _maco_xplique(scene: Scene) -> Transform:
    wide, narrow = (_crops(scene, share, standard_deviation=0.05) for share in (0.5, 0.05))
    return several_views(compose(annealed(wide, narrow, steps=scene.steps), noise(0.04, uniform=0.02)), count=32)


def _maco_horama(scene: Scene) -> Transform:
    return several_views(compose(_crops(scene, 0.275, half_range=0.025), noise(0.01, uniform=0.005)), count=6)


def _nadam(_: Scene) -> optax.GradientTransformation:
    return optimizers.nadam(learning_rate=1.0)


def _norm_bounded(scene: Scene) -> optax.GradientTransformation:
    return optimizers.norm_bounded(norm=0.15 * scene.numbers**0.5, learning_rate=1)


def _vital(scene: Scene) -> optax.GradientTransformation:
    warmup = min(100, scene.steps // 2)
    falling = max(1, scene.steps - warmup)
    return optimizers.adam(
        learning_rate=0.226, mean_decay=0.5, square_decay=0.9, warmup_steps=warmup, cosine_steps=falling
    )


_EVERY_LUCID = (
    "Random numbers are drawn for each image, the transforms are one interpolation, and the objective reads the value "
    "before a rectifier in place of redirecting the rectifier's gradient."
)
_EVERY_MACO = (
    "The magnitude is a formula and not ImageNet's mean (measure your own: `measure_magnitude`); crops are read "
    "bilinearly; noise is converted to pixels from 0 to 1."
)
_EVERY_YOSINSKI = (
    "Grey 0.5 in place of the data's mean; pixels are cut off at 0 and 1; numbers for pixels from 0 to 255 are "
    "converted; the last image is shown, not the best, and with its own contrast, where the code stretches it: "
    "`grid(contrast_percentile=0.5)`."
)


def _yosinski(number: int, ordinal: str, steps: int, **numbers: Any) -> Preset:
    return Preset(
        name=f"dvt_{number}",
        source=f"Yosinski et al. 2015, Table 1, {ordinal} set; Deep Visualization Toolbox",
        differences=_EVERY_YOSINSKI,
        size=227,
        steps=steps,
        parameterization=_PIXELS(standard_deviation=10 / 255),
        optimizer=lambda _: optimizers.yosinski(**numbers),
    )


PUBLISHED: tuple[Preset, ...] = (
    Preset(
        name="erhan_2009",
        source="Erhan, Bengio, Courville and Vincent 2009: the best image of bounded norm",
        differences=(
            "The report states no numbers for photographs: norm (a root mean square of 0.15), learning rate, size and "
            "steps are ours. It starts from faint normal noise and not from even."
        ),
        size=128,
        steps=256,
        parameterization=_PIXELS(standard_deviation=0.01),
        optimizer=_norm_bounded,
    ),
    Preset(
        name="simonyan_2013",
        source="Simonyan, Vedaldi and Zisserman 2013: the class score minus the squared length of the image",
        differences=(
            "The paper states no numbers: decay, learning rate, size and steps are ours. Grey 0.5 in place of the "
            "data's mean, about which the length is measured too."
        ),
        size=128,
        steps=256,
        parameterization=_PIXELS(standard_deviation=0),
        optimizer=lambda _: optimizers.l2_decayed(decay=0.01, learning_rate=1),
    ),
    _yosinski(
        1,
        "first",
        500,
        progress=2.0,
        max_learning_rate=100 / _SQUARED_255,
        blur_pixels=0.5,
        blur_every=4,
        small_norm_percent=50,
    ),
    _yosinski(2, "second", 750, learning_rate=100 / _SQUARED_255, decay=0.3, small_norm_percent=20),
    _yosinski(3, "third", 1000, learning_rate=100 / _SQUARED_255, decay=0.0001, blur_pixels=1.0, blur_every=4),
    _yosinski(
        4,
        "fourth",
        1000,
        progress=2.0,
        max_learning_rate=1e8 / _SQUARED_255,
        blur_pixels=0.5,
        blur_every=4,
        small_benefit_percent=90,
    ),
    Preset(
        name="distill_2017",
        source="Olah, Mordvintsev and Schubert 2017, the footnote on its figures",
        differences=_EVERY_LUCID + " The article does not state the size; this is lucid's.",
        size=128,
        steps=2560,
        parameterization=fourier(),
        transforms=lambda _: distill_2017(),
        learning_rate=0.05,
    ),
    Preset(
        name="lucid",
        source="lucid 0.3.10, `render_vis` as its code is",
        differences=_EVERY_LUCID,
        size=128,
        steps=512,
        parameterization=fourier(),
        transforms=lambda _: lucid(),
        learning_rate=0.05,
    ),
    Preset(
        name="lucent",
        source="lucent 0.1.8, `render_vis`",
        differences=(
            _EVERY_LUCID + " Jitter is a crop, as in lucid, where lucent shifts and fills with zeros; nothing is "
            "enlarged to 224 pixels."
        ),
        size=128,
        steps=512,
        parameterization=fourier(),
        transforms=lambda _: lucid(),
        learning_rate=0.05,
    ),
    Preset(
        name="captum_wip",
        source="captum, branch optim-wip of 2022, `InputOptimization` and `NaturalImage`",
        differences=(
            "Its image is not divided by four, so that coefficients and learning rate are four times as large here: "
            "0.08 and 0.1 for 0.02 and 0.025."
        ),
        size=224,
        steps=512,
        parameterization=fourier(standard_deviation=0.08),
        transforms=lambda _: compose(scale(choices=[1, 0.975, 1.025, 0.95, 1.05]), jitter(16)),
        learning_rate=0.1,
    ),
    Preset(
        name="tf_keras_vis",
        source="tf-keras-vis 0.8, `ActivationMaximization` as it is called without arguments",
        differences=(
            "Shift and rotation disturb what the model sees and not the picture itself, so that the picture does not "
            "wander; they are mirrored at the edges, where its jitter goes round. Weights of total variation and mean "
            "absolute value are for pixels from 0 to 255 there, and converted. The start is normal noise and not even."
        ),
        size=224,
        steps=200,
        parameterization=_PIXELS(standard_deviation=0.29),
        transforms=lambda _: compose(pad(0, fill="reflect"), shift(4), rotate(1)),
        penalty=lambda scene: (255 / scene.numbers) * total_variation() + (0.3 * 255 / scene.numbers) * l1(0.0),
        optimizer=lambda _: optimizers.rmsprop(learning_rate=1 / 255, decay=0.999, epsilon=1e-7 * _SQUARED_255),
    ),
    Preset(
        name="xplique",
        source="xplique 2.0, `optimize` with its standard transformations",
        differences=(
            "The crops that follow its scaling are enlarged instead, by as much; the blur is mirrored at the edges; "
            "the image is not stretched to the full range."
        ),
        size=512,
        steps=256,
        parameterization=fourier(decay_power=0.85),
        transforms=_xplique,
        learning_rate=0.05,
    ),
    Preset(
        name="maco",
        source="Fel et al. 2023, the settings that the paper states",
        differences=_EVERY_MACO + " Number and places of the crops are xplique's; phases start normally distributed.",
        size=512,
        steps=256,
        parameterization=_MACO,
        transforms=_maco,
        optimizer=_nadam,
        transparency=True,
    ),
    Preset(
        name="maco_xplique",
        source="xplique 2.0, `maco`",
        differences=_EVERY_MACO,
        size=512,
        steps=256,
        parameterization=_MACO,
        transforms=_maco_xplique,
        optimizer=_nadam,
        transparency=True,
    ),
    Preset(
        name="maco_horama",
        source="Horama 0.3.0, `maco` as its code is",
        differences=_EVERY_MACO + " Its crops are read at twice the size and then made smaller.",
        size=1280,
        steps=1000,
        parameterization=_MACO,
        transforms=_maco_horama,
        optimizer=_nadam,
        transparency=True,
    ),
    Preset(
        name="vital",
        source="Görgün, Schiele and Fischer 2025, the authors' code for class neurons",
        differences=(
            "For `vital_objective`, which needs real images. Shifts are mirrored at the edges, where its jitter goes "
            "round; channels have one deviation, 0.226, in place of ImageNet's three; pixels are cut off at 0 and 1."
        ),
        size=224,
        steps=2000,
        parameterization=_PIXELS(standard_deviation=0.226),
        transforms=lambda scene: compose(pad(0, fill="reflect"), shift(30 * scene.size / 224), flip()),
        optimizer=_vital,
    ),
    Preset(
        name="lucid_noise",
        source="jaxviz: lucid's settings and Gaussian noise of 0.1 before the model",
        differences="Nothing; it is defined here.",
        size=128,
        steps=256,
        parameterization=fourier(),
        transforms=lambda _: lucid_noise(),
        learning_rate=0.05,
    ),
    Preset(
        name="phase_only",
        source="jaxviz: MaCo's free phases at the contrast of photographs, under lucid's transforms and noise",
        differences="Nothing; it is defined here.",
        size=128,
        steps=256,
        parameterization=phase_only(),
        transforms=lambda _: lucid_noise(),
        learning_rate=0.05,
    ),
)
