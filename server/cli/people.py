"""Who may come in: people on the web, and phones that send forms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_runtime
from server.cli.paths import NEW_FILE
from server.cli.scope import find_scope, takes_scope
from server.cli.terminal import WRONG, fail, say, say_table

if TYPE_CHECKING:
    from server.runtime import Runtime


@click.group(cls=Group)
def user() -> None:
    """Người dùng trên web / people on the web."""


@user.command("add")
@click.argument("name")
@takes_scope
@click.option("--password-stdin", is_flag=True, help="Đọc mật khẩu từ stdin / read it from stdin.")
@with_runtime
def user_add(
    runtime: Runtime,
    name: str,
    role: str,
    unit: str | None,
    club: str | None,
    password_stdin: bool,
) -> None:
    """Thêm một người / add a person."""
    from server.settings import secret_key
    from sync import accounts

    password = _password(password_stdin)
    sealed = accounts.seal_password(name, password, secret_key(runtime.settings))
    now = runtime.now()
    with runtime.database.write() as db:
        unit_id, club_id = find_scope(db, role, unit, club, now)
        user_id = accounts.add_user(db, name, role, unit_id, club_id, sealed, now)
    if not (accounts.phone_safe(name) and accounts.phone_safe(password)):
        click.echo(
            "Tên hoặc mật khẩu có dấu: điện thoại đăng nhập bằng Basic có thể không gửi đúng. "
            "/ Letters with marks: phones that sign in by Basic may not send them right.",
            err=True,
        )
    say(f"Đã thêm / added: {name} ({role})", id=user_id, name=name, role=role)


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
        fail("Không có người này. / There is no such person.", WRONG)
    say(f"Đã ngừng / disabled: {name}", name=name, disabled=True)


@click.group(cls=Group)
def phone() -> None:
    """Điện thoại gửi phiếu / phones that send forms."""


@phone.command("add")
@click.argument("name")
@takes_scope
@click.option("--qr", type=NEW_FILE, help="Ghi mã QR / write PNG.")
@click.option(
    "--server", help="Địa chỉ máy chủ phone thấy / address phones see (CAYDA_PUBLIC_URL)."
)
@with_runtime
def phone_add(
    runtime: Runtime,
    name: str,
    role: str,
    unit: str | None,
    club: str | None,
    qr: Path | None,
    server: str | None,
) -> None:
    """Thêm một máy; in địa chỉ và ghi mã QR / add a phone; print its URL, write its QR."""
    from server.auth import new_token
    from server.qr import phone_url, write_qr
    from server.serve import base_url
    from sync import accounts

    token = new_token()
    now = runtime.now()
    with runtime.database.write() as db:
        unit_id, club_id = find_scope(db, role, unit, club, now)
        phone_id = accounts.add_app_user(db, name, role, unit_id, club_id, token, now)
    url = phone_url(server or runtime.settings.public_url or base_url(runtime.settings), token)
    if qr is not None:
        write_qr(qr, url, name)
    text = f"{name} ({role})\n{url}" + (f"\nQR: {qr}" if qr else "")
    say(text, id=phone_id, name=name, token=token, url=url, qr=qr)


@phone.command("list")
@with_runtime
def phone_list(runtime: Runtime) -> None:
    """Mọi máy, cả đã thu hồi / every phone, the revoked too."""
    from sync import accounts

    with runtime.database.read() as db:
        found = accounts.list_app_users(db)
    say_table(
        "phones",
        (
            {
                "id": a.id,
                "name": a.name,
                "role": a.role,
                "last_seen_at": a.last_seen_at,
                "revoked_at": a.ended_at,
            }
            for a in found
        ),
    )


@phone.command("revoke")
@click.argument("phone_id", type=int, metavar="ID")
@with_runtime
def phone_revoke(runtime: Runtime, phone_id: int) -> None:
    """Thu hồi mã của một máy / end a phone's access."""
    from sync import accounts

    with runtime.database.write() as db:
        found = accounts.revoke(db, phone_id, runtime.now())
    if not found:
        fail("Không có máy này. / There is no such phone.", WRONG)
    say(f"Đã thu hồi máy / revoked phone {phone_id}.", id=phone_id, revoked=True)
