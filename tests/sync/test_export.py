"""Records out: columns that depend on forms alone, answers in words, rows one by one."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from forms.cells import Cell, Table, to_csv
from forms.geojson import to_geojson
from forms.library import load_library
from forms.problems import FUTURE_DATE, NOT_IN_FORM, Refused
from sync import export
from sync import tables as t
from sync.access import Reading
from sync.database import Database
from sync.export import COMMON, OF_A_REPEAT, export_records
from sync.reading import view_form
from sync.receive import to_json
from tests.forms.made import xform
from tests.sync.rows import NOW, Rows
from tests.sync.sending import World, an_id

HEAD = """
| survey |
| | type | name | label::Tiếng Việt (vi) | label::English (en) | calculation |
"""
YES_NO = """
| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) |
| | yn | yes | Có | Yes |
| | yn | no | Không | No |
"""
DAY = date(2025, 12, 1)


def a_form(questions: str, choices: str = YES_NO, version: int = 1) -> bytes:
    settings = f"\n| settings |\n| | form_id | version |\n| | f | {version} |\n"
    return xform(f"{HEAD}{questions}{choices}{settings}")


class Desk:
    """A database with one form `f`; its versions are published one after the other."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.db = rows.db
        report = load_library().report
        self.library: Any = SimpleNamespace(rules={}, report=report)  # all that is asked of it
        self.form_id: int | None = None

    def publish(self, *versions: bytes) -> None:
        if self.form_id is None:
            values = {"project_id": 1, "xml_form_id": "f", "title": "f", "state": "open"}
            self.form_id = self.rows.forms["f"] = self._insert(t.forms, **values, created_at=NOW)
        for number, form in enumerate(versions, self._published() + 1):
            current = self._insert(
                t.form_versions,
                form_id=self.form_id,
                version=str(number),
                xform=form,
                md5=hashlib.md5(form, usedforsecurity=False).hexdigest(),
                source_kind="md",
                published_at=NOW,
            )
            self.db.execute(sa.update(t.forms).values(current_version_id=current))

    def _published(self) -> int:
        return self.db.scalar(sa.select(sa.func.count()).select_from(t.form_versions)) or 0

    def _insert(self, table: sa.Table, **values: Any) -> int:
        row = self.db.execute(sa.insert(table).values(**values).returning(table.c.id))
        return int(row.scalar_one())

    def send(self, club: str | None = None, day: date | None = DAY, **answers: str) -> int:
        return self.rows.a_record("f", day, club, answers=answers)

    def tables(
        self, codes: bool = False, clubs: frozenset[str] | None = None, without: Iterable[str] = ()
    ) -> list[Table]:
        form = view_form(self.db, "f", Reading(clubs, frozenset(without)))
        return export_records(self.db, self.library, form, codes=codes)

    def header(self, table: int = 0, **options: Any) -> list[str]:
        """Titles of the questions."""
        found = self.tables(**options)[table]
        common = len(COMMON) + (len(OF_A_REPEAT) if table else 0)
        return list(found.header[common:])

    def records(self, table: int = 0, **options: Any) -> list[dict[str, Cell]]:
        found = self.tables(**options)[table]
        return [dict(zip(found.header, row, strict=True)) for row in found.rows]

    def answers(self, column: str, table: int = 0, **options: Any) -> list[Cell]:
        return [record[column] for record in self.records(table, **options)]


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    with database.write() as db:
        yield Desk(Rows(db))


ONE = """
| | text | name | Họ tên | Name | |
| | note | hello | Xin chào | Hello | |
| | select_one yn | ok | Đồng ý? | Agreed? | |
| | integer | kg | Cân nặng | Weight | |
| | calculate | bmi | | | 1 + 1 |
"""
TWO = """
| | begin_group | who | Ai | Who | |
| | text | name | Họ và tên | Full name | |
| | end_group | | | | |
| | decimal | kg | Cân nặng (kg) | Weight | |
| | text | hamlet | Thôn | Hamlet | |
"""

