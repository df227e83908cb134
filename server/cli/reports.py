"""The half-year's report at the console: where it stands, one step more, and what came late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from forms.days import to_vietnamese, vietnam_day
from server.cli.calendar import takes_calendar
from server.cli.command import Group, with_runtime
from server.cli.terminal import cell, fail, plain, say

if TYPE_CHECKING:
    from decimal import Decimal

    from forms.library import Library
    from forms.periods import Period
    from server.runtime import Runtime
    from sync.figures import Figure
    from sync.reports.chain import Act, Standing
    from sync.reports.data import Adjustment, PlaceKey, ReportData
    from sync.reports.desk import Line

NEEDS_ONE = "Cần --club hoặc --unit. / --club or --unit is needed."

_period = click.argument("code", metavar="PERIOD")
_club = click.option("--club", help="Mã CLB / club code.")
_unit = click.option("--unit", help="Mã đơn vị vào ngày chốt / unit code on the last day.")
_comment = click.option("--comment", default="", help="Lý do / the reason.")
_incomplete = click.option(
    "--incomplete",
    is_flag=True,
    help="Dù còn nơi bên dưới chưa xác nhận / though some below have not confirmed.",
)


def _takes(*options: Callable[..., Any]) -> Callable[..., Any]:
    """A period by one calendar, these options, and the data."""

    def put(command: Callable[..., Any]) -> Callable[..., Any]:
        command = with_runtime(command)
        for option in (takes_calendar, *reversed(options), _period):
            command = option(command)
        return command

    return put


@click.group(cls=Group)
def report() -> None:
    """Báo cáo kỳ: chốt, xác nhận, gửi / the period's report: confirm, send."""


@report.command("close")
@_takes(_club)
def report_close(runtime: Runtime, code: str, calendar: str, club: str | None) -> None:
    """Chốt số liệu của một CLB / confirm a club's figures, in its name."""
    if club is None:
        fail("Cần --club. / --club is needed.")
    _step(runtime, code, calendar, "confirm", club=club)


@report.command("confirm")
@_takes(_club, _unit, _incomplete)
def report_confirm(
    runtime: Runtime,
    code: str,
    calendar: str,
    club: str | None,
    unit: str | None,
    incomplete: bool,
) -> None:
    """Xác nhận cho xã, huyện, thành phố / confirm for a commune, a district, the city."""
    if (club is None) == (unit is None):
        fail(NEEDS_ONE)
    _step(runtime, code, calendar, "confirm", club, unit, incomplete=incomplete)


@report.command("send-back")
@_takes(_club, _unit, _comment)
def report_send_back(
    runtime: Runtime,
    code: str,
    calendar: str,
    club: str | None,
    unit: str | None,
    comment: str,
) -> None:
    """Gửi lại cho nơi bên dưới, với lý do / send back one level down, with a reason."""
    if (club is None) == (unit is None):
        fail(NEEDS_ONE)
    _step(runtime, code, calendar, "send_back", club, unit, comment=comment)


@report.command("send")
@_takes()
def report_send(runtime: Runtime, code: str, calendar: str) -> None:
    """Gửi báo cáo: từ đây số liệu đứng yên / send it: from here on its figures stand still."""
    _step(runtime, code, calendar, "send")


@report.command("pass-on")
@_takes()
def report_pass_on(runtime: Runtime, code: str, calendar: str) -> None:
    """Ghi rằng báo cáo đã được báo cáo tiếp / note that it was passed on."""
    _step(runtime, code, calendar, "report")


@report.command("reopen")
@_takes(_comment)
def report_reopen(runtime: Runtime, code: str, calendar: str, comment: str) -> None:
    """Mở lại báo cáo đã gửi để làm phiên bản mới / open a sent report for a revision."""
    _step(runtime, code, calendar, "reopen", comment=comment)


def _step(
    runtime: Runtime,
    code: str,
    calendar: str,
    act: Act,
    club: str | None = None,
    unit: str | None = None,
    comment: str = "",
    incomplete: bool = False,
) -> None:
    """Take it as the operator; say where the report stands then."""
    from forms.periods import get_period
    from forms.problems import Refused
    from forms.report_problems import REPORT_BELOW_OPEN
    from sync.access import OPERATOR
    from sync.reports import steps
    from sync.reports.chain import Wish

    period, now = get_period(code, calendar), runtime.now()
    with runtime.database.read() as db:
        place: PlaceKey | None = None
        if club is not None or unit is not None:
            chain = steps.read_chain(db, runtime.library, period)
            place = steps.find_place(chain, club or unit or "", is_club=club is not None)
        wish = Wish(act, place, comment, incomplete)
        try:
            prepared = steps.prepare(db, runtime.library, OPERATOR, period, wish, now)
        except Refused as refused:
            if refused.problem.type is REPORT_BELOW_OPEN:
                click.echo("Không chờ: thêm --incomplete. / Not to wait: --incomplete.", err=True)
            raise
    with runtime.database.write() as db:
        standing = steps.take(db, runtime.library, OPERATOR, period, prepared, now)
    about = place[1] if place else ""
    _say_standing(runtime.library, period, standing, prepared.sha256, about)


