"""The demo's people who sign in, and what their offices do: confirm a half-year's report, send it.

They take the same steps as on the page; a step that was taken is not taken again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from forms.days import vietnam_day
from forms.periods import Period, get_period
from server.runtime import Runtime
from sync import access, accounts
from sync.access import Caller
from sync.reports import steps
from sync.reports.chain import Wish

PASSWORD = "cay-da-demo"  # noqa: S105 (of a server that holds nobody's data)
BEFORE, SINCE = date(2025, 6, 30), date(2025, 7, 1)  # the last day of the districts, and the next
UPWARDS = ("commune", "district", "city")


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who signs in: of a club, of the unit of this code on that day, or of the city."""

    name: str
    role: str
    words: str
    unit_code: str = ""
    club_code: str = ""
    on: date = SINCE


LOGINS = (
    Login("thanhpho", "city", "Ban đại diện thành phố / City board"),
    Login("thuongtruc", "standing_office", "Cơ quan thường trực / Standing office"),
    Login("songtra", "commune", "Hội NCT phường Sơn Trà / Ward association", "20263"),
    Login("nguhanhson", "commune", "Hội NCT phường Ngũ Hành Sơn / Ward association", "20285"),
    Login("hoavang", "commune", "Hội NCT xã Hòa Vang / Commune association", "20320"),
    Login("haichau", "commune", "Hội NCT phường Hải Châu / Ward association", "20242"),
    Login("q_sontra", "district", "Quận Sơn Trà, đến 30/06/2025 / District", "493", on=BEFORE),
    Login("q_nguhanhson", "district", "Quận Ngũ Hành Sơn / District", "494", on=BEFORE),
    Login("h_hoavang", "district", "Huyện Hòa Vang / District", "497", on=BEFORE),
    Login("q_haichau", "district", "Quận Hải Châu / District", "492", on=BEFORE),
    Login("chunhiem", "chair", "Chủ nhiệm CLB Thọ Quang 1 / Club chair", club_code="48-TQ-01"),
    Login("thuquy", "treasurer", "Thủ quỹ CLB Thọ Quang 1 / Treasurer", club_code="48-TQ-01"),
    Login("tramyte", "health", "Trạm y tế phường Sơn Trà / Health station", "20263"),
    Login("ubnd", "peoples_committee", "UBND phường Sơn Trà / People's Committee", "20263"),
    Login("baovedulieu", "dpo", "Người bảo vệ dữ liệu cá nhân / Data protection officer"),
    Login("quantri", "admin", "Quản trị hệ thống / System operator"),
)


def close_and_send(runtime: Runtime, code: str) -> None:
    """Commune, district and city confirm, from below, as those who speak for them; the city sends.

    The clubs have confirmed by their phones. Refused as on the page when one has not.
    """
    period = get_period(code)
    callers = _callers(runtime)
    for level in UPWARDS:
        for caller, wish in _open_steps(runtime, period, level, callers):
            _take(runtime, caller, period, wish)
    with runtime.database.read() as db:
        is_sent = steps.read_chain(db, runtime.library, period).standing().sent is not None
    if not is_sent:
        _take(runtime, callers[0], period, Wish("send"))


def _callers(runtime: Runtime) -> list[Caller]:
    with runtime.database.read() as db:
        users = [accounts.find_user(db, login.name) for login in LOGINS]
    return [user.caller for user in users if user is not None]


def _open_steps(
    runtime: Runtime, period: Period, level: str, callers: list[Caller]
) -> Iterator[tuple[Caller, Wish]]:
    today = vietnam_day(runtime.now())
    with runtime.database.read() as db:
        chain = steps.read_chain(db, runtime.library, period)
        confirmed = chain.standing().confirmed
        wanted = [one.id for one in chain.places.values() if one.level == level]
        found = [
            (caller, Wish("confirm", place))
            for place in wanted
            for caller in callers
            if place not in confirmed
            and access.speaks_for(db, runtime.library, caller, place, period.last, today)
        ]
    yield from found


def _take(runtime: Runtime, caller: Caller, period: Period, wish: Wish) -> None:
    with runtime.database.read() as db:
        prepared = steps.prepare(db, runtime.library, caller, period, wish, runtime.now())
    with runtime.database.write() as db:
        steps.take(db, runtime.library, caller, period, prepared, runtime.now())