# ------------------------------------------------------------------ columns


def test_a_form_nobody_published_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused):
        desk.tables()


def test_titles_are_the_vietnamese_labels_and_notes_are_no_columns(desk: Desk) -> None:
    desk.publish(a_form(ONE))
    assert desk.header() == ["Họ tên", "Đồng ý?", "Cân nặng", "bmi"]
    assert desk.header(codes=True) == ["name", "ok", "kg", "bmi"]


def test_c12_the_header_is_the_same_with_and_without_data(desk: Desk) -> None:
    desk.publish(a_form(ONE))
    empty = desk.tables()[0].header
    desk.send(name="Ba", ok="yes", something_else="x")
    desk.send(ok="never heard of")
    assert desk.tables()[0].header == empty


def test_c11_a_question_of_an_old_version_stays_and_a_moved_one_keeps_its_column(
    desk: Desk,
) -> None:
    desk.publish(a_form(ONE), a_form(TWO, version=2))
    desk.send(name="Ba", ok="yes", kg="50")  # by a phone that still has version 1
    desk.send(name="Năm", kg="50.5", hamlet="Thôn 3")

    assert desk.header() == ["Họ và tên", "Cân nặng (kg)", "Thôn", "Đồng ý?", "bmi"]
    assert desk.answers("Họ và tên") == ["Ba", "Năm"]
    assert desk.answers("Đồng ý?") == ["Có", None]
    assert desk.answers("Cân nặng (kg)") == [50, Decimal("50.5")]


def test_c12_it_does_not_matter_which_version_came_with_the_data(desk: Desk) -> None:
    desk.publish(a_form(ONE), a_form(TWO, version=2))
    first = desk.tables()[0].header
    desk.send(hamlet="Thôn 3")
    desk.send(name="Ba", ok="yes")
    assert desk.tables()[0].header == first


def test_c14_questions_with_one_label_or_the_label_of_a_fixed_column_stay_apart(
    desk: Desk,
) -> None:
    desk.publish(
        a_form("""
| | text | a | Ghi chú | Note | |
| | text | b | Ghi chú | Note | |
| | text | club | Tên CLB | Club | |
| | text | c | =1+1 | x | |
| | text | d | '=1+1 | x | |
| | text | e | Ghi chú [a] | x | |
""")
    )
    answers = {"a": "1", "b": "2", "club": "c1", "c": "3", "d": "4", "e": "5"}
    desk.rows.a_record("f", DAY, None, answers=answers)
    (table,) = desk.tables()
    (header, row) = b"".join(to_csv(table)).decode("utf-8-sig").splitlines()

    titles = header.split(";")
    assert len(set(titles)) == len(titles)
    assert titles[-6:] == [
        "Ghi chú [a] 2",
        "Ghi chú [b]",
        "Tên CLB [club]",
        "'=1+1 [c]",
        "'=1+1 [d]",
        "Ghi chú [a]",
    ]
    assert row.split(";")[-6:] == ['"1"', '"2"', '"c1"', '"3"', '"4"', '"5"']
    codes = desk.tables(codes=True)[0].header
    assert len(set(codes)) == len(codes)
    assert codes[-6:] == ("a", "b", "club", "c", "d", "e")


def test_what_the_server_computes_is_a_column_unless_the_phone_did_it_already(desk: Desk) -> None:
    desk.publish(a_form(ONE))
    desk.library.rules["f"] = SimpleNamespace(derives=("bmi", "grade", "mean"))
    desk.rows.a_record(
        "f", DAY, None, answers={"bmi": "23.46"}, derived={"grade": "high", "mean": "142"}
    )
    assert desk.header() == ["Họ tên", "Đồng ý?", "Cân nặng", "bmi", "grade", "mean"]
    assert desk.answers("bmi") == [Decimal("23.46")]  # "23.46" is April to a Vietnamese Excel
    assert (desk.answers("grade"), desk.answers("mean")) == (["high"], [142])


# ------------------------------------------------------------------ answers

