"""The two networks of the comparison in Keras, channels last, with jaxviz's weights.

They take images in [0, 1], [batch, height, width, 3], and scale them themselves. Layers have the names of the arrays
that fill them ("/", which Keras refuses, is "_"), so that filling needs no table. The value before a rectifier is a
layer's output wherever it is climbed.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from side_by_side.cases import INCEPTION_MODULES, LITE0_STAGES

layers = tf.keras.layers
CLASSES = 1000

# jaxviz's name of a layer -> what xplique calls the layer whose output is its value before its rectifier.
LAYER_OF: dict[str, str | int] = {
    "inception_4a": "inception_4a_branches",
    "stage5/block2/expand": "blocks.9._bn0",
    "output": -1,
}


def build(network: str, weights: Path, pixels: int) -> tf.keras.Model:
    """Build a whole network by name, for images of one size: xplique asks for it."""
    inputs = tf.keras.Input((pixels, pixels, 3))
    builder, fill = {
        "googlenet": (_googlenet, _fill_googlenet),
        "efficientnet_lite0": (_efficientnet_lite0, _fill_efficientnet_lite0),
    }[network]
    model = tf.keras.Model(inputs, builder(inputs))
    with np.load(weights) as arrays:
        fill(model, dict(arrays))
    return model


class LocalResponseNorm(layers.Layer):
    """x / (1 + 1e-4 * mean(x ** 2 of five channels)) ** 0.75."""

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return tf.nn.local_response_normalization(values, depth_radius=2, bias=1.0, alpha=1e-4 / 5, beta=0.75)


def _googlenet(inputs: tf.Tensor) -> tf.Tensor:
    def rectified(values: tf.Tensor, channels: int, kernel_size: int, name: str) -> tf.Tensor:
        return layers.Conv2D(channels, kernel_size, padding="same", activation="relu", name=name)(values)

    values = layers.Rescaling(255.0, offset=[-123.0, -117.0, -104.0])(inputs)
    values = layers.ZeroPadding2D(3)(values)  # Caffe pads both sides alike
    values = layers.Conv2D(64, 7, strides=2, activation="relu", name="conv1_7x7_s2")(values)
    values = LocalResponseNorm()(_halved(values))
    values = rectified(rectified(values, 64, 1, "conv2_3x3_reduce"), 192, 3, "conv2_3x3")
    values = _halved(LocalResponseNorm()(values))
    for name, (one, reduce3, three, reduce5, five, pooled) in INCEPTION_MODULES.items():
        if name in ("inception_4a", "inception_5a"):
            values = _halved(values)
        reduced3 = rectified(values, reduce3, 1, f"{name}_3x3_reduce")
        reduced5 = rectified(values, reduce5, 1, f"{name}_5x5_reduce")
        branches = [
            layers.Conv2D(one, 1, name=f"{name}_1x1")(values),
            layers.Conv2D(three, 3, padding="same", name=f"{name}_3x3")(reduced3),
            layers.Conv2D(five, 5, padding="same", name=f"{name}_5x5")(reduced5),
            layers.Conv2D(pooled, 1, name=f"{name}_pool_proj")(layers.MaxPooling2D(3, 1, padding="same")(values)),
        ]
        values = layers.ReLU()(layers.Concatenate(name=f"{name}_branches")(branches))
    return layers.Dense(CLASSES, name="loss3_classifier")(layers.GlobalAveragePooling2D()(values))


def _halved(values: tf.Tensor) -> tf.Tensor:
    # Caffe's last window may reach over the edge: for even sizes that is "same", for odd ones "valid".
    return layers.MaxPooling2D(3, 2, padding="valid" if values.shape[1] % 2 else "same")(values)


def _fill_googlenet(model: tf.keras.Model, arrays: dict[str, np.ndarray]) -> None:
    for name in {name.rpartition("/")[0] for name in arrays}:
        kernel, bias = (np.asarray(arrays[f"{name}/{variable}"], np.float32) for variable in ("kernel", "bias"))
        if name == "conv1/7x7_s2":
            kernel = kernel[:, :, ::-1]  # Caffe's first kernel takes blue, green, red
        model.get_layer(name.replace("/", "_")).set_weights([kernel, bias])


def _efficientnet_lite0(inputs: tf.Tensor) -> tf.Tensor:
    def normalized(values: tf.Tensor, convolution: tf.keras.layers.Layer, norm: str) -> tf.Tensor:
        return layers.BatchNormalization(epsilon=1e-3, name=norm)(convolution(values))

    def pointwise(channels: int, name: str) -> tf.keras.layers.Layer:
        return layers.Conv2D(channels, 1, use_bias=False, name=name)

    values = layers.Rescaling(255.0 / 128, offset=-127.0 / 128)(inputs)
    stem = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False, name="conv_stem")
    values = layers.ReLU(6.0)(normalized(values, stem, "bn0"))
    blocks = [
        (kernel_size, stride if block == 0 else 1, expansion, out)
        for count, kernel_size, stride, expansion, out in LITE0_STAGES
        for block in range(count)
    ]
    for index, (kernel_size, stride, expansion, out) in enumerate(blocks):
        block, shortcut, channels = f"blocks.{index}.", values, values.shape[-1]
        if expansion > 1:
            expand = pointwise(channels * expansion, f"{block}_expand_conv")
            values = layers.ReLU(6.0)(normalized(values, expand, f"{block}_bn0"))
        depthwise = layers.DepthwiseConv2D(
            kernel_size, stride, padding="same", use_bias=False, name=f"{block}_depthwise_conv"
        )
        values = layers.ReLU(6.0)(normalized(values, depthwise, f"{block}_bn1"))
        values = normalized(values, pointwise(out, f"{block}_project_conv"), f"{block}_bn2")
        if stride == 1 and channels == out:
            values = layers.Add()([shortcut, values])
    values = layers.ReLU(6.0)(normalized(values, pointwise(1280, "conv_head"), "bn1"))
    return layers.Dense(CLASSES, name="fc")(layers.GlobalAveragePooling2D()(values))


def _fill_efficientnet_lite0(model: tf.keras.Model, arrays: dict[str, np.ndarray]) -> None:
    # PyTorch's [out, in, height, width], and [channel, 1, height, width] of depthwise convolutions.
    axes = {layers.Conv2D: (2, 3, 1, 0), layers.DepthwiseConv2D: (2, 3, 0, 1), layers.Dense: (1, 0)}
    for layer in model.layers:
        if not layer.weights:
            continue
        names = ("weight", "bias", "running_mean", "running_var")
        values = [arrays[f"_{layer.name}.{name}"] for name in names if f"_{layer.name}.{name}" in arrays]
        if type(layer) in axes:
            values[0] = values[0].transpose(axes[type(layer)])
        layer.set_weights(values)
