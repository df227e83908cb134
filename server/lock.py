"""One `serve` for one data folder: whoever holds the lock of the folder serves it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

NAME = "serve.lock"
PATIENCE = 3.0  # seconds: what a killed `serve` leaves behind ends within a second or two


class Taken(Exception):
    """Another `serve` holds the folder."""


def hold(folder: Path, patience: float = PATIENCE) -> int:
    """Hold the folder until this process and its children are gone, however they end.

    The system keeps the lock, not the file: one left behind locks nothing. Raises Taken, OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(file)
                raise Taken from None
        time.sleep(0.1)
