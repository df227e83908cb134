"""The files that a form names, put away before the form itself is kept or changed."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from forms.file_kinds import HEAD, belied_ending
from forms.form_problems import MEDIA_OF_OTHER_KIND
from forms.problems import Refused
from forms.xlsform import Compiled
from server.runtime import Runtime
from sync import places, publish
from sync.blobs import FormBlob, put_for_phones


def put_files(
    runtime: Runtime, compiled: Compiled, folder: Path | None = None
) -> dict[str, FormBlob]:
    """By name: those of `folder`, what the form's own source makes, and our places."""
    with runtime.database.read() as db:
        units_csv = places.units_csv(db)
    return publish.put_media(runtime.blobs, units_csv, compiled, folder)


def put_file(runtime: Runtime, name: str, stream: BinaryIO) -> FormBlob:
    """Other bytes for one of them. Refused(MEDIA_OF_OTHER_KIND)."""
    blob = put_for_phones(runtime.blobs, stream)
    with runtime.blobs.open(blob.sha256) as source:
        if belied_ending(name, source.read(HEAD)) is not None:
            raise Refused(MEDIA_OF_OTHER_KIND(file=name))
    return blob
