"""A climb under gradient rules: dead units come to life, lanes do not see each other, the recipe says which rules."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from compiling import compilations
from jaxviz import Recipe, gradient_rules
from jaxviz.gradient_rules import redirected_relu, smoothed_max_pool

UNITS = 4
DEAD, ALIVE = 0, 1


def network(images):
    """Rectified channels: the first two begin off everywhere, by far and by little, the others on in places."""
    generator = np.random.default_rng(0)
    kernel = jnp.asarray(generator.normal(size=(3, 3, 3, UNITS)) / 3, jnp.float32)
    kernel = kernel - kernel.mean((0, 1, 2))
    with jax.named_scope("hidden"):
        layout = ("NHWC", "HWIO", "NHWC")
        hidden = jax.lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=layout)
        hidden = jax.nn.relu(hidden + jnp.asarray([-0.5, 0, 0, 0], jnp.float32))
    with jax.named_scope("pool"):
        hidden = jax.lax.reduce_window(hidden, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return hidden.mean((1, 2))


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(network, input_shape=(16, 16, 3))


def unit(index):
    return jaxviz.channel("pool", index)


def render(model, objectives, **options):
    settings = {"steps": 24, "size": 16, "transforms": None, "progress": False, **options}
    return jaxviz.render(model, objectives, **settings)


@pytest.mark.smoke
def test_a_dead_unit_stays_grey_without_the_rule_and_climbs_with_it(model):
    without = render(model, unit(DEAD))
    assert without.states == ("dead",)
    assert "gradient_rules='redirected_relu'" in without.messages[0]
    assert (without.score_history == 0).all()
    woken = render(model, unit(DEAD), gradient_rules=redirected_relu(), steps=64)
    assert woken.states == ("done",)
    assert woken.score_history[0] == 0
    assert woken.scores[0] > 0.05
    assert np.abs(woken.images - without.images).max() > 0.2


@pytest.mark.parametrize("steps", [8, 24])
@pytest.mark.parametrize("plateau", [None, jaxviz.Plateau(patience_steps=4)])
def test_a_unit_that_does_not_wake_is_dead_though_redirected_gradients_moved_its_picture(steps, plateau):
    asleep = jaxviz.wrap(lambda images: jax.nn.relu(images.mean((1, 2)) - 50) + 1, input_shape=(16, 16, 3))
    settings = {"steps": steps, "stop_on_plateau": plateau}
    whole = [jaxviz.channel(asleep.layers.names[-1], index) for index in range(2)]
    without, with_rule = (render(asleep, whole, gradient_rules=rules, **settings) for rules in ((), "redirected_relu"))
    assert np.abs(with_rule.images - without.images).max() > 0.05
    assert (with_rule.score_history == 1).all()
    assert with_rule.states == ("dead", "dead")
    assert "only redirected gradients" in with_rule.messages[0]
    assert "redirected_relu(steps=…)" in with_rule.messages[0]


@pytest.mark.parametrize("steps", [1, 2, 16, 24])
def test_a_unit_that_lives_is_done_however_few_steps_it_makes_with_the_rule(model, steps):
    rendering = render(model, [unit(ALIVE), unit(2)], gradient_rules="redirected_relu", steps=steps)
    assert rendering.states == ("done", "done")
    assert rendering.messages == ("", "")


@pytest.mark.parametrize("rules", [(), "redirected_relu"])
def test_a_probability_without_a_gradient_is_told_to_climb_the_logit(rules):
    def certain(images):
        hidden = jax.nn.relu(images.mean((1, 2)))
        return hidden * 0.1 + jnp.asarray([500.0, 0, 0])

    model = jaxviz.wrap(certain, input_shape=(16, 16, 3))
    saturated = render(model, [jaxviz.class_probability(index) for index in (0, 1)], gradient_rules=rules)
    assert saturated.states == ("dead", "dead")
    for message in saturated.messages:
        assert "class_logit" in message
        assert "rectifier" not in message
        assert "redirected" not in message


@pytest.mark.smoke
@pytest.mark.parametrize("order", [[DEAD, ALIVE, 2], [2, DEAD], [ALIVE, DEAD, 3, 2, DEAD]])
def test_the_same_bits_whatever_is_rendered_beside_it(model, order):
    together = render(model, [unit(index) for index in order], gradient_rules="redirected_relu")
    for place, index in enumerate(order):
        alone = render(model, unit(index), gradient_rules="redirected_relu")
        np.testing.assert_array_equal(together.images[place], alone.images[0])


def test_a_unit_that_lives_climbs_as_without_the_rule(model):
    with_rule, without = (render(model, unit(ALIVE), gradient_rules=rules) for rules in ("redirected_relu", ()))
    np.testing.assert_allclose(with_rule.images, without.images, atol=1e-5)


def test_each_image_of_a_lane_is_woken(model):
    pair = jaxviz.several(jaxviz.fourier(), count=2)
    woken = render(model, unit(DEAD), parameterization=pair, gradient_rules=redirected_relu())
    still = render(model, unit(DEAD), parameterization=pair)
    for columns in (slice(0, 16), slice(16, 32)):
        assert np.abs(woken.images[:, :, columns] - still.images[:, :, columns]).max() > 0.2


def test_another_number_compiles_nothing_and_another_rule_does(model):
    def score(rules):
        return render(model, unit(DEAD), gradient_rules=rules).scores[0]

    most = score(redirected_relu())
    with compilations() as compiled:
        least = score(redirected_relu(steps=1))
    assert compiled == []
    assert least < most
    with compilations() as compiled:
        score([redirected_relu(), smoothed_max_pool()])
    assert compiled


def test_lowering_changes_nothing_but_the_order_of_sums(model):
    rules = [redirected_relu(), smoothed_max_pool(squared=True)]
    fast, plain = (render(model, unit(2), gradient_rules=rules, lowering=name) for name in ("auto", "xla"))
    np.testing.assert_allclose(fast.images, plain.images, atol=1e-4)
    even = render(model, unit(2), gradient_rules=[redirected_relu(), smoothed_max_pool()])
    assert np.abs(even.images - fast.images).max() > 1e-3


def test_the_recipe_holds_the_rules_and_gives_them_back(model, tmp_path):
    rules = (redirected_relu(steps=9), smoothed_max_pool())
    rendering = render(model, unit(DEAD), gradient_rules=rules, steps=2)
    rendering.save(tmp_path / "woken.npz")
    recipe = jaxviz.Rendering.load(tmp_path / "woken.npz").recipe
    assert recipe.gradient_rules == tuple(rule.to_json() for rule in rules)
    assert tuple(gradient_rules.from_json(record) for record in recipe.gradient_rules) == rules
    assert render(model, unit(DEAD), steps=2).recipe.gradient_rules == ()


def test_a_recipe_from_before_there_were_rules_has_none(model):
    record = json.loads(json.dumps(render(model, unit(2), steps=1).recipe.to_json()))
    del record["gradient_rules"]
    assert Recipe.from_json(record).gradient_rules == ()


def test_a_rule_with_nothing_to_act_on_is_an_error_before_anything_is_compiled(model):
    with pytest.raises(ValueError, match=r"linear_softmax acts on a softmax .*; model 'network' has none"):
        render(model, unit(0), gradient_rules="linear_softmax")
    with pytest.raises(ValueError, match=r"Unknown gradient rule 'redirect_relu'. Did you mean 'redirected_relu'"):
        jaxviz.render_steps(model, unit(0), gradient_rules="redirect_relu")


def test_a_rule_above_the_layer_that_is_read_changes_nothing(model):
    before = jaxviz.channel("hidden", DEAD)  # read before its rectifier
    with_rule, without = (render(model, before, gradient_rules=rules, steps=4) for rules in ("redirected_relu", ()))
    np.testing.assert_array_equal(with_rule.images, without.images)
