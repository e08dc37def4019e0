"""Percentiles without a sort, against NumPy's."""

import hypothesis.extra.numpy as arrays
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxviz.optimizers.percentiles import percentile

RANDOM = np.random.default_rng(0)
SIZES = (1, 2, 7, 100)
AMOUNTS = st.sampled_from(SIZES).flatmap(
    # XLA takes the smallest numbers of all for zero.
    lambda size: arrays.arrays(
        np.float32, size, elements=st.floats(0, 2**100, width=32, allow_subnormal=False), fill=st.nothing()
    )
)
compiled = jax.jit(percentile)


@pytest.mark.smoke
@given(amounts=AMOUNTS, percent=st.floats(0, 100, width=32))
def test_a_percentile_is_that_of_numpy_but_for_the_last_bit(amounts, percent):
    np.testing.assert_allclose(compiled(amounts, percent), np.percentile(amounts, percent), rtol=3e-7)


@given(amounts=AMOUNTS, whole=st.integers(0, 99))
def test_where_it_is_one_of_the_numbers_it_has_their_bits(amounts, whole):
    rank = whole % len(amounts)
    percent = 100 * rank / max(len(amounts) - 1, 1)
    tied = np.repeat(amounts, 5)  # the numbers on both sides of the place are equal
    middle = 100 * (5 * rank + 2.5) / (len(tied) - 1)
    assert compiled(tied, middle) == np.percentile(tied, middle)
    if percent == round(percent):
        assert compiled(amounts, percent) == np.percentile(amounts, percent)


@pytest.mark.parametrize("percent", [0, 30, 50, 99.75, 100])
def test_of_as_many_pixels_as_a_preset_has_it_is_numpys_plain_vmapped_and_jitted(percent):
    amounts = np.abs(RANDOM.normal(size=(3, 227, 227))).astype(np.float32)
    expected = np.percentile(amounts, percent, axis=(1, 2))
    np.testing.assert_allclose([percentile(jnp.array(one), percent) for one in amounts], expected, rtol=1.2e-7)
    vmapped = jax.jit(jax.vmap(percentile, (0, None)))(amounts, percent)
    np.testing.assert_allclose(vmapped, expected, rtol=1.2e-7)
