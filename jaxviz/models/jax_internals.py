"""Touch the parts of jax that are not its stable public interface, and nothing else.

Everything the interpreter needs to know about the representation of a traced program (its equations, their
name scopes, their nested programs) goes through these few functions, so that a new jax version asks for
changes in one file. Tested on the lowest and the highest supported jax.
"""

import functools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import jax
from jax._src.core import DebugInfo
from jax.extend import core as jax_core

_NN_FUNCTIONS_FILE = "jax/_src/nn/functions.py"
_LARGE_BYTES = 2**16


def trace(function: Callable[..., Any], *arguments: Any) -> Any:
    """Trace a function of pytrees to a closed jaxpr; arguments may be `jax.ShapeDtypeStruct`s.

    Returns:
        The closed jaxpr. Arrays that the function closes over are its `consts`.
    """
    return jax.make_jaxpr(function)(*arguments)


def split(program: Any, count: int) -> tuple[list[Any], Callable[..., list[Any]], Callable[..., list[Any]]]:
    """Split a program in its large constants, what its first inputs alone decide, and the rest.

    Equations whose result is larger than what they read stay in the rest: to keep it costs more than to make it. Small
    constants do, too: the compiler computes with them.

    Args:
        program: A closed jaxpr.
        count: How many inputs are the first.

    Returns:
        The constants, `early(*first_inputs) -> kept` and `late(*constants, *kept, *other_inputs) -> results`, which
        return a list each.
    """
    jaxpr = program.jaxpr
    constants = list(zip(jaxpr.constvars, program.consts, strict=True))
    large = [(variable, value) for variable, value in constants if _bytes(variable) > _LARGE_BYTES]
    small = [(variable, value) for variable, value in constants if _bytes(variable) <= _LARGE_BYTES]
    known: dict[Any, None] = dict.fromkeys(jaxpr.invars[:count])
    early: list[Any] = []
    late: list[Any] = []
    for equation in jaxpr.eqns:
        reads = {atom for atom in equation.invars if not is_literal(atom)}
        grows = sum(_bytes(result) for result in equation.outvars) > sum(map(_bytes, reads))
        if reads and reads <= known.keys() and not grows and not equation.effects:
            early.append(equation)
            known |= dict.fromkeys(equation.outvars)
        else:
            late.append(equation)
    read_late = {atom for equation in late for atom in equation.invars if not is_literal(atom)}
    read_late |= {atom for atom in jaxpr.outvars if not is_literal(atom)}
    kept = [variable for variable in known if variable in read_late]

    def part(
        constants: Sequence[Any], inputs: Sequence[Any], results: Sequence[Any], equations: Sequence[Any]
    ) -> Callable[..., list[Any]]:
        made = jax_core.Jaxpr(
            constvars=[variable for variable, _value in constants],
            invars=list(inputs),
            outvars=list(results),
            eqns=list(equations),
            effects=jaxpr.effects,
            debug_info=_debug_info(len(inputs), len(results)),
        )
        closed = jax_core.ClosedJaxpr(made, [value for _variable, value in constants])
        return cast(Callable[..., list[Any]], jax_core.jaxpr_as_fun(closed))

    inputs = [*(variable for variable, _value in large), *kept, *jaxpr.invars[count:]]
    return (
        [value for _variable, value in large],
        part([], jaxpr.invars[:count], kept, early),
        part(small, inputs, jaxpr.outvars, late),
    )


def _bytes(variable: Any) -> int:
    shape, dtype = variable.aval.shape, variable.aval.dtype
    return math.prod(shape) * (dtype.itemsize if hasattr(dtype, "itemsize") else 4)


def is_literal(atom: Any) -> bool:
    """Say whether an equation's operand is a constant written into the program."""
    return isinstance(atom, jax_core.Literal)


def scopes(equation: Any) -> tuple[str, ...]:
    """Return the names of the `jax.named_scope`s an equation was traced in, outermost first.

    Marks of transformations (`vmap`, `jvp`) are left out: they name no module.
    """
    stack = equation.source_info.name_stack.stack
    return tuple(entry.name for entry in stack if type(entry).__name__ == "Scope" and entry.name)


def nn_function(equation: Any) -> str:
    """Return the name of the `jax.nn` function that an equation comes from, or ''.

    `jax.nn.gelu` and others leave no name in the program, only in the traceback of each equation.
    """
    traceback = equation.source_info.traceback
    if traceback is None:
        return ""
    found = ""
    for frame in traceback.frames:
        if frame.file_name.endswith(_NN_FUNCTIONS_FILE):
            found = frame.function_name
        elif found:
            break
    return found


