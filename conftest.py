"""What every test stands on: checked shapes, strict arithmetic, the CPU, and examples that repeat."""

import os
from collections.abc import Iterator

# Read by jax and keras when they are first imported.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")
# A test must see what is compiled from nothing, and leave nothing in the home folder of who runs it.
os.environ.setdefault("JAX_ENABLE_COMPILATION_CACHE", "false")

from jaxtyping import install_import_hook

# Must come before the first import of jaxviz: while testing, every shape in a signature is checked.
install_import_hook("jaxviz", "checked_types.checked")

import jax
import pytest
from hypothesis import settings

# The mathematics that is all ours, where no user's model runs.
LEAVES = ("objectives", "parameterizations", "transforms")

settings.register_profile("jaxviz", max_examples=25, deadline=None, derandomize=True, database=None)
settings.load_profile("jaxviz")


@pytest.fixture
def key() -> jax.Array:
    """A random key, the same in every run."""
    return jax.random.key(0)


@pytest.fixture(autouse=True)
def strict_arithmetic(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let our own mathematics say what it means: no silent widening of ranks or types.

    Frameworks and users' models count on both, so the rule stops where they run.
    """
    if any(leaf in str(request.path.relative_to(request.config.rootpath)) for leaf in LEAVES):
        with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
            yield
    else:
        yield
