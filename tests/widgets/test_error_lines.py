"""What went wrong, as the one line that a widget shows."""

import jax
import pytest

from jaxviz.widgets.errors import one_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError("no layer 'x'"), "no layer 'x'"),
        (ValueError("first\n  second"), "first second"),
        (MemoryError("4 GiB"), "MemoryError: 4 GiB"),
        (RuntimeError("Traceback (most recent call last)"), "RuntimeError: Traceback (most recent call last)"),
    ],
)
def test_an_error_is_said_in_one_line(error, line):
    assert one_line(error) == line


def test_of_python_that_compiled_code_calls_back_the_cause_is_said_and_not_where_it_was_raised():
    def check(image):
        raise RuntimeError("the camera\nis on fire")

    @jax.jit
    def function(image):
        return jax.pure_callback(check, jax.ShapeDtypeStruct(image.shape, image.dtype), image)

    with pytest.raises(Exception, match="on fire") as raised:
        function(jax.numpy.zeros(3)).block_until_ready()
    assert one_line(raised.value) in (
        "RuntimeError: the camera is on fire",
        f"{raised.type.__name__}: RuntimeError: the camera is on fire",
    )
