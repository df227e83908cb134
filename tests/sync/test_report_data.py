"""A report is one value: written and read back it is the same, and equal values are equal bytes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from forms.periods import get_period
from sync.database import Database
from sync.figures import Figure
from sync.reports import canonical
from sync.reports.data import LateRecord, figures_sha256, pack, unpack
from sync.reports.gather import gather
from tests.sync.rows import NOW, Rows, a_library

DAY = date(2018, 5, 1)


def test_a_report_read_back_is_the_report_that_was_written(database: Database) -> None:
    with database.write() as db:
        rows = Rows(db)
        city = rows.a_unit("48", "Đà Nẵng", "city", covered=False)
        district = rows.a_unit("492", "Hải Châu", "district", city)
        ward = rows.a_unit("20236", "Hải Châu I", "commune", district)
        rows.a_club("c1", ward)
        rows.a_member("m1", "c1")
        rows.a_visit(DAY, "c1", "m1", minutes="50")
        data = gather(db, a_library(), get_period("2018H1", "administrative"), NOW)
    again = unpack(pack(data))
    assert pack(again) == pack(data)
    assert (again.head, again.places, again.targets) == (data.head, data.places, data.targets)
    assert again.figures == data.figures
    assert (again.head.first, again.head.last) == (date(2017, 12, 15), date(2018, 6, 14))
    (club,) = again.expected
    assert again.value(club, "C08") == Decimal(50) / 60


def test_what_a_club_keeps_beside_its_columns_does_not_leave_in_a_report(
    database: Database,
) -> None:
    with database.write() as db:
        rows = Rows(db)
        rows.a_club("c1", rows.a_unit("20236", "Hải Châu I"), contact_name="Nguyễn Văn Thử")
        data = gather(db, a_library(), get_period("2018H1"), NOW)
    assert "Nguyễn Văn Thử" not in pack(data).decode()


@pytest.mark.parametrize("number", ["3", "3.0", "3.0000"])
def test_one_number_has_one_hash_whichever_database_wrote_it(number: str) -> None:
    whole = {("c1", "X1", "", ""): Figure(Decimal(3), Decimal(10))}
    assert figures_sha256(
        {("c1", "X1", "", ""): Figure(Decimal(number), Decimal("10.00"))}, "c1", ()
    ) == (figures_sha256(whole, "c1", ()))


def test_the_hash_of_a_place_tells_its_figures_from_all_others() -> None:
    key = ("c1", "X1", "", "")
    figures = [Figure(Decimal(3)), Figure(Decimal(4)), Figure(None), Figure(Decimal(3), None, 1)]
    assert len({figures_sha256({key: one}, "c1", ()) for one in figures}) == 4
    one, other = {key: figures[0]}, {key: figures[0], ("c2", "X1", "", ""): figures[1]}
    assert figures_sha256(one, "c1", ()) == figures_sha256(other, "c1", ())


def test_days_moments_and_nothing_are_read_back_as_they_were() -> None:
    record = LateRecord(
        "uuid:1", "f", None, datetime(2019, 1, 2, 3, tzinfo=UTC), "c", "C", "edited"
    )
    assert canonical.from_bytes(LateRecord, canonical.to_bytes(record)) == record


def test_a_field_of_a_later_day_is_not_missed_and_one_that_is_gone_is_passed_by() -> None:
    content = b'{"id":"a","vi":"b","en":"c","gone":1}'
    from sync.reports.data import LabelData

    assert canonical.from_bytes(LabelData, content) == LabelData("a", "b", "c")
