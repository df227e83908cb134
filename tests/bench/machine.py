"""The machine that was measured on, without names of hosts."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from pathlib import Path

import psutil


def machine(folder: Path) -> str:
    """What the figures are of."""
    model = "unknown CPU"
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} × {model}, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, fsync {fsync_ms(folder):.2f} ms"
    )


def fsync_ms(folder: Path) -> float:
    """Mean of 200 small durable writes: what a 201 has to wait for at least."""
    path = folder / "fsync"
    with path.open("wb", buffering=0) as file:
        start = time.perf_counter()
        for _ in range(200):
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
        took = time.perf_counter() - start
    path.unlink()
    return took / 200 * 1000
