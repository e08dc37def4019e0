"""Where the time of a step goes, and the least it could take: `python benchmarks/where_time_goes.py [--units 16]`.

Climbs a layer under `jax.profiler`, on a CPU, with one view a step, and adds up the time of every operation by what it
is for. That is told by the files of jaxviz whose code asked for it or for a part of it, which XLA notes beside each.

Beside it stands the least that the operations as they are could take: for each, its arithmetic at the rate of a large
matrix product, or its bytes, results and everything read once, at the rate of a copy of arrays of 8 MB, whichever takes
longer; both rates are measured by this program, for a core. Operations could be merged, and bytes in caches move
faster: it says where time is to be gained, and is no law.
"""

import argparse
import collections
import concurrent.futures
import os
import tempfile
import time
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp())
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # a program that is found there is not dumped
DUMPING = f"--xla_dump_to={FOLDER} --xla_dump_hlo_as_text --xla_dump_hlo_module_re=.*advance.*"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {DUMPING}"

import compiled_text  # noqa: E402
import gpu  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax.profiler import ProfileData, ProfileOptions  # noqa: E402

import jaxviz  # noqa: E402

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
GOOGLENET = SHARED_DATA / "googlenet" / "googlenet_float16.npz"
CASES = [
    (network, layer)
    for network, layers in (
        ("efficientnet_lite0", ("stage5/block2/expand", "output")),
        ("googlenet", ("inception_4a", "output")),
    )
    for layer in layers
]

# What a file's code is for, the first that is found in an operation.
PURPOSES = {
    "transforms/sampling.py": "reading the disturbed image, adding back its gradient",
    "models/lowering/depthwise.py": "depthwise convolutions, with what is merged into them",
    "models/": "normalizations, rectifiers, pools, borders",
    "transforms/": "random numbers and other transforms",
    "parameterizations/": "parameterization",
}
PRODUCTS = "matrix products and convolutions"
REST = "optimizer, scores, the rest"


def purpose(program: compiled_text.Program, operation: compiled_text.Operation) -> str:
    """Return what an operation is for."""
    files = program.files(operation)
    in_model = any("/jaxviz/models/" in file for file in files)
    if in_model and {part.kind for part in program.parts(operation)} & {"dot", "convolution"}:
        return PRODUCTS
    return next((text for part, text in PURPOSES.items() if any(f"/jaxviz/{part}" in file for file in files)), REST)


def climb(model: jaxviz.Model, layer: str, units: int, steps: int) -> None:
    options = {"size": 128, "transforms": "quick", "snapshot_every": steps}
    for _snapshot in jaxviz.render_steps(model, layer, units=range(units), steps=steps, **options):
        pass


def times(
    model: jaxviz.Model, layer: str, units: int, steps: int
) -> tuple[collections.Counter[str], collections.Counter[str], float]:
    """Return nanoseconds and calls of every operation, without those inside it, and the seconds that passed."""
    folder = Path(tempfile.mkdtemp())
    options = ProfileOptions()
    options.python_tracer_level = 0  # to follow Python costs more than what is measured
    with jax.profiler.trace(str(folder), profiler_options=options):
        began = time.perf_counter()
        climb(model, layer, units, steps)
        passed = time.perf_counter() - began
    taken, calls = collections.Counter[str](), collections.Counter[str]()
    for plane in ProfileData.from_file(str(next(folder.rglob("*.xplane.pb")))).planes:
        for line in plane.lines:
            around: list[tuple[float, str]] = []
            for start, length, name in sorted((e.start_ns, -e.duration_ns, e.name) for e in line.events):
                while around and around[-1][0] <= start:
                    around.pop()
                if around:
                    taken[around[-1][1]] += length
                around.append((start - length, name))
                taken[name] -= length
                calls[name] += 1
    return taken, calls, passed


def copy_rate(cores: int) -> float:
    """Return bytes a second, read and written, that each core copies while the others do."""
    arrays = [(np.ones(2**21, np.float32), np.ones(2**21, np.float32)) for _core in range(cores)]

    def copy(core: int) -> None:
        for _time in range(200):
            np.multiply(arrays[core][0], np.float32(1.5), out=arrays[core][1])

    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        list(pool.map(copy, range(cores)))
        began = time.perf_counter()
        list(pool.map(copy, range(cores)))
    return 200 * 2 * 4 * 2**21 / (time.perf_counter() - began)


def report(network: str, layer: str, units: int, steps: int, shown: int) -> None:
    cores = len(os.sched_getaffinity(0))
    product_rate, byte_rate = gpu.ceiling("float32") / cores, copy_rate(cores)
    model = jaxviz.load(network, weights=GOOGLENET if network == "googlenet" else None)
    climb(model, layer, units, steps)
    taken, calls, passed = times(model, layer, units, steps)
    program = compiled_text.read(FOLDER, "jit_advance")
    took, least = collections.Counter[str](), collections.Counter[str]()
    lines = []
    for name, nanoseconds in taken.most_common():
        operation = program.operations.get(name)
        if operation is None or operation.kind == "while":
            continue
        arithmetic, moved = program.flops(operation) / product_rate, program.bytes_moved(operation) / byte_rate
        bound = calls[name] * max(arithmetic, moved) * 1e3 / steps
        took[purpose(program, operation)] += nanoseconds / 1e6 / steps
        least[purpose(program, operation)] += min(bound, nanoseconds / 1e6 / steps)
        shape = " ".join(f"{kind}{list(extents)}" for kind, extents in operation.shapes[:1])
        lines.append((f"{name} {shape}", nanoseconds / 1e6 / steps, bound, purpose(program, operation)))
    total = sum(took.values())
    print(f"\n{network} {layer}, {units} units: {passed * 1e3 / steps:.1f} ms a step, ", end="")
    print(f"{total:.1f} ms of {cores} cores in operations")
    print(f"a core: {product_rate / 1e9:.0f} GFLOP/s in a large product, ", end="")
    print(f"{byte_rate / 1e9:.1f} GB/s copying arrays of 8 MB")
    print(f"{'':58s}{'ms':>7s}{'share':>8s}{'least':>8s}")
    for name, spent in took.most_common():
        print(f"{name:58s}{spent:7.1f}{spent / total:8.1%}{least[name]:8.1f}")
    print(f"{'all':58s}{total:7.1f}{'':8s}{sum(least.values()):8.1f}")
    for name, spent, bound, of in lines[:shown]:
        print(f"  {name:56s}{spent:7.2f}{'':8s}{bound:8.2f}  {of}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=16, help="units at once (default: 16)")
    parser.add_argument("--steps", type=int, default=16, help="steps that are followed (default: 16)")
    parser.add_argument(
        "--operations", type=int, default=12, help="how many of the dearest operations to name (default: 12)"
    )
    networks = sorted({network for network, _layer in CASES})
    parser.add_argument("--networks", nargs="+", choices=networks, default=networks, help="default: both")
    given = parser.parse_args()
    for network, layer in CASES:
        if network not in given.networks:
            continue
        if network == "googlenet" and not GOOGLENET.exists():
            print(f"GoogLeNet's weights are not at {GOOGLENET}: left out.")
            continue
        report(network, layer, given.units, given.steps, given.operations)


if __name__ == "__main__":
    main()
