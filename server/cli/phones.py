"""Phones that send forms: added with a page to print, listed with how they are, revoked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.address import find_origin, takes_server
from server.cli.command import Group, with_new_runtime, with_runtime
from server.cli.paths import EXISTING_FILE, NEW_FILE
from server.cli.problems import fail_in, telling_of
from server.cli.scope import takes_scope
from server.cli.terminal import WRONG, fail, say, say_table, warn

if TYPE_CHECKING:
    from server.new_phones import NewPhone
    from server.runtime import Runtime
    from sync.phones import Phone

NO_ADDRESS = (
    "Chưa đặt CAYDA_PUBLIC_URL: mã QR chứa địa chỉ {url}, điện thoại khác không gọi được. "
    "Hãy dùng --server https://… "
    "/ CAYDA_PUBLIC_URL is not set: the QR holds {url}, which no other device can reach. "
    "Use --server https://…"
)


@click.group(cls=Group)
def phone() -> None:
    """Điện thoại gửi phiếu / phones that send forms."""


def _takes_page(command: Callable[..., Any]) -> Callable[..., Any]:
    """--page with what stands on it, and the address phones call."""
    for option in (
        takes_server,
        click.option(
            "--contact", default="", help="Mất máy thì báo ai / whom to tell of a lost phone."
        ),
        click.option("--page", type=NEW_FILE, help="Trang A4 để in / pages to print (HTML)."),
    ):
        command = option(command)
    return command


@phone.command("add")
@click.argument("name")
@takes_scope
@click.option("--member", help="Mã (uuid) của người giữ máy / uuid of the member who holds it.")
@click.option("--qr", type=NEW_FILE, help="Ghi mã QR / write PNG.")
@_takes_page
@with_new_runtime
def phone_add(
    runtime: Runtime,
    name: str,
    role: str,
    unit: str | None,
    club: str | None,
    member: str | None,
    qr: Path | None,
    page: Path | None,
    contact: str,
    server: str | None,
) -> None:
    """Thêm một máy; in địa chỉ, ghi mã QR hay trang để in / add a phone; write its QR or page."""
    from forms.days import vietnam_day
    from server.new_phones import add_phones
    from server.qr import write_qr
    from sync import phones, posts
    from sync.phone_file import Wanted

    library, now, origin = runtime.library, runtime.now(), find_origin(runtime, server)
    role = posts.read_role(library, role)
    posts.check_phone_role(library, role)
    with runtime.database.write() as db:
        post = posts.find_post(db, library, role, unit, club, vietnam_day(now))
        owner = phones.find_owner(db, library, member) if member else None
        (made,) = add_phones(db, [Wanted(name, role, *post, owner)], origin, now, "operator")
        if qr is not None:  # before the end: no phone whose code was never written
            write_qr(qr, made.url, name)
        _write_page(runtime, page, [made], contact)
    files = [f"{what}: {path}" for what, path in (("QR", qr), ("In / print", page)) if path]
    warnings = _tell_address(runtime, server)
    text = "\n".join([f"{name} ({role})", made.url, *files])
    shown = {"id": made.id, "name": made.name, "token": made.token, "url": made.url}
    say(text, **shown, qr=qr, page=page, warnings=warnings)


@phone.command("add-many")
@click.argument("path", type=EXISTING_FILE, metavar="PEOPLE.csv")
@_takes_page
@with_new_runtime
def phone_add_many(
    runtime: Runtime, path: Path, page: Path | None, contact: str, server: str | None
) -> None:
    """Thêm mọi máy trong tệp CSV (tên, vai trò, CLB), mỗi người một trang in / add all of a CSV.

    Columns: name, role, club or unit, and perhaps member. All are added, or none.
    """
    from forms.plain_table import read_table
    from server.new_phones import add_phones
    from sync.phone_file import FileRefused, read_phones

    if page is None:
        fail("Cần --page: mã chỉ hiện một lần. / --page is needed: a code is shown only once.")
    with telling_of(path):
        header, rows = read_table(path.read_bytes())
    now, origin = runtime.now(), find_origin(runtime, server)
    try:
        with runtime.database.write() as db:
            wanted = read_phones(db, runtime.library, header, rows, now)
            made = add_phones(db, wanted, origin, now, "operator")
            _write_page(runtime, page, made, contact)
    except FileRefused as refused:
        fail_in(path, refused.problems)
    warnings = _tell_address(runtime, server)
    told = ("id", "name", "role", "token", "url")
    shown = [{key: getattr(one, key) for key in told} for one in made]
    text = f"Đã thêm {len(made)} máy. / {len(made)} phones added.\nIn / print: {page}"
    say(text, phones=shown, page=page, warnings=warnings)


def _tell_address(runtime: Runtime, server: str | None) -> list[str]:
    """A warning when the address in the code is this machine's own."""
    if server or runtime.settings.public_url:
        return []
    warnings = [NO_ADDRESS.format(url=find_origin(runtime, server))]
    warn(*warnings)
    return warnings


