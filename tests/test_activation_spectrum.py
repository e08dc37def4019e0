"""The activation spectrum shows a unit from its minimum to its maximum, with data between."""

import io

import numpy as np
import pytest
from PIL import Image

import jaxviz


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(8, 8, 3))


GENERATOR = np.random.default_rng(0)
DATA = GENERATOR.random((21, 8, 8, 3), np.float32) * GENERATOR.random((21, 1, 1, 1), np.float32)
OPTIONS = {
    "steps": 20,
    "size": 8,
    "progress": False,
    "transforms": None,
    "parameterization": jaxviz.pixels(squashed=False, decorrelated=False),
}


def test_the_examples_lie_at_their_percentiles_between_the_optimized_pictures(model):
    spectrum = jaxviz.activation_spectrum(model, jaxviz.channel("mean", 1), data=DATA, **OPTIONS)
    reds = DATA[..., 1].mean((1, 2))
    order = np.argsort(reds)
    np.testing.assert_array_equal(spectrum.positions, order[[0, 5, 10, 15, 20]])
    np.testing.assert_allclose(spectrum.scores[1:-1], np.percentile(reds, [0, 25, 50, 75, 100]), rtol=1e-5)
    assert (np.diff(spectrum.scores) > 0).all()
    assert spectrum.scores[0] < 0.1
    assert spectrum.scores[-1] > 0.9


def test_the_ends_are_what_render_makes(model):
    objective = jaxviz.channel("mean", 2)
    spectrum = jaxviz.activation_spectrum(model, objective, **OPTIONS)
    alone = jaxviz.render(model, objective, **OPTIONS)
    np.testing.assert_array_equal(spectrum.rendering.images[1], alone.images[0])
    assert spectrum.percentiles == ()
    assert len(spectrum.pictures()) == 2


def test_it_is_one_row_whatever_the_size_of_the_data(model, tmp_path):
    data = GENERATOR.random((5, 11, 9, 3), np.float32)
    spectrum = jaxviz.activation_spectrum(model, jaxviz.channel("mean", 0), data=data, percentiles=(100, 0), **OPTIONS)
    assert spectrum.percentiles == (0, 100)
    assert spectrum.pictures().shape == (4, 8, 8, 3)
    spectrum.save(tmp_path / "new folder" / "row.png")
    with Image.open(io.BytesIO(spectrum._repr_png_())) as picture:
        assert picture.width > 4 * 8 > picture.height


def test_signals_have_one_too():
    model = jaxviz.wrap(lambda signals: signals.mean(1), input_shape=(20, 2))
    signals = GENERATOR.random((6, 20, 2), np.float32)
    spectrum = jaxviz.activation_spectrum(model, jaxviz.channel("mean", 0), data=signals, steps=3, progress=False)
    assert spectrum.examples.shape == (5, 20, 2)
    assert spectrum.pictures().shape[0] == 7


def test_transparent_ends_are_scored_as_they_are_shown(model):
    options = OPTIONS | {"parameterization": jaxviz.transparent(jaxviz.pixels()), "steps": 3}
    spectrum = jaxviz.activation_spectrum(model, jaxviz.channel("mean", 1), data=DATA, **options)
    shown = spectrum.rendering.pictures() / 255
    np.testing.assert_allclose(spectrum.scores[[0, -1]], shown[..., 1].mean((1, 2)), atol=1 / 255)
    bare = spectrum.rendering.images[..., 1].mean((1, 2))
    assert np.abs(spectrum.scores[[0, -1]] - bare).max() > 0.02


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"objective": "mean"}, TypeError, "'mean' is no objective"),
        ({"objective": jaxviz.channel("mean", 0), "percentiles": (50, 101)}, ValueError, "from 0 .* to 100"),
        ({"objective": jaxviz.channel("mean", 0) + jaxviz.diversity("mean")}, ValueError, "of single pictures"),
        (
            {"objective": jaxviz.channel("mean", 0), "parameterization": jaxviz.several(count=2)},
            ValueError,
            "of single pictures",
        ),
        (
            {"objective": jaxviz.channel("mean", 0) - jaxviz.opacity(), "parameterization": jaxviz.transparent()},
            ValueError,
            "reads the opacity of an image, but examples have none",
        ),
        ({"objective": jaxviz.channel("mean", 0), "data": DATA * 255}, ValueError, "must be in \\[0, 1\\]"),
    ],
)
def test_wrong_arguments_are_refused(model, arguments, error, message):
    with pytest.raises(error, match=message):
        jaxviz.activation_spectrum(model, **{**OPTIONS, **arguments})
