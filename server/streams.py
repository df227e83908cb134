"""An answer written while it is read: bounded memory, all of it from one moment of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from flask import Response, stream_with_context
from sqlalchemy.engine import Connection

from server.runtime import runtime

PIECE = 1 << 16  # bytes: a chunk per row would cost more than the row


def stream(pieces: Callable[[Connection], Iterator[bytes]], content_type: str) -> Response:
    """200 with these pieces. What is refused before the first one is a proper refusal."""
    stack = ExitStack()
    try:
        db = stack.enter_context(runtime().database.read())
        made = _gathered(pieces(db))
        first = next(made, b"")
    except BaseException:
        stack.close()
        raise
    # The request stays at hand: what stands at the end may have to name an address.
    answer = Response(stream_with_context(_body(stack, first, made)), content_type=content_type)
    answer.call_on_close(stack.close)  # also where nobody read the body, as for a HEAD
    return answer


def _body(stack: ExitStack, first: bytes, made: Iterator[bytes]) -> Iterator[bytes]:
    with stack:
        yield first
        yield from made


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    yield bytes(held)
