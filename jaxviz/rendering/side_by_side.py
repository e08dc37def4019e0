"""One objective under several recipes, side by side: the live climb behind the bench."""

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float32

from jaxviz.models import Model
from jaxviz.objectives import Objective
from jaxviz.rendering.live import Live, Place
from jaxviz.rendering.request import Request, make_request
from jaxviz.results import Rendering, Settings, Tile, Update

Arguments: TypeAlias = Callable[[Settings], Mapping[str, Any]]
"""What a recipe gives to `jaxviz.render`, for pictures of a size and a number of steps; and a `penalty`, if any."""
Measure: TypeAlias = Callable[[Float32[np.ndarray, "height width channel"]], Mapping[str, float]]
"""What is measured of a finished picture."""


class SideBySide:
    """Climb one objective under several recipes, a slice of one after a slice of the other; see `LiveClimb`.

    The unit of a tile is the position of its recipe. Of the settings only steps, size and key count; the rest is the
    recipe's own. Other settings, another number of steps among them, always start from noise.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        objective: What is climbed.
        recipes: The arguments of each recipe, by its name.
        measure: Called with every picture that has come to its end.
        lowering: As in `jaxviz.render`.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> from jaxviz.rendering import SideBySide
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> recipes = {rate: lambda _, rate=rate: {"learning_rate": float(rate)} for rate in ("0.1", "0.01")}
        >>> climb = SideBySide(model, jaxviz.channel("mean", 1), recipes)
        >>> climb.aim("", jaxviz.Settings(steps=2, size=16), from_scratch=True)
        >>> climb.prioritise([[(0, 1), (1, 1)]])
        >>> while climb.advance():
        ...     pass
        >>> climb.rendering([(1, 1)]).recipe.optimizer
        {'kind': 'adam', 'learning_rate': 0.01}
    """

    def __init__(
        self,
        model: Model,
        objective: Objective,
        recipes: Mapping[str, Arguments],
        *,
        measure: Measure | None = None,
        lowering: str = "auto",
    ) -> None:
        self._live = _Recipes(model, objective, recipes, lowering=lowering)
        self._names = list(recipes)
        self._keys = list(recipes)  # what the live climb calls them: otherwise after each `replace`
        self._measure = measure
        self._wanted = threading.Lock()
        self._replaced = 0
        self._left: list[str] = []  # keys of what was replaced, whose tiles are still to be forgotten
        self._settings: Settings | None = None
        self._tiers: list[list[Tile]] = []
        self._next = 0  # whose turn it is
        self._compiled: set[tuple[str, int]] = set()  # recipe and size
        self._ended: dict[tuple[str, Settings], Update] = {}  # what is still to be measured, the last update of it
        self._measured: dict[tuple[str, Settings], Mapping[str, float]] = {}

    def replace(self, name: str, arguments: Arguments) -> None:
        """Give a recipe other arguments: under any settings it begins from noise then. Of the former nothing is left.

        It takes no longer than to note it; the slice under way ends as it began.

        Raises:
            KeyError: There is no such recipe.
        """
        if name not in self._names:
            raise KeyError(f"There is no recipe '{name}'; there are: {', '.join(self._names)}.")
        with self._wanted:
            self._replaced += 1
            key, position = f"{name} {self._replaced}", self._names.index(name)
            self._live.recipes[key] = arguments
            self._left.append(self._keys[position])
            self._keys = [*self._keys[:position], key, *self._keys[position + 1 :]]

    def aim(self, layer: str, settings: Settings, *, from_scratch: bool) -> None:  # noqa: ARG002
        """Turn to other settings; nothing is wanted until `prioritise`. Where there is one objective, a layer is none.

        Raises:
            ValueError: The model cannot be traced with pictures of this size, or has an unsound weight.
        """
        self.check(layer, settings)
        with self._wanted:
            self._settings, self._tiers = settings, []

    def check(self, layer: str, settings: Settings) -> None:  # noqa: ARG002
        """Raise what `aim` would raise, and change nothing."""
        for key in self._keys:
            self._live.check(key, settings)

    def forget(self, layer: str, settings: Settings) -> None:  # noqa: ARG002
        """Forget the tiles under some settings, which then begin again."""
        for key in self._keys:
            self._live.forget(key, settings)
            for known in (self._ended, self._measured):
                known.pop((key, settings), None)

    def prioritise(self, tiers: Sequence[Sequence[Tile]]) -> None:
        """Say which tiles are wanted; their recipes take turns.

        Raises:
            IndexError: There are not so many recipes.
        """
        for tile in (tile for tier in tiers for tile in tier):
            if not 0 <= tile[0] < len(self._names):
                raise IndexError(f"Recipe {tile[0]} is out of range: there are 0 to {len(self._names) - 1}.")
        with self._wanted:
            self._tiers = [list(tier) for tier in tiers]

    @property
    def prepared(self) -> bool:
        """Whether the next slice needs no compiling."""
        settings = self._settings
        return settings is not None and all((name, settings.size) in self._compiled for name in self._names)

    def advance(self) -> list[Update]:
        """Climb for one slice under the recipe whose turn it is, or measure a picture; return what changed."""
        with self._wanted:
            settings, wanted = self._settings, {tile for tier in self._tiers for tile in tier}
            left, self._left = self._left, []
        for key in left:
            self._live.leave(key)
            for known in (self._ended, self._measured):
                for place in [place for place in known if place[0] == key]:
                    known.pop(place)
        if settings is None:
            return []
        count = len(self._names)
        for position in ((self._next + turn) % count for turn in range(count)):
            if updates := self._slice(position, [sign for sign in (1, -1) if (position, sign) in wanted], settings):
                self._next = position + 1
                return updates
        return self._measure_one(settings)

    def rendering(self, tiles: Sequence[Tile], *, of: tuple[str, Settings] | None = None) -> Rendering:
        """Return tiles of one recipe as they are now, in full precision.

        Args:
            tiles: Which.
            of: A layer, which is none, and settings; what was aimed at last if None.

        Raises:
            ValueError: They are of several recipes, or none of them has begun.
        """
        settings = self._settings if of is None else of[1]
        recipes = {position for position, _ in tiles}
        if len(recipes) != 1 or settings is None:
            raise ValueError(f"Pictures of {len(recipes)} recipes have no recipe in common; ask for those of one.")
        return self._live.rendering([(0, sign) for _, sign in tiles], of=(self._keys[recipes.pop()], settings))

    def measures(self) -> dict[str, list[float | None]]:
        """Return what was measured under the present settings: for each measure a number of each recipe, or None."""
        settings = self._settings
        if settings is None:
            return {}
        found = [self._measured.get((key, settings), {}) for key in self._keys]
        names = dict.fromkeys(name for measured in found for name in measured)
        return {name: [measured.get(name) for measured in found] for name in names}

    def release(self) -> None:
        """Forget all tiles and free the device."""
        with self._wanted:
            self._settings, self._tiers = None, []
        self._live.release()

    def _slice(self, position: int, signs: Sequence[int], settings: Settings) -> list[Update]:
        if not signs:
            return []
        with self._wanted:
            key = self._keys[position]
        self._live.aim(key, settings, from_scratch=True)
        self._live.prioritise([[(0, sign) for sign in signs]])
        updates = [dataclasses.replace(update, unit=position) for update in self._live.advance()]
        self._compiled.add((self._names[position], settings.size))
        for update in updates:
            if update.sign > 0 and update.state != "climbing":
                self._ended[key, settings] = update
        return updates

    def _measure_one(self, settings: Settings) -> list[Update]:
        """Measure a picture that has ended, and return an update that changes nothing but says that there is news."""
        for key in self._keys:
            update = self._ended.pop((key, settings), None)
            if update is not None and self._measure is not None:
                image = self._live.rendering([(0, 1)], of=(key, settings)).images[0]
                self._measured[key, settings] = self._measure(image)
                return [dataclasses.replace(update, first_step=update.step, scores=update.scores[:0])]
        return []


