"""The options under which climbs are compiled are fast and nothing else: every operation gives what NumPy gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import jaxviz
from jaxviz.models.jax_internals import climbing_options

POSITIVE = np.linspace(0.05, 3, 1003, dtype=np.float32)
ANY = np.linspace(-3, 3, 1003, dtype=np.float32)
WITHIN_ONE = np.linspace(-0.95, 0.95, 1003, dtype=np.float32)

OPERATIONS = {
    **{
        name: (getattr(jnp, name), getattr(np, name), ANY)
        for name in (
            "abs arctan arcsinh ceil cos cosh exp exp2 expm1 floor negative rint sign sin sinh square tan tanh"
        ).split()
    },
    **{
        name: (getattr(jnp, name), getattr(np, name), POSITIVE)
        for name in "cbrt log log10 log1p log2 reciprocal sqrt".split()
    },
    **{name: (getattr(jnp, name), getattr(np, name), WITHIN_ONE) for name in "arccos arcsin arctanh".split()},
    "erf": (jax.lax.erf, scipy.special.erf, ANY),
    "erf_inv": (jax.lax.erf_inv, scipy.special.erfinv, WITHIN_ONE),
    "logistic": (jax.lax.logistic, scipy.special.expit, ANY),
    "rsqrt": (jax.lax.rsqrt, lambda numbers: 1 / np.sqrt(numbers), POSITIVE),
    "power": (lambda numbers: numbers**1.7, lambda numbers: numbers**1.7, POSITIVE),
    "cube": (lambda numbers: numbers**3, lambda numbers: numbers**3, ANY),
    "maximum": (lambda numbers: jnp.maximum(numbers, 0.3), lambda numbers: np.maximum(numbers, 0.3), ANY),
    "clip": (lambda numbers: jnp.clip(numbers, -1, 1), lambda numbers: np.clip(numbers, -1, 1), ANY),
    "divide": (lambda numbers: 1 / (4 + numbers), lambda numbers: 1 / (4 + numbers), ANY),
    "arctan2": (lambda numbers: jnp.arctan2(numbers, 0.7), lambda numbers: np.arctan2(numbers, 0.7), ANY),
    "softplus": (jax.nn.softplus, lambda numbers: np.log1p(np.exp(numbers)), ANY),
    "gelu": (
        lambda numbers: jax.nn.gelu(numbers, approximate=False),
        lambda numbers: numbers * scipy.special.ndtr(numbers),
        ANY,
    ),
    "sum": (jnp.cumsum, np.cumsum, ANY),
}


@pytest.mark.smoke
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_of_a_climb_gives_what_numpy_gives(name):
    operation, reference, numbers = OPERATIONS[name]
    options = climbing_options(jax.default_backend())
    compiled = jax.jit(operation, compiler_options=options)
    for shape in ((1003,), (17, 59)):
        found = compiled(numbers.reshape(shape))
        expected = reference(numbers.reshape(shape).astype(np.float64))
        np.testing.assert_allclose(found, expected, rtol=3e-5, atol=2e-5 if name != "sum" else 1e-3)
    slope = jax.jit(jax.grad(lambda given: jnp.sum(operation(given))), compiler_options=options)(numbers)
    assert np.isfinite(slope).all()


def test_a_network_that_paints_gives_the_same_bits_twice_and_climbs():
    model = jaxviz.wrap(lambda images: (images - 0.5).mean((1, 2)), input_shape=(20, 26, 3))
    options = {"units": [0], "steps": 12, "parameterization": jaxviz.cppn(), "learning_rate": 0.005, "progress": False}
    first, second = (jaxviz.render(model, "output", size=(20, 26), **options) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)
    assert first.states == ("done",)
    assert first.scores[0] > 0.3  # of 0.5


def test_a_network_of_arctangents_climbs_to_what_its_pictures_score():
    model = jaxviz.wrap(lambda images: jnp.arctan(4 * images - 2).mean((1, 2)), input_shape=(24, 30, 3))
    found = jaxviz.render(model, "output", units=[0, 2], steps=60, transforms=None, progress=False)
    scores = jaxviz.evidence.scores(model, [jaxviz.channel("output", unit) for unit in (0, 2)], found.images)
    np.testing.assert_allclose(np.diag(scores), found.scores, atol=0.05)
    assert np.diag(scores).min() > 0.6  # of 1.107
