"""Models that are written otherwise than most: their layers are what their authors mean all the same."""

import equinox as eqx
import jax
import jax.numpy as jnp
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
