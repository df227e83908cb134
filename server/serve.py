"""Run it: prepare the data folder, then web and worker, watched and ended together."""

from __future__ import annotations

import gc
import http.client
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

import click

from server import lock
from server.settings import SettingError, Settings, secret_key

if TYPE_CHECKING:  # the process that only watches the others stays small
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from server.runtime import Runtime

CAYDA = (sys.executable, "-m", "server.cli")  # our own program, for a process beside this one
READY_WITHIN = 60.0  # seconds
STOP_WITHIN = 10.0
DRAIN_WITHIN = 25.0  # the web, for what phones have begun
LONGEST_CAUSE = 200  # letters of what a system says of its failure
RESTART_AFTER = 1.0
FROM_SYSTEMD = 3  # the first handle that systemd passes to who it starts for a socket

log = logging.getLogger(__name__)


# ------------------------------------------------------------------ what runs


def serve(settings: Settings, demo: bool = False) -> int:
    """Everything in one: schema, library, web, worker, and the demo's data. → exit status."""
    refused = _hold_or_say(settings)
    if refused:
        return refused
    if not in_child(prepare_or_say, settings):
        return 1
    with _herald_beside(settings, demo), _worker_beside(settings):
        return web(settings)


def web(settings: Settings) -> int:
    """The web only, until SIGTERM; started again whenever it ends before. → exit status.

    We hold the listening socket: who connects while the web is started again waits in its queue.
    """
    listener = listen(settings)
    stopping = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def stop(*_: object) -> None:
        stopping.set()
        listener.close()
        for process in running:
            process.terminate()
            killer = threading.Timer(DRAIN_WITHIN + STOP_WITHIN, process.kill)
            killer.daemon = True
            killer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    handle = listener.fileno()
    while not stopping.is_set():
        process = _start_door(settings, "--first", handle)
        running[:] = [process]
        if stopping.is_set():  # the signal came before it was in the list
            process.terminate()
        process.wait()
        if not stopping.is_set():
            log.error("the web process ended; starting another")
            stopping.wait(RESTART_AFTER)
    return 0


