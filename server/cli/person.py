"""One person's data: where it is, all of it in a file for her, and erased for good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.command import Group, with_runtime
from server.cli.handing_out import write_file, write_tables
from server.cli.terminal import plain, say

if TYPE_CHECKING:
    from server.runtime import Runtime

_why = click.option(
    "--why", required=True, help="Theo yêu cầu nào / upon which request, e.g. “request 12”."
)


@click.group(cls=Group)
def person() -> None:
    """Dữ liệu của một người / one person's data."""


@person.command("show")
@click.argument("uuid")
@click.option("--everywhere", is_flag=True, help="Đọc mọi phiếu, chậm / read every form, slow.")
@with_runtime
def person_show(runtime: Runtime, uuid: str, everywhere: bool) -> None:
    """Đang giữ gì của người này, bao nhiêu, ai đã xem / what is kept, how much, who saw it."""
    from sync import audit
    from sync.access import OPERATOR
    from sync.privacy import traces, whole_file

    with runtime.database.write() as db:
        found = traces.find(db, runtime.library, uuid)
        file = whole_file.read(db, runtime.library, found)
        counts: dict[str, Any] = {name: len(rows) for name, rows in file.items()}
        if everywhere:
            places = traces.look_everywhere(db, found)
            counts |= {
                "forms that name the id": len(places.by_id),
                "forms with the same name only": len(places.by_name),
                "encrypted forms": places.unread,
            }
        people = [(found.list_name, one) for one in found.uuids]
        audit.saw(db, OPERATOR.actor, "person.show", people, runtime.now())
    lines = [*found.uuids, *(f"{name}: {count}" for name, count in counts.items())]
    say("\n".join(lines), uuids=found.uuids, kept=counts)


@person.command("export")
@click.argument("uuid")
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="Thư mục / folder.")
@_why
@with_runtime
def person_export(runtime: Runtime, uuid: str, out: Path, why: str) -> None:
    """Cả hồ sơ của một người: PDF, XLSX bằng lời, và JSON / a person's whole file, and in words."""
    from server.pages.audit import words_of
    from server.pages.words import in_vietnamese
    from sync import audit
    from sync.access import OPERATOR
    from sync.privacy import in_words, traces, whole_file
    from sync.privacy.document import Cover, to_pdf

    def said(action: str) -> str:
        return words_of(action, in_vietnamese)

    with runtime.database.write() as db:
        found = traces.find(db, runtime.library, uuid)
        file = whole_file.read(db, runtime.library, found)
        told = in_words.parts(db, runtime.library, found, file, said)
        cover = Cover(traces.name_of(db, found), why, runtime.now(), OPERATOR.name)
        people = [(found.list_name, one) for one in found.uuids]
        audit.saw(db, OPERATOR.actor, "person.export", people, runtime.now(), why=why)
    content = json.dumps(plain(file), ensure_ascii=False, indent=1).encode()
    name = f"person-{found.key.uuid}"
    files = [write_file(out / f"{name}.json", content)]
    files.append(write_file(out / f"{name}.pdf", to_pdf(cover, told)))
    files += write_tables(out, name, in_words.tables(told), "xlsx", False)
    say("\n".join(map(str, files)), files=files)


@person.command("erase")
@click.argument("uuid")
@_why
@click.option("--proof", type=click.Path(path_type=Path), help="Tệp biên bản / file of the proof.")
@click.option("--yes", is_flag=True, help="Không hỏi lại / do not ask.")
@with_runtime
def person_erase(runtime: Runtime, uuid: str, why: str, proof: Path | None, yes: bool) -> None:
    """Xóa hẳn một người, không lấy lại được / erase a person for good.

    Phần chỉ để đếm và sổ quỹ giữ lại, không còn tên. / What only counts, and the money book, stay
    without the name.
    """
    from sync.access import OPERATOR
    from sync.privacy import erase, ledger, traces

    if not yes:
        click.confirm(
            "Xóa hẳn, không lấy lại được. Làm tiếp? / This cannot be undone. Go on?",
            abort=True,
            err=True,
        )
    now = runtime.now()
    with runtime.database.read() as db:
        looked = traces.look_everywhere(db, traces.find(db, runtime.library, uuid))
    with runtime.database.write() as db:
        number, found = erase.erase(
            db, runtime.library, uuid, caller=OPERATOR, why=why, now=now, looked=looked
        )
    with runtime.database.write() as db:
        deleted = ledger.after_erasing(db, runtime.blobs)
    if proof is not None:
        content = json.dumps({"erasure": number, **found}, ensure_ascii=False, indent=1).encode()
        write_file(proof, content)
    counted = ", ".join(f"{what}: {count}" for what, count in found["counted"].items())
    say(
        f"Đã xóa, biên bản số {number} ({counted}; tệp: {deleted}). "
        f"/ Erased, proof no. {number}. Still to look at: {found['left']}",
        erasure=number,
        files_deleted=deleted,
        proof=found,
    )
