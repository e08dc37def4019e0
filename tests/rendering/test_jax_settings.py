"""What a user has set of jax, or put on a device of its own, does not keep a picture from being made."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz


@pytest.fixture(scope="module")
def model():
    def network(images):
        with jax.named_scope("means"):
            return jnp.tanh(images.mean((1, 2)))

    return jaxviz.wrap(network, input_shape=(8, 8, 3))


def render(model, **options):
    return jaxviz.render(model, "means", **{"size": 8, "steps": 6, "transforms": None, "progress": False, **options})


def test_pictures_are_made_the_same_while_jax_looks_for_nans(model):
    plateau = jaxviz.Plateau(patience_steps=2, least_gain=0.9)
    usual = [render(model), render(model, stop_on_plateau=plateau, steps=70)]
    with jax.debug_nans(True):
        watched = [render(model), render(model, stop_on_plateau=plateau, steps=70)]
    for expected, found in zip(usual, watched, strict=True):
        np.testing.assert_array_equal(found.images, expected.images)
        np.testing.assert_array_equal(found.score_history, expected.score_history)
    assert len(watched[1].score_history) < 70, "all units stood still"


# Two virtual devices must be asked for before jax starts.
ON_ANOTHER_DEVICE = """
import jax, jaxviz
model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(8, 8, 3))
for made in (jax.random.key(3), jax.random.key(3, impl="rbg"), jax.random.PRNGKey(3)):
    here, there = (
        jaxviz.render(model, model.layers.names[-1], units=[0, 1], key=key, steps=1, size=8, progress=False)
        for key in (made, jax.device_put(made, jax.devices()[1]))
    )
    assert here.recipe == there.recipe
    assert (here.images == there.images).all()
"""


def test_a_key_may_be_on_another_device_than_the_model():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    subprocess.run(
        [sys.executable, "-c", ON_ANOTHER_DEVICE],
        env={**os.environ, **flags},
        cwd=Path(__file__).parents[2],
        check=True,
    )
