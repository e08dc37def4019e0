"""What users write themselves keeps what its base class promises, or is refused before anything is compiled.

Everything here is told from shapes; nothing is computed. What a gradient rule returns is looked at where it acts
(`overriding.py`), because only there the shapes are known.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxviz.gradient_rules import GradientRule
from jaxviz.objectives import Objective, Target
from jaxviz.parameterizations import Parameterization
from jaxviz.transforms import Transform

Noun: TypeAlias = GradientRule | Objective | Parameterization | Transform

_NUMBERS = (bool, int, float, np.generic, np.ndarray, jax.Array)


def check_registered(noun: Noun) -> None:
    """Refuse what cannot be passed to a compiled program.

    Raises:
        TypeError: Its class, or that of a part, is unknown to JAX; a leaf is no number; or it cannot be written.

    Example:
        >>> class Dimmed(Transform):
        ...     kind = "dimmed"
        ...     def __call__(self, key, image):
        ...         return image / 2
        ...     def output_size(self, *extents):
        ...         return extents
        >>> check_registered(Dimmed())
        Traceback (most recent call last):
        ...
        TypeError: JAX does not know the class Dimmed. Write @jax.tree_util.register_static above it, and ...
    """
    for path, leaf in cast(list[tuple[Any, Any]], jax.tree.leaves_with_path(noun, is_leaf=_is_static)):
        if _is_static(leaf):
            _check_hashed(leaf)
            continue
        name = type(leaf).__name__
        if isinstance(leaf, Noun):
            raise TypeError(
                f"JAX does not know the class {name}. Write @jax.tree_util.register_static above it, and its numbers "
                "are compiled in; or make it a frozen dataclass under @jax.tree_util.register_dataclass, and they "
                "can move without compiling."
            )
        if not isinstance(leaf, _NUMBERS):
            raise TypeError(
                f"{type(noun).__name__}{jax.tree_util.keystr(path)} is {leaf!r}, which is no number. Name the field "
                "among the meta_fields of jax.tree_util.register_dataclass."
            )


def check_image(parameterization: Parameterization, shape: tuple[int, ...]) -> Any:
    """Refuse a parameterization that makes something else than was asked for; return the shapes of its variables.

    Args:
        parameterization: How variables make an image.
        shape: Of what a lane holds: height, width, channels, or those of another input.

    Raises:
        ValueError: `to_image` makes another shape.
    """
    variables = jax.eval_shape(lambda: parameterization.init(jax.random.key(0), *shape))
    image = jax.eval_shape(parameterization.to_image, variables)
    if _shape(image) != shape:
        raise ValueError(
            f"{parameterization} was asked for an image of shape {shape}, and its to_image makes {_described(image)}."
        )
    return variables


def check_disturbed(transform: Transform, image_shape: tuple[int, ...], canvas_size: tuple[int, ...]) -> None:
    """Refuse a transform whose images are not of the size that it says.

    Args:
        transform: How an image is disturbed.
        image_shape: Of the image before it, with its opacity if it has one.
        canvas_size: What the model is to see: `output_size` and the channels.

    Raises:
        ValueError: It makes another shape.
    """

    def disturb(step: Any, image: Any) -> Any:
        return transform.at(step)(jax.random.key(0), image)

    step, image = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct(image_shape, jnp.float32)
    disturbed = jax.eval_shape(disturb, step, image)
    if _shape(disturbed) != canvas_size:
        raise ValueError(
            f"{transform} makes {_described(disturbed)} of an image of shape {image_shape}; by its output_size it "
            f"should be {canvas_size}."
        )


def check_score(
    objective: Objective, shapes: Mapping[Target, tuple[int, ...]], image_shape: tuple[int, ...], images_in_lane: int
) -> None:
    """Refuse an objective whose score is not one number.

    Args:
        objective: What is climbed.
        shapes: Of what it reads, for one image.
        image_shape: Of the image before the transforms.
        images_in_lane: How many images it scores together.

    Raises:
        ValueError: The score is something else.
    """
    several = (images_in_lane,) if images_in_lane > 1 else ()
    score = cast(Callable[..., Any], objective.score_of_several if several else objective.score)
    read = {target: jax.ShapeDtypeStruct((*several, *shape), jnp.float32) for target, shape in shapes.items()}
    result = jax.eval_shape(score, read, jax.ShapeDtypeStruct((*several, *image_shape), jnp.float32))
    if _shape(result) != () or not jnp.issubdtype(result.dtype, jnp.floating):
        raise ValueError(f"The score of {objective} is {_described(result)}; it must be one number.")


def check_update(optimizer: optax.GradientTransformation, variables: Any) -> None:
    """Refuse an optimizer that does not return an update of every variable, and a state like its first.

    Raises:
        TypeError: It does not.
    """
    state = jax.eval_shape(optimizer.init, variables)
    result: Any = jax.eval_shape(cast(Any, optimizer.update), variables, state, variables)
    if not isinstance(result, tuple) or len(cast(tuple[Any, ...], result)) != 2:
        raise TypeError(f"The optimizer's update returns {_described(result)}; it must return (updates, state).")
    for name, before, after in zip(("updates", "a state"), (variables, state), cast(Any, result), strict=True):
        if _described(before) != _described(after):
            raise TypeError(
                f"The optimizer's update returns {name} of {_described(after)}; it must be {_described(before)}."
            )


def check_pixels(optimizer: Any, variables: Any, image_size: tuple[int, ...]) -> None:
    """Refuse an optimizer of pixels where the variables are none, or have no neighbours that it could compare.

    Raises:
        ValueError: The message says which parameterization has pixels.
    """
    compares: tuple[str, ...] | None = getattr(optimizer, "compares", None)
    if compares is None:
        return
    kind = optimizer.record["kind"]
    if getattr(variables, "shape", (0,))[:-1] != image_size[:-1]:
        raise ValueError(
            f"{kind} acts on pixels, and the variables of this parameterization are none. Give "
            "parameterization=jaxviz.pixels(squashed=False, decorrelated=False)."
        )
    if len(image_size) == 1 and compares:
        raise ValueError(f"{' and '.join(compares)} of {kind} compare positions, and a vector has none.")


def _is_static(part: Any) -> bool:
    return isinstance(part, Noun) and not jax.tree.leaves(part)


def _check_hashed(noun: Noun) -> None:
    """Refuse what has no leaves and so is compiled in, if nobody could tell one from another."""
    try:
        hash(noun)
    except (TypeError, AttributeError) as error:
        raise TypeError(
            f"{type(noun).__name__} cannot be written into a recipe ({error}). Make it a frozen dataclass with a "
            "`kind`, or give it `to_json`."
        ) from error


def _shape(result: Any) -> Any:
    return getattr(result, "shape", None)


def _described(result: Any) -> str:
    """Say what a function returned: an array of a shape, or a tree of them."""

    def array(leaf: Any) -> str:
        return f"{leaf.dtype}{list(leaf.shape)}"

    return str(jax.tree.map(array, result)).replace("'", "")
