"""The engines that were made, and how a new one is laid out: so many lanes, devices, parts and views at once."""

import threading
import weakref
from typing import Any, cast

import jax

from jaxviz.models import Layer, Model
from jaxviz.models.lowering import in_bfloat16, named
from jaxviz.models.program import Lowering
from jaxviz.objectives import Target
from jaxviz.rendering.devices import Devices, local_devices
from jaxviz.rendering.engine import Engine
from jaxviz.rendering.gains import gained
from jaxviz.rendering.lanes import affordable_lanes, lanes_together, parts_at_once, views_together, wished_lanes
from jaxviz.rendering.overriding import overrides
from jaxviz.rendering.request import Request
from jaxviz.rendering.scoring import Scoring, values_read

# Of a model: every optax transformation that a user makes is another one, and every layer has its own.
_MOST_ENGINES = 256

# An explorer's thread and the user's may look for the same engine.
_finding = threading.Lock()

_engines: "weakref.WeakKeyDictionary[Model, dict[Any, Engine]]" = weakref.WeakKeyDictionary()


def engine_of(request: Request, unit: int, wished: int) -> tuple[Engine, int]:
    """Find or make the engine for units of one form, and its number of lanes.

    Args:
        request: What is climbed.
        unit: One of the units, by its position in the request.
        wished: The number of lanes that is wished for.
    """
    model = request.model
    read = request.objectives[unit].targets()
    targets = tuple(sorted((target, request.targets[target]) for target in read))
    members = local_devices()
    each = wished_lanes(-(-wished // len(members)))
    devices = Devices(members[: -(-wished // each)])
    views = 1 if request.views_apart else views_together(request.transform.views)
    images = request.parameterization.images_in_lane * views  # of a lane, that the model sees at once
    parts = parts_at_once(each)
    together = lanes_together(each // parts, views=views)
    network = model.network(request.canvas_size, model.enough(request.canvas_size, together * images))
    at_once = affordable_lanes(parts * together, network, values_read(network, targets), images_in_lane=images)
    parts = min(parts, at_once)
    together = at_once // parts
    how = (request.lowering, request.precision)
    optimizer = getattr(request.optimizer, "form", request.optimizer)
    rules = cast(Any, jax.tree.structure(request.gradient_rules))
    layout = (devices, parts, together, request.transparency)
    has_gains = request.transform.network_gains is not None
    identity = (
        request.canvas_size,
        each,
        request.image_size,
        images,
        targets,
        views,
        optimizer,
        *how,
        rules,
        has_gains,
        *layout,
    )
    with _finding:
        engines = _engines.setdefault(model, {})
        engine = engines.pop(identity, None)
        if engine is None:
            scoring = _scoring(request, targets, together * images, views)
            engine = Engine(scoring, request.optimizer, request.image_size, *layout)
        engines[identity] = engine  # behind the others, which were used longer ago
        for oldest in list(engines)[:-_MOST_ENGINES]:
            del engines[oldest]
    return engine, each * devices.count


def _scoring(request: Request, targets: tuple[tuple[Target, Layer], ...], images: int, views: int) -> Scoring:
    batch = request.model.enough(request.canvas_size, images)
    network = request.model.network(request.canvas_size, batch)
    read = values_read(network, targets)
    acting = overrides(request.model, request.canvas_size, batch, request.gradient_rules, read)
    has_gains = request.transform.network_gains is not None
    disturbed = gained(request.model, request.canvas_size, batch, read) if has_gains else ()
    lowering, folded = _lowering(request.lowering, request.precision), request.lowering == "auto"
    return Scoring(network, targets, lowering, acting, disturbed, views, folded)


def _lowering(name: str, precision: str) -> Lowering | None:
    return in_bfloat16(named(name)) if precision == "bfloat16" else named(name)
