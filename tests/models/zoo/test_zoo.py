import importlib.util
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxviz.models import zoo
from jaxviz.models.zoo.imagenet import class_names


@pytest.fixture(scope="module")
def model():
    return zoo.load()


def photograph(package, *path):
    """A photograph that a package ships, its short side resized to 256 pixels: the central 224 x 224."""
    folder = importlib.util.find_spec(package).submodule_search_locations[0]
    with Image.open(Path(folder).joinpath(*path)) as image:
        scale = 256 / min(image.size)
        size = [round(scale * side) for side in image.size]
        image = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    left, top = ((side - 224) // 2 for side in size)
    return np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255


PHOTOGRAPHS = {
    "chelsea": (("skimage", "data", "chelsea.png"), {"tabby", "tiger cat", "Egyptian cat"}, 3),
    "coffee": (("skimage", "data", "coffee.png"), {"espresso"}, 1),
    "camera": (("skimage", "data", "camera.png"), {"tripod"}, 1),
    "motorcycle": (("skimage", "data", "motorcycle_left.png"), {"moped", "motor scooter"}, 2),
    "rocket": (("skimage", "data", "rocket.jpg"), {"missile", "projectile"}, 2),
    "china": (("sklearn", "datasets", "images", "china.jpg"), {"palace"}, 1),
    "flower": (("sklearn", "datasets", "images", "flower.jpg"), {"daisy"}, 1),
}


@pytest.fixture(scope="module")
def logits(model):
    images = np.stack([photograph(*path) for path, _, _ in PHOTOGRAPHS.values()])
    return dict(zip(PHOTOGRAPHS, model.predict(images), strict=True))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_default_sees_in_a_photograph_what_is_there(name, logits):
    _, expected, count = PHOTOGRAPHS[name]
    best = np.argsort(-logits[name])[:count]
    assert {class_names()[index] for index in best} == expected


def test_it_is_sure_of_the_coffee_and_the_tripod(logits):
    for name in ("coffee", "camera"):
        probabilities = np.exp(logits[name] - logits[name].max())
        assert probabilities.max() / probabilities.sum() > 0.9


@pytest.mark.smoke
def test_the_default_has_readable_layer_names_and_class_names(model):
    assert model.name == "efficientnet_lite0"
    assert model.input_shape == (224, 224, 3)
    assert model.class_names == class_names()
    for name, shape in {
        "stem/conv": (112, 112, 32),
        "stage1/block1/depthwise/relu6": (112, 112, 32),
        "stage3/block1/expand/conv": (56, 56, 144),
        "stage3/block2/add": (28, 28, 40),
        "stage3": (28, 28, 40),
        "stage7/block1/project/norm": (7, 7, 320),
        "head/relu6": (7, 7, 1280),
        "classifier": (1000,),
    }.items():
        assert model.layers[name].shape == shape
    assert model.layers["stem/conv"].receptive_field == (3, 3)


@pytest.mark.smoke
def test_grey_images_of_another_size_have_finite_logits(model):
    logits = model.predict(np.full((2, 33, 50, 3), 0.5, np.float32))
    assert logits.shape == (2, 1000)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-4)


def test_names_lists_what_load_takes():
    assert zoo.names() == ("efficientnet_lite0", "googlenet")
    assert inspect.signature(zoo.load).parameters["name"].default in zoo.names()


def test_an_unknown_name_is_an_error_with_the_closest():
    with pytest.raises(ValueError, match=r"Unknown network 'efficientnet'\. Did you mean 'efficientnet_lite0'\?"):
        zoo.load("efficientnet")
    with pytest.raises(ValueError, match=r"'xyz'\. There are: efficientnet_lite0, googlenet\."):
        zoo.load("xyz")


def test_the_class_names_are_imagenets_in_order_and_no_two_are_the_same():
    names = class_names()
    assert len({name.lower() for name in names}) == 1000
    assert not [name for name in names if re.search(r"^\s|\s$|_|\t", name)]
    known = {
        0: "tench",
        134: "crane (bird)",
        207: "golden retriever",
        517: "crane (machine)",
        999: "toilet tissue",
    }
    assert {index: names[index] for index in known} == known
