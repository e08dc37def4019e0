"""The live climb makes the pictures that `render` makes, in any order of wishes, and changes only what it must."""

import jax
import numpy as np
import pytest
from test_render import small_network

import jaxviz
from compiling import compilations
from jaxviz.rendering import Live
from jaxviz.rendering.slots import Slots

SETTINGS = jaxviz.Settings(steps=12, size=24)


@pytest.fixture(scope="module")
def model():
    return jaxviz.wrap(small_network(), input_shape=(24, 24, 3), name="Small", class_names=["ant", "bee", "cat", "dog"])


@pytest.fixture
def live(model):
    return Live(model)


def finish(live):
    updates = []
    while changed := live.advance():
        updates += changed
    return updates


def climb(live, layer, tiers, settings=SETTINGS, **options):
    live.aim(layer, settings, **{"from_scratch": True, **options})
    live.prioritise(tiers)
    return finish(live)


def rendered(model, layer, unit, sign, settings=SETTINGS, *, classes=False):
    """What the line of Python that the explorer shows makes."""
    line = settings.python(layer, [unit], sign=sign, classes=classes, border_pixels=Live(model).border_pixels)
    return eval(line.replace("steps=", "progress=False, steps="), {"jaxviz": jaxviz, "model": model})


@pytest.mark.smoke
@pytest.mark.parametrize(("classes", "views"), [(False, 1), (True, 1), (False, 3)])
def test_a_tile_is_the_same_bits_that_its_line_of_python_renders(model, live, classes, views):
    layer = model.logits.name if classes else "second"
    settings = SETTINGS.changed(noise=0.05, decay_power=1.2, key=7, max_degrees=25, views=views)
    climb(live, layer, [[(2, 1), (2, -1)], [(unit, 1) for unit in range(4)]], settings)
    for sign in (1, -1):
        alone = rendered(model, layer, 2, sign, settings, classes=classes)
        here = live.rendering([(2, sign)])
        np.testing.assert_array_equal(here.images, alone.images)
        np.testing.assert_allclose(here.score_history, alone.score_history, rtol=1e-6)
        assert here.labels == alone.labels
        assert here.recipe == alone.recipe


@pytest.mark.parametrize(
    "tiers",
    [
        [[(3, 1)]],
        [[(3, 1), (3, -1)], [(unit, 1) for unit in range(6)]],
        [[(unit, sign) for unit in range(6) for sign in (1, -1)]],
        [[(5, 1)], [(4, 1)], [(3, 1)], [(3, 1)], [(0, -1)]],
    ],
)
def test_what_else_is_wanted_changes_no_tile(model, live, tiers):
    climb(live, "second", tiers)
    np.testing.assert_array_equal(live.rendering([(3, 1)]).images, rendered(model, "second", 3, 1).images)


def test_tiles_that_are_put_aside_and_come_back_lose_nothing(model, live):
    live.aim("second", SETTINGS, from_scratch=True)
    for tiers in ([[(0, 1)]], [[(1, 1)]], [[(0, 1), (1, 1)]], [[(2, -1)]], [[(1, 1), (2, -1)]], [[(0, 1)]]):
        live.prioritise(tiers)
        live.advance()
    live.aim("first", SETTINGS, from_scratch=True)
    live.prioritise([[(0, 1)]])
    live.advance()
    climb(live, "second", [[(0, 1), (1, 1), (2, -1)]])
    for unit, sign in ((0, 1), (1, 1), (2, -1)):
        alone = rendered(model, "second", unit, sign)
        np.testing.assert_array_equal(live.rendering([(unit, sign)]).images, alone.images)


def test_updates_tell_the_whole_story_of_every_tile(live):
    updates = climb(live, "second", [[(1, 1), (1, -1)], [(unit, 1) for unit in range(6)]])
    for tile in {(update.unit, update.sign) for update in updates}:
        mine = [update for update in updates if (update.unit, update.sign) == tile]
        assert mine[0].first_step == 0
        assert [update.first_step for update in mine[1:]] == [update.step for update in mine[:-1]]
        assert [update.state for update in mine] == ["climbing"] * (len(mine) - 1) + ["done"]
        record = live.rendering([tile])
        np.testing.assert_array_equal(np.concatenate([update.scores for update in mine]), record.score_history[:, 0])
        np.testing.assert_array_equal(mine[-1].picture, np.round(record.images[0] * 255).astype(np.uint8))


def test_every_tile_is_seen_at_the_stages_however_fast_it_climbs(live):
    updates = climb(live, "second", [[(1, 1), (1, -1)], [(unit, 1) for unit in range(6)]], SETTINGS.changed(steps=70))
    for tile in {(update.unit, update.sign) for update in updates}:
        steps = {update.step for update in updates if (update.unit, update.sign) == tile}
        assert {0, 4, 16, 64, 70} <= steps


