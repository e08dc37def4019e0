"""A joint model is its models, side by side: the same layers, the same numbers, one image for all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz.rendering import Live
from jaxviz.rendering.request import make_request

PETS, FRUITS = ("ant", "bee", "cat"), ("apple", "bee, bee fruit")


def kernel(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape) / np.sqrt(shape[2]), jnp.float32)


def conv(images, weights, strides=(1, 1)):
    return jax.lax.conv_general_dilated(images, weights, strides, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def pets(images):
    with jax.named_scope("stem"):
        hidden = jax.nn.relu(conv(images, kernel(3, 3, 3, 5), (2, 2)))
    with jax.named_scope("head"):
        return jax.nn.softmax(hidden.mean((1, 2)) @ kernel(1, 1, 5, 3)[0, 0])


def fruits(images):
    """Takes images of 8 by 8 pixels only; the third channel of its stem is off at the start."""
    with jax.named_scope("stem"):
        shift = jnp.asarray([0, 0, -3000, 0], jnp.float32)
        hidden = jax.nn.relu(conv(images, kernel(3, 3, 3, 4, seed=1)) + shift)
    with jax.named_scope("head"):
        return hidden.reshape(-1, 8 * 8 * 4) @ kernel(1, 1, 8 * 8 * 4, 2, seed=2)[0, 0]


@pytest.fixture(scope="module")
def models():
    return {
        "pets": jaxviz.wrap(pets, input_shape=(16, 16, 3), class_names=PETS, mean=0.5, std=0.25),
        "fruits": jaxviz.wrap(fruits, input_shape=(8, 8, 3), class_names=FRUITS, value_range=(0, 255)),
    }


@pytest.fixture(scope="module")
def both(models):
    return jaxviz.joint(models)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).random((3, 16, 16, 3), np.float32)


def render(model, objective, **options):
    settings = {"steps": 12, "size": 16, "transforms": None, "progress": False, **options}
    return jaxviz.render(model, objective, **settings)


def asked(model, objective, **options):
    """The request that `render` would make, with nothing compiled."""
    usual = {"units": None, "steps": 2, "size": 16, "key": 0, "parameterization": None, "transforms": None}
    usual |= {"optimizer": None, "learning_rate": None, "lowering": "auto"}
    return make_request(model, objective, **{**usual, **options})


@pytest.mark.smoke
def test_it_has_the_layers_of_all_models_under_their_names(both, models):
    assert both.layers.names == tuple(f"{name}/{layer}" for name in models for layer in models[name].layers.names)
    assert both.layers["pets"].name == "pets/head/dense"  # before the softmax
    assert both.layers["pets/output"].name == "pets/head/softmax"
    assert both.layers["fruits"].name == both.layers["fruits/output"].name == "fruits/head"
    assert len(both.layers["*/stem*"]) == 4
    assert both.parameters == sum(model.parameters for model in models.values())
    assert both.input_shape == (16, 16, 3)
    assert "pets/stem/conv" in str(both.layers)
    for name, layer in (("pets", "stem/conv"), ("fruits", "head")):
        here, own = both.layers[f"{name}/{layer}"], models[name].layers[layer]
        assert (here.kind, here.shape, here.parameters, here.flops) == (own.kind, own.shape, own.parameters, own.flops)


@pytest.mark.smoke
def test_every_model_sees_the_image_in_its_own_range_and_size(both, models, pictures):
    names = ["pets/stem/relu", "pets/head", "fruits/stem/relu", "fruits"]
    found = both.activations(pictures, names)
    resized = np.clip(jax.image.resize(pictures, (3, 8, 8, 3), "linear"), 0, 1)
    expected = models["pets"].activations(pictures, ["stem/relu", "head"]) | {
        f"fruits/{name}": array for name, array in models["fruits"].activations(resized, ["stem/relu", "head"]).items()
    }
    for name, own in zip(names, ("stem/relu", "head", "fruits/stem/relu", "fruits/head"), strict=True):
        np.testing.assert_allclose(found[name], expected[own], rtol=1e-4, atol=1e-3)


def test_a_model_that_takes_any_size_sees_larger_images_as_they_are(models):
    wider = jaxviz.joint(models, input_shape=(24, 20, 3))
    assert wider.layers["pets/stem/conv"].shape == (12, 10, 5)
    assert wider.layers["fruits/stem/conv"].shape == (8, 8, 4)
    found = wider.activations(np.full((1, 30, 18, 3), 0.5, np.float32), ["pets/stem/conv", "fruits/stem/conv"])
    assert [array.shape[1:3] for array in found.values()] == [(15, 9), (8, 8)]
    # What is even stays even, whatever size it is resized to.
    own = models["fruits"].activations(np.full((1, 8, 8, 3), 0.5, np.float32), "stem/conv")["stem/conv"]
    np.testing.assert_allclose(found["fruits/stem/conv"], own, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("shape", [(16, 16, 3), (20, 24, 3), (8, 8, 3), (5, 13, 3)])
def test_what_a_layer_sees_of_resized_images_holds_what_it_responds_to(models, shape):
    if shape == (5, 13, 3):  # enlarged and reduced
        models = models | {"pets": jaxviz.wrap(pets, input_shape=(4, 4, 3))}
    model = jaxviz.joint(models, input_shape=shape)
    layer = model.layers["fruits/stem/conv"]
    network = model.network(shape, 1)

    def centre(image):
        known = dict(zip(network.program.weight_values, model.weights, strict=True))
        known[network.program.image_value] = image[None]
        return network.program.evaluate(known, [network.value(layer)])[0][0, 4, 4].sum()

    seen = np.abs(jax.grad(centre)(jnp.zeros(shape))).max(-1)
    for axis, extent in enumerate(shape[:2]):
        places = np.flatnonzero(seen.max(1 - axis))
        first = layer.offset[axis] + 4 * layer.stride[axis]
        assert places[0] >= np.floor(first)
        assert places[-1] <= np.ceil(first + layer.receptive_field[axis] - 1)
        assert layer.receptive_field[axis] - 2 <= len(places) <= layer.receptive_field[axis] <= extent


def test_a_resized_model_with_channels_first_keeps_its_channels(models):
    def network(images):
        with jax.named_scope("hidden"):
            hidden = jax.lax.conv(images, kernel(7, 3, 2, 2, seed=5), (1, 1), "SAME")
        return hidden.reshape(-1, 7 * 5 * 5).mean(-1, keepdims=True)

    own = jaxviz.wrap(network, input_shape=(5, 5, 3), channels_first=True)
    model = jaxviz.joint({"first": own, "pets": models["pets"]})
    assert model.layers["first/hidden"].shape == own.layers["hidden"].shape == (5, 5, 7)
    flat = np.full((1, 16, 16, 3), 0.5, np.float32)
    expected = own.activations(flat[:, :5, :5], "hidden")["hidden"]
    np.testing.assert_allclose(model.activations(flat, "first/hidden")["first/hidden"], expected, rtol=1e-5)


def mean_is(wanted, weight):
    """A model whose only unit is best where the mean of each channel is wanted."""
    return jaxviz.wrap(
        lambda images: -weight * jnp.square(images.mean((1, 2)) - jnp.asarray(wanted)).sum(-1, keepdims=True),
        input_shape=(8, 8, 3),
    )


@pytest.mark.smoke
def test_one_image_climbs_for_both_to_the_known_optimum():
    """Where the models disagree, the best mean is the weighted mean of what they want."""
    model = jaxviz.joint({"one": mean_is([0.2, 0.5, 0.3], 1.0), "two": mean_is([0.6, 0.5, 0.7], 3.0)})
    objective = jaxviz.channel("one", 0) + jaxviz.channel("two", 0)
    pixels = jaxviz.pixels(decorrelated=False)
    rendering = render(model, objective, size=8, steps=200, parameterization=pixels, learning_rate=0.02)
    np.testing.assert_allclose(rendering.images[0].mean((0, 1)), [0.5, 0.5, 0.6], atol=0.01)


def test_classes_are_known_by_name_in_each_model(both):
    objectives = [
        jaxviz.class_logit("bee", layer="pets") + jaxviz.class_logit("bee", layer="fruits"),
        jaxviz.class_logit("cat", layer="pets/head/dense"),
        jaxviz.class_logit(0, layer="fruits"),
    ]
    request = asked(both, objectives)
    assert request.labels == ("pets: bee + fruits: bee, bee fruit", "pets/head/dense: cat", "fruits: apple")
    assert [term["objective"]["index"] for term in request.recipe().objectives[0]["terms"]] == [1, 1]
    by_layer = asked(both, "pets/head", units=["cat", 0])
    assert by_layer.labels == ("pets: cat", "pets: ant")
    assert by_layer.objectives == (jaxviz.class_logit(2, layer="pets"), jaxviz.class_logit(0, layer="pets"))
    assert asked(both, "fruits/stem", units=[3]).labels == ("fruits/stem:3",)


def test_a_class_without_its_model_is_asked_for_whose(both):
    with pytest.raises(ValueError, match=r"Say whose class 'bee' is: class_logit\('bee', layer='pets' or 'fruits'\)"):
        render(both, jaxviz.class_logit("bee"))
    with pytest.raises(ValueError, match=r"Each of the joint models has class logits. Say whose .* layer='pets' or"):
        render(both, jaxviz.class_logit(1))
    with pytest.raises(ValueError, match=r"Unknown class 'cut'. Did you mean 'cat'"):
        render(both, jaxviz.class_logit("cut", layer="pets"))


@pytest.mark.parametrize("objective", [jaxviz.channel("fruits/stem", 1), jaxviz.class_logit(1, layer="fruits")])
def test_the_same_bits_whatever_is_rendered_beside_it(both, objective):
    others = [type(objective)(**{**vars(objective), "index": index}) for index in (0, 1, 0)]
    together = render(both, others)
    np.testing.assert_array_equal(together.images[1], render(both, objective).images[0])


def test_gradient_rules_act_in_each_model(models):
    model = jaxviz.joint(models)
    objective = jaxviz.channel("fruits/stem", 2, rectified=True)
    still, moved = render(model, objective), render(model, objective, gradient_rules="redirected_relu")
    assert still.states == moved.states == ("dead",)  # it is too far off to wake in so few steps
    assert still.images.std() < 0.01 < moved.images.std()
    assert "only redirected gradients moved the picture" in moved.messages[0]


def test_an_objective_reads_the_value_before_a_models_last_rectifier(both, pictures):
    network = both.network((16, 16, 3), 3)
    layer = both.layers["pets/stem/relu"]
    before, conv = both.layers["pets/stem/conv"], network.wanted(layer, rectified=False)
    assert conv == (network.value(before),)


def test_the_live_climb_makes_the_same_pictures(both):
    live, settings = Live(both), jaxviz.Settings(steps=4, size=16)
    live.aim("pets/head", settings, from_scratch=True)
    live.prioritise([[(2, 1)]])
    while live.advance():
        pass
    line = settings.python("pets/head", [2], border_pixels=live.border_pixels)
    again = eval(line.replace("steps=", "progress=False, steps="), {"jaxviz": jaxviz, "model": both})
    np.testing.assert_array_equal(live.rendering([(2, 1)]).images, again.images)


def test_models_of_frameworks_keep_their_layers(residual_net, linen_net, equinox_net, images):
    module, variables = linen_net
    models = {
        "nnx": jaxviz.wrap(residual_net, input_shape=(9, 12, 3)),
        "linen": jaxviz.wrap(module, variables=variables, input_shape=(9, 12, 3)),
        "equinox": jaxviz.wrap(equinox_net, input_shape=(9, 12, 3)),
    }
    model = jaxviz.joint(models)
    for name, own in models.items():
        last = own.layers[-1].name
        np.testing.assert_allclose(
            model.activations(images, f"{name}/{last}")[f"{name}/{last}"],
            own.activations(images, last)[last],
            rtol=1e-5,
            atol=1e-6,
        )


def test_joint_models_can_be_joined(both, models, pictures):
    inner = jaxviz.joint({"old": both, "new": models["pets"]})
    np.testing.assert_allclose(
        inner.activations(pictures, "old/pets/head")["old/pets/head"],
        inner.activations(pictures, "new/head")["new/head"],
        rtol=1e-5,
    )
    assert asked(inner, jaxviz.class_logit("apple", layer="old/fruits")).labels == ("old/fruits: apple",)
    assert asked(inner, "old/fruits/head", units=["apple"]).labels == ("old/fruits: apple",)


@pytest.mark.parametrize("objective", [jaxviz.class_logit, jaxviz.class_probability])
@pytest.mark.parametrize("unit", ["bee", 1])
def test_an_unknown_layer_of_a_class_is_told_with_the_closest_for_a_name_as_for_a_number(
    both, pictures, objective, unit
):
    wrong = objective(unit, layer="pet") - jaxviz.total_variation()
    with pytest.raises(KeyError, match=r"Unknown layer 'pet'.* Did you mean 'pets'"):
        asked(both, wrong)
    with pytest.raises(KeyError, match=r"Unknown layer 'pet'.* Did you mean 'pets'"):
        jaxviz.evidence.scores(both, wrong, pictures)


def test_a_name_where_a_layers_classes_have_none_is_refused(both, models):
    with pytest.raises(ValueError, match="no class names to find 'bee' among"):
        asked(jaxviz.joint({"old": both, "new": models["pets"]}), jaxviz.class_logit("bee", layer="old"))


def test_its_fingerprint_is_that_of_its_models_and_their_names(both, models):
    assert both.fingerprint == jaxviz.joint(dict(models)).fingerprint
    others = [
        jaxviz.joint({"pets": models["pets"], "fruit": models["fruits"]}),
        jaxviz.joint(models, input_shape=(18, 16, 3)),
        jaxviz.joint(models | {"pets": jaxviz.wrap(pets, input_shape=(16, 16, 3), mean=0.4)}),
    ]
    assert len({model.fingerprint for model in (both, *others)}) == 4


def test_an_unsound_weight_is_named_with_its_model(residual_net, models):
    residual_net.head.bias[...] = residual_net.head.bias[...].at[0].set(jnp.nan)
    model = jaxviz.joint(models | {"broken": jaxviz.wrap(residual_net, input_shape=(16, 16, 3))})
    with pytest.raises(ValueError, match=r"Weight broken.*head.*bias.* holds NaN or infinity"):
        render(model, jaxviz.channel("pets/stem", 0))


def test_what_cannot_be_joined_is_told(models):
    grey = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 1))
    with pytest.raises(ValueError, match="differ in more than their size"):
        jaxviz.joint({"pets": models["pets"], "grey": grey})
    with pytest.raises(TypeError, match="takes the models by their names"):
        jaxviz.joint([models["pets"], models["fruits"]])
    with pytest.raises(ValueError, match="at least two models; 1 given"):
        jaxviz.joint({"pets": models["pets"]})
    with pytest.raises(ValueError, match="'a/b' cannot be a model's name"):
        jaxviz.joint({"a/b": models["pets"], "fruits": models["fruits"]})
    with pytest.raises(TypeError, match=r"input_shape is 16; it must be a tuple of whole numbers"):
        jaxviz.joint(models, input_shape=16)
    with pytest.raises(ValueError, match=r"input_shape is \(\); it must be \(height, width, channels\)"):
        jaxviz.joint(models, input_shape=())
    with pytest.raises(TypeError, match=r"is no model; make one with jaxviz.wrap or jaxviz.load"):
        jaxviz.joint({"pets": models["pets"], "function": pets})
