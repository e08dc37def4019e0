"""The table of published settings: numbers, where they are from, and what is not as there."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from jaxviz import optimizers
from jaxviz.gradient_rules import redirected_relu
from jaxviz.parameterizations import fourier, phase_only, pixels
from jaxviz.presets import parts
from jaxviz.presets.base import Preset, Scene
from jaxviz.transforms import compose, distill_2017, jitter, lucid, lucid_noise, pad, rotate, scale, shift

# A step of `rate` along a gradient per unit of a pixel from 0 to 255 is this many times smaller for pixels from 0 to 1.
_SQUARED_255 = 255.0**2

_Part = TypeVar("_Part")
_PIXELS = functools.partial(pixels, decorrelated=False, squashed=False)


def _always(part: _Part) -> Callable[[Scene], _Part]:
    """Make of what every scene has alike what a preset takes."""
    return lambda _: part


_ERHAN = Preset(
    name="erhan_2009",
    source="Erhan, Bengio, Courville and Vincent 2009: the best image of bounded norm",
    differences=(
        "The report states no numbers for photographs: norm (a root mean square of 0.15), learning rate, size and "
        "steps are ours. Pixels are cut off at 0 and 1. It starts from faint normal noise and not from even."
    ),
    size=128,
    steps=256,
    inputs=("vector", "signal", "image", "volume"),
    parameterization=_PIXELS(standard_deviation=0.01),
    optimizer=parts.norm_bounded,
)
_SIMONYAN = replace(
    _ERHAN,
    name="simonyan_2013",
    source="Simonyan, Vedaldi and Zisserman 2013: the class score minus the squared length of the image",
    differences=(
        "The paper states no numbers: decay, learning rate, size and steps are ours. Grey 0.5 in place of the data's "
        "mean, about which the length is measured too. Pixels are cut off at 0 and 1."
    ),
    parameterization=_PIXELS(standard_deviation=0),
    optimizer=_always(optimizers.l2_decayed(decay=0.01, learning_rate=1)),
)

# Table 1 of Yosinski et al. 2015, for pixels from 0 to 255: the steps and the regularizers of each set.
_YOSINSKI: dict[str, tuple[int, dict[str, Any]]] = {
    "first": (500, {"progress": 2.0, "max": 100, "blur_pixels": 0.5, "blur_every": 4, "small_norm_percent": 50}),
    "second": (750, {"rate": 100, "decay": 0.3, "small_norm_percent": 20}),
    "third": (1000, {"rate": 100, "decay": 0.0001, "blur_pixels": 1.0, "blur_every": 4}),
    "fourth": (1000, {"progress": 2.0, "max": 1e8, "blur_pixels": 0.5, "blur_every": 4, "small_benefit_percent": 90}),
}


def _yosinski(number: int, ordinal: str) -> Preset:
    steps, printed = _YOSINSKI[ordinal]
    rates = {"rate": "learning_rate", "max": "max_learning_rate"}
    numbers = {rates.get(name, name): value / (_SQUARED_255 if name in rates else 1) for name, value in printed.items()}
    return Preset(
        name=f"dvt_{number}",
        source=f"Yosinski et al. 2015, Table 1, {ordinal} set; Deep Visualization Toolbox",
        differences=(
            "Grey 0.5 in place of the data's mean; numbers for pixels from 0 to 255 are converted; the last image is "
            "shown, not the best, and with its own contrast, where the code stretches it: "
            "`compare_presets(...).grid(contrast_percentile=0.5)`."
        ),
        size=227,
        steps=steps,
        inputs=("signal", "image", "volume"),
        parameterization=_PIXELS(standard_deviation=10 / 255),
        optimizer=_always(optimizers.yosinski(**numbers)),
    )


_EVERY_LUCID = "Random numbers are drawn for each image, and the transforms are one interpolation. "
_LUCID = Preset(
    name="lucid",
    source="lucid 0.3.10, `render_vis` as its code is",
    differences=(
        _EVERY_LUCID + "As in lucid the gradients of relu and relu6 are redirected for 17 steps; so are those of "
        "gelu, silu and their like, which lucid leaves alone. Its 512 steps are 513 there. lucid reads the value that "
        "is named, in its tutorials the one before a rectifier (`mixed4a_pre_relu`); here a layer is read before its "
        "rectifier unless `rectified=True`."
    ),
    size=128,
    steps=512,
    parameterization=fourier(),
    transforms=_always(lucid()),
    learning_rate=0.05,
    gradient_rules=(redirected_relu(steps=17),),
)
_DISTILL = replace(
    _LUCID,
    name="distill_2017",
    source="Olah, Mordvintsev and Schubert 2017, the footnote on its figures",
    differences=(
        _EVERY_LUCID + "The article does not state the size; this is lucid's. It says nothing of redirected gradients, "
        "which early versions of lucid did not have, and there are none; layers are read before their rectifiers."
    ),
    steps=2560,
    transforms=_always(distill_2017()),
    gradient_rules=(),
)
_LUCENT = replace(
    _LUCID,
    name="lucent",
    source="lucent 0.1.8, `render_vis`",
    differences=(
        _EVERY_LUCID + "Jitter is a crop, as in lucid, where lucent shifts and fills with zeros; nothing is enlarged "
        "to 224 pixels. lucent's `render_vis` redirects no gradients; its own InceptionV1 lets a tenth of them past "
        "every rectifier that is off, which is part of that network and not of the preset. Layers are read before "
        "their rectifiers."
    ),
    gradient_rules=(),
)
_CAPTUM = Preset(
    name="captum_wip",
    source="captum, branch optim-wip of 2022, `InputOptimization` and `NaturalImage`",
    differences=(
        "Its image is not divided by four, so that coefficients and learning rate are four times as large here: 0.08 "
        "and 0.1 for 0.02 and 0.025. Its own InceptionV1 lets a tenth of the gradients past rectifiers whose inputs "
        "sum to zero or less, which is part of that network and not of the preset. What scaling leaves free is "
        "mirrored, where captum enlarges or shrinks the canvas to 212 to 235 pixels."
    ),
    size=224,
    steps=512,
    parameterization=fourier(standard_deviation=0.08),
    transforms=_always(compose(scale(choices=[1, 0.975, 1.025, 0.95, 1.05]), pad(16, fill="reflect"), jitter(32))),
    learning_rate=0.1,
)
_TF_KERAS_VIS = Preset(
    name="tf_keras_vis",
    source="tf-keras-vis 0.8, `ActivationMaximization` as it is called without arguments",
    differences=(
        "Shift and rotation disturb what the model sees and not the picture itself, so that the picture does not "
        "wander; they are mirrored at the edges, where its jitter goes round, and by parts of a pixel, where that "
        "moves by whole ones. The model and the penalties see pixels cut off at 0 and 1; there the result alone is "
        "cut off. Weights of total variation and mean absolute value are for pixels from 0 to 255 there, and "
        "converted. The start is normal noise and not even."
    ),
    size=224,
    steps=200,
    parameterization=_PIXELS(standard_deviation=0.29),
    transforms=_always(compose(pad(0, fill="reflect"), shift(4), rotate(1))),
    penalty=parts.tf_keras_vis_penalty,
    optimizer=_always(optimizers.rmsprop(learning_rate=1 / 255, decay=0.999, epsilon=1e-7 * _SQUARED_255)),
)
_XPLIQUE = Preset(
    name="xplique",
    source="xplique 2.0, `optimize` with its standard transformations",
    differences=(
        "The crops that follow its scaling are enlarged instead, by as much; the blur is mirrored at the edges; the "
        "image is not stretched to the full range; Adam's epsilon is optax's 1e-8, where Keras has 1e-7."
    ),
    size=512,
    steps=256,
    parameterization=fourier(decay_power=0.85),
    transforms=parts.xplique_crops,
    learning_rate=0.05,
)

_EVERY_MACO = (
    "The magnitude is a formula and not ImageNet's mean (measure your own: `measure_magnitude`); crops are read "
    "bilinearly; noise is converted to pixels from 0 to 1; NAdam's momentum is 0.9 from the first step, where Keras "
    "and PyTorch begin with half of that, and its epsilon 1e-8, as PyTorch's, where Keras has 1e-7."
)
_MACO = Preset(
    name="maco",
    source="Fel et al. 2023, the settings that the paper states",
    differences=_EVERY_MACO + " Number and places of the crops are xplique's; phases start normally distributed.",
    size=512,
    steps=256,
    parameterization=phase_only(contrast=1, standardized=True),
    transforms=parts.maco_crops,
    optimizer=_always(optimizers.nadam(learning_rate=1.0)),
    transparency=True,
)
_MACO_XPLIQUE = replace(
    _MACO,
    name="maco_xplique",
    source="xplique 2.0, `maco`",
    differences=_EVERY_MACO,
    transforms=parts.maco_xplique_crops,
)
_MACO_HORAMA = replace(
    _MACO,
    name="maco_horama",
    source="Horama 0.3.0, `maco` as its code is",
    differences=_EVERY_MACO + " Its crops are read at twice the size and then made smaller.",
    size=1280,
    steps=1000,
    transforms=parts.maco_horama_crops,
)
_VITAL = Preset(
    name="vital",
    source="Görgün, Schiele and Fischer 2025, a public copy of its code for class neurons",
    differences=(
        "The authors' own repository was not at hand. For `vital_objective`, which needs real images and counts the "
        "class logits too, which that code leaves out. Nothing is flipped, as in its script; its code can. Shifts are "
        "mirrored at the edges, where its jitter goes round; channels have one deviation, 0.226, in place of "
        "ImageNet's three."
    ),
    size=224,
    steps=2000,
    parameterization=_PIXELS(standard_deviation=0.226),
    transforms=parts.vital_shifts,
    optimizer=parts.vital_adam,
)

_LUCID_NOISE = replace(
    _LUCID,
    name="lucid_noise",
    source="jaxviz: lucid's image and transforms, Gaussian noise of 0.1 before the model, no redirected gradients",
    differences="Nothing; it is defined here.",
    steps=256,
    transforms=_always(lucid_noise()),
    gradient_rules=(),
)
_PHASE_ONLY = replace(
    _LUCID_NOISE,
    name="phase_only",
    source="jaxviz: MaCo's free phases at the contrast of photographs, under lucid's transforms and noise",
    parameterization=phase_only(),
)

PUBLISHED: tuple[Preset, ...] = (
    _ERHAN,
    _SIMONYAN,
    *(_yosinski(number, ordinal) for number, ordinal in enumerate(_YOSINSKI, 1)),
    _DISTILL,
    _LUCID,
    _LUCENT,
    _CAPTUM,
    _TF_KERAS_VIS,
    _XPLIQUE,
    _MACO,
    _MACO_XPLIQUE,
    _MACO_HORAMA,
    _VITAL,
    _LUCID_NOISE,
    _PHASE_ONLY,
)
