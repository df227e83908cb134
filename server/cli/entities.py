"""Entries of lists as people look after them: what waits, what is in conflict, what is gone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_runtime
from server.cli.terminal import cell, fail, plain, say, say_table

if TYPE_CHECKING:
    from server.runtime import Runtime
    from sync.entity_history import Story, Told

ACTOR = "operator"  # as in the audit: who may use this console

_NO_ENTRY = "Không có mục này trong danh sách đó. / There is no such entry on that list."
_GONE_ALREADY = (
    "Không có mục này trong danh sách đó, hoặc mục đã bị xóa rồi. "
    "/ There is no such entry on that list, or it is deleted already."
)
_NOT_GONE = (
    "Không có mục này trong danh sách đó, hoặc mục chưa bị xóa. "
    "/ There is no such entry on that list, or it is not deleted."
)


@contextmanager
def _missing(message: str) -> Iterator[None]:
    """The message where nothing is found: NOT_FOUND's own words are about an address on the web."""
    from forms.problems import NOT_FOUND, Refused

    try:
        yield
    except Refused as refused:
        if refused.problem.type is not NOT_FOUND:
            raise
        fail(message)


@click.group(cls=Group)
def entity() -> None:
    """Mục trong danh sách (hội viên…) / entries of lists."""


@entity.command("waiting")
@with_runtime
def entity_waiting(runtime: Runtime) -> None:
    """Thay đổi đang chờ phiếu gửi trước nó / changes that wait for one made before them."""
    from sync import waiting

    with runtime.database.read() as db:
        found = waiting.waiting(db)
    say_table("waiting", map(dataclasses.asdict, found))


@entity.command("conflicts")
@click.argument("list_name", metavar="[LIST]", required=False)
@with_runtime
def entity_conflicts(runtime: Runtime, list_name: str | None) -> None:
    """Mục hai máy cùng sửa, chưa ai xem lại / entries in conflict that nobody has settled."""
    from sync import entity_history

    no_list = f"Không có danh sách “{list_name}”. / There is no list “{list_name}”."
    with _missing(no_list), runtime.database.read() as db:
        found = entity_history.conflicts(db, list_name)
    say_table("conflicts", map(dataclasses.asdict, found))


@entity.command("show")
@click.argument("list_name", metavar="LIST")
@click.argument("uuid")
@with_runtime
def entity_show(runtime: Runtime, list_name: str, uuid: str) -> None:
    """Mọi bản của một mục, đặt cạnh nhau / every version of an entry, side by side."""
    from sync import entity_history

    with _missing(_NO_ENTRY), runtime.database.read() as db:
        story = entity_history.history(db, list_name, uuid)
    say("\n".join(_told(story)), **plain(story))


@entity.command("resolve")
@click.argument("list_name", metavar="LIST")
@click.argument("uuid")
@click.option(
    "--set",
    "settings",
    metavar="PROPERTY=VALUE",
    multiple=True,
    help="Giá trị đúng / what is right.",
)
@click.option("--label", help="Tên hiển thị đúng / the right label.")
@with_runtime
def entity_resolve(
    runtime: Runtime, list_name: str, uuid: str, settings: tuple[str, ...], label: str | None
) -> None:
    """Xác nhận bản hiện nay, hoặc sửa rồi xác nhận / settle a conflict, mending what is wrong."""
    from sync import decisions

    data = dict(map(_pair, settings))
    now = runtime.now()
    with _missing(_NO_ENTRY), runtime.database.write() as db:
        place = (db, runtime.library, list_name, uuid)
        if data or label is not None:
            decisions.patch(
                *place, data, label, base_version=None, force=True, actor=ACTOR, now=now
            )
        settled = decisions.resolve(*place, ACTOR, now)
    say(f"Đã xác nhận {settled} thay đổi. / {settled} changes settled.", settled=settled)


def _pair(text: str) -> tuple[str, str]:
    name, is_there, value = text.partition("=")
    if not (name and is_there):
        fail("Viết --set thuộc_tính=giá_trị. / Write --set property=value.")
    return name, value


@entity.command("delete")
@click.argument("list_name", metavar="LIST")
@click.argument("uuid")
@with_runtime
def entity_delete(runtime: Runtime, list_name: str, uuid: str) -> None:
    """Bỏ một mục khỏi mọi danh sách; lấy lại được / take an entry off every list; can be undone."""
    from sync import decisions

    with _missing(_GONE_ALREADY), runtime.database.write() as db:
        decisions.delete(db, runtime.library, list_name, uuid, actor=ACTOR, now=runtime.now())
    say("Đã xóa. / Deleted.", deleted=True)


@entity.command("restore")
@click.argument("list_name", metavar="LIST")
@click.argument("uuid")
@with_runtime
def entity_restore(runtime: Runtime, list_name: str, uuid: str) -> None:
    """Lấy lại một mục đã xóa / bring a deleted entry back."""
    from sync import decisions

    with _missing(_NOT_GONE), runtime.database.write() as db:
        decisions.restore(db, runtime.library, list_name, uuid, actor=ACTOR, now=runtime.now())
    say("Đã lấy lại. / Restored.", restored=True)


# ------------------------------------------------------------------ versions for people
def _told(story: Story) -> Iterator[str]:
    gone = f", đã xóa / deleted {cell(story.deleted_at)}" if story.deleted_at else ""
    waits = f", xung đột / conflict: {story.conflict}" if story.conflict else ""
    away = f", đã gộp vào / linked to {story.linked_to}" if story.linked_to else ""
    yield f"{story.list_name} {story.uuid}: {story.label}{gone}{away}{waits}"
    for version in story.versions:
        yield f"{version.number}. {cell(version.created_at)}  {_who(version)}{_odd(version)}"
        for name, (before, now) in version.differs.items():
            yield f"     {name}: {cell(before)} → {cell(now)}"


def _who(version: Told) -> str:
    if version.instance_id is not None:
        return f"{version.form} {version.instance_id}"
    return version.actor or "nhập tệp / imported"


def _odd(version: Told) -> str:
    """What to look at in how it came: made on which version, in conflict, without its parent."""
    parts = []
    if version.base is not None and version.base != version.number - 1:
        parts.append(f"dựa trên bản / made on {version.base}")
    if version.conflict:
        settled = ", đã xác nhận / settled" if version.resolved else ""
        parts.append(f"xung đột / conflict: {version.conflict}{settled}")
    if version.forced:
        parts.append("không đợi được bản trước / its parent did not come")
    return f"  ({'; '.join(parts)})" if parts else ""
