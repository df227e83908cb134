"""The files that a new form names, put away before the form itself is kept."""

from __future__ import annotations

from pathlib import Path

from forms.xlsform import Compiled
from server.runtime import Runtime
from sync import places, publish
from sync.blobs import FormBlob


def put_files(
    runtime: Runtime, compiled: Compiled, folder: Path | None = None
) -> dict[str, FormBlob]:
    """By name: those of `folder`, what the form's own source makes, and our places."""
    with runtime.database.read() as db:
        units_csv = places.units_csv(db)
    return publish.put_media(runtime.blobs, units_csv, compiled, folder)
