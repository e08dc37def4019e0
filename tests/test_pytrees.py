import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz import objectives, parameterizations, pytrees, transforms
from jaxviz.pytrees import classes_in, registered


def multiplier(factor, register=jax.tree_util.register_dataclass):
    """Define a class anew, as a cell does that is run again."""

    @dataclasses.dataclass(frozen=True)
    class Times:
        number: float

        def __call__(self):
            return factor * self.number

    return register(Times, data_fields=["number"], meta_fields=[])


def test_compiled_functions_never_take_a_class_for_another_with_the_same_fields():
    call = pytrees.jit(lambda times: times())
    found = [int(call(multiplier(factor)(1.0))) for factor in range(120)]
    assert found == list(range(120))


def test_classes_registered_here_are_told_apart_by_anything_of_jax():
    call = jax.jit(lambda times: times())

    def register(kind, **fields):
        return registered(**fields)(kind)

    found = [int(call(multiplier(factor, register)(1.0))) for factor in range(120)]
    assert found == list(range(120))


@pytest.mark.parametrize(
    "examples",
    [
        [transforms.shift(3), transforms.rotate(3), transforms.blur(0, 1), transforms.noise(0.1), transforms.jitter(3)],
        [transforms.several_views(transforms.flip(), count=2), transforms.scale(0.9, 1.1), transforms.gains(0.1)],
        [objectives.class_logit(1), objectives.class_probability(1)],
        [objectives.deepdream("a"), objectives.alignment("a"), objectives.diversity("a"), objectives.channel("a", 1)],
        [parameterizations.fourier(), parameterizations.pixels(), parameterizations.phase_only()],
    ],
    ids=lambda examples: type(examples[0]).__mro__[-3].__name__,
)
def test_nouns_of_two_classes_have_two_structures(examples):
    for one, other in itertools.combinations(examples, 2):
        assert jax.tree.structure(one) != jax.tree.structure(other)


def test_a_registered_class_is_a_tree_as_jax_makes_it():
    @registered(data_fields=["numbers", "more"], meta_fields=["name"])
    @dataclasses.dataclass(frozen=True)
    class Mine:
        numbers: object
        name: str
        more: object = None

    one = Mine(jnp.arange(3.0), "a", {"b": 1.0})
    doubled = jax.jit(lambda mine: jax.tree.map(lambda leaf: 2 * leaf, mine))(one)
    np.testing.assert_array_equal(doubled.numbers, [0, 2, 4])
    assert (doubled.name, doubled.more["b"]) == ("a", 2)
    assert jax.tree.structure(one) == jax.tree.structure(Mine(jnp.ones(3), "a", {"b": 5.0}))
    assert jax.tree.structure(one) != jax.tree.structure(dataclasses.replace(one, name="c"))
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(one)]
    assert paths == [".numbers", ".more['b']"]
    assert classes_in(one) == (Mine, dict)


def test_static_and_donated_arguments_are_those_of_the_function():
    call = pytrees.jit(lambda lanes, times: lanes * times, static=(1,), donated=(0,))
    lanes = jnp.ones(1000)
    assert float(call(lanes, 3)[0]) == 3
    assert lanes.is_deleted()
    assert float(call.lower(jnp.ones(1000), 3).compile()(jnp.ones(1000))[0]) == 3


def test_a_transform_that_is_defined_anew_makes_new_pictures():
    """Of one unit under thirty classes with the same name and fields, which disturb in thirty ways."""
    model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(8, 8, 1))

    def dimmed(factor):
        @dataclasses.dataclass(frozen=True, eq=False)
        class Dimmed(transforms.Transform):
            share: float
            kind = "dimmed"

            def __call__(self, key, image):
                return image * self.share * factor

            def output_size(self, *extents):
                return extents

        return jax.tree_util.register_dataclass(Dimmed, data_fields=["share"], meta_fields=[])(0.01)

    options = {"steps": 1, "size": 8, "progress": False, "parameterization": jaxviz.pixels()}
    scores = [
        float(jaxviz.render(model, "mean", transforms=dimmed(factor), **options).score_history[0, 0])
        for factor in range(30)
    ]
    np.testing.assert_allclose(scores, np.arange(30) * scores[1], rtol=1e-4)
