"""What several models agree on: names of classes, how inputs are shown, their range, what was measured of data."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxviz.models.model import Model
from jaxviz.results.statistics import Statistics
from jaxviz.results.view import View


def agreed_class_names(models: Sequence[Model]) -> tuple[str, ...]:
    """Return the names of the classes of all models; none if they differ."""
    first = models[0].class_names
    return first if all(model.class_names == first for model in models) else ()


def agreed_view(models: Sequence[Model]) -> View | None:
    """Return the view of all models; None if they are shown in different ways."""
    first = models[0].view
    return first if all(model.view == first for model in models) else None


def agreed_range(models: Sequence[Model]) -> tuple[Any, Any] | None:
    """Return the value range of all models; None if they differ, or if it is not known of one."""
    known = [model.value_range for model in models if model.value_range is not None]
    if len(known) < len(models):
        return None
    return known[0] if all(np.array_equal(known[0], other) for other in known[1:]) else None


def agreed_data(models: Sequence[Model]) -> Statistics | None:
    """Return what was measured of the data of all models that have any; None if that differs.

    Of a model without data its range alone says that its images are like those that were measured.
    """
    measured = [model.data for model in models if model.data is not None]
    if not measured or (len(measured) < len(models) and agreed_range(models) is None):
        return None
    return measured[0] if all(_same(measured[0], other) for other in measured[1:]) else None


def _same(one: Statistics, other: Statistics) -> bool:
    return all(np.array_equal(value, getattr(other, name)) for name, value in vars(one).items())
