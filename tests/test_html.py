"""Pages hold everything themselves, and what comes from a user's model is never markup in them."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from jaxviz.html import pages, write_page, write_renderings
from jaxviz.results import Settings
from jaxviz.results.messages import Message
from records import MARKUP, make_recipe, make_rendering

BUNDLE = 'export function openPage() { return "</script><!--" }'


@pytest.fixture(autouse=True)
def bundle(monkeypatch):
    monkeypatch.setattr(pages, "bundle", lambda path: BUNDLE)


class Page(HTMLParser):
    """The scripts and elements of a page."""

    def __init__(self, path):
        super().__init__()
        self.scripts, self.elements, self.title, self._inside = {}, [], "", None
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        self.record = json.loads(self.scripts["record"])
        self.traits, self.messages = self.record["traits"], self.record["messages"]

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self._inside = dict(attributes).get("id", tag)
        if tag == "script":
            self.scripts[self._inside] = ""

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside in self.scripts:
            self.scripts[self._inside] += data
        elif self._inside == "title":
            self.title += data

    def of_type(self, kind):
        return [each["content"] for each in self.messages if each["content"]["type"] == kind]

    def pictures(self, message):
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(message["buffers"][0]))))


def channels(layer, units, sign=1):
    objectives = [{"kind": "channel", "layer": layer, "index": unit, "rectified": False} for unit in units]
    if sign < 0:
        objectives = [
            {"kind": "sum", "terms": [{"weight": -1.0, "objective": objective}], "offset": 0.0}
            for objective in objectives
        ]
    return tuple(objectives)


def test_a_rendering_of_units_becomes_a_layer_with_its_curves(tmp_path):
    recipe = make_recipe(3, objectives=channels("block", [4, 0, 9]))
    rendering = make_rendering(3, recipe=recipe, states=["done", "dead", "done"], messages=["", "grey", ""])
    rendering.to_html(tmp_path / "new" / "page.html")
    page = Page(tmp_path / "new" / "page.html")
    assert (page.traits["layer"], page.traits["units"], page.traits["states"]) == ("block", [4, 0, 9], "dxd")
    assert page.traits["kernel"] is False
    (frame,) = page.of_type("frame")
    assert [(tile["unit"], tile["sign"], tile["state"]) for tile in frame["tiles"]] == [
        (4, 1, "d"),
        (0, 1, "x"),
        (9, 1, "d"),
    ]
    units = {unit["unit"]: unit for unit in page.of_type("unit")}
    assert units[4]["steps"] == [0, 256]
    assert units[9]["scores"] == [2.0, 5.0]
    assert units[0]["message"] == "grey"


def test_a_unit_that_was_stopped_on_a_plateau_has_made_the_steps_of_its_curve(tmp_path):
    plateau = {"patience_steps": 8, "least_gain": 0.01, "smoothing_steps": 4}
    recipe = make_recipe(1, objectives=channels("block", [4]), stop_on_plateau=plateau)
    make_rendering(1, recipe=recipe, history_steps=[0, 20]).to_html(tmp_path / "page.html")
    (frame,) = Page(tmp_path / "page.html").of_type("frame")
    assert [tile["step"] for tile in frame["tiles"]] == [21]


def test_the_pictures_are_those_of_the_rendering(tmp_path):
    images = np.stack([np.full((16, 24, 3), level, np.float32) for level in (0.2, 0.8)])
    make_rendering(2, images=images).to_html(tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    message = next(each for each in page.messages if each["content"]["type"] == "frame")
    pixels = page.pictures(message)
    assert abs(pixels[:16, :24].astype(int) - 51).max() <= 2
    content = message["content"]
    row, column = divmod(1, content["columns"])
    second = pixels[row * 16 : row * 16 + 16, column * 24 : column * 24 + 24]
    assert abs(second.astype(int) - 204).max() <= 2


def test_negatives_classes_and_mixtures_are_told_apart(tmp_path):
    negative = make_rendering(2, recipe=make_recipe(2, objectives=channels("block", [1, 2], sign=-1)))
    classes = make_rendering(
        2,
        labels=["zebra", "daisy"],
        recipe=make_recipe(2, objectives=tuple({"kind": "class_logit", "index": i, "layer": ""} for i in (340, 985))),
    )
    mixed = make_rendering(2, labels=["one", "two"], recipe=make_recipe(2, objectives=({"kind": "deepdream"},) * 2))
    write_renderings(tmp_path / "page.html", negative, classes, mixed)
    page = Page(tmp_path / "page.html")
    assert [layer["name"] for layer in page.traits["layers"]] == ["-block", "classes", "pictures"]
    assert [layer["units"] for layer in page.traits["layers"]] == [2, 2, 2]  # how many there are, not the last's number
    assert [layer["classes"] for layer in page.traits["layers"]] == ["", "classes", "pictures"]
    names = page.traits["class_names"]
    assert (names["classes"][340], names["classes"][985], names["pictures"]) == ("zebra", "daisy", ["one", "two"])
    frames = page.of_type("frame")
    assert [(tile["unit"], tile["sign"]) for tile in frames[0]["tiles"]] == [(1, 1), (2, 1)]  # the grid shows these
    assert [tile["unit"] for tile in frames[1]["tiles"]] == [340, 985]
    assert [tile["unit"] for tile in frames[2]["tiles"]] == [0, 1]


def test_negatives_stand_beside_their_units_where_all_have_one(tmp_path):
    for negative, name in (([1, 2], "block"), ([1, 3], "pictures")):
        objectives = (*channels("block", [1, 2]), *channels("block", negative, sign=-1))
        make_rendering(4, recipe=make_recipe(4, objectives=objectives)).to_html(tmp_path / "page.html")
        page = Page(tmp_path / "page.html")
        assert (page.traits["layer"], page.traits["units"]) == (name, [1, 2] if name == "block" else [0, 1, 2, 3])


def test_renderings_of_one_layer_stay_apart(tmp_path):
    write_renderings(tmp_path / "page.html", make_rendering(2), make_rendering(2))
    assert [layer["name"] for layer in Page(tmp_path / "page.html").traits["layers"]] == ["conv1", "conv1 #2"]


def test_each_of_several_mixtures_keeps_its_labels(tmp_path):
    recipe = make_recipe(2, objectives=({"kind": "deepdream"},) * 2)
    mixtures = [make_rendering(2, labels=labels, recipe=recipe) for labels in (["one", "two"], ["three", "four"])]
    write_renderings(tmp_path / "page.html", *mixtures)
    assert Page(tmp_path / "page.html").traits["class_names"] == {
        "pictures": ["one", "two"],
        "pictures #2": ["three", "four"],
    }


def test_the_traits_are_all_there(tmp_path):
    from jaxviz.widgets.base import TileWidget

    make_rendering(2).to_html(tmp_path / "page.html")
    hinted = {name for name, trait in TileWidget.class_traits(sync=True).items() if "hint" in trait.metadata}
    assert Page(tmp_path / "page.html").traits.keys() == hinted
    assert Page(tmp_path / "page.html").traits["settings"].keys() == Settings().to_json().keys()


def test_text_of_a_model_is_never_markup(tmp_path):
    evil = f"</script><!--{MARKUP}"
    recipe = make_recipe(1, objectives=channels(evil, [0]), model={"name": evil, "input_shape": [1, 1, 3]})
    make_rendering(1, labels=[evil], messages=[evil], recipe=recipe).to_html(tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert page.traits["layer"] == evil
    assert page.of_type("unit")[0]["message"] == evil
    assert json.loads(page.scripts["bundle"]) == BUNDLE
    assert page.elements.count("script") == 3
    assert "img" not in page.elements
    assert page.title == f"jaxviz: {evil}"


def test_nothing_is_loaded_from_anywhere(tmp_path):
    make_rendering(2).to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.findall(r"""(?:src|href)\s*=|https?://|@import|fetch\(""", text) == []


