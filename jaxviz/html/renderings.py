"""Renderings on a page: each is a layer, with the traits and messages that a widget would have sent of it."""

import os
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxviz.html.pages import page_messages, write_page
from jaxviz.results import Rendering, Settings, Update
from jaxviz.results.messages import FINISHED, Message, Shown
from jaxviz.results.settings import PRESETS
from jaxviz.results.tile import LETTERS, TileRecord


def write_renderings(path: str | os.PathLike[str], *renderings: Rendering) -> None:
    """Write one page that shows some renderings, each as a layer.

    A rendering of units of one layer is named after it, and its units have their numbers; the pictures of another one
    are numbered through and have their labels as names.

    Args:
        path: Where to write; a missing folder is made.
        *renderings: At least one.

    Raises:
        ValueError: There is no rendering.
    """
    layers: list[dict[str, Any]] = []
    messages: list[Message] = []
    for generation, rendering in enumerate(renderings, start=1):
        name, tiles = _tiles(rendering)
        taken = {layer["name"] for layer in layers}
        name = name if name not in taken else f"{name} #{generation}"
        records = _records(rendering, tiles)
        layers.append(_layer(name, rendering, tiles))
        messages += page_messages(name, generation, records)
    if not renderings:
        raise ValueError("There is no rendering to write to a page; give at least one.")
    write_page(path, _traits(renderings, layers, messages), messages, title=f"jaxviz: {layers[0]['name']}")


def _tiles(rendering: Rendering) -> tuple[str, list[tuple[int, int]]]:
    """Return a name for the rendering and the tile that each of its pictures is."""
    read = [_target(objective) for objective in rendering.recipe.objectives]
    names = {name for name, _ in read}
    tiles = [tile for _, tile in read]
    positive = {unit for unit, sign in tiles if sign > 0}
    if len(names) == 1 and None not in names and len(set(tiles)) == len(tiles):
        name = names.pop() or ""
        if not positive:  # the grid shows what climbs a unit; here that is the negative
            return f"-{name}", [(unit, 1) for unit, _ in tiles]
        if positive >= {unit for unit, _ in tiles}:
            return name, tiles
    return "pictures", [(position, 1) for position in range(len(rendering))]


def _target(objective: dict[str, Any]) -> tuple[str | None, tuple[int, int]]:
    """Return layer, unit and sign of an objective, the layer None if it is not simply that of a unit."""
    objective, sign = _unsigned(objective)
    if sign and objective["kind"] in ("channel", "class_logit"):
        return objective["layer"] or "classes", (objective["index"], sign)
    return None, (0, 1)


def _unsigned(objective: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return an objective and 1, or what it is the negative of and -1; 0 where it is another multiple."""
    if objective["kind"] != "sum" or len(objective["terms"]) != 1 or objective["offset"]:
        return objective, 1
    term = objective["terms"][0]
    return term["objective"], {1: 1, -1: -1}.get(term["weight"], 0)


def _records(rendering: Rendering, tiles: Sequence[tuple[int, int]]) -> list[Shown]:
    shown: list[Shown] = []
    pictures = rendering.pictures()
    for position, tile in enumerate(tiles):
        scores = rendering.score_history[:, position]
        known = ~np.isnan(scores)
        steps = [int(step) for step in rendering.history_steps[known]]
        state = rendering.states[position]
        update = Update(
            unit=tile[0],
            sign=tile[1],
            step=_steps_made(rendering, state, steps),
            first_step=0,
            scores=scores[known],
            state=state,
            message=rendering.messages[position],
            picture=pictures[position],
        )
        record = TileRecord()
        record.take(update, version=1, given=rendering.recipe.steps)
        record.steps = array("i", steps)
        shown.append(Shown(tile, record, state, still=True))
    return shown


def _steps_made(rendering: Rendering, state: str, steps: Sequence[int]) -> int:
    """Return how many steps a unit has made; `steps` are those before which its scores were taken."""
    if state == "done" and rendering.recipe.stop_on_plateau is None:
        return rendering.recipe.steps
    return max(steps, default=-1) + 1 if state == "done" else max(steps, default=0)


def _layer(name: str, rendering: Rendering, tiles: Sequence[tuple[int, int]]) -> dict[str, Any]:
    kinds = {_unsigned(objective)[0]["kind"] for objective in rendering.recipe.objectives}
    has_names = _tiles(rendering)[0] == "pictures" or kinds == {"class_logit"}
    count = len({unit for unit, _ in tiles})  # how many the layer has, a rendering does not know
    return {
        "name": name,
        "kind": "",
        "shape": [count],
        "units": count,
        "parameters": 0,
        "flops": 0,
        "receptive_field": [],
        "classes": name if has_names else "",
    }


def _traits(
    renderings: Sequence[Rendering], layers: Sequence[dict[str, Any]], messages: Sequence[Message]
) -> dict[str, Any]:
    first, recipe = renderings[0], renderings[0].recipe
    tiles = _tiles(first)[1]
    units = list(dict.fromkeys(unit for unit, _ in tiles))
    states = {unit: state for (unit, _), state in zip(reversed(tiles), reversed(first.states), strict=True)}
    ended = {tile: state in FINISHED for tile, state in zip(tiles, first.states, strict=True)}
    finished = sum(all(ended.get((unit, sign), True) for sign in (1, -1)) for unit in units)
    settings = Settings().to_json() | {"steps": recipe.steps, "size": (recipe.size or (Settings().size,))[0]}
    return {
        "kind": "explorer",
        "model_name": recipe.model.get("name", ""),
        "input_shape": recipe.model.get("input_shape", []),
        "layers": list(layers),
        "class_names": {
            layer["classes"]: _names(rendering)
            for layer, rendering in zip(layers, renderings, strict=True)
            if layer["classes"]
        },
        "layer": layers[0]["name"],
        "units": units,
        "unit": units[0],
        "selection": [],
        "settings": settings,
        "presets": PRESETS,
        "numbers": {},
        "dials": [],
        "from_scratch": True,
        "tile_pixels": 96,
        "pins": [],
        "states": "".join(LETTERS[states[unit]] for unit in units),
        "status": {
            "phase": "done",
            "generation": messages[0].content["generation"],
            "finished": finished,
            "total": len(units),
            "image_steps": len(tiles) * recipe.steps,
            "total_image_steps": len(tiles) * recipe.steps,
            "seconds_left": None,
            "steps_per_second": None,
            "message": "",
        },
        "error": "",
        "code": {"unit": "", "grid": ""},
        "measures": [],
    }


def _names(rendering: Rendering) -> list[str]:
    """Return a name for each unit of a rendering."""
    tiles = _tiles(rendering)[1]
    names = [""] * (1 + max(unit for unit, _ in tiles))
    for (unit, _), label in zip(tiles, rendering.labels, strict=True):
        names[unit] = label.removeprefix("-")
    return names
