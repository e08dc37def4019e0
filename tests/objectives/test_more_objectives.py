"""Groups, tokens, probabilities, references, users' functions: scores against NumPy, as data, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz import objectives
from jaxviz.objectives import (
    Target,
    caricature,
    channel,
    class_logit,
    class_probability,
    custom,
    direction,
    from_json,
    group,
    inversion,
    l2,
    random_direction,
    token,
    total_variation,
)

RANDOM = np.random.default_rng(8)
MAPS, TOKENS, LOGITS = (RANDOM.normal(size=shape).astype(np.float32) for shape in ((5, 7, 4), (6, 4), (9,)))
REFERENCE = RANDOM.normal(size=(5, 7, 4)).astype(np.float32)
IMAGE = RANDOM.uniform(size=(8, 9, 3)).astype(np.float32)
ACTIVATIONS = {Target("maps"): MAPS, Target("maps", True): MAPS, Target("tokens"): TOKENS, Target(""): LOGITS}
SHAPES = {target: activation.shape for target, activation in ACTIVATIONS.items()}


def contrast(activation, first, second):
    return activation[..., first].mean() - activation[..., second].mean()


def product(maps, tokens):
    return maps.mean() * tokens.mean()


def cosines(activation, reference):
    lengths = np.linalg.norm(activation, axis=-1) * np.linalg.norm(reference, axis=-1)
    return (activation * reference).sum(-1) / lengths


def of_numpy():
    probabilities = np.exp(LOGITS) / np.exp(LOGITS).sum()
    dots, power = (MAPS * REFERENCE).sum(-1), 1.5
    return {
        class_probability(3): probabilities[3],
        group("maps", [0, 2]): MAPS[..., [0, 2]].mean(),
        token("tokens", 2): TOKENS[0, 2],
        token("tokens", 1, position=5): TOKENS[5, 1],
        caricature("maps", REFERENCE, cosine_power=0): dots.mean(),
        caricature("maps", REFERENCE, cosine_power=power): (
            dots * np.maximum(cosines(MAPS, REFERENCE), 0.1) ** power
        ).mean(),
        inversion("maps", REFERENCE): -((MAPS - REFERENCE) ** 2).sum() / (REFERENCE**2).sum(),
        custom(contrast, "maps", numbers=[1, 3]): MAPS[..., 1].mean() - MAPS[..., 3].mean(),
        custom(product, ["maps", "tokens"]): MAPS.mean() * TOKENS.mean(),
        l2(IMAGE[::-1]): np.sqrt(((IMAGE - IMAGE[::-1]) ** 2).sum()),
    }


EVERY = of_numpy()


def score(objective):
    return objective.score(jax.tree.map(jnp.array, ACTIVATIONS), jnp.array(IMAGE))


@pytest.mark.smoke
@pytest.mark.parametrize("objective", EVERY, ids=lambda objective: objective.label())
def test_score_is_what_numpy_computes_plain_compiled_and_mapped(objective):
    objective.check(SHAPES)
    np.testing.assert_allclose(score(objective), EVERY[objective], rtol=1e-4)
    np.testing.assert_allclose(jax.jit(score)(objective), EVERY[objective], rtol=1e-4)
    if jax.tree.leaves(objective):
        twice = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * 2), objective)
        np.testing.assert_allclose(jax.vmap(score)(twice), [EVERY[objective]] * 2, rtol=1e-4)
    assert score(objective).dtype == jnp.float32


@pytest.mark.parametrize("objective", EVERY, ids=lambda objective: objective.label())
def test_text_and_data_give_the_objective_back(objective):
    assert from_json(objective.to_json()) == objective
    assert eval(str(objective), vars(objectives)) == objective
    assert jax.tree.structure(from_json(objective.to_json())) == jax.tree.structure(objective)
    np.testing.assert_array_equal(score(from_json(objective.to_json())), score(objective))


def test_objectives_of_one_form_share_one_compilation():
    traces = []

    @jax.jit
    def scored(objective):
        traces.append(objective)
        return score(objective)

    for first, second in (
        (group("maps", [0, 1]), group("maps", [2, 3])),
        (token("tokens", 0), token("tokens", 3, position=4)),
        (caricature("maps", MAPS), caricature("maps", REFERENCE, cosine_power=3)),
        (custom(contrast, "maps", numbers=[0, 1]), custom(contrast, "maps", numbers=[2, 3])),
    ):
        before = len(traces)
        assert scored(first) != scored(second)
        assert len(traces) == before + 1


def test_a_caricature_of_one_vector_everywhere_is_a_direction():
    vector = REFERENCE[0, 0]
    everywhere = np.broadcast_to(vector, MAPS.shape)
    expected = score(direction("maps", vector, cosine_power=2))
    np.testing.assert_allclose(score(caricature("maps", everywhere, cosine_power=2)), expected, rtol=1e-5)


@pytest.mark.parametrize("make", [inversion, caricature])
def test_a_reference_is_compared_with_what_activations_gives(make):
    kernel = jax.random.normal(jax.random.key(1), (3, 5))
    model = jaxviz.wrap(lambda images: jax.nn.relu((images - 0.5) @ kernel), input_shape=(4, 6, 3))
    photograph = np.random.default_rng(0).random((1, 4, 6, 3)).astype(np.float32)
    reference = model.activations(photograph, "relu")["relu"][0]
    (scored,) = jaxviz.evidence.scores(model, make("relu", reference), photograph)[0]
    expected = 0 if make is inversion else np.square(reference).sum(-1).mean()
    np.testing.assert_allclose(scored, expected, rtol=1e-5, atol=1e-7)


def test_the_best_inversion_is_the_reference_and_every_step_towards_it_scores_more():
    def at(share):
        return inversion("maps", REFERENCE).of_activation(jnp.array(MAPS + share * (REFERENCE - MAPS)))

    scores = [float(at(share)) for share in np.float32([0, 0.3, 0.7, 1])]
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(0, abs=1e-6)


def test_a_hopeless_class_has_a_logit_to_climb_but_no_probability():
    """Why the docstring recommends the logit."""
    logits = jnp.array([0.0, 120.0, 3.0])
    assert np.all(jax.grad(class_probability(0).of_activation)(logits) == 0)
    np.testing.assert_array_equal(jax.grad(class_logit(0).of_activation)(logits), [1, 0, 0])
    # A probability also rises by suppressing the others, which a logit does not.
    assert jax.grad(class_probability(0).of_activation)(logits / 40)[1] < -0.01


def test_random_directions_differ_have_length_one_and_no_preferred_channel():
    vectors = np.stack([random_direction(key, "maps", 16).vector for key in range(200)])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose((vectors**2).mean(axis=0), 1 / 16, rtol=0.35)
    assert np.abs(vectors.mean(axis=0)).max() < 0.08
    np.testing.assert_array_equal(random_direction(jax.random.key(7), "maps", 16).vector, vectors[7])


def test_arithmetic_of_units_is_a_direction():
    both = 2 * channel("maps", 1) - 0.5 * channel("maps", 3)
    np.testing.assert_allclose(score(both), score(direction("maps", [0, 2, 0, -0.5])), rtol=1e-4)


def test_classes_by_name_have_probabilities_too():
    bound = class_probability("bee").bind(("ant", "bee"))
    assert bound == class_probability(1)
    assert bound.label(("ant", "bee")) == "bee (probability)"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: group("maps", []), ValueError, "at least one channel"),
        (lambda: group("maps", [1, 4]).check(SHAPES), IndexError, "Channel 4 is out of range"),
        (lambda: token("maps", 0).check(SHAPES), ValueError, "A token needs a layer of tokens and channels"),
        (lambda: token("tokens", 0, position=6).check(SHAPES), IndexError, r"Token 6 is out of range.*\(0 to 5\)"),
        (lambda: caricature("maps", MAPS[:4]).check(SHAPES), ValueError, r"shape \(4, 7, 4\), but layer 'maps' has"),
        (lambda: caricature("maps", MAPS, cosine_power=-1), ValueError, "cosine power is -1"),
        (lambda: inversion("maps", [np.nan]), ValueError, "give the finite numbers"),
        (lambda: custom(contrast, []), ValueError, "needs the name of a layer"),
        (lambda: custom("no_such_module:score", "maps"), ValueError, "cannot be imported"),
        (lambda: custom(3, "maps"), TypeError, "3 is no function"),
        (lambda: custom(lambda maps: maps[0], "maps").check(SHAPES), ValueError, "return one number"),
        (lambda: from_json(custom(lambda maps: maps.mean(), "maps").to_json()), ValueError, "made again by hand"),
        (lambda: l2(255 * IMAGE), ValueError, r"values in \[0, 1\]"),
        (lambda: l2(IMAGE[:0]), ValueError, "give one image"),
        (lambda: l2(IMAGE[:4]).check_image(IMAGE.shape), ValueError, r"images of \(8, 9, 3\) are scored"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(make, error, message):
    with pytest.raises(error, match=message):
        make()


# --- total variation with an exponent --------------------------------------------------------------


@pytest.mark.parametrize("exponent", [1, 1.5, 2, 3])
def test_total_variation_with_an_exponent_is_the_papers(exponent):
    """Mahendran and Vedaldi, equation 3, the sum over channels too; a difference beyond the edge is none."""
    image = np.random.default_rng(0).uniform(size=(6, 7, 3)).astype(np.float32)
    down, right = np.diff(image, axis=0, append=image[-1:]), np.diff(image, axis=1, append=image[:, -1:])
    expected = ((down**2 + right**2) ** (exponent / 2)).sum()
    penalty = total_variation(exponent=exponent)
    np.testing.assert_allclose(penalty.score({}, jnp.array(image)), expected, rtol=1e-5)
    assert from_json(penalty.to_json()) == penalty
    assert str(penalty) == f"total_variation(exponent={exponent})"
    flat = jax.grad(lambda image: penalty.score({}, image))(jnp.full((4, 5, 3), 0.5))
    assert np.abs(flat).max() == 0


def test_an_exponent_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"exponent of total_variation is 0\. Give a number above zero"):
        total_variation(exponent=0)


def test_total_variation_is_taken_along_whatever_axes_there_are():
    signal, volume = (jnp.float32(RANDOM.uniform(size=shape)) for shape in ((7, 2), (3, 4, 5, 1)))
    np.testing.assert_allclose(total_variation().of_image(signal), np.abs(np.diff(signal, axis=0)).sum(), rtol=1e-6)
    along = [np.abs(np.diff(volume, axis=axis)).sum() for axis in range(3)]
    np.testing.assert_allclose(total_variation().of_image(volume), sum(along), rtol=1e-6)
    squares = [np.square(np.diff(volume, axis=axis)).sum() for axis in range(3)]
    np.testing.assert_allclose(total_variation(exponent=2).of_image(volume), sum(squares), rtol=1e-5)
    vector = jnp.float32([0.1, 0.9])
    assert total_variation().of_image(vector) == total_variation(exponent=1).of_image(vector) == 0


class Mean:
    def __call__(self, activation):
        return activation.mean()


@pytest.mark.parametrize(
    ("function", "label", "path"),
    [
        (functools.partial(contrast, first=1, second=3), "contrast of maps", f"{__name__}:contrast"),
        (Mean(), "Mean of maps", f"{__name__}:Mean"),
        (jax.jit(contrast), "contrast of maps", f"{__name__}:contrast"),
    ],
)
def test_anything_that_can_be_called_is_an_objective_with_a_name(function, label, path):
    objective = custom(function, "maps")
    assert objective.label() == label
    assert objective.to_json()["function"] == path


def test_numpys_whole_numbers_count_as_whole_numbers():
    assert custom(contrast, "maps", numbers=[np.int64(1), np.int32(3)]) == custom(contrast, "maps", numbers=[1, 3])
    assert random_direction(np.int64(5), "maps", 4) == random_direction(5, "maps", 4)
    assert channel("maps", 1) - np.uint8(1) == channel("maps", 1) - 1
