"""What the models of a joint one agree on is the joint model's too, and no rendering of it says more than that."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz

WEIGHT = np.array([[1.0], [-2.0], [0.5]], np.float32)
PERSON = {
    "input_shape": (3,),
    "feature_names": ["age", "height", "weight"],
    "value_range": ([18, 140, 40], [90, 210, 160]),
}
FIELDS = np.random.default_rng(0).random((20, 12, 16, 7)).astype(np.float32)


def risks(**options):
    """Two models of persons; the options are the second's."""
    return {
        "one": jaxviz.wrap(lambda vectors: vectors @ WEIGHT, **PERSON),
        "two": jaxviz.wrap(lambda vectors: jnp.tanh(vectors / 100) @ WEIGHT, **{**PERSON, **options}),
    }


def crops(**options):
    return jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(12, 16, 7), **options)


def render(model, objective, **options):
    return jaxviz.render(model, objective, **{"steps": 20, "progress": False, **options})


def of_bands(model, **options):
    return render(model, jaxviz.channel("a/mean", 6), size=(12, 16), transforms=None, steps=2, **options)


@pytest.mark.smoke
def test_the_best_vector_of_joint_models_has_its_values_and_its_names():
    model = jaxviz.joint(risks())
    assert model.view.feature_names == ("age", "height", "weight")
    objective = jaxviz.channel(model.layers[0].name, 0)  # linear, so that a corner of the box is best
    rendering = render(model, objective)
    np.testing.assert_allclose(rendering.values, [[90, 140, 160]])
    assert rendering.view == model.view


def test_ranges_are_compared_by_their_values():
    low, high = np.array([18.0, 140, 40]), (90, 210, 160)
    assert jaxviz.joint(risks(value_range=(low, high))).value_range is not None
    assert jaxviz.joint(risks(value_range=(low, 210))).value_range is None


@pytest.mark.parametrize("options", [{"value_range": (0, 250)}, {"value_range": None, "preprocess": jnp.sqrt}])
def test_where_ranges_differ_the_error_says_what_holds_for_joint_models(options):
    model = jaxviz.joint(risks(**options))
    rendering = render(model, jaxviz.channel(model.layers[0].name, 0), steps=1)
    with pytest.raises(ValueError, match=r"the models of a joint one have different ranges.*the same for all models"):
        _ = rendering.values
    assert rendering.view.feature_names == ("age", "height", "weight")


def test_bands_and_colours_of_data_are_those_of_one_model_alone():
    options = {"bands": (6, 4, 2), "data": FIELDS}
    model = jaxviz.joint({"a": crops(**options), "b": crops(**options)})
    rendering = of_bands(model)
    np.testing.assert_array_equal(rendering.pictures(), np.rint(rendering.images[..., [6, 4, 2]] * 255))
    alone = render(crops(**options), "mean", units=[6], size=(12, 16), transforms=None, steps=1)
    assert rendering.recipe.parameterization["colours"] is not None
    assert rendering.recipe.parameterization == alone.recipe.parameterization
    assert rendering.recipe.model["data"] == {"images": 20}


def test_what_models_differ_in_is_dropped():
    model = jaxviz.joint({"a": crops(bands=(6, 4, 2), data=FIELDS), "b": crops(bands=(0, 4, 2), data=FIELDS[:10])})
    assert model.view == jaxviz.results.View()
    assert model.data is None
    rendering = of_bands(model)
    np.testing.assert_array_equal(rendering.pictures(), np.rint(rendering.images[..., :3] * 255))


def test_data_of_one_model_are_those_of_all_if_their_ranges_are_equal():
    measured = crops(data=FIELDS)
    assert jaxviz.joint({"a": crops(), "b": measured}).data is measured.data
    assert jaxviz.joint({"a": crops(value_range=(0, 255)), "b": measured}).data is None
    assert jaxviz.joint({"a": crops(preprocess=jnp.sqrt), "b": measured}).data is None


def test_it_is_kept_for_images_of_another_size_and_in_models_joined_again():
    options = {"bands": (6, 4, 2), "data": FIELDS}
    model = jaxviz.joint({"a": crops(**options), "b": crops(**options)})
    assert model.data is not None
    for other in (model.for_images((24, 20, 7)), jaxviz.joint({"old": model, "new": crops(**options)})):
        assert other.view.bands == (6, 4, 2)
        assert other.data is model.data
        np.testing.assert_array_equal(other.value_range, model.value_range)
