"""Which family a network belongs to, told from its traced program; default settings are chosen by it."""

from collections.abc import Iterable
from typing import Literal

from jaxviz.models.layers import Layer
from jaxviz.models.program import Equation, Program

Family = Literal["tiny", "transformer", "depthwise", "plain"]

TINY_PIXELS = 64
"""An image whose shorter side has at most so many pixels is tiny: what moves a photograph a little moves it away."""


def family_of(program: Program, layers: Iterable[Layer], input_shape: tuple[int, ...]) -> Family:
    """Tell the family of a network, by the first of these that holds.

    `tiny`: images whose shorter side has at most 64 pixels. `transformer`: somewhere two values that both depend on the
    image are multiplied as matrices, which is attention. `depthwise`: a convolution that keeps channels apart. `plain`:
    the rest.

    Args:
        program: The traced model.
        layers: Its layers.
        input_shape: Shape of one image, height and width first.
    """
    if len(input_shape) == 3 and min(input_shape[:2]) <= TINY_PIXELS:
        return "tiny"
    if any(_is_attention(program, equation) for equation in program.equations):
        return "transformer"
    if any(layer.kind == "depthwise conv" for layer in layers):
        return "depthwise"
    return "plain"


def _is_attention(program: Program, equation: Equation) -> bool:
    dependent = [value for value in equation.reads if program.depends[value]]
    return equation.primitive == "dot_general" and len(dependent) == 2
