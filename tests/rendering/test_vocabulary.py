"""What the vocabulary promises about climbs: lanes do not mix, magnitudes stay, known optima are reached."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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


# --- several images in one lane --------------------------------------------------------------------


def striped_network():
    """A layer whose units answer to stripes along rows, stripes along columns and to colours, and their sum."""
    kernels = np.zeros((5, 5, 3, 4), np.float32)
    stripes = np.float32([1, -1, 1, -1, 1]) / 5
    kernels[..., 0] = stripes[:, None, None]
    kernels[..., 1] = stripes[None, :, None]
    kernels[..., 0, 2], kernels[..., 2, 3] = 0.1, 0.1

    def network(images):
        with jax.named_scope("patterns"):
            found = jax.nn.relu(
                jax.lax.conv_general_dilated(
                    images - 0.5, jnp.array(kernels), (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
                )
            )
        with jax.named_scope("any"):
            return jnp.mean(jnp.sqrt(jnp.square(found).sum(axis=-1) + 1e-4), axis=(1, 2))[:, None]

    return jaxviz.wrap(network, input_shape=(20, 20, 3))


def similarity(model, strip, layer, count):
    images = np.stack(np.split(strip, count, axis=1))
    activation = model.activations(images, layer)[layer].reshape(count, -1, 4)
    grams = np.einsum("ipc,ipd->icd", activation, activation).reshape(count, -1)
    grams /= np.linalg.norm(grams, axis=1, keepdims=True)
    return (grams @ grams.T)[np.triu_indices(count, 1)].mean()


def test_diversity_lowers_how_alike_the_images_of_a_lane_are_to_the_layer():
    model = striped_network()
    layer, goal = "patterns/relu", jaxviz.channel(model.layers[-1].name, 0)
    options = {"steps": 60, "size": 20, "transforms": None, "progress": False}
    options["parameterization"] = jaxviz.several(jaxviz.fourier(), count=3)
    plain, diverse = (
        jaxviz.render(model, objective, **options) for objective in (goal, goal + 3 * jaxviz.diversity(layer))
    )
    assert plain.images.shape == (1, 20, 60, 3)
    assert plain.recipe.size == (20, 20)
    alike, unlike = (similarity(model, rendering.images[0], layer, 3) for rendering in (plain, diverse))
    assert unlike < alike - 0.1


def test_images_of_a_lane_that_nothing_couples_climb_as_one_image_does():
    model = striped_network()
    options = {"steps": 40, "size": 20, "transforms": None, "progress": False}
    single = jaxviz.render(model, "patterns", units=[1, 2], parameterization=jaxviz.fourier(), **options)
    strips = jaxviz.render(model, "patterns", units=[2, 1], parameterization=jaxviz.several(count=2), **options)
    np.testing.assert_allclose(strips.scores[::-1] / 2, single.scores, rtol=0.05)
    alone = jaxviz.render(model, "patterns", units=1, parameterization=jaxviz.several(count=2), **options)
    np.testing.assert_allclose(alone.images[0], strips.images[1], atol=1e-6)


def test_a_row_leads_from_one_unit_to_another_and_alignment_brings_neighbours_closer():
    model = striped_network()
    objective = jaxviz.interpolation(jaxviz.channel("patterns", 2), jaxviz.channel("patterns", 3))
    options = {"steps": 60, "size": 20, "transforms": None, "progress": False}
    options["parameterization"] = jaxviz.several(jaxviz.fourier(), count=5, shared=True)
    row = jaxviz.render(model, objective, **options)
    values = model.activations(np.stack(np.split(row.images[0], 5, axis=1)), "patterns/conv")["patterns/conv"]
    means = values.mean(axis=(1, 2))
    for unit, sign in ((2, -1), (3, 1)):
        rises = sign * np.diff(means[:, unit])
        assert np.all(rises > -0.01)
        assert rises.sum() > 0.1
    aligned = jaxviz.render(model, objective + 5 * jaxviz.alignment("patterns/relu"), **options)

    def apart(rendering):
        images = np.stack(np.split(rendering.images[0], 5, axis=1))
        return np.mean(np.diff(model.activations(images, "patterns/relu")["patterns/relu"], axis=0) ** 2)

    assert apart(aligned) < apart(row)


def test_comparing_the_images_of_a_lane_that_holds_one_is_refused():
    model = striped_network()
    with pytest.raises(ValueError, match=r"compares images, but every lane holds one.*several"):
        jaxviz.render(model, jaxviz.diversity("patterns"), progress=False)
    with pytest.raises(ValueError, match="objectives of one image"):
        jaxviz.interpolation(jaxviz.diversity("patterns"), jaxviz.channel("patterns", 0))
    with pytest.raises(ValueError, match="count is 1"):
        jaxviz.several(count=1)
