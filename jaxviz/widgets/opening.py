"""Opening: where model, engine and widgets come together; the one file of the widgets that knows the engine."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jaxviz.results import Settings
from jaxviz.results.dials import PresetDials, dials_of
from jaxviz.widgets.bench_facts import BenchFacts
from jaxviz.widgets.bench_session import BenchSession
from jaxviz.widgets.choice import Choice
from jaxviz.widgets.delivery import serve
from jaxviz.widgets.explorer import Explorer
from jaxviz.widgets.facts import Facts
from jaxviz.widgets.session import Session

if TYPE_CHECKING:
    from jaxviz.models import Model
    from jaxviz.rendering import SideBySide

_FEWEST_UNITS = 16


def explore(
    model: "Model",
    layer: str | None = None,
    units: Iterable[int | str] | None = None,
    *,
    unit: int | str | None = None,
    **options: Any,
) -> Explorer:
    """Open the explorer: all layers of a model, their units climbing while one looks.

    Returns at once; the climb goes on in the background, and the kernel stays usable.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        layer: Name of the layer to begin with; one from the middle of the network if None.
        units: Units in the grid, as numbers or as names of classes; all if None.
        unit: The chosen unit; the first of `units` if None.
        **options: Settings of the climb as in `jaxviz.Settings` (`steps`, `size`, `noise`, …), `from_scratch`,
            `tile_pixels`, and `layout`.

    Returns:
        The widget. As the last line of a cell it is shown.

    Raises:
        KeyError, IndexError, TypeError, ValueError: An argument is wrong; the message says what is allowed.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> explorer = jaxviz.explore(model, steps=2, size=16)
        >>> explorer.layer, explorer.wait()
        ('mean', True)
        >>> explorer.close()
    """
    return Explorer(model, layer, units, unit=unit, **options)


def open_bench(
    model: "Model",
    objective: Any,
    unit: int | str | None,
    presets: Any,
    options: Mapping[str, Any],
) -> tuple[BenchSession, "SideBySide"]:
    """Begin a session on one objective under several presets.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        objective: A layer's name, or an objective.
        unit: Of the layer; None for an objective.
        presets: Names of presets, or presets; or one of them.
        options: Settings, and `tile_pixels`.

    Raises:
        KeyError, IndexError, TypeError, ValueError: Something is wrong; the message says what is allowed.
    """
    from jaxviz.models import Model
    from jaxviz.presets import PRESETS, Preset
    from jaxviz.presets.comparison import presets_of
    from jaxviz.rendering import SideBySide, one_objective

    if not isinstance(model, Model):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{model!r} is no model; make one with jaxviz.wrap or jaxviz.load.")
    chosen = presets_of(presets)
    names = [preset.name for preset in chosen]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"The presets are {names}; give at least one, and each under a name of its own.")
    climbed, label = one_objective(model, objective, unit)

    own_size = model.input_shape[0] if model.input_name == "image" and model.takes_one_size else None

    def arguments(preset: Preset) -> Callable[[Settings], dict[str, Any]]:
        def given(settings: Settings) -> dict[str, Any]:
            size = None if settings.size == own_size else settings.size  # the model's own may be no square
            chosen = preset.settings(size=size, steps=settings.steps, model=model)
            penalty = preset.penalty_in(size=size, steps=settings.steps, model=model)
            return chosen | {"transparency": False, "penalty": penalty}  # a live picture shows none

        return given

    by_name = {preset.name: preset for preset in chosen}
    recipes = {name: arguments(preset) for name, preset in by_name.items()}
    climb = SideBySide(model, climbed, recipes, measure=functools.partial(_measured, model, climbed))
    given = ({} if own_size is None else {"size": own_size}) | dict(options)

    def dials(size: int) -> list[PresetDials]:
        side = None if size == own_size else size
        numbers = {name: preset.numbers(size=side, model=model) for name, preset in by_name.items()}
        return [PresetDials(preset=name, dials=dials_of(own)) for name, own in numbers.items()]

    facts = BenchFacts(
        name=model.name,
        input_shape=model.input_shape,
        label=label,
        what="objective" if not isinstance(objective, str) else f"{objective!r}, units={_written(unit)}",
        presets={name: PRESETS.get(name) is preset for name, preset in by_name.items()},
        dials=dials(Settings().changed(size=given.get("size", Settings.size)).size),
        check=lambda name, numbers: by_name[name].changed(**numbers),
        own_size=own_size,
    )

    def renumber(name: str, numbers: Mapping[str, float]) -> None:
        climb.replace(name, arguments(by_name[name].changed(**numbers)))

    choice = first_choice(facts, {}, given)
    return BenchSession(climb, facts, choice, serve=serve, renumber=renumber, dials=dials), climb


def _measured(model: "Model", objective: Any, image: Any) -> dict[str, float]:
    """Measure a finished picture of the bench."""
    from jaxviz import evidence
    from jaxviz.rendering import border_pixels
    from jaxviz.transforms import ranges

    # As in docs/quality.md: the same for every preset, and drawn with another key.
    fresh = ranges(
        max_shift_pixels=image.shape[0] / 16,
        scale_range=0.15,
        max_degrees=12.0,
        noise=0.0,
        border_pixels=border_pixels(model),
    )
    return {
        "score": float(evidence.scores(model, objective, image[None])[0, 0]),
        "robustness": float(evidence.robustness(model, objective, image[None], fresh, key=1, draws=4)[0]),
        "fine detail": float(evidence.high_frequency_energy(image[None])[0]),
    }


def _written(unit: int | str | None) -> str:
    """Write the unit of a layer as Python; a layer of one unit needs none."""
    return "None" if unit is None else f"[{unit if isinstance(unit, str) else int(unit)!r}]"


def open_session(model: "Model", changes: Mapping[str, Any], options: Mapping[str, Any]) -> Session:
    """Begin a session on a model.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        changes: What is chosen: `layer`, `units`, `unit`, each if it was given.
        options: Settings, `from_scratch` and `tile_pixels`.

    Raises:
        KeyError, IndexError, TypeError, ValueError: Something is wrong; the message says what is allowed.
    """
    from jaxviz.models import Model
    from jaxviz.rendering import Live

    if not isinstance(model, Model):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{model!r} is no model; make one with jaxviz.wrap or jaxviz.load, or give a jaxviz widget.")
    live = Live(model)
    facts = Facts.of(model, suitable_size=live.suitable_size, border_pixels=live.border_pixels)
    # What is watched has to move, so a step has one view until the user asks for more.
    suitable = Settings.for_family(model.family, quick=True).changed(size=facts.suitable_size[0])
    return Session(live, facts, first_choice(facts, changes, options, suitable), serve=serve)


def first_choice(
    facts: Facts, changes: Mapping[str, Any], options: Mapping[str, Any], suitable: Settings | None = None
) -> Choice:
    """Return what is chosen at first: if none is named, a layer from the middle and the first of the units."""
    settings = dict(options)
    changes = {"layer": middle_layer(facts)} | dict(changes)
    changes |= {name: settings.pop(name) for name in ("from_scratch", "tile_pixels") if name in settings}
    choice = Choice().changed(facts, changes | {"settings": (suitable or Settings()).changed(**settings)})
    return choice if "unit" in changes or "units" not in changes else replace(choice, unit=(*choice.units, 0)[0])


def middle_layer(facts: Facts) -> str:
    """Return a layer that shows well what a network does: the middle one of the wide convolutions.

    Early layers look for edges and late ones for whole objects; between them are textures and parts. A transformer has
    one convolution or none, which cuts the image into patches; of it the middle one of the sums, where its blocks end.
    """
    layers = list(facts.layers.values())
    spatial = [layer for layer in layers if len(layer["shape"]) > 1 and layer["units"] >= _FEWEST_UNITS]
    wide = [layer for layer in spatial if layer["kind"] == "conv"]
    sums = [layer for layer in spatial if layer["kind"] == "add"]
    some = sums if len(wide) < 2 < len(sums) else wide or spatial or layers
    return some[len(some) // 2]["name"]
