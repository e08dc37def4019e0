"""A flattened program computes what the function computes, by the fewest equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxviz.models.flattening import flatten

IMAGES = jax.ShapeDtypeStruct((2, 5, 7, 3), jnp.float32)

pytestmark = pytest.mark.smoke


def evaluate(program, weights, images, wanted=None, **options):
    known = dict(zip(program.weight_values, [*weights, *program.closed_over], strict=True))
    return program.evaluate(known | {program.image_value: images}, wanted or program.outputs, **options)


def nested(weights, images):
    @jax.jit
    def inner(images):
        return jax.checkpoint(lambda images: jnp.sin(images) * weights[0])(images)

    def turn(carry, matrix):
        return jnp.tanh(carry @ matrix), carry.sum()

    last, sums = jax.lax.scan(turn, inner(images), weights[1], reverse=True)
    looped = jax.lax.fori_loop(0, 3, lambda _, value: value * 0.5, last)
    chosen = jax.lax.cond(weights[0].sum() > 0, jnp.exp, jnp.cos, looped)
    return [jax.nn.relu(chosen), sums]


@pytest.fixture
def weights():
    generator = np.random.default_rng(0)
    shapes = ((3,), (4, 3, 3))
    return [jnp.asarray(generator.normal(size=shape), jnp.float32) for shape in shapes]


@pytest.fixture
def images():
    return jnp.asarray(np.random.default_rng(1).random(IMAGES.shape), jnp.float32)


def test_values_and_gradients_survive_flattening_of_every_kind_of_nesting(weights, images):
    program = flatten(nested, weights, IMAGES)
    products = [equation for equation in program.equations if equation.primitive == "dot_general"]
    assert len(products) == 4, "a loop over stacked layers is unrolled"
    for ours, theirs in zip(evaluate(program, weights, images), nested(weights, images), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    ours = jax.jit(jax.grad(lambda images: evaluate(program, weights, images)[0].sum()))(images)
    theirs = jax.grad(lambda images: nested(weights, images)[0].sum())(images)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_a_long_loop_and_a_loop_without_layers_stay_loops(images):
    def sequence(_, images):
        steps = jnp.zeros((200, 3, 3))
        state, _ = jax.lax.scan(lambda state, matrix: (state @ matrix, None), images, steps)
        decayed, _ = jax.lax.scan(lambda state, _: (state * 0.5, None), state, None, length=3)
        return [decayed]

    program = flatten(sequence, [], IMAGES)
    assert [equation.primitive for equation in program.equations].count("scan") == 2


def test_only_the_equations_below_a_value_are_needed(weights):
    def network(weights, images):
        first = images * weights[0]
        return [first, jnp.sin(first) @ weights[1][0]]

    program = flatten(network, weights, IMAGES)
    assert [e.primitive for e in program.needed(program.outputs[:1]) if program.depends[e.results[0]]] == ["mul"]


def test_closed_over_arrays_are_numbered_once_and_are_not_constants(images):
    matrix = jnp.ones((3, 3))

    def network(_, images):
        return [jax.jit(lambda value: value @ matrix)(images @ matrix)]

    program = flatten(network, [], IMAGES)
    assert len(program.closed_over) == 1
    np.testing.assert_allclose(evaluate(program, [], images)[0], images @ matrix @ matrix)


def test_fixed_values_cut_the_program_where_the_images_come_in(weights, images):
    def network(weights, images):
        return [images * jax.lax.rsqrt(weights[0] ** 2 + 1e-3)]

    program = flatten(network, weights, IMAGES)
    fixed = program.fixed_values(program.outputs)
    known = dict(zip(program.weight_values, weights, strict=True))
    constants = dict(zip(fixed, program.evaluate(known, fixed), strict=True))
    assert not set(fixed) & set(program.weight_values), "what the step reads is computed from the weights before"
    (result,) = program.evaluate(constants | {program.image_value: images}, program.outputs)
    np.testing.assert_allclose(result, network(weights, images)[0], rtol=1e-6)


def test_a_lowering_is_offered_only_equations_that_see_the_images(weights, images):
    offered = []

    def lowering(primitive, params, operands):
        offered.append(primitive)
        return operands[0] * 0 + 5.0 if primitive == "sin" else None

    def network(weights, images):
        return [jnp.sin(images) + jnp.cos(weights[0])]

    program = flatten(network, weights, IMAGES)
    (result,) = evaluate(program, weights, images, lowering=lowering)
    np.testing.assert_allclose(result, jnp.broadcast_to(5.0 + jnp.cos(weights[0]), IMAGES.shape), rtol=1e-6)
    assert "sin" in offered
    assert "cos" not in offered


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_arrays_stacked_along_any_axis_stay_so(images, axis):
    def stacked(_, images):
        return [jnp.stack([images[..., 0], jnp.sin(images[..., 1])], axis=axis)]

    (found,) = evaluate(flatten(stacked, [], IMAGES), [], images)
    np.testing.assert_array_equal(found, stacked([], images)[0])
