"""Signals, volumes and plain vectors are rendered like images, and shown as what they are."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxviz
from jaxviz import cli, transforms
from jaxviz.rendering import Live
from jaxviz.results import Recipe, read_recipe

GENERATOR = np.random.default_rng(0)
FEATURES = ("age", "height", "<b>weight</b>", "pressure")


def vector_model(**options):
    first = jnp.asarray(GENERATOR.normal(size=(4, 16)), jnp.float32)
    second = jnp.asarray(GENERATOR.normal(size=(16, 3)), jnp.float32)

    def network(vectors):
        with jax.named_scope("hidden"):
            hidden = jnp.tanh(vectors @ first)
        return hidden @ second

    return jaxviz.wrap(network, input_shape=(4,), feature_names=FEATURES, **options)


def convolution(axes, channels, units, size=3):
    kernel = jnp.asarray(GENERATOR.normal(size=(*[size] * axes, channels, units)), jnp.float32)
    letters = "DHW"[-axes:]
    numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")

    def network(inputs):
        hidden = jax.lax.conv_general_dilated(inputs, kernel, [2] * axes, "SAME", dimension_numbers=numbers)
        return jnp.tanh(hidden).mean(range(1, axes + 1))

    return network


@pytest.fixture(scope="module")
def models():
    return {
        "vector": vector_model(),
        "signal": jaxviz.wrap(convolution(1, 2, 5), input_shape=(40, 2), name="Ear"),
        "volume": jaxviz.wrap(convolution(3, 1, 5), input_shape=(6, 8, 7, 1), name="Scanner"),
    }


LAYERS = {"vector": "hidden/tanh", "signal": "conv", "volume": "conv"}


def render(model, *arguments, **options):
    return jaxviz.render(model, *arguments, **{"steps": 4, "progress": False, **options})


# --- known optima ----------------------------------------------------------------------------------


def test_the_best_vector_of_a_linear_unit_is_the_corner_of_its_box():
    weight = np.array([[1.0], [-2.0], [0.5], [-0.1]], np.float32)
    low, high = [0.0, 150.0, 40.0, -1.0], [100.0, 200.0, 120.0, 1.0]
    model = jaxviz.wrap(lambda vectors: vectors @ weight, input_shape=(4,), value_range=(low, high))
    rendering = render(model, model.layers[0].name, units=[0], steps=30)
    np.testing.assert_allclose(rendering.values, [[100.0, 150.0, 120.0, -1.0]])
    np.testing.assert_allclose(rendering.images, [[1, 0, 1, 0]])
    assert rendering.recipe.model["value_range"] == [low, high]


def test_the_best_vector_of_a_bump_lies_inside_the_box_where_the_bump_is():
    centre = jnp.array([0.3, 0.9])
    model = jaxviz.wrap(lambda vectors: -jnp.square(vectors - centre).sum(-1, keepdims=True), input_shape=(2,))
    rendering = render(model, model.layers[-1].name, units=[0], steps=300, learning_rate=0.02)
    np.testing.assert_allclose(rendering.images[0], centre, atol=0.01)


def test_the_best_signals_of_gabor_units_have_their_frequencies():
    samples, place = 64, np.arange(-16, 17)
    waves = [np.exp(-np.square(place / 6) / 2) * np.exp(2j * np.pi * place * cycles / 64) for cycles in (6, 14)]
    waves = [wave / np.abs(wave).sum() for wave in waves]
    kernel = jnp.asarray(np.stack([*np.real(waves), *np.imag(waves)], -1)[:, None], jnp.float32)

    def network(signals):
        both = jax.lax.conv_general_dilated(signals, kernel, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))
        return jnp.square(both[..., :2]) + jnp.square(both[..., 2:])  # what a wave does, whatever its phase

    model = jaxviz.wrap(network, input_shape=(samples, 1))
    rendering = render(model, model.layers[-1].name, steps=96)
    spectra = np.abs(np.fft.rfft(rendering.images[..., 0] - 0.5))
    np.testing.assert_allclose(spectra.argmax(1), [6, 14], atol=1)


def test_the_best_volume_of_a_linear_unit_has_the_signs_of_its_weight():
    weight = GENERATOR.normal(size=(4, 5, 3, 1)).astype(np.float32)
    model = jaxviz.wrap(lambda volumes: (volumes * weight).sum((1, 2, 3)), input_shape=(4, 5, 3, 1))
    rendering = render(
        model, model.layers[-1].name, steps=60, transforms=None, parameterization=jaxviz.pixels(squashed=False)
    )
    np.testing.assert_array_equal(rendering.images[0] > 0.5, weight > 0)


# --- the promises of the engine --------------------------------------------------------------------


@pytest.mark.parametrize("kind", LAYERS)
def test_an_inputs_bits_are_the_same_whatever_is_rendered_beside_it(models, kind):
    alone = render(models[kind], LAYERS[kind], units=[2])
    beside = render(models[kind], LAYERS[kind], units=[4, 2, 0, 1, 3])
    np.testing.assert_array_equal(alone.images[0], beside.images[1])
    assert alone.images.shape[1:] == models[kind].input_shape
    assert (beside.score_history[-1] > beside.score_history[0]).all()


@pytest.mark.parametrize("kind", LAYERS)
def test_the_last_snapshot_shows_the_rendering(models, kind):
    *_, last = jaxviz.render_steps(models[kind], LAYERS[kind], units=[0, 1], steps=4, snapshot_every=3)
    rendering = render(models[kind], LAYERS[kind], units=[0, 1])
    np.testing.assert_array_equal(last.images, np.rint(rendering.images * 255))
    with Image.open(io.BytesIO(last._repr_png_())) as picture:
        assert picture.mode == "RGB"
    assert last.pictures().shape == rendering.pictures().shape


@pytest.mark.parametrize("kind", ["signal", "volume"])
def test_inputs_of_another_size_can_be_asked_for(models, kind):
    size = {"signal": 32, "volume": (9, 8, 10)}[kind]
    rendering = render(models[kind], LAYERS[kind], units=[0], size=size, steps=2)
    assert rendering.recipe.size == ((32,) if kind == "signal" else size)
    assert rendering.images.shape[1:-1] == rendering.recipe.size


@pytest.mark.parametrize("kind", LAYERS)
def test_a_penalty_and_a_start_know_every_input(models, kind):
    model = models[kind]
    start = np.full(model.input_shape, 0.25, np.float32)
    objective = jaxviz.channel(LAYERS[kind], 1) - 10 * jaxviz.l2(start) - 0.1 * jaxviz.total_variation()
    beginning = jaxviz.starting_from(start, jaxviz.pixels(standard_deviation=0))
    rendering = render(model, objective, parameterization=beginning, transforms=None, steps=3)
    np.testing.assert_allclose(rendering.images[0], start, atol=0.1)


def test_a_climb_starts_from_a_vector_without_more_being_said(models):
    start = np.array([0.1, 0.4, 0.6, 0.9], np.float32)
    rendering = render(
        models["vector"], "hidden/tanh", units=[0], parameterization=jaxviz.starting_from(start), learning_rate=1e-6
    )
    np.testing.assert_allclose(rendering.images[0], start, atol=0.05)


def test_bytes_to_start_from_are_to_be_divided_by_255():
    photograph = np.full((8, 8, 3), 200, np.uint8)
    with pytest.raises(ValueError, match=r"values from 200 to 200.*\[0, 1\].*divide .* by 255"):
        jaxviz.starting_from(photograph)


def test_several_signals_of_a_lane_lie_one_behind_the_other(models):
    objective = jaxviz.channel("conv", 0) + jaxviz.diversity("conv")
    several = jaxviz.several(jaxviz.fourier(), count=3)
    rendering = render(models["signal"], objective, parameterization=several, steps=2)
    assert rendering.images.shape == (1, 3 * 40, 2)
    assert rendering.recipe.size == (40,)


def test_each_of_several_volumes_is_shown_by_its_own_middle_slices():
    volume = np.full((9, 9, 9, 1), 0.1, np.float32)
    volume[:, :, 4] = 0.9  # the middle slice across the width, and no other
    start = jaxviz.starting_from(volume, jaxviz.pixels(standard_deviation=0))
    model = jaxviz.wrap(lambda volumes: volumes.mean((1, 2, 3)), input_shape=(9, 9, 9, 1))
    settings = {"units": [0], "steps": 1, "transforms": None, "learning_rate": 1e-4}
    alone = render(model, "mean", parameterization=start, **settings)
    two = render(model, "mean", parameterization=jaxviz.several(start, count=2), **settings)
    one, both = alone.pictures()[0], two.pictures()[0]
    assert one[:, -1].min() > 220
    np.testing.assert_array_equal(both[:, : one.shape[1]], one)
    np.testing.assert_array_equal(both[:, -one.shape[1] :], one)
    *_, last = jaxviz.render_steps(model, "mean", parameterization=jaxviz.several(start, count=2), **settings)
    np.testing.assert_array_equal(last.pictures(), two.pictures())
    assert Recipe.from_json(two.recipe.to_json()).model["view"] == {"volumes_in_strip": 2}


@pytest.mark.parametrize("shape", [(8, 9, 3), (20, 2)])
def test_several_images_and_signals_are_shown_as_one_strip(shape):
    model = jaxviz.wrap(lambda inputs: inputs.mean(tuple(range(1, inputs.ndim - 1))), input_shape=shape)
    strip = jaxviz.several(count=3)
    rendering = render(model, "mean", units=[0], size=shape[:-1], steps=1, transforms=None, parameterization=strip)
    np.testing.assert_array_equal(rendering.pictures(), jaxviz.results.View().pictures(rendering.images))
    assert "view" not in rendering.recipe.model


# --- shown as what they are ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LAYERS)
def test_every_input_is_saved_shown_and_read_again(models, kind, tmp_path):
    rendering = render(models[kind], LAYERS[kind], units=[0, 1], steps=2)
    rendering.save(tmp_path / "all.npz")
    assert jaxviz.Rendering.load(tmp_path / "all.npz") == rendering
    rendering.save(tmp_path / "sheet.png", labels=True)
    assert read_recipe(tmp_path / "sheet.png") == rendering.recipe
    assert len(rendering.save_images(tmp_path / "each")) == 2
    rendering.to_html(tmp_path / "page.html")
    assert "<img" in rendering._repr_html_()
    assert Recipe.from_json(rendering.recipe.to_json()) == rendering.recipe
    assert "×" in repr(models[kind]) or kind == "vector"
    assert f"{kind}s" in repr(models[kind])


def test_names_of_features_travel_with_the_recipe(models):
    rendering = render(models["vector"], "hidden/tanh", units=[0], steps=1)
    assert rendering.view.feature_names == FEATURES
    named, plain = rendering.pictures(), rendering.view.__class__().pictures(rendering.images)
    assert named.shape[2] > plain.shape[2]


def test_the_command_line_renders_a_signal(tmp_path, monkeypatch, capsys):
    (tmp_path / "ears.py").write_text(
        "import jaxviz\ndef make():\n    return jaxviz.wrap(lambda signals: signals.mean(1), input_shape=(24, 2))\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["render", "ears:make", "mean:0", "-o", "ear.png", "--steps", "2", "--size", "16", "--quiet"]
    assert cli.main(words) == 0
    assert read_recipe(tmp_path / "ear.png").size == (16,)
    assert "16" in capsys.readouterr().out


@pytest.mark.parametrize("kind", LAYERS)
def test_many_views_and_annealed_noise_are_for_any_input(models, kind):
    alone = transforms.annealed(transforms.noise(0.2), transforms.noise(0.0), steps=4)
    still, noisy, calm = (
        render(models[kind], LAYERS[kind], steps=6, transforms=transform)
        for transform in (transforms.noise(0.0), alone, transforms.several_views(alone, count=64))
    )
    assert calm.images.shape == noisy.images.shape == still.images.shape
    # One unit's noise may be small by chance; all of them's is not.
    far, near = (np.square(other.score_history[0] - still.score_history[0]).mean() for other in (noisy, calm))
    assert near < far


# --- what cannot be --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        ("signal", {"transforms": "lucid"}, ValueError, "rotate.* is for images.*jitter, shift"),
        ("volume", {"transforms": transforms.closeup(0.5, 0.1)}, ValueError, "closeup.* is for images"),
        ("vector", {"transforms": transforms.shift(1)}, ValueError, "a vector has none. Give noise alone"),
        ("vector", {"transforms": transforms.rotate(1)}, ValueError, "a vector is none.*noise alone"),
        ("vector", {"parameterization": jaxviz.fourier()}, ValueError, "fourier needs positions.*pixels"),
        ("vector", {"parameterization": jaxviz.grayscale()}, ValueError, "grayscale .*, and a vector has features"),
        ("vector", {"parameterization": jaxviz.transparent()}, ValueError, "^transparent is for images, .* vectors"),
        ("signal", {"parameterization": jaxviz.transparent()}, ValueError, "^transparent is for images, .* signals"),
        ("vector", {"parameterization": jaxviz.several(count=2)}, ValueError, "which vectors cannot be"),
        ("vector", {"size": 4}, TypeError, "takes vectors, which have none"),
        ("signal", {"size": (4, 4)}, TypeError, "one whole number of samples"),
        ("volume", {"size": (4, 4)}, TypeError, r"\(depth, height, width\)"),
        ("signal", {"transforms": transforms.crop(20)}, ValueError, "leaves nothing of an input of 40"),
        ("signal", {"transparency": True}, ValueError, "fades images, but model 'Ear' takes signals"),
    ],
)
def test_what_does_not_suit_an_input_is_refused_by_name(models, kind, options, error, message):
    with pytest.raises(error, match=message):
        render(models[kind], LAYERS[kind], units=[0], **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"input_shape": (4,), "feature_names": ["a", "b"]}, ValueError, "2 feature_names for 4 features"),
        ({"input_shape": (4,), "feature_names": "abcd"}, TypeError, "a list of strings"),
        ({"input_shape": (4, 4, 3), "feature_names": ["a", "b", "c"]}, ValueError, "is one image"),
        ({"input_shape": (4, 4, 7), "bands": (7,)}, ValueError, "channels 0 to 6"),
        ({"input_shape": (4, 4, 7), "bands": (1, 2, 3, 4)}, ValueError, "one channel"),
        ({"input_shape": (4,), "bands": (0,)}, ValueError, "a vector has features"),
        ({"input_shape": (4,), "value_range": ([0, 0], [1, 1])}, ValueError, "each one number or 4"),
    ],
)
def test_a_view_that_does_not_fit_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        jaxviz.wrap(jnp.tanh, **options)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_explorer_says_in_one_line_what_to_use_instead(models, kind):
    with pytest.raises(ValueError, match=f"takes {kind}s of shape .* Use jaxviz.render") as caught:
        Live(models[kind])
    assert "\n" not in str(caught.value)


# --- bands -----------------------------------------------------------------------------------------


def test_bands_say_which_channels_are_shown_wherever_pictures_are():
    model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 7), bands=(5, 0, 3))
    rendering = render(model, "mean", units=[5], steps=3, size=16)
    expected = np.rint(rendering.images[..., [5, 0, 3]] * 255).astype(np.uint8)
    np.testing.assert_array_equal(rendering.pictures(), expected)
    np.testing.assert_array_equal(rendering.pictures(channels=[2])[..., 0], rendering.pictures(channels=[2])[..., 2])
    *_, last = jaxviz.render_steps(model, "mean", units=[5], steps=3, size=16)
    np.testing.assert_array_equal(last.pictures(), expected)
    live = Live(model)
    live.aim("mean", jaxviz.Settings(steps=1, size=16), from_scratch=True)
    live.prioritise([[(5, 1)]])
    assert live.advance()[0].picture.shape == (16, 16, 3)
