"""One person entered twice: looked at side by side, linked, and taken apart again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_runtime
from server.cli.entities import ACTOR
from server.cli.terminal import cell, columns, fail, plain, say, say_table

if TYPE_CHECKING:
    from server.runtime import Runtime
    from sync.links import Conflict, Entry


@click.group(cls=Group)
def duplicates() -> None:
    """Người hoặc việc bị ghi hai lần / people or events entered twice."""


@duplicates.command("show")
@click.argument("list_name", metavar="LIST")
@click.argument("uuids", metavar="UUID UUID…", nargs=-1, required=True)
@with_runtime
def duplicates_show(runtime: Runtime, list_name: str, uuids: tuple[str, ...]) -> None:
    """Đặt các mục cạnh nhau, chỗ nào khác / entries side by side, and where they differ."""
    from sync import links

    with runtime.database.read() as db:
        entries = links.look(db, runtime.library, list_name, uuids)
        differ = links.conflicts(db, runtime.library, list_name, uuids)
    text = "\n".join(_side_by_side(entries, differ))
    say(text, entries=plain(entries), conflicts=plain(differ))


@duplicates.command("link")
@click.argument("list_name", metavar="LIST")
@click.argument("uuids", metavar="UUID UUID…", nargs=-1, required=True)
@click.option("--canonical", metavar="UUID", help="Mục giữ lại / the entry that stays.")
@click.option(
    "--take",
    "takes",
    metavar="FACT=UUID",
    multiple=True,
    help="Theo mục nào; as_told = giữ cả hai theo ngày / whose word holds; as_told: each in time.",
)
@with_runtime
def duplicates_link(
    runtime: Runtime,
    list_name: str,
    uuids: tuple[str, ...],
    canonical: str | None,
    takes: tuple[str, ...],
) -> None:
    """Gộp: các mục này là một người; tách lại được / these are one person; can be undone."""
    from sync import links

    take = dict(map(_pair, takes))
    with runtime.database.write() as db:
        stays = links.link(
            db,
            runtime.library,
            list_name,
            uuids,
            canonical_id=canonical,
            take=take,
            actor=ACTOR,
            now=runtime.now(),
        )
    say(f"Đã gộp vào {stays}. / Linked to {stays}.", canonical=stays)


@duplicates.command("linked")
@with_runtime
def duplicates_linked(runtime: Runtime) -> None:
    """Ai đã gộp vào ai, do ai, lúc nào / who is linked to whom, by whom and when."""
    from sync import links

    with runtime.database.read() as db:
        found = links.made(db)
    say_table("linked", map(dataclasses.asdict, found))


@duplicates.command("unlink")
@click.argument("list_name", metavar="LIST")
@click.argument("uuid")
@with_runtime
def duplicates_unlink(runtime: Runtime, list_name: str, uuid: str) -> None:
    """Tách một mục đã gộp ra, như chưa gộp / take a link back, as if never made.

    Mục khác đã theo nó sang chỗ gộp thì ở lại đó. / Entries that came along with it stay there.
    """
    from sync import links

    with runtime.database.write() as db:
        was = links.unlink(db, runtime.library, list_name, uuid, actor=ACTOR, now=runtime.now())
    say(f"Đã tách khỏi {was}. / Unlinked from {was}.", canonical=was)


def _pair(text: str) -> tuple[str, str]:
    name, is_there, value = text.partition("=")
    if not (name and is_there):
        fail("Viết --take thông_tin=mã. / Write --take fact=uuid.")
    return name, value


def _side_by_side(entries: list[Entry], differ: list[Conflict]) -> Iterator[str]:
    for number, one in enumerate(entries, 1):
        to = f"  → {one.linked_to}" if one.linked_to else ""
        since = f"từ / since {cell(one.since)}"
        yield f"{number}. {one.uuid}  {one.label}  {since}{to}"
        for form, count in one.records.items():
            yield f"     {form}: {count}"
    if differ:
        yield "Khác nhau / different:"
    rows = [
        {"": one.fact} | {str(n): _told(one, entry.uuid) for n, entry in enumerate(entries, 1)}
        for one in differ
    ]
    yield from columns(rows)


def _told(one: Conflict, uuid: str) -> str:
    value, day = one.told.get(uuid, ("–", None))
    return f"{value} ({day})" if day else value
