"""Penalties on the image. Their scores are positive amounts: subtract them from what is to be maximised.

Each is summed over the image, as in lucid, so that published weights keep their meaning. A sum grows with the
image while the mean of a channel does not: on twice the side one weight weighs about four times as much.
"""

import abc
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxviz.objectives.base import Activations, ClassNames, Image, Objective, Score, Shapes, Target
from jaxviz.objectives.values import Leaf, check_finite
from jaxviz.pytrees import registered


class Penalty(Objective):
    """An objective on the image alone."""

    @abc.abstractmethod
    def of_image(self, image: Image) -> Score:
        """Return the amount, which is positive."""

    def targets(self) -> frozenset[Target]:
        """Return nothing: the model is not asked."""
        return frozenset()

    def score(self, activations: Activations, image: Image) -> Score:  # noqa: ARG002 - the image only
        """Return the amount, which is positive."""
        return self.of_image(image.astype(jnp.float32))

    def label(self, class_names: ClassNames = ()) -> str:  # noqa: ARG002
        """Return the penalty's name."""
        return self.kind.replace("_", " ")


@registered(data_fields=["exponent"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class TotalVariation(Penalty):
    """The differences of neighbouring pixels; made by `total_variation`."""

    exponent: Leaf = None
    kind = "total_variation"

    def of_image(self, image: Image) -> Score:
        """Return the sum over positions: of the absolute differences, or of a power of their length along all axes."""
        differences = [
            lax.slice_in_dim(image, 1, None, axis=axis) - lax.slice_in_dim(image, 0, -1, axis=axis)
            for axis in range(image.ndim - 1)
        ]
        if self.exponent is None:
            return sum((jnp.sum(_absolute(along)) for along in differences), jnp.float32(0))
        squared = jnp.zeros_like(image)
        for axis, along in enumerate(differences):
            after = [(0, int(place == axis)) for place in range(image.ndim)]
            squared = squared + jnp.square(jnp.pad(along, after))
        # The root of zero has no slope; where nothing differs there is none.
        differs = squared > 0
        powers = jnp.where(differs, squared, 1) ** (jnp.float32(self.exponent) / 2)
        return jnp.sum(jnp.where(differs, powers, 0))

    def check(self, shapes: Shapes) -> None:  # noqa: ARG002
        """Check that the exponent is finite."""
        if self.exponent is not None:
            check_finite(self.exponent, "The exponent of total_variation")


@registered(data_fields=["constant"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class L1Penalty(Penalty):
    """The sum of absolute distances from a constant; made by `l1`."""

    constant: Leaf = 0.5
    kind = "l1"

    def of_image(self, image: Image) -> Score:
        """Return the sum of the absolute distances."""
        return jnp.sum(_absolute(image - jnp.float32(self.constant)))

    def check(self, shapes: Shapes) -> None:  # noqa: ARG002
        """Check that the constant is finite."""
        check_finite(self.constant, "The constant of l1")


@registered(data_fields=["constant"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class L2Penalty(Penalty):
    """The Euclidean distance from a constant or an image; made by `l2`."""

    constant: Leaf = 0.5
    kind = "l2"

    def of_image(self, image: Image) -> Score:
        """Return the root of the sum of squared distances."""
        distances = image - jnp.float32(self.constant)
        return jnp.sqrt(jnp.sum(jnp.square(distances)) + 1e-6)

    def check(self, shapes: Shapes) -> None:  # noqa: ARG002
        """Check that the constant is finite."""
        check_finite(self.constant, "The constant of l2")

    def check_image(self, shape: tuple[int, ...]) -> None:
        """Check that an image to stay near to has the shape of those that are scored."""
        given = np.shape(self.constant)
        if given not in ((), shape):
            raise ValueError(f"The image for l2 has shape {given}, but images of {shape} are scored.")


@registered(data_fields=[], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Opacity(Penalty):
    """How opaque an image is on the whole; made by `opacity`."""

    kind = "opacity"

    @property
    def reads_opacity(self) -> bool:
        """Always."""
        return True

    def of_image(self, image: Image) -> Score:
        """Return the mean of the last channel."""
        return jnp.mean(image[..., -1])

    def check(self, shapes: Shapes) -> None:
        """Accept everything."""


def opacity() -> Opacity:
    """Measure how opaque an image of `transparent` is: the mean of its opacity, from 0 to 1.

    Subtracted, it makes everything transparent that the unit does not need. Unlike the other penalties it is a mean, so
    that one weight suits every size; about what the unit scores is a weight to begin with.

    References:
        A. Mordvintsev, N. Pezzotti, L. Schubert, C. Olah: Differentiable Image Parameterizations. Distill, 2018.
        doi:10.23915/distill.00012, whose notebooks lower the mean opacity.

    Example:
        >>> import jax.numpy as jnp
        >>> float(opacity().score({}, jnp.array([[[1.0, 0.25], [0.0, 0.75]]])))
        0.5
    """
    return Opacity()


def total_variation(*, exponent: float | None = None) -> TotalVariation:
    """Measure noise: how much neighbouring pixels differ, along rows and along columns.

    Of a signal along its samples, of a volume along all three axes; of a vector, which has no neighbours, zero.

    The sum of absolute differences, as in lucid: subtracted, it smooths flat areas and keeps edges. A published weight
    is 0.25, for images of 64 by 64 pixels (lucid's notebook on regularization). With an exponent the sum over all
    pixels and channels of

        (difference to the pixel below ** 2 + difference to the one on the right ** 2) ** (exponent / 2)

    whose weight on small differences falls with the exponent: 1 keeps edges, 2 blurs them but spares isolated points,
    for which the paper takes it.

    Args:
        exponent: the paper's beta, above zero; None for the sum of absolute differences.

    Raises:
        ValueError: the exponent is not above zero.

    References:
        A. Mahendran, A. Vedaldi: Understanding Deep Image Representations by Inverting Them. CVPR, 2015.

    Example:
        >>> import jax.numpy as jnp
        >>> image = jnp.array([[[0.0], [1.0]], [[0.0], [0.5]]])
        >>> float(total_variation().score({}, image)), float(total_variation(exponent=2).score({}, image))
        (2.0, 1.5)
    """
    if exponent is None:
        return TotalVariation()
    if not 0 < exponent < np.inf:
        raise ValueError(f"The exponent of total_variation is {exponent}. Give a number above zero; 2 is usual.")
    return TotalVariation(float(exponent))


def l1(constant: float = 0.5) -> L1Penalty:
    """Measure the sum of the absolute distances of all pixels from a constant.

    Subtracted, it keeps most of the image at the constant. A published weight is 0.05, for images of 64 by 64
    pixels (lucid's notebook on regularization).

    Args:
        constant: in [0, 1]; 0.5 is grey.

    Example:
        >>> import jax.numpy as jnp
        >>> float(l1().score({}, jnp.zeros((2, 3, 1))))
        3.0
    """
    return L1Penalty(float(constant))


def l2(constant: Any = 0.5) -> L2Penalty:
    """Measure the Euclidean distance of the image from a constant, or from another image.

    Subtracted, it shrinks contrast. As in lucid 1e-6 is added to the squared distance, so that there is a
    gradient at the constant image, namely zero.

    From another image it is the anchor of feature accentuation: a climb that starts from a photograph and stays near
    it, `render(model, objective - weight * l2(photograph), parameterization=starting_from(photograph))`, shows what in
    the photograph the unit responds to, exaggerated (Hamblin et al. 2024). Try 0.01 first: Horama's weight of 1 is for
    the mean square of values in a range of 5, whose pull on a picture of 128 pixels is a hundredth of this one's.

    Args:
        constant: in [0, 1], 0.5 is grey; or an image `[height, width, channel]` of the size that is rendered (or a
            signal, a volume, a vector), which is kept in the recipe.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(l2(constant=0).score({}, jnp.ones((3, 3, 1)))), 4)
        3.0
    """
    if np.ndim(constant) == 0:
        return L2Penalty(float(constant))
    anchor = np.array(constant, np.float32)
    if anchor.size == 0 or not (np.isfinite(anchor).all() and anchor.min() >= 0 and anchor.max() <= 1):
        raise ValueError(f"The image for l2 has shape {anchor.shape}; give one image with values in [0, 1].")
    anchor.flags.writeable = False
    return L2Penalty(anchor)


def _absolute(differences: Image) -> Image:
    # The derivative of jnp.abs at zero is one, which would tilt what is flat.
    return differences * lax.stop_gradient(jnp.sign(differences))
