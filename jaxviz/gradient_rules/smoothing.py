"""Gradients for operations of which one input takes all: the softmax at the end, and maxima over windows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxviz.gradient_rules.base import GradientRule, Leaf, Place, pull_back
from jaxviz.pytrees import registered


@jax.tree_util.register_static
@dataclass(frozen=True, eq=False, repr=False)
class LinearSoftmax(GradientRule):
    """Gradients that pass the class softmax as if it were not there; made by `linear_softmax`."""

    kind = "linear_softmax"
    operations = "a softmax or log softmax that is an output of the network"

    def acts_on(self, operation: str, *, is_output: bool) -> bool:
        """Say whether the operation is a softmax over classes; the softmax of attention is not."""
        return is_output and operation in ("softmax", "log_softmax")

    def gradient(self, place: Place) -> Array:
        """Return the gradient of the probabilities."""
        return place.cotangent


@registered(data_fields=["epsilon"], meta_fields=["squared"])
@dataclass(frozen=True, eq=False, repr=False)
class SmoothedMaxPool(GradientRule):
    """Gradients that pass a maximum over windows as they pass a mean; made by `smoothed_max_pool`."""

    squared: bool
    epsilon: Leaf
    kind = "smoothed_max_pool"
    operations = "maxima over windows (max pools)"

    def acts_on(self, operation: str, *, is_output: bool) -> bool:  # noqa: ARG002 - wherever it stands
        """Say whether the operation is a max pool."""
        return operation == "max_pool"

    def gradient(self, place: Place) -> Array:
        """Return the gradient that the smooth pool of the same windows has."""
        # A network pads with minus infinity by itself where padding is no part of its max pool.
        inputs = jnp.where(jnp.isfinite(place.inputs), place.inputs, 0)
        dtype = jnp.promote_types(inputs.dtype, jnp.float32)

        def smooth(inputs: Array) -> Array:
            if not self.squared:
                return _mean_pool(inputs, place.settings)
            size = _mean_pool(jnp.abs(inputs), place.settings)
            return _mean_pool(jnp.square(inputs), place.settings) / (jnp.asarray(self.epsilon, dtype) + size)

        return pull_back(smooth, inputs.astype(dtype), place.cotangent.astype(dtype)).astype(place.inputs.dtype)


def _mean_pool(inputs: Array, settings: Mapping[str, Any]) -> Array:
    """Return the mean over each window, of what is not padding."""
    windows = [settings[name] for name in ("window_dimensions", "window_strides", "padding")]
    dilations = [settings[name] for name in ("base_dilation", "window_dilation")]

    def total(array: Array) -> Array:
        # The number itself, not an array: only so does jax know that this is a sum, which has a gradient.
        return jax.lax.reduce_window(array, array.dtype.type(0), jax.lax.add, *windows, *dilations)

    return total(inputs) / jnp.maximum(total(jnp.ones_like(inputs)), 1)


def linear_softmax() -> LinearSoftmax:
    """Let gradients pass the softmax at a network's end unchanged, as if the probabilities were logits.

    A probability rises as well by making every other class less likely, and its gradient vanishes where a class is very
    unlikely or nearly certain. By this rule the climb of a probability is that of its logit; scores stay probabilities.
    `class_logit` reads before the softmax by itself: the rule is for objectives on the softmax's output,
    `channel("softmax", 3)` or a function of all probabilities. The softmax of attention keeps its gradient.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017, section "Optimization Objectives".
        lucid 0.3.10, `optvis/overrides/identity_grad.py`.

    Example:
        >>> linear_softmax().acts_on("softmax", is_output=True), linear_softmax().acts_on("softmax", is_output=False)
        (True, False)
    """
    return LinearSoftmax()


def smoothed_max_pool(*, squared: bool = False, epsilon: float = 0.01) -> SmoothedMaxPool:
    """Let gradients pass max pools as they would pass a mean over the same windows.

    The gradient of a maximum reaches one position of each window, so that what is drawn jumps from position to position
    and shows the grid of the pool. The mean shares it out evenly; the squared one, the gradient of
    `mean(x²) / (epsilon + mean(|x|))`, by how large each value is. Padding has no part in the means.

    Args:
        squared: Whether large values get more.
        epsilon: Of the squared one: positive; its gradient at values that are much smaller fades.

    Raises:
        ValueError: `epsilon` is not positive.

    References:
        lucid 0.3.10, `optvis/overrides/smoothed_maxpool_grad.py`.

    Example:
        >>> smoothed_max_pool(squared=True)
        smoothed_max_pool(squared=True, epsilon=0.01)
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise ValueError(f"epsilon is {epsilon}; it must be a positive number (0.01 is lucid's).")
    return SmoothedMaxPool(bool(squared), float(epsilon))
