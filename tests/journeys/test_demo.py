"""The demo's offices close a report as people do, and do it once."""

from __future__ import annotations

import sqlalchemy as sa

from forms.periods import get_period
from server.demo.fill import set_up_people
from server.demo.half_year import confirmations
from server.demo.offices import close_and_send
from sync import tables
from sync.reports import steps
from tests.journeys.world import World


def test_the_offices_confirm_and_send_what_clubs_confirmed_and_only_once(world: World) -> None:
    others = ("48-TQ-02", "48-HQ-02", "48-HP-01", "48-HC-01")
    for entry in confirmations({**world.clubs, **dict.fromkeys(others, "")}):
        code = entry.phone.split("/")[0]
        if code in world.clubs:
            phone = world.phone("chair", code).receives()
            phone.fill(entry.form, entry.answers)
            assert phone.sends() == 1
    world.works()
    set_up_people(world.runtime, world.clubs)
    set_up_people(world.runtime, world.clubs)

    close_and_send(world.runtime, "2025H1")
    taken = _steps(world)
    close_and_send(world.runtime, "2025H1")
    assert _steps(world) == taken
    assert [act for act, _level in taken] == ["confirm"] * 5 + ["send"]
    assert [level for _act, level in taken] == [*["commune"] * 2, *["district"] * 2, "city", ""]
    with world.database.read() as db:
        library = world.runtime.library
        closed = steps.read_chain(db, library, get_period("2025H1")).standing()
        still_open = steps.read_chain(db, library, get_period("2025H2")).standing()
    assert (closed.state, still_open.sent) == ("sent", None)


def _steps(world: World) -> list[tuple[str, str]]:
    s = tables.report_steps.c
    with world.database.read() as db:
        return [
            (row.act, row.level) for row in db.execute(sa.select(s.act, s.level).order_by(s.id))
        ]
