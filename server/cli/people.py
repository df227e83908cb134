"""People who sign in with a password: on the web, by the API, or on a phone without a code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_new_runtime, with_runtime
from server.cli.scope import takes_scope
from server.cli.terminal import WRONG, fail, say, say_table, warn

if TYPE_CHECKING:
    from server.runtime import Runtime

NOBODY = "Không có người này. / There is no such person."
_from_stdin = click.option(
    "--password-stdin", is_flag=True, help="Đọc mật khẩu từ stdin / read it from stdin."
)


@click.group(cls=Group)
def user() -> None:
    """Người dùng trên web / people on the web."""


@user.command("add")
@click.argument("name")
@takes_scope
@_from_stdin
@with_new_runtime
def user_add(
    runtime: Runtime,
    name: str,
    role: str,
    unit: str | None,
    club: str | None,
    password_stdin: bool,
) -> None:
    """Thêm một người / add a person."""
    from forms.days import vietnam_day
    from server import ready
    from server.settings import secret_key
    from sync import accounts, posts
    from sync.access import get_role

    password = _password(password_stdin)
    sealed = accounts.seal_password(name, password, secret_key(runtime.settings))
    now = runtime.now()
    with runtime.database.write() as db:
        ready.check_key(db, runtime.settings)
        get_role(runtime.library, role)
        post = posts.find_post(db, runtime.library, role, unit, club, vietnam_day(now))
        user_id = accounts.add_user(db, name, role, *post, sealed, now)
    warnings = [*_name_warning(name), *_password_warning(password)]
    warn(*warnings)
    say(f"Đã thêm / added: {name} ({role})", id=user_id, name=name, role=role, warnings=warnings)


@user.command("password")
@click.argument("name")
@_from_stdin
@with_runtime
def user_password(runtime: Runtime, name: str, password_stdin: bool) -> None:
    """Đặt mật khẩu khác cho một người / set another password."""
    from server import ready
    from server.settings import secret_key
    from sync import accounts

    with runtime.database.read() as db:
        if accounts.find_user(db, name) is None:  # before anybody types a password twice
            fail(NOBODY, WRONG)
    password = _password(password_stdin)
    sealed = accounts.seal_password(name, password, secret_key(runtime.settings))
    with runtime.database.write() as db:
        ready.check_key(db, runtime.settings)
        found = accounts.set_password(db, name, sealed, runtime.now())
    if not found:
        fail(NOBODY, WRONG)
    warnings = [*_name_warning(name), *_password_warning(password)]
    warn(*warnings)
    say(f"Đã đổi mật khẩu / password set: {name}", name=name, changed=True, warnings=warnings)


def _name_warning(name: str) -> list[str]:
    """A name that phones cannot sign in by, and one that they can."""
    from forms.text import fold
    from sync import accounts

    if accounts.phone_safe(name):
        return []
    plain = "".join(letter for letter in fold(name) if letter.isascii()).strip()
    vi = f"; hãy dùng tên “{plain}”" if plain else ""
    en = f"; use the name “{plain}”" if plain else ""
    return [
        f"Tên “{name}” có dấu: điện thoại không đăng nhập được bằng tên này{vi}. "
        f"/ The name has letters with marks: phones cannot sign in by it{en}."
    ]


def _password_warning(password: str) -> list[str]:
    from sync import accounts

    if accounts.phone_safe(password):
        return []
    return [
        "Mật khẩu có dấu: điện thoại đăng nhập bằng Basic có thể không gửi đúng. "
        "/ The password has letters with marks: phones that sign in by Basic may not send it right."
    ]


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return click.prompt("Mật khẩu / password", hide_input=True, confirmation_prompt=True, err=True)


@user.command("list")
@with_runtime
def user_list(runtime: Runtime) -> None:
    """Mọi người, cả đã ngừng / everybody, the disabled too."""
    from sync import accounts

    with runtime.database.read() as db:
        found = accounts.list_users(db)
    say_table(
        "users",
        ({"id": a.id, "name": a.name, "role": a.role, "disabled_at": a.ended_at} for a in found),
    )


@user.command("disable")
@click.argument("name")
@with_runtime
def user_disable(runtime: Runtime, name: str) -> None:
    """Ngừng quyền của một người / end a person's access."""
    from sync import accounts

    with runtime.database.write() as db:
        found = accounts.disable(db, name, runtime.now())
    if not found:
        fail(NOBODY, WRONG)
    say(f"Đã ngừng / disabled: {name}", name=name, disabled=True)
