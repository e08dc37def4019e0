"""Small networks that tell digits apart, trained on the spot, for benchmarks/families.py.

Three kinds, so that each has two judges of another make: convolutions with strides and batch normalization;
convolutions with max pooling and a flattened classifier; a vision transformer with a class token. Each comes for two
canvases: the digits as they are, 28 pixels, and digits of 28 to 70 pixels anywhere on 80 pixels of black, which is more
than jaxviz calls tiny. Seeds are fixed; weights are kept under .benchmarks and trained only when they are not there.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from tqdm.auto import tqdm

import jaxviz

STORE = Path(__file__).parents[1] / ".benchmarks" / "families"
TINY, WIDE = 28, 80
CLASSES = 10
# Images that a network is shown in training, twice each on the small canvas; of the wide one no two are alike.
STEPS = {TINY: 940, WIDE: 800}
BATCH = {TINY: 128, WIDE: 64}


class Digits(NamedTuple):
    """Digits to train with and digits held out: images `[image, 28, 28, 1]` in [0, 1], and their classes."""

    images: np.ndarray
    classes: np.ndarray
    held_out: np.ndarray
    held_out_classes: np.ndarray


class Strided(nnx.Module):
    """Three convolutions of stride two with batch normalization, and the mean over positions."""

    def __init__(self, side: int, *, rngs: nnx.Rngs):
        del side  # whatever it is
        self.conv1 = nnx.Conv(1, 16, (5, 5), strides=2, rngs=rngs)
        self.norm1 = nnx.BatchNorm(16, rngs=rngs)
        self.conv2 = nnx.Conv(16, 32, (3, 3), strides=2, rngs=rngs)
        self.norm2 = nnx.BatchNorm(32, rngs=rngs)
        self.conv3 = nnx.Conv(32, 64, (3, 3), strides=2, rngs=rngs)
        self.norm3 = nnx.BatchNorm(64, rngs=rngs)
        self.head = nnx.Linear(64, CLASSES, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        values = nnx.relu(self.norm1(self.conv1(images)))
        values = nnx.relu(self.norm2(self.conv2(values)))
        values = nnx.relu(self.norm3(self.conv3(values)))
        return self.head(values.mean((1, 2)))


class Pooled(nnx.Module):
    """Two convolutions with max pooling and a hidden layer on all positions: it takes one size only."""

    def __init__(self, side: int, *, rngs: nnx.Rngs):
        stride = side // TINY  # on the wide canvas each second position, for time
        self.conv1 = nnx.Conv(1, 16, (3, 3), strides=stride, rngs=rngs)
        self.conv2 = nnx.Conv(16, 32, (3, 3), rngs=rngs)
        self.hidden = nnx.Linear((side // stride // 4) ** 2 * 32, 64, rngs=rngs)
        self.head = nnx.Linear(64, CLASSES, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        values = nnx.max_pool(nnx.relu(self.conv1(images)), (2, 2), (2, 2))
        values = nnx.max_pool(nnx.relu(self.conv2(values)), (2, 2), (2, 2))
        return self.head(nnx.relu(self.hidden(values.reshape(len(values), -1))))


class Block(nnx.Module):
    """A block of a transformer: attention, then a hidden layer, each added to what came in."""

    def __init__(self, width: int, heads: int, *, rngs: nnx.Rngs):
        self.heads = heads
        self.norm1 = nnx.LayerNorm(width, rngs=rngs)
        self.mixed = nnx.Linear(width, 3 * width, rngs=rngs)
        self.out = nnx.Linear(width, width, rngs=rngs)
        self.norm2 = nnx.LayerNorm(width, rngs=rngs)
        self.hidden = nnx.Linear(width, 2 * width, rngs=rngs)
        self.back = nnx.Linear(2 * width, width, rngs=rngs)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        count, length, width = tokens.shape
        mixed = self.mixed(self.norm1(tokens)).reshape(count, length, 3, self.heads, width // self.heads)
        query, key, value = (mixed[:, :, part] for part in range(3))
        seen = jax.nn.dot_product_attention(query, key, value).reshape(count, length, width)
        tokens = tokens + self.out(seen)
        return tokens + self.back(nnx.gelu(self.hidden(self.norm2(tokens))))


class Attending(nnx.Module):
    """A vision transformer of two blocks with a class token; 16 patches of 7 pixels, or 25 of 16."""

    def __init__(self, side: int, *, rngs: nnx.Rngs, width: int = 64):
        patch = 7 if side == TINY else 16
        self.patches = nnx.Conv(1, width, (patch, patch), strides=patch, rngs=rngs)
        self.token = nnx.Param(0.02 * jax.random.normal(rngs(), (1, 1, width)))
        self.places = nnx.Param(0.02 * jax.random.normal(rngs(), (1, (side // patch) ** 2 + 1, width)))
        self.blocks = nnx.List([Block(width, 4, rngs=rngs) for _ in range(2)])
        self.norm = nnx.LayerNorm(width, rngs=rngs)
        self.head = nnx.Linear(width, CLASSES, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        patches = self.patches(images)
        patches = patches.reshape(len(images), -1, patches.shape[-1])
        token = jnp.broadcast_to(self.token[...], (len(images), 1, patches.shape[-1]))
        tokens = jnp.concatenate([token, patches], 1) + self.places[...]
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens[:, 0]))


NETWORKS: dict[str, type[nnx.Module]] = {"strided": Strided, "pooled": Pooled, "transformer": Attending}


def read_digits(path: Path) -> Digits:
    """Read MNIST: an .npz file with `x_train`, `y_train`, `x_test` and `y_test`, images of bytes."""
    if not path.is_file():
        sys.exit(
            f"MNIST is not at {path}, and without digits there is nothing to train on. Name the file with --digits: an "
            ".npz of x_train [60000, 28, 28], y_train, x_test and y_test, e.g. the one that Keras downloads."
        )
    with np.load(path) as file:
        train, test = (file[name][..., None].astype(np.float32) / 255 for name in ("x_train", "x_test"))
        return Digits(train, file["y_train"].astype(int), test, file["y_test"].astype(int))


@jax.jit
def spread(key: jax.Array, images: jax.Array) -> jax.Array:
    """Return each digit magnified 1 to 2.5 times, anywhere on a black canvas of 80 pixels."""

    def place(key: jax.Array, image: jax.Array) -> jax.Array:
        for_size, for_place = jax.random.split(key)
        factor = jax.random.uniform(for_size, minval=1.0, maxval=2.5)
        corner = jax.random.uniform(for_place, (2,)) * (WIDE - TINY * factor)
        factors = jnp.stack([factor, factor])
        return jax.image.scale_and_translate(image, (WIDE, WIDE, 1), (0, 1), factors, corner, "linear")

    return jax.vmap(place)(jax.random.split(key, len(images)), images)


def on_canvas(images: np.ndarray, side: int, key: int) -> np.ndarray:
    """Return digits as the networks of a canvas see them."""
    return images if side == TINY else np.asarray(spread(jax.random.key(key), jnp.asarray(images)))


def batches(digits: Digits, side: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(0)
    for step in range(STEPS[side]):
        chosen = generator.integers(len(digits.images), size=BATCH[side])
        yield on_canvas(digits.images[chosen], side, step), digits.classes[chosen]


def train(network: nnx.Module, digits: Digits, side: int, name: str) -> None:
    """Train by Adam, the rate falling to nothing along half a cosine."""
    optimizer = nnx.Optimizer(network, optax.adam(optax.cosine_decay_schedule(2e-3, STEPS[side])), wrt=nnx.Param)

    def loss_of(network: nnx.Module, images: jax.Array, classes: jax.Array) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(network(images), classes).mean()

    @nnx.jit
    def step(network: nnx.Module, optimizer: nnx.Optimizer, images: jax.Array, classes: jax.Array) -> jax.Array:
        loss, gradients = nnx.value_and_grad(loss_of)(network, images, classes)
        optimizer.update(network, gradients)
        return loss

    network.train()
    for images, classes in tqdm(batches(digits, side), total=STEPS[side], desc=f"{name}, {side} px", disable=None):
        step(network, optimizer, images, classes)


def trained(name: str, side: int, digits: Digits) -> jaxviz.Model:
    """Return a network of a kind for a canvas, from the store or trained now."""
    network = NETWORKS[name](side, rngs=nnx.Rngs(0))
    leaves, structure = jax.tree.flatten(nnx.state(network))
    path = STORE / f"{name}_{side}.npz"
    if not path.exists():
        train(network, digits, side, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, *jax.tree.leaves(nnx.state(network)))
        unfinished.replace(path)
    with np.load(path) as file:
        nnx.update(network, jax.tree.unflatten(structure, [file[f"arr_{number}"] for number in range(len(leaves))]))
    return jaxviz.wrap(network, input_shape=(side, side, 1), name=name)
