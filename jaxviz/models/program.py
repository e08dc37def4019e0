"""A traced model as one list of equations, any of whose values can be evaluated.

Values are numbered in order, each made by one equation that knows the name scope of the module that made it.
`Program.evaluate` runs just the equations that the wanted values need.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxviz.models import jax_internals

Array = jax.Array
Lowering = Callable[[str, Mapping[str, Any], Sequence[Array]], Array | None]
Replacement = Callable[[Mapping[int, Array]], Array]

_PLAIN: tuple[type, ...] = (bool, int, float, str, tuple, type(None))

# The scope of what happens to images before the user's model: no layer is found there.
PREPROCESSING = "jaxviz.preprocessing"


class Constant(NamedTuple):
    """A number written into the program."""

    value: Any


Operand = int | Constant


@dataclasses.dataclass(frozen=True, eq=False)
class Equation:
    """One operation of a flattened program.

    Attributes:
        primitive: Name of the jax primitive, or `index`/`stack` for the ends of an unrolled loop.
        operands: Numbers of the values it reads, or constants.
        results: Numbers of the values it makes.
        params: The primitive's own parameters.
        scope: Names of the enclosing modules, outermost first.
        function: The `jax.nn` function it is a part of, or ''.
        call: Number that equations of the same call of `function` share.
        source: The jaxpr equation, or None for the ends of an unrolled loop.
    """

    primitive: str
    operands: tuple[Operand, ...]
    results: tuple[int, ...]
    params: Mapping[str, Any]
    scope: tuple[str, ...]
    function: str
    call: int
    source: Any

    @property
    def reads(self) -> tuple[int, ...]:
        """Numbers of the values it reads."""
        return tuple(operand for operand in self.operands if isinstance(operand, int))

    @property
    def is_preprocessing(self) -> bool:
        """Whether it belongs to the scaling of images and not to the model."""
        return self.scope[:1] == (PREPROCESSING,)

    def run(self, operands: Sequence[Any]) -> list[Any]:
        """Compute the results from the operands."""
        if self.source is not None:  # jax has a primitive of its own that is called stack
            return jax_internals.run(self.source, operands)
        if self.primitive == "index":
            return [jax.lax.index_in_dim(operands[0], self.params["index"], 0, keepdims=False)]
        return [jnp.stack(list(operands))]


class Program:
    """A flattened program: numbered values, the equations that make them, and the arrays it was closed over.

    Attributes:
        equations: In an order in which they can be run.
        shapes: Shape and dtype of every value.
        image_value: Number of the value that holds the images.
        weight_values: Numbers of the values that hold the weights, in the order of `weights`.
        closed_over: Arrays found inside the trace; they come after the caller's own weights in `weight_values`.
        outputs: Numbers of the values that the function returns.
        depends: Whether each value depends on the images.
        maker: The equation that makes each value.
    """

    def __init__(
        self,
        equations: Sequence[Equation],
        shapes: Sequence[jax.ShapeDtypeStruct],
        image_value: int,
        weight_values: Sequence[int],
        closed_over: Sequence[Any],
        outputs: Sequence[Operand],
    ) -> None:
        self.equations = tuple(equations)
        self.shapes = tuple(shapes)
        self.image_value = image_value
        self.weight_values = tuple(weight_values)
        self.closed_over = tuple(closed_over)
        self.outputs = tuple(output for output in outputs if isinstance(output, int))
        self.maker: dict[int, Equation] = {value: equation for equation in self.equations for value in equation.results}
        self.depends = self._dependence()

    def _dependence(self) -> tuple[bool, ...]:
        depends = [False] * len(self.shapes)
        depends[self.image_value] = True
        for equation in self.equations:
            if any(depends[value] for value in equation.reads):
                for value in equation.results:
                    depends[value] = True
        return tuple(depends)

    @functools.cached_property
    def readers(self) -> dict[int, tuple[Equation, ...]]:
        """The equations that read each value."""
        readers: dict[int, list[Equation]] = {}
        for equation in self.equations:
            for value in dict.fromkeys(equation.reads):
                readers.setdefault(value, []).append(equation)
        return {value: tuple(equations) for value, equations in readers.items()}

    def description(self) -> Iterator[str]:
        """Write down what is computed, equation by equation, the same for the same computation everywhere."""
        for equation in self.equations:
            operands = [
                str(operand) if isinstance(operand, int) else repr(np.asarray(operand.value).tolist())
                for operand in equation.operands
            ]
            params = {
                name: value
                for name, value in equation.params.items()
                if isinstance(value, _PLAIN) and " at 0x" not in repr(value)
            }
            yield f"{equation.results} = {equation.primitive} {operands} {sorted(params.items())}"

    def is_alike(self, other: "Program") -> bool:
        """Say whether another program has the same operations on the same values, whatever their shapes."""
        mine, others = ([(each.primitive, each.reads, each.results) for each in it.equations] for it in (self, other))
        return mine == others

    def needed(self, wanted: Iterable[int], known: Iterable[int] = ()) -> list[Equation]:
        """Return the equations, in order, without which the wanted values cannot be computed from the known."""
        missing, seen = set(wanted), set(known)
        equations: list[Equation] = []
        for equation in reversed(self.equations):
            if any(value in missing and value not in seen for value in equation.results):
                equations.append(equation)
                missing.update(equation.reads)
        return equations[::-1]

    def fixed_values(self, wanted: Iterable[int]) -> tuple[int, ...]:
        """Return the values that do not depend on the images and from which the wanted ones are computed."""
        wanted = tuple(wanted)
        reads = {
            value for equation in self.needed(wanted) if self.depends[equation.results[0]] for value in equation.reads
        }
        return tuple(sorted(value for value in reads.union(wanted) if not self.depends[value]))

    def evaluate(
        self,
        known: Mapping[int, Array],
        wanted: Sequence[int],
        *,
        lowering: Lowering | None = None,
        replaced: Mapping[int, Replacement] = MappingProxyType({}),
    ) -> list[Array]:
        """Compute values from known ones, by the fewest equations that do.

        Args:
            known: Arrays (or tracers) for the numbers of values: the weights and the images, or whatever cuts
                the program above the wanted values.
            wanted: Numbers of the values to compute.
            lowering: Offered each equation that depends on the images: `(primitive, params, operands)` to an
                equal result that is faster on this backend, or None to leave the equation as it is.
            replaced: For numbers of values, what computes them from the values before, in place of their equations.

        Returns:
            One array for each wanted value.
        """
        values: dict[int, Any] = dict(known)
        for equation in self.needed(wanted, known):
            if equation.results[0] in replaced:
                values[equation.results[0]] = replaced[equation.results[0]](values)
            else:
                values.update(zip(equation.results, self.run(equation, values, lowering), strict=True))
        return [values[value] for value in wanted]

    def run(self, equation: Equation, values: Mapping[int, Any], lowering: Lowering | None) -> list[Any]:
        """Compute the results of one equation from the values before it, by its equal if there is a faster one."""
        operands = [values[operand] if isinstance(operand, int) else operand.value for operand in equation.operands]
        lowered = None
        if lowering is not None and self.depends[equation.results[0]]:
            lowered = lowering(equation.primitive, equation.params, operands)
        return equation.run(operands) if lowered is None else [lowered]
