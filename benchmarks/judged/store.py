"""What takes long is made once and kept in a folder."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

STORE = Path(__file__).parents[2] / ".benchmarks" / "quality"


def kept(name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return what was made under this name before, or make it."""
    path = STORE / f"{name}.npy"
    if not path.exists():
        array = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part.npy")  # another run may be making it, too
        np.save(unfinished, array)
        unfinished.replace(path)
    return np.load(path)


def digest(what: Any) -> str:
    """Return a short name for plain data."""
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12]
