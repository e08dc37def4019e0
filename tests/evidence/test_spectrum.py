"""Spectra of waves of known frequency, and of noise of known slope."""

import numpy as np
import pytest

from jaxviz.evidence import high_frequency_energy, radial_spectrum, spectrum_error


def wave(cycles_per_pixel, *, size=64, amplitude=0.25, across=False):
    rows = np.arange(size)
    values = 0.5 + amplitude * np.cos(2 * np.pi * cycles_per_pixel * rows)
    image = np.broadcast_to(values[:, None, None], (size, size, 3))
    return (image.swapaxes(0, 1) if across else image)[None]


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize(("cycles_per_pixel", "band"), [(0.03, 0), (0.11, 3), (0.2, 6), (0.45, 14)])
def test_a_wave_is_found_in_the_band_of_its_frequency(cycles_per_pixel, band, across):
    assert radial_spectrum(wave(cycles_per_pixel, across=across)).argmax() == band


def test_the_spectrum_is_the_mean_power_of_each_ring_of_the_windowed_grey_image():
    images = np.random.default_rng(0).random((2, 12, 10, 3))
    rows, columns = np.arange(12), np.arange(10)
    window = np.outer(np.sin(np.pi * (rows + 0.5) / 12) ** 2, np.sin(np.pi * (columns + 0.5) / 10) ** 2)
    expected = np.zeros(4)
    for band in range(4):
        powers = []
        for image in images:
            grey = image.mean(-1)
            grey = grey - np.average(grey, weights=window)
            for row in range(12):
                for column in range(10):
                    down, right = (row if row <= 6 else row - 12) / 12, (column if column <= 5 else column - 10) / 10
                    frequency = np.hypot(down, right)
                    if frequency > 0 and band / 8 < frequency - 1e-12 <= (band + 1) / 8 - 1e-12:
                        phase = np.exp(-2j * np.pi * (down * rows[:, None] + right * columns[None, :]))
                        powers.append(abs((grey * window * phase).sum()) ** 2)
        expected[band] = np.sqrt(np.mean(powers))
    np.testing.assert_allclose(radial_spectrum(images, bands=4), expected, rtol=1e-9)


def test_half_the_contrast_is_an_error_of_the_squared_logarithm_of_two():
    images = np.random.default_rng(1).random((4, 32, 48, 3))
    assert spectrum_error(0.5 * images, images) == pytest.approx(np.log(2) ** 2)
    assert spectrum_error(images, images) == 0


def test_white_noise_is_farther_from_a_natural_slope_than_noise_of_that_slope():
    generator = np.random.default_rng(2)
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)[None, :])
    frequency[0, 0] = 1

    def noise(slope):
        white = np.fft.rfft2(generator.standard_normal((8, 64, 64)))
        grey = np.fft.irfft2(white / frequency**slope, s=(64, 64))
        return (0.5 + 0.1 * grey / grey.std())[..., None]

    natural = noise(1.0)
    assert spectrum_error(noise(1.0), natural) < 0.05 < 0.5 < spectrum_error(noise(0.0), natural)


def test_a_flat_picture_has_a_finite_error():
    natural = np.random.default_rng(3).random((2, 32, 32, 1))
    assert np.isfinite(spectrum_error(np.full((1, 32, 32, 1), 0.5), natural))


def test_the_share_of_high_frequencies_of_two_waves_is_that_of_their_powers():
    slow, fast = wave(0.1, amplitude=0.3), wave(0.4, amplitude=0.1)
    [share] = high_frequency_energy(slow + fast - 0.5)
    assert share == pytest.approx(0.1**2 / (0.1**2 + 0.3**2), abs=1e-3)
    assert high_frequency_energy(np.full((1, 16, 16, 3), 0.7)).tolist() == [0.0]


def test_a_brightness_that_slopes_from_edge_to_edge_is_no_high_frequency():
    ramp = np.broadcast_to(np.linspace(0, 1, 64)[None, :, None, None], (1, 64, 64, 3))
    assert high_frequency_energy(ramp)[0] < 1e-4


def test_wrong_arguments_are_said():
    images = np.zeros((1, 16, 16, 3))
    with pytest.raises(ValueError, match="bring the natural images to the pictures' size"):
        spectrum_error(images, np.zeros((1, 32, 32, 3)))
    with pytest.raises(ValueError, match="give at most 8"):
        radial_spectrum(images, bands=9)
    with pytest.raises(ValueError, match="must be between 0 and"):
        high_frequency_energy(images, above_cycles_per_pixel=0.5)
    with pytest.raises(ValueError, match=r"give \[image, height, width, channel\]"):
        high_frequency_energy(images[0])


def test_spectra_are_of_floats_between_zero_and_one():
    with pytest.raises(TypeError, match="Divide uint8 by 255"):
        high_frequency_energy(np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="bands is 0"):
        radial_spectrum(np.zeros((1, 32, 32, 3)), bands=0)
