"""Noise has the distribution it says, is the same for the same key, and lets the gradient through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxviz import transforms

IMAGE = jnp.full((40, 51, 3), 0.5)


def test_noise_has_its_standard_deviation_and_no_mean():
    difference = np.asarray(transforms.noise(0.1)(jax.random.key(0), IMAGE) - IMAGE)
    assert difference.std() == pytest.approx(0.1, rel=0.05)
    assert difference.mean() == pytest.approx(0, abs=0.005)


def test_noise_is_distributed_as_a_normal_variable_out_to_its_tails():
    drawn = np.asarray(transforms.noise(1.0)(jax.random.key(3), jnp.zeros((200, 301, 3)))).ravel()
    assert scipy.stats.kstest(drawn, "norm").pvalue > 0.01
    assert scipy.stats.kurtosis(drawn) == pytest.approx(0, abs=0.05)
    assert np.mean(np.abs(drawn) > 3) == pytest.approx(2 * scipy.stats.norm.sf(3), rel=0.15)


def test_values_of_noise_have_nothing_to_do_with_each_other():
    drawn = np.asarray(transforms.noise(1.0)(jax.random.key(4), jnp.zeros(100_000)))
    for distance in (1, 2, 3, 51, 153):
        assert np.corrcoef(drawn[distance:], drawn[:-distance])[0, 1] == pytest.approx(0, abs=0.01)
    assert np.corrcoef(np.abs(drawn[::2]), np.abs(drawn[1::2]))[0, 1] == pytest.approx(0, abs=0.02)


def test_noise_has_as_much_of_every_frequency():
    drawn = np.asarray(transforms.noise(1.0)(jax.random.key(6), jnp.zeros((128, 96)))) / np.sqrt(128 * 96)
    power = np.abs(np.fft.fft2(drawn)) ** 2
    assert scipy.stats.kstest(power[:, 1:48].ravel(), "expon").pvalue > 0.01


def test_nothing_of_the_noise_comes_back_elsewhere_in_an_image():
    drawn = np.asarray(transforms.noise(1.0)(jax.random.key(7), jnp.zeros((280, 301, 3)))).ravel()
    spectrum = np.fft.rfft(drawn, 2 * drawn.size)
    alike = np.fft.irfft(np.abs(spectrum) ** 2)[1 : drawn.size // 2] / drawn.size
    assert np.abs(alike).max() < 0.012  # at every distance; 0.009 of independent numbers


def test_even_noise_lies_evenly_and_has_nothing_to_do_with_gaussian_noise():
    image = jnp.zeros((90, 101, 3))
    normal, both = (np.asarray(transforms.noise(1.0, uniform=u)(jax.random.key(2), image)).ravel() for u in (0, 0.5))
    drawn = both - normal
    assert scipy.stats.kstest(drawn, scipy.stats.uniform(-0.5, 1).cdf).pvalue > 0.01
    for distance in (1, 3, 303):
        assert np.corrcoef(drawn[distance:], drawn[:-distance])[0, 1] == pytest.approx(0, abs=0.02)
    assert np.corrcoef(drawn, normal)[0, 1] == pytest.approx(0, abs=0.02)


def test_more_numbers_than_a_piece_has_are_distributed_as_few():
    drawn = np.asarray(transforms.noise(1.0)(jax.random.key(9), jnp.zeros((301, 503, 3)))).ravel()
    assert scipy.stats.kstest(drawn, "norm").statistic < 0.005
    for distance in (1, 3, 1509, drawn.size // 2):
        assert np.corrcoef(drawn[distance:], drawn[:-distance])[0, 1] == pytest.approx(0, abs=0.01)


def noises(count, shape=(40, 51, 3)):
    keys = jax.random.split(jax.random.key(8), count)
    return np.asarray(jax.vmap(transforms.noise(1.0), in_axes=(0, None))(keys, jnp.zeros(shape))).reshape(count, -1)


def test_noise_of_one_key_says_nothing_of_the_noise_of_another():
    """Their correlations are those of independent numbers: normal, with the root of their count below."""
    drawn = noises(60)
    correlations = np.corrcoef(drawn)[np.triu_indices(60, 1)] * np.sqrt(drawn.shape[1])
    assert scipy.stats.kstest(correlations, "norm").pvalue > 0.01
    assert np.abs(correlations).max() < 5


def test_every_value_of_noise_is_a_normal_variable_of_its_key():
    drawn = noises(2000, (3, 5, 1))
    assert all(scipy.stats.kstest(value, "norm").pvalue > 0.001 for value in drawn.T)
    correlations = np.corrcoef(drawn.T)[np.triu_indices(15, 1)] * np.sqrt(2000)
    assert scipy.stats.kstest(correlations, "norm").pvalue > 0.01


@pytest.mark.parametrize("shape", [(1,), (3, 5, 1), (1, 1, 3)])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_noise_suits_odd_numbers_of_values_and_keeps_their_precision(shape, dtype):
    noisy = transforms.noise(0.1, uniform=0.1)(jax.random.key(5), jnp.zeros(shape, dtype))
    assert noisy.shape == shape
    assert noisy.dtype == dtype
    assert np.unique(np.asarray(noisy, np.float32)).size == noisy.size


def test_noise_is_the_same_plain_jitted_and_vmapped():
    transform = transforms.noise(0.2)
    keys = jax.random.split(jax.random.key(1), 3)
    plain = np.stack([transform(key, IMAGE) for key in keys])
    np.testing.assert_allclose(jax.vmap(jax.jit(transform), in_axes=(0, None))(keys, IMAGE), plain, atol=1e-6)


def test_the_gradient_passes_through_noise_unchanged():
    gradient = jax.grad(lambda image: transforms.noise(0.3)(jax.random.key(2), image).sum())(IMAGE)
    np.testing.assert_array_equal(gradient, np.ones(IMAGE.shape))


def test_noise_is_data():
    transform = transforms.lucid_noise()
    assert transforms.from_json(transform.to_json()) == transform
    assert repr(transforms.noise(0.1)) == "noise(0.1)"
    with pytest.raises(ValueError, match="standard deviation"):
        transforms.noise(-1)
