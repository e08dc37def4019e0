"""A climb on a network whose normalizations are folded is the climb on the network as it is."""

import jax
import numpy as np
import pytest
from flax import nnx

import jaxviz
from jaxviz import transforms
from jaxviz.gradient_rules import redirected_relu
from jaxviz.rendering import scoring


class Normalized(nnx.Module):
    """Two convolutions with statistics that are not those of a new network, and a residual sum."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.first = nnx.Conv(3, 6, (3, 3), strides=2, rngs=rngs)
        self.second = nnx.Conv(6, 6, (3, 3), feature_group_count=6, rngs=rngs)
        self.norms = nnx.List([nnx.BatchNorm(6, rngs=rngs), nnx.BatchNorm(6, rngs=rngs)])
        for number, norm in enumerate(self.norms):
            mean, variance, scale, bias = jax.random.uniform(jax.random.key(number), (4, 6), minval=0.5, maxval=2)
            norm.mean[...], norm.var[...], norm.scale[...], norm.bias[...] = mean, variance, scale, bias - 1

    def __call__(self, images):
        hidden = nnx.relu(self.norms[0](self.first(images)))
        hidden = hidden + nnx.relu6(self.norms[1](self.second(hidden)))
        return hidden.mean((1, 2))


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(Normalized(), input_shape=(11, 14, 3))


WAYS = {
    "default": {},
    "several views with gains": {
        "transforms": transforms.several_views(transforms.gains(0.2, rising_steps=1), count=2)
    },
    "a gradient rule": {"gradient_rules": [redirected_relu()]},
    "half precision": {"precision": "bfloat16"},
}


@pytest.mark.parametrize(
    ("layer", "way"),
    [*((layer, "default") for layer in ("first", "norms/0", "norms/1")), *(("output", way) for way in WAYS)],
)
def test_folding_changes_nothing_but_rounding(model, layer, way):
    folded, plain = (
        jaxviz.render(model, layer, units=[1, 4], steps=3, size=12, lowering=name, **WAYS[way], progress=False)
        for name in ("auto", "xla")
    )
    tolerance = 2e-2 if "precision" in WAYS[way] else 2e-4
    np.testing.assert_allclose(folded.score_history, plain.score_history, rtol=tolerance, atol=tolerance)
    if "precision" not in WAYS[way]:
        np.testing.assert_allclose(folded.images, plain.images, atol=2e-3)


@pytest.mark.parametrize(("layer", "count"), [("first", 0), ("norms/0", 5), ("norms/1", 10), ("output", 10)])
def test_what_is_above_the_layer_is_folded_unless_equivalents_are_turned_off(model, monkeypatch, layer, count):
    replaced = []

    def watched(*arguments):
        found = fold_channels(*arguments)
        replaced.append(len(found))
        return found

    fold_channels = scoring.fold_channels
    monkeypatch.setattr(scoring, "fold_channels", watched)
    options = {"units": [0], "steps": 1, "size": 10, "progress": False, "transforms": None}
    jaxviz.render(model, layer, **options)
    assert set(replaced) == {count}, "of each: a convolution, its bias and the three parts of a normalization"
    replaced.clear()
    jaxviz.render(model, layer, **options, lowering="xla")
    assert replaced == []
