"""Scores of tiny models whose activations are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxviz
from jaxviz import transforms
from jaxviz.evidence import against_data, robustness, scores


@pytest.fixture
def model():
    kernel = jax.random.normal(jax.random.key(0), (3, 3, 3, 4))

    def network(images):
        hidden = jax.lax.conv_general_dilated(
            images, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jax.nn.relu(hidden).mean((1, 2))

    return jaxviz.wrap(network, input_shape=(8, 9, 3), class_names=("one", "two", "three", "four"))


@pytest.fixture
def images():
    return np.random.default_rng(0).random((5, 8, 9, 3), np.float32)


def test_scores_are_those_that_the_activations_give(model, images):
    objectives = [jaxviz.channel("conv", 1), jaxviz.channel("conv", 3) - 0.01 * jaxviz.l2(), jaxviz.class_logit("two")]
    conv = model.activations(images, "conv")["conv"]
    distance = np.sqrt(((images - 0.5) ** 2).sum((1, 2, 3)) + 1e-6)
    expected = [
        conv[..., 1].mean((1, 2)),
        conv[..., 3].mean((1, 2)) - 0.01 * distance,
        model.predict(images)[:, 1],
    ]
    for batch_size in (1, 2, 32):
        np.testing.assert_allclose(
            scores(model, objectives, images, batch_size=batch_size), np.stack(expected), rtol=1e-5, atol=1e-6
        )


def test_one_objective_is_a_list_of_one(model, images):
    objective = jaxviz.channel("conv", 0)
    assert np.array_equal(scores(model, objective, images), scores(model, [objective], images))


def test_images_need_not_have_the_models_size(model):
    image = np.random.default_rng(1).random((1, 20, 6, 3), np.float32)
    expected = model.activations(image, "conv")["conv"][..., 2].mean()
    assert scores(model, jaxviz.channel("conv", 2), image)[0, 0] == pytest.approx(expected, rel=1e-5)


def test_a_wrong_unit_or_layer_is_said_before_anything_is_computed(model, images):
    with pytest.raises(IndexError, match="4"):
        scores(model, jaxviz.channel("conv", 4), images)
    with pytest.raises(KeyError, match="Did you mean 'conv'"):
        scores(model, jaxviz.channel("cnv", 0), images)
    with pytest.raises(ValueError, match=r"0 objectives.*give at least one of each"):
        scores(model, [], images)


def test_percentile_and_ratio_are_counted_in_the_units_own_data():
    data = np.array([[0.0, 1.0, 2.0, 3.0, 10.0], [-5.0, -4.0, -3.0, -2.0, -1.0]])
    found = against_data(np.array([6.0, -3.0]), data)
    assert found.percentile.tolist() == [80.0, 50.0]
    assert found.ratio_to_maximum.tolist() == [0.5, 0.0]


def test_data_without_spread_gives_no_ratio():
    found = against_data(np.array([1.0]), np.array([[2.0, 2.0]]))
    assert found.percentile.tolist() == [0.0]
    assert np.isnan(found.ratio_to_maximum[0])
    with pytest.raises(ValueError, match="one row of at least one image"):
        against_data(np.array([1.0, 2.0]), np.array([[2.0, 2.0]]))


def test_a_smooth_picture_keeps_its_score_where_a_checkerboard_loses_it():
    board = np.indices((9, 9)).sum(0) % 2 * 2.0 - 1.0
    kernel = jnp.stack([jnp.asarray(board), jnp.ones((9, 9))], -1)[:, :, None, :] * jnp.ones((1, 1, 3, 1)) / 243

    def network(images):
        return jax.lax.conv_general_dilated(
            images - 0.5, kernel, (9, 9), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    model = jaxviz.wrap(network, input_shape=(9, 9, 3), name="Boards")
    layer = model.layers[-1].name
    pictures = np.stack([np.repeat(board[..., None] / 2 + 0.5, 3, -1), np.ones((9, 9, 3))]).astype(np.float32)
    shifts = jaxviz.transforms.shift(choices=[0, 1])
    kept = robustness(model, [jaxviz.channel(layer, 0), jaxviz.channel(layer, 1)], pictures, shifts, key=3, draws=64)
    assert abs(kept[0]) < 0.35  # half of the shifts turn it into its negative
    assert kept[1] > 0.85  # but for the grey that a shift brings in, all of it stays


def test_robustness_is_the_mean_over_its_draws_and_decided_by_the_key(model, images):
    objectives = [jaxviz.channel("conv", unit % 4) for unit in range(len(images))]
    transform = jaxviz.transforms.rotate(30)
    still = np.diagonal(scores(model, objectives, images))
    first = robustness(model, objectives, images, transform, key=5, draws=2)
    assert np.array_equal(first, robustness(model, objectives, images, transform, key=jax.random.key(5), draws=2), True)
    moved = []
    for draw in range(2):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(5), draw), len(images))
        moved.append(np.diagonal(scores(model, objectives, np.clip(jax.vmap(transform)(keys, images), 0, 1))))
    with np.errstate(invalid="ignore"):
        expected = np.where(still > 0, np.mean(moved, 0) / still, np.nan)
    np.testing.assert_allclose(first, expected, rtol=1e-4)
    with pytest.raises(ValueError, match="one for each"):
        robustness(model, objectives[:2], images, transform)


def test_objectives_without_numbers_and_penalties_alone_are_scored(model, images):
    conv = model.activations(images, "conv")["conv"]
    found = scores(model, [jaxviz.deepdream("conv", rectified=True), jaxviz.total_variation()], images)
    np.testing.assert_allclose(found[0], np.square(conv).mean((1, 2, 3)), rtol=1e-5)
    steps = np.abs(np.diff(images, axis=1)).sum((1, 2, 3)) + np.abs(np.diff(images, axis=2)).sum((1, 2, 3))
    np.testing.assert_allclose(found[1], steps, rtol=1e-5)


def test_an_image_to_stay_near_to_must_have_the_shape_of_those_that_are_scored(model, images):
    with pytest.raises(ValueError, match=r"The image for l2 has shape \(8, 9, 1\), but images of \(8, 9, 3\)"):
        scores(model, jaxviz.channel("conv", 1) - jaxviz.l2(np.zeros((8, 9, 1))), images)


def test_the_last_colour_is_not_read_as_opacity(model, images):
    with pytest.raises(ValueError, match="reads the opacity of an image, but the images that a model sees have none"):
        scores(model, jaxviz.channel("conv", 1) - jaxviz.opacity(), images)


@pytest.mark.parametrize(("count", "batch_size"), [(0, 32), (5, 0)])
def test_no_images_and_empty_batches_are_refused(model, images, count, batch_size):
    for measured in (
        lambda **options: scores(model, jaxviz.channel("conv", 1), images[:count], **options),
        lambda **options: model.activations(images[:count], "conv", **options),
    ):
        with pytest.raises(ValueError, match=f"{count} images and a batch_size of {batch_size}; give at least one"):
            measured(batch_size=batch_size)


def test_a_single_pictures_robustness_takes_one_objective_and_any_whole_number_as_key(model, images):
    transform = jaxviz.transforms.rotate(30)
    expected = robustness(model, [jaxviz.channel("conv", 1)], images[:1], transform, key=5, draws=2)
    found = robustness(model, jaxviz.channel("conv", 1), images[:1], transform, key=np.int64(5), draws=2)
    np.testing.assert_array_equal(found, expected)


def test_a_border_of_the_data_is_that_of_the_model_as_in_a_climb():
    dark = np.random.default_rng(0).uniform(0, 0.02, (20, 16, 16, 1)).astype(np.float32)
    model = jaxviz.wrap(lambda images: 1 - images.mean((1, 2)), input_shape=(16, 16, 1), data=dark)
    images = np.full((1, 16, 16, 1), 0.01, np.float32)
    moved = jaxviz.transforms.ranges(max_shift_pixels=6, scale_range=0.3, max_degrees=10)
    left = jaxviz.evidence.robustness(model, jaxviz.channel(model.layers[-1].name, 0), images, moved)
    assert left[0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("shape", "transform", "said"),
    [
        ((40, 6), transforms.closeup(0.5, 0.0), "closeup.*for images"),
        ((40, 6), transforms.rotate(5), "rotate.*for images"),
        ((4, 5, 6, 1), transforms.flip(), "flip.*for images"),
        ((6,), transforms.blur(2, 3), "blur.*a vector has none"),
        ((6,), transforms.shift(1), "shift.*a vector has none"),
    ],
)
def test_robustness_refuses_a_transform_that_is_not_for_such_inputs(shape, transform, said):
    model = jaxviz.wrap(lambda inputs: inputs * 2.0, input_shape=shape)
    objective = jaxviz.channel(model.layers[-1].name, 0)
    with pytest.raises(ValueError, match=said):
        robustness(model, objective, np.full((1, *shape), 0.5, np.float32), transform)


@pytest.mark.parametrize("measure", [scores, lambda *given: robustness(*given, jaxviz.transforms.rotate(5))])
def test_what_is_no_objective_is_said(model, images, measure):
    for wrong in ("conv", ["conv"], [jaxviz.channel("conv", 0), "conv"]):
        with pytest.raises(TypeError, match=r"^'conv' is no objective.* jaxviz\.channel\(\"conv\", 0\)"):
            measure(model, wrong, images)
    for wrong in (3, [3], [None]):
        with pytest.raises(TypeError, match=r"^(3|None) is no objective\. Make one with jaxviz\.channel"):
            measure(model, wrong, images)


@pytest.mark.parametrize("transform", ["lucid", None, lambda key, image: image, jaxviz.transforms.lucid])
def test_what_is_no_transform_is_said(model, images, transform):
    with pytest.raises(TypeError, match=r"^transform is .*; give one of jaxviz\.transforms, such as .*lucid\(\)"):
        robustness(model, [jaxviz.channel("conv", 0)] * 5, images, transform)
