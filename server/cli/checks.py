"""Looking after it: compute again, prove, examine, tell how it stands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forms.problems import (
    ENCRYPTED_DAMAGED,
    ENCRYPTED_FILE_MISSING,
    ENCRYPTED_OTHER_KEY,
    UNAVAILABLE,
)
from server.cli.command import Command, open_as_it_is, with_runtime
from server.cli.key import takes_key
from server.cli.options import Options, pass_options
from server.cli.phones import phone_lines, whole
from server.cli.terminal import GOOD, WRONG, cell, plain, say

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from server.runtime import Runtime
    from sync.queue import FailedWork


_NOT_OPENED = {  # why, of `n` submissions
    ENCRYPTED_OTHER_KEY.code: "  {n} phiếu được mã hóa cho một khóa khác. "
    "/ {n} are encrypted for another key.",
    ENCRYPTED_FILE_MISSING.code: "  {n} phiếu còn chờ tệp ở trên điện thoại. "
    "/ {n} wait for a file that is still on a phone.",
    ENCRYPTED_DAMAGED.code: "  {n} phiếu bị hỏng, khóa mở không được. "
    "/ {n} are damaged: the key does not open them.",
    UNAVAILABLE.code: "  {n} phiếu chưa mở được vì kho tệp không trả lời; sẽ thử lại. "
    "/ {n} could not be opened: the file store does not answer; they will be tried again.",
}


@click.command(cls=Command)
@click.option("--form", "xml_form_id", help="Chỉ biểu mẫu này / of this form only.")
@takes_key
@with_runtime
def reprocess(runtime: Runtime, xml_form_id: str | None, key: RSAPrivateKey | None) -> None:
    """Tính lại mọi thứ suy ra từ phiếu đã giữ / compute again all that is derived."""
    from server import tasks
    from server.unseal import OPENED, open_waiting
    from sync import sealed, verify

    told = open_waiting(runtime, key, again=True) if key is not None else {}
    with runtime.database.write() as db:
        queued = verify.reprocess(db, runtime.library, xml_form_id, runtime.now())
    tasks.run_until_empty(runtime)
    with runtime.database.read() as db:
        waiting = sealed.count_waiting(db)
    opened = told.get(OPENED, 0)
    not_opened = {code: n for code, n in told.items() if code != OPENED}
    lines = [f"Đã tính lại {queued} phiếu. / {queued} submissions again."]
    if key is not None:
        lines.append(f"Đã mở {opened} phiếu mã hóa. / {opened} encrypted submissions opened.")
        lines += [_NOT_OPENED[code].format(n=n) for code, n in not_opened.items()]
    if waiting:
        lines.append(f"Còn {waiting} phiếu mã hóa chờ khóa. / {waiting} still wait for their key.")
    more = {} if key is None else {"not_opened": not_opened}
    say("\n".join(lines), submissions=queued, opened=opened, sealed=waiting, **more)
    sys.exit(WRONG if ENCRYPTED_OTHER_KEY.code in told and not opened else GOOD)


@click.command("verify", cls=Command)
@click.option(
    "--read-files",
    is_flag=True,
    help="Đọc lại từng tệp, không chỉ so kích thước / read every file, not only compare sizes.",
)
@with_runtime
def verify_stored(runtime: Runtime, read_files: bool) -> None:
    """Chứng minh: đang lưu = tính lại; sai thì 1 và danh sách / prove that stored = recomputed."""
    import tempfile

    from sync import named_blobs, queue, verify

    with runtime.database.read() as db, tempfile.TemporaryDirectory(prefix="cayda-") as scratch:
        waiting = queue.depth(db).waiting
        found = verify.verify(db, runtime.library, Path(scratch), runtime.now())
        files = named_blobs.examine(db, runtime.blobs, read_all=read_files)
    found += files.differences
    lines = [f"{one.table} {one.key}: {one.what}" for one in found]
    if waiting:
        lines.append(f"Còn {waiting} phiếu chưa xử lý. / {waiting} submissions still wait.")
    if files.orphans:
        lines.append(
            f"{files.orphans} tệp không phiếu nào nhắc tới ({files.orphan_bytes} byte), vô hại. "
            f"/ {files.orphans} files that nothing names: harmless."
        )
    say(
        "\n".join(lines if found or lines else ["Khớp. / All the same."]),
        differences=found,
        waiting=waiting,
        files=files.named,
        orphans=files.orphans,
        orphan_bytes=files.orphan_bytes,
    )
    sys.exit(WRONG if found else GOOD)


@click.command(cls=Command)
@pass_options
def doctor(options: Options) -> None:
    """Kiểm tra cài đặt, nói phải làm gì / check the installation, say what to do."""
    from server.doctor import examine

    runtime = open_as_it_is(options.settings())
    try:
        findings = examine(runtime)
    finally:
        runtime.database.dispose()
    good = all(one.good for one in findings)
    lines = [
        f"{'✓' if one.good else '✗'} {one.what}: {one.found}"
        + (f"\n  → {one.to_do}" if one.to_do else "")
        for one in findings
    ]
    say("\n".join(lines), good=good, findings=findings)
    sys.exit(GOOD if good else WRONG)


@click.command(cls=Command)
@with_runtime
def retry(runtime: Runtime) -> None:
    """Thử lại các việc đã hỏng / have failed work tried once more."""
    from sync import queue

    with runtime.database.write() as db:
        tried = queue.retry(db, runtime.now())
    runtime.jobs.wake()
    say(f"Sẽ thử lại {tried} việc. / {tried} will be tried again.", retried=tried)


@click.command(cls=Command)
@with_runtime
def status(runtime: Runtime) -> None:
    """Hàng chờ, máy gửi gần nhất, đĩa / queue, last arrival, disk. 1 when work failed for good."""
    import shutil

    from sync import attachments, queue, waiting
    from sync.phones import read_phones
    from sync.status import read_status

    with runtime.database.read() as db:
        found = read_status(db)
        failed = queue.failed(db)
        missing, missing_since = attachments.count_missing(db)
        unregistered = waiting.unregistered(db)
        asked = [one for one in read_phones(db, runtime.library, runtime.now()) if one.worries]
    free = shutil.disk_usage(runtime.settings.data).free
    last = cell(found.last_received_at)
    lines = [
        f"Biểu mẫu / forms: {found.forms}",
        f"Người / users: {found.users}   Điện thoại / phones: {found.phones}",
        f"Phiếu / submissions: {found.submissions}   mới nhất / last: {last}",
        f"Danh sách / entities: {found.entities}   đang chờ / waiting: {found.waiting_changes}"
        f"   hai máy cùng sửa / in conflict: {found.conflicts}",
        f"Phiếu chờ đăng ký / records waiting for a registration: {unregistered.count}"
        f"   cũ nhất / oldest: {cell(unregistered.oldest_at)}",
        f"Hàng chờ / queue: {found.queue.waiting}   hỏng / failed: {found.queue.failed}",
        f"Người làm việc báo gần nhất / worker last seen: {cell(found.worker_seen_at)}",
        f"Số liệu chưa tính / figures to measure: {found.stale_cells}",
        f"Phiếu mã hóa chờ khóa / encrypted, waiting for the key: {found.sealed}",
        f"Ảnh, tệp còn thiếu / files missing: {missing}{_age(missing_since, runtime.now())}",
        f"Đĩa trống / free disk: {free // 2**20} MB",
        *(f"  ! {work.name} {_about(work)}: {work.error}" for work in failed),
        *phone_lines(asked),
    ]
    if found.derive_again:
        lines.append("Sau nâng cấp sẽ tính lại tất cả. / Upgraded: all will be computed again.")
    more = {"unregistered": unregistered, "failed": failed, "free_bytes": free}
    more |= {"missing_files": missing, "phones_to_ask": [whole(one) for one in asked]}
    say("\n".join(lines), **plain(found), **more)
    sys.exit(WRONG if found.queue.failed else GOOD)


def _age(since: datetime | None, now: datetime) -> str:
    return "" if since is None else f", lâu nhất / for up to {(now - since).days} ngày / days"


def _about(work: FailedWork) -> str:
    """What failed work is about: the number of a submission's version, or a period and a club."""
    named = work.payload or {}
    parts = (work.subject_id, named.get("period"), named.get("club"))
    return " ".join(str(part) for part in parts if part is not None)
