"""Models that are written otherwise than most: their layers are what their authors mean all the same."""

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jaxviz
from jaxviz import evidence

KEYS = jax.random.split(jax.random.key(0), 6)
IMAGES = np.random.default_rng(0).random((3, 10, 14, 3)).astype(np.float32)


class ChannelsFirst(eqx.Module):
    """A convolution, something with statistics or a gate whose axes of length one are stretched, a convolution."""

    first: eqx.nn.Conv2d
    second: eqx.nn.Conv2d
    between: str = eqx.field(static=True)

    def __init__(self, between):
        self.first = eqx.nn.Conv2d(3, 6, 3, padding=1, key=KEYS[0])
        self.second = eqx.nn.Conv2d(6, 7, 3, padding=1, key=KEYS[1])
        self.between = between

    def __call__(self, image):
        hidden = jax.nn.relu(self.first(image))
        if self.between == "group norm":
            hidden = eqx.nn.GroupNorm(2, 6)(hidden)
        elif self.between == "gate":
            hidden = hidden * jax.nn.sigmoid(hidden.mean((1, 2), keepdims=True))
        else:
            hidden = hidden - hidden.mean(0, keepdims=True)
        return self.second(hidden)


@pytest.mark.parametrize(("between", "sees"), [("group norm", (10, 14)), ("gate", (10, 14)), ("layer norm", (5, 5))])
def test_units_of_a_network_with_channels_first_are_its_channels_behind_what_is_stretched(between, sees):
    module = ChannelsFirst(between)
    model = jaxviz.wrap(module, input_shape=(10, 14, 3))
    assert (model.layers["second"].shape, model.layers["second"].receptive_field) == ((10, 14, 7), sees)
    expected = jax.vmap(module)(np.moveaxis(IMAGES, -1, 1))
    found = model.activations(IMAGES, "second")["second"]
    np.testing.assert_allclose(found, np.moveaxis(np.asarray(expected), 1, -1), rtol=1e-4, atol=1e-5)


def attention(images):
    """Attention as `matmul` writes it, which drops the axis of the batch where there is one image."""
    tokens = images.reshape(len(images), -1, 3) @ jax.random.normal(KEYS[2], (3, 4))
    tokens = tokens + jax.nn.softmax(tokens @ jnp.swapaxes(tokens, 1, 2)) @ tokens
    return jax.nn.relu(tokens @ jax.random.normal(KEYS[3], (4, 4))).mean(1)


@pytest.fixture(scope="module")
def matmul_model():
    return jaxviz.wrap(attention, input_shape=(4, 5, 3))


