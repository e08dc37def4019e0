"""The recipe: everything needed to make the same pictures again, as plain JSON."""

import json
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

FORMAT = 1
"""Version of the JSON layout; raised when a change would make an older jaxviz misread it."""

_OF_UNITS = ("steps_made", "continued")
"""What says something of each unit, or is empty."""

_LENGTHS = ("samples", "pixels", "voxels")
"""What the extents of an input count, by the number of its axes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Recipe:
    """Hold everything needed to make the images of a rendering again, bit for bit on the same backend.

    Every part is plain JSON, copied when the record is made. Two recipes are equal when all of it is. A unit that went
    on from another picture is the one exception: it is marked in `continued`.

    Attributes:
        objectives: One JSON description for each unit, in the order of the images.
        parameterization: JSON of the map from variables to an image.
        transforms: JSON of the random transforms, or None where there were none.
        optimizer: JSON of the optimizer, as `{"kind": "adam", "learning_rate": 0.05}`.
        steps: Steps that each unit climbs, unless it is stopped before.
        size: Height and width of an image in pixels; samples of a signal; depth, height and width of a volume; nothing
            of a vector.
        key: The words (uint32) of the random key.
        key_implementation: The name that jax gives to the kind of key.
        model: The model's `name`, `fingerprint` of its program and weights, and `input_shape`.
        lowering: The name of the set of equivalents under which the model was evaluated.
        precision: The type of the operands of products and convolutions.
        stop_on_plateau: JSON of when units were stopped early, or None for never.
        gradient_rules: JSON of each rule by which gradients passed some operations of the model.
        versions: Version of each package that has a part in the numbers, and the backend's name.
        steps_made: Of pictures of a live climb: after how many steps each unit's picture was taken; empty where after
            `steps`. With so many steps the same picture is made.
        continued: Of pictures of a live climb: whether each unit went on from a picture made under other settings,
            which the recipe does not hold; empty where none did.

    Example:
        >>> recipe = Recipe(
        ...     objectives=({"kind": "channel", "layer": "conv1", "index": 3},),
        ...     parameterization={"kind": "pixels"},
        ...     transforms=None,
        ...     optimizer={"kind": "adam", "learning_rate": 0.05},
        ...     steps=256,
        ...     size=(128, 96),
        ...     key=(0, 7),
        ...     model={"name": "TinyNet", "fingerprint": "5f2c", "input_shape": [32, 32, 3]},
        ...     lowering="xla",
        ...     versions={"jax": "0.10.2", "backend": "cpu"},
        ... )
        >>> recipe
        Recipe(1 unit of 'TinyNet', 128x96 pixels, 256 steps of adam)
        >>> Recipe.from_json(recipe.to_json()) == recipe
        True
    """

    objectives: tuple[dict[str, Any], ...]
    parameterization: dict[str, Any]
    transforms: dict[str, Any] | None
    optimizer: dict[str, Any]
    steps: int
    size: tuple[int, ...]
    key: tuple[int, ...]
    key_implementation: str = "threefry2x32"
    model: dict[str, Any]
    lowering: str
    precision: str = "float32"
    stop_on_plateau: dict[str, Any] | None = None
    gradient_rules: tuple[dict[str, Any], ...] = ()
    versions: dict[str, str]
    steps_made: tuple[int, ...] = ()
    continued: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        plain: dict[str, Any] = {}
        for field in fields(self):
            try:
                plain[field.name] = json.loads(json.dumps(getattr(self, field.name), allow_nan=False))
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"The recipe's {field.name} cannot be written as JSON ({error}); "
                    "give dictionaries, lists, strings and finite numbers only."
                ) from error
        for name in ("objectives", "size", "key", "gradient_rules", *_OF_UNITS):
            plain[name] = tuple(plain[name])
        if not plain["objectives"]:
            raise ValueError("A recipe needs at least one objective.")
        if len(plain["size"]) > len(_LENGTHS):
            raise ValueError(f"A recipe's size is (height, width) in pixels; {plain['size']} was given.")
        count = len(plain["objectives"])
        for name, usual in (("steps_made", plain["steps"]), ("continued", False)):
            if len(plain[name]) not in (0, count):
                raise ValueError(f"{name} has {len(plain[name])} entries for {count} objective{'s' * (count != 1)}.")
            if all(value == usual for value in plain[name]):
                plain[name] = ()
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @property
    def steps_text(self) -> str:
        """The number of steps in words, with those that were made where they are others."""
        least, most = min(self.steps_made, default=self.steps), max(self.steps_made, default=self.steps)
        made = str(most) if least == most else f"{least} to {most}"
        # "of" those that were asked for only where they are more: of 4 steps none is the 16th.
        return f"{made} of {self.steps} steps" if self.steps_made and most <= self.steps else f"{made} steps"

    def __repr__(self) -> str:
        count = len(self.objectives)
        size = f"{'x'.join(map(str, self.size))} {_LENGTHS[len(self.size) - 1]}, " if self.size else ""
        return (
            f"Recipe({count} unit{'s' * (count != 1)} of {self.model.get('name', 'model')!r}, "
            f"{size}{self.steps_text} of {self.optimizer.get('kind', 'optimizer')}"
            f"{f', {sum(self.continued)} went on' if self.continued else ''})"
        )

    def for_units(self, positions: Sequence[int]) -> "Recipe":
        """Return the recipe of some of the units.

        Valid because an image depends on nothing but the key and its own objective.

        Args:
            positions: Where the units stand in `objectives`, counted from 0.
        """
        names = ("objectives", *(name for name in _OF_UNITS if getattr(self, name)))
        return replace(self, **{name: [getattr(self, name)[position] for position in positions] for name in names})

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as a plain dictionary that `json.dumps` takes."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # Where there is nothing to say an older jaxviz, which does not know them, reads the recipe too.
        values = {name: value for name, value in values.items() if value or name not in _OF_UNITS}
        return json.loads(json.dumps({"format": FORMAT} | values))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Recipe":
        """Return the recipe that `to_json` wrote.

        Raises:
            ValueError: If parts are missing or unknown, or a newer jaxviz wrote it.
        """
        if not isinstance(data, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # it comes from a file
            raise ValueError(f"A recipe is a JSON object; a {type(data).__name__} was given.")
        if data.get("format") != FORMAT:
            raise ValueError(
                f"This is not a recipe that this jaxviz reads: its format is {data.get('format')!r}, "
                f"not {FORMAT}. A newer jaxviz may read it."
            )
        names = {field.name for field in fields(cls)}
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        missing, unknown = sorted(needed - data.keys()), sorted(data.keys() - names - {"format"})
        if missing or unknown:
            raise ValueError(
                f"The recipe is damaged: missing {', '.join(missing) or 'nothing'}; "
                f"unknown {', '.join(unknown) or 'nothing'}."
            )
        return cls(**{name: data[name] for name in names & data.keys()})
