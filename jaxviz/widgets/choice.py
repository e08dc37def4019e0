"""What is chosen in a widget: layer, units, settings and the rest that may be changed from both sides."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, SupportsIndex, TypedDict, cast

from jaxviz.results import Settings
from jaxviz.widgets.facts import Facts, hint

Sign = Literal[1, -1]
"""1 climbs a unit, -1 its negative."""


class Pin(TypedDict):
    """A tile that is kept in the tray."""

    layer: str
    unit: int
    sign: Sign
    generation: int


TILE_PIXELS = (48, 256)
"""Least and greatest side of a tile on the screen."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """All that a user can choose, as checked values; a change gives a new choice.

    Attributes:
        layer: Name of the layer; empty when none was chosen.
        units: Units in the grid.
        unit: The chosen unit.
        selection: Chosen units of the grid.
        settings: Of the climb.
        numbers: On a bench, the numbers of presets that are not the presets' own, by preset and name.
        from_scratch: Whether other settings start from noise.
        tile_pixels: Side of a tile on the screen.
        pins: Tiles in the tray.
    """

    layer: str = ""
    units: tuple[int, ...] = ()
    unit: int = 0
    selection: tuple[int, ...] = ()
    settings: Settings = field(default_factory=Settings)
    numbers: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    from_scratch: bool = True
    tile_pixels: int = 96
    pins: tuple[Pin, ...] = ()

    def changed(self, facts: Facts, changes: Mapping[str, Any]) -> "Choice":
        """Return this choice with changes, which are all checked before any counts.

        Another layer brings all of its units, keeps the chosen unit if it has one of that number, and empties the
        selection, unless the changes say otherwise. Of the selection, other units keep what is still in the grid.

        Raises:
            KeyError, IndexError, TypeError, ValueError: A value is wrong; the message says what is allowed.
        """
        changes = dict(changes)
        for name in changes:
            if name not in NAMES:
                raise TypeError(f"'{name}' cannot be set. {hint(name, NAMES)}")
        layer = self.layer
        if "layer" in changes:
            layer = facts.layer_name(changes.pop("layer"))
        chosen = self if layer == self.layer else self._of_layer(facts, layer)
        if "units" in changes:  # first, since the selection is of them
            units = chosen.checked(facts, "units", changes.pop("units"))
            chosen = replace(chosen, units=units, selection=_within(chosen.selection, units))
        values = {name: chosen.checked(facts, name, value) for name, value in changes.items()}
        return replace(chosen, **values)

    def checked(self, facts: Facts, name: str, value: Any) -> Any:
        """Return one value as this choice holds it.

        Raises:
            KeyError, IndexError, TypeError, ValueError: The value is wrong.
        """
        return _CHECKS[name](self, facts, value)

    def to_json(self) -> dict[str, Any]:
        """Return the values as traits hold them."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}

    def _of_layer(self, facts: Facts, layer: str) -> "Choice":
        units = tuple(facts.units(layer, None))
        unit = self.unit if self.unit in range(len(units)) else 0
        return replace(self, layer=layer, units=units, unit=unit, selection=())


def plain(value: Any) -> Any:
    """Return a value of a choice as a trait holds it: JSON."""
    if isinstance(value, Settings):
        return value.to_json()
    if isinstance(value, tuple):
        return [plain(part) for part in cast("tuple[Any, ...]", value)]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in cast("dict[str, Any]", value).items()}
    return value


def _layer(choice: Choice, facts: Facts, value: Any) -> str:
    return "" if value == "" and not choice.layer else facts.layer_name(value)


def _units(choice: Choice, facts: Facts, value: Any) -> tuple[int, ...]:
    if not choice.layer:
        return _nothing("units", value)
    units = tuple(facts.units(choice.layer, value))
    if not units:
        raise ValueError(f"The list of units is empty; '{choice.layer}' has {len(facts.units(choice.layer, None))}.")
    return units


def _selection(choice: Choice, facts: Facts, value: Any) -> tuple[int, ...]:
    if not choice.layer:
        return _nothing("selection", value)
    selection = choice.units if value is None else tuple(facts.units(choice.layer, value))
    outside = sorted(set(selection) - set(choice.units))
    if outside:
        raise ValueError(
            f"The selection has {_some(outside)}, but may only have units of the grid: {_some(choice.units)}. "
            "Set `units` first to have others in the grid."
        )
    return selection


