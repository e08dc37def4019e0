"""Every equivalent against XLA's own, in value and in both gradients, on random problems."""

import functools
import itertools
import re

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from jax import lax

from jaxviz.models.lowering import lower

# Each example compiles a program of its own.
few_examples = settings(max_examples=5)
lower_on_cpu = functools.partial(lower, backend="cpu")
lower_on_gpu = functools.partial(lower, backend="gpu")


def equivalent(function, *operands, lower=lower_on_cpu):
    """Return the function with its only equation replaced, or None where the equation is left to XLA."""
    (equation,) = jax.make_jaxpr(function)(*operands).jaxpr.eqns
    variables = iter(range(len(operands)))
    places = [getattr(atom, "val", None) if hasattr(atom, "val") else next(variables) for atom in equation.invars]
    literal = [hasattr(atom, "val") for atom in equation.invars]

    def replaced(*arrays):
        filled = [place if known else arrays[place] for place, known in zip(places, literal, strict=True)]
        return lower(equation.primitive.name, equation.params, filled)

    return None if jax.eval_shape(replaced, *operands) is None else replaced


def normal(*shape, seed=0, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def whole(*shape, low=-2, high=3, seed=0):
    """Small whole numbers: many of them are equal, and their sums are exact."""
    return jnp.asarray(np.random.default_rng(seed).integers(low, high, size=shape), jnp.float32)


def value_and_gradients(function, operands, cotangent):
    value, transpose = jax.vjp(function, *operands)
    return (value, *transpose(cotangent))


def assert_same(function, *operands, tolerance=3e-6, exact=False, lower=lower_on_cpu):
    """Check value, gradients, shapes and dtypes of an equation's equivalent against XLA's."""
    replaced = equivalent(function, *operands, lower=lower)
    assert replaced is not None
    result = jax.eval_shape(function, *operands)
    cotangent = (whole if exact else normal)(*result.shape, seed=1).astype(result.dtype)

    @jax.jit
    def both(operands, cotangent):
        return [value_and_gradients(chosen, operands, cotangent) for chosen in (function, replaced)]

    for expected, found in zip(*both(operands, cotangent), strict=True):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        expected, found = (np.asarray(array, np.float64) for array in (expected, found))
        if exact:
            np.testing.assert_array_equal(found, expected)
        else:
            scale = np.abs(expected).max(initial=1.0)
            np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=tolerance)


LETTERS = "XYZ"


@st.composite
def windows(draw, rank, *, dilated=True, least_padding=-1):
    """Sizes of an array and of a window over it with at least one result."""
    padded = st.integers(least_padding, 3)
    along = st.tuples(*[st.integers(1, 4)] * rank)
    sizes, strides = draw(along), draw(st.tuples(*[st.integers(1, 3)] * rank))
    dilation = draw(st.tuples(*[st.integers(1, 2)] * rank)) if dilated else (1,) * rank
    padding = draw(st.tuples(*[st.tuples(padded, padded)] * rank))
    extents = draw(st.tuples(*[st.integers(2, 9)] * rank))
    for size, step, (before, after), extent in zip(sizes, dilation, padding, extents, strict=True):
        assume((size - 1) * step + 1 <= extent + before + after)
        assume(min(before, 0) + min(after, 0) + extent > 0)
    return extents, sizes, {"window_strides": strides, "padding": padding, "rhs_dilation": dilation}


@st.composite
def layouts(draw, rank):
    """Orders of the axes of images, kernel and result."""
    letters = LETTERS[:rank]
    return tuple("".join(draw(st.permutations(names + letters))) for names in ("NC", "IO", "NC"))


def convolution(layout, **options):
    return functools.partial(lax.conv_general_dilated, dimension_numbers=layout, **options)


def laid_out(layout, seed=0, **sizes):
    return normal(*(sizes[letter] for letter in layout), seed=seed)


def convolved(layout, extents, kernel, *, batch, channels, each, results):
    """Return random images and a random kernel, which reads `each` channels, in a layout."""
    rank = len(extents)
    images = laid_out(layout[0], N=batch, C=channels, **dict(zip(LETTERS[:rank], extents, strict=True)))
    weights = laid_out(layout[1], seed=2, I=each, O=results, **dict(zip(LETTERS[:rank], kernel, strict=True)))
    return images, weights


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


