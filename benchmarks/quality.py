"""Which settings make the better picture? Every preset, on two networks, judged by real photographs and by each other.

    python benchmarks/quality.py [--presets default,lucid] [--units 8] [--classes 16] [--steps 256]

Pictures are kept in .benchmarks/quality and made once, so the program may be stopped at any time and goes on where it
was; seeds are fixed. It needs the two networks' weights and a folder of photographs, whose default places are named
below. Without a GPU a preset takes a quarter of an hour to an hour. docs/quality.md says what the columns are.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from judged.cases import LAYERS, case_of, photographs
from judged.measures import Row, anchors, best_photographs, measure, table
from judged.pictures import PRESETS, USUAL, Climb
from judged.store import STORE
from predictions import SHARED_DATA

import jaxviz


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default=",".join(USUAL), help="default: %(default)s")
    parser.add_argument("--networks", default=",".join(LAYERS), help="default: %(default)s")
    parser.add_argument("--kinds", default="classes,late,mid", help="default: %(default)s")
    parser.add_argument("--units", type=int, default=8, help="channels of each layer; default: %(default)s")
    parser.add_argument("--classes", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--photographs", type=int, default=400, help="at most so many; default: %(default)s")
    parser.add_argument("--seeds", action="store_true", help="render the first 8 classes again with another key")
    parser.add_argument("--images", type=Path, default=SHARED_DATA / "imagenet_samples", help="default: %(default)s")
    weights = SHARED_DATA / "googlenet" / "googlenet_float16.npz"
    parser.add_argument("--googlenet", type=Path, default=weights, help="its weights; default: %(default)s")
    given = parser.parse_args()
    given.presets = given.presets.split(",")
    for preset in given.presets:
        try:
            if preset not in PRESETS:
                jaxviz.presets.named(preset)
        except KeyError as error:
            sys.exit(f"{error.args[0]} And of this program: {', '.join(PRESETS)}.")
    if not given.googlenet.is_file():
        sys.exit(
            f"GoogLeNet's weights are not at {given.googlenet}: one network cannot be judged by itself. "
            "Name the file with --googlenet."
        )
    return given


def write(rows: list[Row]) -> None:
    text = table(rows)
    (STORE / "table.md").write_text(text, encoding="utf-8")
    (STORE / "table.json").write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1), encoding="utf-8")
    print(f"\n{text}\nWritten to {STORE / 'table.md'}")


def main() -> None:
    given = arguments()
    models = {
        "efficientnet_lite0": jaxviz.load(),
        "googlenet": jaxviz.load("googlenet", weights=given.googlenet),
    }
    real = photographs(models, given.images, given.photographs)
    rows = anchors(models, real)
    print(table(rows), flush=True)
    for kind in given.kinds.split(","):
        for network in given.networks.split(","):
            case = case_of(models, network, kind, given)
            rows.append(best_photographs(case, real))
            print(table(rows[-1:]).splitlines()[-1], flush=True)
            for preset in given.presets:
                again = given.seeds and kind == "classes"
                rows.append(measure(case, Climb(preset, given.steps), real, again=again))
                print(table(rows[-1:]).splitlines()[-1], flush=True)
    write(rows)


if __name__ == "__main__":
    main()
