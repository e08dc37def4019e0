"""Check that real networks draw the same bits in any number of lanes: `python benchmarks/reproducibility.py`.

Climbs one unit alone, beside others in 2, 4, 8 and 16 lanes, and in chunks of another length, and compares bytes. A
chaotic climb turns any difference into another picture, so that a few steps tell. Takes some minutes.
"""

import argparse
from pathlib import Path

import numpy as np

import jaxviz

GOOGLENET_WEIGHTS = Path(__file__).parents[2] / "shared" / "data" / "googlenet" / "googlenet_float16.npz"
CASES = (
    ("efficientnet_lite0", "stage5/block2/expand"),
    ("efficientnet_lite0", "output"),
    ("googlenet", "inception_4a"),
    ("googlenet", "output"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12, help="steps of a climb (default: 12)")
    parser.add_argument("--lanes", type=int, nargs="+", default=[2, 4, 8, 16], help="default: 2 4 8 16")
    parser.add_argument("--precision", default="float32", help="float32 or bfloat16")
    parser.add_argument("--googlenet", type=Path, default=GOOGLENET_WEIGHTS, help="weights; default: %(default)s")
    given = parser.parse_args()
    for network, layer in CASES:
        weights = given.googlenet if network == "googlenet" else None
        if weights is not None and not weights.is_file():
            print(f"{network} {layer}: left out, there is no file {weights}")
            continue
        model = jaxviz.load(network, weights=weights)

        def picture(units: int, model=model, layer=layer) -> np.ndarray:
            return jaxviz.render(
                model, layer, units=range(units), steps=given.steps, precision=given.precision, progress=False
            ).images[0]

        alone = picture(1)
        *_, last = jaxviz.render_steps(
            model, layer, units=0, steps=given.steps, precision=given.precision, snapshot_every=5
        )
        same = [np.array_equal(last.images[0], np.round(np.clip(alone, 0, 1) * 255).astype(np.uint8))]
        same += [np.array_equal(picture(lanes), alone) for lanes in given.lanes]
        names = ["chunks of 5 steps", *(f"{lanes} lanes" for lanes in given.lanes)]
        verdict = ", ".join(
            f"{name} {'same' if found else 'DIFFERENT'}" for name, found in zip(names, same, strict=True)
        )
        print(f"{network} {layer}, {given.precision}: {verdict}", flush=True)


if __name__ == "__main__":
    main()