def _say_standing(
    library: Library, period: Period, standing: Standing, sha256: str, place: str
) -> None:
    state = library.report.state(standing.state)
    lines = [f"{period.code}: {state.vi} / {state.en}"]
    if sha256:
        lines.append(f"SHA-256: {sha256}")
    say(
        "\n".join(lines),
        period=period.code,
        calendar=period.calendar,
        state=standing.state,
        version=standing.versions,
        place=place,
        sha256=sha256,
    )


# ------------------------------------------------------------------ looking
@report.command("status")
@_takes()
def report_status(runtime: Runtime, code: str, calendar: str) -> None:
    """Báo cáo đang ở đâu, ai chưa chốt / where it stands, and who has not confirmed."""
    from forms.periods import get_period
    from sync.access import OPERATOR
    from sync.reports.desk import read_desk

    period = get_period(code, calendar)
    with runtime.database.read() as db:
        desk = read_desk(db, runtime.library, OPERATOR, period, vietnam_day(runtime.now()))
    standing = desk.standing
    places = [_place(runtime.library, one) for one in desk.lines]
    state = runtime.library.report.state(standing.state)
    lines = [
        f"{period.code} ({to_vietnamese(period.first)}–{to_vietnamese(period.last)}): "
        f"{state.vi} / {state.en}",
        *(
            f"Phiên bản / version {one.version}: {cell(one.frozen_at)}  {one.sha256[:12]}"
            f"  {one.reason}".rstrip()
            for one in desk.versions
        ),
        *(
            f"{'  ' * (1 + one['depth'])}{one['code']}  {one['name']}: {one['label']}{_day(one)}"
            for one in places
        ),
    ]
    say(
        "\n".join(lines),
        period=period.code,
        calendar=period.calendar,
        first=period.first,
        last=period.last,
        state=standing.state,
        versions=[plain(one) for one in desk.versions],
        places=places,
        not_reported=[one["code"] for one in places if _is_silent(one)],
    )


def _is_silent(one: dict[str, Any]) -> bool:
    return bool(one["level"] == "club" and one["confirmed_on"] is None)


def _place(library: Library, line: Line) -> dict[str, Any]:
    done, back = line.confirmed, line.sent_back
    return {
        "level": line.place.level,
        "depth": line.depth,
        "code": line.place.code,
        "name": line.place.name,
        "state": line.state,
        "label": library.report.state(line.state).vi,
        "confirmed_on": done.day if done else None,
        "by_form": done.by_form if done else False,
        "sha256": done.sha256 if done else "",
        "due_on": line.due,
        "comment": back.comment if back else "",
    }


def _day(one: dict[str, Any]) -> str:
    """When it confirmed; where it did not, why it was sent back or when it is due."""
    if one["confirmed_on"]:
        return f" {to_vietnamese(one['confirmed_on'])}"
    if one["comment"]:
        return f" (gửi lại / sent back: {one['comment']})"
    return f" (hạn / due {to_vietnamese(one['due_on'])})" if one["due_on"] else ""


@report.command("late")
@_takes()
def report_late(runtime: Runtime, code: str, calendar: str) -> None:
    """Phát sinh sau chốt của báo cáo đã gửi / what came after the report was sent."""
    from forms.periods import get_period
    from forms.problems import Refused
    from forms.report_problems import REPORT_NOT_SENT
    from sync.reports import late, snapshots

    period = get_period(code, calendar)
    with runtime.database.read() as db:
        frozen = snapshots.read(db, period)
        if frozen is None:
            raise Refused(REPORT_NOT_SENT(period=code))
        found = late.late(db, runtime.library, frozen)
    say("\n".join(_late_lines(frozen, found)), **plain(found))


WHAT = {
    "arrived": "mới đến / arrived",
    "edited": "đã sửa / edited",
    "deleted": "đã xóa / deleted",
    "counts_now": "nay được tính / counts now",
    "counts_no_more": "nay không tính / counts no more",
    "linked": "đã gộp hoặc tách người / its person was linked or unlinked",
}


def _late_lines(frozen: ReportData, found: Adjustment) -> Iterator[str]:
    from sync.figures import Figure

    yield f"{found.period} phiên bản / version {found.version}: phát sinh sau chốt / came later"
    for record in found.records:
        day = to_vietnamese(record.day) if record.day else "–"
        yield (
            f"  {record.form}  {day}  {record.club_name or '–'}  {WHAT[record.what]}  "
            f"{cell(record.received_at)}  {record.instance_id}"
        )
    for one in found.differences:
        if not one.cut:
            name = frozen.indicator(one.indicator).vi
            then = _told(frozen, one.indicator, Figure(one.then, one.then_over))
            now = _told(frozen, one.indicator, Figure(one.now, one.now_over))
            yield f"  {one.place_name}: {one.indicator} {name}: {then} → {now}"
    if not found.records and not found.differences:
        yield "  Không có gì. / Nothing."


def _told(frozen: ReportData, indicator: str, figure: Figure) -> str:
    """As the report shows it; of a share also what it is of, for that alone may have changed."""
    from sync.reports.document import as_told

    shown = as_told(frozen, indicator, figure)
    if frozen.indicator(indicator).over is None or figure.denominator is None:
        return shown
    return f"{shown} ({_number(figure.numerator)}/{_number(figure.denominator)})"


def _number(value: Decimal | None) -> str:
    return "–" if value is None else f"{value.normalize():f}".replace(".", ",")