def pool(reduction, window, strides, padding, **options):
    """Return a reduction over windows of `[batch, …, channel]`."""
    start, operation = {"max": (-jnp.inf, lax.max), "sum": (0.0, lax.add)}[reduction]

    def function(array):
        return lax.reduce_window(
            array, start, operation, (1, *window, 1), (1, *strides, 1), [(0, 0), *padding, (0, 0)], **options
        )

    return function


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


NHWC = ("NHWC", "HWIO", "NHWC")
PROBLEMS = {
    "depthwise": (
        convolution(NHWC, window_strides=(2, 1), padding="SAME", feature_group_count=4),
        [(2, 7, 6, 4), (3, 3, 1, 4)],
    ),
    "grouped": (
        convolution(NHWC, window_strides=(1, 1), padding="SAME", feature_group_count=2),
        [(2, 7, 6, 4), (3, 3, 2, 6)],
    ),
    "of stride one": (convolution(NHWC, window_strides=(1, 1), padding="SAME"), [(2, 7, 6, 4), (3, 3, 4, 5)]),
    "larger than the image": (convolution(NHWC, window_strides=(1, 1), padding="SAME"), [(2, 3, 2, 4), (5, 5, 4, 5)]),
    "pointwise": (convolution(NHWC, window_strides=(1, 1), padding="SAME"), [(2, 7, 6, 4), (1, 1, 4, 3)]),
    "strided": (convolution(NHWC, window_strides=(2, 2), padding="SAME"), [(2, 11, 12, 3), (5, 5, 3, 4)]),
    "dense": (lambda images, weights: images @ weights, [(1, 10), (10, 4)]),
    "max pool": (pool("max", (3, 3), (2, 2), [(0, 1), (0, 1)]), [(2, 7, 6, 4)]),
    "sum pool": (pool("sum", (3, 3), (2, 2), [(0, 1), (0, 1)]), [(2, 7, 6, 4)]),
}


def problem(name, dtype=jnp.float32):
    function, shapes = PROBLEMS[name]
    return function, [normal(*shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes)]


@pytest.mark.parametrize("name", PROBLEMS)
def test_equivalent_is_the_same_in_double_precision(name):
    with jax.enable_x64(True):
        function, operands = problem(name, jnp.float64)
        assert_same(function, *operands, tolerance=1e-13)


@pytest.mark.parametrize("name", PROBLEMS)
def test_equivalent_is_the_same_in_bfloat16_within_its_rounding(name):
    function, operands = problem(name, jnp.bfloat16)
    assert_same(function, *operands, tolerance=2e-2)