@dataclasses.dataclass(frozen=True)
class _Recipe:
    """What the two tiles of a recipe, its picture and the negative, belong to."""

    name: str
    units: int = 1


class _Recipes(Live):
    """A live climb in which the names of recipes stand in place of those of layers.

    Attributes:
        recipes: The arguments of each recipe, by its name.
    """

    def __init__(self, model: Model, objective: Objective, recipes: Mapping[str, Arguments], *, lowering: str) -> None:
        super().__init__(model, lowering=lowering)
        self._objective = objective
        self.recipes = dict(recipes)

    def leave(self, name: str) -> None:
        """Forget a recipe and its tiles under all settings; between two slices."""
        with self._tiles, self._wanted:
            self._boards = {key: board for key, board in self._boards.items() if key[0] != name}
            self.recipes.pop(name, None)

    def _place(self, layer: str) -> Place:
        return _Recipe(layer)

    def _identity(self, layer: str, settings: Settings) -> tuple[str, Settings]:
        """Tell climbs of other lengths apart: what a recipe does at a step may depend on how many there are."""
        return layer, settings

    def _request(self, layer: str, settings: Settings) -> Request:
        usual: dict[str, Any] = {
            "steps": settings.steps,
            "size": settings.size,
            "parameterization": None,
            "transforms": "quick",
            "optimizer": None,
            "learning_rate": None,
        }
        given = {**usual, **self.recipes[layer](settings)}
        penalty = given.pop("penalty", None)
        both = [self._objective, -self._objective]
        return make_request(
            self._model,
            both if penalty is None else [objective - penalty for objective in both],
            units=None,
            key=settings.key,
            lowering=self._lowering,
            **given,
        )
