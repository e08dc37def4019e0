"""Products in bfloat16: rounded once on the way in and once on the way out, and added up in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxviz.models.flattening import flatten
from jaxviz.models.lowering.half import in_bfloat16

NHWC = ("NHWC", "HWIO", "NHWC")


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def evaluated(function, weights, images, *, inner=None):
    program = flatten(lambda weights, images: [function(weights[0], images)], [weights], images)
    (wanted,) = program.outputs

    def run(images):
        known = {program.weight_values[0]: weights, program.image_value: images}
        return program.evaluate(known, [wanted], lowering=in_bfloat16(inner))[0]

    return run


def rounded(array):
    return np.asarray(jnp.asarray(array).astype(jnp.bfloat16), np.float64)


def convolve(weights, images):
    return lax.conv_general_dilated(images, weights, (2, 1), "SAME", dimension_numbers=NHWC)


def multiply(weights, images):
    return images.reshape(images.shape[0], -1) @ weights


@pytest.mark.parametrize(
    ("function", "weights"), [(convolve, normal(3, 3, 4, 5, seed=1)), (multiply, normal(7 * 6 * 4, 5, seed=1))]
)
def test_values_and_gradients_are_those_of_rounded_operands(function, weights):
    images = normal(2, 7, 6, 4)
    run = evaluated(function, weights, images)
    value, transpose = jax.vjp(run, images)
    assert value.dtype == jnp.float32
    exact = np.asarray(function(jnp.asarray(rounded(weights), jnp.float32), jnp.asarray(rounded(images), jnp.float32)))
    np.testing.assert_array_equal(np.asarray(value), rounded(value), "the result is a bfloat16")
    np.testing.assert_allclose(value, exact, rtol=2**-8, atol=2**-8 * np.abs(exact).max())

    cotangent = normal(*value.shape, seed=2)
    (gradient,) = transpose(cotangent)
    _, exactly = jax.vjp(lambda images: function(jnp.asarray(rounded(weights), jnp.float32), images), images)
    expected = np.asarray(exactly(jnp.asarray(rounded(cotangent), jnp.float32))[0])
    assert gradient.dtype == jnp.float32
    np.testing.assert_allclose(gradient, expected, rtol=2**-7, atol=2**-7 * np.abs(expected).max())


@pytest.mark.parametrize("function", [multiply, convolve])
def test_sums_are_added_up_in_float32(function):
    """In bfloat16 a sum of ones comes to 256 and no further."""
    count = 4096
    images = jnp.ones((1, 1, 1, count))
    weights = jnp.ones((count, 1) if function is multiply else (1, 1, count, 1))
    assert float(evaluated(function, weights, images)(images).ravel()[0]) == count


def test_what_is_no_product_stays_in_float32():
    images = jnp.full((1, 2, 2, 3), 1 + 2**-12)
    run = evaluated(lambda weights, images: jnp.tanh(images) + weights, jnp.float32(2**-12), images)
    np.testing.assert_array_equal(run(images), jnp.tanh(images) + jnp.float32(2**-12))


def test_products_of_other_types_are_left_alone():
    operands = [jnp.ones((2, 3), jnp.int32), jnp.ones((3, 2), jnp.int32)]
    params = jax.make_jaxpr(jnp.matmul)(*operands).jaxpr.eqns[0].params
    assert in_bfloat16(None)("dot_general", params, operands) is None


def test_equivalents_of_this_backend_are_offered_the_rounded_operands():
    offered = []

    def inner(primitive, params, operands):
        offered.append((primitive, [operand.dtype.name for operand in operands]))

    images = normal(2, 7, 6, 4)
    evaluated(lambda weights, images: jnp.tanh(convolve(weights, images)), normal(3, 3, 4, 5), images, inner=inner)(
        images
    )
    assert offered == [("conv_general_dilated", ["bfloat16", "bfloat16"]), ("tanh", ["float32"])]
