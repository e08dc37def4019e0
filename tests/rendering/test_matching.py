"""Climbing towards the distribution of real features: a known optimum, and VITAL's objective and preset."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz.objectives import distribution, measure_distribution
from jaxviz.presets import vital_objective
from jaxviz.presets.vital import stages

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model():
    kernel = jnp.array(RANDOM.normal(size=(3, 3, 3, 4)) / 3, jnp.float32)

    def network(images):
        with jax.named_scope("early"):
            images = jax.lax.conv_general_dilated(
                images - 0.5, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
        with jax.named_scope("late"):
            images = jnp.tanh(images[:, ::2, ::2])
        with jax.named_scope("classes"):
            return images.mean((1, 2))

    return jaxviz.wrap(network, input_shape=(12, 12, 3), name="Small")


def test_a_picture_comes_to_hold_the_colours_that_the_data_has(model):
    """Matched on the image itself, the best picture is any arrangement of the data's pixels, channel by channel."""
    images = np.clip(RANDOM.normal([0.35, 0.5, 0.65], 0.05, size=(20, 12, 12, 3)), 0, 1).astype(np.float32)
    same = jaxviz.wrap(lambda images: jnp.square(images), input_shape=(12, 12, 3))
    layer = same.layers[-1].name
    objective = distribution(layer, measure_distribution(same.activations(images, layer)[layer]))
    options = {"steps": 150, "size": 12, "transforms": None, "progress": False, "learning_rate": 0.05}
    rendering = jaxviz.render(
        same, objective, parameterization=jaxviz.pixels(decorrelated=False, standard_deviation=0.1), **options
    )
    found = np.sort(rendering.images[0].reshape(-1, 3), axis=0)
    expected = np.sort(images.reshape(20, -1, 3), axis=1).mean(axis=0)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_vital_matches_every_resolution_and_the_output_each_by_its_variance(model):
    images = (RANDOM.uniform(0.5, 0.9, size=(5, 1, 1, 3)) + RANDOM.normal(size=(5, 12, 12, 3)) / 20).astype(np.float32)
    images = images.clip(0, 1)
    names = stages(model)
    assert [model.layers.named(name).shape for name in names] == [(12, 12, 4), (6, 6, 4), (4,)]
    objective = vital_objective(model, images)
    found = model.activations(images, names)
    np.testing.assert_allclose(objective.weights, [1 / np.var(found[name]) for name in names], rtol=1e-5)
    published = vital_objective(model, images, layers=names, weights=[1, 1, 10])
    assert list(published.weights) == [1, 1, 10]
    preset = jaxviz.presets.named("vital")
    rendering = preset.render(model, objective, size=12, steps=60, progress=False)
    start = preset.parameterization.to_image(preset.parameterization.init(jax.random.key(0), 12, 12, 3))
    begun, reached = jaxviz.evidence.scores(model, [objective], np.stack([start, rendering.images[0]]))[0]
    assert 0.3 * begun < reached < 0


def test_a_reference_of_another_layer_is_refused_before_anything_is_compiled(model):
    with pytest.raises(ValueError, match="The reference has 2 channels, but layer 'early' has 4"):
        jaxviz.render(model, distribution("early", np.zeros((4, 2))), size=12, progress=False)
    with pytest.raises(ValueError, match="There are 1 weights for 3 layers"):
        vital_objective(model, np.zeros((2, 12, 12, 3), np.float32), weights=[1])


def test_an_output_with_positions_is_one_stage_and_not_two():
    segmenting = jaxviz.wrap(lambda images: jnp.tanh(images[:, ::2, ::2]) * 2.0, input_shape=(8, 12, 3))
    assert stages(segmenting) == ["output"]
