"""Feature visualization for JAX: what a layer, a channel, a neuron or a class looks for.

This module is the public table and nothing else. Every name is imported when it is first used, so
`import jaxviz` loads neither jax nor a framework, and a notebook widget only when one is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxviz import charts as charts
    from jaxviz import evidence as evidence
    from jaxviz import gradient_rules as gradient_rules
    from jaxviz import objectives as objectives
    from jaxviz import optimizers as optimizers
    from jaxviz import parameterizations as parameterizations
    from jaxviz import presets as presets
    from jaxviz import transforms as transforms
    from jaxviz.models import Layer as Layer
    from jaxviz.models import LayerTable as LayerTable
    from jaxviz.models import Model as Model
    from jaxviz.models import joint as joint
    from jaxviz.models import load as load
    from jaxviz.models import wrap as wrap
    from jaxviz.objectives import alignment as alignment
    from jaxviz.objectives import caricature as caricature
    from jaxviz.objectives import channel as channel
    from jaxviz.objectives import class_logit as class_logit
    from jaxviz.objectives import class_probability as class_probability
    from jaxviz.objectives import custom as custom
    from jaxviz.objectives import deepdream as deepdream
    from jaxviz.objectives import direction as direction
    from jaxviz.objectives import distribution as distribution
    from jaxviz.objectives import diversity as diversity
    from jaxviz.objectives import group as group
    from jaxviz.objectives import interpolation as interpolation
    from jaxviz.objectives import inversion as inversion
    from jaxviz.objectives import l1 as l1
    from jaxviz.objectives import l2 as l2
    from jaxviz.objectives import measure_distribution as measure_distribution
    from jaxviz.objectives import neuron as neuron
    from jaxviz.objectives import opacity as opacity
    from jaxviz.objectives import random_direction as random_direction
    from jaxviz.objectives import token as token
    from jaxviz.objectives import total_variation as total_variation
    from jaxviz.parameterizations import cppn as cppn
    from jaxviz.parameterizations import fourier as fourier
    from jaxviz.parameterizations import grayscale as grayscale
    from jaxviz.parameterizations import laplacian_pyramid as laplacian_pyramid
    from jaxviz.parameterizations import measure_colours as measure_colours
    from jaxviz.parameterizations import measure_magnitude as measure_magnitude
    from jaxviz.parameterizations import phase_only as phase_only
    from jaxviz.parameterizations import pixels as pixels
    from jaxviz.parameterizations import several as several
    from jaxviz.parameterizations import starting_from as starting_from
    from jaxviz.parameterizations import transparent as transparent
    from jaxviz.presets import compare_presets as compare_presets
    from jaxviz.rendering import Plateau as Plateau
    from jaxviz.rendering import render as render
    from jaxviz.rendering import render_steps as render_steps
    from jaxviz.results import Recipe as Recipe
    from jaxviz.results import Rendering as Rendering
    from jaxviz.results import Settings as Settings
    from jaxviz.results import Snapshot as Snapshot
    from jaxviz.spectrum import ActivationSpectrum as ActivationSpectrum
    from jaxviz.spectrum import activation_spectrum as activation_spectrum
    from jaxviz.widgets import Bench as Bench
    from jaxviz.widgets import Explorer as Explorer
    from jaxviz.widgets import LayerGrid as LayerGrid
    from jaxviz.widgets import RenderProgress as RenderProgress
    from jaxviz.widgets import UnitView as UnitView
    from jaxviz.widgets import explore as explore

    __version__: str

# Public name -> the module that defines it; a name that maps to itself is that submodule.
_MODULE_OF = {
    "ActivationSpectrum": "jaxviz.spectrum",
    "Bench": "jaxviz.widgets",
    "Explorer": "jaxviz.widgets",
    "Layer": "jaxviz.models",
    "LayerGrid": "jaxviz.widgets",
    "LayerTable": "jaxviz.models",
    "Model": "jaxviz.models",
    "Plateau": "jaxviz.rendering",
    "Recipe": "jaxviz.results",
    "RenderProgress": "jaxviz.widgets",
    "Rendering": "jaxviz.results",
    "Settings": "jaxviz.results",
    "Snapshot": "jaxviz.results",
    "UnitView": "jaxviz.widgets",
    "activation_spectrum": "jaxviz.spectrum",
    "alignment": "jaxviz.objectives",
    "caricature": "jaxviz.objectives",
    "channel": "jaxviz.objectives",
    "charts": "jaxviz.charts",
    "class_logit": "jaxviz.objectives",
    "class_probability": "jaxviz.objectives",
    "compare_presets": "jaxviz.presets",
    "cppn": "jaxviz.parameterizations",
    "custom": "jaxviz.objectives",
    "deepdream": "jaxviz.objectives",
    "direction": "jaxviz.objectives",
    "distribution": "jaxviz.objectives",
    "diversity": "jaxviz.objectives",
    "evidence": "jaxviz.evidence",
    "explore": "jaxviz.widgets",
    "fourier": "jaxviz.parameterizations",
    "gradient_rules": "jaxviz.gradient_rules",
    "grayscale": "jaxviz.parameterizations",
    "group": "jaxviz.objectives",
    "interpolation": "jaxviz.objectives",
    "inversion": "jaxviz.objectives",
    "joint": "jaxviz.models",
    "l1": "jaxviz.objectives",
    "l2": "jaxviz.objectives",
    "laplacian_pyramid": "jaxviz.parameterizations",
    "load": "jaxviz.models",
    "measure_colours": "jaxviz.parameterizations",
    "measure_distribution": "jaxviz.objectives",
    "measure_magnitude": "jaxviz.parameterizations",
    "neuron": "jaxviz.objectives",
    "objectives": "jaxviz.objectives",
    "opacity": "jaxviz.objectives",
    "optimizers": "jaxviz.optimizers",
    "parameterizations": "jaxviz.parameterizations",
    "phase_only": "jaxviz.parameterizations",
    "pixels": "jaxviz.parameterizations",
    "presets": "jaxviz.presets",
    "random_direction": "jaxviz.objectives",
    "render": "jaxviz.rendering",
    "render_steps": "jaxviz.rendering",
    "several": "jaxviz.parameterizations",
    "starting_from": "jaxviz.parameterizations",
    "token": "jaxviz.objectives",
    "total_variation": "jaxviz.objectives",
    "transforms": "jaxviz.transforms",
    "transparent": "jaxviz.parameterizations",
    "wrap": "jaxviz.models",
}

__all__ = [
    "ActivationSpectrum",
    "Bench",
    "Explorer",
    "Layer",
    "LayerGrid",
    "LayerTable",
    "Model",
    "Plateau",
    "Recipe",
    "RenderProgress",
    "Rendering",
    "Settings",
    "Snapshot",
    "UnitView",
    "__version__",
    "activation_spectrum",
    "alignment",
    "caricature",
    "channel",
    "charts",
    "class_logit",
    "class_probability",
    "compare_presets",
    "cppn",
    "custom",
    "deepdream",
    "direction",
    "distribution",
    "diversity",
    "evidence",
    "explore",
    "fourier",
    "gradient_rules",
    "grayscale",
    "group",
    "interpolation",
    "inversion",
    "joint",
    "l1",
    "l2",
    "laplacian_pyramid",
    "load",
    "measure_colours",
    "measure_distribution",
    "measure_magnitude",
    "neuron",
    "objectives",
    "opacity",
    "optimizers",
    "parameterizations",
    "phase_only",
    "pixels",
    "presets",
    "random_direction",
    "render",
    "render_steps",
    "several",
    "starting_from",
    "token",
    "total_variation",
    "transforms",
    "transparent",
    "wrap",
]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("jaxviz-features")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+source"


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = _version()
    elif name in _MODULE_OF:
        module = import_module(_MODULE_OF[name])
        value = module if module.__name__ == f"jaxviz.{name}" else getattr(module, name)
    else:
        raise AttributeError(f"module 'jaxviz' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