def test_the_most_wanted_tiles_come_first(live):
    live.aim("second", SETTINGS, from_scratch=True)
    live.prioritise([[(5, 1), (5, -1)], [(unit, 1) for unit in range(5)], [(unit, -1) for unit in range(5)]])
    finished = [(update.unit, update.sign) for update in finish(live) if update.state == "done"]
    assert set(finished[:2]) == {(5, 1), (5, -1)}
    assert all(sign == 1 for _, sign in finished[2:7])


def test_what_is_in_view_is_seen_at_once_though_fewer_tiles_climb_at_a_time(model, live, monkeypatch):
    monkeypatch.setattr("jaxviz.rendering.live._BEGINNING_SECONDS", 60.0)  # of a slice; a loaded machine is slow
    live.aim("second", SETTINGS, from_scratch=True)
    everything = [(unit, sign) for unit in range(6) for sign in (1, -1)]
    live.prioritise([[(5, 1), (5, -1)], everything[:9], everything[9:10]])
    updates = live.advance()
    assert [(update.unit, update.sign) for update in updates] == [(5, 1), (5, -1), *everything[:9]]
    assert {update.step for update in updates} == {0}
    assert len({update.picture.tobytes() for update in updates}) == len(updates)
    finish(live)
    np.testing.assert_array_equal(live.rendering([(4, 1)]).images, rendered(model, "second", 4, 1).images)


def test_tiles_of_one_tier_climb_together(live):
    live.aim("second", SETTINGS, from_scratch=True)
    live.prioritise([[(unit, sign) for unit in range(6) for sign in (1, -1)]])
    steps = {}
    while changed := live.advance():
        steps |= {(update.unit, update.sign): update.step for update in changed}
        if len(steps) == 12:
            assert max(steps.values()) - min(steps.values()) <= 16


@pytest.mark.parametrize("from_scratch", [True, False])
def test_a_moved_setting_compiles_nothing(live, from_scratch):
    climb(live, "second", [[(1, 1), (1, -1)]])
    with compilations() as compiled:
        for change in (
            {"preset": "none"},
            {"noise": 0.2},
            {"max_degrees": 45},
            {"scale_range": 0.3},
            {"max_shift_pixels": 3},
            {"decay_power": 1.5},
            {"learning_rate": 0.01},
            {"key": 5},
            {"views": 3},
            {"steps": 20},
        ):
            climb(live, "second", [[(1, 1), (1, -1)]], SETTINGS.changed(**change), from_scratch=from_scratch)
            assert live.prepared
        climb(live, "second", [[(4, 1), (4, -1)]])
    assert compiled == []


def test_the_recipe_of_a_tile_on_its_way_says_how_many_steps_make_its_picture(model, live):
    live.aim("second", SETTINGS.changed(steps=400), from_scratch=True)
    live.prioritise([[(1, 1)]])
    while live.advance()[0].step < 10:
        pass
    here = live.rendering([(1, 1)])
    (made,) = here.recipe.steps_made
    assert here.recipe.steps == 400
    assert 10 <= made < 400
    assert f"{made} of 400 steps" in repr(here)
    again = rendered(model, "second", 1, 1, SETTINGS.changed(steps=made))
    np.testing.assert_array_equal(here.images, again.images)
    climb(live, "second", [[(1, 1)]], SETTINGS.changed(steps=5))
    assert live.rendering([(1, 1)]).recipe.steps_made == (made,)
    climb(live, "second", [[(1, 1)]], SETTINGS.changed(steps=made + 3))
    assert live.rendering([(1, 1)]).recipe.steps_made == ()


def test_more_steps_go_on_where_fewer_ended(model, live):
    climb(live, "second", [[(1, 1)]])
    updates = climb(live, "second", [[(1, 1)]], SETTINGS.changed(steps=30))
    assert updates[0].first_step == 12
    more = SETTINGS.changed(steps=30)
    np.testing.assert_array_equal(live.rendering([(1, 1)]).images, rendered(model, "second", 1, 1, more).images)


def test_fewer_steps_than_were_made_end_a_tile_where_it_is(live):
    live.aim("second", SETTINGS.changed(steps=400), from_scratch=True)
    live.prioritise([[(1, 1)]])
    made = 0
    while made < 20:
        made = live.advance()[0].step
    updates = climb(live, "second", [[(1, 1)]], SETTINGS.changed(steps=5))
    assert [(update.step, update.state, len(update.scores)) for update in updates] == [(made, "done", 0)]


