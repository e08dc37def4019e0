"""Every equivalent against XLA's own, in value and in both gradients, on random problems."""

import itertools
import re

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from jax import lax

from lowered import (
    NHWC,
    assert_same,
    convolution,
    convolved,
    equivalent,
    few_examples,
    layouts,
    normal,
    pool,
    whole,
    windows,
)


@few_examples
@given(st.data())
def test_depthwise_convolution_is_the_same_in_every_layout(data):
    rank = data.draw(st.integers(1, 3))
    extents, kernel, options = data.draw(windows(rank))
    layout = data.draw(layouts(rank))
    channels, multiplier, batch = data.draw(st.tuples(st.integers(2, 5), st.integers(1, 2), st.integers(1, 2)))
    images, weights = convolved(
        layout, extents, kernel, batch=batch, channels=channels, each=1, results=channels * multiplier
    )
    assert_same(convolution(layout, feature_group_count=channels, **options), images, weights)


@few_examples
@given(st.data())
def test_pointwise_convolution_is_the_same_in_every_layout(data):
    rank = data.draw(st.integers(1, 3))
    extents, _, options = data.draw(windows(rank))
    layout = data.draw(layouts(rank))
    assume(all(extent + sum(pair) > 0 for extent, pair in zip(extents, options["padding"], strict=True)))
    batch, channels, results = data.draw(st.tuples(*[st.integers(1, 4)] * 3))
    images, weights = convolved(
        layout, extents, (1,) * rank, batch=batch, channels=channels, each=channels, results=results
    )
    assert_same(convolution(layout, **options), images, weights)


@few_examples
@given(st.data())
def test_grouped_convolution_is_the_same_in_every_layout(data):
    extents, kernel, options = data.draw(windows(2))
    layout = data.draw(layouts(2))
    groups, each, ratio = data.draw(st.tuples(st.sampled_from([2, 3, 9, 12]), st.integers(2, 3), st.integers(1, 2)))
    images, weights = convolved(
        layout, extents, kernel, batch=2, channels=groups * each, each=each, results=groups * ratio
    )
    assert_same(convolution(layout, feature_group_count=groups, **options), images, weights)


@few_examples
@given(st.data())
def test_strided_convolution_has_the_same_gradients_in_every_layout(data):
    extents, kernel, options = data.draw(windows(2, dilated=False))
    assume(max(options["window_strides"]) > 1)
    large = data.draw(st.booleans())
    layout = data.draw(layouts(2))
    kernel = tuple(size + 2 for size in kernel) if large else kernel
    extents = tuple(extent + 2 for extent in extents) if large else extents
    channels = data.draw(st.sampled_from([1, 3, 9]))
    images, weights = convolved(layout, extents, kernel, batch=2, channels=channels, each=channels, results=4)
    assert_same(convolution(layout, **options), images, weights)


@few_examples
@given(st.data())
def test_convolution_of_stride_one_has_the_same_gradients_in_every_layout(data):
    rank = data.draw(st.integers(1, 3))
    extents, kernel, options = data.draw(windows(rank))
    layout = data.draw(layouts(rank))
    batch, channels, results = data.draw(st.tuples(*[st.integers(1, 4)] * 3))
    images, weights = convolved(layout, extents, kernel, batch=batch, channels=channels, each=channels, results=results)
    assert_same(convolution(layout, **options | {"window_strides": (1,) * rank}), images, weights)


@pytest.mark.parametrize("extent", [2, 9])
def test_convolution_in_a_loop_reaches_the_library_with_its_gradient(extent):
    function, shapes = convolution(NHWC, window_strides=(1, 1), padding="SAME"), [(1, extent, extent, 4), (5, 5, 4, 4)]
    images, kernel = (normal(*shape) for shape in shapes)
    replaced = equivalent(function, images, kernel)

    def climbed(images, kernel):
        step = jax.grad(lambda images: replaced(images, kernel).sum())
        return lax.fori_loop(0, 3, lambda _, images: images + step(images), images)

    layouts_compiled = set(
        re.findall(r"dim_labels=(\S+?)[,\s]", jax.jit(climbed).lower(images, kernel).compile().as_text())
    )
    assert layouts_compiled == {"b01f_01io->b01f"}  # what no library takes has others, such as b01f_01oi->b01f


@pytest.mark.parametrize("batch", [1, 3])
def test_convolution_with_few_positions_is_filled_up_and_the_same(batch):
    function = convolution(("NHWC", "HWIO", "NHWC"), window_strides=(1, 1), padding="SAME")
    assert_same(function, normal(batch, 5, 4, 6), normal(3, 3, 6, 7))


