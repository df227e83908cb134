"""Reports that count as one event: which, by what rule, and what a person says of two of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_runtime
from server.cli.entities import ACTOR
from server.cli.terminal import columns, plain, say

if TYPE_CHECKING:
    from server.runtime import Runtime
    from sync.same_events import Repeat

WHY = {
    "resent": "máy gửi lại / sent again",
    "same_event": "hai người cùng ghi / written down by two",
    "decided": "người xem quyết định: một việc / somebody says: one",
    "apart": "người xem quyết định: hai việc / somebody says: two",
}


@click.group("events", cls=Group)
def events() -> None:
    """Hai phiếu kể một việc: chỉ tính một lần / reports of one event: counted once."""


@events.command("list")
@click.option("--form", help="Chỉ mẫu này / of this form only.")
@with_runtime
def events_list(runtime: Runtime, form: str | None) -> None:
    """Phiếu nào tính chung với phiếu nào, vì sao / which counts with which, and why."""
    from sync import places, same_events

    with runtime.database.read() as db:
        found = list(same_events.repeats(db, form))
        codes = places.codes_by_club(db)
    said = [_event(one, codes) for one in found]
    say("\n".join(columns(said)) or "–", events=plain([dataclasses.asdict(one) for one in found]))


def _event(one: Repeat, codes: Mapping[str, str]) -> dict[str, str]:
    return {
        "biểu mẫu/form": one.form,
        "ngày/day": f"{one.day:%d/%m/%Y}" if one.day else "–",
        "CLB/club": codes.get(one.club_id or "", "–"),
        "phiếu/report": one.instance_id,
        "tính chung với/counts with": one.counts_with,
        "vì sao/why": WHY[one.by],
    }


@events.command("apart")
@click.argument("form", metavar="FORM")
@click.argument("instances", metavar="INSTANCE INSTANCE", nargs=2)
@with_runtime
def events_apart(runtime: Runtime, form: str, instances: tuple[str, str]) -> None:
    """Hai phiếu kể hai việc, tính cả hai / they are two events, both count."""
    _decide(runtime, form, instances, "apart")
    say("Từ nay tính là hai việc. / Counted as two from now on.", decided="apart")


@events.command("together")
@click.argument("form", metavar="FORM")
@click.argument("instances", metavar="INSTANCE INSTANCE", nargs=2)
@with_runtime
def events_together(runtime: Runtime, form: str, instances: tuple[str, str]) -> None:
    """Hai phiếu kể một việc, tính một lần / they are one event, counted once."""
    _decide(runtime, form, instances, "together")
    say("Từ nay tính là một việc. / Counted as one from now on.", decided="together")


@events.command("undo")
@click.argument("form", metavar="FORM")
@click.argument("instances", metavar="INSTANCE INSTANCE", nargs=2)
@with_runtime
def events_undo(runtime: Runtime, form: str, instances: tuple[str, str]) -> None:
    """Bỏ quyết định, để quy tắc của mẫu xét / let the form's rules decide again."""
    _decide(runtime, form, instances, None)
    say("Đã bỏ quyết định. / The decision is taken back.", decided=None)


def _decide(runtime: Runtime, form: str, instances: tuple[str, str], kind: str | None) -> None:
    from sync import same_events, versions

    now = runtime.now()
    with runtime.database.write() as db:
        one, other = (versions.find(db, form, instance) for instance in instances)
        if kind is None:
            same_events.undo(db, one, other, ACTOR, now)
        else:
            same_events.decide(db, runtime.library, one, other, kind, ACTOR, now)
    runtime.jobs.wake()
