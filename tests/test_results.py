import json
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxviz
from jaxviz.results import Recipe, Rendering, Snapshot, contact_sheet
from jaxviz.results.sheet import SURROUND, default_columns
from records import MARKUP, make_recipe, make_rendering, make_snapshot

pytestmark = pytest.mark.smoke  # NumPy and Pillow change their ways too

# The recipe

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=3)


@given(
    objectives=st.lists(json_objects, min_size=1, max_size=3),
    transforms=st.none() | json_objects,
    model=json_objects,
    key=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4),
)
def test_recipe_is_the_same_after_a_trip_through_json_text(objectives, transforms, model, key):
    recipe = make_recipe(objectives=objectives, transforms=transforms, model=model, key=key)
    back = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert back == recipe
    assert isinstance(back.objectives, tuple)
    assert back.key == tuple(key)


def test_recipe_says_which_units_made_other_steps_or_went_on_from_another_picture():
    recipe = make_recipe(3, steps_made=[8, 256, 16], continued=[True, False, False])
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert repr(recipe) == "Recipe(3 units of 'TinyNet', 5x7 pixels, 8 to 256 of 256 steps of adam, 1 went on)"
    some = recipe.for_units([0, 2])
    assert (some.steps_made, some.continued) == ((8, 16), (True, False))
    assert repr(make_recipe(steps_made=[8])) == "Recipe(1 unit of 'TinyNet', 5x7 pixels, 8 of 256 steps of adam)"
    assert repr(make_recipe(steps=4, steps_made=[16])) == "Recipe(1 unit of 'TinyNet', 5x7 pixels, 16 steps of adam)"
    assert "4 to 16 steps of adam" in repr(make_recipe(2, steps=4, steps_made=[4, 16]))
    assert repr(make_rendering(1, recipe=recipe.for_units([0]))).startswith(
        "Rendering(1 unit of 5x7x3, 8 of 256 steps,"
    )


def test_recipe_of_finished_pictures_from_noise_is_written_as_it_always_was():
    plain = make_recipe(3)
    assert make_recipe(3, steps_made=[256] * 3, continued=[False] * 3) == plain
    marked = make_recipe(3, steps_made=[8, 256, 256], continued=[True, False, False])
    assert marked.for_units([1, 2]) == plain.for_units([1, 2])
    assert not plain.to_json().keys() & {"steps_made", "continued"}


def test_recipe_does_not_change_with_the_dictionaries_it_was_made_from():
    optimizer = {"kind": "adam", "learning_rate": 0.05}
    recipe = make_recipe(optimizer=optimizer)
    optimizer["learning_rate"] = 9.0
    recipe.to_json()["optimizer"]["learning_rate"] = 9.0
    assert recipe.optimizer["learning_rate"] == 0.05
    with pytest.raises(FrozenInstanceError):
        recipe.steps = 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectives": ()}, "at least one objective"),
        ({"size": (5, 7, 3, 4)}, r"size is \(height, width\)"),
        ({"optimizer": {"learning_rate": float("nan")}}, "optimizer cannot be written as JSON"),
        ({"model": {"module": object()}}, "model cannot be written as JSON"),
        ({"steps_made": [8, 8]}, "steps_made has 2 entries for 1 objective"),
    ],
)
def test_recipe_refuses_what_it_could_not_give_back(changes, message):
    with pytest.raises(ValueError, match=message):
        make_recipe(**changes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "a list was given"),
        ({}, "format is None"),
        (make_recipe().to_json() | {"format": 2}, "format is 2"),
        (make_recipe().to_json() | {"colour": 1}, "unknown colour"),
        ({"format": 1, "steps": 3}, "missing .*objectives"),
    ],
)
def test_a_damaged_recipe_says_what_is_wrong(data, message):
    with pytest.raises(ValueError, match=message):
        Recipe.from_json(data)


# The snapshot


