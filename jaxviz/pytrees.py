"""Dataclasses of numbers that JAX never takes for one another.

`jax.tree_util.register_dataclass` makes trees of which JAX compares the fields and not the class (jax 0.10.2, and not
0.8.0): the structures of two classes with fields alike are equal, and only their hashes differ. The cache of `jax.jit`
compares few bits of a hash before it asks whether structures are equal, so about once in a hundred times a shift was
made by the program of a rotation, and a class that was defined anew in a notebook by that of its former self.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import jax

_Class = TypeVar("_Class", bound=type)


def registered(*, data_fields: Sequence[str], meta_fields: Sequence[str]) -> Callable[[_Class], _Class]:
    """Register a dataclass as `jax.tree_util.register_dataclass` does, and let its class be part of the structure.

    Args:
        data_fields: Fields that are numbers or hold them.
        meta_fields: Fields that are compiled in.

    Example:
        >>> import dataclasses
        >>> @registered(data_fields=["pixels"], meta_fields=[])
        ... @dataclasses.dataclass(frozen=True)
        ... class Shift:
        ...     pixels: float
        >>> jax.tree.map(lambda number: 2 * number, Shift(3.0))
        Shift(pixels=6.0)
    """

    def register(kind: _Class) -> _Class:
        def flatten(one: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            children = tuple([getattr(one, name) for name in data_fields])
            return children, (kind, *[getattr(one, name) for name in meta_fields])

        def flatten_with_keys(one: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            children, compiled_in = flatten(one)
            return tuple(zip(keys, children, strict=True)), compiled_in

        def unflatten(compiled_in: tuple[Any, ...], children: Iterable[Any]) -> Any:
            metas = zip(meta_fields, compiled_in[1:], strict=True)
            return kind(**dict(zip(data_fields, children, strict=True)), **dict(metas))

        keys = [jax.tree_util.GetAttrKey(name) for name in data_fields]
        jax.tree_util.register_pytree_with_keys(kind, flatten_with_keys, unflatten, flatten)
        return kind

    return register


class jit:  # noqa: N801 - as in jax
    """A function compiled by `jax.jit`, once for the classes of what it is given: users register theirs as they like.

    Args:
        function: Takes its arguments by position.
        static: Positions of arguments that are compiled in.
        donated: Positions of arguments whose memory is used up.
        **options: Of `jax.jit`.

    Example:
        >>> double = jit(lambda number: 2 * number)
        >>> int(double(4))
        8
    """

    def __init__(
        self, function: Callable[..., Any], *, static: Sequence[int] = (), donated: Sequence[int] = (), **options: Any
    ) -> None:
        def of_classes(classes: tuple[type, ...], *arguments: Any) -> Any:  # noqa: ARG001 - what is compiled for
            return function(*arguments)

        # The name is seen in profiles.
        of_classes.__name__ = getattr(function, "__name__", of_classes.__name__)
        self._static = static
        self._compiled: Any = jax.jit(
            of_classes,
            static_argnums=(0, *[position + 1 for position in static]),
            donate_argnums=tuple(position + 1 for position in donated),
            **options,
        )

    def __call__(self, *arguments: Any) -> Any:
        """Call the compiled function."""
        return self._compiled(self._classes(arguments), *arguments)

    def lower(self, *arguments: Any) -> Any:
        """Return what `jax.jit(...).lower` does; once compiled it takes the arguments that are not static."""
        return self._compiled.lower(self._classes(arguments), *arguments)

    def _classes(self, arguments: Sequence[Any]) -> tuple[type, ...]:
        return classes_in([argument for position, argument in enumerate(arguments) if position not in self._static])


def classes_in(tree: Any) -> tuple[type, ...]:
    """Return the classes of the nodes of a tree, in their order.

    Example:
        >>> classes_in({"a": (1, 2)}) == (dict, tuple)
        True
    """
    found: list[type] = []

    def visit(structure: Any) -> None:
        node = structure.node_data()
        if node is not None:
            found.append(node[0])
            for child in structure.children():
                visit(child)

    visit(cast(Any, jax.tree.structure(tree)))
    return tuple(found)
