"""Free variables -> image, as pairs of pure functions."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxviz.parameterizations.base import Parameterization
from jaxviz.parameterizations.colour import decorrelated_to_rgb
from jaxviz.parameterizations.fourier import Fourier, Spectrum, fourier
from jaxviz.parameterizations.pixels import Pixels, pixels

__all__ = [
    "Fourier",
    "Parameterization",
    "Pixels",
    "Spectrum",
    "decorrelated_to_rgb",
    "fourier",
    "from_json",
    "pixels",
]

_FACTORIES: dict[str, Callable[..., Parameterization]] = {"fourier": fourier, "pixels": pixels}


def from_json(record: Mapping[str, Any]) -> Parameterization:
    """Make the parameterization that `Parameterization.to_json` described."""
    fields = dict(record)
    kind = fields.pop("kind", None)
    if kind not in _FACTORIES:
        raise ValueError(f"Unknown kind of parameterization {kind!r}. Known: {', '.join(sorted(_FACTORIES))}.")
    return _FACTORIES[kind](**fields)
