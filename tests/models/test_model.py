"""The table of layers and the activations of a model."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz.models import Layer

KERNEL = np.random.default_rng(3).normal(size=(3, 3, 3, 4)).astype(np.float32)

pytestmark = pytest.mark.smoke


def network(images):
    with jax.named_scope("first"):
        hidden = jax.lax.conv_general_dilated(
            images, KERNEL, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        hidden = jax.nn.relu(hidden)
    with jax.named_scope("second"):
        return hidden.mean((1, 2)) @ jnp.ones((4, 5))


@pytest.fixture
def model():
    return jaxviz.wrap(network, input_shape=(9, 12, 3), name="Tiny", class_names=list("abcde"))


def test_a_layer_says_what_it_is(model):
    layer = model.layers["first/conv"]
    assert (layer.kind, layer.shape, layer.units) == ("conv", (5, 6, 4), 4)
    assert layer.parameters == 3 * 3 * 3 * 4
    assert layer.flops == 2 * 5 * 6 * 4 * 27
    assert (layer.receptive_field, layer.stride) == ((3, 3), (2, 2))


def test_the_table_is_indexed_by_position_slice_name_alias_and_pattern(model):
    layers = model.layers
    assert layers[-1].name == layers["output"].name == "second/dense"
    assert layers["first"].name == "first/relu"
    assert layers[:2].names == ("first/conv", "first/relu")
    assert layers["first/*"].names == ("first/conv", "first/relu")
    assert isinstance(layers["first/conv"], Layer)
    assert "first" in layers
    assert "third" not in layers


def test_the_table_prints_one_line_a_layer_and_escapes_markup():
    def hostile(images):
        with jax.named_scope("<img onerror=alert(1)>"):
            return images * 2.0

    layers = jaxviz.wrap(hostile, input_shape=(4, 6, 3)).layers
    assert len(str(layers).splitlines()) == 1 + len(layers)
    assert "<img" in str(layers)
    assert "<img" not in layers._repr_html_()
    assert "&lt;img onerror" in layers._repr_html_()


@pytest.mark.parametrize(
    ("name", "message"), [("first/konv", "Did you mean 'first/conv'"), ("zzz", "It has"), ("zzz*", "fits the pattern")]
)
def test_a_wrong_layer_name_gives_the_closest(model, name, message):
    with pytest.raises(KeyError, match=message):
        model.layers[name]


def test_activations_of_a_batch_do_not_depend_on_the_chunks(model):
    images = np.random.default_rng(0).random((7, 9, 12, 3), np.float32)
    whole = model.activations(images, "first*")
    parts = model.activations(images, "first*", batch_size=3)
    assert set(whole) == {"first/conv", "first/relu"}
    for name, array in whole.items():
        assert array.shape == (7, 5, 6, 4)
        np.testing.assert_allclose(array, parts[name], rtol=1e-5, atol=1e-6)


def test_activations_can_be_taken_at_another_size(model):
    images = np.random.default_rng(0).random((2, 20, 15, 3), np.float32)
    assert model.activations(images, ["first"])["first"].shape == (2, 10, 8, 4)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((1, 9, 12, 3), np.uint8), TypeError, "Divide uint8 by 255"),
        (np.full((1, 9, 12, 3), 2.0), ValueError, r"range from 2 to 2"),
        (np.full((1, 9, 12, 3), np.nan), ValueError, r"must be in \[0, 1\] and finite"),
        (np.zeros((9, 12, 3)), ValueError, r"images\[None\]"),
        (np.zeros((1, 9, 12, 4)), ValueError, r"takes \[batch, 9, 12, 3\]"),
    ],
)
def test_images_that_are_no_float_images_are_refused(model, images, error, message):
    with pytest.raises(error, match=message):
        model.activations(images, "first")


def test_a_model_with_a_flattened_layer_says_why_another_size_does_not_work():
    def flat(images):
        return images.reshape(images.shape[0], -1) @ jnp.ones((4 * 6 * 3, 2))

    model = jaxviz.wrap(flat, input_shape=(4, 6, 3))
    with pytest.raises(ValueError, match="wrapped for 4×6×3 images; a model with a flattened dense layer"):
        model.activations(np.zeros((1, 5, 6, 3), np.float32), "output")


def vision_transformer(side, patch=16, width=8):
    """Return one block of a vision transformer whose table of positions is for images of so many pixels."""
    keys = jax.random.split(jax.random.key(0), 4)
    kernel, mixed = jax.random.normal(keys[0], (patch, patch, 3, width)), jax.random.normal(keys[1], (width, 3 * width))
    places = jax.random.normal(keys[2], ((side // patch) ** 2, width))
    head = jax.random.normal(keys[3], (width, 5))

    def network(images):
        patches = jax.lax.conv_general_dilated(
            images, kernel / 40, (patch, patch), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        tokens = patches.reshape(len(images), -1, width) + places
        query, key, value = jnp.split(tokens @ mixed, 3, axis=-1)
        with jax.named_scope("attention"):
            weights = jax.nn.softmax(jnp.einsum("bqc,bkc->bqk", query, key))
            seen = jnp.einsum("bqk,bkc->bqc", weights, value)
        return (tokens + seen).mean(1) @ head

    return network


@pytest.mark.parametrize(("side", "patch"), [(80, 16), (128, 16), (128, 32), (64, 16), (32, 16), (224, 32)])
def test_a_transformer_whose_patches_cover_some_more_pixels_as_well_takes_one_size_all_the_same(side, patch):
    model = jaxviz.wrap(vision_transformer(side, patch), input_shape=(side, side, 3))
    assert model.network((side + 12, side + 12, 3), 1)  # as many patches, and with a border what a climb shows it
    assert model.takes_one_size
    assert not jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(side, side, 3)).takes_one_size


def test_a_transformer_is_rendered_at_its_own_size_where_none_is_said():
    model = jaxviz.wrap(vision_transformer(80), input_shape=(80, 80, 3))
    rendering = jaxviz.render(model, "output", units=[0], steps=2, progress=False)
    assert rendering.images.shape == (1, 80, 80, 3)


def test_products_in_einsum_are_called_so_and_not_by_their_subscripts():
    names = jaxviz.wrap(vision_transformer(80), input_shape=(80, 80, 3)).layers.names
    assert [name for name in names if "attention" in name] == [
        "attention/einsum",
        "attention/softmax",
        "attention/einsum#2",
    ]


def test_two_products_in_einsum_that_follow_one_another_are_two_layers():
    def network(images):
        return jnp.einsum("bhwj->bj", jnp.einsum("bhwj,j->bhwj", images, jnp.arange(3.0)))

    layers = jaxviz.wrap(network, input_shape=(8, 8, 3)).layers
    assert [(layer.name, layer.shape) for layer in layers] == [("einsum", (8, 8, 3)), ("einsum#2", (3,))]


@pytest.mark.parametrize("function", [lambda images: images.mean((1, 2, 3)), lambda images: images.mean()])
def test_a_function_without_channels_is_told_how_to_have_some(function):
    with pytest.raises(ValueError, match=r"has no layers: .*, wrap `lambda images: f\(images\)\[:, None\]`"):
        jaxviz.wrap(function, input_shape=(24, 24, 3))
    with_channel = jaxviz.wrap(lambda images: images.mean((1, 2, 3))[:, None], input_shape=(24, 24, 3))
    assert with_channel.layers["output"].units == 1


def test_the_fingerprint_follows_the_weights():
    def make(scale):
        return jaxviz.wrap(lambda images: images.mean((1, 2)) @ (scale * jnp.ones((3, 2))), input_shape=(4, 6, 3))

    assert make(1.0).fingerprint == make(1.0).fingerprint != make(2.0).fingerprint


def test_an_activation_below_the_top_costs_only_the_work_below_it(model):
    def flops(layer):
        network_of = model.network((9, 12, 3), 2)
        value = network_of.value(model.layers[layer])

        def compute(weights, images):
            known = dict(zip(network_of.program.weight_values, weights, strict=True))
            return network_of.program.evaluate(known | {network_of.program.image_value: images}, [value])

        lowered = jax.jit(compute).lower(model.weights, jnp.zeros((2, 9, 12, 3)))
        return lowered.compile().cost_analysis()["flops"]

    assert flops("first/conv") < flops("output")
    assert flops("first/conv") == pytest.approx(2 * model.layers["first/conv"].flops, rel=0.25)


def test_nothing_holds_a_model_and_what_was_compiled_of_it_when_nobody_has_it():
    model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
    images = np.zeros((2, 16, 16, 3), np.float32)
    model.activations(images, ["tanh", "mean"])
    jaxviz.evidence.scores(model, jaxviz.channel("mean", 0), images)
    jaxviz.render(model, "mean", units=0, steps=1, size=16, progress=False)
    gone = [weakref.ref(each) for each in (model, model.network((16, 16, 3), 1), model.network((16, 16, 3), 2))]
    del model
    gc.collect()
    assert [each() for each in gone] == [None] * 3
