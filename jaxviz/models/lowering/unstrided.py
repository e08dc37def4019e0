"""Give a convolution of stride one an image gradient that XLA hands to a library.

XLA transposes a convolution by reversing the kernel and exchanging its channels in place, as a layout. Inside a loop
its CPU backend then knows no library that takes that layout, and walks through the result one number at a time: ten
times slower than the convolution itself. The same as an ordinary convolution with a kernel that was turned round once.
"""

from typing import NamedTuple, cast

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
        result, source, kernel = dimensions.out_spec, dimensions.lhs_spec, dimensions.rhs_spec
        turned = jnp.flip(weights, kernel[2:]).transpose(*kernel[2:], kernel[0], kernel[1])
        gradient = cotangent.transpose(result[0], *result[2:], result[1])
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
        order = [0] * images.ndim
        for place, target in enumerate((source[0], *source[2:], source[1])):
            order[target] = place
        return images.transpose(order)

    def weight_gradient(self, cotangent: Array, images: Array) -> Array:
        """Return the gradient of the weights, as XLA makes it."""

        def product(weights: Array) -> Array:
            return jnp.sum(self.value(images, weights) * cotangent)

        return cast(Array, jax.grad(product)(jnp.zeros(self.kernel_shape, images.dtype)))


def _opposite(before: int, *, reach: int, given: int, made: int) -> tuple[int, int]:
    """Return the padding under which a convolution of `made` positions has `given`, and undoes a padding before."""
    return reach - before, given - made + before
