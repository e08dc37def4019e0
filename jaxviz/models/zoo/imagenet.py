"""The names of ImageNet's 1000 classes, in the usual order, which is that of the WordNet identifiers."""

import functools
from importlib import resources


@functools.cache
def class_names() -> tuple[str, ...]:
    """Return the names of the 1000 classes of the ImageNet challenge.

    A name is the first word that WordNet has for the class. Where two classes share it (capitals aside),
    another of WordNet's words, or a word in brackets, tells them apart: 'crane (bird)' and 'crane (machine)',
    'maillot' and 'tank suit', 'Cardigan Welsh corgi' and 'cardigan'.

    Returns:
        The names, all different; the index of a name is the index of its class.

    Example:
        >>> from jaxviz.models.zoo.imagenet import class_names
        >>> class_names()[949]
        'strawberry'

    References:
        Russakovsky et al. (2015), "ImageNet large scale visual recognition challenge",
        https://arxiv.org/abs/1409.0575.
    """
    table = resources.files("jaxviz.models.zoo").joinpath("imagenet_classes.txt")
    return tuple(table.read_text(encoding="utf-8").splitlines())
