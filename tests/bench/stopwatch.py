"""One command measured whole, as a process: seconds, seconds of CPU, and its own peak."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A process of its own, and a small one: the peak of a child begins with the size of its parent.
_STOPWATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


@dataclass(frozen=True, slots=True)
class Used:
    seconds: float
    cpu: float
    megabytes: float

    def __add__(self, other: Used) -> Used:
        """One after the other."""
        peak = max(self.megabytes, other.megabytes)
        return Used(self.seconds + other.seconds, self.cpu + other.cpu, peak)

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.cpu:.1f} s CPU), peak {self.megabytes:.0f} MB"


def timed(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Used:
    done = subprocess.run(
        [sys.executable, "-c", _STOPWATCH, *command],
        env=environment,
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
    )
    seconds, cpu, kilobytes = done.stdout.split()[-3:]
    return Used(float(seconds), float(cpu), int(kilobytes) / 1024)
