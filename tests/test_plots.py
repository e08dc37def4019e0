"""Signals, vectors and volumes become pictures that say what their numbers are."""

import numpy as np
import pytest

from jaxviz.results import View
from jaxviz.results.plots import COLOURS, PAPER, bar_charts, line_plots
from jaxviz.results.sheet import SURROUND


def ink_rows(picture, column):
    """The rows of a plot in which something of the first colour is drawn."""
    return np.flatnonzero(np.abs(picture[:, column] - COLOURS[0]).sum(-1) < 120)


def test_a_line_lies_where_the_values_are():
    signals = np.stack([np.full((50, 1), level, np.float32) for level in (0.0, 0.25, 1.0)])
    pictures = line_plots(signals)
    height = pictures.shape[1]
    for picture, level in zip(pictures, (0.0, 0.25, 1.0), strict=True):
        centre = ink_rows(picture, 100).mean() + 0.5
        assert abs(centre - (4 + (1 - level) * (height - 8))) < 1


def test_a_line_rises_from_left_to_right_where_the_signal_does():
    picture = line_plots(np.linspace(0, 1, 7, dtype=np.float32)[None, :, None])[0]
    heights = [ink_rows(picture, column).mean() for column in range(0, 192, 16)]
    assert (np.diff(heights) < 0).all()


def test_one_sample_of_many_is_not_lost():
    signal = np.full((1, 5000, 1), 0.5, np.float32)
    signal[0, 3210] = 1
    picture = line_plots(signal)[0]
    assert any(len(ink_rows(picture, column)) > 30 for column in range(120, 127))


def test_what_is_not_a_number_is_drawn_all_the_same():
    signal = np.full((1, 20, 2), np.nan, np.float32)
    assert line_plots(signal).dtype == np.uint8


@pytest.mark.parametrize("value", [0.0, 0.25, 0.5, 0.9])
def test_a_bar_reaches_from_the_middle_to_its_value(value):
    picture = bar_charts(np.array([[value, 0.5]], np.float32))[0]
    row = picture[6].astype(int)
    inked = np.flatnonzero(np.abs(row - PAPER).sum(-1) > 150)
    expected = abs(value - 0.5) * picture.shape[1]
    assert abs(len(inked) - expected) <= 1
    assert all((column >= 64) == (value > 0.5) for column in inked)


def test_a_long_name_is_cut_off_and_markup_is_drawn_as_text():
    names = ("x" * 200, "<script>alert(1)</script>")
    picture = bar_charts(np.zeros((1, 2), np.float32), names)
    assert picture.shape[2] < 300


def test_the_planes_of_a_volume_are_its_middle_slices():
    volume = np.random.default_rng(0).integers(0, 256, (1, 70, 64, 66, 1), np.uint8)
    picture = View().pictures(volume)[0, ..., 0]
    assert picture.shape == (70, 66 + 66 + 64 + 4)
    np.testing.assert_array_equal(picture[3:67, :66], volume[0, 35, ..., 0])
    np.testing.assert_array_equal(picture[:, 68:134], volume[0, :, 32, :, 0])
    np.testing.assert_array_equal(picture[:, 136:], volume[0, :, :, 33, 0])
    assert (picture[:, 66:68] == SURROUND).all()


def test_a_small_volume_is_enlarged():
    assert View().pictures(np.zeros((2, 4, 8, 6, 1), np.uint8)).shape == (2, 64, 8 * (6 + 6 + 8) + 4, 3)


def test_many_channels_over_time_are_a_map():
    signal = np.zeros((1, 30, 12), np.uint8)
    signal[0, :, 3] = 200
    picture = View().pictures(signal)[0]
    each = picture.shape[0] // 12
    assert (picture[3 * each : 4 * each] == 200).all()
    assert picture.sum() == 200 * 3 * each * picture.shape[1]


def test_one_channel_is_shown_grey():
    image = np.random.default_rng(0).random((1, 4, 5, 1), np.float32)
    picture = View().pictures(image)
    assert (picture[..., 0] == picture[..., 1]).all()
    assert (picture[..., 1] == picture[..., 2]).all()


def test_a_view_is_plain_data():
    view = View(bands=(4, 2, 1))
    assert View.from_json(view.to_json()) == view
    assert View().to_json() == {}
