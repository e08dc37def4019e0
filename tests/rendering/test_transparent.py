"""A picture with an opacity shows the unit's own part and nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxviz
from jaxviz import transforms
from jaxviz.rendering import SideBySide
from jaxviz.results.sheet import SURROUND
from jaxviz.results.transparency import opacity as share_moved
from jaxviz.transforms.background import cloud

SIZE = 16


@pytest.fixture(scope="module")
def model():
    """One unit: how much redder than blue the left half is."""
    weight = np.zeros((SIZE, SIZE, 3), np.float32)
    weight[:, : SIZE // 2] = [1, 0, -1]

    def network(images):
        return (images * (weight / weight.clip(0).sum())).sum((1, 2, 3))[:, None]

    return jaxviz.wrap(network, input_shape=(SIZE, SIZE, 3))


def render(model, objective=None, **options):
    objective = objective or jaxviz.channel(model.layers[-1].name, 0) - 0.5 * jaxviz.opacity()
    usual = {"steps": 100, "size": SIZE, "parameterization": jaxviz.transparent(), "transforms": None}
    return jaxviz.render(model, objective, progress=False, **(usual | options))


@pytest.fixture(scope="module")
def rendering(model):
    return render(model)


def test_a_unit_of_the_left_half_leaves_the_right_half_transparent(rendering):
    assert rendering.images.shape == (1, SIZE, SIZE, 4)
    opacity = rendering.images[0, ..., -1]
    assert np.median(opacity[:, : SIZE // 2 - 1]) > 0.8
    assert opacity[:, SIZE // 2 + 1 : -1].max() < 0.2


def test_without_a_price_opacity_stays_where_nothing_moves_it(model):
    free = render(model, jaxviz.channel(model.layers[-1].name, 0), steps=12)
    right = free.images[0, ..., -1][:, SIZE // 2 + 1 : -1]
    assert 0.2 < right.mean() < 0.8


def test_the_bits_are_the_same_whatever_is_rendered_beside_it(model, rendering):
    objective = jaxviz.channel(model.layers[-1].name, 0) - 0.5 * jaxviz.opacity()
    beside = render(model, [-objective, objective, 2 * objective])
    np.testing.assert_array_equal(beside.images[1], rendering.images[0])


def test_sheets_are_on_grey_and_files_are_transparent(rendering, tmp_path):
    picture = rendering.pictures()[0]
    opacity = rendering.images[0, ..., -1:]
    expected = SURROUND + opacity * (rendering.images[0, ..., :3] * 255 - SURROUND)
    np.testing.assert_allclose(picture, expected, atol=2)
    (path,) = rendering.save_images(tmp_path)
    with Image.open(path) as file:
        assert file.mode == "RGBA"
        np.testing.assert_allclose(np.asarray(file), rendering.images[0] * 255, atol=1)
    rendering.save(tmp_path / "all.npz")
    assert jaxviz.Rendering.load(tmp_path / "all.npz") == rendering
    assert rendering.values.shape == (1, SIZE, SIZE, 3)
    assert rendering._repr_html_().startswith("<div")


def test_snapshots_show_it_too(model):
    objective = jaxviz.channel(model.layers[-1].name, 0) - 0.5 * jaxviz.opacity()
    *_, last = jaxviz.render_steps(
        model, objective, steps=2, size=SIZE, parameterization=jaxviz.transparent(), transforms=None
    )
    assert last.images.shape[-1] == 4
    assert last.pictures().shape[-1] == 3


def test_several_pictures_of_a_lane_may_be_transparent(model):
    several = jaxviz.several(jaxviz.transparent(jaxviz.pixels()), count=2)
    assert render(model, parameterization=several, steps=2).images.shape == (1, SIZE, 2 * SIZE, 4)


def test_the_background_is_where_the_picture_is_transparent(key):
    opacity = np.zeros((SIZE, SIZE, 1), np.float32)
    opacity[:4] = 1
    image = np.concatenate([np.full((SIZE, SIZE, 3), 0.25, np.float32), opacity], -1)
    seen = np.asarray(transforms.background()(key, jnp.asarray(image)))
    np.testing.assert_array_equal(seen[:4], 0.25)
    np.testing.assert_allclose(seen[4:], cloud(key, (SIZE, SIZE, 3), 1.0)[4:], atol=1e-6)


def test_backgrounds_differ_in_mean_and_have_the_contrast_asked_for(key):
    keys = jax.random.split(key, 200)
    clouds = np.asarray(jax.vmap(lambda one: cloud(one, (24, 17, 1), 0.5))(keys), np.float64)
    free = np.log(clouds / (1 - clouds))
    means = free.mean((1, 2, 3))
    np.testing.assert_allclose(means.std(), 0.5, rtol=0.2)
    np.testing.assert_allclose((free - means[:, None, None, None]).std(), 0.5, rtol=0.1)


def test_every_view_has_a_background_of_its_own_which_is_laid_inside_of_them(model):
    views = transforms.several_views(transforms.noise(0.0), count=3)
    rendering = render(model, steps=2, transforms=views)
    inside = transforms.compose(transforms.background(), transforms.noise(0.0))
    made = transforms.from_json(rendering.recipe.transforms)
    assert made == transforms.several_views(inside, count=3)
    np.testing.assert_array_equal(render(model, steps=2, transforms=made).images, rendering.images)


def test_a_background_that_is_annealed_is_the_only_one(model):
    faint, strong = transforms.background(contrast=0.0), transforms.background(contrast=1.0)
    annealed = transforms.annealed(faint, strong, steps=2)
    assert transforms.from_json(render(model, steps=2, transforms=annealed).recipe.transforms) == annealed
    moved = transforms.annealed(transforms.shift(1), transforms.shift(2), steps=2)
    expected = transforms.compose(transforms.background(), moved)
    assert transforms.from_json(render(model, steps=2, transforms=moved).recipe.transforms) == expected
    with pytest.raises(ValueError, match="use it with transparent"):
        render(model, jaxviz.channel(model.layers[-1].name, 0), parameterization=jaxviz.fourier(), transforms=annealed)


def test_what_the_unit_ignored_fades_besides_its_own_opacity(model):
    both = render(model, steps=20, transparency=True)
    own, moved = both.images[0, ..., -1], share_moved(both.transparency)[0]
    np.testing.assert_allclose(both.rgba()[0, ..., -1], 255 * own * moved, atol=1)
    alone = dataclasses.replace(both, transparency=None)
    np.testing.assert_array_equal(alone.rgba()[..., :3], both.rgba()[..., :3])
    expected = SURROUND + moved[..., None] * (alone.pictures()[0] - np.float32(SURROUND))
    np.testing.assert_allclose(both.pictures()[0], expected, atol=1)
    stretched = both.rgba(contrast_percentile=1)
    assert stretched[..., :3].max() == 255
    np.testing.assert_array_equal(stretched[..., -1], both.rgba()[..., -1])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"parameterization": jaxviz.fourier()}, ValueError, "only parameterization=transparent"),
        (
            {"parameterization": jaxviz.fourier(), "transforms": transforms.background()},
            ValueError,
            "use it with transparent",
        ),
    ],
)
def test_opacity_needs_a_transparent_picture(model, options, error, message):
    with pytest.raises(error, match=message):
        render(model, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: jaxviz.transparent(jaxviz.several(count=2)), "several\\(transparent"),
        (lambda: jaxviz.transparent(jaxviz.transparent()), "cannot be made transparent"),
        (lambda: jaxviz.grayscale(jaxviz.transparent()), "transparent\\(grayscale"),
        (lambda: jaxviz.transparent("red"), "no parameterization"),
    ],
)
def test_what_cannot_be_transparent_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_it_is_plain_data():
    parameterization = jaxviz.transparent(jaxviz.phase_only())
    assert jaxviz.parameterizations.from_json(parameterization.to_json()) == parameterization
    transform = transforms.compose(transforms.background(contrast=0.5), transforms.shift(2))
    assert transforms.from_json(transform.to_json()) == transform
    assert eval(str(transform), vars(transforms)) == transform
    objective = jaxviz.channel("conv", 0) - 0.5 * jaxviz.opacity()
    assert jaxviz.objectives.from_json(objective.to_json()) == objective


def test_a_watched_picture_lies_on_grey_as_the_finished_one_does(model):
    recipe = {"steps": 4, "size": SIZE, "parameterization": jaxviz.transparent(), "transforms": None}
    climb = SideBySide(model, jaxviz.channel(model.layers[-1].name, 0), {"clear": lambda _: recipe})
    climb.aim("", jaxviz.Settings(steps=4, size=SIZE), from_scratch=True)
    climb.prioritise([[(0, 1)]])
    updates = climb.advance()
    while more := climb.advance():
        updates = more
    (shown,) = climb.rendering([(0, 1)]).pictures()
    np.testing.assert_allclose(updates[-1].picture.astype(int), shown, atol=2)
