"""What a recipe says of the model and of the software, so that others can make the pictures again."""

import importlib.metadata
import platform
from typing import Any

import jax
import numpy as np

from jaxviz.models import Model
from jaxviz.results.view import View


def model_record(model: Model, view: View) -> dict[str, Any]:
    """Return what tells a model from others, and what its images are in its own range, as JSON."""
    record: dict[str, Any] = {
        "name": model.name,
        "fingerprint": model.fingerprint,
        "input_shape": list(model.input_shape),
    }
    if model.value_range is not None:
        record["value_range"] = [end.tolist() if np.ptp(end) else float(end[0]) for end in model.value_range]
    if model.data is not None:
        record["data"] = {"images": model.data.count}
    if told := view.to_json():
        record["view"] = told
    return record


def versions() -> dict[str, str]:
    """Return the versions of what computes, and the backend."""
    packages = ("jaxviz-features", "jax", "jaxlib", "flax", "optax", "numpy")
    found = {"python": platform.python_version(), "backend": jax.default_backend()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found