def test_more_steps_that_are_asked_for_while_the_last_slice_runs_are_made(live, monkeypatch):
    show = Slots.show

    def asking(slots):
        live.aim("second", SETTINGS.changed(steps=20), from_scratch=True)
        return show(slots)

    monkeypatch.setattr(Slots, "show", asking)
    climb(live, "second", [[(1, 1)]])
    monkeypatch.undo()
    live.prioritise([[(1, 1)]])
    finish(live)
    assert live.rendering([(1, 1)]).score_history.shape[0] == 20


def test_a_moved_setting_starts_from_noise_or_goes_on_from_the_picture(live):
    climb(live, "second", [[(1, 1)]])
    before = live.rendering([(1, 1)])
    other = SETTINGS.changed(learning_rate=1e-4)
    climb(live, "second", [[(1, 1)]], other, from_scratch=False)
    on = live.rendering([(1, 1)])
    assert np.abs(on.images - before.images).max() < 0.02
    assert on.score_history.shape[0] == SETTINGS.steps
    assert "other settings" in on.messages[0]
    assert on.recipe.continued == (True,)
    climb(live, "second", [[(2, 1)]], other.changed(learning_rate=2e-4))
    climb(live, "second", [[(1, 1)]], other.changed(learning_rate=2e-4))
    fresh = live.rendering([(1, 1)])
    assert np.abs(fresh.images - before.images).max() > 0.05
    assert fresh.messages == ("",)
    assert fresh.recipe.continued == ()


def test_a_setting_moved_twice_before_a_step_goes_on_from_the_picture_too(live):
    climb(live, "second", [[(1, 1)]])
    before = live.rendering([(1, 1)])
    live.aim("second", SETTINGS.changed(learning_rate=1e-3), from_scratch=False)
    climb(live, "second", [[(1, 1)]], SETTINGS.changed(learning_rate=1e-4), from_scratch=False)
    on = live.rendering([(1, 1)])
    assert np.abs(on.images - before.images).max() < 0.02
    assert "other settings" in on.messages[0]


def test_another_number_of_views_compiles_nothing_and_may_go_on_from_the_picture(live):
    climb(live, "second", [[(1, 1)]])
    before = live.rendering([(1, 1)])
    live.aim("second", SETTINGS.changed(views=4, learning_rate=1e-4), from_scratch=False)
    live.prioritise([[(1, 1)]])
    assert live.prepared
    with compilations() as compiled:
        finish(live)
    assert compiled == []
    after = live.rendering([(1, 1)])
    assert after.recipe.transforms["kind"] == "several_views"
    assert np.abs(after.images - before.images).max() < 0.02


def test_another_size_starts_from_noise(live):
    climb(live, "second", [[(1, 1)]])
    climb(live, "second", [[(1, 1)]], SETTINGS.changed(size=32), from_scratch=False)
    assert live.rendering([(1, 1)]).images.shape == (1, 32, 32, 3)
    assert live.rendering([(1, 1)]).messages == ("",)


def test_forgotten_tiles_begin_again_and_those_of_other_layers_and_settings_stay(model, live):
    other = SETTINGS.changed(noise=0.1)
    for layer, settings in (("first", SETTINGS), ("second", other), ("second", SETTINGS)):
        climb(live, layer, [[(1, 1), (1, -1)]], settings)
    live.forget("second", SETTINGS)
    with pytest.raises(ValueError, match="None of the 1 tiles"):
        live.rendering([(1, 1)])
    elsewhere = live.rendering([(1, 1)], of=("second", other))
    np.testing.assert_array_equal(elsewhere.images, rendered(model, "second", 1, 1, other).images)
    again = climb(live, "second", [[(1, 1), (1, -1)]])
    assert [update.first_step for update in again[:2]] == [0, 0]
    np.testing.assert_array_equal(live.rendering([(1, 1)]).images, rendered(model, "second", 1, 1).images)
    for layer, settings in (("first", SETTINGS), ("second", other)):
        assert climb(live, layer, [[(1, 1), (1, -1)]], settings) == []
    live.forget("first", other)  # of which there is nothing


def test_a_question_changes_nothing_and_is_answered_as_the_aim_would(live):
    climb(live, "second", [[(1, 1)]])
    before = live.rendering([(1, 1)]).images
    with pytest.raises(KeyError, match="Did you mean 'second"):
        live.check("secnd", SETTINGS)
    live.check("first", SETTINGS)
    live.check("second", SETTINGS.changed(noise=0.3))
    np.testing.assert_array_equal(live.rendering([(1, 1)]).images, before)
    assert live.advance() == []


