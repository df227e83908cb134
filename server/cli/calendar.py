"""--calendar: by which calendar a period is meant, where two are in use."""

from __future__ import annotations

import click

from forms.periods import ADMINISTRATIVE, CALENDAR

takes_calendar = click.option(
    "--calendar",
    type=click.Choice([CALENDAR, ADMINISTRATIVE]),
    default=CALENDAR,
    show_default=True,
    help="Lịch của kỳ: 01/01–30/06, hay 15/12–14/06 (hành chính) / by which calendar.",
)