def test_snapshot_arrays_cannot_be_written_and_are_its_own():
    images = np.zeros((2, 5, 7, 3), np.uint8)
    snapshot = make_snapshot(images=images)
    images[:] = 9
    assert not snapshot.images.any()
    for array in (snapshot.images, snapshot.scores, snapshot.steps):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_snapshots_are_equal_by_value_even_where_a_score_is_missing():
    assert make_snapshot(scores=[np.nan, 1.0]) == make_snapshot(scores=[np.nan, 1.0])
    assert make_snapshot() != make_snapshot(step=9)
    assert make_snapshot() != make_snapshot(scores=[1.5, 1.25])
    assert make_snapshot() != 3


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"images": np.zeros((2, 5, 7, 3), np.float32)},
            TypeError,
            "images holds float32 values; it needs uint8",
        ),
        ({"images": np.zeros((2, 5, 7, 3), np.int64)}, TypeError, "images holds int64"),
        (
            {"images": np.zeros(5, np.uint8)},
            ValueError,
            r"shape \(5,\); it needs \[unit, height, width, channel\]",
        ),
        ({"scores": [1.0, 2.0, 3.0]}, ValueError, r"scores has shape \(3,\); it needs shape \(2\)"),
        ({"steps": [0.5, 1.0]}, TypeError, "steps holds float64"),
        ({"states": ["done"]}, ValueError, "1 states for 2 units"),
        ({"states": ["done", "asleep"]}, ValueError, "Unknown state 'asleep'; .*waiting"),
        ({"states": "ab"}, TypeError, "sequence of strings"),
    ],
)
def test_snapshot_refuses_what_does_not_fit(changes, error, message):
    with pytest.raises(error, match=message):
        make_snapshot(**changes)


def test_snapshot_shows_itself_as_one_line_and_as_a_picture():
    snapshot = make_snapshot()
    assert repr(snapshot) == "Snapshot(2 units of 5x7x3, step 8, 40.0 steps per second, 2 seconds left)"
    assert snapshot._repr_png_().startswith(b"\x89PNG")


# The rendering


def test_final_score_is_the_last_that_a_unit_has():
    nan = np.nan
    rendering = make_rendering(
        score_history=[[0.0, 1.0, nan], [5.0, 2.0, nan], [6.0, nan, nan]], history_steps=[0, 8, 16]
    )
    np.testing.assert_array_equal(rendering.scores, np.float32([6, 2, nan]))
    empty = make_rendering(score_history=np.zeros((0, 3), np.float32), history_steps=np.zeros(0, int))
    assert np.isnan(empty.scores).all()


@pytest.mark.parametrize(
    ("units", "positions"),
    [
        (1, [1]),
        (-1, [3]),
        (np.int64(2), [2]),
        (slice(1, 3), [1, 2]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ([3, 0], [3, 0]),
        ([-1, np.int32(0)], [3, 0]),
        (range(1, 3), [1, 2]),
        (np.array(2), [2]),
        (np.array([3, 1], np.uint64), [3, 1]),
        ([True, False, False, True], [0, 3]),
        (np.array([False, True, False, True]), [1, 3]),
    ],
)
def test_indexing_takes_pictures_scores_labels_and_recipe_alike(units, positions):
    rendering = make_rendering(4, messages=["a", "b", "c", "d"])
    chosen = rendering[units]
    np.testing.assert_array_equal(chosen.images, rendering.images[positions])
    np.testing.assert_array_equal(chosen.scores, rendering.scores[positions])
    assert chosen.labels == tuple(f"conv1:{position}" for position in positions)
    assert chosen.messages == tuple("abcd"[position] for position in positions)
    assert [objective["index"] for objective in chosen.recipe.objectives] == positions


def test_iterating_gives_every_unit_once():
    rendering = make_rendering(4)
    assert [one.labels[0] for one in rendering] == list(rendering.labels)
    assert len(rendering) == 4
    for units in ([False] * 4, [], slice(2, 2)):
        with pytest.raises(ValueError, match="selects no unit"):
            rendering[units]


@pytest.mark.parametrize(
    ("units", "error", "message"),
    [
        (None, TypeError, "None is no index of units. Give a number, a slice, a list of numbers or a mask of 4."),
        (True, TypeError, "True is no index of units"),
        (1.0, TypeError, "1.0 is no index of units"),
        ([0.5], TypeError, "[0.5] is no index of units"),
        ([[0, 1]], TypeError, "[[0, 1]] is no index of units"),
        ([[0], [0, 1]], TypeError, "[[0], [0, 1]] is no index of units"),
        (np.ones((4, 5, 7, 3), bool), TypeError, "An array of bool and shape (4, 5, 7, 3) is no index of units"),
        ((0, 1), TypeError, "a mask of 4. For several units: rendering[[0, 1]]."),
        ("conv1:2", TypeError, "'conv1:2' is no index of units. Give a number, a slice, a list of numbers or a mask"),
        ("conv1:2", TypeError, "a mask of 4. The unit of this label is rendering[2]."),
        ("convl:2", TypeError, "a mask of 4. The unit of the closest label, 'conv1:2', is rendering[2]."),
        (["conv1:2"], TypeError, "['conv1:2'] is no index of units"),
        (4, IndexError, "Unit 4 is out of range: there are 4 units (0 to 3)."),
        (-5, IndexError, "Unit -5 is out of range"),
        ([0, 7], IndexError, "Unit 7 is out of range"),
        ([True, False], IndexError, "The mask has 2 values, but there are 4 units; each needs one."),
    ],
)
def test_what_is_no_index_of_units_is_refused_with_what_is_allowed(units, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make_rendering(4)[units]


@pytest.mark.parametrize("text", ["conv1", "zebra"])
def test_a_text_that_is_like_no_one_label_is_refused_without_a_guess(text):
    with pytest.raises(TypeError, match=r"a mask of 3\.$"):
        make_rendering(3, labels=["conv1", "conv1", "conv2:7"])[text]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"images": np.zeros((0, 5, 7, 3), np.float32)}, ValueError, "shape"),
        (
            {"images": np.full((3, 5, 7, 3), 1.5, np.float32)},
            ValueError,
            r"'conv1:0' has values outside \[0, 1\]",
        ),
        ({"images": np.full((3, 5, 7, 3), np.nan, np.float32)}, ValueError, "not numbers"),
        ({"images": np.zeros((3, 5, 7), np.float32)}, ValueError, "images has shape"),
        ({"images": np.zeros((3, 5, 7, 3), np.uint8).astype(str)}, TypeError, "images holds"),
        ({"score_history": np.zeros((2, 4))}, ValueError, "score_history has shape"),
        ({"history_steps": [0, 1, 2]}, ValueError, "history_steps has shape"),
        ({"labels": ["a"]}, ValueError, "1 labels for 3 units"),
        ({"messages": [None, "", ""]}, TypeError, "messages must be a sequence of strings"),
        ({"recipe": make_recipe(2)}, ValueError, "2 objectives for 3 images"),
    ],
)
def test_rendering_refuses_what_does_not_fit(changes, error, message):
    with pytest.raises(error, match=message):
        make_rendering(**changes)