TASKS = """
| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) |
| | t | talk | Trò chuyện | Talk |
| | t | talk_long | Trò chuyện; lâu | Long talk |
| | t | wash | Giặt giũ | Wash |
"""
TASKS_LATER = """
| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) |
| | t | talk | Nói chuyện | Talk |
| | t | talk_long | Nói chuyện lâu | Long talk |
"""
MANY = """
| | select_multiple t | tasks | Việc | Tasks | |
| | begin_repeat | day | Ngày | Day | |
| | select_multiple t | tasks | Việc | Tasks | |
| | end_repeat | | | | |
"""


def test_c13_choices_of_a_select_multiple_are_labels_in_repeats_too(desk: Desk) -> None:
    desk.publish(a_form(MANY, TASKS))
    desk.send(tasks="talk_long wash")
    desk.rows.a_record(
        "f",
        DAY,
        None,
        answers={"tasks": "talk wash"},
        table_path="day",
        position="day[1]",
        parent_position="",
    )
    assert desk.answers("Việc") == ["Trò chuyện; lâu; Giặt giũ"]  # a code is never a part of one
    assert desk.answers("Việc", table=1) == ["Trò chuyện; Giặt giũ"]
    assert desk.answers("tasks", table=1, codes=True) == ["talk wash"]


def test_c13_a_choice_taken_away_keeps_its_label_and_an_unknown_one_its_code(desk: Desk) -> None:
    desk.publish(a_form(MANY, TASKS), a_form(MANY, TASKS_LATER, version=2))
    desk.send(tasks="talk wash")
    desk.send(tasks="talk fly")
    assert desk.answers("Việc") == ["Nói chuyện; Giặt giũ", "Nói chuyện; fly"]


def test_c11_a_question_that_changes_its_type_loses_no_answer(desk: Desk) -> None:
    one = "| | select_one t | x | X | X | |"
    desk.publish(a_form(f"\n{one}\n", TASKS))
    desk.send(x="talk")
    desk.send(x="một câu khác")  # a typed answer where codes were expected
    assert desk.answers("X") == ["Trò chuyện", "một câu khác"]
    desk.publish(a_form("\n| | select_multiple t | x | X | X | |\n", TASKS, version=2))
    desk.send(x="talk wash")
    assert desk.answers("X")[::2] == ["Trò chuyện", "Trò chuyện; Giặt giũ"]
    desk.publish(a_form("\n| | integer | x | X | X | |\n", version=3))
    assert desk.answers("X") == ["talk", "một câu khác", "talk wash"]
    desk.publish(a_form("\n| | text | x | X | X | |\n", version=4))
    assert desk.answers("X") == ["talk", "một câu khác", "talk wash"]


@pytest.mark.parametrize(
    ("kind", "answer", "shown"),
    [
        ("integer", "12", 12),
        ("integer", "-3", -3),
        ("integer", "0905000123", "0905000123"),  # a phone typed into a number
        ("integer", "+84905000123", "+84905000123"),
        ("integer", "1234567890123456", "1234567890123456"),  # Excel keeps 15 digits
        ("integer", "mười hai", "mười hai"),
        ("integer", "1_000", "1_000"),
        ("integer", "1e3", "1e3"),
        ("decimal", "62.50", Decimal("62.50")),
        ("decimal", "NaN", "NaN"),
        ("decimal", "-Infinity", "-Infinity"),
        ("decimal", "62,5", "62,5"),
        ("text", "050166908858", "050166908858"),
        ("text", "23.4", "23.4"),
        ("date", "2025-06-30", date(2025, 6, 30)),
        ("date", "30/06/2025", "30/06/2025"),
        ("time", "08:50:00.000+07:00", "08:50"),
        ("dateTime", "không rõ", "không rõ"),
        ("dateTime", "9999-12-31T23:00:00Z", "9999-12-31T23:00:00Z"),
        ("geopoint", "16.05 108.2 0 0", "16.05 108.2 0 0"),
    ],
)
def test_an_answer_has_its_kind_or_is_shown_as_it_was_typed(
    desk: Desk, kind: str, answer: str, shown: Cell
) -> None:
    desk.publish(a_form(f"\n| | {kind} | x | X | X | |\n"))
    desk.send(x=answer)
    (found,) = desk.answers("X")
    assert (found, isinstance(found, str)) == (shown, isinstance(shown, str))


