"""Ranks within a channel, against NumPy's stable sort."""

import hypothesis.extra.numpy as arrays
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxviz.objectives import distribution
from jaxviz.objectives.ranks import ranks

RANDOM = np.random.default_rng(0)
VALUES = st.sampled_from([(1, 3), (2, 1), (9, 2), (64, 5)]).flatmap(
    lambda shape: arrays.arrays(
        np.float32, shape, elements=st.floats(width=32, allow_nan=False, allow_subnormal=False), fill=st.nothing()
    )
)
compiled = jax.jit(ranks)


def ranks_by_numpy(values):
    order = np.argsort(values, axis=0, kind="stable")
    return np.argsort(order, axis=0)


@pytest.mark.smoke
@given(values=VALUES)
def test_ranks_are_those_of_a_stable_sort(values):
    np.testing.assert_array_equal(compiled(values), ranks_by_numpy(values))


def test_of_equal_numbers_the_earlier_comes_first_and_both_zeros_are_equal():
    values = np.float32([[2, 0], [0, -0.0], [2, 0], [-np.inf, -1], [0, -0.0]])
    np.testing.assert_array_equal(ranks(jnp.array(values)), ranks_by_numpy(values))


def test_many_positions_plain_vmapped_and_jitted():
    values = np.round(RANDOM.normal(size=(2, 70_000, 2)), 2).astype(np.float32)  # more than 16 bits can number; ties
    expected = [ranks_by_numpy(one) for one in values]
    np.testing.assert_array_equal(ranks(jnp.array(values[0])), expected[0])
    np.testing.assert_array_equal(jax.jit(jax.vmap(ranks))(values), expected)


@pytest.mark.parametrize("importance", [None, [1, 2, 0, 3]])
def test_matching_by_ranks_has_the_score_and_the_gradient_of_sorting(importance):
    reference = np.sort(RANDOM.normal(size=(60, 4)), axis=0).astype(np.float32)
    weights = np.ones((1, 4), np.float32) if importance is None else np.float32([importance])
    given = np.maximum(RANDOM.normal(size=(3, 5, 12, 4)), 0).astype(np.float32)  # half of it ties

    def by_sorting(activation):
        return -jnp.mean(jnp.square(jnp.sort(activation.reshape(60, 4), axis=0) - reference) * weights)

    objective = distribution("layer", reference, importance=importance)
    score, gradient = jax.jit(jax.vmap(jax.value_and_grad(objective.of_activation)))(given)
    expected_score, expected_gradient = jax.jit(jax.vmap(jax.value_and_grad(by_sorting)))(given)
    np.testing.assert_allclose(score, expected_score, rtol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6, atol=1e-9)
