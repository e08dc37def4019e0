"""Compiled programs are kept for the next process unless the user decides otherwise; nothing ever breaks on it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Renders two units of a tiny model and says what was compiled, and where JAX keeps programs.
PROGRAM = """
import json, warnings
warnings.simplefilter("error")
import jax
import jax.numpy as jnp

BEFORE

asked, found = [], []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, *_, **__: asked.append(event) if event.endswith("backend_compile_duration") else None)
jax.monitoring.register_event_listener(
    lambda event, **_: found.append(event) if event.endswith("compilation_cache/cache_hits") else None)

import jaxviz

model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
rendering = jaxviz.render(model, "mean", units=[0, 2], steps=3, size=16, progress=False)

# jax is asked whether it knows each option; one that it refuses compiled nothing that could be kept.
from jaxviz.models.jax_internals import climbing_options
refused = "xla_cpu_experimental_ynn_fusion_type" not in climbing_options("cpu")

print(json.dumps({
    "compiled": len(asked) - len(found) - refused,
    "states": rendering.states,
    "pixels": rendering.images.tolist(),
    "folder": jax.config.jax_compilation_cache_dir,
    "least": jax.config.jax_persistent_cache_min_compile_time_secs,
}))
"""


def run(cache_home, *, before="", **variables):
    inherited = {name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name}
    environment = {**inherited, "XDG_CACHE_HOME": str(cache_home), "JAX_PLATFORMS": "cpu", **variables}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("BEFORE", before)],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def entries(folder):
    return sorted(Path(folder).rglob("*-cache"))


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cache folder is set by XDG_CACHE_HOME")


@pytest.mark.smoke
def test_a_second_process_compiles_nothing_and_draws_the_same_bits(tmp_path):
    first, second = run(tmp_path), run(tmp_path)
    assert first["compiled"] > 5
    assert second["compiled"] == 0
    assert second["pixels"] == first["pixels"]
    assert Path(first["folder"]).is_relative_to(tmp_path / "jaxviz")
    assert Path(first["folder"]).stat().st_mode & 0o077 == 0, "programs are run: no one else may write them"


def test_entries_that_were_cut_short_are_compiled_and_kept_again(tmp_path):
    first = run(tmp_path)
    whole = {path: path.read_bytes() for path in entries(tmp_path)}
    for path, content in whole.items():
        path.write_bytes(content[: len(content) // 2])
    assert run(tmp_path)["pixels"] == first["pixels"]
    assert {path: len(path.read_bytes()) > len(content) // 2 for path, content in whole.items()} == dict.fromkeys(
        whole, True
    )
    assert run(tmp_path)["compiled"] == 0


def test_an_entry_that_breaks_later_is_compiled_again_without_a_word(tmp_path):
    first = run(tmp_path)
    run(tmp_path)
    (mark,) = tmp_path.rglob("checked")
    for path in entries(tmp_path):
        path.write_bytes(b"\x78 no program")
        os.utime(path, (0, 0))  # older than the mark: taken for checked
    assert mark.exists()
    again = run(tmp_path)
    assert again["pixels"] == first["pixels"]
    assert again["compiled"] == first["compiled"]


@pytest.mark.parametrize("home", ["/dev/null/nowhere", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_means_no_cache_and_no_error(home):
    result = run(home)
    assert result["states"] == ["done", "done"]
    assert result["folder"] is None


@pytest.mark.parametrize(
    ("before", "variables"),
    [
        ("", {"JAX_ENABLE_COMPILATION_CACHE": "false"}),
        ("jax.config.update('jax_enable_compilation_cache', False)", {}),
        ("", {"JAX_COMPILATION_CACHE_DIR": ""}),
    ],
)
def test_jaxs_own_switches_turn_it_off(tmp_path, before, variables):
    assert run(tmp_path, before=before, **variables)["compiled"] > 5
    assert entries(tmp_path) == []


def test_a_folder_that_the_user_chose_is_used_with_the_users_threshold(tmp_path):
    for before, variables in (
        ("", {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "own")}),
        (f"jax.config.update('jax_compilation_cache_dir', {str(tmp_path / 'own')!r})", {}),
    ):
        result = run(tmp_path / "home", before=before, **variables)
        assert (result["folder"], result["least"]) == (str(tmp_path / "own"), 1.0)
    assert not (tmp_path / "home").exists()


def test_the_users_threshold_holds_in_our_folder(tmp_path):
    result = run(tmp_path, JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="1000")
    assert (result["least"], entries(tmp_path)) == (1000.0, [])
    set_in_jax = 'jax.config.update("jax_persistent_cache_min_compile_time_secs", 1000.0)'
    result = run(tmp_path, before=set_in_jax)
    assert (result["least"], entries(tmp_path)) == (1000.0, [])


def test_the_oldest_entries_go_when_the_folder_is_full(tmp_path, monkeypatch):
    from jaxviz.models import compilation

    monkeypatch.setattr(compilation, "MAX_BYTES", 250)
    for age in range(4):
        entry = tmp_path / f"{age}-cache"
        entry.write_bytes(b"\x28" + bytes(99))
        os.utime(entry, (1_000_000 - age, 1_000_000 - age))
    assert compilation._is_usable(tmp_path)
    assert [path.name for path in entries(tmp_path)] == ["0-cache", "1-cache"]


def test_an_own_folder_for_each_kind_of_processor_and_none_without_a_home(tmp_path, monkeypatch):
    from jaxviz.models import compilation

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    here = compilation.cache_folder()
    monkeypatch.setattr(compilation, "_processor", lambda: "another")
    there = compilation.cache_folder()
    assert here is not None
    assert there is not None
    assert (here.parent, there.name) == (there.parent, "another")
    assert here != there
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    relative = compilation.cache_folder()
    assert relative is not None
    assert relative.is_absolute()

    def homeless():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert compilation.cache_folder() is None
