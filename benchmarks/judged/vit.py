"""A vision transformer trained on photographs, as timm names its weights."""

import functools
import hashlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxviz

SIDE, PATCH, BLOCKS, HEADS = 224, 16, 12, 3
_EPSILON = 1e-6


def vit_tiny(path: Path) -> jaxviz.Model:
    """Return timm's `vit_tiny_patch16_224` as a model of images in [0, 1].

    Args:
        path: An npz file of its parameters by their names in timm (`numpy.savez(path, **{name: value.numpy() for name,
            value in timm.create_model("vit_tiny_patch16_224", pretrained=True).state_dict().items()})`).
    """
    with np.load(path) as file:
        weights = {name: jnp.asarray(file[name]) for name in file.files}
    names = jaxviz.load().class_names
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return jaxviz.wrap(
        functools.partial(_logits, weights),
        input_shape=(SIDE, SIDE, 3),
        class_names=names,
        name=f"vit_tiny_{digest}",
    )


def _logits(weights: dict[str, jax.Array], images: jax.Array) -> jax.Array:
    kernel = jnp.transpose(weights["patch_embed.proj.weight"], (2, 3, 1, 0))
    patches = jax.lax.conv_general_dilated(
        2 * images - 1, kernel, (PATCH, PATCH), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    tokens = patches.reshape(len(images), -1, patches.shape[-1]) + weights["patch_embed.proj.bias"]
    first = jnp.broadcast_to(weights["cls_token"], (len(images), 1, tokens.shape[-1]))
    tokens = jnp.concatenate([first, tokens], axis=1) + weights["pos_embed"]
    for number in range(BLOCKS):
        with jax.named_scope(f"block{number}"):
            tokens = _block(weights, f"blocks.{number}", tokens)
    return _linear(weights, "head", _normalized(weights, "norm", tokens)[:, 0])


def _block(weights: dict[str, jax.Array], name: str, tokens: jax.Array) -> jax.Array:
    count, length, width = tokens.shape
    mixed = _linear(weights, f"{name}.attn.qkv", _normalized(weights, f"{name}.norm1", tokens))
    query, key, value = jnp.moveaxis(mixed.reshape(count, length, 3, HEADS, width // HEADS), 2, 0)
    seen = jax.nn.dot_product_attention(query, key, value).reshape(count, length, width)
    tokens = tokens + _linear(weights, f"{name}.attn.proj", seen)
    hidden = _linear(weights, f"{name}.mlp.fc1", _normalized(weights, f"{name}.norm2", tokens))
    return tokens + _linear(weights, f"{name}.mlp.fc2", jax.nn.gelu(hidden, approximate=False))


def _linear(weights: dict[str, jax.Array], name: str, tokens: jax.Array) -> jax.Array:
    return tokens @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _normalized(weights: dict[str, jax.Array], name: str, tokens: jax.Array) -> jax.Array:
    mean = tokens.mean(-1, keepdims=True)
    variance = jnp.square(tokens - mean).mean(-1, keepdims=True)
    return (tokens - mean) * jax.lax.rsqrt(variance + _EPSILON) * weights[f"{name}.weight"] + weights[f"{name}.bias"]