def test_many_tiles_are_cut_into_frames(tmp_path):
    count = 600
    rendering = make_rendering(count, height=2, width=2, recipe=make_recipe(count))
    rendering.to_html(tmp_path / "page.html")
    frames = Page(tmp_path / "page.html").of_type("frame")
    assert [len(frame["tiles"]) for frame in frames] == [256, 256, 88]


def test_a_long_curve_is_thinned_and_keeps_its_ends(tmp_path):
    history = np.arange(4000, dtype=np.float32)[:, None]
    make_rendering(1, score_history=history, history_steps=np.arange(4000)).to_html(tmp_path / "page.html")
    (unit,) = Page(tmp_path / "page.html").of_type("unit")
    assert len(unit["steps"]) == pages.MOST_SCORES
    assert (unit["steps"][0], unit["steps"][-1], unit["scores"][-1]) == (0, 3999, 3991.5)  # the mean of the last 16


def test_a_diverged_unit_has_no_nan_in_its_json(tmp_path):
    images = np.full((1, 4, 4, 3), np.nan, np.float32)
    history = np.array([[1.0], [np.nan]], np.float32)
    make_rendering(1, images=images, states=["diverged"], score_history=history).to_html(tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert page.traits["states"] == "v"
    assert page.of_type("unit")[0]["scores"] == [1.0]


def test_without_the_images_a_page_is_below_a_megabyte(tmp_path, monkeypatch):
    monkeypatch.undo()
    if not pages.BUNDLE.exists():
        pytest.fail("the front end is not built")
    count = 480
    rendering = make_rendering(
        count,
        height=2,
        width=2,
        recipe=make_recipe(count),
        score_history=np.random.default_rng(0).normal(size=(256, count)).astype(np.float32),
        history_steps=np.arange(256),
    )
    rendering.to_html(tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    images = sum(len(buffer) for message in page.messages for buffer in message["buffers"])
    assert len(page.text.encode()) - images < 1_000_000


def test_with_nothing_to_show_no_page_is_written(tmp_path):
    with pytest.raises(ValueError, match="no rendering"):
        write_renderings(tmp_path / "page.html")
    with pytest.raises(ValueError, match="Nothing has been rendered"):
        write_page(tmp_path / "page.html", {}, [])
    assert list(tmp_path.iterdir()) == []


def test_a_front_end_that_is_missing_is_said_clearly(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(pages, "BUNDLE", tmp_path / "jaxviz.js")
    with pytest.raises(FileNotFoundError, match="npm run build"):
        write_page(tmp_path / "page.html", {}, [Message({"type": "frame"}, [])])


def test_half_a_character_becomes_a_replacement_character(tmp_path):
    rendering = make_rendering(
        1,
        messages=[
            "half \ud83d",
        ],
    )
    write_renderings(tmp_path / "page.html", rendering)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "half \ufffd" in text
