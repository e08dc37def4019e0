"""Gradient rules against NumPy, one image and one window at a time; they change no value, and know one image only."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz import gradient_rules
from jaxviz.gradient_rules import linear_softmax, redirected_relu, smoothed_max_pool
from jaxviz.rendering.overriding import overrides

SHAPE = (4, 4, 3)

# Each activation with the band of inputs on which it rises.
BANDS = {
    "relu": (jax.nn.relu, 0.0, math.inf),
    "relu written out": (lambda inputs: jnp.maximum(inputs, 0), 0.0, math.inf),
    "relu6": (jax.nn.relu6, 0.0, 6.0),
    "clipped": (lambda inputs: jnp.clip(inputs, 0, 2), 0.0, 2.0),
    "gelu": (jax.nn.gelu, -0.7525, math.inf),
    "exact gelu": (lambda inputs: jax.nn.gelu(inputs, approximate=False), -0.7518, math.inf),
    "silu": (jax.nn.silu, -1.2785, math.inf),
    "mish": (jax.nn.mish, -1.1925, math.inf),
    "hard_swish": (jax.nn.hard_swish, -1.5, math.inf),
    "hard_tanh": (jax.nn.hard_tanh, -1.0, 1.0),
    "hard_sigmoid": (jax.nn.hard_sigmoid, -3.0, 3.0),
}


def as_they_are(operation, shape=SHAPE):
    """A model that is one operation; inputs that are not in [0, 1] reach it as they are."""
    return jaxviz.wrap(operation, input_shape=shape)


def value_and_gradient(model, rules, inputs, cotangent, *, step=0):
    """The model's last value and the gradient of its inputs, evaluated as the engine does."""
    count = len(inputs)
    program = model.network(inputs.shape[1:], count).program
    wanted = [program.outputs[-1]]
    steps = jnp.full(count, step, jnp.int32)
    chosen = overrides(model, inputs.shape[1:], count, rules, wanted)
    replaced = {item.operation.value: item.replacement(program, rules, steps, None) for item in chosen}

    def evaluate(inputs):
        known = dict(zip(program.weight_values, model.weights, strict=True)) | {program.image_value: inputs}
        return program.evaluate(known, wanted, replaced=replaced)[0]

    value, pull = jax.vjp(evaluate, jnp.asarray(inputs, jnp.float32))
    return np.asarray(value), np.asarray(pull(jnp.asarray(cotangent, jnp.float32))[0])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def off_and_on(low, high, *shape):
    """Four images: off below everywhere, off above everywhere if there is such, mixed, and mixed without gradient."""
    generator = np.random.default_rng(1)
    below = low - generator.uniform(0.5, 3, (1, *shape))
    above = high + generator.uniform(0.5, 3, (1, *shape)) if math.isfinite(high) else below - 1
    mixed = np.where(generator.uniform(size=(2, *shape)) < 0.5, below, low + generator.uniform(0.1, 0.5, (1, *shape)))
    return np.concatenate([below, above, mixed]).astype(np.float32)


@pytest.mark.parametrize("name", BANDS)
def test_a_redirected_activation_passes_what_leads_back_where_an_image_would_get_nothing(name):
    activation, low, high = BANDS[name]
    inputs, cotangent = off_and_on(low, high, *SHAPE), numbers(4, *SHAPE, seed=2)
    rises = (inputs > low) & (inputs < high)
    cotangent[3] = np.where(rises[3], 0, cotangent[3])  # it is on, but the score does not read where

    model = as_they_are(activation)
    plain, natural = value_and_gradient(model, (), inputs, cotangent)
    value, gradient = value_and_gradient(model, (redirected_relu(),), inputs, cotangent)

    expected = natural.copy()
    for image in (0, 1, 3):
        leads_back = np.where(inputs[image] >= high, cotangent[image] < 0, cotangent[image] > 0)
        expected[image] = np.where(leads_back, cotangent[image], 0)
    np.testing.assert_array_equal(value, plain)
    np.testing.assert_array_equal(gradient, expected)
    assert np.abs(gradient[0]).max() > 0


@pytest.mark.parametrize("activation", [jax.nn.elu, jax.nn.softplus, jax.nn.sigmoid, jax.nn.leaky_relu])
def test_activations_that_rise_everywhere_are_left_alone(activation):
    model = as_they_are(activation)
    network = model.network(SHAPE, 1)
    assert not any(redirected_relu().acts_on(item.name, is_output=True) for item in network.naming.operations)


def test_redirecting_ends_after_its_steps():
    model, inputs, cotangent = as_they_are(jax.nn.relu), -1 - numbers(1, *SHAPE) ** 2, np.ones((1, *SHAPE))
    largest = [
        np.abs(value_and_gradient(model, (redirected_relu(steps=4),), inputs, cotangent, step=step)[1]).max()
        for step in (0, 3, 4, 100)
    ]
    assert largest == [1, 1, 0, 0]