@pytest.mark.parametrize("name", PROBLEMS)
def test_equivalent_is_the_same_plain_jitted_and_mapped(name):
    function, operands = problem(name)
    replaced = equivalent(function, *operands)
    images, *weights = operands
    batches = jnp.stack([images, images[::-1]])
    cotangent = normal(*jax.eval_shape(function, *operands).shape, seed=5)

    def value_and_gradient(images):
        value, transpose = jax.vjp(lambda images: replaced(images, *weights), images)
        return value, *transpose(cotangent)

    jitted = jax.jit(value_and_gradient)
    expected = [jitted(batch) for batch in batches]
    np.testing.assert_allclose(replaced(images, *weights), expected[0][0], rtol=2e-5, atol=2e-5)
    for mapped, single in zip(jax.jit(jax.vmap(value_and_gradient))(batches), zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(mapped, jnp.stack(single), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["depthwise", "max pool", "sum pool"])
def test_bits_of_one_image_do_not_depend_on_the_others(name):
    function, operands = problem(name)
    replaced = equivalent(function, *operands)
    images, *weights = operands
    cotangent = normal(*jax.eval_shape(function, *operands).shape, seed=5)

    @jax.jit
    def compute(images, cotangent):
        value, transpose = jax.vjp(lambda images: replaced(images, *weights), images)
        return value, *transpose(cotangent)

    together, alone = compute(images, cotangent), compute(images[1:], cotangent[1:])
    for batch, single in zip(together, alone, strict=True):
        np.testing.assert_array_equal(batch[1:], single)


def test_gradient_of_the_weights_is_traced_only_when_wanted():
    function, (images, weights) = problem("depthwise")
    replaced = equivalent(function, images, weights)
    score = lambda images, weights: replaced(images, weights).sum()  # noqa: E731

    def gradients(wanted):
        return str(jax.make_jaxpr(jax.grad(score, argnums=wanted))(images, weights)).count("reduce_sum[")

    assert gradients(1) - gradients(0) == 9


def traced_exponent(base, exponent):
    return lax.pow(base, exponent)


@pytest.mark.parametrize(
    ("function", "operands"),
    [
        (
            convolution(NHWC, window_strides=(1, 1), padding=[(1, 1), (1, 1)], lhs_dilation=(2, 2)),
            [(2, 9, 9, 4), (3, 3, 4, 4)],
        ),
        (convolution(NHWC, window_strides=(1, 1), padding="SAME", batch_group_count=2), [(2, 9, 9, 4), (3, 3, 4, 4)]),
        (convolution(NHWC, window_strides=(2, 2), padding="VALID"), [(2, 4, 4, 3), (5, 5, 3, 4)]),
        (
            convolution(NHWC, window_strides=(1, 1), padding="SAME", feature_group_count=37),
            [(1, 9, 9, 148), (3, 3, 4, 37)],
        ),
        (
            convolution(NHWC, window_strides=(1, 1), padding="SAME", feature_group_count=4),
            [(1, 9, 9, 4), (13, 13, 1, 4)],
        ),
        (lambda left, right: left @ right, [(2, 8), (8, 5)]),
        (lambda left, right: left @ right, [(4, 16, 8), (8, 5)]),
        (lambda left, right: lax.dot_general(left, right, (((0,), (0,)), ((), ()))), [(8, 1), (8, 5)]),
        (jnp.matmul, [(2, 1, 8), (2, 8, 5)]),
        (pool("max", (2, 2), (1, 1), [(0, 0), (0, 0)], base_dilation=(1, 2, 2, 1)), [(1, 5, 5, 2)]),
        (pool("sum", (2, 2), (2, 2), [(0, 0), (0, 0)]), [(1, 5, 5, 2)]),
        (pool("sum", (33, 1), (1, 1), [(0, 0), (0, 0)]), [(1, 40, 2, 2)]),
        (lambda array: lax.reduce_window(array, 0.0, lax.add, (1, 5), (1, 1), "SAME"), [(3, 8)]),
        (lambda base: lax.pow(base, 0.3), [(5,)]),
        (lambda base: lax.pow(base, 2.0), [(5,)]),
        (traced_exponent, [(5,), (5,)]),
        (jnp.tanh, [(5,)]),
    ],
)
def test_other_equations_are_left_to_xla(function, operands):
    assert equivalent(function, *(normal(*shape) for shape in operands)) is None


def test_whole_numbers_are_left_to_xla():
    images = jnp.ones((1, 5, 5, 2), jnp.int32)
    (equation,) = jax.make_jaxpr(convolution(NHWC, window_strides=(1, 1), padding="SAME"))(
        images, jnp.ones((1, 1, 2, 2), jnp.int32)
    ).jaxpr.eqns
    assert lower_on_cpu(equation.primitive.name, equation.params, [images, jnp.ones((1, 1, 2, 2), jnp.int32)]) is None


def test_a_gpu_has_equivalents_of_plain_convolutions_and_pools():
    images = whole(2, 9, 8, 3)
    for strides in ((1, 1), (2, 2)):
        function = convolution(NHWC, window_strides=strides, padding="SAME")
        assert_same(function, images, whole(3, 3, 3, 4), exact=True, lower=lower_on_gpu)

    def largest(images):
        return lax.reduce_window(images, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")

    assert_same(largest, images, exact=True, lower=lower_on_gpu)


@pytest.mark.parametrize(("kernel", "groups"), [((1, 1, 4, 5), 1), ((3, 3, 1, 4), 4)], ids=["1×1", "depthwise"])
def test_a_gpu_keeps_its_libraries_for_pointwise_and_depthwise_convolutions(kernel, groups):
    function = convolution(NHWC, window_strides=(1, 1), padding="SAME", feature_group_count=groups)
    assert equivalent(function, normal(1, 5, 5, 4), normal(*kernel), lower=lower_on_gpu) is None


def test_other_backends_keep_the_lowering_of_xla():
    lower_on_tpu = functools.partial(lower, backend="tpu")
    function = convolution(NHWC, window_strides=(2, 2), padding="SAME")
    assert equivalent(function, normal(1, 5, 5, 4), normal(3, 3, 4, 5), lower=lower_on_tpu) is None
    assert lower("pow", {}, [jnp.ones(3), 0.75], backend="gpu") is None
