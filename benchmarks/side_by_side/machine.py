"""What the machine is, and how much of it something else is using."""

import dataclasses
import os
import platform
import resource
import time
from pathlib import Path

import psutil

from side_by_side.cases import THREADS

# More than this, in cores, taken by others while a system runs makes its time doubtful.
BUSY_CORES = 0.2


@dataclasses.dataclass
class Watch:
    """Measures how many cores processes other than the one asked keep busy."""

    began: float
    busy: float

    @classmethod
    def start(cls) -> "Watch":
        return cls(time.perf_counter(), _busy_seconds())

    def others(self, own_seconds: float) -> float:
        """Return the cores in use since the start that did not work for us.

        Args:
            own_seconds: CPU seconds that our process used.
        """
        elapsed = time.perf_counter() - self.began
        return max((_busy_seconds() - self.busy - own_seconds) / elapsed, 0.0)


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return sum(times[:4]) - times.idle + times.irq + times.softirq + times.steal


def own_seconds() -> float:
    """Return the CPU seconds that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def restrict_to_threads() -> None:
    """Let this process use only as many processors as all systems have; before anything starts threads."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(THREADS)


def description() -> str:
    """Describe the machine in a line."""
    with Path("/proc/cpuinfo").open() as lines:
        models = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    memory = psutil.virtual_memory().total / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{', '.join(sorted(models)) or platform.processor()}, {cores} processors, {memory:.0f} GiB"
