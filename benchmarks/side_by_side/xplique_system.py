"""xplique, called as its documentation calls it, on a Keras model."""

import importlib.metadata
import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from xplique.features_visualizations import Objective, optimize

from side_by_side import keras_models
from side_by_side.cases import CANVAS_PIXELS, IMAGE_PIXELS, LEARNING_RATE, THREADS, Case


class ClockedAdam:
    """The optimizer that `optimize` takes by default, and when each step ended: `optimize` reports nothing itself."""

    def __init__(self) -> None:
        self._adam = tf.keras.optimizers.Adam(LEARNING_RATE)
        self.ends: list[float] = []

    def apply_gradients(self, pairs: Sequence[tuple[tf.Tensor, tf.Variable]]) -> None:
        self._adam.apply_gradients(pairs)
        self.ends.append(time.perf_counter())


class Xplique:
    """`optimize` with its own defaults and transformations, one image for each unit, all in one batch.

    It runs the network to the climbed layer, on images that its transformations crop and that it then resizes to the
    size of the model's input. It traces its step anew in every call, which is no part of the times of steps.

    Args:
        weights: A file for each network.
    """

    def __init__(self, weights: dict[str, Path]) -> None:
        # What xplique does makes TensorFlow and Keras complain: tracing anew, a tensor where a list of one was said.
        tf.get_logger().setLevel("ERROR")
        warnings.filterwarnings("ignore", message="The structure of `inputs`")
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS)
        self._weights = weights
        self._networks: dict[tuple[str, int], tf.keras.Model] = {}

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("xplique", "tensorflow-cpu", "keras")}

    def values(self, case: Case, images: np.ndarray) -> np.ndarray:
        """Return the layer's value before its rectifier for images [batch, 140, 140, 3]."""
        objective = self._objective(case, CANVAS_PIXELS)
        return tf.keras.Model(objective.model.inputs, objective.layers[0])(images).numpy()

    def picture(self, case: Case, steps: int) -> np.ndarray:
        """Return the image of the first unit after some steps, [height, width, 3] in [0, 1]."""
        images, _ = self._optimize(case, steps, CANVAS_PIXELS)
        return images[0]

    def prepare(self, case: Case, steps: int, *, pixels: int) -> str:
        """Make steps, so that all memory has been asked for once; say what a call takes before its second step."""
        self._optimize(case, steps, pixels)
        began = time.perf_counter()
        _, ends = self._optimize(case, 1, pixels)
        return f"took {ends[0] - began:.1f} s to the end of the first step of a call, which is in no other number"

    def run(self, case: Case, steps: int, *, pixels: int) -> float:
        """Return seconds a step, of all steps but the first: it contains the tracing.

        Args:
            case: What to climb.
            steps: How far, at least 2.
            pixels: The size of the model's input.
        """
        _, ends = self._optimize(case, steps, pixels)
        return (ends[-1] - ends[0]) / (steps - 1)

    def _optimize(self, case: Case, steps: int, pixels: int) -> tuple[np.ndarray, list[float]]:
        """Return the images after all steps, [unit, height, width, 3], and when each step ended."""
        optimizer = ClockedAdam()
        images, _ = optimize(
            self._objective(case, pixels),
            optimizer,
            nb_steps=steps,
            custom_shape=(IMAGE_PIXELS, IMAGE_PIXELS),
        )
        return images[-1].numpy(), optimizer.ends

    def _objective(self, case: Case, pixels: int) -> Objective:
        identity = (case.network, pixels)
        if identity not in self._networks:
            self._networks[identity] = keras_models.build(case.network, self._weights[case.network], pixels)
        return Objective.channel(self._networks[identity], keras_models.LAYER_OF[case.layer], list(range(case.units)))
