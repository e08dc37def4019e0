"""VITAL: what a class or a unit looks for, as the distribution of features that real images of it have."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxviz.models import Model
from jaxviz.objectives import Objective, distribution, measure_distribution


def vital_objective(
    model: Model,
    images: Any,
    *,
    layers: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
) -> Objective:
    """Make the objective of VITAL: features distributed as those of real images, at every depth.

    Give images of one class, and a picture of the class comes of it; give those that excite a channel most, and it is
    one of the channel. Nothing is excited beyond what the images do. Climb it with the preset `vital`, or with the
    default settings. Of EfficientNet-Lite0 the latter gave soft, coloured scenes in 160 steps at 128 pixels, and the
    preset speckle in 320 steps at 96 (its authors take 2,000, of a ResNet-50):

        photographs = images_of_one_class                                   # [image, height, width, 3], some fifty
        jaxviz.presets.named("vital").render(model, vital_objective(model, photographs), size=128, steps=512)

    What differs from the published method: positions and channels are not weighed by their relevance for the class,
    which the authors find by relevance propagation through the network for inner units; give
    `distribution(importance=...)` yourself.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        images: `[image, height, width, channel]` in [0, 1]; best of the size that is rendered.
        layers: Names of layers, from the first to the output; by default the last layer of every resolution and the
            class logits; the code that was at hand leaves the logits out.
        weights: One for each layer, by which the mean squared differences are multiplied (VITAL: 1 for every layer of a
            ResNet-50). By default each layer counts alike: one over the variance of its features.

    Raises:
        KeyError: A layer is unknown; the message names the closest.
        TypeError, ValueError: The images are not in [0, 1], or there are not as many weights as layers.

    References:
        A. Görgün, B. Schiele, J. Fischer: VITAL: More Understandable Feature Visualization through Distribution
        Alignment and Relevant Information Flow. ICCV, 2025. arXiv:2503.22399

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(4, 4, 3))
        >>> vital_objective(model, np.zeros((5, 4, 4, 3), np.float32), layers=["mean"], weights=[2]).label()
        '2 mean as in data'
    """
    names = stages(model) if layers is None else list(layers)
    if not names:
        raise ValueError("vital_objective needs at least one layer; give names from model.layers.")
    if weights is not None and len(weights) != len(names):
        raise ValueError(f"There are {len(weights)} weights for {len(names)} layers: {', '.join(names)}.")
    found = model.activations(images, names)
    parts = [found[name] for name in names]
    chosen = [1 / max(float(np.var(part)), 1e-12) for part in parts] if weights is None else weights
    terms = [
        float(weight) * distribution(name, measure_distribution(part))
        for name, weight, part in zip(names, chosen, parts, strict=True)
    ]
    return sum(terms[1:], terms[0])


def stages(model: Model) -> list[str]:
    """Name the last layer of every resolution, from the finest to the coarsest, and the class logits.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images[:, ::2, ::2]).mean((1, 2)), input_shape=(8, 8, 3))
        >>> stages(model)
        ['tanh', 'mean']
    """
    last: dict[tuple[int, ...], str] = {}
    for layer in model.layers:
        if len(layer.shape) > 1:
            last[layer.shape[:-1]] = layer.name
    output = model.logits or model.layers[-1]
    return list(dict.fromkeys([*last.values(), output.name]))  # an output with positions is among the first
