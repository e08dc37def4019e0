"""What is not said is what suits the model's family, and the recipe says it in numbers."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz import Settings, transforms
from jaxviz.rendering.settings_asked import drawn, extents_of
from jaxviz.results.settings import FAMILIES


def model_of(input_shape):
    kernel = jax.random.normal(jax.random.key(0), (5, 5, 3, 4))

    def network(images):
        return jax.lax.conv_general_dilated(
            images, kernel, (4, 4), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ).mean((1, 2))

    return jaxviz.wrap(network, input_shape=input_shape)


@pytest.fixture(scope="module")
def model():
    return model_of((80, 72, 3))


def recipe_of(model, **options):
    return jaxviz.render(model, "conv", units=0, steps=1, progress=False, **options).recipe


def test_the_default_is_written_out_in_the_recipe(model):
    settings = Settings.for_family(model.family)
    recipe = recipe_of(model, size=24)
    expected = transforms.ranges(
        max_shift_pixels=settings.max_shift_pixels,
        scale_range=settings.scale_range,
        max_degrees=settings.max_degrees,
        noise=settings.noise,
        gain_range=settings.gain_range,
        fill=0.5,
    )
    assert recipe.transforms == expected.to_json()
    assert recipe.parameterization == jaxviz.fourier(decay_power=settings.decay_power).to_json()
    assert recipe.optimizer == {"kind": "adam", "learning_rate": settings.learning_rate}
    assert settings.noise > 0  # what tells it from lucid's


def test_the_default_is_the_same_picture_as_its_numbers_written_out(model):
    rendering = jaxviz.render(model, "conv", units=[1], steps=3, size=24, progress=False)
    written = Settings.for_family(model.family).changed(steps=3, size=24).python("conv", [1])
    scope = {"jaxviz": jaxviz, "model": model}
    again = eval(written, scope)
    assert jnp.array_equal(rendering.images, again.images)


def test_networks_of_depthwise_convolutions_get_several_views_a_step_and_one_when_it_has_to_be_quick():
    def depthwise(images):
        return jax.lax.conv_general_dilated(
            images,
            jnp.ones((3, 3, 1, 3)),
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=3,
        )

    model = jaxviz.wrap(depthwise, input_shape=(80, 72, 3))
    assert model.family == "depthwise"

    def recipe(**options):
        layer = model.layers[-1].name
        return jaxviz.render(model, layer, units=0, steps=1, size=24, progress=False, **options).recipe

    whole, quick = recipe(), recipe(transforms="quick")
    views = transforms.from_json(whole.transforms)
    assert views.views == 4
    *every_view, gains = views.inner.transforms
    *one_view, smaller_gains = transforms.from_json(quick.transforms).transforms
    assert every_view == one_view
    assert smaller_gains.gain_range < gains.gain_range  # which one view cannot average
    assert (quick.parameterization, quick.optimizer) == (whole.parameterization, whole.optimizer)


def test_what_is_said_stands(model):
    assert recipe_of(model, size=24, learning_rate=0.2).optimizer["learning_rate"] == 0.2
    own = recipe_of(model, size=24, parameterization=jaxviz.pixels())
    assert own.parameterization == jaxviz.pixels().to_json()
    assert own.optimizer["learning_rate"] == 0.05  # the family's rate is for its own parameterization
    lucid = recipe_of(model, size=24, transforms="lucid")
    assert lucid.transforms == transforms.lucid().to_json()
    assert lucid.parameterization == jaxviz.fourier().to_json()
    assert lucid.optimizer["learning_rate"] == 0.05


def test_tiny_images_are_rendered_at_their_own_size_on_a_canvas_of_that_size():
    kernel = jnp.ones((28 * 20, 3))
    model = jaxviz.wrap(lambda images: images.reshape(images.shape[0], -1) @ kernel, input_shape=(28, 20, 1))
    rendering = jaxviz.render(model, model.layers[-1].name, units=[0], steps=2, progress=False)
    assert rendering.images.shape == (1, 28, 20, 1)
    assert rendering.states == ("done",)


def test_tiny_images_are_moved_little_and_are_smoother_than_others():
    recipe = recipe_of(model_of((28, 28, 3)))
    tiny, plain = (Settings.for_family(family) for family in ("tiny", "plain"))
    assert recipe.parameterization == jaxviz.fourier(decay_power=tiny.decay_power).to_json()
    assert tiny.decay_power > plain.decay_power
    assert tiny.max_shift_pixels < plain.max_shift_pixels


@pytest.mark.parametrize(
    ("input_shape", "size", "pixels"),
    [
        ((1000, 1), None, 2.0),
        ((1000, 1), 10, 0.5),
        ((20, 1), None, 1.0),
        ((20, 1), 200, 2.0),
        ((30, 50, 40, 1), None, 1.5),
        ((30, 50, 40, 1), (16, 10, 40), 0.5),
    ],
)
def test_signals_and_volumes_are_shifted_by_a_twentieth_of_what_is_rendered(input_shape, size, pixels):
    axes = tuple(range(1, len(input_shape)))
    model = jaxviz.wrap(lambda inputs: inputs.mean(axes), input_shape=input_shape)
    extents = extents_of(model, size)
    (shifted,) = drawn(model, extents, None, "auto").transform.to_json()["transforms"]
    assert (shifted["kind"], shifted["max_pixels"]) == ("shift", pixels)


def test_photographs_are_moved_by_their_familys_pixels_at_every_size(model):
    for size in (24, 80, (48, 200)):
        shifted = drawn(model, extents_of(model, size), None, "auto").transform.to_json()["transforms"][1]
        assert shifted["max_pixels"] == Settings.for_family(model.family).max_shift_pixels


def test_every_family_has_settings():
    assert {model_of((80, 72, 3)).family, model_of((28, 28, 3)).family} == {"plain", "tiny"}
    assert FAMILIES.keys() == {"plain", "tiny", "depthwise", "transformer"}
    for family in FAMILIES:
        assert Settings.for_family(family).steps == Settings().steps


def test_the_explorer_begins_with_the_same_settings_and_one_view_a_step(model):
    explorer = jaxviz.explore(model, "conv", steps=2, size=24)
    assert explorer.settings == Settings.for_family("plain").changed(steps=2, size=24, views=1).to_json()
    explorer.close()


def test_settings_take_numpys_numbers():
    found = Settings(size=np.int64(64), noise=np.float32(0.25))
    assert found == Settings(size=64, noise=0.25)
    assert json.loads(json.dumps(found.to_json())) == Settings(size=64, noise=0.25).to_json()
