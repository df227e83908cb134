"""`cayda form draft`: a form on a phone before it is published; nothing sent for it counts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from server.cli.address import find_origin, takes_server
from server.cli.command import Command, with_runtime
from server.cli.forms import read_form, telling
from server.cli.paths import EXISTING_FILE, NEW_FILE
from server.cli.terminal import WRONG, fail, say

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from forms.library import Library
    from forms.xlsform import Compiled
    from server.runtime import Runtime


class Tester(NamedTuple):
    """As whom a draft is tried out; codes as people know them."""

    role: str | None
    unit: str | None
    club: str | None


@click.command("draft", cls=Command)
@click.argument("paths", nargs=-1, type=EXISTING_FILE, metavar="PATH...")
@click.option("--role", help="Thử với vai trò này / try it out as this role.")
@click.option("--club", help="Mã CLB / club code.")
@click.option("--unit", help="Mã đơn vị / unit code.")
@click.option("--qr", type=NEW_FILE, help="Ghi mã QR / write PNG.")
@takes_server
@click.option("--end", "ended", metavar="ID", help="Thôi thử, không công bố / end it unpublished.")
@with_runtime
def draft(
    runtime: Runtime,
    paths: tuple[Path, ...],
    role: str | None,
    club: str | None,
    unit: str | None,
    qr: Path | None,
    server: str | None,
    ended: str | None,
) -> None:
    """Thử một biểu mẫu trước khi công bố; dữ liệu thử không tính / try a form out; nothing counts.

    Sửa rồi chạy lại: máy đang thử tự nhận bản mới / run it again: phones get the new draft.
    """
    if ended is not None:
        _end(runtime, ended)
    elif not paths:
        fail("Cần một biểu mẫu, hoặc --end ID. / Give a form, or --end ID.")
    if qr is not None and len(paths) > 1:
        fail("Mỗi mã QR cho một biểu mẫu. / One QR is for one form.")
    for path in paths:
        _try_out(runtime, path, Tester(role, unit, club), qr, server)


def _end(runtime: Runtime, xml_form_id: str) -> None:
    from forms.form_problems import NO_DRAFT
    from sync import publish

    with runtime.database.write() as db:
        found = publish.end_draft(db, xml_form_id, runtime.now(), "operator")
    if not found:
        fail(str(NO_DRAFT(form=xml_form_id)), WRONG)
    say(
        f"Đã thôi thử {xml_form_id}; dữ liệu thử vẫn giữ, ghi là nháp. "
        f"/ the draft of {xml_form_id} has ended; its data stays, as a draft's.",
        xml_form_id=xml_form_id,
        ended=True,
    )


def _try_out(
    runtime: Runtime, path: Path, tester: Tester, qr: Path | None, server: str | None
) -> None:
    from server.auth import new_token
    from server.qr import draft_url, write_draft_qr
    from sync import publish

    origin = find_origin(runtime, server)
    token, now = new_token(), runtime.now()
    with telling(path):
        compiled, media = read_form(runtime, path)
        with runtime.database.write() as db:
            draft_id = publish.draft_form(db, runtime.library, compiled, media, now, "operator")
            name, role = _let_in(db, runtime.library, compiled, draft_id, tester, token, now)
    url = draft_url(origin, token, compiled.xml_form_id)
    if qr is not None:
        write_draft_qr(qr, url, name, compiled.title)
    say(
        f"[Nháp] {compiled.title} {compiled.version} ({role})\n{url}"
        + (f"\nQR: {qr}" if qr else ""),
        xml_form_id=compiled.xml_form_id,
        version=compiled.version,
        role=role,
        token=token,
        url=url,
        qr=qr,
    )


def _let_in(
    db: Connection,
    library: Library,
    compiled: Compiled,
    draft_id: int,
    tester: Tester,
    token: str,
    now: datetime,
) -> tuple[str, str]:
    """Give the tester a code of its own for this draft; its name and its role."""
    from forms.days import vietnam_day
    from sync import accounts, posts, publish

    lists = publish.attached_lists(db, draft_id)
    role = _role(library, compiled.xml_form_id, tester.role, lists)
    post: posts.Post = (None, None)
    if lists and not (tester.unit or tester.club or library.roles[role].everywhere):
        names = ", ".join(lists)
        fail(
            f"Biểu mẫu dùng danh sách {names}, cắt theo người điền: cần --club hoặc --unit. "
            f"/ The form uses the lists {names}, cut to who fills it in: give --club or --unit."
        )
    if lists or tester.unit or tester.club:  # without lists it can be tried out from anywhere
        day = vietnam_day(now)
        post = posts.find_post(db, library, role, tester.unit, tester.club, day)
    name = f"Nháp {draft_id}"
    accounts.add_app_user(
        *(db, name, role, *post, token, now),
        kind="draft",
        project_id=accounts.DRAFTS_ID,
        form_id=draft_id,
    )
    return name, role


def _role(library: Library, xml_form_id: str, wanted: str | None, lists: list[str]) -> str:
    """The role asked for, else the first that fills the form in; it must be able to open it."""
    rule = library.rules.get(xml_form_id)
    roles = (rule.filled_by if rule else ()) or [
        r.name for r in library.roles.values() if r.has_phone
    ]
    good = [r for r in roles if all(r in library.lists[name].downloads for name in lists)]
    role = wanted or next(iter(good), "")
    if role not in good:
        fail(
            f"Vai trò “{role}” không điền được biểu mẫu này; dùng: {', '.join(good)}. "
            f"/ Role “{role}” cannot fill in this form; use: {', '.join(good)}."
        )
    return role
