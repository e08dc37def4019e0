"""What the vocabulary promises about climbs: lanes do not mix, magnitudes stay, known optima are reached."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from compiling import compilations
from jaxviz import optimizers
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


def test_pictures_of_directions_of_one_layer_can_be_told_apart_by_their_labels():
    model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(12, 12, 3))
    layer = model.layers[-1].name
    asked = [jaxviz.direction(layer, [1, 0, 0]), jaxviz.channel(layer, 1), jaxviz.direction(layer, [0, 1, -1])]
    rendering = jaxviz.render(model, asked, steps=1, size=12, transforms=None, progress=False)
    assert rendering.labels == (f"{layer} direction #1", f"{layer}:1", f"{layer} direction #2")


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


# --- known optima ----------------------------------------------------------------------------------

PIXELS = jaxviz.pixels(decorrelated=False, standard_deviation=0.0)


def linear_unit(shape=(12, 10, 1), seed=5):
    weights = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return jaxviz.wrap(lambda images: (images * weights).sum((1, 2)), input_shape=shape), weights[..., 0]


def test_what_turns_a_linear_unit_off_is_the_opposite_of_what_excites_it():
    model, weights = linear_unit()
    both = [jaxviz.channel("sum", 0), -jaxviz.channel("sum", 0)]
    options = {"size": (12, 10), "steps": 60, "transforms": None, "learning_rate": 0.1, "progress": False}
    excites, silences = jaxviz.render(model, both, parameterization=PIXELS, **options).images[..., 0]
    np.testing.assert_array_equal(excites > 0.5, weights > 0)
    np.testing.assert_allclose(silences, 1 - excites, atol=1e-5)


@pytest.mark.parametrize(("share", "stays"), [(1.5, True), (0.5, False)])
def test_an_accentuated_photograph_stays_as_it_is_where_its_price_exceeds_the_slope(share, stays):
    """Of `w . x - price |x - photograph|` the photograph is the optimum just where the price exceeds `|w|`."""
    model, weights = linear_unit()
    photograph = np.random.default_rng(6).uniform(0.3, 0.7, (12, 10, 1)).astype(np.float32)
    objective = jaxviz.channel("sum", 0) - share * float(np.linalg.norm(weights)) * jaxviz.l2(photograph)
    beginning = jaxviz.starting_from(photograph, jaxviz.pixels(standard_deviation=0.0, squashed=False))
    options = {"size": (12, 10), "steps": 60, "transforms": None, "learning_rate": 0.003, "progress": False}
    image = jaxviz.render(model, objective, parameterization=beginning, **options).images[0]
    moved = (image - photograph)[..., 0]
    assert (np.abs(moved).max() < 0.02) == stays
    if not stays:
        np.testing.assert_array_equal(moved > 0, weights > 0)


def test_a_token_of_a_transformer_is_climbed_by_its_own_patch_before_attention_and_by_all_after_it():
    """Four patches of 4 by 4 pixels and a class token before them; attention is even, so it takes their mean."""
    weights = np.random.default_rng(7).normal(size=(16, 6)).astype(np.float32)

    def network(images):
        patches = images.reshape(-1, 2, 4, 2, 4).transpose(0, 1, 3, 2, 4).reshape(-1, 4, 16)
        with jax.named_scope("embedded"):
            tokens = jnp.concatenate([jnp.ones((len(images), 1, 6)), patches @ weights], axis=1)
        with jax.named_scope("mixed"):
            shares = jax.nn.softmax(0 * jnp.einsum("ntd,nsd->nts", tokens, tokens), axis=-1)
            mixed = jnp.einsum("nts,nsd->ntd", shares, tokens)
        return mixed[:, 0]

    model = jaxviz.wrap(network, input_shape=(8, 8, 1))
    layer = next(layer.name for layer in model.layers if layer.name.startswith("embedded") and layer.shape == (5, 6))
    mixed = next(layer.name for layer in model.layers if layer.name.startswith("mixed") and layer.shape == (5, 6))
    objectives = [jaxviz.objectives.token(layer, 2, position=3), jaxviz.objectives.token(mixed, 2)]
    options = {"size": (8, 8), "steps": 40, "transforms": None, "learning_rate": 0.1, "progress": False}
    own, every = jaxviz.render(model, objectives, parameterization=PIXELS, **options).images[..., 0]
    wanted = weights[:, 2].reshape(4, 4) > 0
    np.testing.assert_array_equal(own[4:, :4] > 0.5, wanted)  # the third patch is the lower left one
    np.testing.assert_array_equal(np.delete(own.ravel(), np.ravel_multi_index(np.mgrid[4:8, :4], (8, 8)).ravel()), 0.5)
    np.testing.assert_array_equal(every > 0.5, np.tile(wanted, (2, 2)))


def shifted(activation, unit, offset):
    return activation[..., unit].mean() + offset


@pytest.mark.parametrize(
    "asked",
    [
        lambda number: {
            "objective": jaxviz.channel("any", 0) - 0.01 * number * jaxviz.total_variation(exponent=number)
        },
        lambda number: {"objective": jaxviz.direction("patterns", [number, 1, 0, 2], cosine_power=number)},
        lambda number: {"objective": jaxviz.custom(shifted, "patterns", numbers=[1, number])},
        lambda number: {"parameterization": phase_only(contrast=number, decay_power=number, blur_pixels=0.1 * number)},
        lambda number: {"parameterization": jaxviz.starting_from(np.full((20, 20, 3), number / 4))},
        lambda number: {
            "transforms": jaxviz.transforms.compose(
                jaxviz.transforms.annealed(
                    jaxviz.transforms.shift(number), jaxviz.transforms.shift(0), steps=2 + round(number)
                ),
                jaxviz.transforms.noise(0.1 * number, uniform=0.1 * number),
            )
        },
        lambda number: {"stop_on_plateau": jaxviz.Plateau(patience_steps=round(8 * number), least_gain=number / 8)},
        lambda number: {"gradient_rules": jaxviz.gradient_rules.redirected_relu(steps=round(4 * number))},
    ],
    ids=["penalty", "direction", "custom", "phase_only", "starting_from", "annealed", "plateau", "rule"],
)
def test_other_numbers_compile_nothing(asked):
    model = striped_network()

    def climb(number):
        given = {"objective": jaxviz.channel("patterns", 0), "steps": 3, "size": 20, "progress": False} | asked(number)
        return jaxviz.render(model, given.pop("objective"), **given)

    climb(1.0)
    with compilations() as compiled:
        climb(1.5)
    assert compiled == []


def test_an_interpolation_that_reads_opacity_is_refused_where_there_is_none():
    unit = jaxviz.channel("patterns", 0) - jaxviz.opacity()
    with pytest.raises(ValueError, match="reads the opacity"):
        jaxviz.render(
            striped_network(),
            jaxviz.interpolation(unit, jaxviz.channel("patterns", 1)),
            parameterization=jaxviz.several(count=2),
            steps=1,
        )


def test_the_adam_of_a_recipe_climbs_to_the_same_bits_again():
    model = striped_network()
    options = {"steps": 6, "size": 20, "progress": False}
    rendering = jaxviz.render(model, "patterns", units=0, learning_rate=0.03, **options)
    again = optimizers.from_json(rendering.recipe.optimizer)
    repeated = jaxviz.render(model, "patterns", units=0, optimizer=again, **options)
    np.testing.assert_array_equal(repeated.images, rendering.images)
    assert repeated.recipe == rendering.recipe
