"""Open encrypted submissions with a key that lives in this process only, and is never written."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from forms import photos
from forms.encrypted import Envelope, open_envelope, open_file, read_envelope
from forms.problems import ENCRYPTED_DAMAGED, ENCRYPTED_FILE_MISSING, UNAVAILABLE, Refused
from server.runtime import Runtime
from sync import attachments, sealed
from sync.sealed import Sealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from sync.attachments import Attachment

BATCH = 50
OPENED = "opened"


def open_waiting(runtime: Runtime, key: RSAPrivateKey, *, again: bool = False) -> Counter[str]:
    """Try the key on all that waits; how many were opened, or not for which reason (its code).

    `again`: also on those that a key has failed on. What is opened is queued to be processed.
    """
    told: Counter[str] = Counter()
    after = 0
    while True:
        with runtime.database.read() as db:
            found = sealed.waiting(db, BATCH, again=again, after=after)
        if not found:
            return told
        told.update(_open_one(runtime, key, one) for one in found)
        after = found[-1].submission_version_id


def _open_one(runtime: Runtime, key: RSAPrivateKey, one: Sealed) -> str:
    """Decrypt outside the transaction, then keep; a file still on its way is no failure."""
    try:
        with ExitStack() as streams:
            files = {n: streams.enter_context(runtime.blobs.open(h)) for n, h in one.files.items()}
            xml = open_envelope(read_envelope(one.xml), key, files)
    except Refused as refused:
        problem = refused.problem
        if problem.code == ENCRYPTED_FILE_MISSING.code:
            return problem.code
    except Exception as error:  # a lost or unreadable blob must keep no other submission waiting
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            return UNAVAILABLE.code  # the store will be back, and the key is tried again unasked
        problem = ENCRYPTED_DAMAGED()
    else:
        with runtime.database.write() as db:
            sealed.keep_opened(db, one.submission_version_id, xml, runtime.now())
        return OPENED
    with runtime.database.write() as db:
        sealed.note_problem(db, one.submission_version_id, problem)
    return problem.code


def opened_file(
    runtime: Runtime, envelope: Envelope, key: RSAPrivateKey, file: Attachment, *, as_sent: bool
) -> Iterator[bytes]:
    """A photo or file of the envelope as it was before; a picture without its place.

    Decrypted into a file without a name: it must be read twice, and a film is large.
    Refused as `forms.encrypted.open_file` and `sync.attachments.way_out` say.
    """
    assert file.sha256 is not None
    name = file.name.removesuffix(".enc")
    with tempfile.TemporaryFile() as plain:
        with runtime.blobs.open(file.sha256) as source:
            plain.writelines(open_file(envelope, key, file.name, source))
        size = plain.tell()
        plain.seek(0)
        plan = attachments.way_out(plain, name, None, size, as_sent=as_sent)
        yield from photos.pieces(plain, plan)
