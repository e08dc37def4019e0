"""What one waits for before a picture: `python benchmarks/startup.py [--rounds 3]`.

Starts fresh processes that load EfficientNet-Lite0 and climb one unit at 128 pixels: with an empty cache folder, and
then with what the first has left there. Prints medians of seconds and the number of compilations, beside the targets.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from side_by_side.cold import STEPS
from side_by_side.report import table

PROGRAM = Path(__file__).parent / "side_by_side" / "cold.py"
PROCESSES = ("empty cache", "warm cache")
TARGETS = {
    "import jaxviz": "0.5 s beyond jax",
    "all of it, to the first snapshot": "10 s cold, 4 s warm",
    "another unit, first snapshot": "0.3 s, 0 compilations",
    "a moved slider, first snapshot": "0 compilations",
}


def times(home: str) -> dict[str, float]:
    """Run a fresh process whose cache folder is in a given folder."""
    kept = {name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name}
    environment = kept | {"XDG_CACHE_HOME": home, "LOCALAPPDATA": home}
    command = [sys.executable, str(PROGRAM), "jaxviz"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(f"The process failed:\n{answer.stderr}")
    return json.loads(answer.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each kind (default: 3)")
    given = parser.parse_args()
    print(
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; snapshots are at steps 0 and {STEPS}\n"
    )
    found: dict[str, list[dict[str, float]]] = {name: [] for name in PROCESSES}
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as home:
            for name in PROCESSES:
                found[name].append(times(home))
    rows = []
    for what in (name for name in found[PROCESSES[0]][0] if not name.endswith(": compilations")):
        cells = []
        for process in PROCESSES:
            seconds = statistics.median(run[what] for run in found[process])
            cells += [
                f"{seconds:.3f}",
                f"{statistics.median(run[f'{what}: compilations'] for run in found[process]):.0f}",
            ]
        rows.append([what, *cells, TARGETS.get(what, "")])
    header = ["what", *(f"{process}{part}" for process in PROCESSES for part in (", s", ", compiled")), "target"]
    print(table(header, rows))


if __name__ == "__main__":
    main()
