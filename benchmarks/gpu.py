"""Image-steps a second, share of the peak, and memory on this machine's device: `python benchmarks/gpu.py`.

EfficientNet-Lite0 and GoogLeNet, a middle layer and the class logits, 1 to 512 units at 128 pixels, float32 and
bfloat16. The share is model FLOP utilization: the FLOPs of the layers up to the target, forward and for the image
gradient, over time, divided by the best rate that this script measures for a plain matrix product of the same precision
on the same device. Transforms, the parameterization and the optimizer count as no FLOPs. GoogLeNet has random weights
where its file is not there: speed does not ask what they are. Memory is the device's own peak since the start of a
process, which each row of network, layer and precision has for itself; on a CPU, where JAX does not count it, the
process's peak. Several processes compile at the same time, but none while another one measures.

On a CPU: `--units 1 4 --steps 4`.
"""

import argparse
import fcntl
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
from side_by_side.weights import random_googlenet_file

import jaxviz
from jaxviz.models.zoo import efficientnet_lite0, googlenet

LAYERS = {"efficientnet_lite0": ("stage5/block2/expand", "output"), "googlenet": ("inception_4a", "output")}
PRECISIONS = ("float32", "bfloat16")
IMAGE_PIXELS, CANVAS_PIXELS = 128, 140
PRODUCT_SIZES = {"cpu": (1024, 2048)}
GOOGLENET_WEIGHTS = Path(__file__).parents[2] / "shared" / "data" / "googlenet" / "googlenet_float16.npz"


def ceiling(precision: str) -> float:
    """Return the most FLOPs a second of a product of square matrices, accumulated in float32."""

    @jax.jit
    def product(left, right):
        return jnp.matmul(left, right, preferred_element_type=jnp.float32)

    best = 0.0
    for size in PRODUCT_SIZES.get(jax.default_backend(), (4096, 8192, 16384)):
        matrix = jax.random.normal(jax.random.key(0), (size, size), jnp.float32).astype(precision)
        product(matrix, matrix).block_until_ready()
        for _ in range(5):
            began = time.perf_counter()
            results = [product(matrix, matrix) for _ in range(4)]
            jax.block_until_ready(results)
            best = max(best, 4 * 2 * size**3 / (time.perf_counter() - began))
    return best


def flops_of_a_step(network: str, weights: Path | None, layer: str) -> int:
    """Return the FLOPs of an image and a step: forward and image gradient on the canvas that the network sees."""
    module = (googlenet if network == "googlenet" else efficientnet_lite0).load_pretrained(weights)
    layers = jaxviz.wrap(module, input_shape=(CANVAS_PIXELS, CANVAS_PIXELS, 3)).layers
    last = layers.names.index(layers[layer].name)
    return 2 * sum(found.flops for found in layers[: last + 1])


def peak_bytes() -> int:
    statistics = jax.local_devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in statistics:
        return statistics["peak_bytes_in_use"]
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


@contextmanager
def locked(path: str, *, alone: bool) -> Iterator[None]:
    """Hold a lock that many processes share, or one has alone."""
    with Path(path).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def seconds_a_step(climb: Callable[[], Iterator[object]], steps: int, lock: str) -> float:
    """Return the best of three: from the first noise to the last picture, all compiled before."""
    with locked(lock, alone=False):
        for _snapshot in climb():
            pass
    best = float("inf")
    with locked(lock, alone=True):
        for _ in range(3):
            snapshots = climb()
            next(snapshots)
            began = time.perf_counter()
            for _snapshot in snapshots:
                pass
            best = min(best, (time.perf_counter() - began) / steps)
    return best


def measure(network: str, weights: Path | None, layer: str, precision: str, given: argparse.Namespace) -> None:
    """Print a line of JSON for every number of units, fewest first so that memory rises."""
    model = jaxviz.load(network, weights=weights)
    flops = flops_of_a_step(network, weights, layer)
    for count in sorted(given.units):
        if count > model.layers[layer].units:
            continue

        def climb(count: int = count) -> Iterator[object]:
            return jaxviz.render_steps(
                model,
                layer,
                units=range(count),
                steps=given.steps,
                size=IMAGE_PIXELS,
                transforms="quick",  # one view a step, so that its FLOPs are those of one image
                precision=precision,
                snapshot_every=min(given.steps, 32),
            )

        seconds = seconds_a_step(climb, given.steps, given.lock)
        print(json.dumps({"units": count, "seconds": seconds, "flops": flops, "bytes": peak_bytes()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[1, 4, 16, 64, 256, 512], help="default: 1 to 512")
    parser.add_argument("--steps", type=int, default=64, help="steps of a sample (default: 64)")
    parser.add_argument("--networks", nargs="+", choices=LAYERS, default=list(LAYERS), help="default: both")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="default: both")
    parser.add_argument("--googlenet", type=Path, default=GOOGLENET_WEIGHTS, help="weights; default: %(default)s")
    together = max(1, (os.cpu_count() or 1) // 2)
    parser.add_argument("--together", type=int, default=together, help="processes at once (default: half the cores)")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--ceiling", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--lock", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ceiling:
        print(json.dumps({precision: ceiling(precision) for precision in given.precisions}))
    elif given.one:
        network, weights, layer, precision = given.one
        measure(network, Path(weights) if weights else None, layer, precision, given)
    else:
        show(given)


def show(given: argparse.Namespace) -> None:
    """Measure every network, layer and precision in a process of its own and print a row for every answer."""
    machine = (
        "import jax; d = jax.local_devices()[0]; print('jax', jax.__version__, d.platform, d.device_kind, sep=', ')"
    )
    print(subprocess.run([sys.executable, "-c", machine], capture_output=True, text=True, check=True).stdout, end="")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    rates = json.loads(started(["--ceiling", "--precisions", *given.precisions]).communicate()[0])
    for precision, rate in rates.items():
        print(f"products of {precision} run at {rate / 1e12:.3g} TFLOP/s at best")
    print(f"{'':50s} {'units':>5s} {'image-steps/s':>13s} {'of peak':>8s} {'peak GB':>8s}", flush=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.together) as pool:
        weights = {"efficientnet_lite0": "", "googlenet": str(given.googlenet)}
        if not given.googlenet.is_file():
            print("GoogLeNet has random weights")
            weights["googlenet"] = str(random_googlenet_file(Path(folder)))
        same = ["--steps", str(given.steps), "--units", *map(str, given.units), "--lock", f"{folder}/lock"]

        def rows(network: str, precision: str, layer: str) -> None:
            name = f"{network} {layer}, {precision}"
            process = started(["--one", network, weights[network], layer, precision, *same])
            for line in process.stdout or []:
                found = json.loads(line)
                speed = found["units"] / found["seconds"]
                share = speed * found["flops"] / rates[precision]
                memory = found["bytes"] / 1e9
                print(f"{name:50s} {found['units']:5d} {speed:13.1f} {share:8.1%} {memory:8.2f}", flush=True)
            if process.wait():
                print(f"{name}: ended with exit status {process.returncode}, see above")

        jobs = itertools.product(given.networks, given.precisions)
        waiting = [pool.submit(rows, *job, layer) for job in jobs for layer in LAYERS[job[0]]]
        for job in waiting:
            job.result()


def started(arguments: list[str]) -> subprocess.Popen[str]:
    # Memory is asked for as it is needed, so that the peak says what was needed.
    environment = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, env=environment)


if __name__ == "__main__":
    main()
