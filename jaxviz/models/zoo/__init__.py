"""Networks with pretrained weights, by name: `load` gives one as a `Model`, `names` lists them.

A network is a Flax NNX module in a file of its own; Flax and the weights are read when it is asked for.
"""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jaxviz.models.compilation import keep_compiled_programs

if TYPE_CHECKING:
    from jaxviz.models.model import Model

_INPUT_SHAPE = (224, 224, 3)


def load(name: str = "efficientnet_lite0", *, weights: str | Path | None = None) -> "Model":
    """Load a pretrained network.

    Args:
        name: One of `names()`. 'efficientnet_lite0' comes with its weights; 'googlenet' needs a file of them.
        weights: A file with the network's weights, in place of those that come with it: for
            'efficientnet_lite0' a PyTorch checkpoint, for 'googlenet' an .npz file of the Caffe model's
            arrays.

    Returns:
        The network as a model with ImageNet's class names, for images of 224 x 224; it takes other sizes too.

    Raises:
        ValueError: No network has that name, or its weights are missing, damaged, or another network's.
        OSError: The file of weights that was named cannot be read.
        ImportError: The package that carries the weights is not installed.

    Example:
        >>> import jaxviz
        >>> model = jaxviz.load()
        >>> model.layers["stage3/block1"].shape
        (28, 28, 40)
        >>> model.class_names[207]
        'golden retriever'
    """
    if name not in _LOADERS:
        closest = difflib.get_close_matches(name, _LOADERS, n=1, cutoff=0.5)
        hint = f"Did you mean '{closest[0]}'? " if closest else ""
        raise ValueError(f"Unknown network '{name}'. {hint}There are: {', '.join(names())}.")
    keep_compiled_programs()
    return _LOADERS[name](weights)


def names() -> tuple[str, ...]:
    """Return the names that `load` takes.

    Example:
        >>> from jaxviz.models import zoo
        >>> zoo.names()
        ('efficientnet_lite0', 'googlenet')
    """
    return tuple(_LOADERS)


def _load_efficientnet_lite0(weights: str | Path | None) -> "Model":
    from jaxviz.models.wrapping import wrap
    from jaxviz.models.zoo import efficientnet_lite0, imagenet

    return wrap(
        efficientnet_lite0.load_pretrained(weights),
        input_shape=_INPUT_SHAPE,
        value_range=(0, 255),
        mean=127.0,
        std=128.0,
        class_names=imagenet.class_names(),
        name="efficientnet_lite0",
    )


def _load_googlenet(weights: str | Path | None) -> "Model":
    from jaxviz.models.wrapping import wrap
    from jaxviz.models.zoo import googlenet, imagenet

    if weights is None:
        raise ValueError(
            "'googlenet' comes without weights. Pass weights='googlenet.npz': the arrays of Caffe's "
            "bvlc_googlenet.caffemodel (github.com/BVLC/caffe, models/bvlc_googlenet), stored as "
            "'<Caffe layer>/kernel' with the axes height, width, in, out, and '<Caffe layer>/bias'."
        )
    return wrap(
        googlenet.load_pretrained(weights),
        input_shape=_INPUT_SHAPE,
        value_range=(0, 255),
        mean=googlenet.MEAN_COLOUR,
        class_names=imagenet.class_names(),
        name="googlenet",
    )


_LOADERS: Mapping[str, Callable[[str | Path | None], "Model"]] = {
    "efficientnet_lite0": _load_efficientnet_lite0,
    "googlenet": _load_googlenet,
}
