"""What holds for all equivalents (dtypes, transformations, bits of a batch), and what is left to XLA."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxviz.models.lowering import lower
from lowered import (
    NHWC,
    assert_same,
    convolution,
    equivalent,
    lower_on_cpu,
    lower_on_gpu,
    normal,
    pool,
    whole,
)

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


@pytest.mark.parametrize("name", ["depthwise", "grouped", "of stride one", "pointwise", "strided"])
@pytest.mark.parametrize("lower", [lower_on_cpu, lower_on_gpu])
def test_a_convolution_whose_result_has_another_dtype_is_left_to_xla(name, lower):
    function, operands = problem(name, jnp.bfloat16)
    assert equivalent(functools.partial(function, preferred_element_type=jnp.float32), *operands, lower=lower) is None


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
