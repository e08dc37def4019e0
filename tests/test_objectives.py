"""Objectives: their scores against NumPy, their algebra, their forms as text and data, and their errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxviz import objectives
from jaxviz.objectives import (
    Target,
    channel,
    class_logit,
    deepdream,
    direction,
    directions,
    from_json,
    l1,
    l2,
    neuron,
    total_variation,
)

RANDOM = np.random.default_rng(0)
ODD = RANDOM.normal(size=(5, 7, 4)).astype(np.float32)
EVEN = RANDOM.normal(size=(4, 6, 4)).astype(np.float32)
VECTOR = RANDOM.normal(size=4).astype(np.float32)
LOGITS = RANDOM.normal(size=9).astype(np.float32)
IMAGE = RANDOM.uniform(size=(6, 9, 3)).astype(np.float32)
ACTIVATIONS = {
    Target("odd"): jnp.array(ODD),
    Target("even"): jnp.array(EVEN),
    Target("even", rectified=True): jnp.array(np.maximum(EVEN, 0)),
    Target("flat"): jnp.array(LOGITS),
    Target(""): jnp.array(LOGITS),
}
SHAPES = {target: activation.shape for target, activation in ACTIVATIONS.items()}


def score(objective):
    return objective.score(ACTIVATIONS, jnp.array(IMAGE))


def toward(activation, vector, power):
    """Dot product times power of the cosine, one position after the other, in double precision."""
    total = 0.0
    for position in activation.reshape(-1, vector.size).astype(np.float64):
        product = position @ vector
        cosine = product / np.linalg.norm(position) / np.linalg.norm(vector)
        total += product * max(cosine, 0.1) ** power
    return total / (activation.size / vector.size)


ROWS, COLUMNS = np.diff(IMAGE, axis=0), np.diff(IMAGE, axis=1)
CASES = {
    "channel": (channel("odd", 2), ODD[:, :, 2].mean()),
    "channel of an even layer": (channel("even", 0), EVEN[:, :, 0].mean()),
    "channel without positions": (channel("flat", 8), LOGITS[8]),
    "channel, rectified": (channel("even", 1, rectified=True), np.maximum(EVEN[:, :, 1], 0).mean()),
    "neuron in the odd centre": (neuron("odd", 3), ODD[2, 3, 3]),
    "neuron in the even centre": (neuron("even", 3), EVEN[2, 3, 3]),
    "neuron in a corner": (neuron("odd", 1, row=4, column=0), ODD[4, 0, 1]),
    "neuron in the middle of row 0": (neuron("even", 1, row=0), EVEN[0, 3, 1]),
    "direction": (direction("odd", VECTOR), (ODD @ VECTOR).mean()),
    "direction with cosine": (direction("odd", VECTOR, cosine_power=2), toward(ODD, VECTOR, 2)),
    "direction without positions": (direction("flat", LOGITS, cosine_power=1), LOGITS @ LOGITS),
    "class_logit": (class_logit(4), LOGITS[4]),
    "class_logit with positions": (class_logit(3, layer="odd"), ODD[:, :, 3].mean()),
    "deepdream": (deepdream("even"), np.square(EVEN).mean()),
    "total_variation": (total_variation(), np.abs(ROWS).sum() + np.abs(COLUMNS).sum()),
    "l1": (l1(), np.abs(IMAGE - 0.5).sum()),
    "l1 from black": (l1(0), IMAGE.sum()),
    "l2": (l2(), np.sqrt(1e-6 + np.square(IMAGE - 0.5).sum())),
    "l2 from white": (l2(constant=1), np.sqrt(1e-6 + np.square(IMAGE - 1).sum())),
    "sum": (
        2 * channel("odd", 1) - l1() / 4 + 3,
        2 * ODD[:, :, 1].mean() - np.abs(IMAGE - 0.5).sum() / 4 + 3,
    ),
    "negation": (-channel("odd", 1), -ODD[:, :, 1].mean()),
    "difference from a number": (1 - channel("odd", 1), 1 - ODD[:, :, 1].mean()),
}
EVERY = [objective for objective, _ in CASES.values()]


@pytest.mark.smoke
@pytest.mark.parametrize("name", CASES)
def test_score_is_what_numpy_computes(name):
    objective, expected = CASES[name]
    assert score(objective).shape == ()
    assert score(objective).dtype == jnp.float32
    np.testing.assert_allclose(score(objective), expected, rtol=2e-5)


@pytest.mark.parametrize("name", CASES)
def test_score_is_the_same_when_compiled_and_when_mapped_over_images(name):
    objective, expected = CASES[name]

    @jax.jit
    def scores(objective, activations, images):
        return jax.vmap(objective.score)(activations, images)

    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), (ACTIVATIONS, jnp.array(IMAGE)))
    both = scores(objective, *batch)
    np.testing.assert_allclose(both[0], expected, rtol=2e-5)
    doubled = jax.tree.map(lambda leaf: 2 * leaf, ACTIVATIONS), jnp.array(2 * IMAGE)
    np.testing.assert_allclose(both[1], objective.score(*doubled), rtol=2e-5)


def stacked(*same_form):
    return jax.tree.map(lambda *leaves: np.stack(leaves), *same_form)


@pytest.mark.parametrize(
    "units",
    [
        [channel("odd", unit) for unit in range(4)],
        [neuron("even", unit, row=unit, column=5 - unit) for unit in range(4)],
        [direction("odd", VECTOR * unit, cosine_power=unit) for unit in range(1, 4)],
        [class_logit(unit) for unit in range(9)],
        [l2(unit / 10) for unit in range(5)],
        [unit * channel("odd", unit) - 0.1 * unit * total_variation() for unit in range(4)],
    ],
    ids=lambda units: units[0].label(),
)
def test_units_of_one_form_stack_and_share_one_compilation(units):
    compilations = []

    @jax.jit
    def scores(objectives):
        compilations.append(objectives)
        return jax.vmap(score)(objectives)

    first, second = scores(stacked(*units)), scores(stacked(*reversed(units)))
    np.testing.assert_allclose(first, [score(unit) for unit in units], rtol=2e-5)
    np.testing.assert_allclose(second[::-1], first)
    assert len(compilations) == 1


def test_layer_and_rectifier_decide_the_program_and_the_unit_does_not():
    structure = jax.tree.structure(channel("odd", 1))
    assert structure == jax.tree.structure(channel("odd", 2))
    assert structure != jax.tree.structure(channel("even", 1))
    assert structure != jax.tree.structure(channel("odd", 1, rectified=True))
    assert jax.tree.structure(neuron("odd", 1)) != jax.tree.structure(neuron("odd", 1, row=0))
    assert jax.tree.structure(2 * l1() + l2()) == jax.tree.structure(5 * l1(0) - l2(1))


def test_targets_are_what_score_reads():
    objective = channel("odd", 1) + neuron("even", 1, rectified=True) - class_logit(2) + l1()
    assert objective.targets() == {Target("odd"), Target("even", rectified=True), Target("")}
    assert total_variation().targets() == frozenset()
    with pytest.raises(KeyError):
        objective.score({Target("odd"): jnp.array(ODD)}, jnp.array(IMAGE))


def test_scores_of_a_half_precision_model_are_single_precision():
    for objective in (channel("odd", 1), neuron("odd", 1), direction("odd", VECTOR), deepdream("odd")):
        half = {Target("odd"): jnp.array(ODD, jnp.bfloat16)}
        assert objective.score(half, jnp.array(IMAGE)).dtype == jnp.float32
        np.testing.assert_allclose(objective.score(half, jnp.array(IMAGE)), score(objective), rtol=0.02)


@pytest.mark.parametrize("power", [0, 1, 2.5])
def test_direction_has_a_gradient_where_nothing_is_active(power):
    def at(activation):
        return direction("odd", VECTOR, cosine_power=power).score({Target("odd"): activation}, jnp.array(IMAGE))

    gradient = jax.grad(at)(jnp.zeros((5, 7, 4)))
    np.testing.assert_allclose(gradient, np.broadcast_to(VECTOR * 0.1**power / 35, (5, 7, 4)), rtol=1e-4)


@pytest.mark.parametrize("power", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("shape", [(4,), (5, 7, 4)], ids=str)
def test_the_gradient_of_a_cosine_is_that_of_its_formula(shape, power):
    random = np.random.default_rng(0)
    activation, vectors = random.normal(size=(5, 7, 4)).astype(np.float32), random.normal(size=shape).astype(np.float32)

    def by_formula(activation, vectors, power):
        vectors = jnp.broadcast_to(vectors, activation.shape)
        product, squares = (activation * vectors).sum(-1), [jnp.square(both).sum(-1) for both in (activation, vectors)]
        cosine = product / jnp.sqrt((squares[0] + 1e-8) * (squares[1] + 1e-8))
        return jnp.mean(product * jnp.maximum(cosine, 0.1) ** power)

    given = jnp.array(activation), jnp.array(vectors), jnp.float32(power)
    expected = jax.value_and_grad(by_formula, argnums=(0, 1, 2))(*given)
    found = jax.value_and_grad(directions.toward, argnums=(0, 1, 2))(*given)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6), found, expected)


def test_a_greater_cosine_power_prefers_the_pattern_to_the_length():
    pattern, strong = np.float32([1, 1]), np.float32([4, -1])
    for power, preferred in ((0, strong), (4, pattern)):
        objective = direction("layer", [1, 1], cosine_power=power)
        values = [
            objective.score({Target("layer"): jnp.array(activation)}, jnp.array(IMAGE))
            for activation in (pattern, strong)
        ]
        assert np.argmax(values) == (0 if preferred is pattern else 1)


@pytest.mark.parametrize("penalty", [total_variation(), l1(), l2()], ids=str)
def test_penalties_are_positive_and_still_at_the_constant_image(penalty):
    grey = jnp.full((6, 9, 3), 0.5)
    assert score(penalty) > 0
    np.testing.assert_allclose(penalty.score({}, grey), 0, atol=1.1e-3)
    np.testing.assert_array_equal(jax.grad(lambda image: penalty.score({}, image))(grey), 0)


# --- algebra --------------------------------------------------------------------------------------

NUMBERS = st.floats(-8, 8, width=32)
UNITS = st.one_of(
    st.builds(channel, st.sampled_from(["odd", "even"]), st.integers(0, 3)),
    st.builds(neuron, st.just("odd"), st.integers(0, 3), row=st.none() | st.integers(0, 4)),
    st.builds(lambda vector: direction("odd", vector), st.lists(NUMBERS, min_size=4, max_size=4)),
    st.builds(class_logit, st.integers(0, 8)),
    st.builds(deepdream, st.just("even"), rectified=st.booleans()),
    st.builds(l1, st.floats(0, 1)),
    st.just(total_variation()),
)
OBJECTIVES = st.recursive(
    UNITS,
    lambda parts: st.one_of(
        st.builds(lambda first, second: first + second, parts, parts),
        st.builds(lambda first, second: first - second, parts, parts),
        st.builds(lambda part, number: number * part, parts, NUMBERS),
        st.builds(lambda part, number: number - part, parts, NUMBERS),
        st.builds(lambda part: -part, parts),
    ),
    max_leaves=5,
)


@given(OBJECTIVES, OBJECTIVES, NUMBERS)
def test_algebra_is_that_of_the_scores(first, second, number):
    before = str(first), str(second)
    pairs = [
        (first + second, score(first) + score(second)),
        (first - second, score(first) - score(second)),
        (number * first, number * score(first)),
        (first * number, number * score(first)),
        (first + number, score(first) + number),
        (number - first, number - score(first)),
        (first / 4, score(first) / 4),
        (-first, -score(first)),
        (sum([first, second]), score(first) + score(second)),
    ]
    for objective, expected in pairs:
        np.testing.assert_allclose(score(objective), expected, rtol=1e-4, atol=1e-2)
    assert (str(first), str(second)) == before


@given(OBJECTIVES)
def test_text_and_data_give_the_objective_back(objective):
    assert eval(str(objective), vars(objectives)) == objective
    assert from_json(objective.to_json()) == objective
    assert objective == objective + 0
    assert hash(from_json(objective.to_json())) == hash(objective)
    assert from_json(objective.to_json()).seed() == objective.seed()
    assert jax.tree.structure(from_json(objective.to_json())) == jax.tree.structure(objective)


def test_sums_are_flat():
    first, second, third = (channel("odd", unit) for unit in range(3))
    assert (first + second) + third == first + (second + third) == sum([first, second, third])
    assert 2 * (first - second) == 2 * first - 2 * second
    assert str(-(first - 0.5 * second) * 2 - 3) == '-2 * channel("odd", 0) + channel("odd", 1) - 3'


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (channel("a/b", 1), 'channel("a/b", 1)'),
        (neuron("a", 1, column=3, rectified=True), 'neuron("a", 1, column=3, rectified=True)'),
        (direction("a", [0.1, 2], cosine_power=0.5), 'direction("a", [0.1, 2], cosine_power=0.5)'),
        (class_logit("tabby", layer="head"), 'class_logit("tabby", layer="head")'),
        (l1() + l2(0.25), "l1() + l2(constant=0.25)"),
        (-total_variation(), "-total_variation()"),
        (1 * total_variation(), "1 * total_variation()"),
        (0 * total_variation() + 0.5, "0 * total_variation() + 0.5"),
    ],
)
def test_text_is_short_python(objective, text):
    assert str(objective) == repr(objective) == text


@pytest.mark.parametrize(
    ("objective", "label"),
    [
        (channel("block3", 12), "block3:12"),
        (neuron("block3", 12), "block3:12 @ centre"),
        (neuron("block3", 12, row=4, column=5), "block3:12 @ 4,5"),
        (neuron("block3", 12, column=5), "block3:12 @ centre,5"),
        (direction("block3", [1, 2]), "block3 direction"),
        (deepdream("block3"), "block3 deepdream"),
        (class_logit(1), "tabby, tabby cat"),
        (class_logit(7), "class 7"),
        (class_logit("tabby"), "tabby"),
        (-channel("block3", 12), "-block3:12"),
        (channel("block3", 12) - 0.1 * total_variation(), "block3:12 - 0.1 total variation"),
        (2 * class_logit(0) + l1(), "2 tench + l1"),
    ],
)
def test_labels_are_short(objective, label):
    assert objective.label(("tench", "tabby, tabby cat")) == label


def test_equality_is_about_values_and_not_about_arrays():
    assert channel("a", np.int64(3)) == channel("a", jnp.array(3)) == channel("a", 3)
    assert direction("a", [0.1, 0.2]) == direction("a", jnp.array([0.1, 0.2])) != direction("a", [0.1, 0.3])
    assert channel("a", 3) != channel("a", 3, rectified=True)
    assert channel("a", 3) != 'channel("a", 3)'
    assert np.float64(0.5) * channel("a", 3) == channel("a", 3) / 2
    assert -0.0 * l1() == 0 * l1()
    assert len({channel("a", 1), channel("a", np.int8(1)), channel("a", 2)}) == 2
    assert stacked(channel("a", 1), channel("a", 2)) == stacked(channel("a", 1), channel("a", 2))


def test_seed_is_a_property_of_the_objective_and_does_not_change_between_versions():
    assert channel("block3", 12).seed() == 2165555522
    assert 0 <= (channel("block3", 12) - 0.1 * total_variation()).seed() < 2**32
    assert class_logit("tabby").bind(("tench", "tabby")).seed() == class_logit(1).seed()
    aliased = (channel("alias", 12) - channel("block3", 12)).seed(
        layer_name=lambda text: text.replace("alias", "block3")
    )
    assert aliased == (channel("block3", 12) - channel("block3", 12)).seed()
    assert len({objective.seed() for objective in EVERY}) == len(EVERY)


def test_an_objective_says_what_it_is_while_it_is_traced():
    texts = []
    jax.jit(lambda objective: texts.append(repr(objective)))(2 * channel("a", 1))
    assert texts == ["<traced sum>"]


def test_a_traced_number_can_weigh_an_objective():
    gradient = jax.grad(lambda weight: score(channel("odd", 1) + weight * channel("odd", 2) + weight))(3.0)
    np.testing.assert_allclose(gradient, ODD[:, :, 2].mean() + 1, rtol=1e-5)


@pytest.mark.parametrize("other", ["2", None, True, [1.0], 1j])
def test_only_numbers_and_objectives_take_part_in_the_algebra(other):
    for operation in (
        lambda: l1() + other,
        lambda: other - l1(),
        lambda: l1() - other,
        lambda: l1() * other,
        lambda: l1() / other,
    ):
        with pytest.raises(TypeError):
            operation()
    with pytest.raises(TypeError):
        l1() * l2()


# --- names of classes -----------------------------------------------------------------------------

CLASSES = ("tench, Tinca tinca", "crane", "tabby, tabby cat", "crane", "TV")


@pytest.mark.parametrize(
    ("name", "index"),
    [("tabby, tabby cat", 2), ("Tabby Cat", 2), (" tench ", 0), ("tinca tinca", 0), ("tv", 4)],
)
def test_class_names_are_found_by_any_synonym(name, index):
    assert class_logit(name).bind(CLASSES) == class_logit(index)
    bound = (class_logit(name) - l1()).bind(CLASSES)
    assert bound == class_logit(index) - l1()
    assert bound.bind(()) == bound


def test_class_names_that_are_not_found_are_explained():
    with pytest.raises(ValueError, match=r"^Unknown class 'taby'\. Did you mean 'tabby'"):
        class_logit("taby").bind(CLASSES)
    with pytest.raises(ValueError, match=r"^Unknown class 'zzz'\.$"):
        class_logit("zzz").bind(CLASSES)
    with pytest.raises(ValueError, match=r"'crane' is the name of the classes 1, 3\. Give one's index"):
        class_logit("crane").bind(CLASSES)
    with pytest.raises(ValueError, match="The model has no class names to find 'crane' among"):
        class_logit("crane").bind(())


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", EVERY, ids=str)
def test_check_accepts_what_the_model_has(objective):
    objective.check(SHAPES)


@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        (channel("odd", 300), IndexError, r"Channel 300 .* layer 'odd', which has 4 channels \(0 to 3\)\."),
        (neuron("odd", 4), IndexError, "Channel 4 is out of range"),
        (neuron("odd", 0, row=5), IndexError, r"Row 5 .* layer 'odd', which has 5 rows \(0 to 4\)\."),
        (neuron("odd", 0, column=7), IndexError, r"Column 7 .* which has 7 columns \(0 to 6\)\."),
        (neuron("flat", 0), ValueError, r"layer 'flat' has the shape \(9,\)\. Use channel\(\"flat\", 0\)\."),
        (class_logit(9), IndexError, r"Class 9 is out of range: the model has 9 classes \(0 to 8\)\."),
        (direction("odd", [1, 2]), ValueError, "The direction has 2 numbers, but layer 'odd' has 4 channels"),
        (direction("odd", [1, 2, np.nan, 4]), ValueError, "direction for layer 'odd' is partly nan"),
        (float("nan") * l1(), ValueError, r"The weight of l1\(\) is nan\. Only finite numbers"),
        (l2() - float("inf"), ValueError, r"The constant added to l2\(\) is -inf"),
        (l1(float("nan")), ValueError, "The constant of l1 is nan"),
        (l2(float("inf")), ValueError, "The constant of l2 is inf"),
        (l1() + channel("odd", 4), IndexError, "Channel 4 is out of range"),
    ],
)
def test_check_explains_what_the_model_lacks(objective, error, message):
    with pytest.raises(error, match=message):
        objective.check(SHAPES)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: channel("a", 1.0), TypeError, r"The index must be a whole number; this is 1\.0 \(float\)\."),
        (lambda: channel("a", True), TypeError, r"this is True \(bool\)"),
        (lambda: channel("a", np.bool_(True)), TypeError, "whole number"),
        (lambda: channel("a", "1"), TypeError, r"this is '1' \(str\)"),
        (lambda: channel("a", -1), ValueError, r"The index is -1\. Count from 0"),
        (lambda: channel(3, 1), TypeError, r"A layer is given by its name; this is 3 \(int\)"),
        (lambda: channel("", 1), ValueError, "for a class use class_logit"),
        (lambda: neuron("a", 1, row=-2), ValueError, "The row is -2"),
        (lambda: neuron("a", 1, column=0.5), TypeError, "The column must be a whole number"),
        (lambda: direction("a", [[1.0]]), ValueError, r"one axis; this has \(1, 1\)"),
        (lambda: direction("a", []), ValueError, r"this has \(0,\)"),
        (lambda: direction("a", [1.0], cosine_power=-1), ValueError, "The cosine power is -1"),
        (lambda: class_logit(-1), ValueError, "Count from 0"),
        (lambda: class_logit(None), TypeError, "whole number"),
        (lambda: from_json({}), ValueError, "Unknown kind of objective None. Known kinds: alignment, "),
        (lambda: from_json({"kind": "chanel"}), ValueError, "Unknown kind of objective 'chanel'"),
        (
            lambda: from_json({"kind": "channel", "layer": "a"}),
            ValueError,
            "describes no objective: .*'index'",
        ),
        (
            lambda: from_json({"kind": "sum", "terms": []}),
            ValueError,
            "'sum' describes no objective: 'offset'",
        ),
    ],
)
def test_factories_refuse_what_cannot_be(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_direction_keeps_its_own_vector():
    vector = np.ones(3)
    objective = direction("a", vector)
    vector[:] = 0
    assert objective == direction("a", [1, 1, 1])
    with pytest.raises(ValueError, match="read-only"):
        objective.vector[0] = 2
