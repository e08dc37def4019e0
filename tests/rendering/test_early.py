"""What depends on the weights alone is taken out of a step, and nothing else is."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxviz.rendering.early import split


def step(weights, images, rate):
    turned = jnp.flip(weights["kernel"]).T * 2.0
    wide = jnp.broadcast_to(weights["bias"], (4, 5, 2))
    return {"images": images + rate * jnp.tanh(images @ turned), "sum": (images + wide).sum(), "two": jnp.float32(2)}


WEIGHTS = {"kernel": jnp.arange(4.0).reshape(2, 2), "bias": jnp.array([1.0, -1.0])}
IMAGES = jnp.linspace(-1, 1, 40).reshape(4, 5, 2)


def test_both_parts_together_are_the_function_plain_and_jitted():
    parts = split(step, WEIGHTS, IMAGES, 0.5)
    expected = step(WEIGHTS, IMAGES, 0.25)
    for late in (parts.late, jax.jit(parts.late)):
        found = late(parts.early(WEIGHTS), IMAGES, 0.25)
        assert found.keys() == expected.keys()
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)


def test_what_the_weights_decide_is_kept_and_made_no_second_time():
    parts = split(step, WEIGHTS, IMAGES, 0.5)
    kept = parts.early(WEIGHTS)
    np.testing.assert_array_equal(kept[-1], np.flip(WEIGHTS["kernel"]).T * 2)
    late = str(jax.make_jaxpr(parts.late)(kept, IMAGES, 0.5))
    assert "rev[" not in late
    assert "tanh" in late


def test_what_would_grow_is_not_kept():
    kept = split(step, WEIGHTS, IMAGES, 0.5).early(WEIGHTS)
    assert max(array.size for array in kept) == 4  # the bias spread out over all positions would be 40 numbers


def test_shapes_are_enough_to_split():
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), (WEIGHTS, IMAGES))
    parts = split(step, *shapes, jax.ShapeDtypeStruct((), jnp.float32))
    np.testing.assert_allclose(parts.late(parts.early(WEIGHTS), IMAGES, jnp.float32(1))["two"], 2)


def test_a_large_constant_is_written_into_no_program():
    table = np.linspace(0, 1, 20_000, dtype=np.float32)

    def function(weights, images):
        return images + jnp.asarray(table)[-40:].reshape(4, 5, 2) + weights["bias"] + jnp.arange(2.0)

    parts = split(function, WEIGHTS, IMAGES)
    np.testing.assert_array_equal(parts.large, [table])
    kept = [*parts.large, *parts.early(WEIGHTS)]
    np.testing.assert_allclose(parts.late(kept, IMAGES), function(WEIGHTS, IMAGES), rtol=1e-6)
    assert all(np.size(constant) < 100 for constant in jax.make_jaxpr(parts.late)(kept, IMAGES).consts)
