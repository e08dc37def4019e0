"""Give a product of images and weights a gradient of its own.

XLA's transpose of a convolution can cost many times the convolution. `apply` evaluates an operation that says itself
what its gradients are, and asks for the gradient of the weights, which visualization never needs, only when it is
wanted: what is not traced costs no compilation either.
"""

import functools
from typing import Any, Protocol

import jax
from jax.custom_derivatives import SymbolicZero

Array = jax.Array
_Kept = tuple[Array | None, Array | None]

# custom_vjp has no type that keeps the type of the function it decorates.
_differentiable: Any = jax.custom_vjp


class Bilinear(Protocol):
    """An operation that is linear in the images and in the weights; hashable, everything in it is static."""

    def value(self, images: Array, weights: Array) -> Array:
        """Return the product."""
        ...

    def image_gradient(self, cotangent: Array, weights: Array) -> Array:
        """Return the gradient of the images, given that of the value."""
        ...

    def weight_gradient(self, cotangent: Array, images: Array) -> Array:
        """Return the gradient of the weights, given that of the value."""
        ...


@functools.partial(_differentiable, nondiff_argnums=(0,))
def apply(operation: Bilinear, images: Array, weights: Array) -> Array:
    """Evaluate a bilinear operation.

    Args:
        operation: What to evaluate, with its gradients.
        images: Its first factor.
        weights: Its second factor.

    Returns:
        The product.
    """
    return operation.value(images, weights)


def _forward(operation: Bilinear, images: Any, weights: Any) -> tuple[Array, _Kept]:
    kept = (images.value if weights.perturbed else None, weights.value if images.perturbed else None)
    return operation.value(images.value, weights.value), kept


def _backward(operation: Bilinear, kept: _Kept, cotangent: Any) -> tuple[Array | None, Array | None]:
    if isinstance(cotangent, SymbolicZero):
        return None, None
    images, weights = kept
    return (
        None if weights is None else operation.image_gradient(cotangent, weights),
        None if images is None else operation.weight_gradient(cotangent, images),
    )


apply.defvjp(_forward, _backward, symbolic_zeros=True)
