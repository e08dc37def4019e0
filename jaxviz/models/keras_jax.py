"""Adapt a Keras 3 model that runs on the JAX backend."""

from typing import Any, cast

import jax
import jax.numpy as jnp
import keras

from jaxviz.models.adaptation import Adapted


def adapt(model: Any) -> Adapted:
    """Turn a Keras model (functional, sequential or subclassed) into a pure function.

    Raises:
        ValueError: Keras runs on another backend, or the model has no weights yet because it was never built.
    """
    backend = cast(str, keras.backend.backend())
    if backend != "jax":
        raise ValueError(
            f"Keras runs on the '{backend}' backend, but jaxviz needs 'jax'. Set the environment variable "
            "KERAS_BACKEND=jax before the first import of keras, then restart."
        )
    if not model.built:
        raise ValueError(
            f"The Keras model '{model.name}' is not built: it has no weights yet. Call it once on an image, or "
            "model.build((None, height, width, channels))."
        )
    # Copies: `predict`, `evaluate` and `fit` donate the model's own arrays to their programs, which deletes them.
    weights = (
        [jnp.array(variable.value, copy=True) for variable in model.trainable_variables],
        [jnp.array(variable.value, copy=True) for variable in model.non_trainable_variables],
    )

    def function(weights: Any, images: jax.Array) -> Any:
        outputs, _ = model.stateless_call(*weights, images, training=False)
        return outputs

    return Adapted(function, weights, model.name, root=model.name)
