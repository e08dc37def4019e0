"""Rendering: climb the score of many units at once and show what comes of it."""

from collections.abc import Iterable, Iterator, Sequence

import jax
import optax
from tqdm.auto import tqdm

from jaxviz.gradient_rules import ChosenRules
from jaxviz.models import Layer, Model
from jaxviz.objectives import Objective
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering import hosts
from jaxviz.rendering.climb import Climber
from jaxviz.rendering.live import Live
from jaxviz.rendering.objectives_asked import one_objective
from jaxviz.rendering.plateau import Plateau
from jaxviz.rendering.request import Request, make_request
from jaxviz.rendering.settings_asked import checked_steps
from jaxviz.rendering.side_by_side import SideBySide
from jaxviz.rendering.suitable import border_pixels
from jaxviz.results import Rendering, Snapshot
from jaxviz.transforms import Transform

__all__ = ["Live", "Plateau", "SideBySide", "border_pixels", "one_objective", "render", "render_steps"]

_PROGRESS_EVERY_STEPS = 8


def render(
    model: Model,
    objective: str | Layer | Objective | Sequence[Objective],
    *,
    units: Iterable[int | str] | int | str | None = None,
    steps: int = 256,
    size: int | tuple[int, ...] | None = None,
    key: int | jax.Array = 0,
    parameterization: Parameterization | None = None,
    transforms: Transform | str | None = "auto",
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    lowering: str = "auto",
    precision: str = "float32",
    stop_on_plateau: Plateau | None = None,
    gradient_rules: ChosenRules = (),
    transparency: bool = False,
    progress: bool = True,
) -> Rendering:
    """Make one image for every unit by climbing their scores, all at once.

    Gradient ascent on free variables (Fourier coefficients of colour-decorrelated images, unless told otherwise),
    the image randomly disturbed at every step so that what stays is what the unit looks for and not noise.

    An image depends on the model, the objective, the key and the settings, and on nothing else: not on the units
    beside it, their number or their order. The same recipe gives the same bits on the same backend; on a GPU only in
    as many lanes, because others round otherwise (docs/performance.md).

    Units are shared out over all devices of this machine and, where `jax.distributed` has been initialized, over all
    hosts: then every host must call this with the same arguments, and gets all images.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        objective: A layer (then each of `units` gets an image), an objective, or several objectives.
        units: Channels of the layer, or classes by number or name; all of the layer if None.
        steps: Steps of the climb.
        size: Height and width of the images in pixels, one number or two; it need not be the model's input size.
            Default 128, or the input size of a model of tiny images. Samples of a signal; depth, height and width of a
            volume; default the model's own. Vectors have none.
        key: Seed of all randomness, a whole number or a JAX key.
        parameterization: How variables make an image; default `jaxviz.fourier()`, with the family's decay power; of
            vectors `jaxviz.pixels(squashed=False)`, numbers within their bounds.
        transforms: How the image is disturbed: `auto`, which suits the model's family (docs/quality.md says how that
            was found; the recipe holds the numbers); `quick`, the same with one view of the image a step, as the
            explorer begins: for networks of depthwise convolutions a quarter of the time, and more grain; a transform,
            the name of a preset, or None for not at all.
        optimizer: Any optax transformation in place of Adam; its own sign and learning rate are used.
        learning_rate: Adam's learning rate; default 0.05 (of `cppn` 0.0025), or the family's with `auto` and no
            parameterization.
        lowering: `auto` evaluates operations by faster equivalents on this backend, `xla` leaves them as they are.
        precision: `bfloat16` rounds the operands of products and convolutions to 16 bits, adds them up in 32 and keeps
            everything else in 32: faster where the hardware has it, and other bits (docs/performance.md).
        stop_on_plateau: When a unit whose score no longer rises is stopped before `steps`, as in `jaxviz.Plateau()`.
        gradient_rules: How gradients pass some operations of the model, in place of their own derivatives: one of
            `jaxviz.gradient_rules`, or several, or their names. What the model computes does not change.
        transparency: Whether to add up, over the steps, how strongly each pixel moved the score (MaCo). The images are
            the same, but are shown transparent where the unit did not care; the sums are `rendering.transparency`.
        progress: Whether a progress bar is shown.

    Returns:
        The images with their scores over time and the recipe; signals, volumes and vectors have their own shape and are
        drawn where they are shown (docs/inputs.md). Interrupted (Ctrl-C), it returns what there is.

    Raises:
        KeyError: An unknown layer; the message names the closest.
        IndexError: A unit or position outside its layer.
        TypeError, ValueError: Another argument is wrong. All of this before anything is compiled.

    Example:
        >>> import jax, jax.numpy as jnp, jaxviz
        >>> kernel = jax.random.normal(jax.random.key(0), (5, 5, 3, 4))
        >>> def network(images):
        ...     return jax.lax.conv_general_dilated(
        ...         images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        >>> model = jaxviz.wrap(network, input_shape=(16, 16, 3))
        >>> rendering = jaxviz.render(model, "conv", units=[0, 2], steps=4, size=16, progress=False)
        >>> rendering.images.shape, rendering.labels
        ((2, 16, 16, 3), ('conv:0', 'conv:2'))

    References:
        Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017, https://doi.org/10.23915/distill.00007
    """
    request = make_request(
        model,
        objective,
        units=units,
        steps=steps,
        size=size,
        key=key,
        parameterization=parameterization,
        transforms=transforms,
        optimizer=optimizer,
        learning_rate=learning_rate,
        lowering=lowering,
        precision=precision,
        stop_on_plateau=stop_on_plateau,
        gradient_rules=gradient_rules,
        transparency=transparency,
    )
    return _climbed(request, progress=progress)