def _some(units: Sequence[int]) -> str:
    return f"{', '.join(map(str, units[:8]))}{', …' * (len(units) > 8)}"


def _within(selection: tuple[int, ...], units: tuple[int, ...]) -> tuple[int, ...]:
    in_grid = frozenset(units)
    return tuple(unit for unit in selection if unit in in_grid)


def _nothing(name: str, value: Any) -> tuple[int, ...]:
    if list(value):
        raise ValueError(f"{name} is {value!r}, but no layer is chosen; set `layer` first.")
    return ()


def _unit(choice: Choice, facts: Facts, value: Any) -> int:
    return facts.unit(choice.layer, value) if choice.layer else 0


def _settings(choice: Choice, facts: Facts, value: Any) -> Settings:
    if isinstance(value, Settings):
        value = asdict(value)
    if not isinstance(value, Mapping):
        raise TypeError(f"settings is {value!r}; it must be a dictionary of changes, as {{'noise': 0.1}}.")
    changes = dict(cast("Mapping[str, Any]", value))
    present = asdict(choice.settings)
    if changes.keys() == present.keys():
        # All of them, as the browser has them: what differs is what was moved, and a preset brings its own numbers.
        changes = {name: value for name, value in changes.items() if value != present[name]}
    settings = choice.settings.changed(**changes)
    moved = {name: new for name in changes if (new := getattr(settings, name)) != present[name]}
    refusals = {name: why for name, new in moved.items() if (why := facts.refusal(name, new))}
    if refusals:
        raise ValueError(f"{', '.join(refusals)} cannot be changed here: {next(iter(refusals.values()))}")
    return settings


def _numbers(choice: Choice, facts: Facts, value: Any) -> dict[str, dict[str, float]]:  # noqa: ARG001
    return facts.numbers(value)


def _from_scratch(choice: Choice, facts: Facts, value: Any) -> bool:  # noqa: ARG001
    if not isinstance(value, bool):
        raise TypeError(f"from_scratch is {value!r}; it must be True or False.")
    return value


def _tile_pixels(choice: Choice, facts: Facts, value: Any) -> int:  # noqa: ARG001
    least, greatest = TILE_PIXELS
    if (
        isinstance(value, bool)
        or not isinstance(value, SupportsIndex)
        or not least <= operator.index(value) <= greatest
    ):
        raise ValueError(f"tile_pixels is {value!r}; it must be a whole number from {least} to {greatest}.")
    return operator.index(value)


def _pins(choice: Choice, facts: Facts, value: Any) -> tuple[Pin, ...]:  # noqa: ARG001
    if not isinstance(value, list | tuple):
        raise TypeError(f"pins is {value!r}; it must be a list.")
    pins: list[Pin] = []
    for pin in cast("list[Any]", value):
        if not isinstance(pin, Mapping) or pin.keys() != Pin.__annotations__.keys():  # pyright: ignore[reportUnknownMemberType]
            raise ValueError(f"A pin is {pin!r}; it must be a dictionary of {', '.join(Pin.__annotations__)}.")
        given = cast("Mapping[str, Any]", pin)
        layer = facts.layer_name(given["layer"])
        if given["sign"] not in (1, -1) or not isinstance(given["generation"], int):
            raise ValueError(f"A pin is {pin!r}; its sign must be 1 or -1, and its generation a whole number.")
        unit = facts.unit(layer, given["unit"])
        pins.append(Pin(layer=layer, unit=unit, sign=given["sign"], generation=given["generation"]))
    return tuple(pins)


_CHECKS: dict[str, Callable[[Choice, Facts, Any], Any]] = {
    "layer": _layer,
    "units": _units,
    "unit": _unit,
    "selection": _selection,
    "settings": _settings,
    "numbers": _numbers,
    "from_scratch": _from_scratch,
    "tile_pixels": _tile_pixels,
    "pins": _pins,
}
NAMES = tuple(_CHECKS)
"""The traits that both sides may set."""
