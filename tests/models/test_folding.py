"""What is done to each channel behind a product is folded into its kernel where that is the same, and nowhere else."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import equinox as eqx
import flax.linen as nn
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from jax import lax

import jaxviz
from jaxviz.models.flattening import flatten
from jaxviz.models.lowering.folding import fold_channels
from lowered import convolved, few_examples, layouts, lower_on_cpu, normal, windows

OPERATIONS = {
    "add": lambda images, number: images + number,
    "add from the left": lambda images, number: number + images,
    "sub": lambda images, number: images - number,
    "mul": lambda images, number: images * number,
    "div": lambda images, number: images / number,
}
NORMALIZED = ("sub", "mul", "add")


def chain(product, operations, channel_axis):
    """Return a function of weights and images: a product, and what is done to each of its channels."""

    def function(weights, images):
        kernel, *numbers = weights
        hidden = product(images, kernel)
        for name, number in zip(operations, numbers, strict=True):
            if number.ndim:
                shape = [-1 if axis == channel_axis else 1 for axis in range(hidden.ndim)]
                number = number.reshape(shape)
            hidden = OPERATIONS[name](hidden, number)
        return [hidden]

    return function


def numbers_for(operations, channels, dtype, scalars=()):
    """Return a number for each channel and operation, away from zero; one for all where it says so."""
    return [
        1.5 + normal(*(() if place in scalars else (channels,)), seed=10 + place, dtype=dtype) ** 2
        for place, _ in enumerate(operations)
    ]


def results(function, weights, images):
    """Return value and image gradient of a program as it is and folded, and how many of its values are replaced."""
    program = flatten(function, weights, jax.ShapeDtypeStruct(images.shape, images.dtype))
    folded = fold_channels(program, program.outputs, {}, lower_on_cpu)
    known = dict(zip(program.weight_values, [*weights, *program.closed_over], strict=True))

    def both(images):
        def evaluate(images, replaced):
            return program.evaluate(
                known | {program.image_value: images}, program.outputs, lowering=lower_on_cpu, replaced=replaced
            )

        cotangents = [normal(*program.shapes[value].shape, seed=3, dtype=images.dtype) for value in program.outputs]
        pairs = []
        for replaced in ({}, folded):
            value, pull = jax.vjp(lambda images, replaced=replaced: evaluate(images, replaced), images)
            pairs.append((*value, *pull(cotangents)))
        return pairs

    return (*jax.jit(both)(images), len(folded))


def assert_close(expected, found, tolerance):
    for theirs, ours in zip(expected, found, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        scale = max(1.0, float(jnp.abs(theirs).max()))
        np.testing.assert_allclose(ours / scale, theirs / scale, rtol=0, atol=tolerance)


chains = st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=1, max_size=4).filter(
    lambda names: "mul" in names or "div" in names
)


@few_examples
@given(data=st.data(), operations=chains, groups=st.sampled_from([1, 2, 4]), wide=st.booleans())
def test_a_convolution_with_a_chain_behind_it_is_the_same_folded(data, operations, groups, wide):
    rank = data.draw(st.integers(1, 2))
    layout = data.draw(layouts(rank))
    extents, kernel, options = data.draw(windows(rank))
    scalars = data.draw(st.sets(st.integers(0, 3)))
    with jax.enable_x64(wide):
        dtype = jnp.float64 if wide else jnp.float32
        images, weights = convolved(layout, extents, kernel, batch=2, channels=4, each=4 // groups, results=8)

        def product(images, kernel):
            options_of_it = {**options, "feature_group_count": groups, "dimension_numbers": layout}
            return lax.conv_general_dilated(images, kernel, **options_of_it)

        numbers = numbers_for(operations, 8, dtype, scalars)
        function = chain(product, operations, layout[2].index("C"))
        as_it_is, folded, count = results(function, [weights.astype(dtype), *numbers], images.astype(dtype))
        assert count == 1 + len(operations)
        assert_close(as_it_is, folded, 1e-13 if wide else 2e-6)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_dense_layer_with_a_chain_behind_it_is_the_same_folded(transposed):
    def product(images, kernel):
        return lax.dot_general(images, kernel, (((images.ndim - 1,), (int(transposed),)), ((), ())))

    kernel = normal(3, 5).T if transposed else normal(3, 5)
    function = chain(product, NORMALIZED, 3)
    as_it_is, folded, count = results(function, [kernel, *numbers_for(NORMALIZED, 5, jnp.float32)], normal(2, 7, 6, 3))
    assert count == 4
    assert_close(as_it_is, folded, 2e-6)


def convolution(images, kernel):
    return lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


KERNEL = normal(3, 3, 3, 4, seed=5)
IMAGES = normal(2, 5, 7, 3)
UNTOUCHED = {
    "shifts only": lambda images: [convolution(images, KERNEL) + jnp.arange(4.0)],
    "numbers of the image": lambda images: [convolution(images, KERNEL) * images.mean()],
    "numbers of positions": lambda images: [convolution(images, KERNEL) * jnp.arange(7.0)[:, None]],
    "a number minus it": lambda images: [2.0 - convolution(images, KERNEL)],
    "a number over it": lambda images: [2.0 / convolution(images, KERNEL)],
    "its square": lambda images: [(hidden := convolution(images, KERNEL)) * hidden],
    "two readers": lambda images: [(hidden := convolution(images, KERNEL)) * 2.0 + jnp.sin(hidden)],
    "an output": lambda images: [hidden := convolution(images, KERNEL), hidden * 2.0],
    "a kernel of the image": lambda images: [convolution(images, KERNEL * images.mean()) * 2.0],
    "more after": lambda images: [convolution(images, KERNEL)[..., :1] * jnp.arange(4.0)],
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_is_not_provably_the_same_is_left_alone(name):
    as_it_is, folded, count = results(lambda _, images: UNTOUCHED[name](images), [], IMAGES)
    assert count == 0
    for theirs, ours in zip(as_it_is, folded, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_numbers_narrower_than_32_bits_are_left_alone():
    images, kernel = IMAGES.astype(jnp.bfloat16), KERNEL.astype(jnp.bfloat16)
    *_, count = results(lambda _, images: [convolution(images, kernel) * jnp.bfloat16(2)], [], images)
    assert count == 0


def test_the_chain_ends_before_a_value_that_is_read_or_computed_another_way():
    def function(_, images):
        scaled = convolution(images, KERNEL) * 2.0
        return [scaled, scaled + 1.0]

    program = flatten(function, [], jax.ShapeDtypeStruct(IMAGES.shape, IMAGES.dtype))
    scaled, shifted = program.outputs
    assert scaled in fold_channels(program, [scaled, shifted], {}, lower_on_cpu)
    assert shifted not in fold_channels(program, [scaled, shifted], {}, lower_on_cpu)
    assert shifted in fold_channels(program, [shifted], {}, lower_on_cpu)

    def other(_values):
        return IMAGES

    replaced = fold_channels(program, [shifted], {shifted: other}, lower_on_cpu)
    assert replaced[shifted] is other
    assert scaled in replaced


class LinenNet(nn.Module):
    """Two normalized convolutions."""

    @nn.compact
    def __call__(self, images):
        for _ in range(2):
            hidden = nn.Conv(4, (3, 3))(images)
            images = nn.relu(nn.BatchNorm(use_running_average=True)(hidden))
        return images.mean((1, 2))


class NnxNet(nnx.Module):
    """Two normalized convolutions."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.convolutions = nnx.List([nnx.Conv(3, 4, (3, 3), rngs=rngs), nnx.Conv(4, 4, (3, 3), rngs=rngs)])
        self.norms = nnx.List([nnx.BatchNorm(4, rngs=rngs) for _ in range(2)])

    def __call__(self, images):
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            images = nnx.relu(norm(convolution(images)))
        return images.mean((1, 2))


