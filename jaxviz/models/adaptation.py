"""What every framework adapter gives back, and the two things that several of them need."""

import contextlib
import dataclasses
import functools
import inspect
import itertools
import threading
from collections.abc import Callable, Generator
from typing import Any

import jax

_INFERENCE_ARGUMENTS: dict[str, bool] = {
    "train": False,
    "training": False,
    "is_training": False,
    "deterministic": True,
    "inference": True,
    "use_running_average": True,
    "eval_mode": True,
    "enable_dropout": False,
}

# Between a module's path and the serial number of its call, in the name of a scope.
CALL_MARK = "@@"

# Classes are patched while a model is traced; two threads must not undo each other's patches.
_patching = threading.RLock()


@dataclasses.dataclass(frozen=True)
class Adapted:
    """A model of some framework as a pure function.

    Attributes:
        function: `(weights, images [B, H, W, C]) -> array or pytree of arrays`, in inference mode.
        weights: A pytree of arrays.
        name: The name to show.
        root: The name scope that encloses the whole model, left out of layer names; '' for none.
        ignored_scopes: How scopes begin that only repeat the class of a module; '' for none.
    """

    function: Callable[[Any, jax.Array], Any]
    weights: Any
    name: str
    root: str = ""
    ignored_scopes: str = ""


def inference_arguments(call: Callable[..., Any]) -> dict[str, bool]:
    """Return the arguments that put a module's `__call__` into inference mode, as its signature names them."""
    try:
        parameters = inspect.signature(call).parameters
    except (TypeError, ValueError):
        return {}
    return {name: value for name, value in _INFERENCE_ARGUMENTS.items() if name in parameters}


@contextlib.contextmanager
def scoped_calls(classes: set[type], path_of: Callable[[Any], str | None]) -> Generator[None, None, None]:
    """Run every `__call__` of these classes inside a `jax.named_scope` of the module's path, while active.

    The scope also carries a serial number, so that two calls of one module in a row can be told apart.

    Args:
        classes: Classes of modules.
        path_of: Gives a module's path in the model ('' for the model itself), or None for a stranger.
    """
    stack: list[str] = []
    serial = itertools.count()

    def scoped(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(module: Any, *arguments: Any, **options: Any) -> Any:
            path = path_of(module)
            outer = stack[-1] if stack else ""
            # A class and its parent may both be patched: the inner call is then the same module again.
            if not path or path == outer:
                return original(module, *arguments, **options)
            relative = path.removeprefix(f"{outer}/") if outer else path
            stack.append(path)
            try:
                with jax.named_scope(f"{relative}{CALL_MARK}{next(serial)}"):
                    return original(module, *arguments, **options)
            finally:
                stack.pop()

        return call

    with _patching:
        originals = {cls: cls.__dict__["__call__"] for cls in classes if "__call__" in cls.__dict__}
        try:
            for cls, original in originals.items():
                setattr(cls, "__call__", scoped(original))  # noqa: B010 (pyright takes an assignment for a method override)
            yield
        finally:
            for cls, original in originals.items():
                setattr(cls, "__call__", original)  # noqa: B010


def with_parents(classes: set[type]) -> set[type]:
    """Return the classes with all their parents that define a `__call__` of their own."""
    return {parent for cls in classes for parent in cls.__mro__ if "__call__" in parent.__dict__ and parent is not type}