def test_a_diverged_unit_may_have_lost_its_picture_and_shows_as_grey():
    images = np.zeros((2, 5, 7, 3), np.float32)
    images[1] = np.nan
    rendering = make_rendering(2, images=images, states=["done", "diverged"])
    assert rendering.grid(columns=1, gap_pixels=0)[5:].tolist() == np.full((5, 7, 3), SURROUND).tolist()
    images[1, 0, 0, 0] = 2.0
    with pytest.raises(ValueError, match="'conv1:1' has values outside"):
        make_rendering(2, images=images, states=["done", "diverged"])


def test_rendering_prints_one_line_and_lists_its_units():
    rendering = make_rendering(25, states=["done"] * 24 + ["dead"], messages=[""] * 24 + ["Try rectified=True."])
    assert repr(rendering) == "Rendering(25 units of 5x7x3, 256 steps, scores 25 to 49)"
    lines = str(rendering).split("\n")
    assert lines[1] == "  conv1:0  25  done"
    assert lines[-1] == "  … and 5 more"
    assert str(rendering[-1]).split("\n")[1] == "  conv1:24  49  dead  Try rectified=True."
    assert "no scores" in repr(make_rendering(1, score_history=[[np.nan]], history_steps=[0]))


# The contact sheet


@pytest.mark.parametrize(
    ("count", "height", "width", "columns"),
    [
        (1, 8, 8, 1),
        (3, 8, 8, 3),
        (5, 8, 8, 5),
        (8, 8, 8, 4),
        (10, 8, 8, 5),
        (64, 8, 8, 8),
        (96, 8, 8, 12),
        (97, 8, 8, 10),
        (6, 8, 40, 2),
        (4, 40, 8, 4),
    ],
)
def test_sheet_is_about_square_with_full_rows(count, height, width, columns):
    assert default_columns(count, height, width) == columns


def test_sheet_places_every_image_untouched_on_the_grey():
    rendering = make_rendering(5, height=6, width=9)
    sheet = rendering.grid(columns=3, gap_pixels=2)
    assert sheet.shape == (2 * 8 + 2, 3 * 11 + 2, 3)
    expected = np.rint(rendering.images * 255).astype(np.uint8)
    for unit in range(5):
        top, left = 2 + unit // 3 * 8, 2 + unit % 3 * 11
        np.testing.assert_array_equal(sheet[top : top + 6, left : left + 9], expected[unit])
        sheet = sheet.copy()
        sheet[top : top + 6, left : left + 9] = SURROUND
    assert (sheet == SURROUND).all()


