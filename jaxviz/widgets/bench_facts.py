"""What a bench knows of its presets: their names, their numbers, and how they are written."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

from jaxviz.results import Settings
from jaxviz.results.dials import PresetDials, called, checked_number
from jaxviz.widgets.facts import Facts, LayerFacts, hint

SHARED = ("steps", "size", "key")
"""The settings that all presets of a bench have in common."""


class BenchFacts(Facts):
    """The names that a bench shows: one layer, which is the objective, and as its units the presets.

    Args:
        name: The model's name.
        input_shape: Shape of one image.
        label: What is climbed.
        what: The same as arguments in Python.
        presets: Name of each preset, and whether Python finds it by that name.
        dials: The numbers of each preset that can be moved, in order.
        check: Raises an error if a preset cannot have some numbers.
        own_size: Height of the images of a model that takes one size only; of others None.

    Attributes:
        names: Of the presets; what they are called says their changed numbers, too.
        dials: The numbers of each preset that can be moved, in order.
    """

    # A preset may anneal something by its number of steps.
    steps_matter: ClassVar[bool] = True

    def __init__(
        self,
        *,
        name: str,
        input_shape: Sequence[int],
        label: str,
        what: str,
        presets: Mapping[str, bool],
        dials: list[PresetDials],
        check: Callable[[str, Mapping[str, float]], object],
        own_size: int | None = None,
    ) -> None:
        self.names = list(presets)
        self.dials = dials
        layer = LayerFacts(
            name=label,
            kind="",
            shape=[len(presets)],
            units=len(presets),
            parameters=0,
            flops=0,
            receptive_field=[],
            classes=label,
        )
        super().__init__(name=name, input_shape=input_shape, layers=[layer], class_names={label: self.names})
        self._label = label
        self._what = what
        self._presets = presets
        self._check = check
        self._own_size = own_size
        self._changed: Mapping[str, Mapping[str, float]] = {}

    def rename(self, numbers: Mapping[str, Mapping[str, float]]) -> None:
        """Call presets by the numbers that they have now."""
        self._changed = numbers
        self.class_names = {self._label: [called(name, numbers.get(name, {})) for name in self.names]}

    def unit(self, layer: str, unit: object) -> int:
        """Return the position of a preset, given as that, by its name, or as it is called now."""
        if isinstance(unit, str) and unit in self.names:
            return self.names.index(unit)
        return super().unit(layer, unit)

    def numbers(self, value: object) -> dict[str, dict[str, float]]:
        """Return what is not the presets' own of their numbers, checked."""
        if not isinstance(value, Mapping):
            raise TypeError(f"numbers is {value!r}; it must be a dictionary, as {{'dvt_1': {{'decay': 0.01}}}}.")
        all_own = {each["preset"]: {dial["name"]: dial["value"] for dial in each["dials"]} for each in self.dials}
        checked: dict[str, dict[str, float]] = {}
        for name, changes in cast("Mapping[Any, Any]", value).items():
            if name not in all_own:
                raise KeyError(f"There is no preset {name!r} on this bench. {hint(str(name), self.names)}")
            if not isinstance(changes, Mapping):
                raise TypeError(f"The numbers of '{name}' are {changes!r}; give a dictionary, as {{'decay': 0.01}}.")
            own = all_own[name]
            given = {
                number: checked_number(name, number, each, own)
                for number, each in cast("Mapping[str, Any]", changes).items()
            }
            others = {number: each for number, each in given.items() if each != own[number]}
            if others:
                self._check(name, others)
                checked[name] = others
        return checked

    def python(
        self,
        settings: Settings,
        layer: str,
        units: Sequence[int],
        *,
        goes_on: bool = False,  # noqa: ARG002
        made: tuple[int, int] | None = None,  # noqa: ARG002
    ) -> str:
        """Return the Python that renders some of the presets as they are climbed here; "" where one has no name."""
        del layer
        names = [self.names[unit] for unit in units]
        if not all(self._presets[name] for name in names):
            return ""
        size = "" if settings.size == self._own_size else f"size={settings.size}, "
        return (
            "jaxviz.compare_presets(\n"
            f"    model, {self._what}, presets=[{', '.join(map(self._written, names))}],\n"
            f"    {size}steps={settings.steps}, key={settings.key},\n"
            ")"
        )

    def refusal(self, setting: str, value: object) -> str:  # noqa: ARG002
        """Return why a setting cannot get another value here; "" if it can."""
        if setting in SHARED:
            return ""
        return "the presets share only steps, size and key; the numbers of each are in `numbers`."

    def _written(self, name: str) -> str:
        numbers = self._changed.get(name, {})
        arguments = ", ".join(f"{number}={value!r}" for number, value in numbers.items())
        return f"jaxviz.presets.named({name!r}).changed({arguments})" if numbers else repr(name)
