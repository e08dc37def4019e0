"""What a widget knows of a model: names and numbers of its layers, and how a user's words are matched with them."""

import difflib
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, SupportsIndex, TypedDict, cast

from jaxviz.results.class_names import class_index
from jaxviz.results.settings import BORDER_PIXELS, Settings

_GOES_ON = """\
    # The pictures on the screen went on from others, made under other settings.
    # This begins from noise, and makes other pictures.
"""
_OF_MORE_STEPS = """\
    # Some of the pictures on the screen have made more steps, up to {most}; in their place this makes others.
"""


class LayerFacts(TypedDict):
    """A layer as the browser knows it; see `jaxviz.Layer`."""

    name: str
    kind: str
    shape: list[int]
    units: int
    parameters: int
    flops: int
    receptive_field: list[int]
    classes: str
    """Under which name `class_names` has the names of its units; empty where they have none."""


class ModelLike(Protocol):
    """What is read of a `jaxviz.Model`."""

    name: str
    input_shape: tuple[int, ...]

    @property
    def layers(self) -> Any:
        """The table of layers."""
        ...

    @property
    def logits(self) -> Any:
        """The layer of the class logits, or None."""
        ...

    @property
    def named_classes(self) -> tuple[str, ...] | Mapping[str, tuple[str, ...]]:
        """The names of the classes, or several sets of them by name."""
        ...

    def class_layer(self, layer: Any) -> str | None:
        """Return which of the sets a layer's units are named by: '' for the only one, None for none."""
        ...