def test_c10_a_moment_of_30_june_in_another_zone_is_july_here(desk: Desk) -> None:
    desk.publish(a_form("\n| | dateTime | x | X | X | |\n"))
    desk.send(x="2018-06-30T17:30:00Z")
    (found,) = desk.answers("X")
    assert found == datetime(2018, 6, 30, 17, 30, tzinfo=UTC)
    (_, row) = b"".join(to_csv(desk.tables()[0])).decode().splitlines()
    assert row.endswith(";01/07/2018 00:30")


def test_who_was_chosen_from_a_list_is_named(desk: Desk) -> None:
    desk.rows.an_entity("members", "m1", "Bà Ba · 1950", "c1", {})
    desk.rows.an_entity("members", "m2", "Ông Tư · 1948", "c1", {})
    desk.publish(
        a_form("""
| | select_one_from_file members.csv | one | Ai | Who | |
| | select_multiple_from_file members.csv | many | Những ai | Who all | |
""")
    )
    desk.send(one="m1", many="m2 m1 m9")
    assert desk.answers("Ai") == ["Bà Ba · 1950"]
    assert desk.answers("Những ai") == ["Ông Tư · 1948; Bà Ba · 1950; m9"]
    assert desk.answers("one", codes=True) == ["m1"]


# ------------------------------------------------------------------ what stands before


def test_a_record_says_where_its_club_was_on_its_own_day(desk: Desk) -> None:
    of_2018 = desk.rows.a_unit("20236", "Hải Châu I", end=date(2025, 7, 1))
    of_2026 = desk.rows.a_unit("20242", "Hải Châu", start=date(2025, 7, 1))
    heir = {"old_id": of_2018, "new_id": of_2026, "happened_on": date(2025, 7, 1), "kind": "whole"}
    desk.db.execute(sa.insert(t.unit_successions).values(**heir))
    desk.rows.a_club("c1", of_2018, label="CLB Một · Phường Hải Châu")
    desk.publish(a_form(ONE))
    for day in (date(2024, 3, 1), date(2026, 3, 1), None):
        desk.send("c1", day)
    desk.send(None)

    place = ("Mã CLB", "Tên CLB", "Mã xã/phường", "Xã/phường")
    assert [tuple(record[title] for title in place) for record in desk.records()] == [
        ("C1", "CLB Một", "20236", "Phường Hải Châu I"),
        ("C1", "CLB Một", "20242", "Phường Hải Châu"),
        ("C1", "CLB Một", None, None),
        (None, None, None, None),
    ]


def test_a_club_that_has_no_place_yet_is_named_too(desk: Desk) -> None:
    desk.rows.a_club("c1")
    desk.publish(a_form(ONE))
    desk.send("c1")
    assert desk.answers("Tên CLB") == ["CLB c1"]


def test_what_is_odd_about_a_record_is_said_in_words_or_in_codes(desk: Desk) -> None:
    desk.publish(a_form(ONE))
    flags = to_json([FUTURE_DATE(day="2029-01-01"), NOT_IN_FORM(field="x")])
    flags.append({"code": "of_another_age", "details": {}})
    first = desk.rows.a_record("f", DAY, None, problems=flags, held_back=True)
    desk.rows.a_record("f", DAY, None, counted_with=first)
    desk.send()
    desk.db.execute(
        sa.update(t.submissions)
        .where(t.submissions.c.instance_id == "uuid:3")
        .values(review_state="hasIssues")
    )
    assert desk.answers("Được tính") == ["không", "không", "có"]
    assert desk.answers("Trạng thái duyệt") == [None, None, "Cần sửa"]
    assert desk.answers("Cần xem lại") == [
        "Ngày sự kiện 2029-01-01 ở tương lai. "
        "Phiếu có câu “x” mà biểu mẫu không có. of_another_age",
        "",
        "",
    ]
    assert desk.answers("_counted", codes=True) == ["no", "no", "yes"]
    assert desk.answers("_review_state", codes=True) == [None, None, "hasIssues"]
    assert desk.answers("_problems", codes=True)[0] == "future_date not_in_form of_another_age"


