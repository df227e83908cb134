"""How numbers, days and periods are written: as readers in Vietnam write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from forms.days import VIETNAM, read_written_day, to_vietnamese
from forms.periods import Period
from forms.problems import BAD_DAY, Refused
from server.pages.door import pages
from server.pages.words import gettext, mark

PARTS = {
    "H1": mark("First half of %(year)s"),
    "H2": mark("Second half of %(year)s"),
    "Y": mark("Whole year %(year)s"),
}


@pages.app_template_filter("number")
def number(value: Decimal | int | None, digits: int = 0) -> str:
    """1.234,5 as Vietnamese readers write it; “–” where nothing was sent."""
    if value is None:
        return "–"
    exact = digits if digits or value == int(value) else 1
    text = f"{value:,.{exact}f}"
    return text.translate(str.maketrans(",.", ".,"))


@pages.app_template_filter("day")
def day(value: date | None) -> str:
    """31/12/2025"""
    return "–" if value is None else to_vietnamese(value)


def read_day(text: str) -> date:
    """A day as somebody wrote it into a form. Refused(BAD_DAY)."""
    found = read_written_day(text.strip())
    if found is None:
        raise Refused(BAD_DAY(text=text[:20]))
    return found


@pages.app_template_filter("moment")
def moment(value: datetime | None) -> str:
    """31/12/2025 23:59, as clocks in Vietnam show it."""
    return "–" if value is None else value.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")


@pages.app_template_filter("period_name")
def period_name(period: Period) -> str:
    """6 tháng cuối năm 2025"""
    return gettext(PARTS[period.code[4:]], year=period.code[:4])