def door(settings: Settings, listener: int, parent: int, is_beside: bool) -> int:
    """A web process itself, on a socket that its parent listens on.

    `is_beside`: the one for long answers (beside.py), which the other asks and counts.
    """
    from server.app import create_app
    from server.beside import Beside, telling
    from server.connection import Server
    from server.front import Front
    from server.gateway import Application
    from server.health import EXTENSION, Watch
    from server.metrics import Measured

    _end_with_parent(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    flask = create_app(settings)
    measured = cast(Measured, flask.wsgi_app)
    watch: Watch = flask.extensions[EXTENSION]
    with ExitStack() as stack:
        app: Application = measured
        if is_beside:
            os.nice(10)
            app = telling(measured.wsgi)
        else:
            start = partial(_start_door, settings, "--beside")
            measured.wsgi = stack.enter_context(closing(Beside(measured.wsgi, start)))
        gc.freeze()  # modules and library stay; the collector need not look at them again
        front = Front(app, settings.body_bytes)
        Server(front, socket.socket(fileno=listener), DRAIN_WITHIN, watch.leave).answer()
    return 0


def _start_door(settings: Settings, option: str, listener: int) -> subprocess.Popen[bytes]:
    """A web process on the socket with this handle."""
    command = [*CAYDA, "door", option, "--listener", str(listener), "--parent", str(os.getpid())]
    environment = {**os.environ, **_environment(settings)}
    return subprocess.Popen(command, env=environment, pass_fds=[listener])  # noqa: S603


def work(settings: Settings, parent: int | None = None, key: RSAPrivateKey | None = None) -> int:
    """The worker only, until SIGTERM: rq's where Redis is set, else one that looks by itself.

    `parent`: the process that started this one as its only worker; end when it ends, however.
    `key` opens encrypted submissions.
    """
    from server import tasks
    from server.heartbeat import beating
    from server.jobs import listen
    from server.runtime import open_runtime

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if parent is not None:
        _end_with_parent(parent, stopping.set)
        os.nice(10)  # beside a web process: what phones send is kept first, and worked off after
    runtime = replace(open_runtime(settings), key=key)
    if parent is not None and settings.embedded and runtime.database.is_sqlite:
        _release_leases(runtime)
    gc.freeze()  # modules and library stay; the collector need not look at them again
    with (
        beating(runtime, lambda: os.kill(os.getpid(), signal.SIGTERM)),
        tasks.files_beside(runtime, stopping),
    ):
        if settings.redis_url:
            pace = tasks.Pace()
            listen(settings.redis_url, lambda: tasks.run_safely(runtime, stopping, pace), stopping)
        else:
            tasks.work_here(runtime, stopping)
    return 0


# ------------------------------------------------------------------ before


def prepare(runtime: Runtime, new_key: bool = False) -> None:
    """Folder and schema up to date and, where no form is, the library published.

    Repeatable, also twice at once. `new_key`: passwords are sealed with another key from now on.
    """
    from server import ready
    from server.erased import erase_again
    from sync import generation, key_mark, made_files, places, reform, slices
    from sync.migrations import lock_schema, upgrade
    from sync.status import has_forms

    runtime.settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    runtime.blobs.check_writable()
    upgrade(runtime.database)
    if not new_key:
        with runtime.database.read() as db:
            ready.check_key(db, runtime.settings)
    _seal(runtime)
    with runtime.database.write() as db:
        lock_schema(db)
        key_mark.note(db, ready.mark(runtime.settings), runtime.now(), instead=new_key)
        if new_key:
            made_files.forget_all(db)  # sealed with the old one; they can be ordered again
        ready.check_key(db, runtime.settings)
        places.load_units(db, runtime.library.units, runtime.library.successions)
        if not has_forms(db):
            from sync import publish  # compiles forms: slow to import, and rarely needed

            publish.publish_library(db, runtime.blobs, runtime.library, runtime.now())
        else:
            slices.build(db, runtime.library)  # a rule may be new since the last start
            reform.renew_units(db, runtime.blobs)  # and so may units
        if generation.note(db, runtime.now()):
            log.warning("upgraded: the worker will compute again all that is derived, once")
    erase_again(runtime)


def _seal(runtime: Runtime) -> None:
    """Whatever stands open in the database and should not, as after an upgrade or with a new key.

    Raises SettingError where something is sealed with a key that is not here.
    """
    from sync import resealing
    from sync.vault import Locked

    database, library = runtime.database, runtime.library
    with database.read() as db:
        if resealing.is_done(db, library):
            return
    at: resealing.Place | None = resealing.Place()
    try:
        while at is not None:
            with database.write() as db:
                at = resealing.seal_some(db, library, at)
        with database.write() as db:
            resealing.note_done(db, library)
    except Locked:
        raise SettingError(
            "CAYDA_SECRET",
            "dữ liệu được niêm phong bằng khóa cũ: “cayda migrate --old-key TỆP” (tệp secret.key "
            "cũ; mất rồi thì lấy trong bản sao lưu)",
            "the data is sealed with the old key: “cayda migrate --old-key FILE” (the old "
            "secret.key; every backup holds it)",
        ) from None


def prepare_folder(settings: Settings, new_key: bool = False, old_key: bytes | None = None) -> None:
    """`prepare` for a process that has no runtime yet. old_key: what was sealed until now."""
    from server.runtime import passing_runtime
    from sync import accounts

    with passing_runtime(settings, old_key) as runtime:
        prepare(runtime, new_key or old_key is not None)
        if old_key is not None:
            with runtime.database.write() as db:
                accounts.seal_anew(db, old_key, secret_key(settings))


def prepare_or_say(settings: Settings, new_key: bool = False, old_key: bytes | None = None) -> None:
    """`prepare_folder`; what cannot be used is said in a sentence, and ends this process with 1."""
    from sqlalchemy.exc import SQLAlchemyError

    from server.ready import why_away

    try:
        prepare_folder(settings, new_key, old_key)
    except SettingError as error:
        why = str(error)
    except OSError as error:
        why = _cannot_use(settings, error)
    except SQLAlchemyError as error:
        why = why_away(error)
    else:
        return
    click.echo(why, err=True)
    sys.exit(1)


def _hold_or_say(settings: Settings) -> int:
    """Hold the data folder for this `serve`; else say why not. → exit status, 0 when held."""
    try:
        lock.hold(settings.data)
    except OSError as error:
        click.echo(_cannot_use(settings, error), err=True)
        return 1
    except lock.Taken:
        click.echo(
            f"Một `cayda serve` khác đang chạy trên thư mục dữ liệu {settings.data}. "
            "/ This data folder is already being served by another `cayda serve`.",
            err=True,
        )
        return 2
    return 0


def _cannot_use(settings: Settings, error: OSError) -> str:
    place, cause = str(error.filename or settings.data), (error.strerror or "")[:LONGEST_CAUSE]
    if "://" in place:
        return (
            f"Không dùng được kho tệp {place}: {cause}. Hãy xem lại CAYDA_BLOBS và các biến AWS_…. "
            "/ The store of attachments cannot be used: look at CAYDA_BLOBS and the AWS_… names."
        )
    return f"Không dùng được thư mục dữ liệu: {place}: {cause}. / The data folder cannot be used."


def in_child(do: Callable[..., None], *arguments: object) -> bool:
    """Do it in a child and give its memory back. It forks: only while we have no threads."""
    child = multiprocessing.get_context("fork").Process(target=do, args=arguments)
    child.start()
    child.join()
    return child.exitcode == 0


def _release_leases(runtime: Runtime) -> None:
    """Work that a killed worker had claimed need not wait for its lease: we are the only worker."""
    from sync import queue

    with runtime.database.write() as db:
        queue.release(db, runtime.now())


# ------------------------------------------------------------------ beside


@contextmanager
def _worker_beside(settings: Settings) -> Iterator[None]:
    """A `cayda work` process that is started again whenever it ends, as long as the block runs."""
    stopping = threading.Event()
    command = [*CAYDA, "work", "--parent", str(os.getpid())]
    environment = {**os.environ, **_environment(settings)}
    running: list[subprocess.Popen[bytes]] = []

    def keep_one_running() -> None:
        while not stopping.is_set():
            worker = subprocess.Popen(command, env=environment)  # noqa: S603 (our own program)
            running[:] = [worker]
            status = worker.wait()
            if not stopping.is_set():
                log.error("the worker ended with status %s; starting another", status)
                stopping.wait(RESTART_AFTER)

    keeper = threading.Thread(target=keep_one_running, name="worker keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        _end(running)
        keeper.join(STOP_WITHIN)


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()  # its claims come back when their lease ends


@contextmanager
def _herald_beside(settings: Settings, demo: bool) -> Iterator[None]:
    """A short-lived child that says when the web listens, and fills the demo through its door."""
    herald = multiprocessing.get_context("fork").Process(
        target=_announce, args=(settings, demo, os.getpid()), daemon=True
    )
    herald.start()
    reaper = threading.Thread(target=herald.join, name="herald reaper", daemon=True)
    reaper.start()
    try:
        yield
    finally:
        herald.terminate()
        reaper.join(STOP_WITHIN)


def _announce(settings: Settings, demo: bool, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    _end_with_parent(parent, lambda: os._exit(1))
    if not wait_until_ready(settings):
        click.echo("Máy chủ không khởi động được. / The server does not answer.", err=True)
        return
    click.echo(f"Cây Đa: {settings.public_url or base_url(settings)}")
    _warn_of_proxy(settings)
    if demo:
        _fill_demo(settings)


def _warn_of_proxy(settings: Settings) -> None:
    from server import doctor
    from server.runtime import passing_runtime

    with passing_runtime(settings) as runtime:
        for found in doctor.unheeded_proxy(runtime):
            click.echo(f"✗ {found.what}: {found.found}\n  → {found.to_do}")


def _fill_demo(settings: Settings) -> None:
    """Send the demo through the door into an empty folder; then say who can sign in, and how."""
    from server.runtime import open_runtime
    from sync.status import read_status

    runtime = open_runtime(settings)
    logins = (
        settings.data / "demo" / "README.txt"
    )  # the demo writes it last: it is the mark of done
    with runtime.database.read() as db:
        is_new = read_status(db).is_new
    if not logins.exists():
        if (
            not is_new and not logins.parent.exists()
        ):  # somebody's own data: keep the demo out of it
            click.echo("Thư mục đã có dữ liệu, không nạp bản mẫu. / Not empty, no demo is added.")
            return
        logins.parent.mkdir(parents=True, exist_ok=True)
        from server.demo.fill import fill

        with _bar() as progress:
            fill(runtime, base_url(settings), progress)
    click.echo(logins.read_text(encoding="utf-8"))


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar as a function of (done, total); in a log it stays silent."""
    with click.progressbar(length=1000, label="Đang nạp dữ liệu mẫu / Filling the demo") as bar:

        def progress(done: int, total: int) -> None:
            bar.update(1000 * done // max(total, 1) - bar.pos)

        yield progress


def wait_until_ready(settings: Settings, seconds: float = READY_WITHIN) -> bool:
    """Ask /healthz until it says 200. False when it does not within `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if _healthy(settings):
            return True
        time.sleep(0.05)
    return False


def _healthy(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(_reachable(settings.host), settings.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """An address of this machine for a listener on every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)


def base_url(settings: Settings) -> str:
    """Where this machine reaches the server it runs."""
    host = _reachable(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def listen(settings: Settings) -> socket.socket:
    """A socket that listens for the web. OSError when the port is taken.

    Where systemd holds one for us, that one: it outlives us, and phones wait in it for the next.
    """
    if _systemd_listens():
        return socket.socket(fileno=FROM_SYSTEMD)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen()  # how long its queue may be the web process says
    except OSError:
        listener.close()
        raise
    return listener


def _systemd_listens() -> bool:
    return os.environ.get("LISTEN_PID") == str(os.getpid())


def port_is_free(settings: Settings) -> bool:
    """Whether the web could listen there now."""
    if _systemd_listens():
        return True
    try:
        listen(settings).close()
    except OSError:
        return False
    return True


def _environment(settings: Settings) -> dict[str, str]:
    """What a child reads to get the settings that came from our own command line."""
    return {
        "CAYDA_DATA": str(settings.data),
        "CAYDA_HOST": settings.host,
        "CAYDA_PORT": str(settings.port),
    }


def _end_with_parent(parent: int, end: Callable[[], object]) -> None:
    """Call `end` when `parent` is gone: nobody else would, and the port would stay taken.

    The parent says its own id: it may be gone before its child can ask.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        end()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