@pytest.mark.parametrize(
    ("channels", "chosen", "shown"),
    [
        (1, None, [0, 0, 0]),
        (2, None, [0, 1, 1]),
        (3, None, [0, 1, 2]),
        (5, None, [0, 1, 2]),
        (5, (4,), [4, 4, 4]),
        (5, (1, 3), [1, 3, 3]),
        (5, (4, 2, 0), [4, 2, 0]),
    ],
)
def test_sheet_shows_any_number_of_channels(channels, chosen, shown):
    rendering = make_rendering(1, channels=channels)
    sheet = rendering.grid(gap_pixels=0, channels=chosen)
    np.testing.assert_array_equal(sheet, np.rint(rendering.images[0][..., shown] * 255))


def test_sheet_refuses_channels_that_are_not_there():
    with pytest.raises(ValueError, match=r"Channel 5 is out of range for images of 5 channels \(0 to 4\)"):
        make_rendering(channels=5).grid(channels=(0, 5))
    with pytest.raises(ValueError, match="names 4 channels"):
        make_rendering(channels=5).grid(channels=(0, 1, 2, 3))
    with pytest.raises(ValueError, match="columns=0"):
        make_rendering().grid(columns=0)
    with pytest.raises(ValueError, match="1 labels for 3 images"):
        contact_sheet(np.zeros((3, 5, 7, 3), np.uint8), labels=["a"])


@pytest.mark.parametrize(
    ("label", "shown"), [("a:12345678901", "a:12345678902"), ("great white shark", "great white sharks")]
)
def test_a_number_is_shortened_at_its_beginning_and_a_name_at_its_end(label, shown):
    sheets = [contact_sheet(np.zeros((1, 64, 48, 3), np.uint8), labels=[text]) for text in (label, shown)]
    assert np.array_equal(*sheets) == (":" not in label)


@pytest.mark.parametrize("side", [64, 96, 128, 224])
@pytest.mark.parametrize(
    "layer", ["stage5/block2/expand:12", "golden retriever, the dog", "inception_4c/branch5x5/conv:100"]
)
def test_captions_of_two_parts_differ_where_either_part_does(side, layer):
    names = ("lucid", "lucid_noise", "dvt_1", "dvt_2")
    labels = [f"{name}: {layer}" for name in names] + ["minimised: -122", "maximised: -122", "maximised: -121"]
    strips = [
        contact_sheet(np.zeros((1, side, side, 3), np.uint8), labels=[label])[side:].tobytes() for label in labels
    ]
    assert len(set(strips)) == len(labels)


@pytest.mark.parametrize("label", ["conv1:3", "a very long label " * 20, "", "two\nlines", "café 犬 🐕"])
def test_labels_stay_below_their_image(label):
    rendering = make_rendering(2, height=64, width=80, labels=[label, "b"])
    plain, labelled = (
        rendering.grid(columns=1, gap_pixels=1),
        rendering.grid(columns=1, gap_pixels=1, labels=True),
    )
    assert labelled.shape[1] == plain.shape[1]
    np.testing.assert_array_equal(labelled[:65], plain[:65])
    strip = labelled[65 : labelled.shape[0] // 2]
    assert (strip[:, [0, -1]] == SURROUND).all()
    assert (strip != SURROUND).any() == bool(label)


# The notebook


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def test_notebook_html_treats_labels_and_messages_as_text():
    rendering = make_rendering(2, labels=[MARKUP, "b"], messages=["", MARKUP], states=["done", "dead"])
    page = Tags()
    page.feed(rendering._repr_html_())
    assert {tag for tag, _ in page.tags} == {"div", "figure", "img", "figcaption", "br", "span"}
    assert {name for _, attributes in page.tags for name in attributes} == {"style", "title", "src", "alt"}
    assert page.text == f"{MARKUP}2b3, dead"
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [image["alt"] for image in images] == [MARKUP, "b"]
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert [attributes["title"] for tag, attributes in page.tags if tag == "figure"] == [MARKUP, MARKUP]


def test_records_work_without_jax_and_without_pillow_until_a_picture_is_drawn():
    program = (
        "import sys\n"
        "import jaxviz.results\n"
        "assert not {'jax', 'jaxlib', 'PIL'} & set(sys.modules), 'loaded'\n"
        "import numpy\n"
        "sheet = jaxviz.results.contact_sheet(numpy.zeros((2, 3, 4, 1), 'uint8'))\n"
        "assert jaxviz.results.png_bytes(sheet)\n"
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_records_are_in_the_public_table():
    assert (jaxviz.Recipe, jaxviz.Rendering, jaxviz.Snapshot) == (Recipe, Rendering, Snapshot)
