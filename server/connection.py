"""uvicorn's connection, and what it leaves open: limits of time, of head, of number.

No phone on a bad line comes near any of them; whoever does is cut off without a word.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from heapq import nsmallest
from typing import Any, ClassVar, cast

import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import HANDLED_SIGNALS

from server.front import Front

WAITING = 4096  # connections that may wait in the listen queue when all phones come at once
HEAD_BYTES = 1 << 18  # Collect asks about all entities it holds in one URL: 39 bytes each
LARGE_HEAD = 1 << 15  # bytes beyond which a head counts as large
MOST_LARGE = 200  # large heads at a time
MOST_HEADERS = 100
MOST_PIPELINED = 8  # requests behind one that is not answered yet
HEAD_SECONDS = 30.0
BODY_SECONDS = 60.0
LEAST_BYTES = 1024  # of a body within those seconds: a phone at 2 KB/s sends a hundred times that
STALL_SECONDS = 300.0  # without one byte of the answer taken
IDLE_SECONDS = 150  # a proxy gives up before us: Caddy after 120
QUIET_SECONDS = 1.0  # without a byte, after which a new connection may end while we stop
SWEEP = 1.0  # seconds
TOO_LARGE = "The head of the request is too large."
OTHER_FILES = 300  # database, blobs, modules: file handles that no connection may take
UNSENT = 1 << 17  # bytes of an answer in the kernel: so we see that a phone takes it


class Connection(HttpToolsProtocol):
    """One phone's line. `look` is called every second."""

    most = 1000  # connections at a time; the server sets what the system allows
    _large: ClassVar[set[Connection]] = set()  # whose head is large, and not complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, _Together(transport, self.loop)))
        self._received = self._seen = self._head_bytes = self._unsent = 0
        self._moves = self._idle_bytes = (
            0  # heads and pieces of bodies; bytes since the last of them
        )
        self._is_in_head = True
        self._is_last = False
        self._since = time.monotonic()
        if len(self.connections) > self.most:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._large.discard(self)
        super().connection_lost(exc)

    def _make_room(self) -> None:
        """Who waits longest for a head goes, then who sends a body for longest; some at once."""
        everyone = [cast(Connection, one) for one in self.connections if one is not self]
        waiting = [one for one in everyone if not one.is_asked()]
        sending = [one for one in everyone if one.is_sending()]
        for one in nsmallest(1 + self.most // 100, waiting or sending, key=lambda one: one._since):
            one.transport.abort()

    def is_asked(self) -> bool:
        """Whether there is a request, complete or not, that is not answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def is_sending(self) -> bool:
        return self.is_asked() and self.cycle.more_body

    # ------------------------------------------------------------------ what comes

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        was_in_head, moves = self._is_in_head, self._moves
        super().data_received(data)
        self._idle_bytes = self._idle_bytes + len(data) if moves == self._moves else 0
        if was_in_head and self._is_in_head:
            self._head_bytes += len(data)
            if self._is_too_large() and not self.transport.is_closing():
                self.send_400_response(TOO_LARGE)
        elif self._idle_bytes > HEAD_BYTES:  # trailers, which the parser gathers
            self.transport.abort()

    def on_body(self, body: bytes) -> None:
        self._moves += 1
        super().on_body(body)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._moves += 1
        self._is_in_head = True
        self._head_bytes = 0
        self._since = time.monotonic()

    def on_header(self, name: bytes, value: bytes) -> None:
        """What is raised here is answered 400 by uvicorn, and the line ends."""
        if not self._is_in_head:  # a trailer counts for nothing
            return
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value)
        if self._is_too_large() or len(self.headers) > MOST_HEADERS:
            raise ValueError(TOO_LARGE)

    def _is_too_large(self) -> bool:
        """The head; of large ones there may be few at a time, for they lie in memory."""
        if self._head_bytes > LARGE_HEAD:
            self._large.add(self)
        return self._head_bytes > HEAD_BYTES or (
            len(self._large) > MOST_LARGE and self in self._large
        )

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._moves += 1
        self._large.discard(self)
        self._since, self._seen = time.monotonic(), self._received
        if len(self.url) > HEAD_BYTES or len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError(TOO_LARGE)
        self.url, _, query = self.url.partition(b"?")  # httptools takes no URL above 64 KB apart
        super().on_headers_complete()
        self.scope["query_string"] = query
        if self._is_last:
            self.cycle.keep_alive = False

    # ------------------------------------------------------------------ what does not come

    def look(self, now: float, is_stopping: bool) -> None:
        """End it where nothing moves any more."""
        seconds = now - self._since
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._since = unsent, now
        elif unsent:
            self._end_if(seconds > STALL_SECONDS)
        elif self.is_sending():
            if seconds > BODY_SECONDS:
                self._end_if(self._received - self._seen < LEAST_BYTES)
                self._since, self._seen = now, self._received
        elif not self.is_asked() and (self._is_in_head or self.timeout_keep_alive_task is None):
            is_quiet = is_stopping and not self._head_bytes and seconds > QUIET_SECONDS
            self._end_if(is_quiet or seconds > HEAD_SECONDS)

    def _end_if(self, is_over: bool) -> None:
        if is_over:
            self.transport.abort()

    def shutdown(self) -> None:
        """We stop: what has begun is answered, and then the line ends."""
        self._is_last = True
        if not self._is_in_head or self.is_asked():
            super().shutdown()


class _Together:
    """A transport whose writes of one moment leave in one packet: uvicorn writes head and body
    apart, uvloop writes at once, and on a phone's network a packet more is a wait more."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._leave)
        self._held.append(data)

    def close(self) -> None:
        self._leave()
        self._transport.close()

    def _leave(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.writelines(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Server(uvicorn.Server):
    """uvicorn's server on a socket we have; it leaves nobody in that socket's queue."""

    def __init__(
        self,
        front: Front,
        listener: socket.socket,
        drain_within: float,
        leave: Callable[[], float] = lambda: 0.0,
    ) -> None:
        config = Config(
            cast(Any, front),  # uvicorn types the messages of ASGI one by one
            http=Connection,
            interface="asgi3",
            lifespan="off",
            loop="uvloop",
            ws="none",
            log_config=None,
            log_level="critical",  # a stranger must not fill our log; ours is in gateway.py
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=WAITING,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=int(drain_within),
        )
        super().__init__(config)
        self._front = front
        self._listener = listener
        self._leave = leave

    def answer(self) -> None:
        """Until SIGTERM or SIGINT, and then until what was begun is answered."""
        most = raise_file_limit() - OTHER_FILES
        Connection.most, self._front.most_files = 2 * most // 3, most // 3
        with suppress(OSError):  # connections inherit it
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        for number in HANDLED_SIGNALS:  # from now on, and when uvicorn repeats what ended it
            signal.signal(number, self.handle_exit)
        self.run(sockets=[self._listener.dup()])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._sweeper = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                cast(Connection, connection).look(now, self.should_exit)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(self._leave())  # meanwhile all is answered as before
        for server in self.servers:
            server.close()
        await self._accept_queued()
        await super().shutdown(sockets)

    async def _accept_queued(self) -> None:
        """Who had connected before we stopped listening is answered too."""
        loop = asyncio.get_running_loop()
        made = partial(Connection, self.config, self.server_state, self.lifespan.state)
        self._listener.setblocking(False)
        with self._listener, suppress(BlockingIOError):
            while True:
                line, _ = self._listener.accept()
                await loop.connect_accepted_socket(made, line)


def raise_file_limit() -> int:
    """As many open files as the system lets us have; each connection is one. → that number."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