def test_clubs_outside_the_scope_are_not_there_nor_is_what_belongs_to_no_club(desk: Desk) -> None:
    desk.publish(a_form(MANY, TASKS))
    for club in ("c1", "c2", None):
        desk.send(club, tasks=f"of {club}")
        desk.rows.a_record("f", DAY, club, answers={}, table_path="day", position="day[1]")
    for table in (0, 1):
        assert len(desk.records(table)) == 3
        assert len(desk.records(table, clubs=frozenset({"c1"}))) == 1
        assert desk.records(table, clubs=frozenset()) == []


def test_a_deleted_submission_is_not_there(desk: Desk) -> None:
    desk.publish(a_form(ONE))
    desk.send()
    desk.db.execute(sa.update(t.submissions).values(deleted_at=NOW))
    assert desk.records() == []


# ------------------------------------------------------------------ who reads


def test_who_may_not_see_an_answer_gets_no_column_of_it_nor_what_tells_of_it(desk: Desk) -> None:
    desk.publish(a_form(ONE), a_form(TWO, version=2))
    desk.library.rules["f"] = SimpleNamespace(derives=("grade",))
    desk.send(name="Ba", kg="50", ok="yes", hamlet="Thôn 3")
    whole = desk.tables()[0].header
    assert {"Cần xem lại", "grade", "Họ và tên", "Cân nặng (kg)"} <= set(whole)

    (table,) = desk.tables(without=["kg", "who"])  # a question, and a group of the newer version
    assert set(whole) - set(table.header) == {
        *("Cần xem lại", "grade", "Họ và tên", "Cân nặng (kg)"),
    }
    (row,) = table.rows
    assert len(row) == len(table.header)
    assert not {"Ba", 50} & set(row)
    assert list(row[-3:]) == ["Thôn 3", "Có", None]


def test_b5_names_of_people_of_other_clubs_are_not_told(desk: Desk) -> None:
    desk.rows.an_entity("members", "m1", "Bà Ba · 1950", "c1", {})
    desk.rows.an_entity("members", "m2", "Ông Tư · 1948", "c2", {})
    desk.publish(a_form("\n| | select_multiple_from_file members.csv | x | X | X | |\n"))
    desk.send("c1", x="m1 m2")
    assert desk.answers("X") == ["Bà Ba · 1950; Ông Tư · 1948"]
    assert desk.answers("X", clubs=frozenset({"c1"})) == ["Bà Ba · 1950; m2"]


def test_rows_of_a_repeat_join_the_row_around_them_by_one_key(desk: Desk) -> None:
    desk.publish(
        a_form("""
| | begin_repeat | day | Ngày | Day | |
| | begin_repeat | meal | Bữa | Meal | |
| | text | what | Món | Dish | |
| | end_repeat | | | | |
| | end_repeat | | | | |
""")
    )
    one = desk.rows.a_record("f", DAY, None)
    row = desk.db.execute(sa.select(t.records).where(t.records.c.id == one)).mappings().one()
    whole = {k: v for k, v in row.items() if k != "id"}
    for table, position, parent in (
        ("day", "day[1]", ""),
        ("day", "day[2]", ""),
        ("day/meal", "day[2]/meal[1]", "day[2]"),
    ):
        place = {"table_path": table, "position": position, "parent_position": parent}
        desk.db.execute(sa.insert(t.records).values({**whole, **place}))

    (form,), days, (meal,) = (desk.records(table) for table in range(3))
    assert [day["Thuộc dòng"] for day in days] == [form["Mã phiếu"]] * 2
    assert meal["Thuộc dòng"] == days[1]["Mã dòng"] == "uuid:1/day[2]"
    assert meal["Mã dòng"] == "uuid:1/day[2]/meal[1]"


