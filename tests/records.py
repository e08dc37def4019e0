"""Small records with known content, for the tests of `jaxviz.results` and of what shows them."""

import numpy as np

from jaxviz.results import Recipe, Rendering, Snapshot

MARKUP = '<img src=x onerror="alert(1)">\'&'


def make_recipe(count=1, **changes):
    values = {
        "objectives": tuple({"kind": "channel", "layer": "conv1", "index": unit} for unit in range(count)),
        "parameterization": {"kind": "fourier", "decay_power": 1.0},
        "transforms": {"kind": "compose", "transforms": [{"kind": "pad", "pixels": 12}]},
        "optimizer": {"kind": "adam", "learning_rate": 0.05},
        "steps": 256,
        "size": (5, 7),
        "key": (0, 4294967295),
        "model": {"name": "TinyNet", "fingerprint": "5f2c", "input_shape": (32, 32, 3)},
        "lowering": "xla",
        "versions": {"jax": "0.10.2", "backend": "cpu"},
    }
    return Recipe(**(values | changes))


def make_rendering(count=3, height=5, width=7, channels=3, **changes):
    generator = np.random.default_rng(0)
    values = {
        "images": generator.random((count, height, width, channels), np.float32),
        "score_history": np.arange(2.0 * count).reshape(2, count),
        "history_steps": [0, 256],
        "labels": [f"conv1:{unit}" for unit in range(count)],
        "states": ["done"] * count,
        "messages": [""] * count,
        "recipe": make_recipe(count),
    }
    return Rendering(**(values | changes))


def make_snapshot(count=2, **changes):
    values = {
        "step": 8,
        "steps": [8] * count,
        "images": np.zeros((count, 5, 7, 3), np.uint8),
        "scores": [1.5] * count,
        "states": ["climbing"] * count,
        "steps_per_second": 40.0,
        "seconds_left": 2.0,
    }
    return Snapshot(**(values | changes))
