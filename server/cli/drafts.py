"""`cayda form draft`: a form on a phone before it is published; nothing sent for it counts."""

from __future__ import annotations

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

    from server.runtime import Runtime
    from sync.posts import Post

ACTOR = "operator"


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
    from sync import drafts, publish

    origin = find_origin(runtime, server)
    token, now = new_token(), runtime.now()
    with telling(path):
        compiled, media = read_form(runtime, path)
        form = compiled.xml_form_id
        with runtime.database.write() as db:
            publish.draft_form(db, runtime.library, compiled, media, now, ACTOR)
            post = _find_post(db, runtime, tester)
            let_in = (form, tester.role, post, token, now, ACTOR)
            made = drafts.let_in(db, runtime.library, *let_in)
    url = draft_url(origin, token, form)
    if qr is not None:
        write_draft_qr(qr, url, made.name, compiled.title)
    say(
        f"[Nháp] {compiled.title} {compiled.version} ({made.role})\n{url}"
        + (f"\nQR: {qr}" if qr else ""),
        xml_form_id=form,
        version=compiled.version,
        role=made.role,
        token=token,
        url=url,
        qr=qr,
    )


def _find_post(db: Connection, runtime: Runtime, tester: Tester) -> Post:
    """The place that was named; without lists a form can be tried out from anywhere."""
    from forms.days import vietnam_day
    from sync import posts

    if not (tester.unit or tester.club):
        return None, None
    day = vietnam_day(runtime.now())
    return posts.find_post(db, runtime.library, tester.role or "", tester.unit, tester.club, day)
