"""The checker that `conftest.py` puts around every function of jaxviz while testing: shapes, nothing else.

Other types are pyright's to check, and bad values at the border are answered by jaxviz's own errors, which
the tests want to see. For the same reason constructors are left alone.
"""

from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray


def checked(function):
    """Return the function with the arrays that it takes and returns checked against their type hints."""
    if function.__name__ != "__init__":
        hints = function.__annotations__.items()
        function.__annotations__ = {name: hint for name, hint in hints if _has_array(hint)}
    else:
        function.__annotations__ = {}
    return beartype(function)


def _has_array(hint: Any) -> bool:
    is_array = isinstance(hint, type) and issubclass(hint, AbstractArray)
    return is_array or any(_has_array(part) for part in get_args(hint))