class EquinoxNet(eqx.Module):
    """Two normalized convolutions; one image, its channels first."""

    layers: list

    def __call__(self, image, state, *, key=None):
        for convolution, norm in self.layers:
            image, state = norm(convolution(image), state)
            image = jax.nn.relu(image)
        return image.mean((1, 2)), state


def wrapped(framework):
    shape = (9, 12, 3)
    if framework == "linen":
        module = LinenNet()
        variables = module.init(jax.random.key(0), jnp.zeros((1, *shape)))
        return jaxviz.wrap(module, variables=variables, input_shape=shape)
    if framework == "nnx":
        return jaxviz.wrap(NnxNet(), input_shape=shape)
    if framework == "equinox":

        def make(key):
            first, second = jax.random.split(key)
            convolutions = eqx.nn.Conv2d(3, 4, 3, key=first), eqx.nn.Conv2d(4, 4, 3, key=second)
            return EquinoxNet([(each, eqx.nn.BatchNorm(4, "batch", mode="batch")) for each in convolutions])

        module, state = eqx.nn.make_with_state(make)(jax.random.key(0))
        inference = eqx.nn.inference_mode(module)
        return jaxviz.wrap(
            lambda images: jax.vmap(lambda image: inference(jnp.moveaxis(image, -1, 0), state)[0])(images),
            input_shape=shape,
        )
    import keras

    layers = [
        layer
        for _ in range(2)
        for layer in (keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(), keras.layers.ReLU())
    ]
    pooled = [*layers, keras.layers.GlobalAveragePooling2D()]
    return jaxviz.wrap(keras.Sequential([keras.Input(shape), *pooled]), input_shape=shape)


@pytest.mark.parametrize("framework", ["linen", "nnx", "equinox", "keras"])
def test_batch_normalizations_of_every_framework_are_folded(framework):
    model = wrapped(framework)
    program = model.network((9, 12, 3), 2).program
    folded = fold_channels(program, program.outputs, {}, lower_on_cpu)
    products = {e.results[0] for e in program.equations if e.primitive == "conv_general_dilated"}
    assert len(products) == 2
    assert products <= set(folded)
    known = dict(zip(program.weight_values, model.weights, strict=True))
    known[program.image_value] = jnp.asarray(np.random.default_rng(0).random((2, 9, 12, 3)), jnp.float32)
    (expected,) = program.evaluate(known, program.outputs[-1:])
    (found,) = program.evaluate(known, program.outputs[-1:], lowering=lower_on_cpu, replaced=folded)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    between = program.maker[program.readers[min(products)][0].results[0]]
    assert folded[between.results[0]]({}) is None, "what lies between is not computed"
