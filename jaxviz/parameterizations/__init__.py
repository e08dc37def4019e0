"""How an image is drawn: free variables -> image, as pairs of pure functions `init` and `to_image`.

What an optimizer finds depends on the variables that it moves: the same objective climbed from pixels gives
noise, and from the coefficients of `fourier` a picture.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jaxviz.parameterizations.base import Parameterization
from jaxviz.parameterizations.colour import decorrelated_to_rgb, measure_colours
from jaxviz.parameterizations.cppn import Cppn, cppn
from jaxviz.parameterizations.fourier import Fourier, Spectrum, fourier
from jaxviz.parameterizations.magnitude import measure_magnitude, tabulate_magnitude
from jaxviz.parameterizations.phase_only import PhaseOnly, Phases, phase_only
from jaxviz.parameterizations.pixels import Pixels, pixels
from jaxviz.parameterizations.pyramid import LaplacianPyramid, laplacian_pyramid
from jaxviz.parameterizations.several import Several, several
from jaxviz.parameterizations.transparent import Transparent, transparent
from jaxviz.parameterizations.wrappers import Grayscale, StartingFrom, grayscale, starting_from

__all__ = [
    "Cppn",
    "Fourier",
    "Grayscale",
    "LaplacianPyramid",
    "Parameterization",
    "PhaseOnly",
    "Phases",
    "Pixels",
    "Several",
    "Spectrum",
    "StartingFrom",
    "Transparent",
    "cppn",
    "decorrelated_to_rgb",
    "fourier",
    "from_json",
    "grayscale",
    "laplacian_pyramid",
    "measure_colours",
    "measure_magnitude",
    "phase_only",
    "pixels",
    "several",
    "starting_from",
    "tabulate_magnitude",
    "transparent",
]

_FACTORIES: dict[str, Callable[..., Parameterization]] = {
    "cppn": cppn,
    "fourier": fourier,
    "grayscale": grayscale,
    "laplacian_pyramid": laplacian_pyramid,
    "phase_only": phase_only,
    "pixels": pixels,
    "several": several,
    "starting_from": starting_from,
    "transparent": transparent,
}


def from_json(record: Mapping[str, Any]) -> Parameterization:
    """Make the parameterization that `Parameterization.to_json` described.

    Args:
        record: `kind` names a factory of this module and the rest are its arguments.

    Raises:
        ValueError: the record describes no parameterization.

    Example:
        >>> from_json({"kind": "fourier", "decay_power": 1.5})
        fourier(decay_power=1.5)
    """
    arguments = dict(record)
    kind = arguments.pop("kind", None)
    if kind not in _FACTORIES:
        raise ValueError(f"Unknown kind of parameterization {kind!r}. Known kinds: {', '.join(_FACTORIES)}.")
    if "inner" in arguments:
        arguments["inner"] = from_json(arguments["inner"])
    try:
        return _FACTORIES[kind](**arguments)
    except TypeError as error:
        raise ValueError(f"This record of kind {kind!r} describes no parameterization: {error}.") from error