@pytest.mark.smoke
def test_one_image_is_computed_as_beside_others_whatever_matmul_makes_of_it(matmul_model):
    alone, several = (matmul_model.network((4, 5, 3), count).program for count in (1, 2))
    assert not alone.is_alike(several)  # or else this test tests nothing
    assert [matmul_model.enough((4, 5, 3), count) for count in (1, 2, 5)] == [2, 2, 5]
    images = IMAGES[:, :4, :5]
    together = matmul_model.activations(images, "*")
    for number in range(3):
        one = matmul_model.activations(images[number : number + 1], "*")
        for name, activation in one.items():
            np.testing.assert_allclose(activation[0], together[name][number], rtol=1e-5, atol=1e-6)
    units = [jaxviz.channel("matmul", unit) for unit in range(3)]
    scored = evidence.scores(matmul_model, units, images[:1])
    np.testing.assert_allclose(scored[:, 0], together["matmul"][0].mean(0)[:3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gains", [False, True])
@pytest.mark.parametrize("layer", ["matmul", "output"])
def test_a_unit_alone_climbs_as_beside_others_whatever_matmul_makes_of_it(matmul_model, layer, gains):
    transforms = jaxviz.transforms.compose(jaxviz.transforms.gains(0.3, rising_steps=1)) if gains else None
    options = {"steps": 12, "progress": False, "transforms": transforms}
    several = jaxviz.render(matmul_model, layer, units=range(4), **options)
    for unit in (0, 3):
        alone = jaxviz.render(matmul_model, layer, units=[unit], key=0, **options)
        assert alone.labels == several.labels[unit : unit + 1]
        np.testing.assert_allclose(alone.images[0], several.images[unit], atol=1e-4)
        assert np.ptp(alone.images[0]) > 1e-3


def test_a_rule_for_gradients_acts_on_one_image_whatever_matmul_makes_of_it(matmul_model):
    options = {"steps": 6, "progress": False, "transforms": None, "gradient_rules": "redirected_relu"}
    several = jaxviz.render(matmul_model, "output", units=range(4), **options)
    alone = jaxviz.render(matmul_model, "output", units=[0], **options)
    np.testing.assert_allclose(alone.images[0], several.images[0], atol=1e-4)


def test_joint_models_of_which_one_computes_one_image_otherwise_climb_one_unit(matmul_model):
    plain = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(4, 5, 3))
    both = jaxviz.joint({"one": matmul_model, "two": plain})
    objective = jaxviz.channel("one/output", 0) + jaxviz.channel("two/output", 1)
    found = jaxviz.render(both, objective, steps=4, progress=False, transforms=None)
    assert found.states == ("done",)
    assert both.activations(IMAGES[:1, :4, :5], "one/matmul")["one/matmul"].shape == (1, 20, 20)


def test_truth_values_among_the_weights_are_weights():
    mask = jnp.arange(10 * 14).reshape(10, 14, 1) % 3 == 0
    other = ~mask
    first, second = (
        jaxviz.wrap(lambda images, kept=kept: jnp.where(kept, images, 0).mean((1, 2)), input_shape=(10, 14, 3))
        for kept in (mask, other)
    )
    assert first.fingerprint != second.fingerprint
    found = jaxviz.render(first, "output", units=[1], steps=2, progress=False, transforms=None)
    assert found.states == ("done",)


def logits(images):
    return jnp.tanh(images).mean((1, 2)) @ (20 * jax.random.normal(KEYS[4], (3, 6)))


ENDINGS = {
    "plain": lambda images: jax.nn.softmax(logits(images)),
    "cast": lambda images: jax.nn.softmax(logits(images).astype(jnp.bfloat16)).astype(jnp.float32),
    "reshaped": lambda images: jax.nn.softmax(logits(images)[:, None, None]).reshape(len(images), -1),
    "logarithm": lambda images: jax.nn.log_softmax(logits(images)).astype(jnp.float16),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_class_logits_are_before_the_softmax_whatever_is_behind_it(ending):
    model = jaxviz.wrap(ENDINGS[ending], input_shape=(10, 14, 3))
    assert (model.logits.name, evidence.penultimate(model)) == ("dense", "mean")
    scored = evidence.scores(model, jaxviz.class_logit(2), IMAGES)[0]
    np.testing.assert_allclose(scored, np.asarray(logits(IMAGES))[:, 2], rtol=1e-5)
    found = evidence.transfer(model, IMAGES, [2, 2, 2])
    np.testing.assert_allclose(
        found.log_probability, np.asarray(jax.nn.log_softmax(logits(IMAGES)))[:, 2], rtol=1e-4, atol=1e-4
    )
    if ending != "logarithm":
        rule = {"gradient_rules": "linear_softmax", "steps": 2, "progress": False}
        assert jaxviz.render(model, jaxviz.class_probability(2), **rule).states == ("done",)


def test_a_softmax_over_something_else_than_the_classes_has_no_logits_before_it():
    model = jaxviz.wrap(lambda images: jax.nn.softmax(images * 3).reshape(len(images), -1), input_shape=(2, 2, 3))
    assert model.logits.units == 12


@pytest.mark.parametrize("use", ["predict", "evaluate", "fit"])
def test_a_keras_model_may_be_used_and_trained_after_it_was_wrapped(use):
    network = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(), keras.layers.Flatten()]
    )
    network.compile("sgd", "mse")
    model = jaxviz.wrap(network, input_shape=(8, 8, 3))
    images, targets = IMAGES[:, :8, :8], np.zeros((3, 144), np.float32)
    before = model.predict(images)
    arguments = [images] if use == "predict" else [images, targets]
    getattr(network, use)(*arguments, verbose=0)
    np.testing.assert_array_equal(model.predict(images), before)


def test_weights_that_were_given_away_are_said_to_be():
    weights = jax.random.normal(KEYS[5], (3, 4))
    model = jaxviz.wrap(
        nn.Dense(4), variables={"params": {"kernel": weights, "bias": jnp.zeros(4)}}, input_shape=(4, 4, 3)
    )
    weights.delete()
    with pytest.raises(RuntimeError, match=r"Weights of model 'Dense' were deleted .* donate_argnums"):
        model.predict(IMAGES[:, :4, :4])


def two_outputs(images):
    features = jnp.tanh(images @ jax.random.normal(KEYS[2], (3, 7))).mean((1, 2))
    return features @ jax.random.normal(KEYS[3], (7, 5)), features


@pytest.mark.parametrize(
    ("function", "class_names"),
    [
        (two_outputs, ()),
        (two_outputs, "abcde"),
        (lambda images: two_outputs(images)[::-1], ()),
        (lambda images: dict(zip(("logits", "pooled"), two_outputs(images), strict=True)), ()),
        (lambda images: {"logits": two_outputs(images)[0], "other": images.mean((1, 2)) * 2}, ()),
        (lambda images: (two_outputs(images)[0] * 2, images.mean((1, 2)) * 2), "abcde"),
    ],
)
def test_of_several_outputs_the_class_logits_are_those_that_are_called_so_or_have_the_classes(function, class_names):
    model = jaxviz.wrap(function, input_shape=(10, 14, 3), class_names=tuple(class_names))
    assert model.logits.units == 5
    last = jax.tree.leaves(function(IMAGES))[-1]
    np.testing.assert_allclose(model.predict(IMAGES), last, rtol=1e-4, atol=1e-5)


