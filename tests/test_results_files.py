import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jaxviz.results import Recipe, Rendering, png_bytes, read_recipe
from jaxviz.results.files import file_names
from records import MARKUP, make_recipe, make_rendering

pytestmark = pytest.mark.smoke  # NumPy and Pillow change their ways too


def png_text(path):
    with Image.open(path) as image:
        image.load()
        return image.text["jaxviz"]


@given(
    labels=st.lists(st.text(), min_size=1, max_size=4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 5),
    times=st.integers(0, 3),
)
def test_npz_gives_everything_back_exactly(tmp_path_factory, labels, height, width, channels, times):
    count = len(labels)
    rendering = make_rendering(
        count,
        height,
        width,
        channels,
        labels=labels,
        messages=labels[::-1],
        score_history=np.full((times, count), np.nan),
        history_steps=np.arange(times),
    )
    path = tmp_path_factory.mktemp("npz") / "new folder" / "all.npz"
    rendering.save(path)
    assert Rendering.load(path) == rendering
    assert [entry.name for entry in path.parent.iterdir()] == ["all.npz"]
    assert rendering != make_rendering(count + 1)
    assert rendering != 3


@pytest.mark.parametrize(("offset", "value"), [(8, 99), (6, 1)])
def test_a_damaged_member_of_an_npz_is_an_error_that_says_which_file(tmp_path, offset, value):
    """The method of compression and the flags, of every entry of the archive's directory."""
    path = tmp_path / "damaged.npz"
    make_rendering(2).save(path)
    content = bytearray(path.read_bytes())
    for signature, distance in ((b"PK\x03\x04", offset), (b"PK\x01\x02", offset + 2)):
        place = -1
        while (place := content.find(signature, place + 1)) >= 0:
            content[place + distance] = value
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"'damaged.npz' cannot be read as a rendering"):
        Rendering.load(path)


def test_a_file_may_have_the_longest_name_that_there_is(tmp_path):
    path = tmp_path / ("n" * 251 + ".npz")
    rendering = make_rendering(2)
    rendering.save(path)
    assert Rendering.load(path) == rendering
    assert list(tmp_path.iterdir()) == [path]


def test_png_is_the_sheet_and_carries_the_recipe(tmp_path):
    path = tmp_path / "sheet.PNG"
    recipe = make_recipe(4, objectives=[{"layer": MARKUP + "犬\ud800", "unit": unit} for unit in range(4)])
    rendering = make_rendering(4, recipe=recipe)
    rendering.save(path, columns=4)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), rendering.grid(columns=4))
    assert Recipe.from_json(json.loads(png_text(path))) == recipe
    assert read_recipe(path) == recipe


def test_png_may_be_saved_with_labels(tmp_path):
    rendering = make_rendering(2, height=64, width=64)
    rendering.save(tmp_path / "sheet.png", labels=True)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "sheet.png")), rendering.grid(labels=True))


def test_each_unit_gets_its_own_file_and_recipe(tmp_path):
    rendering = make_rendering(3, channels=1, labels=["conv1:0", "-conv1:0", "CONV1/0"])
    paths = rendering.save_images(tmp_path / "units")
    assert [path.name for path in paths] == ["conv1_0.png", "minus_conv1_0.png", "CONV1_0_2.png"]
    for unit, path in enumerate(paths):
        assert read_recipe(path) == rendering.recipe.for_units([unit])
        np.testing.assert_array_equal(np.asarray(Image.open(path)), rendering[unit].grid(gap_pixels=0))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("block3:12 @ 4,5", "block3_12_4_5"),
        ("../../etc/passwd", "etc_passwd"),
        (MARKUP, "img_src_x_onerror_alert_1"),
        ("", "unit"),
        ("犬", "unit"),
        ("con", "unit_con"),
        ("nul.png", "unit_nul.png"),
        ("a" * 300, "a" * 100),
        ("--help", "minus_-help"),
        ("C:\\x\0y", "C_x_y"),
    ],
)
def test_any_label_becomes_a_safe_file_name(label, name):
    assert file_names([label]) == [name]


@given(labels=st.lists(st.text(alphabet="aA_2 ./", max_size=3), max_size=8))
def test_file_names_never_meet_on_any_file_system(labels):
    names = [name.lower() for name in file_names(labels)]
    assert len(set(names)) == len(labels)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Cannot save to 'a.jpg': use the suffix .png for the picture or .npz"):
        make_rendering().save(tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    make_rendering(1).save(path)

    def full_disk(file, **members):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space"):
        make_rendering(2).save(path)
    assert Rendering.load(path) == make_rendering(1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


def test_a_foreign_or_damaged_npz_says_so(tmp_path):
    path = tmp_path / "a.npz"
    make_rendering().save(path)
    whole = path.read_bytes()
    for size in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"'a.npz' (is not|cannot be read as) a rendering"):
            Rendering.load(path)
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    with pytest.raises(ValueError, match="cannot be read as a rendering"):
        Rendering.load(path)
    np.savez(path, images=np.zeros(3))
    with pytest.raises(ValueError, match="not written by jaxviz"):
        Rendering.load(path)
    np.savez(path, jaxviz=np.frombuffer(b"{}", np.uint8))
    with pytest.raises(ValueError, match="cannot be read as a rendering"):
        Rendering.load(path)
    np.savez(path, jaxviz=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"cannot be read as a rendering.*pickle"):
        Rendering.load(path)
    make_rendering().save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"to see how a .png was made, use .*read_recipe"):
        Rendering.load(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError):
        Rendering.load(tmp_path / "none.npz")


def test_a_foreign_or_damaged_png_says_so(tmp_path):
    path = tmp_path / "a.png"
    make_rendering().save(path)
    whole = path.read_bytes()
    text_at = whole.index(b"tEXt")
    path.write_bytes(whole[:text_at])
    with pytest.raises(ValueError, match="cut off"):
        read_recipe(path)
    path.write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match="is not a PNG file"):
        read_recipe(path)
    path.write_bytes(png_bytes(np.zeros((2, 3, 3), np.uint8)))
    with pytest.raises(ValueError, match="carries no recipe"):
        read_recipe(path)
    path.write_bytes(png_bytes(np.zeros((2, 3, 3), np.uint8), text="{}"))
    with pytest.raises(ValueError, match=r"recipe in 'a.png' cannot be read: .*format is None"):
        read_recipe(path)


def test_the_recipe_is_found_behind_other_texts_and_beside_a_huge_picture(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    recipe = make_recipe()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1_000_000, 1_000_000, 8, 2, 0, 0, 0))
    texts = chunk(b"tEXt", b"Software\0jaxviz") + chunk(b"tEXt", b"jaxviz\0" + json.dumps(recipe.to_json()).encode())
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + texts + chunk(b"IEND", b""))
    assert read_recipe(tmp_path / "a.png") == recipe