def render_steps(
    model: Model,
    objective: str | Layer | Objective | Sequence[Objective],
    *,
    units: Iterable[int | str] | int | str | None = None,
    steps: int = 256,
    size: int | tuple[int, ...] | None = None,
    key: int | jax.Array = 0,
    parameterization: Parameterization | None = None,
    transforms: Transform | str | None = "auto",
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    lowering: str = "auto",
    precision: str = "float32",
    stop_on_plateau: Plateau | None = None,
    gradient_rules: ChosenRules = (),
    snapshot_every: int = 16,
) -> Iterator[Snapshot]:
    """Climb like `render` and yield snapshots on the way; close the iterator to stop.

    Arguments are checked at once; nothing is compiled before the first `next`.

    Args:
        model: As in `render`, and so on to `lowering`.
        objective: A layer, an objective or several.
        units: Units of the layer.
        steps: Steps of the climb.
        size: Height and width in pixels, or extents of another input.
        key: Seed of all randomness.
        parameterization: How variables make an image.
        transforms: How the image is disturbed.
        optimizer: Any optax transformation in place of Adam.
        learning_rate: Adam's learning rate.
        lowering: `auto` or `xla`.
        precision: `float32` or `bfloat16`.
        stop_on_plateau: When units are stopped early.
        gradient_rules: How gradients pass some operations of the model.
        snapshot_every: Steps between snapshots. It changes nothing in the images.

    Returns:
        An iterator of snapshots: the first noise, then one every `snapshot_every` steps, the last with all units done.

    Raises:
        KeyError, IndexError, TypeError, ValueError: As `render`.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: images.mean((1, 2)), input_shape=(16, 16, 3))
        >>> objective = jaxviz.channel("mean", 0) - 0.01 * jaxviz.l2()
        >>> snapshots = jaxviz.render_steps(model, objective, steps=6, size=16, snapshot_every=2)
        >>> [snapshot.step for snapshot in snapshots]
        [0, 2, 4, 6]
    """
    snapshot_every = checked_steps(snapshot_every, "snapshot_every", usual=16)
    request = make_request(
        model,
        objective,
        units=units,
        steps=steps,
        size=size,
        key=key,
        parameterization=parameterization,
        transforms=transforms,
        optimizer=optimizer,
        learning_rate=learning_rate,
        lowering=lowering,
        precision=precision,
        stop_on_plateau=stop_on_plateau,
        gradient_rules=gradient_rules,
    )
    return Climber(request).snapshots(snapshot_every)


def _climbed(request: Request, *, progress: bool) -> Rendering:
    """Climb to the end, or until somebody interrupts, under a progress bar."""
    count = len(request.objectives)
    climber = Climber(request, hosts.own_share(count))
    with tqdm(
        total=climber.all_image_steps,
        desc=request.labels[0] if count == 1 else "rendering",
        unit=" image-steps",
        disable=not progress or jax.process_index() > 0,
        smoothing=0.1,
    ) as bar:
        try:
            for snapshot in climber.snapshots(_PROGRESS_EVERY_STEPS):
                bar.set_postfix_str(f"step {snapshot.step} of {request.steps}, units {climber.finished}/{count}")
                bar.total = climber.all_image_steps
                bar.update(climber.image_steps - bar.n)
        except KeyboardInterrupt:
            bar.set_postfix_str("interrupted")
    rendering = climber.rendering()
    return hosts.gathered(rendering, request.steps) if hosts.are_many() else rendering