def test_a_resizing_by_interpolation_is_no_dense_layer():
    def network(images):
        hidden = jax.nn.relu(images @ jax.random.normal(KEYS[2], (3, 8)))
        return jax.image.resize(hidden, (len(images), 20, 28, 8), "bilinear") @ jax.random.normal(KEYS[3], (8, 2))

    model = jaxviz.wrap(network, input_shape=(10, 14, 3))
    assert [(layer.name, layer.units) for layer in model.layers] == [("dense", 8), ("relu", 8), ("dense_2", 2)]


class Tokens(nn.Module):
    """Tokens with a class token, of which a norm makes statistics, and then the mean over all."""

    @nn.compact
    def __call__(self, images):
        tokens = nn.Dense(6)(images).reshape(len(images), -1, 6)
        tokens = jnp.concatenate([jnp.zeros((len(images), 1, 6)), tokens], axis=1)
        return nn.Dense(5)(nn.LayerNorm(name="norm")(tokens).mean(1))


def test_the_statistics_of_a_norm_are_no_layers_and_a_mean_over_positions_is_one():
    images = IMAGES[:, :4, :4]
    variables = Tokens().init(KEYS[0], images)
    model = jaxviz.wrap(Tokens(), variables=variables, input_shape=(4, 4, 3))
    assert [(layer.name, layer.units) for layer in model.layers] == [
        ("Dense_0", 6),
        ("norm", 6),
        ("mean", 6),
        ("Dense_1", 5),
    ]
    assert model.layers["norm"].kind == "norm"


class WithArguments(eqx.Module):
    """A module that has to be told that it is not trained."""

    layer: eqx.nn.Linear

    def __call__(self, image, enable_dropout, *, train, key):
        del key
        assert not enable_dropout
        assert not train
        return self.layer(image.mean((1, 2)))


def test_an_equinox_module_is_told_that_it_is_not_trained():
    model = jaxviz.wrap(WithArguments(eqx.nn.Linear(3, 5, key=KEYS[0])), input_shape=(10, 14, 3))
    assert model.predict(IMAGES).shape == (3, 5)


@pytest.mark.parametrize(
    ("shape", "window", "is_pool"),
    [
        ((12, 4), (1, 2, 1), True),
        ((12, 9, 4), (1, 2, 1, 1), True),
        ((12, 9, 4), (1, 1, 2, 1), True),
        ((12, 9, 4), (1, 1, 1, 2), False),  # over channels, as local response normalization
        ((6, 7, 8, 2), (1, 2, 1, 1, 1), True),
    ],
)
@pytest.mark.parametrize("channels_first", [False, True])
def test_a_pool_along_one_axis_of_positions_is_a_layer_wherever_the_channels_lie(
    shape, window, is_pool, channels_first
):
    def first(tuple_or_array):
        return (tuple_or_array[0], tuple_or_array[-1], *tuple_or_array[1:-1])

    def network(inputs):
        turned = jnp.moveaxis(inputs, -1, 1) if channels_first else inputs
        sides = first(window) if channels_first else window
        return jax.lax.reduce_window(jnp.tanh(turned), -jnp.inf, jax.lax.max, sides, sides, "VALID") + 1.0

    model = jaxviz.wrap(network, input_shape=shape)
    assert ("max_pool" in model.layers.names) == is_pool
    if is_pool:
        assert model.layers["max_pool"].units == shape[-1]


@pytest.mark.parametrize("size", [8, 16, 33])
def test_a_mean_over_positions_is_a_layer_where_one_position_is_left_too(size):
    kernel = jnp.array(np.random.default_rng(0).normal(size=(32, 32, 3, 4)) / 50, jnp.float32)

    def network(images):
        found = jax.lax.conv_general_dilated(
            images, kernel, (32, 32), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        normalized = found - found.mean((1, 2), keepdims=True)  # no layer
        return (jax.nn.relu(found) + 0 * normalized).mean((1, 2)) + 1.0

    model = jaxviz.wrap(network, input_shape=(96, 96, 3))
    assert model.layers.names == ("conv", "relu", "add", "mean", "output")
    images = np.full((2, size, size, 3), 0.7, np.float32)
    assert model.activations(images, "mean")["mean"].shape == (2, 4)
    rendering = jaxviz.render(model, "relu", units=1, size=size, steps=1, progress=False)
    assert rendering.images.shape == (1, size, size, 3)
