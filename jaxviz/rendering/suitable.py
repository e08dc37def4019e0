"""What suits a model where the user says nothing: size, parameterization, transforms, learning rate.

Images have settings by the model's family, found by measurement (docs/quality.md). Signals and volumes are rendered at
the model's own size, moved a little along every axis, with waves that have equal shares in every octave; vectors within
their bounds, undisturbed.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from jaxviz.models import Model
from jaxviz.parameterizations import (
    Fourier,
    LaplacianPyramid,
    Parameterization,
    PhaseOnly,
    Pixels,
    Several,
    StartingFrom,
    Transparent,
    fourier,
    phase_only,
    pixels,
    tabulate_magnitude,
)
from jaxviz.results import Settings, Statistics
from jaxviz.results.settings import BORDER_PIXELS
from jaxviz.results.statistics import LEAST_LENGTH
from jaxviz.transforms import Transform, compose, pad, ranges, several_views, shift
from jaxviz.transforms.canvas import with_data_mean

# Enough against aliasing; more averages away what a unit of signals hears, whose periods are a few samples.
_MOST_SHIFT, _SHIFTED_SHARE = 2.0, 1 / 20

# Of the strongest wave: what the table of magnitudes, which holds no zeros, says of a component without waves.
_NO_WAVES = 1e-9


class Suitable(NamedTuple):
    """What suits a model.

    Attributes:
        parameterization: How variables make an image.
        transform: How it is disturbed, if that is left to us.
        learning_rate: Of Adam, for the parameterization.
    """

    parameterization: Parameterization
    transform: Transform
    learning_rate: float


def suitable(model: Model, extents: tuple[int, ...], *, automatic: bool, quick: bool = False) -> Suitable:
    """Return what suits a model.

    Args:
        model: What is rendered.
        extents: Height and width that are rendered; of another input as many numbers as it has axes of positions.
        automatic: Whether the transforms are left to us; otherwise the parameterization and the rate are the usual.
        quick: Whether a step makes do with one view of an image, whatever suits the family.
    """
    axes = len(extents)
    if axes == 0:
        return Suitable(pixels(squashed=False), compose(), Settings().learning_rate)
    if axes != 2:
        greatest = min(_MOST_SHIFT, min(extents) * _SHIFTED_SHARE)
        # The power at which every octave of waves moves as much, as 1 is of images.
        border = () if model.data is None else (pad(0, fill="data"),)
        return Suitable(fourier(decay_power=axes / 2), compose(*border, shift(greatest)), Settings().learning_rate)
    if not automatic:
        return Suitable(fourier(), compose(), Settings().learning_rate)
    return by_settings(model, Settings.for_family(model.family, quick=quick))


def by_settings(model: Model, settings: Settings) -> Suitable:
    """Return what settings say, for images of a model."""
    transform = ranges(
        max_shift_pixels=settings.max_shift_pixels,
        scale_range=settings.scale_range,
        max_degrees=settings.max_degrees,
        noise=settings.noise,
        gain_range=settings.gain_range,
        border_pixels=border_pixels(model),
    )
    transform = several_views(transform, count=settings.views) if settings.views > 1 else transform
    return Suitable(fourier(decay_power=settings.decay_power), transform, settings.learning_rate)


def suitable_size(model: Model) -> tuple[int, ...]:
    """Return the height and width of a picture where nothing is said, or whatever extents the inputs have."""
    if model.input_name != "image" or model.family == "tiny" or model.takes_one_size:
        return model.input_shape[:-1]
    return Settings().size, Settings().size


def border_pixels(model: Model) -> int:
    """Return the border that disturbs a picture where nothing is said: none before a network that takes one size."""
    return 0 if model.family == "tiny" or model.takes_one_size else BORDER_PIXELS


def completed(parameterization: Parameterization, data: Statistics | None) -> Parameterization:
    """Return a parameterization with what the user left open filled from the model's data.

    Decorrelated colours without a matrix of their own get the data's; `phase_only` without numbers of its own gets the
    data's magnitude and colours. What was said stands.

    Args:
        parameterization: As the user gave it.
        data: What was measured, or None.
    """
    if data is None or data.spectrum is None:
        return parameterization
    if isinstance(parameterization, Several | StartingFrom | Transparent):
        return dataclasses.replace(parameterization, inner=completed(parameterization.inner, data))
    if isinstance(parameterization, PhaseOnly):
        return _with_magnitude(parameterization, data)
    if not isinstance(parameterization, Fourier | Pixels | LaplacianPyramid) or data.colours is None:
        return parameterization
    is_open = parameterization.decorrelated and parameterization.colours is None
    return dataclasses.replace(parameterization, colours=data.colours) if is_open else parameterization


def filled(transform: Transform, data: Statistics | None) -> Transform:
    """Return a transform whose open borders have the mean of the model's data, or grey 0.5 where there are none."""
    return with_data_mean(transform, None if data is None else data.mean)


def _with_magnitude(parameterization: PhaseOnly, data: Statistics) -> PhaseOnly:
    usual = phase_only(contrast=parameterization.contrast, standardized=parameterization.standardized)
    if parameterization != usual or data.spectrum is None:
        return parameterization
    # What is found along a component that never varies, or from image to image only, is rounding noise; its inverse
    # column makes it as strong as you like. How strong the waves are is told in the image.
    waves = data.spectrum.reshape(-1, data.spectrum.shape[-1])[1:]
    lengths = 1.0 if data.colours is None else np.linalg.norm(data.colours, axis=0)
    strength = lengths * np.sqrt(np.square(waves).mean(0))
    varies = strength > 1.001 * LEAST_LENGTH * strength.max()
    table = tabulate_magnitude(np.where(varies, data.spectrum, _NO_WAVES * (waves.max() or 1.0)), width=data.width)
    return phase_only(
        contrast=parameterization.contrast,
        standardized=parameterization.standardized,
        magnitude=table,
        colours=data.colours,
    )