def nested_program(equation: Any) -> Any | None:
    """Return the closed jaxpr that a call-like equation runs exactly once, or None.

    `jit`, `remat` and closed calls are such calls; `custom_jvp_call` and `custom_vjp_call` are not listed here
    because running their body in place of them would lose the gradient rule that they exist for.
    """
    if equation.primitive.name not in ("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"):
        return None
    return _closed(equation.params.get("jaxpr", equation.params.get("call_jaxpr")))


def rule_body(equation: Any) -> Any | None:
    """Return the primal body of a `custom_jvp_call` or `custom_vjp_call` equation, or None."""
    if not equation.primitive.name.startswith(("custom_jvp_call", "custom_vjp_call")):
        return None
    body = equation.params.get("call_jaxpr", equation.params.get("fun_jaxpr"))
    return None if body is None else _closed(body)


def inner_equations(program: Any) -> Iterator[Any]:
    """Yield the equations of a closed jaxpr and, in place of a call or a custom rule, those of its body."""
    for equation in program.jaxpr.eqns:
        body = nested_program(equation) or rule_body(equation)
        yield from [equation] if body is None else inner_equations(body)


def loop_body(equation: Any) -> Any:
    """Return the closed jaxpr of one turn of a `scan` equation."""
    return _closed(equation.params["jaxpr"])


def loop_counts(equation: Any) -> tuple[int, int]:
    """Return how many operands of a `scan` equation are the same in every turn, and how many are carried on.

    They are its first; the others are sliced. Up to jax 0.10 numbers say so, since 0.11 trees of the operands.
    """
    params = equation.params
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    constants, carries, _ = params["ft_in"].unpack()
    return len(constants), len(carries)


def _closed(program: Any) -> Any:
    return program if hasattr(program, "jaxpr") else jax_core.ClosedJaxpr(program, [])


def run(equation: Any, operands: Sequence[Any]) -> list[Any]:
    """Run one equation, as it stands, on arrays or tracers."""
    variables = [atom for atom in equation.invars if not is_literal(atom)]
    values = [value for atom, value in zip(equation.invars, operands, strict=True) if not is_literal(atom)]
    unique = list(dict.fromkeys(variables))
    position = {variable: index for index, variable in enumerate(variables)}
    program = jax_core.Jaxpr(
        constvars=[],
        invars=unique,
        outvars=equation.outvars,
        eqns=[equation],
        effects=equation.effects,
        debug_info=_debug_info(len(unique), len(equation.outvars)),
    )
    function = cast(Callable[..., list[Any]], jax_core.jaxpr_as_fun(jax_core.ClosedJaxpr(program, [])))
    return list(function(*[values[position[variable]] for variable in unique]))


def _debug_info(inputs: int, outputs: int) -> Any:
    return DebugInfo(
        "jaxviz equation", "jaxviz", tuple("input" for _ in range(inputs)), tuple("" for _ in range(outputs))
    )


_CLIMBING_OPTIONS: dict[str, dict[str, str | bool]] = {
    "cpu": {
        "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,"
        "LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION",
    },
    "gpu": {"xla_gpu_exclude_nondeterministic_ops": True},
}


@functools.cache
def climbing_options(backend: str) -> dict[str, str | bool]:
    """Return compiler options under which a climb is fast and gives the same bits whenever it is run.

    XLA's CPU backend hands reductions to a library that adds in another order for small batches; kept to products and
    convolutions it does not. On a GPU some of cuDNN's convolutions add in the order in which threads happen to arrive;
    without those the same program gives the same bits. An option that this jax does not know is left out.

    Not among them: `xla_cpu_prefer_vector_width=512`, which is faster and gives arctan wrong (docs/performance.md).
    """
    options = {name: value for name, value in _CLIMBING_OPTIONS.get(backend, {}).items() if _is_known(name, value)}
    return options | beside_others(backend)


def _is_known(option: str, value: str | bool) -> bool:
    try:
        jax.jit(operator.neg, compiler_options={option: value}).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def beside_others(backend: str) -> dict[str, str | bool]:
    """Return compiler options for a program with Fourier transforms that runs while other such programs run.

    Since jax 0.11 XLA's CPU backend shares out each transform over its threads and keeps one of them waiting for the
    rest. As many programs as there are threads then wait for each other for ever (docs/performance.md). With this
    option, of which nothing else takes notice, one thread makes the transform, as in earlier versions.
    """
    shared_out = backend == "cpu" and jax.__version_info__ >= (0, 11)
    return {"xla_cpu_multi_thread_eigen": False} if shared_out else {}


def quick_options(backend: str) -> dict[str, str]:
    """Return compiler options for a program that runs once: compiled in a tenth of the time, with the same results."""
    return {"xla_backend_optimization_level": "1"} if backend == "cpu" else {}
