"""Every framework's models give the same numbers through jaxviz as by themselves, and well-named layers."""

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from flax import nnx

import jaxviz

pytestmark = pytest.mark.smoke


def test_an_nnx_module_gives_its_own_output_and_is_left_as_it_was(residual_net, images):
    before = jax.tree.map(np.array, nnx.state(residual_net, nnx.Any(nnx.Param, nnx.BatchStat)))
    model = jaxviz.wrap(residual_net, input_shape=(9, 12, 3))
    predicted = model.predict(images)
    assert residual_net.stem.norm.use_running_average is False, "still in training mode"
    after = jax.tree.map(np.array, nnx.state(residual_net, nnx.Any(nnx.Param, nnx.BatchStat)))
    jax.tree.map(np.testing.assert_array_equal, before, after)
    residual_net.eval()
    np.testing.assert_allclose(predicted, residual_net(images), rtol=1e-5)


def test_nnx_layers_are_named_by_module_path_and_functional_operations_by_what_they_are(residual_net):
    layers = jaxviz.wrap(residual_net, input_shape=(9, 12, 3)).layers
    assert layers.names == (
        "stem/conv", "stem/norm", "stem/relu",
        "blocks/0/conv", "blocks/0/norm", "blocks/0/relu", "add",
        "blocks/1/conv", "blocks/1/norm", "blocks/1/relu", "add_2",
        "shared", "shared#2", "max_pool", "mean", "head", "softmax",
    )  # fmt: skip
    assert layers["stem"].name == "stem/relu", "a composite module is its last value"
    assert layers["output"].name == "softmax"


def test_class_logits_are_what_goes_into_the_softmax(residual_net):
    model = jaxviz.wrap(residual_net, input_shape=(9, 12, 3))
    assert model.logits is not None
    assert model.logits.name == "head"


