"""A user's data are measured once, as NumPy would, and change what nothing else was said of."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz.models import data as data_module
from jaxviz.rendering.request import make_request

GENERATOR = np.random.default_rng(0)
MIXTURE = np.array([[0.9, 0.1, 0.0], [0.5, -0.2, 0.1], [0.3, 0.0, -0.3]])


def images_of(count=40, size=(12, 15), mixture=MIXTURE):
    """Smooth images whose channels vary together by a known mixture."""
    noise = GENERATOR.normal(size=(count, *size, len(mixture)))
    waves = np.fft.rfft2(noise, axes=(1, 2))
    frequency = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None])
    smooth = np.fft.irfft2(waves / np.maximum(frequency, 0.1)[..., None], s=size, axes=(1, 2))
    mixed = smooth @ mixture.T
    return (0.5 + 0.4 * mixed / np.abs(mixed).max()).astype(np.float32)


IMAGES = images_of()


def wrap(data, **options):
    options = {"input_shape": (12, 15, 3), **options}
    axes = tuple(range(1, len(options["input_shape"])))
    return jaxviz.wrap(lambda inputs: inputs.mean(axes) if axes else 2 * inputs, data=data, **options)


def test_mean_and_covariance_are_numpys():
    measured = wrap(IMAGES).data
    values = IMAGES.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(measured.mean, values.mean(0), atol=1e-9)
    np.testing.assert_allclose(measured.covariance, np.cov(values.T, bias=True), atol=1e-9)
    np.testing.assert_allclose(measured.colours, jaxviz.measure_colours(IMAGES), atol=1e-5)
    assert measured.count == 40


def test_the_spectrum_is_that_of_the_uncorrelated_components():
    measured = wrap(IMAGES).data
    components = IMAGES.astype(np.float64) @ np.linalg.inv(measured.colours.astype(np.float64)).T
    expected = np.abs(np.fft.rfft2(components, axes=(1, 2))).mean(0)
    np.testing.assert_allclose(measured.spectrum, expected, rtol=1e-6, atol=1e-9)
    assert measured.width == 15


@pytest.mark.parametrize(
    "stream",
    [
        lambda: iter(IMAGES),
        lambda: (IMAGES[start : start + 7] for start in range(0, 40, 7)),
        lambda: [IMAGES[:39], IMAGES[39]],
        lambda: jnp.asarray(IMAGES),
    ],
    ids=["images", "batches", "both", "jax"],
)
def test_a_stream_says_what_the_array_says(stream):
    one, other = wrap(stream()).data, wrap(IMAGES).data
    assert one.count == other.count
    for name in ("mean", "covariance", "spectrum", "colours"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-6)


def test_the_waves_are_measured_on_images_from_all_over_the_data(monkeypatch):
    monkeypatch.setattr(data_module, "_MOST_KEPT_IMAGES", 10)
    measured = wrap(IMAGES[start : start + 9] for start in range(0, 40, 9)).data
    components = IMAGES[::4].astype(np.float64) @ np.linalg.inv(measured.colours.astype(np.float64)).T
    expected = np.abs(np.fft.rfft2(components, axes=(1, 2))).mean(0)
    np.testing.assert_allclose(measured.spectrum, expected, rtol=1e-6)


def test_numbers_far_from_zero_lose_nothing():
    data = IMAGES.astype(np.float64) + 1e6
    measured = wrap(data).data
    spread = data.max() - data.min()
    np.testing.assert_allclose(
        measured.covariance, np.cov(IMAGES.reshape(-1, 3).T.astype(np.float64), bias=True) / spread**2, rtol=1e-5
    )


# --- ranges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "low", "high"),
    [
        (IMAGES, 0, 1),
        (IMAGES * 2 - 1, -1, 1),
        (IMAGES * 250, 0, 255),
        (np.linspace(-30, 70, 540, dtype=np.float32).reshape(1, 12, 15, 3), -30, 70),
        ((IMAGES * 255).astype(np.uint8), 0, 1),
    ],
    ids=["unit", "both signs", "bytes as floats", "other", "bytes"],
)
def test_the_range_is_measured(data, low, high):
    model = wrap(data)
    np.testing.assert_allclose(model.value_range, [[low] * 3, [high] * 3])
    white = model.activations(np.ones((1, 12, 15, 3), np.float32), "mean")["mean"]
    np.testing.assert_allclose(white, [[high] * 3], rtol=1e-5)


def test_every_feature_of_a_vector_has_its_own_range():
    vectors = np.array([[10.0, -1.0, 7.0], [20.0, 3.0, 7.0], [12.0, 0.0, 7.0]])
    model = wrap(vectors, input_shape=(3,))
    np.testing.assert_allclose(model.value_range[0], [10, -1, 7])
    np.testing.assert_allclose(model.value_range[1], [20, 3, 7], rtol=1e-5)
    np.testing.assert_allclose(model.data.mean[:2], [0.4, (2 / 3 + 1) / 4], atol=1e-9)
    rendering = jaxviz.render(model, model.layers[-1].name, units=[0], steps=20, progress=False)
    np.testing.assert_allclose(rendering.values[0, 2], 7, rtol=1e-5)  # what never varies stays


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        (IMAGES * 2, {"value_range": (0, 1)}, ValueError, "outside the model's value_range of 0 to 1"),
        (IMAGES * 2 - 1, {"mean": 0.5}, ValueError, "before mean and std"),
        (IMAGES * 2, {"preprocess": lambda images: images}, ValueError, r"outside the \[0, 1\] that preprocess takes"),
        (IMAGES, {"value_range": (0, 255)}, ValueError, "hardly anything of the model's value_range of 0 to 255"),
        (np.where(IMAGES > 0.6, np.nan, IMAGES), {}, ValueError, "NaN or infinity, among inputs 0 to"),
        (IMAGES[..., :2], {}, ValueError, r"model inputs are \[batch, height, width, 3 channels\]"),
        (np.moveaxis(IMAGES, -1, 1), {}, ValueError, r"np.moveaxis\(data, 1, -1\)"),
        (IMAGES[..., 0], {"input_shape": (12, 15, 1)}, ValueError, r"data\[..., None\]"),
        (IMAGES[:0], {}, ValueError, "is empty"),
        ([], {}, ValueError, "data is empty"),
        ([(IMAGES[0], 3)], {}, TypeError, "images for images, labels in loader"),
        ("images.npy", {}, TypeError, "data is a str"),
        ([IMAGES[0], IMAGES[0][:9]], {}, ValueError, "give all of one size"),
        (np.full((4, 12, 15, 3), 2.5), {}, ValueError, "is 2.5 everywhere"),
        (IMAGES.astype(complex), {}, TypeError, "has type complex"),
    ],
)
def test_data_that_do_not_fit_are_refused_with_advice(data, options, error, message):
    with pytest.raises(error, match=message):
        wrap(data, **options)


# --- what it changes -------------------------------------------------------------------------------


def recipe_of(model, parameterization=None):
    """The recipe of a rendering, without the rendering."""
    options = {"transforms": "auto", "optimizer": None, "learning_rate": None, "lowering": "auto"}
    asked = {"units": [0], "steps": 1, "size": 12, "key": 0, "parameterization": parameterization}
    return make_request(model, "mean", **asked, **options).recipe()


def test_rendering_uses_the_colours_and_the_magnitude_and_says_so():
    model = wrap(IMAGES)
    recipe = recipe_of(model)
    np.testing.assert_allclose(recipe.parameterization["colours"], model.data.colours, rtol=1e-6)
    assert recipe.model["data"] == {"images": 40}
    phases = recipe_of(model, parameterization=jaxviz.phase_only()).parameterization
    table = np.array(phases["magnitude"])
    expected = jaxviz.parameterizations.tabulate_magnitude(model.data.spectrum, width=15)
    np.testing.assert_allclose(table, expected, rtol=1e-3)
    assert "colours" in phases
    inner = recipe_of(model, parameterization=jaxviz.several(jaxviz.fourier(), count=2)).parameterization["inner"]
    assert "colours" in inner


def test_what_is_outside_of_a_moved_picture_is_the_mean_of_the_data():
    model = wrap(IMAGES)
    mean = np.float32(model.data.mean)
    assert mean.tolist() != [0.5, 0.5, 0.5]

    def borders(model, transforms):
        options = {"units": [0], "steps": 1, "progress": False, "transforms": transforms}
        record = jaxviz.render(model, "mean", **options).recipe.transforms
        return record.get("inner", record)["transforms"][0]

    border = borders(model, "auto")
    assert border["kind"] == "pad"
    np.testing.assert_array_equal(np.float32(border["fill"]), mean)
    inside = jaxviz.transforms.several_views(jaxviz.transforms.compose(jaxviz.transforms.pad(1, fill="data")), count=2)
    np.testing.assert_array_equal(np.float32(borders(model, inside)["fill"]), mean)
    assert borders(model, "lucid")["fill"] == 0.5
    assert borders(wrap(None), inside)["fill"] == 0.5
    signals = wrap(np.float32([[[0.0, 0.2]] * 9 + [[1.0, 0.4]] * 9] * 2), input_shape=(18, 2), value_range=(0, 1))
    assert borders(signals, "auto") == {"kind": "pad", "pixels": 0, "fill": pytest.approx([0.5, 0.3])}


def test_the_written_recipe_makes_the_same_picture_on_the_same_model():
    model = wrap(IMAGES)
    first = jaxviz.render(model, "mean", units=[1], steps=3, size=12, progress=False)
    again = jaxviz.parameterizations.from_json(first.recipe.parameterization)
    transform = jaxviz.transforms.from_json(first.recipe.transforms)
    options = {"parameterization": again, "transforms": transform, "learning_rate": 0.05, "progress": False}
    second = jaxviz.render(model, "mean", units=[1], steps=3, size=12, **options)
    np.testing.assert_array_equal(first.images, second.images)


@pytest.mark.parametrize(
    "said",
    [
        jaxviz.fourier(decorrelated=False),
        jaxviz.fourier(colours=np.eye(3)),
        jaxviz.phase_only(decay_power=1.2),
        jaxviz.grayscale(),
        jaxviz.cppn(),
    ],
    ids=lambda said: said.kind,
)
def test_what_was_said_stands(said):
    assert recipe_of(wrap(IMAGES), parameterization=said).parameterization == said.to_json()


def test_greys_without_colours_can_be_measured_too():
    flat = np.repeat(IMAGES[..., :1], 3, axis=-1)  # two of three components never vary
    model = wrap(flat)
    phases = jaxviz.render(
        model, "mean", units=[0], steps=2, size=12, parameterization=jaxviz.phase_only(), progress=False
    )
    assert np.isfinite(phases.images).all()
    np.testing.assert_allclose(phases.images[..., 0], phases.images[..., 2], atol=1e-3)
    one = wrap(IMAGES[..., :1], input_shape=(12, 15, 1))
    assert one.data.colours is None
    assert recipe_of(one, parameterization=jaxviz.phase_only()).parameterization["magnitude"]


def test_many_channels_are_measured_but_not_mixed():
    images = GENERATOR.random((6, 8, 8, 20), np.float32)
    model = wrap(images, input_shape=(8, 8, 20))
    assert model.data.colours is None
    assert model.data.covariance.shape == (20, 20)
    assert "colours" not in recipe_of(model).parameterization
