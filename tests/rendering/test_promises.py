"""What users write themselves is refused before anything is compiled, with what to do, where it cannot climb."""

import dataclasses

import jax
import jax.numpy as jnp
import optax
import pytest

import jaxviz
from jaxviz import gradient_rules, objectives, parameterizations, transforms

READ = objectives.Target("relu")


@pytest.fixture(scope="module")
def model():
    def network(images):
        return jax.nn.relu(images - 0.1)

    return jaxviz.wrap(network, input_shape=(8, 8, 3))


class Halved(gradient_rules.GradientRule):
    kind = "halved"
    operations = "rectifiers"

    def acts_on(self, operation, *, is_output):
        return operation == "relu"

    def gradient(self, place):
        return place.natural / 2

    def to_json(self):
        return {"kind": self.kind}


class Dimmed(transforms.Transform):
    kind = "dimmed"

    def __call__(self, key, image):
        return image / 2

    def output_size(self, *extents):
        return extents

    def arguments(self):
        return {}


class Squashed(parameterizations.Parameterization):
    kind = "squashed"

    def init(self, key, *shape):
        return jnp.zeros(shape)

    def to_image(self, variables):
        return jax.nn.sigmoid(variables)

    def to_json(self):
        return {"kind": self.kind}

    def expression(self):
        return "squashed()"


class Mean(objectives.Objective):
    kind = "mean"

    def targets(self):
        return frozenset({READ})

    def score(self, activations, image):
        return activations[READ].mean()

    def label(self, class_names=()):
        return "mean"

    def check(self, shapes):
        pass

    def to_json(self):
        return {"kind": self.kind}

    def expression(self):
        return "mean()"


def climbed(model, **asked):
    objective = asked.pop("objective", jaxviz.channel("relu", 0, rectified=True))
    return jaxviz.render(model, objective, size=8, steps=2, progress=False, **({"transforms": None} | asked))


def asked_for(noun):
    """What `render` is given for something that a user wrote, alone and inside of something else."""
    if isinstance(noun, gradient_rules.GradientRule):
        return [{"gradient_rules": noun}, {"gradient_rules": ["redirected_relu", noun]}]
    if isinstance(noun, transforms.Transform):
        return [
            {"transforms": noun},
            {"transforms": transforms.several_views(transforms.compose(transforms.shift(1), noun), count=2)},
        ]
    if isinstance(noun, parameterizations.Parameterization):
        return [{"parameterization": noun}, {"parameterization": jaxviz.several(noun, count=2)}]
    return [{"objective": noun}, {"objective": 2 * noun - jaxviz.l2()}]


@pytest.mark.parametrize("base", [Halved, Dimmed, Squashed, Mean])
def test_a_class_that_jax_does_not_know_is_refused_and_climbs_once_it_is_registered(model, base):
    own = type("Own", (base,), {})
    for asked in asked_for(own()):
        with pytest.raises(TypeError, match=r"JAX does not know the class Own\. .* @jax\.tree_util\.register_static"):
            climbed(model, **asked)
    jax.tree_util.register_static(own)
    for asked in asked_for(own()):
        assert climbed(model, **asked).states == ("done",)


def test_the_dataclass_that_the_advice_names_climbs_with_numbers_that_move(model):
    @jax.tree_util.register_dataclass
    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Scaled(gradient_rules.GradientRule):
        factor: float
        kind = "scaled"
        operations = "rectifiers"

        def acts_on(self, operation, *, is_output):
            return operation == "relu"

        def gradient(self, place):
            return place.natural * self.factor

    plain, zero = (climbed(model, gradient_rules=Scaled(factor)) for factor in (1.0, 0.0))
    assert plain.recipe.gradient_rules == ({"kind": "scaled", "factor": 1.0},)
    assert (plain.states, zero.states) == (("done",), ("dead",))


def test_a_field_that_is_no_number_is_named(model):
    @jax.tree_util.register_dataclass
    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Named(Dimmed):
        where: str

    with pytest.raises(TypeError, match=r"Named\.where is 'above', which is no number\. Name the field among the meta"):
        climbed(model, transforms=Named("above"))


@pytest.mark.parametrize(
    ("base", "missing"), [(Halved, "to_json"), (Dimmed, "arguments"), (Squashed, "to_json"), (Squashed, "kind")]
)
def test_what_cannot_be_written_into_a_recipe_is_refused_before_it_climbs(model, base, missing):
    without = type("Without", base.__bases__, {name: part for name, part in vars(base).items() if name != missing})
    jax.tree_util.register_static(without)
    with pytest.raises(TypeError, match=r"Without cannot be written .*frozen dataclass with a `kind`, or give it"):
        climbed(model, **asked_for(without())[0])


@pytest.mark.parametrize(
    ("base", "method", "returns", "message"),
    [
        (Halved, "gradient", lambda self, place: place.natural.sum(), r"rule halved returns \(\) for inputs of shape"),
        (Halved, "gradient", lambda self, place: None, r"rule halved returns None for inputs of shape \(1, 8, 8, 3\)"),
        (Dimmed, "__call__", lambda self, key, image: image[1:], r"float32\[7, 8, 3\] .* output_size .* \(8, 8, 3\)"),
        (Dimmed, "output_size", lambda self, *extents: (9, 9), r"float32\[8, 8, 3\] .* output_size .* \(9, 9, 3\)"),
        (Squashed, "to_image", lambda self, variables: variables[1:], r"\(8, 8, 3\), .* makes float32\[7, 8, 3\]"),
        (Mean, "score", lambda self, activations, image: image.mean(0), r"score of mean\(\) is float32\[8, 3\]; it"),
        (Mean, "score", lambda self, activations, image: 1, r"score of mean\(\) is int32\[\]; it must be one number"),
    ],
    ids=["rule", "rule without", "transform", "transform size", "image", "score", "whole score"],
)
def test_what_returns_another_shape_than_it_promises_is_refused(model, base, method, returns, message):
    wrong = jax.tree_util.register_static(type("Wrong", (base,), {method: returns}))
    with pytest.raises(ValueError, match=message):
        climbed(model, **asked_for(wrong())[0])


def test_an_optimizer_that_returns_something_else_is_refused(model):
    def init(variables):
        return {"count": jnp.zeros(())}

    def optimizer(update):
        return optax.GradientTransformation(init, lambda gradient, state, variables=None: update(gradient, state))

    assert climbed(model, optimizer=optimizer(lambda gradient, state: (gradient, state))).states == ("done",)
    for update, message in [
        (lambda gradient, state: gradient, r"it must return \(updates, state\)"),
        (lambda gradient, state: (state, state), r"returns updates of \{count: float32\[\]\}; it must be "),
        (lambda gradient, state: (gradient, ()), r"returns a state of \(\); it must be \{count: float32\[\]\}"),
    ]:
        with pytest.raises(TypeError, match=message):
            climbed(model, optimizer=optimizer(update))
