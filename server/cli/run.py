"""Running: everything together, each part alone, and the schema beneath them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

import click

from server.cli.command import Command
from server.cli.key import takes_key
from server.cli.options import Options, pass_options
from server.cli.terminal import fail, say
from server.settings import Settings, read_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def listens(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command settings with --host and --port, and the port free."""

    @click.option("--host", help="127.0.0.1")
    @click.option("--port", type=click.IntRange(1, 65535), help="8080")
    @pass_options
    @functools.wraps(command)
    def wrapped(options: Options, /, host: str | None, port: int | None, **given: Any) -> Any:
        from server.serve import port_is_free

        settings = options.settings(host=host, port=port)
        if not port_is_free(settings):
            fail(
                f"Không mở được cổng {settings.host}:{settings.port}. "
                f"/ Cannot listen on {settings.host}:{settings.port}; try --port."
            )
        return command(settings, **given)

    return wrapped


@click.command(cls=Command)
@click.option(
    "--demo", is_flag=True, help="Nạp dữ liệu mẫu vào thư mục trống / fill with the demo."
)
@listens
def serve(settings: Settings, demo: bool) -> None:
    """Chạy tất cả: web và người làm việc / run everything: web and worker."""
    from server import serve as running

    sys.exit(running.serve(settings, demo))


@click.command(cls=Command)
@listens
def web(settings: Settings) -> None:
    """Chỉ chạy web / the web only."""
    from server import serve as running

    _wait_until_ready(settings)
    sys.exit(running.web(settings))


@click.command(cls=Command, hidden=True)
@click.option("--listener", type=int, required=True)
@click.option("--parent", type=int, required=True)
@click.option("--beside/--first", required=True)
@pass_options
def door(options: Options, listener: int, parent: int, beside: bool) -> None:
    """Tiến trình web do `cayda web` khởi động / the web process that `cayda web` starts."""
    from server import serve as running

    sys.exit(running.door(options.settings(), listener, parent, beside))


@click.command(cls=Command)
@click.option("--parent", type=int, hidden=True, help="End when this process ends.")
@takes_key
@pass_options
def work(options: Options, parent: int | None, key: RSAPrivateKey | None) -> None:
    """Chỉ chạy người làm việc / the worker only (rq where REDIS_URL is set)."""
    from server import serve as running

    settings = options.settings()
    if parent is None:
        _wait_until_ready(settings, works=True)
    sys.exit(running.work(settings, parent, key))


def _wait_until_ready(settings: Settings, works: bool = False) -> None:
    """In a child, because the process that watches the web stays small."""
    from server import ready, serve

    if not serve.in_child(ready.wait_or_say, settings, works):
        sys.exit(1)


@click.command(cls=Command)
@click.option(
    "--new-key",
    is_flag=True,
    help="Khóa cũ đã mất mà chưa có gì niêm phong: từ nay dùng khóa này, rồi đặt lại mật khẩu mà "
    "điện thoại dùng. / The old key is lost and nothing is sealed yet: this one from now on; then "
    "set anew the passwords phones sign in with.",
)
@click.option(
    "--old-key",
    type=click.File(),
    help="Đổi khóa: tệp secret.key cũ; mọi thứ được niêm phong lại bằng khóa này. / Change the "
    "key: the old secret.key; all is sealed anew with this one. Stop the server first.",
)
@pass_options
def migrate(options: Options, new_key: bool, old_key: TextIO | None) -> None:
    """Cập nhật cơ sở dữ liệu / bring the schema up to date."""
    from server.serve import prepare_or_say
    from sync.migrations import HEAD

    old = None if old_key is None else read_key(old_key.read())
    prepare_or_say(options.settings(), new_key, old)
    say(f"Cơ sở dữ liệu ở bản / the database is at {HEAD}.", revision=HEAD)
