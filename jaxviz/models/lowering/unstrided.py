"""Give a convolution of stride one an image gradient that XLA hands to a library.

XLA transposes a convolution by reversing the kernel and exchanging its channels in place, as a layout. Inside a loop
its CPU backend then knows no library that takes that layout, and walks through the result one number at a time: ten
times slower than the convolution itself. The same as an ordinary convolution with a kernel that was turned round once.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxviz.models.lowering.convolution import Convolution

Array = jax.Array


class Unstrided(NamedTuple):
    """A convolution of stride one and one group, in any number of dimensions; see `bilinear.Bilinear`.

    Attributes:
        convolution: What the equation does.
        image_shape: Shape of the images.
        kernel_shape: Shape of the kernel.
    """

    convolution: Convolution
    image_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]

    def value(self, images: Array, weights: Array) -> Array:
        """Return the convolution."""
        return self.convolution.evaluate(images, weights)

    def image_gradient(self, cotangent: Array, weights: Array) -> Array:
        """Return the gradient of the images: a convolution with the kernel turned round, to the images' size."""
        dimensions = self.convolution.dimensions
        source, kernel = dimensions.lhs_spec, dimensions.rhs_spec
        turned = jnp.flip(weights, kernel[2:]).transpose(*kernel[2:], kernel[0], kernel[1])
        gradient = self.convolution.result_channels_last(cotangent)
        padding = [
            _opposite(before, reach=(weights.shape[size] - 1) * gap, given=self.image_shape[image], made=count)
            for (before, _), gap, size, image, count in zip(
                self.convolution.padding,
                self.convolution.dilation,
                kernel[2:],
                source[2:],
                gradient.shape[1:-1],
                strict=True,
            )
        ]
        last = len(padding) + 1
        places = (0, last, *range(1, last))
        turned_dimensions = jax.lax.ConvDimensionNumbers(places, (last, last - 1, *range(last - 1)), places)
        images = self.convolution._replace(padding=tuple(padding), dimensions=turned_dimensions).evaluate(
            gradient, turned
        )
        return self.convolution.from_channels_last(images)

    def weight_gradient(self, cotangent: Array, images: Array) -> Array:
        """Return the gradient of the weights, as XLA makes it."""
        return self.convolution.weight_gradient(cotangent, images, self.kernel_shape)


def _opposite(before: int, *, reach: int, given: int, made: int) -> tuple[int, int]:
    """Return the padding under which a convolution of `made` positions has `given`, and undoes a padding before."""
    return reach - before, given - made + before
