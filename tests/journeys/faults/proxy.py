"""A small TCP proxy: shares connections out among several servers, or stands in for bad ones."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum

CHUNK = 1 << 16
FAILS = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Mood(Enum):
    """How what lies behind the proxy behaves."""

    WELL = "well"
    GONE = "gone"  # connections are closed at once
    SLOW = "slow"  # each piece of an answer comes late
    FAILING = "failing"  # every request is answered 500


class Proxy:
    """Listens on a port of its own from `start` to `stop`, in a thread of its own.

    A server that refuses a connection is passed by, as a balancer with a retry does.
    """

    def __init__(self, ports: Sequence[int], delay: float = 1.0) -> None:
        self.ports = ports
        self.delay = delay
        self.port = 0
        self._mood = Mood.WELL
        self._turn = itertools.count()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        self._hang_up()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)

    def turns(self, mood: Mood) -> None:
        """From now on; connections that are open end."""
        self._mood = mood
        self._loop.call_soon_threadsafe(self._hang_up)

    def _hang_up(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mood is Mood.GONE:
            return
        if self._mood is Mood.FAILING:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(FAILS)
            await writer.drain()
            await asyncio.sleep(0.05)  # what was sent is read before the line breaks
            return
        far_reader, far_writer = await self._connect()
        try:
            ways = (self._pump(reader, far_writer, 0), self._pump(far_reader, writer, self.delay))
            both = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(both, return_when="FIRST_COMPLETED")
        finally:
            far_writer.transport.abort()
            writer.transport.abort()  # the other way ends with it

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(self._turn)
        for number in range(len(self.ports)):
            port = self.ports[(first + number) % len(self.ports)]
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        raise ConnectionRefusedError

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._mood is Mood.SLOW:
                    await asyncio.sleep(delay)
                writer.write(data)
                await writer.drain()