def test_layers_scanned_over_appear_one_by_one_with_their_own_parameters(scanned_net, images):
    model = jaxviz.wrap(scanned_net, input_shape=(9, 12, 3))
    assert [name for name in model.layers.names if "conv" in name] == [
        "blocks[0]/conv", "blocks[1]/conv", "blocks[2]/conv",
    ]  # fmt: skip
    assert {layer.parameters for layer in model.layers.match("blocks*/conv")} == {3 * 3 * 8 * 8 + 8}
    scanned_net.eval()
    own = scanned_net(images)
    ours = model.activations(images, ["features", "pooled"])
    np.testing.assert_allclose(ours["features"], own["features"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours["pooled"], own["pooled"], rtol=1e-5)


def test_a_linen_module_runs_in_inference_mode_whatever_its_defaults(linen_net, images):
    module, variables = linen_net
    model = jaxviz.wrap(module, variables=variables, input_shape=(9, 12, 3))
    own = module.apply(variables, images, train=False)
    np.testing.assert_allclose(model.predict(images), own, rtol=1e-4, atol=1e-5)
    assert model.layers.names == (
        "stem/Conv_0", "stem/BatchNorm_0", "stem/gelu",
        "again/Conv_0", "again/BatchNorm_0", "again/gelu", "add",
        "stack[0]/Conv_0", "stack[0]/relu", "stack[1]/Conv_0", "stack[1]/relu", "Dense_0",
    )  # fmt: skip


def test_linen_batchnorm_and_dropout_are_put_into_inference_mode_when_the_module_fixes_them(images):
    class Fixed(nn.Module):
        @nn.compact
        def __call__(self, images):
            hidden = nn.BatchNorm(use_running_average=False)(nn.Conv(4, (3, 3))(images))
            return nn.Dropout(0.5, deterministic=False)(hidden)

    class Free(nn.Module):
        @nn.compact
        def __call__(self, images):
            return nn.BatchNorm(use_running_average=True)(nn.Conv(4, (3, 3))(images))

    module = Fixed()
    variables = module.init({"params": jax.random.key(0), "dropout": jax.random.key(1)}, images)
    model = jaxviz.wrap(module, variables=variables, input_shape=(9, 12, 3))
    np.testing.assert_allclose(model.predict(images), Free().apply(variables, images), rtol=1e-4, atol=1e-6)


class LinenNormed(nn.Module):
    @nn.compact
    def __call__(self, images):
        return jnp.maximum(nn.LayerNorm(name="norm1")(nn.Conv(4, (3, 3), name="conv")(images)), 0)


class NnxNormed(nnx.Module):
    def __init__(self):
        self.conv = nnx.Conv(3, 4, (3, 3), rngs=nnx.Rngs(0))
        self.norm1 = nnx.LayerNorm(4, rngs=nnx.Rngs(0))

    def __call__(self, images):
        return jnp.maximum(self.norm1(self.conv(images)), 0)


@pytest.mark.parametrize("framework", ["linen", "nnx"])
def test_a_variance_kept_from_falling_below_zero_is_no_rectifier(framework, images):
    if framework == "linen":
        variables = LinenNormed().init(jax.random.key(0), images)
        model = jaxviz.wrap(LinenNormed(), variables=variables, input_shape=(9, 12, 3))
    else:
        model = jaxviz.wrap(NnxNormed(), input_shape=(9, 12, 3))
    assert model.layers.names == ("conv", "norm1", "relu")
    assert [layer.kind for layer in model.layers] == ["conv", "norm", "relu"]


def keras_sequential():
    return keras.Sequential([
        keras.layers.Input((9, 12, 3)),
        keras.layers.Conv2D(4, 3, activation="relu", padding="same", name="first"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.DepthwiseConv2D(3, name="depthwise"),
        keras.layers.ReLU(6.0, name="clipped"),
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(5, activation="softmax", name="classes"),
    ])  # fmt: skip


def keras_functional():
    images = keras.layers.Input((9, 12, 3))
    hidden = keras.layers.Conv2D(4, 3, padding="same", name="first")(images)
    hidden = keras.layers.Add(name="sum")([hidden, keras.layers.Conv2D(4, 1, name="second")(hidden)])
    hidden = keras.layers.Dropout(0.5)(hidden)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D(name="pool")(hidden))


class KerasSubclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Conv2D(4, 3, activation="relu", name="first")
        self.classes = keras.layers.Dense(3, name="classes")

    def call(self, images, training=True):
        return self.classes(keras.ops.mean(self.first(images), (1, 2)))


@pytest.mark.parametrize("make", [keras_sequential, keras_functional, KerasSubclass])
def test_a_keras_model_of_every_kind_gives_its_own_output(make, images):
    module = make()
    own = np.asarray(module(images, training=False))
    model = jaxviz.wrap(module, input_shape=(9, 12, 3))
    np.testing.assert_allclose(model.predict(images), own, rtol=1e-4, atol=1e-6)
    assert "first" in model.layers


def test_keras_layers_keep_their_names_and_the_activation_its_own():
    model = jaxviz.wrap(keras_sequential(), input_shape=(9, 12, 3))
    assert model.layers.names == (
        "first/conv", "first/relu", "norm", "depthwise", "clipped", "flat", "classes/dense", "classes/softmax",
    )  # fmt: skip
    assert model.layers["depthwise"].kind == "depthwise conv"
    assert model.logits is not None
    assert model.logits.name == "classes/dense"


def test_an_equinox_module_is_mapped_over_the_batch_and_its_channels_come_last(equinox_net, images):
    model = jaxviz.wrap(equinox_net, input_shape=(9, 12, 3))
    own = jax.vmap(equinox_net)(jnp.moveaxis(images, -1, 1))
    np.testing.assert_allclose(model.predict(images), own, rtol=1e-4, atol=1e-6)
    assert model.layers.names == ("layers/0", "relu", "layers/2", "layers/3", "skip", "add", "mean")
    assert model.layers["layers/0"].shape == (9, 12, 6)
    first = jax.vmap(equinox_net.layers[0])(jnp.moveaxis(images, -1, 1))
    ours = model.activations(images, "layers/0")["layers/0"]
    np.testing.assert_allclose(ours, jnp.moveaxis(first, 1, -1), rtol=1e-4, atol=1e-6)


def test_an_equinox_module_with_state_runs_in_inference_mode(images):
    class Normed(eqx.Module):
        conv: eqx.nn.Conv2d
        norm: eqx.nn.BatchNorm

        def __init__(self, key):
            self.conv = eqx.nn.Conv2d(3, 4, 3, key=key)
            self.norm = eqx.nn.BatchNorm(4, axis_name="batch", mode="batch")

        def __call__(self, image, state):
            return self.norm(self.conv(image), state)

    module, state = eqx.nn.make_with_state(Normed)(jax.random.key(0))
    model = jaxviz.wrap((module, state), input_shape=(9, 12, 3))
    inference = eqx.nn.inference_mode(module)
    own = jax.vmap(lambda image: inference(image, state)[0], axis_name="batch")(jnp.moveaxis(images, -1, 1))
    np.testing.assert_allclose(model.predict(images), jnp.moveaxis(own, 1, -1), rtol=1e-4, atol=1e-6)


def test_any_function_can_be_a_model_and_several_outputs_are_layers(images):
    kernel = jnp.asarray(np.random.default_rng(1).normal(size=(3, 3, 3, 4)), jnp.float32)

    @jax.jit
    def network(images):
        hidden = jax.lax.conv_general_dilated(
            images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return {"maps": jax.nn.silu(hidden), "scores": (jax.nn.gelu(hidden).mean((1, 2)), hidden.max((1, 2)))}

    model = jaxviz.wrap(network, input_shape=(9, 12, 3))
    assert {"conv", "silu", "maps", "gelu", "mean", "max", "scores/output0", "scores/output1"} <= {
        name for layer in model.layers for name in (layer.name, *layer.aliases)
    }
    own = network(images)
    ours = model.activations(images, ["maps", "scores/output1"])
    np.testing.assert_allclose(ours["maps"], own["maps"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours["scores/output1"], own["scores"][1], rtol=1e-4, atol=1e-6)
    assert [weight.shape for weight in model.weights] == [(3, 3, 3, 4)], "the kernel is an argument, not a constant"


def test_a_custom_gradient_rule_survives_flattening():
    @jax.custom_vjp
    def straight_through(images):
        return jnp.round(images)

    straight_through.defvjp(lambda images: (jnp.round(images), None), lambda _, cotangent: (7.0 * cotangent,))
    model = jaxviz.wrap(lambda images: straight_through(images).mean((1, 2)), input_shape=(4, 6, 3))
    network = model.network((4, 6, 3), 2)
    value = network.value(model.layers["mean"])

    def total(images):
        return network.program.evaluate({network.program.image_value: images}, [value])[0].sum()

    gradient = jax.grad(total)(jnp.full((2, 4, 6, 3), 0.3))
    np.testing.assert_allclose(gradient, 7.0 / 24, rtol=1e-6)


def test_a_module_mapped_over_an_ensemble_keeps_the_batch_apart(images):
    kernels = jnp.asarray(np.random.default_rng(1).normal(size=(2, 3, 5)), jnp.float32)

    def ensemble(images):
        with jax.named_scope("members"):
            return jax.vmap(lambda kernel: jnp.tanh(images @ kernel), out_axes=0)(kernels)

    model = jaxviz.wrap(ensemble, input_shape=(9, 12, 3))
    assert model.layers["members"].batch_axis == 1
    own = jnp.moveaxis(ensemble(images), 1, 0)
    np.testing.assert_allclose(model.activations(images, "members")["members"], own, rtol=1e-4, atol=1e-6)


def test_images_are_scaled_to_the_models_own_range():
    def identity_mean(images):
        return images.mean((1, 2))

    image = np.full((1, 4, 6, 3), 0.5, np.float32)
    model = jaxviz.wrap(
        identity_mean, input_shape=(4, 6, 3), value_range=(0, 255), mean=(100.0, 110.0, 120.0), std=(2.0, 1.0, 0.5)
    )
    np.testing.assert_allclose(model.predict(image)[0], [(127.5 - 100) / 2, 17.5, 15.0], rtol=1e-5)
    assert sum(layer.parameters for layer in model.layers) == 0, "the scaling is no part of the model"
    flipped = jaxviz.wrap(identity_mean, input_shape=(4, 6, 3), preprocess=lambda images: 1 - images[..., ::-1])
    np.testing.assert_allclose(flipped.predict(image)[0], 0.5, rtol=1e-5)


@pytest.mark.parametrize("array", [np.array, jnp.array])
def test_arrays_say_shape_range_mean_and_deviation_as_well(array):
    model = jaxviz.wrap(
        lambda images: images.mean((1, 2)),
        input_shape=[np.int64(4), np.int32(6), 3],
        value_range=array([0, 255]),
        mean=array([100.0, 110.0, 120.0]),
        std=array(2.0),
    )
    assert model.input_shape == (4, 6, 3)
    assert all(type(extent) is int for extent in model.input_shape)
    assert [end.tolist() for end in model.value_range] == [[0] * 3, [255] * 3]
    image = np.full((1, 4, 6, 3), 0.5, np.float32)
    np.testing.assert_allclose(model.predict(image)[0], [13.75, 8.75, 3.75], rtol=1e-5)
    ends = array([[0, 0, 0], [1, 2, 255]])
    model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(4, 6, 3), value_range=ends)
    np.testing.assert_allclose(model.predict(image)[0], [0.5, 1, 127.5], rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"module": 3}, TypeError, "A int cannot be wrapped"),
        ({"module": nnx.Conv}, TypeError, "Conv is a class; pass an instance"),
        ({"module": nn.Dense(3)}, TypeError, "needs its variables"),
        ({"module": nn.Dense(3), "variables": {"kernel": 1}}, ValueError, "needs 'params'"),
        ({"module": jnp.tanh, "variables": {}}, TypeError, "variables are for Flax Linen"),
        ({"module": jnp.tanh, "mean": (0.0, 1.0)}, ValueError, r"mean has shape \(2,\)"),
        ({"module": jnp.tanh, "std": 0.0}, ValueError, "must be positive"),
        ({"module": jnp.tanh, "value_range": (1, 0)}, ValueError, "value_range"),
        ({"module": jnp.tanh, "value_range": ()}, ValueError, r"value_range is \(\); it must be \(lowest, highest\)"),
        ({"module": jnp.tanh, "value_range": 255}, ValueError, "value_range is 255; it must be"),
        ({"module": jnp.tanh, "value_range": "01"}, ValueError, "value_range is '01'; it must be"),
        ({"module": jnp.tanh, "value_range": ("0", "1")}, ValueError, "each one number or 3: one for each channel"),
        ({"module": jnp.tanh, "value_range": np.float64(1)}, ValueError, "value_range is .* it must be"),
        (
            {"module": jnp.tanh, "value_range": np.zeros((2, 4))},
            ValueError,
            "each one number or 3: one for each channel",
        ),
        ({"module": jnp.tanh, "mean": np.nan}, ValueError, "mean is nan; it must be finite"),
        ({"module": jnp.tanh, "mean": (0.0, np.inf, 0.0)}, ValueError, r"mean is \(0.0, inf, 0.0\); it must be finite"),
        ({"module": jnp.tanh, "mean": "0.5"}, ValueError, "mean is '0.5'; give one number, or one for each of 3"),
        ({"module": jnp.tanh, "std": [[1.0], [1.0, 2.0]]}, ValueError, "std is .*; give one number, or one for each"),
        ({"module": jnp.tanh, "std": np.inf}, ValueError, "std is inf; it must be finite"),
        ({"module": jnp.tanh, "std": np.nan}, ValueError, "std is nan; it must be finite"),
        ({"module": jnp.tanh, "std": 1.0, "preprocess": jnp.tanh}, TypeError, "replaces all three"),
        ({"module": jnp.tanh, "input_shape": (0, 4, 3)}, ValueError, "all positive"),
        ({"module": jnp.tanh, "input_shape": ()}, ValueError, "all positive"),
        ({"module": jnp.tanh, "input_shape": "224"}, TypeError, "input_shape is '224'; it must be a tuple of whole"),
        ({"module": jnp.tanh, "input_shape": 224}, TypeError, "input_shape is 224; it must be a tuple of whole"),
        ({"module": jnp.tanh, "input_shape": (32.9, 32, 3)}, TypeError, r"input_shape is \(32.9, 32, 3\); it must be"),
        ({"module": jnp.tanh, "input_shape": (None, 32, 3)}, TypeError, r"input_shape is \(None, 32, 3\); it must be"),
        ({"module": jnp.tanh, "input_shape": (True, 32, 3)}, TypeError, r"input_shape is \(True, 32, 3\); it must be"),
        ({"module": lambda images: jnp.zeros(3)}, ValueError, "does not depend on the images"),
        ({"module": lambda images: float(images.sum())}, ValueError, "values of its input while it is being traced"),
        ({"module": lambda images: images @ jnp.ones((4, 2))}, ValueError, "Check that input_shape"),
    ],
)
def test_what_cannot_be_wrapped_is_refused_with_a_reason(arguments, error, message):
    with pytest.raises(error, match=message):
        jaxviz.wrap(**{"input_shape": (4, 6, 3), **arguments})


def test_keras_on_another_backend_is_refused(monkeypatch):
    module = keras_sequential()
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        jaxviz.wrap(module, input_shape=(9, 12, 3))


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["cat", "dog"], ValueError, r"2 class_names, but 'mean' of model 'Mean' has 3 units"),
        ("cat", TypeError, "must be a list of strings"),
        ([1, 2, 3], TypeError, "must be a list of strings"),
    ],
)
def test_class_names_are_one_text_for_each_unit_of_the_output(names, error, message):
    with pytest.raises(error, match=message):
        jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(4, 6, 3), name="Mean", class_names=names)
