"""What a preset is: settings that someone has published, for a size, a model and a number of steps."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax

from jaxviz.gradient_rules import GradientRule
from jaxviz.models import Layer, Model
from jaxviz.objectives import Objective
from jaxviz.parameterizations import Parameterization
from jaxviz.presets.numbers import moved, own_numbers
from jaxviz.rendering import render
from jaxviz.rendering.objectives_asked import bound, objectives_of
from jaxviz.rendering.overriding import acting
from jaxviz.results import Rendering
from jaxviz.results.dials import checked_number
from jaxviz.transforms import Transform


@dataclass(frozen=True)
class Scene:
    """What the numbers of a preset may depend on.

    Attributes:
        extents: Height and width of the picture in pixels; of another input as many as it has axes of positions.
        seen: Height and width of what the model was made for, or its other extents.
        channels: Of the picture.
        steps: Of the climb.
    """

    extents: tuple[int, ...]
    seen: tuple[int, ...]
    channels: int
    steps: int

    @property
    def size(self) -> int:
        """Height and width of a picture in pixels."""
        return self.extents[0]

    @property
    def numbers(self) -> int:
        """How many numbers a picture holds."""
        return math.prod(self.extents) * self.channels


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A set of settings that someone has published.

    Attributes:
        name: What it is called here.
        source: Where the numbers are from.
        differences: What is not as in the source.
        size: Height and width of the source's pictures, in pixels.
        steps: Steps of the climb.
        parameterization: How variables make an image.
        transforms: How images are disturbed; None for not at all.
        penalty: What is subtracted from every objective, if anything.
        optimizer: An optax transformation, or None for Adam.
        learning_rate: Adam's, or None where the optimizer has its own.
        transparency: Whether the pictures come with MaCo's transparency.
        gradient_rules: How gradients pass some operations of the model.
        inputs: What its method makes sense of: `image`, and maybe `vector`, `signal`, `volume` (`Model.input_name`).
    """

    name: str
    source: str
    differences: str
    size: int
    steps: int
    parameterization: Parameterization
    transforms: Callable[[Scene], Transform] | None = None
    penalty: Callable[[Scene], Objective] | None = None
    optimizer: Callable[[Scene], optax.GradientTransformation] | None = None
    learning_rate: float | None = None
    transparency: bool = False
    gradient_rules: tuple[GradientRule, ...] = ()
    inputs: tuple[str, ...] = ("image",)

    def settings(
        self, *, size: int | None = None, steps: int | None = None, model: Model | None = None
    ) -> dict[str, Any]:
        """Return the arguments of `jaxviz.render`, the objective and its penalty aside.

        Args:
            size: Height and width in pixels in place of the source's.
            steps: Steps in place of the source's.
            model: The model. Crops are enlarged to the size that it was made for, otherwise to the picture's; gradient
                rules that have nothing to act on in it are left out; and signals, volumes, vectors and images of a
                model that takes one size only are rendered at the model's own.

        Raises:
            ValueError: The model takes inputs for which the preset has no settings; the message says what does.

        Example:
            >>> from jaxviz.presets import PRESETS
            >>> settings = PRESETS["lucid"].settings(steps=64)
            >>> settings["steps"], settings["size"], settings["learning_rate"]
            (64, 128, 0.05)
        """
        scene = self._scene(size, steps, model)
        rules = self.gradient_rules if model is None else acting(model, model.input_shape, self.gradient_rules)
        return {
            "parameterization": self.parameterization,
            "transforms": self.transforms and self.transforms(scene),
            "optimizer": self.optimizer and self.optimizer(scene),
            "learning_rate": self.learning_rate,
            "transparency": self.transparency,
            "gradient_rules": rules,
            "size": self._side(size, model),
            "steps": scene.steps,
        }

    def render(
        self,
        model: Model,
        objective: str | Layer | Objective | Sequence[Objective],
        *,
        units: Iterable[int | str] | int | str | None = None,
        size: int | None = None,
        steps: int | None = None,
        key: int | jax.Array = 0,
        progress: bool = True,
    ) -> Rendering:
        """Render units with these settings, the penalty subtracted from each objective.

        The labels name the units; scores have the penalty in them, and the recipe says so.

        Args:
            model: A model made by `jaxviz.wrap` or `jaxviz.load`.
            objective: As in `jaxviz.render`.
            units: As in `jaxviz.render`.
            size: Height and width in pixels in place of the source's.
            steps: Steps in place of the source's.
            key: Seed of all randomness.
            progress: Whether a progress bar is shown.

        Raises:
            KeyError, IndexError, TypeError, ValueError: As `jaxviz.render`.

        Example:
            >>> import jaxviz
            >>> from jaxviz.presets import named
            >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 3))
            >>> named("simonyan_2013").render(model, "mean", units=[0], size=16, steps=2, progress=False).labels
            ('mean:0',)
        """
        objectives, labels = bound(model, objectives_of(model, objective, units))
        settings = self.settings(size=size, steps=steps, model=model)
        penalty = self.penalty_in(size=size, steps=steps, model=model)
        if penalty is not None:
            objectives = tuple(one - penalty for one in objectives)
        rendering = render(model, objectives, key=key, progress=progress, **settings)
        return dataclasses.replace(rendering, labels=labels)

    def numbers(
        self, *, size: int | None = None, steps: int | None = None, model: Model | None = None
    ) -> dict[str, float]:
        """Return the numbers that `changed` can move, as they are for a size and a model as in `settings`.

        They are the optimizer's, the image's, how far the transforms go at most (`max_shift_pixels`, `scale_range`, …),
        how many times the penalty counts, and two regularizers that every preset can be given: `noise` before the model
        and `total_variation`.

        Example:
            >>> from jaxviz.presets import PRESETS
            >>> PRESETS["lucid"].numbers()["scale_range"]
            0.1
        """
        return own_numbers(self, self._scene(size, steps, model))

    def changed(self, **numbers: float) -> "Preset":
        """Return this preset with some of its `numbers` changed, which its name says.

        It climbs with the program of this one, if nothing that is switched off is switched on.

        Raises:
            TypeError: There is no such number, and the message names the closest.
            ValueError: It is outside its limits.

        Example:
            >>> from jaxviz.presets import named
            >>> preset = named("dvt_3").changed(decay=0.01, blur_pixels=0.5)
            >>> preset.name, preset.settings()["optimizer"].record["decay"]
            ('dvt_3 (decay 0.01, blur_pixels 0.5)', 0.01)
        """
        own = self.numbers()
        other = moved(self, {name: checked_number(self.name, name, value, own) for name, value in numbers.items()})
        other.settings()  # refuses what its parts refuse
        return other

    def penalty_in(
        self, *, size: int | None = None, steps: int | None = None, model: Model | None = None
    ) -> Objective | None:
        """Return what is subtracted from every objective, for a size and a model as in `settings`; None for nothing."""
        return self.penalty and self.penalty(self._scene(size, steps, model))

    def _scene(self, size: int | None, steps: int | None, model: Model | None) -> Scene:
        side, count = self._side(size, model), self.steps if steps is None else steps
        if model is None:
            square = (side or self.size,) * 2
            return Scene(square, square, 3, count)
        if model.input_name not in self.inputs:
            kinds = " and ".join(f"{name}s" for name in self.inputs)
            raise ValueError(
                f"Preset '{self.name}' is for {kinds}, but model '{model.name}' takes {model.input_name}s. "
                "jaxviz.presets.table() says which presets take them; jaxviz.render without a preset suits any input."
            )
        *own, channels = model.input_shape
        return Scene(tuple(own) if side is None else (side,) * len(own), tuple(own), channels, count)

    def _side(self, size: int | None, model: Model | None) -> int | None:
        """Return what was asked for, or the source's; None for the extents of a model that takes no others."""
        if size is not None and np.ndim(size):
            raise TypeError(f"size is {size!r}; the pictures of presets are square: give one whole number.")
        return self.size if size is None and takes_squares(model) else size


def takes_squares(model: Model | None) -> bool:
    """Whether a model, if there is one, takes images of any size, and so the square ones that presets make."""
    return model is None or (model.input_name == "image" and not model.takes_one_size)
