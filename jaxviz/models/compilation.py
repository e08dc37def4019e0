"""Keep compiled programs on disk, so that the next process need not compile them again.

This is JAX's own persistent cache, switched on where the user has not decided about it. Nothing that happens to the
folder may reach a user: an unusable one means no cache, and an unusable entry means that a program is compiled again.
"""

import contextlib
import functools
import hashlib
import os
import platform
import sys
import time
import warnings
import zlib
from pathlib import Path
from typing import Any, cast

import jax

# Entries are small, 200 kB for a step; many small programs are worth keeping, because a first picture needs a dozen.
MIN_COMPILE_SECONDS = 0.0
# JAX's own, where the user has set none.
JAX_MIN_COMPILE_SECONDS = 1.0
MAX_BYTES = 2**30

_ENTRIES = "*-cache"
_CHECKED = "checked"
_ZLIB_START = b"\x78"


@functools.cache
def keep_compiled_programs() -> Path | None:
    """Switch JAX's persistent compilation cache on, once a process, unless the user has decided about it.

    The user has decided if JAX knows a folder already (`JAX_COMPILATION_CACHE_DIR`, or `jax.config`), or if JAX's
    cache is off (`JAX_ENABLE_COMPILATION_CACHE=false`, or `jax.config`). JAX has one cache a process, so programs of
    the user's that are compiled later are kept too.

    Returns:
        The folder that was chosen, or None if nothing was changed.
    """
    decided = cast(Any, jax.config)  # its attributes have no types
    if decided.jax_compilation_cache_dir is not None or not decided.jax_enable_compilation_cache:
        return None
    folder = cache_folder()
    if folder is None or not _is_usable(folder):
        return None
    # JAX warns of an entry that cannot be read or written and compiles: true, and of no use to who reads it.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache entry")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    threshold = decided.jax_persistent_cache_min_compile_time_secs
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ and threshold == JAX_MIN_COMPILE_SECONDS:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SECONDS)
    return folder


def cache_folder() -> Path | None:
    """Return the folder for compiled programs in the user's cache folder, or None if there is no such.

    Each kind of processor has its own: a program compiled for one may not run on another that shares the home folder.
    """
    try:
        home = Path.home()
    except RuntimeError:
        return None
    usual = {"darwin": home / "Library" / "Caches", "win32": home / "AppData" / "Local"}.get(
        sys.platform, home / ".cache"
    )
    chosen = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    # The XDG specification says to ignore a path that is not absolute.
    base = Path(chosen) if Path(chosen).is_absolute() else usual
    return base / "jaxviz" / "compiled" / _processor()


def _processor() -> str:
    """Return a short name for the kind of processor, from the instructions that it knows if the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        features = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    except OSError:
        features = platform.processor()
    digest = hashlib.sha256(features.encode()).hexdigest()[:8]
    return f"{platform.machine() or 'unknown'}-{digest}"


def _is_usable(folder: Path) -> bool:
    """Make the folder, and put it in order; say whether it can be used."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_broken(folder)
        _remove_oldest(folder)
    except OSError:
        return False
    return True


def _remove_broken(folder: Path) -> None:
    """Remove entries that a killed process or a full disk has cut short: JAX would never write them again.

    Each is looked at once: the time of a file says when that was done last.
    """
    mark = folder / _CHECKED
    last = mark.stat().st_mtime if mark.exists() else 0.0
    began = time.time()
    for status, entry in _entries(folder):
        if status.st_mtime >= last and not _is_whole(entry):
            entry.unlink(missing_ok=True)
    # Writing it is also how a folder shows that it can be written to. Clocks of file systems are coarse.
    mark.touch()
    os.utime(mark, (began - 2.0, began - 2.0))


def _entries(folder: Path) -> list[tuple[os.stat_result, Path]]:
    """Return the entries, less what another process removes meanwhile."""
    found: list[tuple[os.stat_result, Path]] = []
    for entry in folder.glob(_ENTRIES):
        with contextlib.suppress(FileNotFoundError):
            found.append((entry.stat(), entry))
    return found


def _is_whole(entry: Path) -> bool:
    """Say whether an entry has its end; True for a compression other than zlib's, which only JAX can read."""
    with contextlib.suppress(FileNotFoundError):
        compressed = entry.read_bytes()
        if compressed and not compressed.startswith(_ZLIB_START):
            return True
        try:
            zlib.decompress(compressed)
        except zlib.error:
            return False
    return True


def _remove_oldest(folder: Path) -> None:
    """Keep the folder below its largest size; JAX can do so only with a package that is not always there."""
    entries = _entries(folder)
    size = sum(status.st_size for status, _ in entries)
    for status, entry in sorted(entries, key=lambda found: found[0].st_mtime):
        if size <= MAX_BYTES:
            return
        entry.unlink(missing_ok=True)
        size -= status.st_size