def test_a_wrong_aim_changes_nothing(live):
    climb(live, "second", [[(1, 1)]])
    before = live.rendering([(1, 1)]).images
    with pytest.raises(KeyError, match="Did you mean 'second"):
        live.aim("secnd", SETTINGS, from_scratch=True)
    with pytest.raises(IndexError, match=r"Unit 6 is out of range: layer 'second.*' has 0 to 5"):
        live.prioritise([[(6, 1)]])
    np.testing.assert_array_equal(live.rendering([(1, 1)]).images, before)


def test_nothing_is_known_of_tiles_that_have_not_begun(live):
    with pytest.raises(RuntimeError, match="call aim first"):
        live.prioritise([[(0, 1)]])
    assert live.advance() == []
    live.aim("second", SETTINGS, from_scratch=True)
    assert live.advance() == []
    with pytest.raises(ValueError, match="None of the 1 tiles"):
        live.rendering([(0, 1)])
    climb(live, "second", [[(0, 1)]])
    assert live.rendering([(0, 1), (1, 1)]).labels == ("second:0",)


def test_release_forgets_everything(live):
    climb(live, "second", [[(0, 1)]])
    live.release()
    assert live.advance() == []
    with pytest.raises(RuntimeError, match="call aim first"):
        live.rendering([(0, 1)])


def test_after_a_failure_the_tiles_that_climbed_begin_again_and_the_others_go_on():
    fails = []

    def check(images):
        if fails:
            raise RuntimeError("out of order")
        return images

    def function(images):
        shape = jax.ShapeDtypeStruct(images.shape, images.dtype)
        checked = jax.pure_callback(check, shape, jax.lax.stop_gradient(images))
        return jax.nn.relu(images + 0 * checked).mean((1, 2))

    live = Live(jaxviz.wrap(function, input_shape=(24, 24, 3)))
    many = SETTINGS.changed(steps=100)  # of more slices than one
    climb(live, "mean", [[(2, 1)]], many)
    before = live.rendering([(2, 1)]).images
    live.prioritise([[(0, 1), (1, 1)]])
    live.advance()
    fails.append(True)
    with pytest.raises(Exception, match="out of order"):
        live.advance()
    np.testing.assert_array_equal(live.rendering([(0, 1), (2, 1)]).images, before)  # what was there still is
    fails.clear()
    first, *_ = updates = finish(live)
    assert (first.first_step, updates[-1].step) == (0, many.steps)
    assert climb(live, "mean", [[(2, 1), (0, 1)]], many) == []
    np.testing.assert_array_equal(live.rendering([(2, 1)]).images, before)


def test_layers_left_long_ago_are_forgotten_when_memory_is_short(live):
    live._most_bytes = 1
    climb(live, "first", [[(0, 1)]])
    climb(live, "second", [[(0, 1)]])
    again = climb(live, "first", [[(0, 1)]])
    assert again[0].first_step == 0


def test_dead_and_diverging_tiles_say_so_and_leave_the_others_alone():
    live = Live(jaxviz.wrap(small_network(kernel_scale=1e20), input_shape=(24, 24, 3)))
    updates = climb(live, "second", [[(0, 1), (1, 1)]], SETTINGS.changed(learning_rate=1.0))
    assert {update.state for update in updates[-2:]} <= {"done", "diverged", "dead"}
    flat = Live(jaxviz.wrap(lambda images: 0.0 * images.mean((1, 2)), input_shape=(24, 24, 3)))
    updates = climb(flat, flat._model.layers[-1].name, [[(0, 1)]])
    assert updates[-1].state == "dead"
    assert "gradient was exactly zero" in updates[-1].message


def test_a_network_that_takes_one_size_is_climbed_at_that_size():
    generator = np.random.default_rng(0)
    kernel, dense = (np.asarray(generator.normal(size=size), np.float32) for size in ((3, 3, 3, 4), (80 * 96 * 4, 5)))

    def network(images):
        hidden = jax.lax.conv_general_dilated(
            images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jax.nn.relu(hidden).reshape(len(images), -1) @ dense

    model = jaxviz.wrap(network, input_shape=(80, 96, 3))
    live = Live(model)
    settings = jaxviz.Settings(steps=3, size=live.suitable_size[0])
    climb(live, "conv", [[(1, 1)]], settings)
    line = settings.python("conv", [1], width=live.suitable_size[1], border_pixels=live.border_pixels)
    alone = eval(line.replace("steps=", "progress=False, steps="), {"jaxviz": jaxviz, "model": model})
    assert alone.images.shape == (1, 80, 96, 3)
    np.testing.assert_array_equal(live.rendering([(1, 1)]).images, alone.images)
    assert jaxviz.render(model, "conv", units=[1], steps=2, progress=False).images.shape == (1, 80, 96, 3)
    with pytest.raises(ValueError, match="takes only that size"):
        live.aim("conv", settings.changed(size=64), from_scratch=True)
