"""A model: its layers, and its activations for any images."""

import functools
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from tqdm.auto import tqdm

from jaxviz.models.adaptation import Adapted
from jaxviz.models.family import Family, family_of
from jaxviz.models.images import checked_images
from jaxviz.models.layers import Layer, LayerTable
from jaxviz.models.naming import Naming
from jaxviz.models.network import Network
from jaxviz.models.program import Program
from jaxviz.models.table import BATCH, image_axis, layer_table
from jaxviz.models.tracing import Preprocess, leaves, trace
from jaxviz.results.settings import BORDER_PIXELS, Settings
from jaxviz.results.statistics import Statistics
from jaxviz.results.view import View, input_name

# Patches of less have another number on canvases that differ by so much.
_NEAR_PIXELS = 64


class Model:
    """A network as jaxviz sees it: a function of images in [0, 1], with named layers.

    Made by `jaxviz.wrap` or `jaxviz.load`; the framework's module that it came from is never changed.

    Attributes:
        name: The model's name.
        input_shape: Shape of one image, `(height, width, channels)`; of a signal `(samples, channels)`, of a volume
            `(depth, height, width, channels)`, of a vector `(features,)`.
        class_names: Names of the output's classes, or ().
        layers: The table of layers, for images of `input_shape`.
        weights: All weights as a list of arrays; they are arguments of every compiled function.
        view: How images are shown: bands, names of features.
        value_range: What 0 and 1 of an image are in the module's own range, two arrays of one number for each channel;
            None where a function of the user's does the scaling.
        data: What was measured of the user's data, or None.

    Example:
        >>> import jaxviz
        >>> jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(4, 6, 3), name="Mean")
        Model 'Mean': 4×6×3 images, 1 layer, 0 parameters
    """

    def __init__(
        self,
        adapted: Adapted,
        *,
        input_shape: Sequence[int],
        preprocess: Preprocess,
        class_names: Sequence[str] = (),
        name: str | None = None,
        view: View | None = None,
        value_range: tuple[Any, Any] | None = None,
        data: Statistics | None = None,
    ) -> None:
        self.name = name or adapted.name
        self.input_shape = tuple(input_shape)
        self.class_names = tuple(class_names)
        self.view = view or View()
        self.value_range = value_range
        self.data = data
        self._adapted = adapted
        self._preprocess = preprocess
        paths, _ = leaves(adapted.weights)
        self._weight_names = [jax.tree_util.keystr(path) for path, _ in paths]
        self._own_weights = [leaf for _, leaf in paths]
        self._networks: dict[tuple[int, ...], Network] = {}
        program, naming = self._trace((BATCH, *self.input_shape))
        self._weights: list[Any] = [*self._own_weights, *program.closed_over]
        self.layers = layer_table(program, naming, self.input_shape, self.name)
        self._layer_of_value = {layer.value: layer for layer in self.layers}
        if len(self.layers) == 0:
            raise ValueError(
                f"Model '{self.name}' has no layers: nothing in it has an axis of images and one of channels. If it "
                "gives one number for each image, wrap `lambda images: f(images)[:, None]`."
            )
        self._output = self._layer_of_value.get(program.outputs[-1], self.layers[-1]).name
        likely = [self._layer_of_value[value] for value in naming.logits if value in self._layer_of_value]
        fitting = [layer for layer in likely if layer.units == len(self.class_names)]
        self.logits = next(iter(fitting or likely), None)

    def __repr__(self) -> str:
        shape = "×".join(str(extent) for extent in self.input_shape)
        counts = f"{len(self.layers)} layer{'s' * (len(self.layers) != 1)}, {self.parameters:,} parameters"
        return f"Model '{self.name}': {shape} {self.input_name}s, {counts}"

    @property
    def weights(self) -> list[Any]:
        """The weights, as they were when the model was wrapped.

        Raises:
            RuntimeError: Somebody has deleted one since.
        """
        if any(isinstance(weight, jax.Array) and weight.is_deleted() for weight in self._weights):
            raise RuntimeError(
                f"Weights of model '{self.name}' were deleted since it was wrapped, as a training step does that is "
                "compiled with donate_argnums. Wrap the model as it is now."
            )
        return self._weights

    @property
    def input_name(self) -> str:
        """What an input is: `image`, `signal`, `volume` or `vector`."""
        return input_name(self.input_shape)

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(math.prod(weight.shape) for weight in self._own_weights)

    @functools.cached_property
    def family(self) -> Family:
        """The family that default settings are chosen by: `tiny`, `transformer`, `depthwise` or `plain`."""
        return family_of(self.network(self.input_shape, 1).program, self.layers, self.input_shape)

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of the weights and of what the model computes: equal for equal models, on any machine."""
        digest = hashlib.sha256(repr((self.input_shape, self.layers.names)).encode())
        for line in self.network(self.input_shape, 1).program.description():
            digest.update(line.encode())
        for weight in self.weights:
            is_key = jnp.issubdtype(weight.dtype, jax.dtypes.prng_key)
            array = jax.random.key_data(weight) if is_key else weight
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @functools.cached_property
    def unsound_weight(self) -> str | None:
        """Name of a weight that holds NaN or infinity, or None."""
        for name, weight in zip(self._weight_names, self._own_weights, strict=True):
            if jnp.issubdtype(weight.dtype, jnp.floating) and not np.isfinite(np.asarray(weight, np.float32)).all():
                return name
        return None

    @property
    def named_classes(self) -> tuple[str, ...] | Mapping[str, tuple[str, ...]]:
        """The names of the classes; where there are several sets of them, by how the names of their layers begin."""
        return self.class_names

    def class_layer(self, layer: Layer) -> str | None:
        """Return the layer of `class_logit` for a layer's units: '' for the default; None if they are no classes."""
        if self.logits is None or len(self.class_names) != layer.units or len(layer.shape) != 1:
            return None
        return "" if layer.name in (self.logits.name, self.layers[-1].name) else None

    def class_logits(self) -> Layer:
        """Return the layer of the class logits.

        Raises:
            ValueError: There is none, or not one alone.
        """
        if self.logits is None:
            raise ValueError(f"Model '{self.name}' has no class logits: none of its outputs is one vector an image.")
        return self.logits

    def for_images(self, input_shape: tuple[int, ...]) -> "Model":
        """Return this model for images of another shape, resized to its own if it takes one size only."""
        if input_shape == self.input_shape and not self.takes_one_size:
            return self
        preprocess, own_shape = self._preprocess, self.input_shape

        def resized(images: jax.Array) -> jax.Array:
            return preprocess(cast(jax.Array, jax.image.resize(images, (images.shape[0], *own_shape), "linear")))

        return Model(
            self._adapted,
            input_shape=input_shape,
            preprocess=resized if self.takes_one_size else preprocess,
            class_names=self.class_names,
            name=self.name,
            view=self.view,
            value_range=self.value_range,
            data=self.data,
        )

    @functools.cached_property
    def takes_one_size(self) -> bool:
        """Whether images must have the extents of `input_shape`: a flattened dense layer, or a table of positions."""
        *extents, channels = self.input_shape
        # What the default transforms make of it. And something farther from it, because patches of 16 that cover 224
        # pixels cover as much of 236, and a table of positions fits both: a default picture, or twice as much.
        canvases = [extents]
        if self.input_name == "image":
            is_far = min(extents) > Settings.size + _NEAR_PIXELS
            canvases += [[Settings.size] * 2 if is_far else [2 * extent for extent in extents]]
        try:
            for canvas in canvases:
                self.network((*(extent + 2 * BORDER_PIXELS for extent in canvas), channels), 1)
        except ValueError:
            return True
        return False

    def network(self, image_shape: Sequence[int], batch: int) -> Network:
        """Return the model traced for a batch of images of a given shape, which may differ from `input_shape`.

        Raises:
            ValueError: The model cannot be traced with such images; the message says why.
        """
        shape = (batch, *image_shape)
        if shape not in self._networks:
            self._networks[shape] = Network(*self._trace(shape))
        return self._networks[shape]

    def enough(self, image_shape: Sequence[int], count: int) -> int:
        """Return how many images the model is given where there are some: two for one if it computes one otherwise.

        Where `jnp.matmul` is given a single image it drops that axis, so the program is another one, with other values.

        Args:
            image_shape: Shape of an image.
            count: How many images there are.
        """
        if count > 1:
            return count
        alone, several = (self.network(image_shape, batch).program for batch in (1, BATCH))
        return 1 if alone.is_alike(several) else 2

    def image_axis(self, image_shape: Sequence[int], value: int) -> int | None:
        """Return the axis of a value that counts the images, or that positions were merged into; None for none.

        Args:
            image_shape: Shape of an image.
            value: Number of the value in the network for such images.
        """
        return image_axis(self.network(image_shape, BATCH).program.shapes[value].shape)

    def activations(
        self, images: Any, layers: str | Iterable[str], *, batch_size: int = 32, lowering: str = "auto"
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Compute the activations of layers for any number of images.

        Args:
            images: Float array `[batch, height, width, channel]` in [0, 1].
            layers: Name or alias of a layer, or several; a pattern with `*` stands for all that fit.
            batch_size: Images evaluated at once.
            lowering: `auto` evaluates operations by faster equivalents on this backend, `xla` leaves them as they are.

        Returns:
            For each layer, by the name given, an array `[batch, …, channel]`.

        Raises:
            KeyError: A layer is unknown; the message names the closest ones.
            ValueError: The images are not float images in [0, 1] of a shape that the model takes; there is no such
                lowering.

        Example:
            >>> import jax.numpy as jnp, jaxviz
            >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(4, 6, 3))
            >>> model.activations(jnp.zeros((5, 4, 6, 3)), "mean")["mean"].shape
            (5, 3)
        """
        images = self.checked_images(images)
        if not len(images) or batch_size < 1:
            raise ValueError(
                f"There are {len(images)} images and a batch_size of {batch_size}; give at least one of each."
            )
        chosen = self._chosen(layers)
        size = self.enough(images.shape[1:], min(batch_size, len(images)))
        results: dict[str, list[Any]] = {name: [] for name in chosen}
        starts = range(0, len(images), size)
        for start in tqdm(starts, desc="activations", unit="batch", delay=2.0, leave=False):
            part = images[start : start + size]
            padding = [(0, size - len(part))] + [(0, 0)] * (images.ndim - 1)
            computed = self._activations(np.pad(part, padding), tuple(chosen.values()), lowering)
            for name, array in zip(chosen, computed, strict=True):
                results[name].append(np.asarray(array)[: len(part)])
        return {name: np.concatenate(parts) for name, parts in results.items()}

    def predict(self, images: Any, *, batch_size: int = 32, lowering: str = "auto") -> np.ndarray[Any, Any]:
        """Compute the model's (last) output, as the model returns it, for images in [0, 1]; see `activations`."""
        return self.activations(images, self._output, batch_size=batch_size, lowering=lowering)[self._output]

    def checked_images(self, images: Any) -> np.ndarray[Any, Any]:
        """Return images as a float32 array, or say what is wrong with them.

        Raises:
            TypeError: They are not floats.
            ValueError: Their shape or range is wrong.
        """
        return checked_images(images, self.input_shape, self.name)

    def _chosen(self, layers: str | Iterable[str]) -> dict[str, Layer]:
        chosen: dict[str, Layer] = {}
        for name in [layers] if isinstance(layers, str) else layers:
            found = cast(Layer | LayerTable, self.layers[name])  # a pattern gives a table
            chosen.update({name: found} if isinstance(found, Layer) else {layer.name: layer for layer in found})
        return chosen

    def _activations(self, images: Any, layers: tuple[Layer, ...], lowering: str) -> list[Array]:
        network = self.network(images.shape[1:], images.shape[0])
        read = network.compiled(tuple((layer, True) for layer in layers), lowering)
        return read(self.weights, jnp.asarray(images))

    def _trace(self, shape: tuple[int, ...]) -> tuple[Program, Naming]:
        return trace(self._adapted, self._preprocess, shape, name=self.name, input_shape=self.input_shape)