@pytest.mark.parametrize("batched", [True, False])
def test_an_image_is_judged_by_itself_whatever_stands_beside_it(batched):
    model = jaxviz.wrap(jax.nn.relu, input_shape=SHAPE, batched=batched)
    off, on = -np.ones((1, *SHAPE), np.float32), np.ones((1, *SHAPE), np.float32)
    cotangent = numbers(2, *SHAPE)
    together = value_and_gradient(model, (redirected_relu(),), np.concatenate([off, on]), cotangent)[1]
    for image, inputs in enumerate((off, on)):
        alone = value_and_gradient(model, (redirected_relu(),), inputs, cotangent[image][None])[1]
        np.testing.assert_array_equal(together[image], alone[0])
    np.testing.assert_array_equal(together[0], np.maximum(cotangent[0], 0))


def test_an_image_is_told_from_its_neighbour_where_positions_were_merged_into_the_batch():
    def merged(images):
        return jax.nn.relu(images.reshape(-1, images.shape[-1])).reshape(images.shape)

    inputs = np.stack([-np.ones(SHAPE), np.ones(SHAPE)]).astype(np.float32)
    inputs[1, 0] = -1  # positions of the living image may be off
    cotangent = numbers(2, *SHAPE)
    gradient = value_and_gradient(as_they_are(merged), (redirected_relu(),), inputs, cotangent)[1]
    np.testing.assert_array_equal(gradient[0], np.maximum(cotangent[0], 0))
    np.testing.assert_array_equal(gradient[1], np.where(inputs[1] > 0, cotangent[1], 0))


def test_the_softmax_at_the_end_is_passed_as_if_it_were_not_there():
    inputs, cotangent = numbers(2, *SHAPE), numbers(2, 3)
    for function in (jax.nn.softmax, jax.nn.log_softmax):
        model = as_they_are(lambda images, function=function: function(images.mean((1, 2))))
        plain, natural = value_and_gradient(model, (), inputs, cotangent)
        value, gradient = value_and_gradient(model, (linear_softmax(),), inputs, cotangent)
        np.testing.assert_array_equal(value, plain)
        expected = np.broadcast_to(cotangent[:, None, None] / 16, (2, *SHAPE))
        np.testing.assert_allclose(gradient, expected, rtol=1e-6)
        assert np.abs(natural - expected).max() > 1e-3


def attention(images):
    tokens = images.reshape(images.shape[0], -1, 3)
    return jnp.einsum("bqk,bkc->bqc", jax.nn.softmax(jnp.einsum("bqc,bkc->bqk", tokens, tokens)), tokens).mean(1)


def test_the_softmax_of_attention_keeps_its_gradient():
    with pytest.raises(ValueError, match=r"linear_softmax acts on a softmax .* that is an output .* has none"):
        jaxviz.render(as_they_are(attention, (8, 8, 3)), "output", gradient_rules="linear_softmax", size=8)


def pooled(window, strides, padding):
    def pool(images):
        low, dimensions = -jnp.inf, (1, *window, 1)
        return jax.lax.reduce_window(images, low, jax.lax.max, dimensions, (1, *strides, 1), padding)

    return pool


def smooth_gradient(inputs, cotangent, window, strides, before, *, squared, epsilon=0.01):
    """The gradient of a mean over windows, one window at a time."""
    gradient = np.zeros_like(inputs, np.float64)
    images, rows, columns, channels = cotangent.shape
    for image, row, column, channel in np.ndindex(images, rows, columns, channels):
        top, left = row * strides[0] - before[0], column * strides[1] - before[1]
        here = (
            image,
            slice(max(top, 0), max(top + window[0], 0)),
            slice(max(left, 0), max(left + window[1], 0)),
            channel,
        )
        values = inputs[here].astype(np.float64)
        if squared:
            size = epsilon + np.abs(values).mean()
            share = 2 * values / size - np.square(values).mean() * np.sign(values) / size**2
        else:
            share = np.ones_like(values)
        gradient[here] += cotangent[image, row, column, channel] * share / values.size
    return gradient


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize(
    ("window", "strides", "padding", "before"),
    [((2, 2), (2, 2), "VALID", (0, 0)), ((3, 3), (2, 2), "SAME", (0, 1)), ((3, 2), (1, 2), "SAME", (1, 0))],
)
def test_a_smoothed_max_pool_has_the_gradient_of_a_mean(window, strides, padding, before, squared):
    model = as_they_are(pooled(window, strides, padding), (6, 7, 2))
    inputs = numbers(2, 6, 7, 2)
    shape = model.layers[-1].shape
    cotangent = numbers(2, *shape, seed=3)
    plain, natural = value_and_gradient(model, (), inputs, cotangent)
    value, gradient = value_and_gradient(model, (smoothed_max_pool(squared=squared),), inputs, cotangent)
    np.testing.assert_array_equal(value, plain)
    expected = smooth_gradient(inputs, cotangent, window, strides, before, squared=squared)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)
    assert np.abs(natural - expected).max() > 0.1


