"""Time every lowering against XLA's own, operation by operation: `python benchmarks/lowerings.py`.

Prints a line for each shape: milliseconds as XLA lowers the operation and as `jaxviz.models.lowering` does, and the
ratio of the two, for the value and for the image gradient. The two are timed in turns and medians are taken, so that a
busy machine slows both. `--clock cpu` counts the time that processors spent instead of the time that passed: what other
programs do beside it matters less then. `--bits` says instead which results of a batch depend on its size.
"""

import argparse
import functools
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxviz.models.jax_internals import climbing_options
from jaxviz.models.lowering import lower

NHWC = ("NHWC", "HWIO", "NHWC")
NCHW = ("NCHW", "OIHW", "NCHW")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
BATCH_SIZES = (1, 2, 3, 4, 8, 16)


def normal(shape, dtype=jnp.float32, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def convolution(kernel, size, inputs, outputs, stride=1, groups=1, layout=NHWC, dtype=jnp.float32, padding="SAME"):
    """Return a label, a function and the shapes of its operands, for one image."""
    kinds = {1: "" if groups == 1 else "grouped ", 0: "depthwise "}
    kind = kinds[int(groups != inputs or groups == 1)]
    label = f"{kind}{kernel}×{kernel}" + (f" s{stride}" if stride > 1 else "")
    label += (
        f", {inputs}" + ("" if kind == "depthwise " else f"→{outputs}") + (f" g{groups}" if kind == "grouped " else "")
    )
    label += "".join(
        [" NCHW" if layout is NCHW else "", " bfloat16" if dtype == jnp.bfloat16 else ""],
    )
    image = (size, size, inputs) if layout is NHWC else (inputs, size, size)
    weights = (kernel, kernel, inputs // groups, outputs)
    if layout is NCHW:
        weights = (outputs, inputs // groups, kernel, kernel)
    function = functools.partial(
        lax.conv_general_dilated,
        window_strides=(stride, stride),
        padding=padding,
        feature_group_count=groups,
        dimension_numbers=layout,
    )
    return label, function, image, [normal(weights, dtype, 1)], dtype


def pool(reduction, window, size, channels, stride=1, layout=NHWC):
    start, operation = {"max": (-jnp.inf, lax.max), "sum": (0.0, lax.add)}[reduction]
    image = (size, size, channels) if layout is NHWC else (channels, size, size)

    def spread(number):
        return (1, number, number, 1) if layout is NHWC else (1, 1, number, number)

    def function(images):
        return lax.reduce_window(images, start, operation, spread(window), spread(stride), "SAME")

    extra = " NCHW" if layout is NCHW else ""
    return f"{reduction} pool {window}×{window} s{stride}, {channels} @{size}{extra}", function, image, [], jnp.float32


def power(exponent, size, channels):
    return (
        f"power {exponent}, {channels} @{size}",
        lambda images: lax.pow(jnp.square(images) + 1, exponent),
        (size, size, channels),
        [],
        jnp.float32,
    )


def dense(inputs, outputs):
    weights = normal((inputs, outputs), seed=1)
    return f"dense {inputs}→{outputs}", lambda images, weights: images @ weights, (inputs,), [weights], jnp.float32


# What EfficientNet-Lite0 and GoogLeNet do on a canvas of 152 pixels, and a few others.
PROBLEMS = [
    convolution(3, 152, 3, 32, 2),
    convolution(3, 76, 32, 32, groups=32),
    convolution(1, 76, 32, 16),
    convolution(1, 76, 16, 96),
    convolution(3, 76, 96, 96, 2, groups=96),
    convolution(1, 38, 24, 144),
    convolution(3, 38, 144, 144, groups=144),
    convolution(5, 38, 144, 144, 2, groups=144),
    convolution(1, 19, 240, 40),
    convolution(5, 19, 240, 240, groups=240),
    convolution(3, 19, 240, 240, 2, groups=240),
    convolution(3, 10, 480, 480, groups=480),
    convolution(1, 10, 80, 480),
    convolution(5, 10, 672, 672, groups=672),
    convolution(5, 10, 672, 672, 2, groups=672),
    convolution(5, 5, 1152, 1152, groups=1152),
    convolution(1, 5, 1152, 192),
    convolution(1, 5, 320, 1280),
    dense(1280, 1000),
    convolution(7, 152, 3, 64, 2),
    pool("max", 3, 76, 64, 2),
    power(0.75, 38, 64),
    convolution(1, 38, 64, 64),
    pool("max", 3, 38, 192, 2),
    pool("max", 3, 19, 256),
    convolution(1, 19, 256, 128),
    pool("max", 3, 10, 512),
    convolution(1, 10, 512, 192),
    pool("sum", 7, 7, 1024, 7),
    dense(1024, 1000),
    convolution(11, 152, 3, 64, 4),
    convolution(4, 152, 3, 96, 4),
    convolution(3, 38, 128, 256, 2),
    convolution(3, 19, 256, 512, 2),
    convolution(1, 38, 256, 512, 2),
    convolution(3, 38, 128, 128, groups=32),
    convolution(3, 19, 128, 128, groups=2),
    pool("sum", 3, 19, 256),
    pool("sum", 2, 38, 64, 2),
    convolution(3, 38, 144, 144, groups=144, layout=NCHW),
    convolution(3, 76, 96, 96, 2, groups=96, layout=NCHW),
    convolution(1, 38, 24, 144, layout=NCHW),
    convolution(7, 152, 3, 64, 2, layout=NCHW),
    pool("max", 3, 38, 192, 2, layout=NCHW),
    convolution(3, 38, 144, 144, groups=144, dtype=jnp.bfloat16),
    convolution(1, 38, 24, 144, dtype=jnp.bfloat16),
    convolution(7, 152, 3, 64, 2, dtype=jnp.bfloat16),
]


def equivalent(function, operands):
    """Return the function with every equation replaced that has an equivalent, and whether any has."""
    closed = jax.make_jaxpr(function)(*operands)
    replaced = []

    def run(*arrays):
        values = dict(zip(closed.jaxpr.invars, arrays, strict=True))
        for equation in closed.jaxpr.eqns:
            reads = [atom.val if hasattr(atom, "val") else values[atom] for atom in equation.invars]
            result = lower(equation.primitive.name, equation.params, reads, backend=jax.default_backend())
            if result is None:
                result = equation.primitive.bind(*reads, **equation.params)
            else:
                replaced.append(equation.primitive.name)
            values[equation.outvars[0]] = result
        return values[closed.jaxpr.outvars[0]]

    jax.eval_shape(run, *operands)
    return run, bool(replaced)


def jitted(function, options=None):
    """Return the compiled value, and the compiled image gradient, of a function of images and weights."""

    def gradient(cotangent, images, *weights):
        return jax.vjp(lambda images: function(images, *weights), images)[1](cotangent)[0]

    return jax.jit(function, compiler_options=options), jax.jit(gradient, compiler_options=options)


def medians(calls, clock, rounds):
    """Return the median milliseconds of each call, made in turns."""
    repeats = []
    for call in calls:
        jax.block_until_ready(call())
        start = time.perf_counter()
        jax.block_until_ready(call())
        repeats.append(max(1, int(0.02 / (time.perf_counter() - start))))
    spent = [[] for _ in calls]
    for _ in range(rounds):
        for call, times, repeat in zip(calls, spent, repeats, strict=True):
            start = clock()
            for _ in range(repeat):
                result = call()
            jax.block_until_ready(result)
            times.append((clock() - start) / repeat * 1e3)
    return [statistics.median(times) for times in spent]


def time_problem(problem, arguments):
    label, function, image, weights, dtype = problem
    images = normal((arguments.batch, *image), dtype)
    ours, found = equivalent(function, (images, *weights))
    if not found:
        print(f"{label:42s} left to XLA")
        return
    cotangent = normal(jax.eval_shape(function, images, *weights).shape, dtype, 2)
    calls = []
    for chosen in (function, ours):
        value, gradient = jitted(chosen)
        calls += [functools.partial(value, images, *weights), functools.partial(gradient, cotangent, images, *weights)]
    clock = CLOCKS[arguments.clock]
    xla_value, xla_gradient, our_value, our_gradient = medians(calls, clock, arguments.rounds)
    print(
        f"{label:42s} {xla_value:8.2f} {our_value:8.2f} {xla_value / our_value:7.1f}×"
        f" {xla_gradient:9.2f} {our_gradient:8.2f} {xla_gradient / our_gradient:7.1f}×",
        flush=True,
    )


def batch_sizes_that_differ(function, whole_batch):
    """Return the batch sizes at which some image's bits are not those that it has in the largest batch."""
    largest = np.asarray(function(*whole_batch))
    different = []
    for size in BATCH_SIZES:
        for start in range(0, BATCH_SIZES[-1] - size + 1, size):
            rows = slice(start, start + size)
            if not np.array_equal(np.asarray(function(*(array[rows] for array in whole_batch))), largest[rows]):
                different.append(size)
                break
    return ", ".join(map(str, different)) or "none"


def compare_bits(problem, arguments):
    del arguments
    label, function, image, weights, dtype = problem
    images = normal((BATCH_SIZES[-1], *image), dtype)
    cotangent = normal(jax.eval_shape(function, images, *weights).shape, dtype, 2)
    cells = []
    for lowered in (False, True):
        if lowered:
            function = functools.partial(run_lowered, function)
        value, gradient = jitted(function, climbing_options(jax.default_backend()) if lowered else None)
        cells += [
            batch_sizes_that_differ(lambda images, value=value: value(images, *weights), [images]),
            batch_sizes_that_differ(
                lambda cotangent, images, gradient=gradient: gradient(cotangent, images, *weights), [cotangent, images]
            ),
        ]
    print(f"{label:42s} " + " ".join(f"{cell:20s}" for cell in cells), flush=True)


def run_lowered(function, *operands):
    return equivalent(function, operands)[0](*operands)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16, help="images at once (default: 16)")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is timed (default: 9)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="which time to count (default: wall)")
    parser.add_argument("--only", default="", help="only operations whose label contains this")
    parser.add_argument("--bits", action="store_true", help="compare bits across batch sizes instead of times")
    arguments = parser.parse_args()
    print(f"jax {jax.__version__}, {jax.default_backend()}, {arguments.clock} time, {jax.device_count()} device(s)")
    if arguments.bits:
        print(f"{'batch sizes that change bits':42s} {'XLA: value':20s} {'gradient':20s} {'ours: value':20s} gradient")
    else:
        heading = f"batch {arguments.batch}, ms"
        print(f"{heading:42s} {'value: XLA':>8s} ours    ratio  gradient: XLA  ours   ratio")
    for problem in PROBLEMS:
        if arguments.only in problem[0]:
            (compare_bits if arguments.bits else time_problem)(problem, arguments)


if __name__ == "__main__":
    main()
