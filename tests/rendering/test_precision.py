"""In bfloat16 a climb reaches as much as in float32, reproducibly, and the recipe says so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz


def network(images):
    generator = np.random.default_rng(0)
    first = jnp.asarray(generator.normal(size=(5, 5, 3, 8)) / 5, jnp.float32)
    second = jnp.asarray(generator.normal(size=(3, 3, 8, 6)) / 5, jnp.float32)
    layout = ("NHWC", "HWIO", "NHWC")
    with jax.named_scope("first"):
        hidden = jax.nn.relu(jax.lax.conv_general_dilated(images, first, (2, 2), "SAME", dimension_numbers=layout))
    with jax.named_scope("second"):
        return jax.nn.relu(jax.lax.conv_general_dilated(hidden, second, (2, 2), "SAME", dimension_numbers=layout))


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(network, input_shape=(24, 24, 3))


def render(model, units=(0, 1, 2), **options):
    return jaxviz.render(model, "second", units=units, **{"steps": 40, "size": 24, "progress": False, **options})


def test_scores_are_as_good_and_pictures_alike(model):
    whole, half = render(model, transforms=None), render(model, transforms=None, precision="bfloat16")
    np.testing.assert_allclose(half.scores, whole.scores, rtol=0.03)
    assert 0 < np.abs(half.images - whole.images).mean() < 0.05
    assert half.images.dtype == np.float32
    assert (whole.recipe.precision, half.recipe.precision) == ("float32", "bfloat16")


@pytest.mark.parametrize("lowering", ["auto", "xla"])
def test_the_score_of_the_first_step_is_that_of_rounded_products(model, lowering):
    whole = render(model, steps=1, lowering=lowering).score_history[0]
    half = render(model, steps=1, lowering=lowering, precision="bfloat16").score_history[0]
    assert (half != whole).all(), "it is evaluated in bfloat16"
    np.testing.assert_allclose(half, whole, atol=0.02)


def test_the_same_bits_beside_other_units(model):
    together, alone = render(model, precision="bfloat16"), render(model, [1], precision="bfloat16")
    np.testing.assert_array_equal(together.images[1], alone.images[0])


def test_an_unknown_precision_is_refused(model):
    with pytest.raises(ValueError, match="precision is 'float16'; it must be 'float32' or 'bfloat16'"):
        render(model, precision="float16")
