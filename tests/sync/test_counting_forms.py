"""Every word over records of forms, in small worlds whose numbers were worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from forms.indicators import read_figures
from forms.periods import ADMINISTRATIVE, Period, get_period
from sync import tables as t
from sync.counting import count, items
from sync.database import Database
from tests.sync.gardens import SEX_AND_AGE
from tests.sync.rows import Rows

PERIOD = get_period("2018H1")
D = PERIOD.last
MAY = date(2018, 5, 10)
CUTS = (
    SEX_AND_AGE
    + """
[cut.skill]
label = { vi = "Khả năng", en = "Skills" }
fact = "skills"
multi = true
[cut.purpose]
label = { vi = "Mục đích", en = "Purpose" }
answer = "purpose"
[cut.task]
label = { vi = "Việc", en = "Task" }
answer = "tasks"
multi = true
"""
)
Told = dict[tuple[str, str, str], Decimal]  # place, cut, value


@pytest.fixture
def rows(database: Database) -> Iterator[Rows]:
    with database.write() as db:
        rows = Rows(db)
        rows.a_club("c1")
        rows.a_club("c2")
        yield rows


@pytest.fixture
def told(rows: Rows, tmp_path: Path) -> Any:
    """Counts one indicator, written as in the TOML, at the clubs (or the places they map to)."""

    def count_it(
        words: str, period: Period = PERIOD, place_of: dict[str, str] | None = None
    ) -> Told:
        library = a_library(tmp_path, words)
        (indicator,) = library.figures.indicators.values()
        places = place_of or {"c1": "c1", "c2": "c2"}
        found = count(rows.db, library, period, [indicator], places)
        _same_as_items(rows, library, period, places, found)
        return {(place, cut, value): f.numerator for (place, _, cut, value), f in found.items()}

    return count_it


def a_library(folder: Path, *entries: str) -> Any:
    (folder / "one").mkdir(exist_ok=True)
    head = 'label = { vi = "Số", en = "Number" }\nunit = { vi = "số", en = "number" }\n'
    text = "\n".join(
        f'[[indicator]]\nid = "X{number}"\n{head}{words}\n'
        for number, words in enumerate(entries, 1)
    )
    (folder / "one" / "indicators.toml").write_text(text, "utf-8")
    (folder / "targets.toml").write_text(CUTS, "utf-8")
    figures = read_figures(folder)
    assert figures.problems == ()
    return SimpleNamespace(
        figures=figures,
        lists={
            "members": SimpleNamespace(name="members", club="club_id", is_of_clubs=False),
            "loans": SimpleNamespace(name="loans", club="club_id", is_of_clubs=False),
            "clubs": SimpleNamespace(name="clubs", club="name", is_of_clubs=True),
        },
        rules={
            form: SimpleNamespace(form=form, subject_list=of)
            for form, of in {
                "visit": "members",
                "check": "members",
                "loan": "loans",
                "repayment": "loans",
                "ledger": None,
                "meeting": None,
            }.items()
        },
    )


def _same_as_items(
    rows: Rows, library: Any, period: Period, place_of: dict[str, str], found: Any
) -> None:
    """What stands behind a number makes that number."""
    (indicator,) = library.figures.indicators.values()
    if indicator.kind == "median" or indicator.empty:
        return
    behind = items(rows.db, library, period, indicator, place_of)
    for place in set(place_of.values()):
        here = [item for item in behind if place_of[item.club] == place]
        once = {item.once for item in here}
        number = len(once) if None not in once else sum(Decimal(item.amount) for item in here)
        whole = found.get((place, indicator.id, "", ""))
        assert number == (whole.numerator if whole else 0)


def whole(told: Told, place: str = "c1") -> Decimal:
    return told.get((place, "", ""), Decimal(0))


def part(told: Told, cut: str, place: str = "c1") -> dict[str, int]:
    return {v: int(n) for (p, c, v), n in told.items() if (p, c) == (place, cut)}


# ------------------------------------------------------------------ rows of a repeat
def test_rows_are_counted_with_their_record_and_only_once(rows: Rows, told: Any) -> None:
    gifts = ({"item": "rice", "value": "100"}, {"item": "milk", "value": "50"}, {"item": "rice"})
    first = rows.a_record("visit", MAY, "c1", "m1", {"outcome": "met"})
    rows.a_repeat(first, "supplies", *gifts)
    resent = rows.a_record("visit", MAY, "c1", "m1", {"outcome": "met"})
    rows.a_repeat(resent, "supplies", *gifts)
    rows.db.execute(sa.update(t.records).where(t.records.c.id == resent).values(counted_with=first))
    late = rows.a_record("visit", D + timedelta(days=1), "c1", "m1", {"outcome": "met"})
    rows.a_repeat(late, "supplies", *gifts)
    held = rows.a_record("visit", MAY, "c2", "m2", {"outcome": "met"}, held_back=True)
    rows.a_repeat(held, "supplies", *gifts)

    rice = 'count = "visit"\nrows = "supplies"\nwhere = { item = { is = "rice" } }'
    assert told(rice) == {("c1", "", ""): 2}
    assert told('sum = "visit.value"\nrows = "supplies"') == {("c1", "", ""): 150}
    assert told('distinct = "visit"\nrows = "supplies"') == {("c1", "", ""): 1}
    assert told('count = "visit"\nrows = "other"') == {}


def test_a_rows_condition_may_name_what_its_record_says(rows: Rows, told: Any) -> None:
    for direction in ("in", "out"):
        entry = rows.a_record("ledger", MAY, "c1", None, {"direction": direction, "each": "9"})
        rows.a_repeat(entry, "batch", {"each": "50"}, {"each": "20"})

    found = told('sum = "ledger.each"\nrows = "batch"\nwhere = { direction = { is = "in" } }')

    assert whole(found) == 70


# ------------------------------------------------------------------ when
def test_balances_add_up_all_that_was_before(rows: Rows, told: Any) -> None:
    days = [date(2016, 1, 1), date(2017, 12, 31), date(2018, 1, 1), D, D + timedelta(days=1)]
    for amount, day in zip(("1", "10", "100", "1000", "10000"), days, strict=True):
        rows.a_record("ledger", day, "c1", None, {"amount": amount})

    assert whole(told('sum = "ledger.amount"\nup_to = "start"')) == 11
    assert whole(told('sum = "ledger.amount"')) == 1100
    assert whole(told('sum = "ledger.amount"\nup_to = "end"')) == 1111
    assert whole(told('count = "ledger"\nup_to = "end"')) == 4


def test_months_with_a_record_are_counted_once_each_also_in_the_city(rows: Rows, told: Any) -> None:
    for month, day in ((1, 1), (1, 31), (3, 15), (6, 30)):
        rows.a_record("meeting", date(2018, month, day), "c1", None, {"kind": "talk"})
    rows.a_record("meeting", date(2018, 2, 1), "c1", None, {"kind": "other"})
    rows.a_record("meeting", date(2018, 3, 1), "c2", None, {"kind": "talk"})
    rows.a_record("meeting", date(2018, 4, 1), "c2", None, {"kind": "talk"})

    talks = 'months = "meeting"\nwhere = { kind = { is = "talk" } }'

    assert told(talks) == {("c1", "", ""): 3, ("c2", "", ""): 2}
    assert whole(told(talks, PERIOD, {"c1": "city", "c2": "city"}), "city") == 4
    assert whole(told('months = "*"\nempty = true')) == 2
    assert whole(told('months = "*"\nempty = true'), "c2") == 4


def test_months_of_the_administrative_calendar_begin_on_the_15th(rows: Rows, told: Any) -> None:
    period = get_period("2018H1", ADMINISTRATIVE)
    for day in ("2017-12-15", "2018-01-14", "2018-01-15", "2018-03-14", "2018-06-14", "2018-06-15"):
        rows.a_record("meeting", date.fromisoformat(day), "c1")

    assert period.months == 6
    assert whole(told('months = "meeting"', period)) == 4


@pytest.mark.parametrize(
    ("delays", "middle"), [([3], 3), ([9, 1], 5), ([5, 1, 100], 5), ([1, 2, 3, 30], 2.5)]
)
def test_the_median_delay_is_the_one_in_the_middle(
    rows: Rows, told: Any, delays: list[int], middle: float
) -> None:
    for form, delay in zip(("visit", "check", "visit", "ledger"), delays, strict=False):
        record = rows.a_record(form, MAY, "c1", "m1")
        _arrived(rows, record, MAY + timedelta(days=delay))
    rows.a_record("visit", MAY, "c1", held_back=True)

    assert whole(told('median = "*"')) == Decimal(str(middle))


def test_a_delay_is_counted_in_days_of_vietnam(rows: Rows, told: Any) -> None:
    record = rows.a_record("visit", MAY, "c1", "m1")
    _arrived_at(rows, record, datetime(2018, 5, 10, 17, 30, tzinfo=UTC))  # 00:30 on the 11th

    assert whole(told('median = "visit"')) == 1


def _arrived(rows: Rows, record: int, day: date) -> None:
    _arrived_at(rows, record, datetime(day.year, day.month, day.day, 3, tzinfo=UTC))


def _arrived_at(rows: Rows, record: int, moment: datetime) -> None:
    submission = sa.select(t.records.c.submission_id).where(t.records.c.id == record)
    rows.db.execute(
        sa.update(t.submissions)
        .where(t.submissions.c.id == submission.scalar_subquery())
        .values(created_at=moment)
    )


# ------------------------------------------------------------------ whom
def test_who_is_named_is_counted_once_at_each_place(rows: Rows, told: Any) -> None:
    for member, club, sex in (("m1", "c1", "female"), ("m2", "c1", "male"), ("m3", "c2", "male")):
        rows.a_member(member, club, born="1950-01-01" if member == "m1" else "1990-01-01", sex=sex)
    rows.a_record("meeting", MAY, "c1", None, {"kind": "t", "who": "m1  uuid:M2"})
    rows.a_record("meeting", D, "c1", None, {"kind": "t", "who": "m2 m3 stranger"})
    rows.a_record("meeting", D, "c2", None, {"kind": "t", "who": "m3"})
    rows.a_record("meeting", D, "c2", None, {"kind": "other", "who": "m1"})
    rows.a_record("meeting", D, "c2", None, {"kind": "t"})

    who = 'named = "meeting.who"\nwhere = { kind = { is = "t" } }'
    by = who + '\nof = "members"\nby = ["sex", "age"]'

    assert told(who) == {("c1", "", ""): 4, ("c2", "", ""): 1}
    assert whole(told(who, PERIOD, {"c1": "city", "c2": "city"}), "city") == 4
    # m3 never was in c1: the club knows nothing of it.
    assert part(told(by), "sex") == {"female": 1, "male": 1, "unknown": 2}
    assert part(told(by), "age") == {"old": 1, "young": 1, "unknown": 2}
    assert part(told(by), "sex", "c2") == {"male": 1}


def test_who_is_named_in_rows_is_counted_once(rows: Rows, told: Any) -> None:
    for helped in (("m1", "m2"), ("m2",)):
        record = rows.a_record("meeting", MAY, "c1")
        rows.a_repeat(record, "help", *({"helped": one, "kind": "card"} for one in helped))
    rows.a_repeat(rows.a_record("meeting", MAY, "c1"), "help", {"helped": "m9", "kind": "other"})

    found = told('named = "meeting.helped"\nrows = "help"\nwhere = { kind = { is = "card" } }')

    assert whole(found) == 2


def test_words_with_quotes_in_a_choice_raise_nothing(rows: Rows, told: Any) -> None:
    rows.a_record("meeting", MAY, "c1", None, {"who": 'a"b c\\d [e] é\n{"x":1}'})
    rows.a_record("meeting", MAY, "c1", None, {"who": "   "})

    assert whole(told('named = "meeting.who"')) == 4


def test_standing_members_are_those_of_the_meetings_own_day(rows: Rows, told: Any) -> None:
    rows.a_member("always", "c1")
    rows.a_member("joined_that_day", "c1", joined=MAY)
    rows.a_member("left_that_day", "c1", left=MAY)
    rows.a_member("elsewhere", "c2")
    for day, kind in ((MAY, "m"), (MAY - timedelta(days=1), "m"), (MAY, "other")):
        rows.a_record("meeting", day, "c1", None, {"kind": kind})
    rows.a_record("meeting", MAY, "c2", None, {"kind": "m"})

    words = (
        'standing = "meeting"\nof = "members"\nfacts = { status = { is = "active" } }\n'
        'where = { kind = { is = "m" } }'
    )

    assert told(words) == {("c1", "", ""): 4, ("c2", "", ""): 1}
    assert part(told(words + '\nby = ["sex"]'), "sex") == {"female": 4}


def test_facts_are_the_subjects_on_the_events_day(rows: Rows, told: Any) -> None:
    rows.a_spell("loans", "l1", "source", "fund", date(2018, 1, 1), MAY)
    rows.a_spell("loans", "l1", "source", "bank", MAY)
    rows.a_spell("loans", "l2", "source", "fund", date(2018, 1, 1))
    for loan, day in (("l1", MAY - timedelta(days=1)), ("l1", MAY), ("l2", D), ("l3", D)):
        rows.a_record("repayment", day, "c1", loan, {"paid": "10"})

    fund = 'sum = "repayment.paid"\nfacts = { source = { is = "fund" } }'
    none = 'count = "repayment"\nfacts = { source = { present = false } }'

    assert whole(told(fund)) == 20
    assert whole(told(none)) == 1


def test_cuts_are_of_whom_the_answer_names(rows: Rows, told: Any) -> None:
    rows.a_member("m1", "c1", sex="female")
    rows.a_member("m2", "c1", sex="male")
    for borrower in ("m1", "m1", "m2", ""):
        rows.a_record("loan", MAY, "c1", f"l{borrower}", {"member": borrower, "principal": "5"})

    words = 'sum = "loan.principal"\nabout = "member"\nof = "members"\nby = ["sex"]'

    assert part(told(words), "sex") == {"female": 10, "male": 5, "unknown": 5}


# ------------------------------------------------------------------ one record and others
def test_newly_found_is_who_was_never_found_before(rows: Rows, told: Any) -> None:
    rows.a_check(MAY, "c1", "new", high="yes")
    rows.a_check(D, "c1", "new", high="yes")
    rows.a_check(date(2016, 1, 1), "c2", "known", high="yes")
    rows.a_check(MAY, "c1", "known", high="yes")
    rows.a_check(date(2017, 1, 1), "c1", "well_before", high="no")
    rows.a_check(MAY, "c1", "well_before", high="yes")
    held = rows.a_check(date(2017, 1, 1), "c1", "held", high="yes")
    rows.db.execute(sa.update(t.records).where(t.records.c.id == held).values(held_back=True))
    rows.a_check(MAY, "c1", "held", high="yes")

    words = 'where = { bp_high = { is = "yes" } }\nnot_before = { bp_high = { is = "yes" } }'

    assert whole(told('distinct = "health_check"\n' + words)) == 3
    assert whole(told('count = "health_check"\n' + words)) == 3
    assert whole(told('latest = "health_check"\n' + words)) == 2  # of `new` the last one was seen


@pytest.mark.parametrize(
    ("days", "club", "what", "found"),
    [
        (0, "c1", "yes", 0),
        (1, "c1", "yes", 1),
        (30, "c2", "yes", 1),
        (31, "c1", "yes", 0),
        (5, "c1", "no", 0),
    ],
)
def test_followed_up_is_what_a_later_record_follows_soon_enough(
    rows: Rows, told: Any, days: int, club: str, what: str, found: int
) -> None:
    rows.a_record("check", D, "c1", "m1", {"refer": "station"})
    rows.a_record("check", D, "c1", "m2", {"refer": "station"})
    rows.a_record("visit", D + timedelta(days=days), club, "m1", {"seen": what})

    words = (
        'count = "check"\nwhere = { refer = { is = "station" } }\n'
        'followed = { form = "visit", within_days = 30, where = { seen = { is = "yes" } } }'
    )

    assert whole(told(words)) == found


def test_the_latest_of_the_last_months_may_be_older_than_the_period(rows: Rows, told: Any) -> None:
    for member, day, band in (
        ("old", "2017-07-01", "thin"),
        ("too_old", "2017-06-30", "thin"),
        ("twice", "2017-08-01", "thin"),
        ("twice", "2018-02-01", "fat"),
        ("not_measured", "2018-02-01", ""),
    ):
        answers = {"purpose": band} if band else {}
        rows.a_record("check", date.fromisoformat(day), "c1", member, answers)

    measured = 'latest = "check"\nmeasured = { purpose = { present = true } }'

    assert whole(told(measured + "\nwithin = 12")) == 2
    assert whole(told(measured)) == 1
    by_band = told(measured + '\nwithin = 12\nby = ["purpose"]')
    assert part(by_band, "purpose") == {"thin": 1, "fat": 1}


# ------------------------------------------------------------------ cuts
def test_a_cut_by_an_answer_and_one_by_a_fact_stand_beside_each_other(
    rows: Rows, told: Any
) -> None:
    rows.a_member("m1", "c1", sex="female", skills="cook sew")
    rows.a_member("m2", "c1", sex="male")
    rows.a_record("visit", MAY, "c1", "m1", {"purpose": "a", "tasks": "talk cook"})
    rows.a_record("visit", D, "c1", "m1", {"purpose": "b", "tasks": "talk"})
    rows.a_record("visit", D, "c1", "m2", {"tasks": ""})

    by = '\nby = ["purpose", "task", "sex", "skill"]'
    visits, people = told('count = "visit"' + by), told('distinct = "visit"' + by)

    assert whole(visits) == 3
    assert whole(people) == 2
    assert part(visits, "purpose") == {"a": 1, "b": 1, "unknown": 1}
    assert part(people, "purpose") == {"a": 1, "b": 1, "unknown": 1}
    assert part(visits, "task") == {"talk": 2, "cook": 1, "unknown": 1}
    assert part(people, "task") == {"talk": 1, "cook": 1, "unknown": 1}
    assert part(visits, "sex") == {"female": 2, "male": 1}
    assert part(visits, "skill") == {"cook": 2, "sew": 2, "unknown": 1}


def test_the_whole_event_is_counted_as_its_reports_say_together(rows: Rows, told: Any) -> None:
    visit = rows.a_record("visit", MAY, "c1", "m1", {"who": "m1", "tasks": "talk", "minutes": "20"})
    united = {"who": "m1 m2", "tasks": "cook talk", "minutes": "45"}
    rows.db.execute(sa.update(t.records).where(t.records.c.id == visit).values(united=united))
    rows.a_record("visit", MAY, "c1", "m1", {"who": "m2 m3"}, counted_with=visit)

    assert whole(told('named = "visit.who"')) == 2
    assert whole(told('sum = "visit.minutes"\ntimes = "who"')) == 90
    assert part(told('count = "visit"\nby = ["task"]'), "task") == {"talk": 1, "cook": 1}


@pytest.mark.parametrize(
    "slip", ["", " ", "ten", "1,5", "0x1A", "1e999", "NaN", "--1", '"5"', "[5]"]
)
def test_a_number_that_is_none_counts_nothing_and_raises_nothing(
    rows: Rows, told: Any, slip: str
) -> None:
    rows.a_record("ledger", MAY, "c1", None, {"amount": "1500000"})
    rows.a_record("ledger", MAY, "c1", None, {"amount": "0.1"})
    rows.a_record("ledger", MAY, "c1", None, {"amount": "0.2"})
    rows.a_record("ledger", MAY, "c1", None, {"amount": slip})

    assert whole(told('sum = "ledger.amount"')) == Decimal("1500000.3")
    assert whole(told('count = "ledger"\nwhere = { amount = { at_least = 1 } }')) == 1


# ------------------------------------------------------------------ kept out
def test_what_is_held_back_is_counted_apart(rows: Rows, told: Any) -> None:
    unknown = [{"code": "unknown_person", "details": {}}]
    arrived = datetime(2018, 5, 20, 3, tzinfo=UTC)
    for day, problems in (
        (MAY, []),  # before joining, say
        (MAY, unknown),  # waits for a registration: not to be mended by anybody
        (date(2017, 5, 1), []),  # of another period
        (date(2018, 5, 22), []),  # two days ahead: nobody looks at figures of that day
        (date(2035, 1, 1), []),
        (date(1970, 1, 1), []),
        (None, []),
        (None, unknown),
    ):
        record = rows.a_record("visit", day, "c1", "m1", held_back=True, problems=problems)
        _arrived_at(rows, record, arrived)
    rows.a_record("check", MAY, "c1", "m1")
    other = rows.a_record("check", None, "c1", "m1", held_back=True)
    _arrived_at(rows, other, datetime(2018, 6, 30, 17, tzinfo=UTC))  # 1 July in Vietnam

    assert whole(told('held = "visit"')) == 6
    assert whole(told('held = "*"')) == 6
    assert whole(told('held = "*"', get_period("2018H2"))) == 1
    assert whole(told('held = "*"', get_period("2017H1"))) == 1
