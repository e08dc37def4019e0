"""Random disturbances of an image, and their composition.

An image that keeps its score when it is moved, scaled and rotated shows what a unit looks for; one that does
not has found a quirk of the network's sampling. A transform is called with a key and one image in [0, 1].
"""

from collections.abc import Callable, Mapping
from typing import Any

from jaxviz.transforms.background import Background, background
from jaxviz.transforms.base import Transform
from jaxviz.transforms.blur import Blur, blur
from jaxviz.transforms.canvas import Crop, Jitter, Pad, crop, jitter, pad
from jaxviz.transforms.closeup import Closeup, closeup
from jaxviz.transforms.composition import Compose, Geometric, compose
from jaxviz.transforms.flip import Flip, flip
from jaxviz.transforms.gains import Gains, gains
from jaxviz.transforms.geometric import Rotate, Scale, Shift, rotate, scale, shift
from jaxviz.transforms.noise import Noise, noise
from jaxviz.transforms.presets import distill_2017, lucid, lucid_noise, ranges
from jaxviz.transforms.views import Annealed, Views, annealed, several_views

__all__ = [
    "Annealed",
    "Background",
    "Blur",
    "Closeup",
    "Compose",
    "Crop",
    "Flip",
    "Gains",
    "Geometric",
    "Jitter",
    "Noise",
    "Pad",
    "Rotate",
    "Scale",
    "Shift",
    "Transform",
    "Views",
    "annealed",
    "background",
    "blur",
    "closeup",
    "compose",
    "crop",
    "distill_2017",
    "flip",
    "from_json",
    "gains",
    "jitter",
    "lucid",
    "lucid_noise",
    "noise",
    "pad",
    "ranges",
    "rotate",
    "scale",
    "several_views",
    "shift",
]

_FACTORIES: dict[str, Callable[..., Transform]] = {
    "background": background,
    "blur": blur,
    "closeup": closeup,
    "crop": crop,
    "flip": flip,
    "gains": gains,
    "jitter": jitter,
    "noise": noise,
    "pad": pad,
    "rotate": rotate,
    "scale": scale,
    "shift": shift,
}


def from_json(record: Mapping[str, Any]) -> Transform:
    """Make the transform that `Transform.to_json` described.

    Args:
        record: `kind` names a factory of this module and the rest are its arguments; the kind `compose` has
            `transforms`.

    Raises:
        ValueError: the record describes no transform.

    Example:
        >>> from_json({"kind": "rotate", "max_degrees": 10})
        rotate(10)
        >>> from_json(lucid().to_json()) == lucid()
        True
    """
    arguments = dict(record)
    kind = arguments.pop("kind", None)
    try:
        if kind == Compose.kind:
            return compose(*(from_json(member) for member in arguments["transforms"]))
        if kind == Annealed.kind:
            return annealed(from_json(arguments["first"]), from_json(arguments["last"]), steps=arguments["steps"])
        if kind == Views.kind:
            return several_views(from_json(arguments["inner"]), count=arguments["count"])
        if kind in _FACTORIES:
            return _FACTORIES[kind](**arguments)
    except (KeyError, TypeError) as error:
        raise ValueError(f"This record of kind {kind!r} describes no transform: {error}.") from error
    known = ", ".join(sorted([*_FACTORIES, Annealed.kind, Compose.kind, Views.kind]))
    raise ValueError(f"Unknown kind of transform {kind!r}. Known kinds: {known}.")
