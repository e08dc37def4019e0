"""Signals, vectors and volumes become pictures that say what their numbers are."""

import numpy as np
import pytest

import jaxviz
from jaxviz.results import View
from jaxviz.results.plots import COLOURS, PAPER, bar_charts, heat_maps, line_plots
from jaxviz.results.sheet import SURROUND
from tests.records import make_recipe, make_rendering


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


def test_what_fits_into_a_map_is_drawn_sample_by_sample():
    levels = np.random.default_rng(0).integers(0, 256, (2, 1024, 1024), np.uint8)
    np.testing.assert_array_equal(heat_maps(levels)[..., 1], np.swapaxes(levels, 1, 2))
    short = heat_maps(levels[:, :50, :40])
    assert short.shape == (2, 80, 192, 3)
    columns = np.arange(192) * 50 // 192
    np.testing.assert_array_equal(short[:, ::2, :, 0], np.swapaxes(levels[:, columns, :40], 1, 2))


def test_long_signals_of_many_channels_are_averaged_into_a_map():
    levels = np.zeros((1, 4096, 2000), np.uint8)
    levels[:, 2048:] = 100
    levels[:, ::4, :] += 40  # one sample of each four, which fall into one column
    levels[:, :, 1000:] *= 2  # wraps nowhere: at most 255
    picture = heat_maps(levels)[0, ..., 0]
    assert picture.shape == (1024, 1024)
    assert np.unique(picture[:512, :512]).tolist() == [10]
    assert np.unique(picture[512:, :512]).tolist() == [20]
    assert np.unique(picture[:512, 512:]).tolist() == [110]
    # Where samples do not divide into columns each of them counts once.
    odd = np.random.default_rng(0).integers(0, 256, (1, 5000, 7), np.uint8)
    column = heat_maps(odd)[0, 0, 700, 0]
    assert column == np.rint(odd[0, 700 * 5000 // 1024 : 701 * 5000 // 1024, 0].mean())


def test_a_long_recording_of_eight_channels_is_written_to_a_page(tmp_path):
    model = jaxviz.wrap(lambda signals: signals.mean(1), input_shape=(70000, 8), name="eeg")
    settings = {"steps": 1, "transforms": None, "parameterization": jaxviz.pixels(), "progress": False}
    rendering = jaxviz.render(model, "mean", units=[0, 1], **settings)
    rendering.to_html(tmp_path / "page.html")
    assert rendering.pictures().shape == (2, 96, 1024, 3)


@pytest.mark.parametrize(
    ("shape", "channels", "message"),
    [
        ((20, 3), [7], r"Channel 7 is out of range for signals of 3 channels \(0 to 2\)"),
        ((20, 3), [-1], "Channel -1 is out of range for signals of 3 channels"),
        ((20, 9), [0, 9], "Channel 9 is out of range for signals of 9 channels"),
        ((20, 3), [], "channels is empty; name some of 0 to 2, or give None"),
        ((4, 5, 3), [], "channels is empty; name some of 0 to 2, or give None"),
        ((4, 5, 3), [-1], "Channel -1 is out of range for images of 3 channels"),
        ((4, 4, 4, 2), [2], "Channel 2 is out of range for images of 2 channels"),
        ((4, 4, 4, 2), [], "channels is empty"),
        ((3,), [0], r"channels is \(0,\), but a vector has features, which are all shown. Leave it out"),
        ((3,), [], r"channels is \(\), but a vector has features"),
    ],
)
def test_channels_that_are_not_there_are_refused_for_every_input(shape, channels, message, tmp_path):
    rendering = make_rendering(1, images=np.zeros((1, *shape), np.float32), recipe=make_recipe(size=shape[:-1]))
    for shown in (
        rendering.grid,
        rendering.pictures,
        lambda channels: rendering.save_images(tmp_path, channels=channels),
    ):
        with pytest.raises(ValueError, match=message):
            shown(channels=channels)
    with pytest.raises(ValueError, match=message):
        View().pictures(rendering.images, channels=channels)
    if channels:
        with pytest.raises(ValueError, match=message):
            View(bands=tuple(channels)).pictures(rendering.images)


def test_no_channels_are_refused_of_transparent_images_too():
    recipe = make_recipe(size=(4, 5), model={"name": "TinyNet", "view": {"has_opacity": True}})
    images = np.random.default_rng(0).random((1, 4, 5, 4), np.float32)
    rendering = make_rendering(1, images=images, recipe=recipe)
    assert (rendering.rgba(channels=[2])[..., :3] == np.rint(images[..., [2, 2, 2]] * 255)).all()
    for channels, message in (([], "channels is empty"), ([3], r"Channel 3 .* of 3 channels \(0 to 2\)")):
        with pytest.raises(ValueError, match=message):
            rendering.rgba(channels=channels)
        with pytest.raises(ValueError, match=message):
            rendering.grid(channels=channels)


def test_all_lines_of_a_signal_can_be_named():
    signal = np.random.default_rng(0).random((1, 20, 5), np.float32)
    np.testing.assert_array_equal(View().pictures(signal, channels=range(5)), View().pictures(signal))
    np.testing.assert_array_equal(View(bands=(3,)).pictures(signal), View().pictures(signal[..., [3]]))
    np.testing.assert_array_equal(View(bands=(0,)).pictures(signal, channels=[3]), View().pictures(signal[..., [3]]))


def test_volumes_of_a_strip_have_their_slices_one_after_the_other():
    volumes = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3 * 66, 1), np.uint8)
    pictures = View(volumes_in_strip=3).pictures(volumes)
    for number in range(3):
        alone = View().pictures(volumes[:, :, :, 66 * number : 66 * (number + 1)])
        width = alone.shape[2]
        np.testing.assert_array_equal(pictures[:, :, number * (width + 2) :][:, :, :width], alone)


def test_one_channel_is_shown_grey():
    image = np.random.default_rng(0).random((1, 4, 5, 1), np.float32)
    picture = View().pictures(image)
    assert (picture[..., 0] == picture[..., 1]).all()
    assert (picture[..., 1] == picture[..., 2]).all()


def test_a_view_is_plain_data():
    view = View(bands=(4, 2, 1))
    assert View.from_json(view.to_json()) == view
    assert View.from_json(View(volumes_in_strip=2).to_json()) == View(volumes_in_strip=2)
    assert View().to_json() == {}
