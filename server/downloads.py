"""A kept file as an answer: streamed, under its own name in any alphabet, run by no browser."""

from __future__ import annotations

from flask import Response, request

from sync.attachments import Download


def send(download: Download) -> Response:
    """200 with the bytes, or 304 when the asker has them already."""
    answer = Response(content_type=download.content_type)
    # Werkzeug writes `filename*=UTF-8''…` (RFC 6266) beside an ASCII one where that is needed.
    answer.headers.set("Content-Disposition", "attachment", filename=download.name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.set_etag(download.etag)
    if request.if_none_match.contains_weak(download.etag):
        answer.status_code = 304
        download.pieces.close()
        return answer
    answer.content_length = download.size
    answer.response = download.pieces
    return answer
