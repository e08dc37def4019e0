"""Equivalents of single operations held to XLA's own, in value and in both gradients, on random problems."""

import functools

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import assume, settings
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


NHWC = ("NHWC", "HWIO", "NHWC")


def pool(reduction, window, strides, padding, **options):
    """Return a reduction over windows of `[batch, …, channel]`."""
    start, operation = {"max": (-jnp.inf, lax.max), "sum": (0.0, lax.add)}[reduction]

    def function(array):
        return lax.reduce_window(
            array, start, operation, (1, *window, 1), (1, *strides, 1), [(0, 0), *padding, (0, 0)], **options
        )

    return function
