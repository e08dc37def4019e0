"""Image-steps a second, share of the peak, and memory on this machine's device: `python benchmarks/gpu.py`.

EfficientNet-Lite0 and GoogLeNet, a middle layer and the class logits, 1 to 512 units at 128 pixels, float32 and
bfloat16. The share is model FLOP utilization: the FLOPs of the layers up to the target, forward and for the image
gradient, over time, divided by the best rate that this script measures for a plain matrix product of the same precision
on the same device. Transforms, the parameterization and the optimizer count as no FLOPs. GoogLeNet has random weights
where its file is not there: speed does not ask what they are. Memory is the device's own peak since the start of a
process, which each network and precision has for itself; on a CPU, where JAX does not count it, the process's peak.

On a CPU: `--units 1 4 --steps 4`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
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


def seconds_a_step(model: jaxviz.Model, layer: str, units: int, steps: int, precision: str) -> float:
    """Return the best of three: from the first noise to the last picture, all compiled before."""
    best = float("inf")
    for _ in range(4):
        snapshots = jaxviz.render_steps(
            model,
            layer,
            units=range(units),
            steps=steps,
            size=IMAGE_PIXELS,
            transforms="quick",  # one view a step, so that its FLOPs are those of one image
            precision=precision,
            snapshot_every=min(steps, 32),
        )
        next(snapshots)
        began = time.perf_counter()
        for _snapshot in snapshots:
            pass
        best = min(best, (time.perf_counter() - began) / steps)
    return best


def measure(network: str, weights: Path | None, precision: str, units: list[int], steps: int) -> None:
    """Print a line of JSON for every layer and number of units, fewest units first so that memory rises."""
    model = jaxviz.load(network, weights=weights)
    rate = ceiling(precision)
    work = {layer: flops_of_a_step(network, weights, layer) for layer in LAYERS[network]}
    for count in sorted(units):
        for layer, flops in work.items():
            if count > model.layers[layer].units:
                continue
            seconds = seconds_a_step(model, layer, count, steps, precision)
            record = {"layer": layer, "units": count, "seconds": seconds, "flops": flops, "ceiling": rate}
            print(json.dumps(record | {"bytes": peak_bytes()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[1, 4, 16, 64, 256, 512], help="default: 1 to 512")
    parser.add_argument("--steps", type=int, default=64, help="steps of a sample (default: 64)")
    parser.add_argument("--networks", nargs="+", choices=LAYERS, default=list(LAYERS), help="default: both")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="default: both")
    parser.add_argument("--googlenet", type=Path, default=GOOGLENET_WEIGHTS, help="weights; default: %(default)s")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        network, weights, precision = given.one
        measure(network, Path(weights) if weights else None, precision, given.units, given.steps)
        return
    device = jax.local_devices()[0]
    print(f"jax {jax.__version__}, {device.platform}: {device.device_kind}; load average {os.getloadavg()[0]:.1f}")
    print(f"{'':50s} {'units':>5s} {'image-steps/s':>13s} {'of peak':>8s} {'peak GB':>8s}")
    with tempfile.TemporaryDirectory() as folder:
        for network in given.networks:
            weights = ""
            if network == "googlenet":
                weights = given.googlenet if given.googlenet.is_file() else random_googlenet_file(Path(folder))
                print("GoogLeNet: " + ("weights of the file" if weights == given.googlenet else "random weights"))
            for precision in given.precisions:
                show(network, precision, [network, str(weights), precision], given)


def show(network: str, precision: str, one: list[str], given: argparse.Namespace) -> None:
    """Measure in a process of its own and print a row for every answer."""
    units = [str(count) for count in given.units]
    command = [sys.executable, __file__, "--one", *one, "--steps", str(given.steps), "--units", *units]
    # Memory is asked for as it is needed, so that the peak says what was needed.
    environment = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        rate = 0.0
        for line in process.stdout or []:
            found = json.loads(line)
            if not rate:
                rate = found["ceiling"]
                print(f"{network}, {precision}: products run at {rate / 1e12:.3g} TFLOP/s at best")
            speed = found["units"] / found["seconds"]
            share = speed * found["flops"] / rate
            name = f"{network} {found['layer']}, {precision}"
            print(f"{name:50s} {found['units']:5d} {speed:13.1f} {share:8.1%} {found['bytes'] / 1e9:8.2f}", flush=True)
    if process.returncode:
        print(f"{network}, {precision}: ended with exit status {process.returncode}, see above")


if __name__ == "__main__":
    main()
