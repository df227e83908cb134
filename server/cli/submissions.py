"""What was sent: listed, shown with all its versions and files, judged, deleted, brought back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.command import Group, with_runtime
from server.cli.key import takes_key
from server.cli.paths import FOLDER
from server.cli.terminal import cell, fail, plain, say, say_table, wants_json

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from sqlalchemy.engine import Connection

    from server.runtime import Runtime
    from sync.attachments import Attachment
    from sync.versions import Submission, Version

ACTOR = "operator"
_SEALED = (
    "! Phiếu được mã hóa, đang chờ khóa riêng. Mở: cayda reprocess --key TỆP "
    "/ Encrypted, waiting for the key. To open it: cayda reprocess --key FILE"
)
REVIEWS = ("approved", "hasIssues", "rejected")


def takes_submission(command: Callable[..., Any]) -> Callable[..., Any]:
    """FORM INSTANCE: the instanceID of any version, with or without “uuid:”."""
    instance = click.argument("instance_id", metavar="INSTANCE")
    return click.argument("xml_form_id", metavar="FORM")(instance(command))


_version = click.option("--version", "which", metavar="N", help="Bản thứ mấy / number, or its id.")


@click.group(cls=Group)
def submission() -> None:
    """Phiếu đã nhận: xem, duyệt, xóa / what was sent."""


@submission.command("list")
@click.option("--form", "xml_form_id", help="Chỉ biểu mẫu này / of this form only.")
@click.option("--missing-files", is_flag=True, help="Chỉ phiếu còn thiếu tệp / with files missing.")
@click.option("--flagged", is_flag=True, help="Chỉ phiếu cần xem lại / with a flag.")
@click.option("--limit", type=click.IntRange(1), default=100, help="Nhiều nhất / at most.")
@with_runtime
def submission_list(
    runtime: Runtime, xml_form_id: str | None, missing_files: bool, flagged: bool, limit: int
) -> None:
    """Mới nhất trước, không có câu trả lời / the newest first, without answers."""
    from sync import versions

    with runtime.database.read() as db:
        found = versions.list_submissions(
            db, xml_form_id, missing_files=missing_files, flagged=flagged, limit=limit
        )
    rows = (plain(one) | {"received_at": one.received_at} for one in found)
    as_text = not wants_json()
    say_table(
        "submissions",
        (row | {"flags": " ".join(row["flags"])} if as_text else row for row in rows),
    )


@submission.command("show")
@takes_submission
@_version
@click.option("--xml", is_flag=True, help="Đúng từng byte đã nhận / the very bytes.")
@click.option("--difference", is_flag=True, help="Khác bản trước ở câu nào / what it changed.")
@with_runtime
def submission_show(
    runtime: Runtime,
    xml_form_id: str,
    instance_id: str,
    which: str | None,
    xml: bool,
    difference: bool,
) -> None:
    """Các bản và câu trả lời của một bản; ghi lại việc xem / versions and answers; audited."""
    from forms import difference as compare
    from sync import audit, comments, versions

    with runtime.database.write() as db:
        one = versions.find(db, xml_form_id, instance_id)
        history = versions.history(db, one)
        version = _pick(history, which)
        subject = f"submission:{one.id}"
        audit.record(db, ACTOR, "submission.read", subject, runtime.now(), version=version.number)
        if xml:
            click.echo(versions.get_xml(db, version.id), nl=False)
            return
        filled = versions.get_filled(db, version.id)
        flags = versions.flags_of(db, version)
        said = comments.read(db, one.id)
        earlier = versions.before(history, version) if difference else None
        changes = compare.difference(versions.get_filled(db, earlier.id), filled) if earlier else ()
    if difference:
        if earlier is None:
            fail("Bản này không sửa bản nào. / This version replaces none that is here.", 1)
        lines = [f"{c.label or c.path}: {c.old or '–'} → {c.new or '–'}" for c in changes]
        say("\n".join(lines) or "Giống nhau. / The same.", changes=changes, before=earlier.number)
        return
    told = list(compare.answers(filled))
    lines = [*_about(one), *(_line(v) for v in history), ""]
    lines += _flag_lines(flags, filled.instance.encrypted)
    lines += [f"{answer.label or answer.path}: {answer.text}" for answer in told]
    lines += [f"“ {cell(w.at)}  {w.actor}  {w.state or w.act}  {w.text}".rstrip() for w in said]
    say(
        "\n".join(lines),
        submission=one,
        versions=history,
        shown=version.number,
        answers=told,
        comments=said,
        flags=flags,
    )


def _pick(history: list[Version], which: str | None) -> Version:
    """By number, by instanceID; without either the one that counts."""
    from forms.instance import one_id

    found = (
        version
        for version in history
        if (version.is_current if which is None else which == str(version.number))
        or (which is not None and one_id(version.instance_id) == one_id(which))
    )
    return next(found, None) or fail("Không có bản này. / There is no such version.", 1)


def _about(one: Submission) -> list[str]:
    state = f"   {one.review_state}" if one.review_state else ""
    deleted = f"   đã xóa / deleted {cell(one.deleted_at)}" if one.deleted_at else ""
    return [f"{one.form} {one.instance_id}{state}{deleted}"]


def _line(version: Version) -> str:
    mark = "*" if version.is_current else " "
    flags = " ".join(problem["code"] for problem in version.problems)
    return (
        f"{mark} {version.number}. {cell(version.received_at)}  {version.outcome}"
        f"  {version.instance_id}  {version.sender or '–'}  {flags}"
    ).rstrip()


def _flag_lines(flags: list[dict[str, Any]], is_sealed: bool) -> list[str]:
    """Why somebody should look, a line each; an envelope once opened is like any other."""
    from forms.problems import ENCRYPTED, read_stored

    if is_sealed:
        return [_SEALED]
    found = [(flag["code"], read_stored(flag)) for flag in flags if flag["code"] != ENCRYPTED.code]
    return [f"! {problem or code}" for code, problem in found]


@submission.command("files")
@takes_submission
@_version
@click.option("--out", type=FOLDER, help="Ghi các tệp vào đây / write them here.")
@click.option(
    "--as-sent", is_flag=True, help="Giữ vị trí chụp; được ghi lại / with their place; audited."
)
@takes_key
@with_runtime
def submission_files(
    runtime: Runtime,
    xml_form_id: str,
    instance_id: str,
    which: str | None,
    out: Path | None,
    as_sent: bool,
    key: RSAPrivateKey | None,
) -> None:
    """Ảnh và tệp của một phiếu; ảnh ra khỏi đây không còn vị trí chụp / files, without place."""
    from sync import attachments, audit, versions

    with runtime.database.write() as db:
        one = versions.find(db, xml_form_id, instance_id)
        version = _pick(versions.history(db, one), which)
        if out is not None:
            named = {"as_sent": as_sent, "version": version.number}
            subject = f"submission:{one.id}"
            audit.record(db, ACTOR, "submission.files", subject, runtime.now(), **named)
    refused: dict[str, str] = {}
    with runtime.database.read() as db:  # a film takes long to write, and phones need the lock
        files = attachments.of_version(db, version.id)
        if out is not None:
            refused = _write_files(runtime, db, version.id, files, out, as_sent, key)
    say_table("files", (_file_row(file, version, refused.get(file.name)) for file in files))
    sys.exit(1 if refused else 0)


def _write_files(
    runtime: Runtime,
    db: Connection,
    version_id: int,
    files: list[Attachment],
    out: Path,
    as_sent: bool,
    key: RSAPrivateKey | None,
) -> dict[str, str]:
    """Why some could not be written, by name."""
    from forms.encrypted import read_envelope
    from forms.instance import read_instance
    from forms.problems import Refused
    from server.unseal import opened_file
    from sync import attachments, versions

    out.mkdir(parents=True, exist_ok=True)
    xml = versions.get_xml(db, version_id)
    envelope = read_envelope(xml) if key and read_instance(xml).encrypted else None
    refused = {}
    for file in files:
        if file.sha256 is None:
            continue
        name, blobs = file.name, runtime.blobs
        try:
            if key and envelope and name in envelope.files:
                target = out / name.removesuffix(".enc")
                pieces = opened_file(runtime, envelope, key, file, as_sent=as_sent)
            else:
                target = out / name
                pieces = attachments.open_for_download(
                    db, blobs, version_id, name, as_sent=as_sent
                ).pieces
            _write(target, pieces)
        except Refused as problem:
            refused[name] = str(problem.problem)
    return refused


def _write(target: Path, pieces: Iterable[bytes]) -> None:
    """All of it or no file at all."""
    try:
        with target.open("wb") as file:
            file.writelines(pieces)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _file_row(file: Attachment, version: Version, refused: str | None) -> dict[str, object]:
    since: datetime | None = file.received_at
    state = "ok"
    if file.sha256 is None:
        since, state = version.received_at, "còn thiếu / missing"
    elif file.version_id != version.id:
        state = "của bản trước / carried over"
    elif file.others:
        state = f"mới nhất trong {file.others + 1} / newest of {file.others + 1}"
    return {
        "name": file.name,
        "size": file.size,
        "since": since,
        "named": "có" if file.is_named else "không",
        "state": refused or state,
    }


# ------------------------------------------------------------------ decisions
_why = click.option("--why", default="", help="Lý do, người khác đọc được / for others to read.")


@submission.command("review")
@takes_submission
@click.argument("state", type=click.Choice(REVIEWS))
@_why
@with_runtime
def submission_review(
    runtime: Runtime, xml_form_id: str, instance_id: str, state: str, why: str
) -> None:
    """Duyệt; số liệu theo sau / say what it is worth; figures follow."""
    from sync import versions

    with runtime.database.write() as db:
        one = versions.find(db, xml_form_id, instance_id)
        versions.review(db, one, state, ACTOR, runtime.now(), why)
    runtime.jobs.wake()
    say(f"{one.instance_id}: {state}", instance_id=one.instance_id, review_state=state)


@submission.command("delete")
@takes_submission
@_why
@with_runtime
def submission_delete(runtime: Runtime, xml_form_id: str, instance_id: str, why: str) -> None:
    """Xóa khỏi số liệu, vẫn giữ lại / out of figures; it is kept."""
    from sync import versions

    with runtime.database.write() as db:
        one = versions.find(db, xml_form_id, instance_id)
        versions.delete(db, one, ACTOR, runtime.now(), why)
    runtime.jobs.wake()
    say(f"Đã xóa / deleted: {one.instance_id}", instance_id=one.instance_id, deleted=True)


@submission.command("restore")
@takes_submission
@_why
@with_runtime
def submission_restore(runtime: Runtime, xml_form_id: str, instance_id: str, why: str) -> None:
    """Lấy lại phiếu đã xóa / bring a deleted one back."""
    from sync import versions

    with runtime.database.write() as db:
        one = versions.find(db, xml_form_id, instance_id)
        versions.restore(db, one, ACTOR, runtime.now(), why)
    runtime.jobs.wake()
    say(f"Đã lấy lại / restored: {one.instance_id}", instance_id=one.instance_id, deleted=False)