def test_c18_what_changes_meanwhile_is_in_none_of_the_tables(database: Database) -> None:
    with database.write() as db:
        desk = Desk(Rows(db))
        desk.publish(a_form(MANY, TASKS))
        for _ in range(3):
            desk.send(tasks="talk")
    with database.read() as db:
        form = view_form(db, "f", Reading(None))
        whole, day = export_records(db, desk.library, form)
        rows = iter(whole.rows)
        next(rows)
        with database.write() as other:
            desk.rows.db = other
            desk.send(tasks="wash")
            place = {"table_path": "day", "position": "day[1]", "parent_position": ""}
            desk.rows.a_record("f", DAY, None, **place)
            other.execute(sa.update(t.submissions).values(deleted_at=NOW))
        assert len(list(rows)) == 2
        assert list(day.rows) == []


def test_a_place_is_a_column_of_its_own_for_maps(desk: Desk) -> None:
    desk.publish(a_form("\n| | text | a | A | A | |\n| | geopoint | where | Ở đâu | Where | |\n"))
    desk.send(a="x", where="16.05 108.2 3.5 4.0")
    desk.send(a="y")
    (table,) = desk.tables()
    assert table.place == len(table.header) - 1
    found = json.loads(b"".join(to_geojson(table)))
    here, nowhere = found["features"]
    assert here["geometry"] == {"type": "Point", "coordinates": [108.2, 16.05, 3.5]}
    assert here["properties"]["A"] == "x"
    assert here["properties"]["Ngày sự kiện"] == "2025-12-01"
    assert nowhere["geometry"] is None
    desk.publish(a_form("\n| | text | a | A | A | |\n", version=2))
    assert desk.tables()[0].place is not None  # an old version asked


# ------------------------------------------------------------------ C17, C18: many rows


def test_c17_two_thousand_rows_of_a_repeat_keep_their_order_and_their_parent(
    database: Database,
) -> None:
    world = World(database)
    world.join("ba")
    world.visit("ba", gifts=[f"quà {n}" for n in range(2_000)])
    world.work()
    with database.read() as db:
        form = view_form(db, "visit", Reading(None))
        whole, gifts = export_records(db, world.library, form)
        place = gifts.header.index("Mã dòng")
        found = [(row[place], row[place + 1], row[-1]) for row in gifts.rows]
        (instance,) = [row[0] for row in whole.rows]
    assert found == [(f"{instance}/gifts[{n + 1}]", instance, f"quà {n}") for n in range(2_000)]
    assert instance == f"uuid:{an_id('visit ba 2025-06-01 08:00:00.000+07:00 1')}"


@pytest.fixture
def heavy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """2,000 records of 2 kB, fetched 50 at a time."""
    desk.publish(a_form(ONE))
    one = desk.send()
    row = desk.db.execute(sa.select(t.records).where(t.records.c.id == one)).mappings().one()
    values = {k: v for k, v in row.items() if k != "id"}
    desk.db.execute(
        sa.insert(t.records),
        [{**values, "position": str(n), "answers": {"name": "ă" * 1_000}} for n in range(1_999)],
    )
    monkeypatch.setattr(export, "AT_A_TIME", 50)
    return desk


def test_c18_rows_go_out_while_they_are_read(heavy: Desk) -> None:
    tracemalloc.start()
    try:
        (table,) = heavy.tables()
        size = sum(map(len, to_csv(table)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 4_000_000
    assert peak < 2_000_000


def test_c18_a_reader_that_hangs_up_leaves_the_connection_usable(heavy: Desk) -> None:
    (table,) = heavy.tables()
    pieces = to_csv(table)
    next(pieces)
    next(pieces)
    del pieces
    assert len(heavy.records()) == 2_000
