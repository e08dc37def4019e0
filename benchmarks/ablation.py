"""Take parts out of a step and see what they cost: `python benchmarks/ablation.py [--units 1 16] [--rounds 9]`.

Every row climbs the same layer on a canvas that the network sees at 140 pixels; they take turns, and medians are taken.

- `whole step`: a Fourier image of 128 pixels and the default transforms, one view a step (`transforms="quick"`, as in
  the explorer) or as many as `render` has by default (`--views 4`).
- `no transforms`: no random numbers and no transforms; the Fourier image has the canvas' 140 pixels.
- `bare`: pixels in place of Fourier coefficients, too. What the whole step takes more is the cost of random numbers,
  transforms and parameterization together; it should be under 15 %.
- `not folded`: batch normalizations scale images, and are not folded into the kernels before them.
- `snapshots`: a picture of all units after every step, where the others make one at the end.
"""

import argparse
import dataclasses
import statistics
import time
from typing import Any

import jax

import jaxviz
from jaxviz import transforms
from jaxviz.rendering import scoring

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
        Variant("not folded", jaxviz.load(network), whole),
        Variant("snapshots", model, whole, every=1),
    ]


def unfolded(_program: object, _wanted: object, replaced: Any, _lowering: object) -> Any:
    """Stand for `fold_channels` where nothing is to be folded."""
    return replaced


def measure(network: str, layer: str, units: int, rounds: int, views: int) -> dict[str, list[float]]:
    ways = variants(network, views)
    fold, steps = scoring.fold_channels, {}
    for way in ways:
        scoring.fold_channels = unfolded if way.name == "not folded" else fold
        way.seconds(layer, units, 2)  # traced here
        scoring.fold_channels = fold
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
