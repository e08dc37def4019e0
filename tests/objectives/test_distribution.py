"""Matching distributions of features, against the authors' formula in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxviz.objectives import distribution, from_json, measure_distribution

RANDOM = np.random.default_rng(0)


def sort_matching(target, given):
    """`sort_matching` of VITAL's code, channels last: each value against the mean of those of its rank."""
    value = np.sort(target.reshape(len(target), -1, target.shape[-1]), axis=1).mean(axis=0)
    flat = given.reshape(-1, given.shape[-1])
    rank = np.argsort(np.argsort(flat, axis=0), axis=0)
    return np.mean(np.square(flat - np.take_along_axis(value, rank, axis=0)))


@pytest.mark.smoke
def test_the_score_is_minus_the_sort_matching_of_the_authors():
    target, given = RANDOM.normal(size=(6, 5, 7, 3)), RANDOM.normal(size=(5, 7, 3))
    objective = distribution("layer", measure_distribution(target))
    np.testing.assert_allclose(
        objective.of_activation(jnp.array(given, jnp.float32)), -sort_matching(target, given), rtol=1e-5
    )
    batch = jnp.array(RANDOM.normal(size=(4, 5, 7, 3)), jnp.float32)
    vmapped = jax.jit(jax.vmap(objective.of_activation))(batch)
    np.testing.assert_allclose(vmapped, [-sort_matching(target, one) for one in np.asarray(batch)], rtol=1e-5)


def test_each_channel_counts_by_its_importance():
    target, given = RANDOM.normal(size=(6, 8, 2)), jnp.array(RANDOM.normal(size=(8, 2)), jnp.float32)
    one, other, both = (
        distribution("layer", measure_distribution(target), importance=importance).of_activation(given)
        for importance in ([1, 0], [0, 1], [2, 3])
    )
    np.testing.assert_allclose(both, 2 * one + 3 * other, rtol=1e-5)


def test_wide_layers_keep_quantiles_and_are_compared_at_other_sizes():
    target = RANDOM.normal(size=(3, 40, 40, 2)).astype(np.float32)
    table = measure_distribution(target)
    assert table.shape == (256, 2)
    ranked = np.sort(target.reshape(3, -1, 2), axis=1).mean(axis=0)
    places, known = (np.arange(256) + 0.5) / 256, (np.arange(1600) + 0.5) / 1600
    for channel in range(2):
        np.testing.assert_allclose(table[:, channel], np.interp(places, known, ranked[:, channel]), atol=1e-5)
    same, smaller = target[0], target[0][::2, ::2]
    objective = distribution("layer", table)
    assert float(objective.of_activation(jnp.array(same))) > -0.01
    assert float(objective.of_activation(jnp.array(smaller))) > -0.02
    assert float(objective.of_activation(jnp.array(same + 1))) < -0.9


def test_where_something_is_does_not_count():
    given = jnp.array(RANDOM.normal(size=(16, 4)), jnp.float32)
    objective = distribution("layer", measure_distribution(RANDOM.normal(size=(2, 4, 4, 4))))
    shuffled = given[RANDOM.permutation(16)]
    np.testing.assert_allclose(objective.of_activation(given), objective.of_activation(shuffled), rtol=1e-6)


def test_it_is_data():
    objective = distribution("layer", measure_distribution(RANDOM.normal(size=(2, 3, 4))), importance=[1, 2, 0, 1])
    assert from_json(objective.to_json()) == objective
    assert objective.label() == "layer as in data"
    assert str(2 * objective).startswith("2 * distribution(")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: measure_distribution(np.zeros((0, 3, 2))), "finite numbers of at least one image"),
        (lambda: measure_distribution([1.0, np.nan]), "finite numbers of at least one image"),
        (lambda: distribution("layer", [1, 2]), r"The reference has shape \(2,\); give the table"),
        (lambda: distribution("layer", [[1.0]], importance=[-1]), "zero or more"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_advice(make, message):
    with pytest.raises(ValueError, match=message):
        make()
