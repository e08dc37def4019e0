"""Ascent as it was before Adam, and beside it: regularizers on the step or on the pixels, as optax transformations.

For `render(..., optimizer=...)`. The transformations of pixels go with `pixels(squashed=False, decorrelated=False)`,
whose variables are the image minus 0.5, as the methods before 2017 climbed it: zero is the mean grey, and to shrink
variables is to fade. Numbers of the sources that are for pixels from 0 to 255 are converted by whoever names a set of
them (`jaxviz.presets`), so that all numbers here are for images in [0, 1].

An optimizer made here says in a recipe what it is, and `from_json` makes it again. Other numbers compile nothing,
but for what decides how a step is computed: the memories of `adam` and `lbfgs`, what is switched on or off, and a blur
that looks twice as far or half as far.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jaxviz.optimizers.adaptive import adam, nadam, rmsprop
from jaxviz.optimizers.ascent import l2_decayed, lbfgs, norm_bounded, normalized
from jaxviz.optimizers.base import Recorded
from jaxviz.optimizers.regularized import blur_gradients, yosinski

__all__ = [
    "Recorded",
    "adam",
    "blur_gradients",
    "from_json",
    "l2_decayed",
    "lbfgs",
    "nadam",
    "norm_bounded",
    "normalized",
    "rmsprop",
    "yosinski",
]

_FACTORIES: dict[str, Callable[..., Recorded]] = {
    "adam": adam,
    "blur_gradients": blur_gradients,
    "l2_decayed": l2_decayed,
    "lbfgs": lbfgs,
    "nadam": nadam,
    "norm_bounded": norm_bounded,
    "normalized": normalized,
    "rmsprop": rmsprop,
    "yosinski": yosinski,
}


def from_json(record: Mapping[str, Any]) -> Recorded:
    """Make the optimizer that a `record` describes.

    A recipe's `adam` of which nothing but the learning rate is written is the one that `render` takes where none is
    given, and climbs to the same bits.

    Raises:
        ValueError: the record describes no optimizer of this module.

    Example:
        >>> from_json({"kind": "normalized", "learning_rate": 0.1}).record
        {'kind': 'normalized', 'learning_rate': 0.1}
    """
    arguments = dict(record)
    kind = arguments.pop("kind", None)
    if kind not in _FACTORIES:
        raise ValueError(f"Unknown kind of optimizer {kind!r}. Known kinds: {', '.join(_FACTORIES)}.")
    try:
        made = _FACTORIES[kind](**arguments)
        if kind == "adam" and arguments.keys() == {"learning_rate"}:
            made.record = {"kind": kind, "learning_rate": float(arguments["learning_rate"])}
        return made
    except TypeError as error:
        raise ValueError(f"This record of kind {kind!r} describes no optimizer: {error}.") from error
