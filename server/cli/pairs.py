"""People who may have been registered twice: the list of them, and what a person says of a pair."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forms.problems import NOT_ALLOWED, UNKNOWN_PLACE, Refused
from server.cli.command import Command, with_runtime
from server.cli.entities import ACTOR
from server.cli.handing_out import (
    KINDS,
    find_caller,
    hand_out,
    seen_as,
    takes_raw,
    takes_user,
    write_tables,
)
from server.cli.paths import FOLDER
from server.cli.terminal import columns, fail, plain, say, warn

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.engine import Connection

    from server.runtime import Runtime
    from sync.matching.listing import Shown, Side

_BANDS = {"certain": "chắc chắn / certain", "review": "cần xem / to be looked at"}


@click.command("list", cls=Command)
@click.argument("list_name", metavar="[LIST]", required=False)
@click.option("--unit", metavar="CODE", help="Có người của đơn vị này / with people of this unit.")
@click.option("--club", metavar="CODE", help="Có người của CLB này / with people of this club.")
@click.option("--out", type=FOLDER, help="Ghi tệp vào đây / write a file here.")
@click.option("--format", "kind", type=KINDS, default="csv")
@takes_user
@takes_raw
@with_runtime
def list_pairs(
    runtime: Runtime,
    list_name: str | None,
    unit: str | None,
    club: str | None,
    out: Path | None,
    kind: str,
    as_user: str | None,
    raw: bool,
) -> None:
    """Ai có thể bị ghi hai lần, vì sao / who may have been registered twice, and why."""
    from forms.days import vietnam_day
    from sync import audit
    from sync.matching import listing

    today = vietnam_day(runtime.now())
    with runtime.database.read() as db:
        caller = find_caller(db, as_user)
        name = list_name or _only(listing.lists_for(runtime.library, caller))
        clubs = _clubs(db, unit, club, today)
        found = listing.read(db, runtime.library, caller, name, today, clubs)
    action, subject = "duplicate.read", f"list:{name}"
    details = {"unit": unit, "club": club, **seen_as(caller)}
    if out is not None:
        table = listing.to_table(name, found, today)
        files = write_tables(out, table.name, [table], kind, raw)
        hand_out(runtime, files, action, subject, **details)
        return
    with runtime.database.write() as db:
        audit.record(db, "operator", action, subject, runtime.now(), **details)
    say("\n".join(_lines(found)) or "–", pairs=plain(found))


def _only(names: Sequence[str]) -> str:
    """The list that is meant where none is named. Refused(NOT_ALLOWED) where there is none."""
    if not names:
        raise Refused(NOT_ALLOWED())
    if len(names) > 1:
        known = ", ".join(names)
        fail(f"Hãy ghi tên danh sách: {known}. / Name the list: {known}.")
    return names[0]


def _clubs(db: Connection, unit: str | None, club: str | None, day: date) -> Collection[str] | None:
    """Those that are asked for; None = all. Refused(UNKNOWN_PLACE)."""
    from sync import places
    from sync.posts import find_unit

    if club is not None:
        uuid = places.find_club(db, club)
        if uuid is None:
            raise Refused(UNKNOWN_PLACE(code=club))
        return {uuid}
    return places.clubs_under(db, find_unit(db, unit, day), day) if unit is not None else None


def _lines(found: Sequence[Shown]) -> Iterator[str]:
    for number, pair in enumerate(found, 1):
        yield f"{number}. {_BANDS[pair.band]}"
        sides = [(_label(side), _club(side), side.uuid) for side in (pair.one, pair.other)]
        widths = [max(len(side[at]) for side in sides) for at in (0, 1)]
        for label, club, uuid in sides:
            yield f"   {label.ljust(widths[0])}   {club.ljust(widths[1])}   {uuid}"
        yield f"   {pair.vi}"
        yield f"   / {pair.en}"


def _label(side: Side) -> str:
    return side.label or "(ngoài phạm vi được xem / not to be seen)"


def _club(side: Side) -> str:
    return f"{side.club_code} {side.club}".strip() or "–"


@click.command("dismiss", cls=Command)
@click.argument("list_name", metavar="LIST")
@click.argument("one", metavar="UUID")
@click.argument("other", metavar="UUID")
@with_runtime
def dismiss(runtime: Runtime, list_name: str, one: str, other: str) -> None:
    """Hai người khác nhau: thôi hỏi / they are two people: ask no more, until something changes."""
    from sync.matching import review

    with runtime.database.write() as db:
        review.dismiss(db, list_name, one, other, actor=ACTOR, now=runtime.now())
    say("Đã ghi là hai người. / Noted: they are two.", dismissed=True)


@click.command("estimate", cls=Command)
@click.argument("list_name", metavar="[LIST]", required=False)
@click.option("--seed", type=int, default=1, help="Mẫu ngẫu nhiên / which random sample.")
@with_runtime
def estimate(runtime: Runtime, list_name: str | None, seed: int) -> None:
    """Học trọng số so trùng từ số liệu đang có / learn the weights of comparing from the data.

    Everybody is compared again in the background.
    """
    from sync import audit
    from sync.matching import waiting, weights

    name = list_name or _only(list(runtime.library.matches))
    rule = runtime.library.matches.get(name) or fail(f"Không dò trùng. / Not compared: {name}.")
    warn("Đang đọc và so mọi người… / Reading and comparing everybody…")
    with runtime.database.read() as db:
        before = weights.current(db, rule, name)
        after, count = weights.learn(db, rule, name, seed)
    with runtime.database.write() as db:
        now = runtime.now()
        weights.keep(db, name, after, count, ACTOR, now)
        waiting.add_all(db, runtime.library, now)
        audit.record(db, ACTOR, "duplicate.estimate", f"list:{name}", now, people=count, seed=seed)
    found = weights.changes(rule, before, after)
    lines = [
        f"Từ {count} người; các cặp được tìm lại ở phía sau. "
        f"/ From {count} people; pairs are found anew in the background.",
        *columns(
            [
                {"so / of": one.comparison, "mức / level": one.level}
                | {"trước / before": one.before, "sau / after": one.after}
                for one in found
                if one.before != one.after
            ]
        ),
    ]
    changes = [one._asdict() for one in found]
    say("\n".join(lines), list=name, people=count, seed=seed, changes=changes)
