"""What the vocabulary promises about climbs: lanes do not mix, magnitudes stay, known optima are reached."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxviz
from jaxviz.parameterizations import phase_only

COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]]) / 0.46195


def test_every_unit_of_a_layer_climbs_its_own_phases_and_stays_within_the_magnitude():
    kernel = jnp.array(np.random.default_rng(0).normal(size=(5, 5, 3, 4)), jnp.float32)

    def network(images):
        return (
            jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            ** 2
        )

    model = jaxviz.wrap(network, input_shape=(24, 24, 3))
    options = {"steps": 30, "size": (24, 26), "transforms": None, "progress": False}
    rendering = jaxviz.render(model, model.layers[-1], parameterization=phase_only(contrast=1), **options)
    assert (rendering.score_history[-1] > 1.1 * rendering.score_history[0]).all()
    assert np.abs(rendering.images[0] - rendering.images[1]).max() > 0.05
    alone = jaxviz.render(model, model.layers[-1], units=2, parameterization=phase_only(contrast=1), **options)
    np.testing.assert_array_equal(alone.images[0], rendering.images[2])
    for image in rendering.images:
        free = np.log(image / (1 - image)) @ np.linalg.inv(COLOURS).T
        np.testing.assert_allclose(np.sqrt(np.mean((free - free.mean(axis=(0, 1))) ** 2)), 1, rtol=0.02)
    assert jaxviz.parameterizations.from_json(rendering.recipe.parameterization) == phase_only(contrast=1)
