"""The file that a form of ours sends: read whole, or refused for its size."""

from __future__ import annotations

from flask import request

from forms.problems import NO_FILE, TOO_LARGE, Refused

MOST_TABLE = 400_000  # bytes; the decision of July 2025, 280 units, takes 20,000


def uploaded(name: str = "file", most: int = MOST_TABLE) -> bytes:
    """What stands in the field. Refused(NO_FILE or TOO_LARGE)."""
    file = request.files.get(name)
    if file is None or not file.filename:
        raise Refused(NO_FILE())
    with file.stream as source:
        content: bytes = source.read(most + 1)
    if len(content) > most:
        raise Refused(TOO_LARGE(limit=most))
    return content
