"""What stands between uvicorn's event loop and the WSGI application: bodies, turns, long answers.

A phone on a bad line costs no thread: its request is given to the application when all of it is
here, and the answer waits in no thread while it is taken. The application finds a complete and
seekable `wsgi.input`. Where it cannot answer at once it may call `environ["cayda.later"]()`, return
`[]` without `start_response`, and call what it got, `(status, headers, body)`, once, later, from
any thread: so many submissions wait for one commit without a thread each. An answer that nobody
should have soon, as to a wrong password, says in `environ["cayda.wait"]` how many seconds it waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from forms.problems import BAD_REQUEST, INTERNAL, TOO_LARGE, UNAVAILABLE, Problem, Refused
from server import gateway
from server.body import Body
from server.errors import PHONE_PATH
from server.gateway import Answer, Application, Environ, Exchange, Headers

TURNS = 2  # threads of a lane that compute: one more than waits for the disk
PULLING = 2  # threads of a lane that make the next piece of long answers
WRITING = 2  # threads that put large bodies on the disk
IN_MEMORY = 1 << 18  # bytes of one body; the rest lies in a temporary file
ALL_IN_MEMORY = 1 << 26  # bytes of all bodies together; beyond it each has a sixteenth of the above
MOST_HELD_BACK = 100  # answers that wait for nothing but time
LINGER = 5.0  # seconds in which a phone that still sends may read why it was refused

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asked = asyncio.Future[Answer]


class _Lane:
    """Threads for one kind of caller, which no other kind can hold."""

    def __init__(self, take_turn: Callable[[Environ, Body, Asked], None]) -> None:
        self.jobs: SimpleQueue[tuple[Environ, Body, Asked]] = SimpleQueue()
        self.streams = ThreadPoolExecutor(PULLING, "stream")
        self._take_turn = take_turn
        for _ in range(TURNS):
            threading.Thread(target=self._work, name="turn", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._take_turn(*self.jobs.get())


class Front:
    """An ASGI application around a WSGI one."""

    def __init__(self, app: Application, body_limit: int) -> None:
        self._app = app
        self._limit = body_limit
        self.most_files = 1000  # for bodies; the server sets what the system allows
        self._held = 0  # bytes of bodies in memory
        self._files = 0
        self._phones = _Lane(self._take_turn)
        self._others = _Lane(self._take_turn)  # a page or an export may take seconds
        self._answers: deque[tuple[Asked, Answer]] = deque()
        self._is_woken = False
        self._held_back = 0  # answers
        self._disk = ThreadPoolExecutor(WRITING, "disk")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        environ, body = gateway.make_environ(scope), Body()
        try:
            if await self._read(environ, body, receive):
                asked: Asked = asyncio.get_running_loop().create_future()
                is_phone = PHONE_PATH.search(environ["PATH_INFO"]) is not None
                lane = self._phones if is_phone else self._others
                lane.jobs.put((environ, body, asked))
                answer = await asked
                await self._hold_back(environ.get("cayda.wait", 0))
                await _send(answer, lane, receive, send)
        except Refused as refused:
            await _refuse(environ, refused.problem, receive, send)
        finally:
            self._held -= body.held
            self._files -= body.is_on_disk
            body.close()

    # ------------------------------------------------------------------ bodies

    async def _read(self, environ: Environ, body: Body, receive: Receive) -> bool:
        """All of the body; False when the line was lost before. Refused(TOO_LARGE, …)."""
        announced = environ.get("CONTENT_LENGTH")
        if int(announced or 0) > self._limit:
            raise Refused(TOO_LARGE(limit=self._limit))
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return False
            data = message["body"]
            body.add(data)
            self._held += len(data)
            if body.size > self._limit:
                raise Refused(TOO_LARGE(limit=self._limit))
            if not message["more_body"]:
                break
            if body.held >= self._most_held():
                await self._write_down(body)
        if announced is None and body.size:
            environ["CONTENT_LENGTH"] = str(body.size)
        elif int(announced or 0) != body.size:  # for httptools an `Upgrade` ends the request
            raise Refused(BAD_REQUEST())
        return True

    def _most_held(self) -> int:
        return IN_MEMORY >> 4 if self._held > ALL_IN_MEMORY else IN_MEMORY

    async def _write_down(self, body: Body) -> None:
        """What is in memory goes to the disk; meanwhile this phone waits, and nobody else."""
        if not body.is_on_disk:
            if self._files >= self.most_files:
                raise Refused(UNAVAILABLE())
            self._files += 1
        size, pieces = body.held, body.take()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._disk, body.write, pieces)
        except OSError:
            self._files -= not body.is_on_disk
            raise Refused(UNAVAILABLE()) from None
        finally:
            self._held -= size

    # ------------------------------------------------------------------ turns

    def _take_turn(self, environ: Environ, body: Body, asked: Asked) -> None:
        answer = self._answer(environ, body, asked)
        if answer is not None:
            self._deliver(asked, answer)

    def _answer(self, environ: Environ, body: Body, asked: Asked) -> Answer | None:
        is_later = False

        def later() -> Callable[[str, Headers, bytes], None]:
            nonlocal is_later
            is_later = True
            return lambda *said: self._deliver(asked, gateway.complete(*said))

        try:
            environ["wsgi.input"] = body.open()
            environ["cayda.later"] = later
            answer = gateway.call(self._app, environ)
        except OSError:  # the disk is full
            return gateway.refuse(environ, UNAVAILABLE())
        except BaseException as error:  # a turn must go on, also where a library in Rust panics
            gateway.log_failure(error)
            return gateway.refuse(environ, INTERNAL())
        if answer is None and not is_later:
            return gateway.refuse(environ, INTERNAL())
        return answer

    def _deliver(self, asked: Asked, answer: Answer) -> None:
        """From any thread: the loop is woken once for all answers that wait."""
        self._answers.append((asked, answer))
        if not self._is_woken:
            self._is_woken = True
            asked.get_loop().call_soon_threadsafe(self._hand_out)

    async def _hold_back(self, seconds: float) -> None:
        """Not more than some at a time: who guesses on many lines takes none from phones."""
        if seconds and self._held_back < MOST_HELD_BACK:
            self._held_back += 1
            try:
                await asyncio.sleep(seconds)
            finally:
                self._held_back -= 1

    def _hand_out(self) -> None:
        self._is_woken = False  # before looking: what comes while we look wakes us again
        while self._answers:
            asked, answer = self._answers.popleft()
            if not asked.done():
                asked.set_result(answer)
            elif answer.rest is not None:
                self._others.streams.submit(answer.rest.close)


# ------------------------------------------------------------------ answers


async def _send(answer: Answer, lane: _Lane, receive: Receive, send: Send) -> None:
    rest = answer.rest
    try:
        await send(_start(answer))
        await send(_piece(answer.body, more=rest is not None))
        if rest is not None:
            await _stream(rest, lane, receive, send)
    finally:
        if rest is not None:
            lane.streams.submit(rest.close)


async def _stream(rest: Exchange, lane: _Lane, receive: Receive, send: Send) -> None:
    """Piece by piece, as fast as they are taken. What fails leaves an answer without its end:
    uvicorn cuts the line, and nobody takes a part for the whole."""
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(receive())  # a request is whole, so this tells the end of it
    try:
        while not gone.done():
            piece = await loop.run_in_executor(lane.streams, rest.pull)
            await send(_piece(piece or b"", more=piece is not None))
            if piece is None:
                break
    except Exception as error:
        gateway.log_failure(error)
    finally:
        gone.cancel()


async def _refuse(environ: Environ, problem: Problem, receive: Receive, send: Send) -> None:
    """Say why, and let the phone read it before the line ends: what it still sends is lost."""
    answer = gateway.refuse(environ, problem)
    await send(_start(answer))
    await send(_piece(answer.body, more=True))
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (await receive()).get("more_body"):
                pass
    await send(_piece(b"", more=False))


def _start(answer: Answer) -> dict[str, Any]:
    return {"type": "http.response.start", "status": answer.status, "headers": answer.headers}


def _piece(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}
