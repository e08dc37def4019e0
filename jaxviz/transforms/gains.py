"""Disturb the network in place of the image: every channel counts a little more or less at every look."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jaxviz.pytrees import registered
from jaxviz.transforms.base import Disturbed, Image, Step, Transform
from jaxviz.transforms.noise import even
from jaxviz.transforms.values import Leaf, count_of, limit


@registered(data_fields=["gain_range", "rising_steps"], meta_fields=[])
@dataclass(frozen=True, eq=False, repr=False)
class Gains(Transform):
    """Random gains of a network's channels; made by `gains`."""

    gain_range: Leaf
    rising_steps: Leaf
    kind = "gains"

    def __call__(self, key: PRNGKeyArray, image: Image) -> Disturbed:  # noqa: ARG002 - it is the network that changes
        """Return the image as it is."""
        return image

    def output_size(self, *extents: int) -> tuple[int, ...]:
        """Return the same size."""
        return extents

    @property
    def network_gains(self) -> Leaf:
        """How far the gains lie from 1."""
        return self.gain_range

    def at(self, step: Step) -> Transform:
        """Return the gains as they are at a step."""
        share = (jnp.float32(step) + 1) / jnp.maximum(jnp.float32(self.rising_steps), 1)
        return replace(self, gain_range=self.gain_range * jnp.minimum(share, 1), rising_steps=0)


def gains(gain_range: float, *, rising_steps: int = 64) -> Gains:
    """Multiply each channel of a network by a gain of its own, behind every activation function, at random.

    So every view of every step sees another network, one of many that are nearly the trained one. What excites only
    this one, by a conspiracy of a few channels, no longer pays; what excites all of them does, and other networks are
    more likely to see it too. On EfficientNet-Lite0 whole animals come of it where there were parts (docs/quality.md).

    A gain is drawn evenly for each channel of each layer, for each view and each step, and is the same at all
    positions. The range rises evenly over the first steps: a network whose every channel wavers does not see the faint
    beginnings of a picture, and some climbs stood still for a hundred steps. The values that an objective reads are
    left as they are, and so is the image: called by itself, as by `jaxviz.evidence`, this transform does nothing.
    Networks without activation functions are not disturbed.

    Args:
        gain_range: A gain lies between 1 minus this and 1 plus this; from 0 to below 1.
        rising_steps: At the first step the range is so many times smaller, at the last of these steps it is whole.
            Within `annealed`, which has a schedule of its own, it is whole from the start.

    Raises:
        ValueError: The range is negative, or 1 or more; or the steps are no whole number of one or more.

    References:
        Y. Li, S. Bai, Y. Zhou, C. Xie, Z. Zhang, A. Yuille: Learning Transferable Adversarial Examples via Ghost
        Networks. AAAI, 2020. arXiv:1812.03413. There residual connections have gains drawn like these, here every
        channel.

    Example:
        >>> from jaxviz.transforms import compose, shift
        >>> compose(shift(8), gains(0.17)).network_gains
        0.17
    """
    checked = limit(gain_range, "The range of gains")
    if checked >= 1:
        raise ValueError(
            f"The range of gains is {gain_range}. Give less than 1: a gain of 0 would switch a channel off."
        )
    return Gains(checked, count_of(rising_steps, "number of steps"))


def drawn_gains(key: PRNGKeyArray, gain_range: Leaf, channels: int) -> Float[Array, " channel"]:
    """Draw a gain for every channel of a network."""
    return 1 + gain_range * even(key, channels)
