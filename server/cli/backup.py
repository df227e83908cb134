"""Everything into one file and back out of it, and the proof that this works."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.command import Command, with_runtime
from server.cli.options import Options, pass_options
from server.cli.paths import EXISTING_FILE, NEW_FILE
from server.cli.terminal import GOOD, WRONG, fail, say, wants_json, warn
from server.settings import read_database

if TYPE_CHECKING:
    from server.runtime import Runtime
    from sync.archive import Manifest

TELL_EVERY = 2.0  # seconds


@click.command(cls=Command)
@click.argument("file", type=NEW_FILE)
@click.option(
    "--drill",
    is_flag=True,
    help="Nạp thử bản sao vào chỗ tạm cạnh FILE, chứng minh rồi xóa / restore it once beside FILE, "
    "prove it, and take it away again.",
)
@click.option(
    "--into",
    metavar="URL",
    help="Nạp thử vào PostgreSQL trống này / drill into this empty PostgreSQL.",
)
@with_runtime
def backup(runtime: Runtime, file: Path, drill: bool, into: str | None) -> None:
    """Sao lưu tất cả vào một tệp, khi máy chủ đang chạy / everything into one file, while running.

    Tệp có cả khóa: ai có tệp thì đọc được mọi phiếu. Hãy cất ở nơi chỉ người phụ trách mở được.
    / The file holds the key too: keep it where only those in charge can open it.
    """
    from server import backup as running

    if into is not None and read_database({"--into": into}, "--into").startswith("sqlite"):
        fail(
            "--into: cần một PostgreSQL; bỏ đi thì dùng SQLite. "
            "/ needs a PostgreSQL; without it, SQLite is taken."
        )
    start = time.monotonic()
    try:
        manifest = running.write(runtime, file, _Progress())
        took = time.monotonic() - start
        differences = running.drill(runtime, file, _Progress(), into) if drill or into else []
    except running.Unusable as error:
        fail(str(error), WRONG)
    size = file.stat().st_size
    lines = [f"{file}: {size / 1e6:.1f} MB, {took:.0f} s. {_counts(manifest)}"]
    lines += [
        f"  ! tệp thiếu hoặc hỏng / missing or damaged: {sha256}" for sha256 in manifest.missing
    ]
    found: dict[str, object] = {}
    if drill or into:
        found = {"drill": {"seconds": time.monotonic() - start - took, "differences": differences}}
        lines += [f"  ! {one.table} {one.key}: {one.what}" for one in differences]
        if not differences:
            lines.append("Đã nạp thử: khớp. / Restored on trial: all the same.")
    say("\n".join(lines), file=str(file), bytes=size, seconds=took, **_found(manifest), **found)
    sys.exit(WRONG if manifest.missing or differences else GOOD)


@click.command(cls=Command)
@click.argument("file", type=EXISTING_FILE)
@click.option(
    "--erased-in",
    metavar="PLACE",
    help="Kho tệp cũ (thư mục blobs hoặc s3://…), nếu kho tệp ở đây là kho mới: ai đã xóa sau bản "
    "sao này thì xóa lại. / The old store of files, where ours is a new one: who was erased after "
    "the backup is erased again.",
)
@pass_options
def restore(options: Options, file: Path, erased_in: str | None) -> None:
    """Nạp lại từ bản sao vào chỗ còn trống / everything back, into an empty data folder."""
    from server import backup as running
    from sync.blobs import open_blobs

    start, noted_in = time.monotonic(), open_blobs(erased_in) if erased_in else None
    try:
        manifest, erased = running.restore(options.settings(), file, _Progress(), noted_in)
    except running.Unusable as error:
        fail(str(error), WRONG)
    took = time.monotonic() - start
    say(
        f"Đã nạp lại {file}, {took:.0f} s. / Restored. {_counts(manifest)}\n"
        f"Người đã xóa sau bản sao này, nay xóa lại / erased after this backup, erased again: "
        f"{erased}",
        seconds=took,
        erased_again=erased,
        **_found(manifest),
    )


def _counts(manifest: Manifest) -> str:
    rows = {table.name: table.rows for table in manifest.tables}
    return (
        f"Phiếu / submissions: {rows['submissions']}   tệp / files: {manifest.blobs}   "
        f"lúc / as of: {manifest.made_at}"
    )


def _found(manifest: Manifest) -> dict[str, object]:
    return {
        "made_at": manifest.made_at,
        "revision": manifest.revision,
        "rows": {table.name: table.rows for table in manifest.tables},
        "blobs": manifest.blobs,
        "blob_bytes": manifest.blob_bytes,
        "missing": manifest.missing,
    }


class _Progress:
    """A line on stderr now and then, for people."""

    def __init__(self) -> None:
        self._next = time.monotonic() + TELL_EVERY
        self._silent = wants_json()

    def __call__(self, what: str, done: int) -> None:
        if not self._silent and time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_EVERY
            warn(f"  {what.rstrip('/')} {done}")
