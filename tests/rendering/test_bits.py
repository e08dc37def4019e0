"""Whatever of the vocabulary is used, a unit's picture is the same bits alone and in company."""

import jax.numpy as jnp
import numpy as np
import pytest
from test_render import small_network

import jaxviz
from jaxviz import gradient_rules, objectives, optimizers, parameterizations, transforms

PIXELS = parameterizations.pixels(squashed=False, decorrelated=False)
REFERENCE = np.random.default_rng(0).uniform(size=(23, 31, 3)).astype(np.float32)
TARGET = np.random.default_rng(1).normal(size=(6, 8, 6))
MOVES = (transforms.shift(4), transforms.scale(0.8, 1.2), transforms.rotate(10), transforms.flip())
PENALTIES = (
    0.001 * objectives.total_variation() + 0.001 * objectives.total_variation(exponent=1.7) + 0.01 * objectives.l2()
)


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(small_network(), input_shape=(24, 24, 3), class_names=["ant", "bee", "cat", "dog"])


def unit(number):
    return jaxviz.channel("second", number)


def images(model, objective, numbers, **options):
    given = {"steps": 8, "size": (23, 31), "transforms": None, "progress": False} | options
    return jaxviz.render(model, [objective(number) for number in numbers], **given).images


@pytest.mark.parametrize(
    ("objective", "options"),
    [
        (unit, {"transforms": transforms.blur(0.3, 2.0)}),
        (unit, {"transforms": transforms.compose(transforms.pad(3), *MOVES, transforms.noise(0.1, uniform=0.1))}),
        (unit, {"transforms": transforms.several_views(transforms.compose(*MOVES, transforms.gains(0.2)), count=3)}),
        (unit, {"transforms": transforms.annealed(transforms.blur(1, 2), transforms.blur(0, 0.2), steps=5)}),
        (unit, {"transforms": transforms.closeup(0.5, 0.1)}),
        (unit, {"parameterization": parameterizations.phase_only(contrast=2.0, decay_power=1.2, blur_pixels=0.5)}),
        (unit, {"parameterization": parameterizations.laplacian_pyramid()}),
        (unit, {"parameterization": parameterizations.grayscale(parameterizations.pixels())}),
        (unit, {"parameterization": parameterizations.several(count=2, shared=True)}),
        (unit, {"parameterization": parameterizations.starting_from(REFERENCE)}),
        (unit, {"optimizer": optimizers.adam(learning_rate=0.05, mean_decay=0.5, warmup_steps=2, cosine_steps=9)}),
        (unit, {"optimizer": optimizers.lbfgs(learning_rate=0.01)}),
        (unit, {"optimizer": optimizers.norm_bounded(norm=3, learning_rate=1)}),
        (unit, {"optimizer": optimizers.normalized(learning_rate=0.01)}),
        (
            unit,
            {
                "optimizer": optimizers.yosinski(
                    progress=1, decay=0.01, blur_pixels=0.6, small_norm_percent=30, small_benefit_percent=20
                ),
                "parameterization": PIXELS,
            },
        ),
        (lambda number: unit(number) - PENALTIES, {}),
        (
            lambda number: objectives.class_probability(number % 4),
            {"gradient_rules": [gradient_rules.linear_softmax()]},
        ),
        (lambda number: 2 * unit(number) + objectives.class_logit(number % 4) / 3, {}),
        (lambda number: (1 + number) * objectives.deepdream("second"), {}),
        (lambda number: jaxviz.direction("second", np.eye(6)[number] + 0.3, cosine_power=1.5), {}),
        (lambda number: (1 + number) * objectives.caricature("second", np.float32(TARGET), cosine_power=2), {}),
        (lambda number: (1 + number) * objectives.inversion("second", np.float32(TARGET)), {}),
    ],
    ids=lambda given: str(next(iter(given.values()), "") if isinstance(given, dict) else "")[:40],
)
def test_a_units_picture_is_the_same_bits_alone_and_in_company(model, objective, options):
    alone = images(model, objective, [3], **options)
    together = images(model, objective, [1, 3, 0, 2, 4, 5], **options)
    assert jnp.ptp(alone) > 0.02
    np.testing.assert_array_equal(alone[0], together[1])
