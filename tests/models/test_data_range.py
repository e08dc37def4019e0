"""Data are held against the range that was told, channel by channel, and refused where they were scaled already."""

import numpy as np
import pytest

import jaxviz

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.random((6, 8, 9, 3)).astype(np.float32)
VECTORS = GENERATOR.random((50, 2)).astype(np.float32)


def wrap(data, **options):
    data = np.asarray(data, np.float32)
    axes = tuple(range(1, data.ndim - 1))
    return jaxviz.wrap(
        lambda inputs: inputs.mean(axes) if axes else 2 * inputs, input_shape=data.shape[1:], data=data, **options
    )


@pytest.mark.parametrize(
    ("data", "low", "high", "message"),
    [
        (VECTORS, 0, [1000, 1], "scaled already, but feature 0 has a value_range of 0 to 1000. Give data that are not"),
        (VECTORS, 0, [1000, 1000], "hardly anything of the model's value_range of 0 to 1000"),
        (IMAGES, 0, [1, 255, 300], "channel 1, 2 has a value_range of 0 to 255 .some 300"),
        (IMAGES * 2 - 1, [-500, -1, -1], [500, 1, 1], "channel 0 has a value_range of -500 to 500"),
        (IMAGES * [1, 1, 0] + [0, 0, 7], 0, [1, 255, 10], "channel 1 has a value_range of 0 to 255"),
        (IMAGES * [5, 0.005, 1], 0, [1000, 1, 255], "hardly anything of the model's value_range of 0 to 1 .some 1000"),
    ],
)
def test_data_that_were_scaled_already_are_refused_whatever_the_other_ranges_are(data, low, high, message):
    with pytest.raises(ValueError, match=message):
        wrap(data, value_range=(low, high))


@pytest.mark.parametrize(
    ("data", "low", "high"),
    [
        (IMAGES * [1, 1, 0], 0, 1),  # a band that is not in use
        (IMAGES * [1, 1, 0], 0, [1, 1, 10_000]),
        (IMAGES * [1, 1, 1e-3], 0, 1),  # a dark band
        (IMAGES * [200, 200, 2], 0, 255),
        (VECTORS * [1000, 80] + [101_000, 10], 0, [1e6, 90]),  # an air pressure within its physical limits
        ([[0, 31], [1, 64], [0, 47]], [0, 18], [150, 90]),  # a count that is mostly zero, and an age
        (IMAGES[..., :2], 0, [1, 90]),  # a hundredth and more of its range
    ],
    ids=["constant", "constant of another range", "dark", "dark bytes", "pressure", "rare counts", "wide enough"],
)
def test_a_channel_that_is_constant_or_narrow_beside_others_is_not_refused(data, low, high):
    model = wrap(data, value_range=(low, high))
    np.testing.assert_array_equal(model.value_range[1], np.broadcast_to(high, model.input_shape[-1:]))


@pytest.mark.parametrize("data", [IMAGES * 255, IMAGES * 2 - 1, IMAGES / 255], ids=["bytes", "both signs", "scaled"])
def test_advice_beside_preprocess_names_no_argument_that_is_refused_there(data):
    with pytest.raises(ValueError, match=r"that preprocess takes. Scale the data to \[0, 1\].* data / 255") as error:
        wrap(data, preprocess=lambda images: images * 255 - 128)
    assert "value_range" not in str(error.value)


def test_data_that_follow_the_advice_beside_preprocess_are_measured():
    model = wrap(IMAGES * 255 / 255, preprocess=lambda images: images * 255 - 128)
    np.testing.assert_allclose(model.data.mean, IMAGES.mean((0, 1, 2)), rtol=1e-5)
