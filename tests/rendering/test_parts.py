"""Parts of the lanes climb at the same time on a CPU."""

import os
import subprocess
import sys
from pathlib import Path

# The size of XLA's pool of threads must be said before jax starts.
PROGRAM = """
import sys
sys.path[:0] = ["tests", "tests/rendering"]
import jaxviz
from jaxviz.rendering import engine, engines
from test_render import small_network

engines.parts_at_once = lambda lanes: min(lanes, 2)
climbed_in, original = [], engine.Parts.__init__

def watched(self, count, advance):
    climbed_in.append(count)
    original(self, count, advance)

engine.Parts.__init__ = watched
model = jaxviz.wrap(small_network(), input_shape=(128, 128, 3))
rendering = jaxviz.render(model, "second", units=[0, 1], steps=96, size=128, progress=False)
assert list(rendering.states) == ["done", "done"], rendering.states
assert climbed_in == [2], climbed_in
"""


def test_parts_end_on_a_machine_with_no_more_threads_than_parts():
    # jax 0.11 shares out Fourier transforms over these threads, and parts waited for each other for ever.
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "NPROC": "2", "JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