@pytest.mark.parametrize("squared", [False, True])
def test_what_a_network_pads_with_minus_infinity_spoils_no_gradient(squared):
    def padded(images):
        wider = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-jnp.inf)
        return pooled((3, 3), (2, 2), "VALID")(wider)

    model, inputs = as_they_are(padded, (6, 6, 2)), numbers(1, 6, 6, 2)
    gradient = value_and_gradient(model, (smoothed_max_pool(squared=squared),), inputs, np.ones((1, 3, 3, 2)))[1]
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def deep(images):
    return jax.nn.softmax(jax.nn.relu(pooled((2, 2), (2, 2), "VALID")(images - 2)).mean((1, 2)))


RULES = (redirected_relu(), smoothed_max_pool(), linear_softmax())


def test_several_rules_act_together_plain_jitted_and_vmapped():
    model, inputs, cotangent = as_they_are(deep), np.abs(numbers(3, *SHAPE)) * 0.1, np.float32([[1, 2, 3]] * 3)
    _, plain = value_and_gradient(model, RULES, inputs, cotangent)
    # The softmax is passed, the mean over 4 windows divides, the rectifier is off and redirects, a window has 4 inputs.
    np.testing.assert_allclose(plain, np.broadcast_to(cotangent[:, None, None] / 16, plain.shape), rtol=1e-6)

    def gradient(rules, inputs, cotangent):
        program = model.network(SHAPE, 1).program
        wanted = [program.outputs[-1]]
        chosen = overrides(model, SHAPE, 1, RULES, wanted)
        step = jnp.zeros(1, jnp.int32)
        replaced = {item.operation.value: item.replacement(program, rules, step, None) for item in chosen}

        def evaluate(inputs):
            return program.evaluate({program.image_value: inputs[None]}, wanted, replaced=replaced)[0][0]

        return jax.vjp(evaluate, inputs)[1](cotangent)[0]

    images, directions = jnp.asarray(inputs, jnp.float32), jnp.asarray(cotangent)
    over_images = jax.vmap(gradient, in_axes=(None, 0, 0))
    np.testing.assert_array_equal(jax.jit(gradient)(RULES, images[0], directions[0]), plain[0])
    np.testing.assert_array_equal(over_images(RULES, images, directions), plain)
    np.testing.assert_array_equal(jax.jit(over_images)(RULES, images, directions), plain)


def test_a_later_rule_is_given_what_an_earlier_one_made():
    class Halved(gradient_rules.GradientRule):
        kind = "halved"
        operations = "rectifiers"

        def acts_on(self, operation, *, is_output):
            return operation == "relu"

        def gradient(self, place):
            return place.natural / 2

        def to_json(self):
            return {"kind": self.kind}

    jax.tree_util.register_static(Halved)
    model, inputs, cotangent = as_they_are(jax.nn.relu), -np.ones((1, *SHAPE)), np.ones((1, *SHAPE))
    gradients = [
        value_and_gradient(model, rules, inputs, cotangent)[1].max()
        for rules in [(redirected_relu(), Halved()), (Halved(), redirected_relu())]
    ]
    assert gradients == [0.5, 1.0]


@pytest.mark.parametrize("rule", [*RULES, redirected_relu(steps=3), smoothed_max_pool(squared=True, epsilon=0.5)])
def test_a_rule_comes_back_from_json_and_from_its_own_writing(rule):
    assert gradient_rules.from_json(rule.to_json()) == rule
    assert eval(repr(rule), vars(gradient_rules)) == rule
    leaves, form = jax.tree.flatten(rule)
    assert jax.tree.unflatten(form, [jnp.asarray(leaf) for leaf in leaves]) == rule


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("smoothed_maxpool", "Unknown gradient rule 'smoothed_maxpool'. Did you mean 'smoothed_max_pool'?"),
        ("guided", "Unknown gradient rule 'guided'. There are: linear_softmax, redirected_relu"),
        ([redirected_relu(), "redirected_relu"], "redirected_relu is given 2 times"),
    ],
)
def test_a_wrong_choice_of_rules_is_told_apart(wrong, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        gradient_rules.chosen(wrong)


def test_what_is_no_rule_is_refused():
    with pytest.raises(TypeError, match="3 is no gradient rule; give one such as"):
        gradient_rules.chosen([3])
    with pytest.raises(ValueError, match="number of steps is -1"):
        redirected_relu(steps=-1)
    with pytest.raises(ValueError, match="epsilon is 0; it must be a positive number"):
        smoothed_max_pool(epsilon=0)
    with pytest.raises(ValueError, match="describes no gradient rule"):
        gradient_rules.from_json({"kind": "redirected_relu", "turns": 3})
    with pytest.raises(ValueError, match="Unknown gradient rule 'None'"):
        gradient_rules.from_json({})
