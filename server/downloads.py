"""Files as answers: under their own name in any alphabet, kept ones streamed, run by no browser."""

from __future__ import annotations

from flask import Response, request

from sync.attachments import Download

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def named(answer: Response, name: str) -> Response:
    """The answer, to be saved under this name."""
    # Werkzeug writes `filename*=UTF-8''…` (RFC 6266) beside an ASCII one where that is needed.
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def as_file(name: str, content: bytes, content_type: str) -> Response:
    """Bytes that a browser saves under this name."""
    return named(Response(content, content_type=content_type), name)


def send(download: Download) -> Response:
    """200 with the bytes, or 304 when the asker has them already."""
    answer = named(Response(content_type=download.content_type), download.name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.set_etag(download.etag)
    if request.if_none_match.contains_weak(download.etag):
        answer.status_code = 304
        download.pieces.close()
        return answer
    answer.content_length = download.size
    answer.response = download.pieces
    return answer