def _write_page(
    runtime: Runtime, page: Path | None, made: Sequence[NewPhone], contact: str
) -> None:
    from server.new_phones import as_sheets
    from server.sheets import render, write_private

    if page is not None:
        write_private(page, render(as_sheets(made, runtime.library.roles), contact))


@phone.command("list")
@with_runtime
def phone_list(runtime: Runtime) -> None:
    """Mọi máy: lần cuối thấy, gửi, ứng dụng, giờ, phiếu thiếu / every phone and how it is."""
    from server.cli.terminal import wants_json
    from sync.phones import read_phones

    with runtime.database.read() as db:
        found = read_phones(db, runtime.library, runtime.now())
    say_table("phones", (whole(one) if wants_json() else _line(one) for one in found))


def whole(one: Phone) -> dict[str, object]:
    """All there is to know, for scripts."""
    from server.cli.terminal import plain

    return {**plain(one), "worries": plain(one.worries)}


def _line(one: Phone) -> dict[str, object]:
    """What a person looks for, narrow enough for a screen."""
    return {
        "id": one.id,
        "name": one.name,
        "role": one.role,
        "seen": one.last_seen_at,
        "sent": one.last_sent_at,
        "30d": one.recent,
        "missing": one.missing or None,
        "app": one.app,
        "clock": clock_text(one.clock_offset_seconds) if one.clock_is_wrong else None,
        "old": " ".join(f"{held.xml_form_id}:{held.version}" for held in one.old_forms) or None,
        "revoked": one.revoked_at,
    }


def clock_text(seconds: int | None) -> str:
    """How far a clock is off, in the unit a person would say it in."""
    from server.clock import how_far

    count, unit = how_far(seconds or 0)
    return f"{'+' if (seconds or 0) >= 0 else '−'}{abs(count)} {unit}"


def phone_lines(found: Sequence[Phone]) -> list[str]:
    """What somebody should ask after, a line each."""
    lines = []
    for one in found:
        lines += [f"  ! {one.name} (máy/phone {one.id}): {text}" for text in _worries(one)]
    return lines


def _worries(one: Phone) -> list[str]:
    found = []
    if one.is_quiet:
        found.append(f"im lặng {one.quiet_days} ngày / silent for {one.quiet_days} days")
    if one.missing:
        found.append(
            f"{one.missing} phiếu đã điền nhưng chưa tới / {one.missing} filled in, not here yet"
        )
    if one.clock_is_wrong:
        off = clock_text(one.clock_offset_seconds)
        found.append(f"đồng hồ lệch {off} / its clock is off by {off}")
    if one.cannot_open:
        forms = ", ".join(one.cannot_open)
        found.append(f"{one.app} không mở được {forms} / cannot open {forms}")
    return found


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
