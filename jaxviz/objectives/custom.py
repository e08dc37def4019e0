"""An objective that is any function of activations."""

import importlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jaxviz.objectives.base import Activations, ClassNames, Image, Objective, Score, Shapes, Target
from jaxviz.objectives.values import Leaf, layer_name
from jaxviz.pytrees import registered
from jaxviz.results.plain import plain

Function = Callable[..., Any]


@registered(data_fields=["numbers"], meta_fields=["function", "layers", "rectified"])
@dataclass(frozen=True, eq=False, repr=False)
class Custom(Objective):
    """A user's function of activations; made by `custom`."""

    function: Function
    layers: tuple[str, ...]
    numbers: Leaf = ()
    rectified: bool = False
    kind = "custom"

    def targets(self) -> frozenset[Target]:
        """Return the layers."""
        return frozenset(Target(layer, self.rectified) for layer in self.layers)

    def score(self, activations: Activations, image: Image) -> Score:  # noqa: ARG002 - the activations only
        """Call the function."""
        read = [activations[Target(layer, self.rectified)] for layer in self.layers]
        result = jnp.asarray(self.function(*read, *self.numbers))
        if result.shape != ():
            raise ValueError(f"{_path(self.function)} returned an array of shape {result.shape}; a score has none.")
        return result.astype(jnp.float32)

    def check(self, shapes: Shapes) -> None:
        """Call the function on shapes alone, so that what is wrong with it is said before anything is compiled."""
        read = [jax.ShapeDtypeStruct(shapes[Target(layer, self.rectified)], jnp.float32) for layer in self.layers]

        def call(*activations: Any) -> Any:
            return self.function(*activations, *self.numbers)

        found = jax.eval_shape(call, *read)
        if getattr(found, "shape", None) != () or not jnp.issubdtype(found.dtype, jnp.floating):
            raise ValueError(
                f"{_path(self.function)} of {', '.join(self.layers)} returns {found}; return one number, such as the "
                "mean of an activation."
            )

    def label(self, class_names: ClassNames = ()) -> str:  # noqa: ARG002
        """Return the function's name, its layers and its numbers."""
        name, numbers = _plain_function(self.function).__name__, ", ".join(f"{plain(each):g}" for each in self.numbers)
        return f"{name} of {', '.join(self.layers)}" + (f" ({numbers})" if numbers else "")

    def to_json(self) -> dict[str, Any]:
        """Return plain data; the function is its module and name, by which `from_json` imports it."""
        return {
            "kind": self.kind,
            "function": _path(self.function),
            "layers": list(self.layers),
            "numbers": [plain(number) for number in self.numbers],
            "rectified": self.rectified,
        }

    def expression(self) -> str:
        """Return the call of `custom`, with the function by its module and name."""
        parts = [repr(_path(self.function)), repr(list(self.layers))]
        if self.numbers:
            parts.append(f"numbers={[plain(number) for number in self.numbers]}")
        if self.rectified:
            parts.append("rectified=True")
        return f"custom({', '.join(parts)})"


def custom(
    function: Function | str,
    layers: str | Sequence[str],
    *,
    numbers: Sequence[float] = (),
    rectified: bool = False,
) -> Custom:
    """Maximise any function of the activations of one layer or several.

    Args:
        function: `(activation, ..., number, ...) -> score`, in jax.numpy: for one image an activation of each layer,
            without the batch axis and with the channels last, and the numbers. Its name is the label. Or the module and
            name of such a function, as in `"my_package.scores:edges"`. A function that can be imported comes back from
            a recipe; another (a lambda, one defined in a notebook) climbs as well, but its recipe only names it.
        layers: names from `model.layers`.
        numbers: what the function needs beside; they are traced, so that objectives of one function that differ in
            their numbers share one compilation.
        rectified: on a rectifier's output, read the rectified value and not the one before it.

    Raises:
        ValueError: no function can be imported by this name, or there are no layers.

    Example:
        >>> def contrast(activation, first, second):
        ...     return activation[..., first].mean() - activation[..., second].mean()
        >>> custom(contrast, "block3", numbers=[3, 5]).label()
        'contrast of block3 (3, 5)'
    """
    names = (layers,) if isinstance(layers, str) else tuple(layers)
    if not names:
        raise ValueError("custom needs the name of a layer, or several.")
    found = _imported(function) if isinstance(function, str) else function
    if not callable(found):
        raise TypeError(f"{function!r} is no function; give one of activations, or 'module:name'.")
    # A whole number stays one, so that it can index; numbers of one kind share a program.
    kept = tuple(int(number) if isinstance(number, int | np.integer) else float(number) for number in numbers)
    return Custom(found, tuple(layer_name(name) for name in names), kept, bool(rectified))


def _imported(path: str) -> Function:
    module, _, name = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"The function {path!r} of a custom objective cannot be imported ({error}). Objectives of functions that "
            "live in a notebook have to be made again by hand: custom(function, layers)."
        ) from error
    return found


def _path(function: Function) -> str:
    function = _plain_function(function)
    return f"{function.__module__}:{function.__qualname__}"


def _plain_function(function: Any) -> Any:
    """Return what has a name: the function inside of decorators and `functools.partial`, or an object's class."""
    while isinstance(function, partial):
        function = function.func
    found = inspect.unwrap(function)
    return found if hasattr(found, "__qualname__") else cast(Any, type(found))