class Facts:
    """The names and numbers of a model that the widgets need.

    Args:
        name: The model's name.
        input_shape: Shape of one image.
        layers: In order.
        class_names: Names of classes, by the name that layers have them under.
        aliases: Other name -> name of a layer.
        suitable_size: Height and width of a picture where nothing is said.
        border_pixels: Grey around a picture when it is disturbed.

    Attributes:
        steps_matter: Whether a climb of more steps is another one from its beginning.
    """

    steps_matter: ClassVar[bool] = False

    def __init__(
        self,
        *,
        name: str,
        input_shape: Sequence[int],
        layers: Iterable[LayerFacts],
        class_names: Mapping[str, Sequence[str]] | None = None,
        aliases: dict[str, str] | None = None,
        suitable_size: tuple[int, int] | None = None,
        border_pixels: int = BORDER_PIXELS,
    ) -> None:
        self.name = name
        self.input_shape = list(input_shape)
        self.layers = {layer["name"]: layer for layer in layers}
        self.class_names = {name: list(names) for name, names in (class_names or {}).items()}
        self.suitable_size = suitable_size or (Settings().size, Settings().size)
        self.border_pixels = border_pixels
        self._aliases = aliases or {}

    @classmethod
    def of(cls, model: ModelLike, *, suitable_size: tuple[int, int], border_pixels: int) -> "Facts":
        """Read them off a model, and take over what the climb says of its pictures."""
        layers = list(model.layers)
        own = "" if model.logits is None else model.logits.name
        named = model.named_classes
        sets = named if isinstance(named, Mapping) else {own: named}
        found = [model.class_layer(layer) for layer in layers]
        return cls(
            name=model.name,
            input_shape=model.input_shape,
            class_names={name: names for name, names in sets.items() if name and names},
            suitable_size=suitable_size,
            border_pixels=border_pixels,
            aliases={alias: layer.name for layer in layers for alias in layer.aliases},
            layers=[
                LayerFacts(
                    name=layer.name,
                    kind=layer.kind,
                    shape=list(layer.shape),
                    units=layer.units,
                    parameters=layer.parameters,
                    flops=layer.flops,
                    receptive_field=list(layer.receptive_field),
                    classes="" if classes is None else classes or own,
                )
                for layer, classes in zip(layers, found, strict=True)
            ],
        )

    def python(
        self,
        settings: Settings,
        layer: str,
        units: Sequence[int],
        *,
        goes_on: bool = False,
        made: tuple[int, int] | None = None,
    ) -> str:
        """Return the Python that renders units of a layer as they are climbed here.

        Args:
            settings: Of the climb.
            layer: Name of the layer.
            units: Units of the layer.
            goes_on: Whether the pictures went on from others, so that this makes other ones, and says so.
            made: The least and the most steps that the pictures have made, where it is not what the settings ask for.
        """
        least, most = made or (settings.steps, settings.steps)
        remarks = _GOES_ON * goes_on
        if least == most:
            settings = settings.changed(steps=most)
        else:
            remarks += _OF_MORE_STEPS.format(most=most)
        height, width = self.suitable_size
        python = settings.python(
            layer,
            units,
            width=width if settings.size == height else None,
            border_pixels=self.border_pixels,
        )
        # Within the brackets, so that a name and `=` can stand before it.
        return python.replace("(\n", f"(\n{remarks}", 1)

    def refusal(self, setting: str, value: object) -> str:  # noqa: ARG002
        """Return why a setting cannot get another value here; "" if it can."""
        return ""

    def numbers(self, value: object) -> dict[str, dict[str, float]]:
        """Return the numbers of presets that are not the presets' own, checked; there are none but on a bench.

        Raises:
            TypeError, ValueError, KeyError: Something is wrong; the message says what is allowed.
        """
        if value != {}:
            raise ValueError("numbers belongs to jaxviz.Bench, which climbs presets; here `settings` has them all.")
        return {}

    def layer_name(self, name: object) -> str:
        """Return the layer's own name for a name or an alias.

        Raises:
            TypeError, KeyError: There is none; the message names the closest.
        """
        if not isinstance(name, str):
            raise TypeError(f"layer is {name!r}; it must be the name of a layer.")
        name = self._aliases.get(name, name)
        if name not in self.layers:
            raise KeyError(
                f"Unknown layer '{name}' in model '{self.name}'. {hint(name, [*self.layers, *self._aliases])}"
            )
        return name

    def unit(self, layer: str, unit: object) -> int:
        """Return the number of a unit of a layer, given as a number or as the name of a class.

        Raises:
            TypeError, ValueError, IndexError: The layer has no such unit.
        """
        facts = self.layers[layer]
        if isinstance(unit, str):
            if not facts["classes"]:
                raise TypeError(f"Units of '{layer}' are numbers; {unit!r} is none. Only class logits have names.")
            return class_index(unit, self.class_names[facts["classes"]])
        if isinstance(unit, bool) or not isinstance(unit, SupportsIndex):
            named = " or the name of a class" if facts["classes"] else ""
            raise TypeError(f"{unit!r} is no unit; give a whole number{named}.")
        number = operator.index(unit)
        if not 0 <= number < facts["units"]:
            raise IndexError(f"Unit {number} is out of range: layer '{layer}' has 0 to {facts['units'] - 1}.")
        return number

    def units(self, layer: str, units: object) -> list[int]:
        """Return the numbers of several units, or of all if None, each once, in the order given.

        Raises:
            TypeError, ValueError, IndexError: The layer has no such unit.
        """
        if units is None:
            return list(range(self.layers[layer]["units"]))
        if isinstance(units, str) or (isinstance(units, SupportsIndex) and not isinstance(units, Iterable)):
            units = [units]
        if not isinstance(units, Iterable):
            raise TypeError(f"units is {units!r}; it must be a list of units.")
        given = cast("Iterable[object]", units)
        return list(dict.fromkeys(self.unit(layer, unit) for unit in given))

    def name_of(self, layer: str, unit: int) -> str:
        """Return what a unit is called: the class where units are classes, or its number."""
        classes = self.layers[layer]["classes"]
        return self.class_names[classes][unit] if classes else str(unit)


def hint(name: str, known: Sequence[str]) -> str:
    """Return what to say to somebody who gave a wrong name.

    Example:
        >>> hint("steeps", ["steps", "size"])
        "Did you mean 'steps'?"
    """
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    close = close[:1] if close and difflib.SequenceMatcher(None, name, close[0]).ratio() > 0.8 else close
    if close:
        return f"Did you mean {' or '.join(repr(each) for each in close)}?"
    return f"There are: {', '.join(known[:8])}{', …' if len(known) > 8 else ''}."
