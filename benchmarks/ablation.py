"""Take parts out of a step and see what they cost: `python benchmarks/ablation.py [--units 1 16] [--rounds 9]`.

Every row climbs the same layer on a canvas that the network sees at 140 pixels; they take turns, and medians are taken.

- `whole step`: a Fourier image of 128 pixels and the default transforms, one view a step (`transforms="quick"`, as in
  the explorer) or as many as `render` has by default (`--views 4`).
- `no transforms`: no random numbers and no transforms; the Fourier image has the canvas' 140 pixels.
- `bare`: pixels in place of Fourier coefficients, too. What the whole step takes more is the cost of random numbers,
  transforms and parameterization together; it should be under 15 %.
- `no batch norm`: batch normalizations compute nothing but their last addition. It is the most that folding them into
  the convolutions before them could gain: the loop that adds the bias and rectifies stays. The pictures are wrong.
- `snapshots`: a picture of all units after every step, where the others make one at the end.
"""

import argparse
import dataclasses
import statistics
import time
from typing import Any

import jax
import numpy as np

import jaxviz
from jaxviz import transforms
from jaxviz.models import lowering

CANVAS_PIXELS, IMAGE_PIXELS = 140, 128
CASES = (("efficientnet_lite0", "stage5/block2/expand"), ("efficientnet_lite0", "output"))


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way to make a step.

    Attributes:
        name: What it is called in the table.
        model: The network, traced for this variant alone where it is changed.
        options: Arguments of `render_steps`.
        every: Steps between snapshots, or 0 for all of a sample's.
    """

    name: str
    model: jaxviz.Model
    options: dict[str, Any]
    every: int = 0

    def seconds(self, layer: str, units: int, steps: int) -> float:
        """Return seconds a step."""
        snapshots = jaxviz.render_steps(
            self.model, layer, units=range(units), steps=steps, snapshot_every=self.every or steps, **self.options
        )
        next(snapshots)
        began = time.perf_counter()
        for _ in snapshots:
            pass
        return (time.perf_counter() - began) / steps


def variants(network: str, views: int) -> list[Variant]:
    model = jaxviz.load(network)
    whole = {"size": IMAGE_PIXELS, "transforms": "quick" if views == 1 else "auto"}
    nothing = None if views == 1 else transforms.several_views(transforms.compose(), count=views)
    still = {"size": CANVAS_PIXELS, "transforms": nothing}
    return [
        Variant("whole step", model, whole),
        Variant("no transforms", model, still),
        Variant("bare", model, {**still, "parameterization": jaxviz.pixels()}),
        Variant("no batch norm", jaxviz.load(network), whole),
        Variant("snapshots", model, whole, every=1),
    ]


def without_batch_norm(_params: object, operands: Any) -> jax.Array | None:
    """Return the images of a subtraction or a product with one number for each channel, and drop the rest."""
    images, other = operands
    per_channel = np.ndim(images) == np.ndim(other) == 4 and np.shape(other)[:3] == (1, 1, 1)
    return images if per_channel and images.shape[-1] > 3 else None


def measure(network: str, layer: str, units: int, rounds: int, views: int) -> dict[str, list[float]]:
    ways = variants(network, views)
    rules = lowering._RULES[jax.default_backend()]
    steps = {}
    for way in ways:
        dropped = {"sub": without_batch_norm, "mul": without_batch_norm} if way.name == "no batch norm" else {}
        rules.update(dropped)  # read while a step is traced, which happens here
        way.seconds(layer, units, 2)
        for name in dropped:
            del rules[name]
        steps[way.name] = max(2, min(64, round(0.7 / way.seconds(layer, units, 2))))
    taken: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(rounds):
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            taken[way.name].append(way.seconds(layer, units, steps[way.name]))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[1, 16], help="units at once (default: 1 16)")
    parser.add_argument("--rounds", type=int, default=9, help="samples of each (default: 9)")
    parser.add_argument("--views", type=int, choices=(1, 4), default=1, help="views of an image a step (default: 1)")
    given = parser.parse_args()
    print(
        f"jax {jax.__version__}, {jax.default_backend()}; ms a step, median (fastest), and change from the whole step"
    )
    for network, layer in CASES:
        for units in given.units:
            taken = measure(network, layer, units, given.rounds, given.views)
            whole = statistics.median(taken["whole step"])
            cells = [
                f"{name} {statistics.median(seconds) * 1e3:.1f} ({min(seconds) * 1e3:.1f})"
                f" {statistics.median(seconds) / whole - 1:+.1%}"
                for name, seconds in taken.items()
            ]
            overhead = 1 - statistics.median(taken["bare"]) / whole
            print(f"\n{network} {layer}, {units} unit{'s' * (units > 1)}: random numbers, transforms and", end=" ")
            print(f"parameterization are {overhead:.1%} of a step\n  " + "\n  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
