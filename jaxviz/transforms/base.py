"""What every transform is: immutable data that disturbs one image at random.

A transform is a frozen dataclass and a JAX pytree: its numbers are leaves, so that moving them compiles
nothing; what decides shapes is static. It maps one image `[height, width, channel]`, or a signal, a volume or a
vector, whose positions have another number of axes; the rendering engine maps it over a batch with its own key for
every image. A leaf may be a tracer, so the factory functions
validate what a user writes, and nothing is validated when a dataclass is made.
"""

import abc
from dataclasses import fields
from typing import Any, TypeAlias

from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxviz.results.plain import Written, plain, written

Image: TypeAlias = Float[Array, "*position channel"]
Disturbed: TypeAlias = Float[Array, "*place seen"]
# How many steps a climb has made: a whole number, or the tracer of one.
Step: TypeAlias = int | Int[Array, ""]

# Arguments that the factory functions take by name only.
_NAMED = ("centre_deviation", "choices", "contrast", "fill", "half_range", "rising_steps", "size", "uniform")


class Transform(Written):
    """A random disturbance of an image: call it with a key and one image.

    Example:
        >>> import jax
        >>> from jaxviz.transforms import compose, pad, rotate
        >>> transform = compose(pad(4), rotate(10))
        >>> transform
        compose(pad(4, fill=0.5), rotate(10))
        >>> image = jax.numpy.zeros((8, 9, 3))
        >>> transform(jax.random.key(0), image).shape
        (16, 17, 3)
        >>> keys = jax.random.split(jax.random.key(0), 5)
        >>> jax.vmap(transform, in_axes=(0, None))(keys, image).shape
        (5, 16, 17, 3)
    """

    @abc.abstractmethod
    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:
        """Disturb one image."""

    @abc.abstractmethod
    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the height and width that an image of this height and width gets, in pixels.

        A signal has one extent, a volume three, a vector none.

        Raises:
            ValueError: nothing is left of so small an image, or the transform is not for such inputs.
        """

    @property
    def views(self) -> Any:
        """How many views of an image a step takes; more than one only of `several_views`."""
        return 1

    @property
    def network_gains(self) -> Any:
        """How far the gains of a network's channels lie from 1, or None where nothing disturbs the network."""
        return None

    def at(self, step: Step) -> "Transform":  # noqa: ARG002 - for those that change over the steps
        """Return the transform as it is at a step of a climb, counted from 0: itself, unless it is `annealed`."""
        return self

    def arguments(self) -> dict[str, Any]:
        """Return as plain data what the factory function named `kind` was called with."""
        values = {name: getattr(self, name) for name in _field_names(self)}
        return {name: plain(value) for name, value in values.items() if value is not None}

    def to_json(self) -> dict[str, Any]:
        """Return plain data of which `jaxviz.transforms.from_json` makes an equal transform.

        Example:
            >>> from jaxviz.transforms import scale
            >>> scale(0.9, 1.1).to_json()
            {'kind': 'scale', 'low': 0.9, 'high': 1.1}
        """
        return {"kind": self.kind} | self.arguments()

    def expression(self) -> str:
        """Return the Python expression that makes this transform."""
        arguments = [
            f"{name}={written(value)}" if name in _NAMED else written(value) for name, value in self.arguments().items()
        ]
        return f"{self.kind}({', '.join(arguments)})"


def only_images(transform: Transform, extents: tuple[int, ...]) -> None:
    """Refuse what is no image.

    Raises:
        ValueError: there are not two extents.
    """
    if len(extents) != 2:
        given = "×".join(str(extent) for extent in extents)
        what = f"an input of {given} is none" if extents else "a vector is none"
        use = "jitter, shift, scale, pad, crop, blur and noise" if extents else "noise alone"
        raise ValueError(
            f"{transform!r} is for images, and {what}. For such inputs there is {use}, or transforms=None."
        )


def only_positions(transform: Transform, extents: tuple[int, ...]) -> None:
    """Refuse what has no positions.

    Raises:
        ValueError: there are no extents.
    """
    if not extents:
        raise ValueError(
            f"{transform!r} mixes or moves positions, and a vector has none. Give noise alone, or transforms=None."
        )


def _field_names(transform: Any) -> list[str]:
    return [field.name for field in fields(transform)]
