"""Transforms move signals and volumes along every axis as NumPy would, and refuse what only images can bear."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxviz import transforms

GENERATOR = np.random.default_rng(0)
SIGNAL = GENERATOR.random((20, 2), np.float32)
VOLUME = GENERATOR.random((5, 7, 6, 2), np.float32)


def shifted(signal, distance, outside=0.5):
    """The signal moved to later samples by a distance, read between the samples along a line."""
    places = np.arange(-1, len(signal) + 1)
    framed = np.pad(signal, [(1, 1), (0, 0)], constant_values=outside)
    wanted = np.arange(len(signal)) - distance
    columns = [np.interp(wanted, places, channel, left=outside, right=outside) for channel in framed.T]
    return np.stack(columns, -1)


@pytest.mark.parametrize("distance", [0.0, 3.0, -2.0, 0.25, -6.5, 40.0])
def test_a_signal_is_shifted_as_interpolation_says(key, distance):
    seen = transforms.shift(choices=[distance])(key, jnp.asarray(SIGNAL))
    np.testing.assert_allclose(seen, shifted(SIGNAL, distance), atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_axis_of_a_volume_is_shifted_by_itself(axis):
    transform = transforms.shift(2.5)
    keys = jax.random.split(jax.random.key(1), 6)
    for key in keys:
        distance = -np.asarray(transform.affine(jax.random.uniform(key, (4,), jnp.float32)[1:], 3).offset)
        expected = VOLUME
        for along in range(3):
            moved = np.moveaxis(expected, along, 0)
            flat = shifted(moved.reshape(len(moved), -1), distance[along])
            expected = np.moveaxis(flat.reshape(moved.shape), 0, along)
        np.testing.assert_allclose(transform(key, jnp.asarray(VOLUME)), expected, atol=1e-5)
    assert len({float(transform.affine(jax.random.uniform(one, (3,)), 3).offset[axis]) for one in keys}) == 6


@pytest.mark.parametrize("inputs", [SIGNAL, VOLUME], ids=["signal", "volume"])
def test_jitter_copies_what_it_crops(key, inputs):
    size = tuple(extent - 3 for extent in inputs.shape[:-1])
    assert transforms.jitter(3).output_size(*inputs.shape[:-1]) == size
    seen = np.asarray(transforms.jitter(3)(key, jnp.asarray(inputs)))
    windows = np.lib.stride_tricks.sliding_window_view(inputs, size, tuple(range(inputs.ndim - 1)))
    windows = np.moveaxis(windows.reshape(-1, inputs.shape[-1], *size), 1, -1)
    assert any(np.array_equal(seen, window) for window in windows)


def test_scaling_a_signal_stretches_it_about_its_middle(key):
    seen = transforms.scale(choices=[2])(key, jnp.arange(5.0)[:, None])
    assert seen[:, 0].tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]


@pytest.mark.parametrize(("fill", "mode"), [(0.25, {"constant_values": 0.25}), ("reflect", {"mode": "reflect"})])
@pytest.mark.parametrize("inputs", [SIGNAL, VOLUME], ids=["signal", "volume"])
def test_a_border_goes_all_around(key, inputs, fill, mode):
    seen = transforms.pad(2, fill=fill)(key, jnp.asarray(inputs))
    around = [(2, 2)] * (inputs.ndim - 1) + [(0, 0)]
    np.testing.assert_allclose(seen, np.pad(inputs, around, **mode), atol=1e-6)
    np.testing.assert_allclose(
        transforms.compose(transforms.pad(2, fill=fill), transforms.crop(2))(key, jnp.asarray(inputs)), inputs
    )


@pytest.mark.parametrize("inputs", [SIGNAL, VOLUME], ids=["signal", "volume"])
def test_each_of_a_batch_is_what_it_is_alone_and_has_the_gradient_of_a_linear_map(inputs):
    transform = transforms.compose(transforms.pad(1), transforms.shift(2), transforms.scale(0.8, 1.2))
    keys, inputs = jax.random.split(jax.random.key(3), 4), jnp.asarray(inputs)
    together = jax.vmap(transform, in_axes=(0, None))(keys, inputs)
    for place, key in enumerate(keys):
        np.testing.assert_allclose(together[place], transform(key, inputs), atol=1e-6)
    direction = jnp.asarray(GENERATOR.random(inputs.shape, np.float32))
    weights = jnp.asarray(GENERATOR.random(together[0].shape, np.float32))

    def score(image):
        return jnp.sum(weights * transform(keys[0], image))

    along = jnp.vdot(jax.grad(score)(inputs), direction)
    np.testing.assert_allclose(along, score(inputs + direction) - score(inputs), rtol=1e-3)


@pytest.mark.parametrize("shape", [(15, 2), (9, 9, 9, 1)], ids=["signal", "volume"])
def test_a_spike_is_blurred_along_every_axis(key, shape):
    middle = tuple(extent // 2 for extent in shape[:-1])
    blurred = np.asarray(transforms.blur(0.8, 0.8)(key, jnp.zeros(shape).at[middle].set(1.0)))
    weights = np.exp(-0.5 * np.square(np.arange(-3, 4) / 0.8))
    weights /= weights.sum()
    for axis in range(len(shape) - 1):
        others = tuple(place for place in range(len(shape) - 1) if place != axis)
        along = blurred.sum(others)[middle[axis] - 3 : middle[axis] + 4]
        np.testing.assert_allclose(along[:, 0], weights, atol=1e-6)


def test_noise_is_for_vectors_too(key):
    seen = transforms.noise(0.5)(key, jnp.zeros(2000))
    np.testing.assert_allclose(np.std(seen), 0.5, rtol=0.1)
    assert transforms.noise(0.5).output_size() == ()


@pytest.mark.parametrize(
    ("transform", "extents", "message"),
    [
        (transforms.rotate(10), (20,), r"rotate\(10\) is for images, and an input of 20 is none.*jitter, shift"),
        (transforms.rotate(10), (5, 7, 6), "an input of 5×7×6 is none"),
        (transforms.closeup(0.5, 0.1), (20,), "closeup.* is for images"),
        (transforms.lucid(), (20,), "rotate"),
        (transforms.background(), (20,), "background.* is for images"),
        (transforms.flip(), (20,), "flip.* is for images"),
        (transforms.several_views(transforms.closeup(0.5, 0.1, size=8), count=2), (20,), "closeup.* is for images"),
        (transforms.annealed(transforms.rotate(1), transforms.rotate(2), steps=3), (5, 7, 6), "rotate"),
        (transforms.blur(0, 1), (), "positions, and a vector has none"),
        (transforms.shift(2), (), "moves positions, and a vector has none"),
        (transforms.jitter(2), (), "moves positions"),
        (transforms.pad(2), (), "moves positions"),
        (transforms.rotate(2), (), "noise alone"),
    ],
)
def test_what_an_input_cannot_bear_is_refused_by_name(transform, extents, message):
    with pytest.raises(ValueError, match=message):
        transform.output_size(*extents)


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        (transforms.closeup(0.5, 0.1), (40, 6)),
        (transforms.background(), (40, 6)),
        (transforms.closeup(0.5, 0.1), (4, 5, 6, 1)),
        (transforms.blur(1, 2), (6,)),
    ],
)
def test_a_transform_that_is_called_with_another_input_says_so_while_it_is_traced_too(transform, shape):
    for called in (transform, jax.jit(lambda key, inputs: transform(key, inputs))):
        with pytest.raises(ValueError, match=rf"{transform.kind}.*(is for images|a vector has none)"):
            called(jax.random.key(0), jnp.zeros(shape))
    with pytest.raises(ValueError, match=f"traced {transform.kind}"):
        jax.jit(lambda one: one(jax.random.key(0), jnp.zeros(shape)))(transform)
