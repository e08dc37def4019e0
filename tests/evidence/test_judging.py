"""Judges whose opinion is known, and features with distances that can be counted."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import log_softmax

import jaxviz
from jaxviz.evidence import features, fitted, forced_choice, penultimate, plausibility, similarity, transfer


@pytest.fixture
def judge():
    """Seven classes, each a fixed mixture of the mean red, green and blue."""
    mixture = jnp.asarray(np.random.default_rng(0).standard_normal((3, 7)), jnp.float32)
    names = tuple(f"class {number}" for number in range(7))
    return jaxviz.wrap(lambda images: images.mean((1, 2)) @ mixture, input_shape=(8, 8, 3), class_names=names)


def test_ranks_and_probabilities_are_those_of_the_judges_logits(judge):
    images = np.random.default_rng(1).random((6, 8, 8, 3), np.float32)
    logits = judge.predict(images)
    classes = [0, 1, 2, 3, 4, 6]
    found = transfer(judge, images, classes)
    order = np.argsort(-logits, axis=1)
    expected = [int(np.flatnonzero(order[row] == number)[0]) for row, number in enumerate(classes)]
    assert found.ranks.tolist() == expected
    assert found.top_1 == np.mean(np.array(expected) == 0)
    assert found.top_5 == np.mean(np.array(expected) < 5)
    np.testing.assert_allclose(
        found.log_probability, log_softmax(logits, axis=1)[np.arange(6), classes], rtol=1e-5, atol=1e-5
    )


def test_classes_may_be_names_and_pictures_of_another_size(judge):
    images = np.broadcast_to(np.float32([0.9, 0.2, 0.4]), (1, 20, 12, 3))
    assert transfer(judge, images, ["class 3"]).ranks == transfer(judge, images[:, :8, :8], [3]).ranks


def test_a_judge_that_finds_all_classes_alike_recognizes_none():
    judge = jaxviz.wrap(lambda images: 0 * images.mean((1, 2)) @ jnp.ones((3, 40)), input_shape=(8, 8, 3))
    found = transfer(judge, np.zeros((2, 8, 8, 3), np.float32), [0, 39])
    assert (found.top_1, found.top_5) == (0.0, 0.0)


def test_wrong_classes_are_said(judge):
    images = np.zeros((1, 8, 8, 3), np.float32)
    with pytest.raises(ValueError, match="classes 0 to 6"):
        transfer(judge, images, [7])
    with pytest.raises(ValueError, match="Unknown class 'cat'"):
        transfer(judge, images, ["cat"])
    with pytest.raises(ValueError, match="one class for each"):
        transfer(judge, images, [1, 2])


def test_features_are_means_over_positions_of_the_layer_before_the_classes(judge):
    images = np.random.default_rng(2).random((3, 8, 8, 3), np.float32)
    assert penultimate(judge) == "mean"
    np.testing.assert_allclose(features(judge, images), images.mean((1, 2)), rtol=1e-5)
    blocks = jaxviz.wrap(lambda images: images * 2, input_shape=(8, 8, 3))
    np.testing.assert_allclose(
        features(blocks, images, layer=blocks.layers[-1].name), 2 * images.mean((1, 2)), rtol=1e-5
    )
    with pytest.raises(ValueError, match="give the name of a layer"):
        features(blocks, images)


def test_fitting_keeps_a_flat_image_flat_and_the_range():
    flat = np.full((1, 32, 20, 3), 0.25, np.float32)
    np.testing.assert_allclose(fitted(flat, 48, 48), 0.25, atol=1e-5)
    edge = np.zeros((1, 16, 16, 1), np.float32)
    edge[:, 8:] = 1
    enlarged = fitted(edge, 64, 64)
    assert enlarged.min() == 0
    assert enlarged.max() == 1
    assert fitted(edge, 16, 16) is edge


@pytest.mark.parametrize(("scale", "dtype", "error"), [(255, np.uint8, TypeError), (255, np.float32, ValueError)])
@pytest.mark.parametrize("size", [8, 24])  # the judge's, and another one
def test_images_that_are_not_within_0_and_1_are_refused_and_not_made_white(scale, dtype, error, size):
    judge = jaxviz.wrap(lambda images: images.mean((1, 2)) @ np.eye(3), input_shape=(8, 8, 3))
    images = (scale * np.random.default_rng(0).random((2, size, size, 3))).astype(dtype)
    with pytest.raises(error, match=r"in \[0, 1\]"):
        transfer(judge, images, [0, 1])
    with pytest.raises(error, match=r"in \[0, 1\]"):
        features(judge, images)


def test_fine_stripes_made_smaller_become_grey_and_not_coarse_stripes():
    stripes = np.broadcast_to((np.arange(64) % 2.0)[None, :, None, None], (1, 64, 64, 1)).astype(np.float32)
    assert np.ptp(fitted(stripes, 24, 24)[:, 4:-4]) < 0.1


def test_plausibility_is_nearest_distance_over_the_usual_nearest_distance():
    generator = np.random.default_rng(3)
    real, pictures = generator.standard_normal((30, 5)), generator.standard_normal((4, 5))
    angles = np.arccos(np.clip(1 - cdist(real, real, "cosine"), -1, 1))
    among = 2 * np.sin(angles / 2) + np.diag(np.full(30, np.inf))
    chords = np.sqrt(2 * cdist(pictures, real, "cosine"))
    np.testing.assert_allclose(plausibility(pictures, real), chords.min(1) / among.min(1).mean())
    np.testing.assert_allclose(plausibility(10 * pictures, real), plausibility(pictures, real))
    assert plausibility(2 * real[:1], real)[0] == pytest.approx(0, abs=1e-7)
    with pytest.raises(ValueError, match="at least two real images"):
        plausibility(pictures, real[:, :3])
    with pytest.raises(ValueError, match="all have the same features"):
        plausibility(pictures, np.ones((3, 5)))


def test_similarity_is_the_mean_cosine_of_pairs_of_seeds():
    pictures = np.random.default_rng(4).standard_normal((3, 4, 6))
    expected = []
    for unit in pictures:
        cosines = [
            one @ two / np.linalg.norm(one) / np.linalg.norm(two)
            for number, one in enumerate(unit)
            for two in unit[:number]
        ]
        expected.append(np.mean(cosines))
    np.testing.assert_allclose(similarity(pictures), expected)
    with pytest.raises(ValueError, match="2 seeds"):
        similarity(pictures[:, :1])


def test_forced_choice_counts_the_pairs_that_the_references_point_out():
    generator = np.random.default_rng(5)
    references = generator.standard_normal((2, 3, 4))
    candidates = generator.standard_normal((20, 4))
    scores = generator.standard_normal((2, 20))

    def cosine(one, two):
        return one @ two / np.linalg.norm(one) / np.linalg.norm(two)

    expected = []
    for unit in range(2):
        order = np.argsort(scores[unit])
        answers = [
            np.mean([cosine(reference, candidates[most]) for reference in references[unit]])
            > np.mean([cosine(reference, candidates[least]) for reference in references[unit]])
            for least in order[:5]
            for most in order[-5:]
        ]
        expected.append(np.mean(answers))
    np.testing.assert_allclose(forced_choice(references, candidates, scores, extreme_share=0.25), expected)


def test_references_that_say_nothing_are_right_half_of_the_time():
    candidates = np.random.default_rng(6).standard_normal((10, 4))
    found = forced_choice(np.zeros((1, 1, 4)), candidates, np.arange(10.0)[None])
    assert found.tolist() == [0.5]
    with pytest.raises(ValueError, match="above 0 and at most"):
        forced_choice(np.zeros((1, 1, 4)), candidates, np.arange(10.0)[None], extreme_share=0.6)
    with pytest.raises(ValueError, match=r"\[unit, image\]"):
        forced_choice(np.zeros((1, 1, 4)), candidates, np.arange(9.0)[None])


def test_a_judge_that_gives_no_number_recognizes_nothing():
    judge = jaxviz.wrap(lambda images: jnp.nan * images.mean((1, 2)) @ jnp.ones((3, 7)), input_shape=(8, 8, 3))
    found = transfer(judge, np.full((2, 8, 8, 3), 0.5, np.float32), [0, 6])
    assert (found.top_1, found.top_5, found.ranks.tolist()) == (0.0, 0.0, [6, 6])


def test_features_that_are_no_numbers_stay_so():
    real, broken = np.eye(4), np.full((1, 4), np.nan)
    assert np.isnan(plausibility(broken, real)).all()
    assert np.isnan(similarity(np.stack([broken, broken], axis=1))).all()
    assert np.isnan(forced_choice(broken[:, None], real, np.array([[1.0, 2, 3, 4]]))).all()


def test_a_unit_that_all_images_excite_alike_leaves_nothing_to_choose():
    found = forced_choice(
        np.ones((2, 1, 3)), np.random.default_rng(0).random((9, 3)), np.stack([np.ones(9), np.arange(9)])
    )
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


@pytest.mark.parametrize(
    ("scores", "message"),
    [([[1.0, np.nan, 2.0]], "not finite"), ([[1.0]], "two images up"), ([[1.0, 2.0]], "two images")],
)
def test_candidates_without_an_order_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        forced_choice(np.ones((1, 1, 3)), np.ones((3 if len(scores[0]) == 3 else 1, 3)), np.array(scores))


@pytest.mark.parametrize("shape", [(5,), (12, 2), (6, 4, 4, 1)])
def test_vectors_signals_and_volumes_are_judged_too(shape):
    mixture = jnp.asarray(np.random.default_rng(0).standard_normal((shape[-1], 4)), jnp.float32)
    axes = tuple(range(1, len(shape)))
    judge = jaxviz.wrap(lambda inputs: (2 * inputs).mean(axes) @ mixture, input_shape=shape) if axes else None
    judge = judge or jaxviz.wrap(lambda inputs: jnp.tanh(inputs) @ mixture, input_shape=shape)
    longer = (*(2 * extent for extent in shape[:-1]), shape[-1])
    inputs = np.random.default_rng(1).random((3, *longer), np.float32)
    assert transfer(judge, inputs, [0, 1, 2]).ranks.shape == (3,)
    assert features(judge, inputs).shape == (3, shape[-1])


def test_what_is_no_batch_of_the_judges_inputs_is_said(judge):
    with pytest.raises(ValueError, match=r"images\[None\]"):
        transfer(judge, np.zeros((8, 8, 3), np.float32), [0])
    with pytest.raises(ValueError, match=r"images\[None\]"):
        fitted(np.zeros((8, 8, 3), np.float32), 4, 4)
    with pytest.raises(TypeError, match=r"0.9 is no class"):
        transfer(judge, np.zeros((1, 8, 8, 3), np.float32), [0.9])
    with pytest.raises(KeyError, match="mena"):
        features(judge, np.zeros((1, 8, 8, 3), np.float32), layer="mena")
    with pytest.raises(ValueError, match="a picture"):
        plausibility(np.zeros((0, 3)), np.eye(3))


def test_what_the_classifier_reads_is_neither_another_output_nor_a_map_of_the_classes():
    kernels = [jnp.asarray(np.random.default_rng(seed).standard_normal((3, 6)), jnp.float32) for seed in range(3)]

    def two_heads(images):
        hidden = jnp.tanh(images.mean((1, 2)) @ kernels[0])
        return hidden @ jnp.ones((6, 4)), hidden @ jnp.ones((6, 9))

    def map_of_classes(images):
        hidden = jnp.tanh(images @ kernels[0])
        return jnp.maximum(hidden @ jnp.ones((6, 9)), 0).mean((1, 2))

    assert penultimate(jaxviz.wrap(two_heads, input_shape=(8, 8, 3))) == "tanh"
    assert penultimate(jaxviz.wrap(map_of_classes, input_shape=(8, 8, 3))) == "tanh"