@pytest.mark.parametrize(
    ("images", "kernel", "options"),
    [
        ((2, 21, 18, 3), (7, 7, 3, 8), {"window_strides": (2, 2)}),
        ((2, 21, 18, 3), (11, 11, 3, 8), {"window_strides": (4, 4)}),
        ((1, 15, 17, 3), (3, 3, 3, 8), {"window_strides": (2, 2)}),
        ((2, 11, 14, 16), (3, 3, 16, 8), {"window_strides": (2, 2)}),
        ((2, 11, 14, 16), (2, 2, 16, 8), {"window_strides": (4, 4)}),
        ((2, 19, 19, 40), (5, 5, 1, 40), {"window_strides": (2, 2), "feature_group_count": 40}),
        ((2, 9, 9, 64), (3, 3, 2, 64), {"window_strides": (1, 1), "feature_group_count": 32}),
    ],
)
def test_convolutions_of_known_models_are_the_same(images, kernel, options):
    function = convolution(("NHWC", "HWIO", "NHWC"), padding="SAME", **options)
    assert_same(function, normal(*images), normal(*kernel))


@few_examples
@given(st.data())
@pytest.mark.parametrize("reduction", ["max", "sum"])
def test_pooling_is_the_same_and_ties_go_to_the_same_element(reduction, data):
    rank = data.draw(st.integers(1, 3))
    extents, window, options = data.draw(windows(rank, dilated=False, least_padding=0))
    # Sums over windows that do not overlap are left to XLA.
    assume(any(size > stride for size, stride in zip(window, options["window_strides"], strict=True)))
    # XLA counts padding among the equal elements of a window that has nothing else.
    assume(all(max(pair) < size for pair, size in zip(options["padding"], window, strict=True)))
    seed = data.draw(st.integers(0, 99))
    function = pool(reduction, window, options["window_strides"], options["padding"])
    assert_same(function, whole(2, *extents, 3, seed=seed), exact=True)


@pytest.mark.parametrize("reduction", ["max", "sum"])
@pytest.mark.parametrize("window", [(5, 5), (2, 9)])
def test_pooling_over_a_large_window_is_the_same(reduction, window):
    function = pool(reduction, window, (2, 1), [(2, 2), (1, 0)])
    assert_same(function, whole(2, 11, 12, 3), exact=True)


def test_pooling_a_rectified_map_of_zeros_follows_the_first_of_each_window():
    function = equivalent(pool("max", (2, 2), (2, 2), [(0, 0), (0, 0)]), jnp.zeros((1, 4, 4, 1)))
    gradient = jax.grad(lambda array: function(array).sum())(jnp.zeros((1, 4, 4, 1)))
    expected = np.zeros((4, 4))
    expected[::2, ::2] = 1
    np.testing.assert_array_equal(gradient[0, :, :, 0], expected)


def test_pooling_with_a_dilated_window_takes_the_maximum_of_what_it_reads():
    images = normal(1, 7, 8, 1)
    function = equivalent(pool("max", (2, 3), (2, 1), [(0, 0), (0, 0)], window_dilation=(1, 3, 2, 1)), images)
    value, transpose = jax.vjp(function, images)
    (gradient,) = transpose(jnp.ones_like(value))
    expected = np.zeros((7, 8))
    for row, column in itertools.product(range(0, 4, 2), range(4)):
        seen = np.asarray(images[0, row : row + 4 : 3, column : column + 5 : 2, 0])
        assert value[0, row // 2, column, 0] == seen.max()
        inner = np.unravel_index(seen.argmax(), seen.shape)
        expected[row + 3 * inner[0], column + 2 * inner[1]] += 1
    np.testing.assert_array_equal(gradient[0, :, :, 0], expected)


@pytest.mark.parametrize("exponent", [0.25, 0.5, 0.75, 1.25, 2.75, -0.25, -0.5, -0.75, -1.5])
def test_power_is_the_same_within_rounding(exponent):
    assert_same(lambda base: lax.pow(base, exponent), jnp.geomspace(1e-6, 1e6, 49), tolerance=1e-6)
    sizes = jnp.geomspace(1e-6, 1e6, 49)
    replaced = equivalent(lambda base: lax.pow(base, exponent), sizes)
    np.testing.assert_allclose(replaced(sizes), np.asarray(sizes, np.float64) ** exponent, rtol=4e-7)


@pytest.mark.parametrize("exponent", [0.75, 1.25])
def test_power_of_zero_has_the_gradient_of_the_power(exponent):
    zero = jnp.zeros(())
    replaced = equivalent(lambda base: lax.pow(base, exponent), zero)
    assert replaced(zero) == 0
    assert jax.grad(replaced)(zero) == (jnp.inf if exponent < 1 else 0)


@pytest.mark.parametrize(
    ("left", "right", "summed"),
    [
        ((1, 20), (20, 30), (1, 0)),
        ((2, 5, 20), (20, 3), (2, 0)),
        ((5, 20, 2), (20, 3), (1, 0)),
        ((30, 20), (3, 20), (1, 1)),
        ((30, 20), (1, 20), (1, 1)),
        ((10, 20), (3, 20), (1, 1)),
        ((1, 20), (30, 20), (1, 1)),
    ],
)
def test_product_with_few_rows_is_filled_up_and_the_same(left, right, summed):
    dimensions = (((summed[0],), (summed[1],)), ((), ()))
    assert_same(lambda first, second: lax.dot_general(first, second, dimensions), normal(*left), normal(*right, seed=2))
