"""Traits of any JSON value, which give out copies of what the user may set."""

from typing import Any, cast

import traitlets


class _Value(traitlets.Any):
    """A trait of any value; where None is allowed, traitlets asks no validator about it."""

    allow_none = False

    def get(self, obj: Any, cls: Any = None) -> Any:
        """Return the value, as a copy: what was changed in place and is then set would not be seen to be another."""
        return copied(super().get(obj, cls)) if self.metadata.get("both") else super().get(obj, cls)


def copied(value: Any) -> Any:
    """Return a value that the user may set as a new one, down to what it holds."""
    if isinstance(value, list):
        return [copied(part) for part in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: copied(part) for name, part in cast("dict[str, Any]", value).items()}
    return value


def trait(hint: Any, default: Any, *, both: bool = False) -> Any:
    """Return a synchronised trait; `hint` is the type of its JSON, for TypeScript."""
    made = _Value(default, read_only=not both)
    return made.tag(sync=True, hint=hint, both=both)
