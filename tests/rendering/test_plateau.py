"""A unit is stopped where its smoothed score stops rising, at the same step whatever happens around it."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

import jaxviz
from compiling import compilations
from jaxviz import Plateau
from jaxviz.rendering.plateau import no_progress, traced, watch

SOON = Plateau(patience_steps=6, least_gain=0.05, smoothing_steps=4)
STEPS = 60


def settling_step(plateau, scores):
    """The step after which a unit with these scores is stopped, by a walk through them in NumPy."""
    smoothed = best = first = np.float64(scores[0])
    best_step = 0
    for step, score in enumerate(scores):
        smoothed += (score - smoothed) / min(step + 1, plateau.smoothing_steps)
        if smoothed > best + plateau.least_gain * (best - first):
            best, best_step = smoothed, step
        if step - best_step >= plateau.patience_steps:
            return step
    return None


def watched(plateau, scores):
    progress = no_progress(1)
    for step, score in enumerate(scores):
        progress, settled = watch(traced(plateau), progress, jnp.float32([score]), jnp.int32([step]))
        if settled[0]:
            return step
    return None


@given(st.integers(1, 8), st.sampled_from([0.0, 0.01, 0.3]), st.integers(1, 8), st.integers(0, 100))
def test_a_unit_is_stopped_where_its_smoothed_score_stops_rising(patience, gain, smoothing, seed):
    plateau = Plateau(patience, gain, smoothing)
    generator = np.random.default_rng(seed)
    # Whole numbers, so that float32 and float64 decide alike but for the division of the mean.
    scores = np.cumsum(generator.integers(-2, 4, 40)).astype(np.float32)
    assert watched(plateau, scores) == settling_step(plateau, scores)


def test_scale_and_offset_of_scores_do_not_matter():
    scores = np.float32(np.sqrt(np.arange(200)))
    step = watched(SOON, scores)
    assert 10 < step < 150
    assert [watched(SOON, scores * factor + offset) for factor, offset in ((64, 0), (1 / 64, 0), (1, -8))] == [step] * 3


def network(images):
    """Two channels that settle at different steps, and one that never does."""
    with jax.named_scope("triple"):
        means = images.mean((1, 2))
        return jnp.stack([jnp.minimum(means[:, 0], 0.53), jnp.minimum(means[:, 1], 0.6), means[:, 2]], axis=-1)


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(network, input_shape=(16, 16, 3))


def render(model, units=(0, 1, 2), **options):
    settings = {"steps": STEPS, "size": 16, "transforms": None, "progress": False, **options}
    return jaxviz.render(model, "triple", units=units, **settings)


def steps_of(rendering):
    return np.isfinite(rendering.score_history).sum(0)


def test_units_are_stopped_each_at_its_own_step_and_the_others_are_not_touched(model):
    free, stopped = render(model), render(model, stop_on_plateau=SOON)
    first, second, third = steps_of(stopped)
    assert 5 < first < second < third == STEPS
    assert stopped.states == ("done",) * 3
    assert f"stopped at step {first}" in stopped.messages[0]
    assert stopped.messages[2] == ""
    np.testing.assert_array_equal(stopped.images[2], free.images[2])
    np.testing.assert_array_equal(stopped.images[0], render(model, steps=int(first)).images[0])
    np.testing.assert_array_equal(
        stopped.score_history[: int(first), 0], free.score_history[: int(first), 0], "nothing else is changed"
    )


def test_snapshots_and_neighbours_do_not_change_when_a_unit_is_stopped(model):
    together = render(model, stop_on_plateau=SOON)
    for unit in (0, 1):
        alone = render(model, [unit], stop_on_plateau=SOON)
        assert steps_of(alone)[0] == steps_of(together)[unit]
        np.testing.assert_array_equal(alone.images[0], together.images[unit])
    for every in (1, 7, STEPS):
        *_, last = jaxviz.render_steps(
            model,
            "triple",
            steps=STEPS,
            size=16,
            transforms=None,
            stop_on_plateau=SOON,
            snapshot_every=every,
        )
        assert list(last.steps) == list(steps_of(together))


def test_a_place_that_becomes_free_early_is_given_to_a_unit_that_waits(model, monkeypatch):
    from jaxviz.rendering import engines

    whole = render(model, units=[0, 1, 2, 0, 1], stop_on_plateau=SOON)
    monkeypatch.setattr(engines, "wished_lanes", lambda _: 2)
    in_turns = render(model, units=[0, 1, 2, 0, 1], stop_on_plateau=SOON)
    np.testing.assert_array_equal(whole.images, in_turns.images)
    assert list(steps_of(whole)) == list(steps_of(in_turns))


def test_a_unit_without_a_gradient_is_called_dead_and_costs_only_the_patience():
    def flat(images):
        with jax.named_scope("flat"):
            return jnp.maximum(images.mean((1, 2)) - 10.0, 0.0)

    rendering = jaxviz.render(
        jaxviz.wrap(flat, input_shape=(16, 16, 3)),
        [jaxviz.channel("flat", 0, rectified=True)],
        steps=STEPS,
        size=16,
        progress=False,
        stop_on_plateau=SOON,
    )
    assert rendering.states == ("dead",)
    assert steps_of(rendering)[0] == SOON.patience_steps + 1


def test_other_settings_compile_nothing(model):
    render(model, stop_on_plateau=SOON)
    with compilations() as compiled:
        render(model, stop_on_plateau=Plateau(patience_steps=9, least_gain=0.2, smoothing_steps=2))
        render(model)
    assert compiled == []


def test_the_recipe_says_it(model):
    assert render(model, steps=2).recipe.stop_on_plateau is None
    assert Plateau(**render(model, steps=2, stop_on_plateau=SOON).recipe.stop_on_plateau) == SOON
    numpy = Plateau(np.int64(SOON.patience_steps), np.float32(0.25), np.int32(SOON.smoothing_steps))
    written = render(model, steps=2, stop_on_plateau=numpy).recipe.stop_on_plateau
    assert written == {**SOON.to_json(), "least_gain": 0.25}


@pytest.mark.parametrize(
    ("plateau", "error", "message"),
    [
        (True, TypeError, r"stop_on_plateau is True; .*jaxviz\.Plateau\(\)"),
        (Plateau(patience_steps=0), ValueError, "patience_steps is 0; at least 1"),
        (Plateau(smoothing_steps=2.5), TypeError, "smoothing_steps is 2.5; .*whole number"),
        (Plateau(least_gain=-0.1), ValueError, "least_gain is -0.1; .*0 to 1"),
        (Plateau(least_gain=float("nan")), ValueError, "least_gain is nan"),
    ],
)
def test_bad_settings_are_refused(model, plateau, error, message):
    with pytest.raises(error, match=message):
        render(model, stop_on_plateau=plateau)
