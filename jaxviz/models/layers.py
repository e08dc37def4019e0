"""The layers of a model: what each one is, and a table of them that can be searched."""

import dataclasses
import difflib
import fnmatch
import html
from collections.abc import Iterable, Iterator, Sequence
from typing import overload


@dataclasses.dataclass(frozen=True)
class Layer:
    """A named activation of a model, for one image at the model's own input size.

    Attributes:
        name: Path of the module, or of an operation in it: `stage3/block1/conv`, `stage3/block1/relu`.
        kind: What made it: `conv`, `depthwise conv`, `dense`, `norm`, `relu`, `max pool`, `add`, …
        shape: Its shape without the batch, channels last: `(rows, columns, channels)` for an image layer.
        units: Number of channels.
        parameters: Number of weights used between the layers before it and this one.
        flops: Floating-point operations between the layers before it and this one, for one image.
        receptive_field: Input pixels that one position sees, for each spatial dimension (rows, columns). It may be
            larger than the image; a layer that sees all of it has the image's size.
        stride: Input pixels from one position to the next, or None where one position sees the whole image.
        offset: First input pixel that position 0 sees; negative where it sees padding. None like `stride`.
        aliases: Other names of the same activation, such as the module whose output it is.
        value: Number of the value in the model's own program.
        batch_axis: Where the batch axis lies in the traced value.
        channel_axis: Where the channel axis lies in the traced value.

    Example:
        >>> import jaxviz
        >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(4, 6, 3))
        >>> layer = model.layers["mean"]
        >>> layer.kind, layer.units, layer.receptive_field
        ('mean', 3, (4, 6))
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    units: int
    parameters: int
    flops: int
    receptive_field: tuple[int, ...]
    stride: tuple[float | None, ...]
    offset: tuple[float | None, ...]
    aliases: tuple[str, ...] = ()
    value: int = dataclasses.field(default=-1, repr=False)
    batch_axis: int = dataclasses.field(default=0, repr=False)
    channel_axis: int = dataclasses.field(default=-1, repr=False)


class LayerTable(Sequence[Layer]):
    """An ordered table of layers.

    Index it by position, by slice, by a layer's name or alias, or by a pattern with `*` and `?`, which gives a table.

    Example:
        >>> from jaxviz.models import Layer, LayerTable
        >>> conv = Layer("stem/conv", "conv", (8, 8, 4), 4, 112, 13824, (3, 3), (1, 1), (-1, -1))
        >>> relu = Layer("stem/relu", "relu", (8, 8, 4), 4, 0, 256, (3, 3), (1, 1), (-1, -1), ("stem",))
        >>> layers = LayerTable([conv, relu], model="Tiny")
        >>> layers["stem"].name, len(layers["stem/*"]), layers[-1].kind
        ('stem/relu', 2, 'relu')
        >>> layers["stem/konv"]
        Traceback (most recent call last):
        KeyError: "Unknown layer 'stem/konv' in model 'Tiny'. Did you mean 'stem/conv' ...
    """

    def __init__(self, layers: Iterable[Layer], *, model: str = "model") -> None:
        self._layers = tuple(layers)
        self._model = model
        self._by_name = {name: layer for layer in self._layers for name in layer.aliases}
        self._by_name.update({layer.name: layer for layer in self._layers})

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    def __contains__(self, item: object) -> bool:
        return item in self._by_name or item in self._layers

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> "LayerTable": ...
    @overload
    def __getitem__(self, index: str) -> "Layer": ...
    def __getitem__(self, index: int | slice | str) -> "Layer | LayerTable":
        if isinstance(index, slice):
            return LayerTable(self._layers[index], model=self._model)
        if not isinstance(index, str):
            return self._layers[index]
        if index not in self._by_name and ("*" in index or "?" in index):
            return self.match(index)  # pyright: ignore[reportReturnType] (a pattern gives a table, a name a layer)
        return self.named(index)

    def named(self, name: str) -> Layer:
        """Return the layer of this name or alias.

        Raises:
            KeyError: There is none; the message names the closest ones.
        """
        if name in self._by_name:
            return self._by_name[name]
        close = difflib.get_close_matches(name, self._by_name, n=3, cutoff=0.5)
        close = close or [other for other in self._by_name if name and name in other][:3]
        if close:
            hint = "Did you mean " + " or ".join(f"'{other}'" for other in close) + "?"
        else:
            shown = ", ".join(f"'{layer.name}'" for layer in self._layers[:8])
            hint = f"It has {len(self)} layers: {shown}{', …' if len(self) > 8 else ''}"
        raise KeyError(f"Unknown layer '{name}' in model '{self._model}'. {hint}")

    def check(self, names: Iterable[str]) -> None:
        """Refuse names that no layer has; empty ones stand for the class logits.

        Raises:
            KeyError: There is no such layer; the message names the closest ones.
        """
        for name in sorted(frozenset(names)):
            if name:
                self.named(name)

    def match(self, pattern: str) -> "LayerTable":
        """Return the layers whose name or alias fits a pattern with `*` and `?`."""
        escaped = pattern.replace("[", "[[]")
        names = set(fnmatch.filter(self._by_name, escaped))
        chosen = [layer for layer in self._layers if names.intersection((layer.name, *layer.aliases))]
        if not chosen:
            raise KeyError(f"No layer of model '{self._model}' fits the pattern '{pattern}'.")
        return LayerTable(chosen, model=self._model)

    @property
    def names(self) -> tuple[str, ...]:
        """The layers' names in order."""
        return tuple(layer.name for layer in self._layers)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                layer.name,
                layer.kind,
                "×".join(str(extent) for extent in layer.shape),
                f"{layer.units:,}",
                f"{layer.parameters:,}",
                _with_prefix(layer.flops),
                "×".join(str(extent) for extent in layer.receptive_field),
                "×".join("-" if step is None else f"{step:g}" for step in layer.stride),
                ", ".join(layer.aliases),
            )
            for layer in self._layers
        ]

    def __str__(self) -> str:
        rows = [_HEADINGS, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
        lines = [
            "  ".join(
                cell.rjust(width) if column in _NUMERIC else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def cells(row: tuple[str, ...], tag: str) -> str:
            return "".join(
                f'<{tag} style="text-align:{"right" if column in _NUMERIC else "left"}">{html.escape(cell)}</{tag}>'
                for column, cell in enumerate(row)
            )

        head = f"<thead><tr>{cells(_HEADINGS, 'th')}</tr></thead>"
        body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in self._rows())
        return f'<table style="font-variant-numeric:tabular-nums">{head}<tbody>{body}</tbody></table>'


_HEADINGS = ("layer", "kind", "shape", "units", "parameters", "FLOPs", "sees", "stride", "also called")
_NUMERIC = frozenset({2, 3, 4, 5, 6, 7})


def _with_prefix(number: float) -> str:
    for prefix in ("", " k", " M", " G", " T"):
        if abs(number) < 1000:
            return f"{number:.3g}{prefix}" if prefix else f"{number:.0f}"
        number /= 1000
    return f"{number:.3g} P"
