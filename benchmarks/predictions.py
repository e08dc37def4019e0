"""Measure the zoo's networks on sample images of ImageNet: a check that they are built right.

    python benchmarks/predictions.py [--images FOLDER] [--googlenet FILE]

The folder holds images named '<class index>_<anything>.jpg', e.g. '0949_n07745940_strawberry.jpg', of which the
central 224 x 224 pixels are shown to each network. Such samples were probably seen in training: the numbers say that
weights, scaling and padding are right, not how good a network is. PyTorch has the same logits, to 1e-5, and hence:

                     these 800, of 256 x 256 pixels     the 1000 originals, resized to 256 on the short side
efficientnet_lite0   0.864 top-1, 0.973 top-5           0.888 top-1, 0.976 top-5
googlenet            0.744 top-1, 0.925 top-5           0.751 top-1, 0.931 top-5
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

import jaxviz

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
IMAGE_SIZE = 224
BATCH_SIZE = 32


def read_image(path: Path) -> np.ndarray:
    """Read the central square of an image as [224, 224, 3] in [0, 1]; a smaller image is enlarged first."""
    with Image.open(path) as image:
        image = image.convert("RGB")
    if min(image.size) < IMAGE_SIZE:
        scale = IMAGE_SIZE / min(image.size)
        size = [max(IMAGE_SIZE, round(scale * side)) for side in image.size]
        image = image.resize(size, Image.Resampling.BICUBIC)
    left, top = ((side - IMAGE_SIZE) // 2 for side in image.size)
    return np.asarray(image.crop((left, top, left + IMAGE_SIZE, top + IMAGE_SIZE)), np.float32) / 255


def measure(model: jaxviz.Model, paths: list[Path]) -> tuple[float, float, float]:
    """Return the shares of images whose class is the first, and among the first five, and images per second."""
    ranks = []
    seconds = 0.0
    batches = [paths[start : start + BATCH_SIZE] for start in range(0, len(paths), BATCH_SIZE)]
    for batch in tqdm(batches, desc=model.name, unit="batch", leave=False, disable=None):
        images = np.stack([read_image(path) for path in batch])
        begin = time.perf_counter()
        logits = model.predict(images)
        seconds += time.perf_counter() - begin
        classes = np.array([int(path.name.split("_")[0]) for path in batch])
        own_logits = np.take_along_axis(logits, classes[:, np.newaxis], axis=1)
        ranks.extend(np.sum(logits > own_logits, axis=1))
    ranks = np.array(ranks)
    return float(np.mean(ranks < 1)), float(np.mean(ranks < 5)), len(paths) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, default=SHARED_DATA / "imagenet_samples", help="default: %(default)s")
    parser.add_argument(
        "--googlenet",
        type=Path,
        default=SHARED_DATA / "googlenet" / "googlenet_float16.npz",
        help="GoogLeNet's weights; default: %(default)s",
    )
    arguments = parser.parse_args()
    paths = sorted(arguments.images.glob("[0-9]*_*.jpg"))
    if not paths:
        sys.exit(
            f"There are no images named '<class index>_<anything>.jpg' in {arguments.images}. Name a folder that has "
            "some with --images, e.g. the files of github.com/EliSchwartz/imagenet-sample-images, renamed."
        )
    print(f"{len(paths)} images from {arguments.images}")
    print(f"{'network':<20} {'top-1':>6} {'top-5':>6} {'images/s':>9}")
    for name, weights in {"efficientnet_lite0": None, "googlenet": arguments.googlenet}.items():
        if weights is not None and not weights.is_file():
            print(f"{name:<20} left out: no file {weights} (name one with --googlenet)")
            continue
        top_1, top_5, speed = measure(jaxviz.load(name, weights=weights), paths)
        print(f"{name:<20} {top_1:>6.3f} {top_5:>6.3f} {speed:>9.1f}")


if __name__ == "__main__":
    main()
