"""Figures kept step by step are those counted from nothing, in any order of arrival."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forms.indicators import Figures, Reach, read_figures
from forms.library import Library
from forms.periods import get_period
from sync import tables as t
from sync import waiting
from sync.aggregate import measure
from sync.database import Database
from sync.entities import Kept, keep
from sync.figures import exact
from sync.rollup import count_clubs
from sync.timeline import retell
from sync.verify import verify
from tests.conftest import empty
from tests.sync.sending import NOW, World, a_library, an_id, join, leave, visit, weigh

CLUBS = ("hoa", "sen", "tre")
PEOPLE = ("ba", "tu")
ACTIVE = "where = { status = { is = 'active' } }\n"
KG = "{ kg = { present = true } }"
INDICATORS = {  # each leaves some trace of a record outside of its own day or club
    "count": "count = 'visit'\nby = ['klass', 'outcome', 'helpers']",
    "people": "distinct = 'visit'\nwhere = { outcome = { is = 'met' } }\nby = ['klass', 'outcome']",
    "hours": "sum = 'visit.minutes'\ntimes = 'helpers'",
    "opening": "sum = 'visit.minutes'\nup_to = 'start'\nby = ['klass']",
    "closing": "sum = 'visit.minutes'\nup_to = 'end'",
    "gifts": "count = 'visit'\nrows = 'gifts'\nwhere = { item = { is = 'rice' } }",
    "helpers": "named = 'visit.helpers'\nof = 'people'\nby = ['klass']",
    "months": "months = '*'",
    "empty": "months = '*'\nempty = true",
    "delay": "median = '*'",
    "held": "held = '*'",
    "waiting": "waiting = 'people'\nafter_days = 14",
    "standing": "standing = 'visit'\nof = 'people'\nfacts = { status = { is = 'active' } }",
    "poor": "count = 'visit'\nfacts = { klass = { is = 'poor' } }",
    "latest": f"latest = 'weigh'\nmeasured = {KG}\nwhere = {{ kg = {{ at_least = 60 }} }}",
    "year": f"latest = 'weigh'\nmeasured = {KG}\nwithin = 12\nby = ['kg', 'klass']",
    "new": "distinct = 'weigh'\nwhere = { kg = { at_least = 60 } }\n"
    "not_before = { kg = { at_least = 60 } }",
    "followed": "count = 'visit'\nwhere = { outcome = { is = 'away' } }\n"
    "followed = { form = 'weigh', within_days = 40, where = { kg = { at_least = 50 } } }",
    "ever": f"count = 'people'\n{ACTIVE}with = {{ form = 'weigh', within = 'ever' }}",
    "lately": f"count = 'people'\n{ACTIVE}with = {{ form = 'weigh', within = 3 }}",
    "unseen": f"count = 'people'\n{ACTIVE}without = {{ form = 'visit', within_days = 30 }}",
    "active": f"count = 'people'\n{ACTIVE}with = {{ form = 'visit', named_in = 'helpers' }}",
    "helps": f"count = 'people'\n{ACTIVE}"
    "with = { form = 'visit', named_in = 'helpers', anywhere = true }",
    "told": "count = 'clubs'\nwhere = { status = { is = 'active' } }\n"
    "with = { form = 'weigh', period_in = 'note', until_days = 40 }",
    "joined": "began = 'people'\nwhere = { status = { is = 'active' } }\nby = ['klass']",
    "left": f"ended = 'people'\n{ACTIVE}",
    "came": f"moved_in = 'people'\n{ACTIVE}",
    "days": f"days = 'people'\n{ACTIVE}",
}
CUTS = """
[cut.klass]
label = { vi = "Diện", en = "Class" }
fact = "klass"
[cut.outcome]
label = { vi = "Kết quả", en = "Outcome" }
answer = "outcome"
[cut.helpers]
label = { vi = "Người giúp", en = "Helpers" }
answer = "helpers"
multi = true
[cut.kg]
label = { vi = "Cân", en = "Weight" }
answer = "kg"
"""


def figures_of(folder: Path) -> Figures:
    head = 'label = { vi = "Số", en = "Number" }\nunit = { vi = "số", en = "number" }\n'
    (folder / "one").mkdir(exist_ok=True)
    (folder / "one" / "indicators.toml").write_text(
        "\n".join(f'[[indicator]]\nid = "{name}"\n{head}{w}' for name, w in INDICATORS.items()),
        "utf-8",
    )
    (folder / "targets.toml").write_text("[report]\nsince = 2024-06-01\n" + CUTS, "utf-8")
    figures = read_figures(folder)
    assert figures.problems == ()
    return figures


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return replace(a_library(), figures=figures_of(tmp_path_factory.mktemp("figures")))


# ------------------------------------------------------------------ how far one record reaches
def test_a_record_moves_what_looks_at_its_form_and_nothing_more(library: Library) -> None:
    weigh_in, joining = library.figures.reach("weigh"), library.figures.reach("join")
    notes = frozenset({"note"})
    assert weigh_in == Reach(days_back=40, months_on=12, ever=True, periods=notes, subject=True)
    assert library.figures.reach("visit").names == {"helpers"}
    assert joining == Reach()
    assert library.figures.reach(None).names == {"helpers"}


@pytest.mark.parametrize(
    ("reach", "moved"),
    [
        (Reach(), "2025H1 2025Y"),
        (Reach(days_back=120), "2025H1 2025Y"),
        (Reach(days_back=121), "2024H2 2024Y 2025H1 2025Y"),  # 1 May is so long after D
        (Reach(months_on=7), "2025H1 2025Y"),
        (Reach(months_on=8), "2025H1 2025Y 2025H2"),
        (Reach(days_on=244), "2025H1 2025Y"),
        (Reach(days_on=245), "2025H1 2025Y 2025H2"),
        (Reach(ever=True), "2025H1 2025Y 2025H2 2026H1 2026H2 2026Y"),
    ],
)
def test_a_record_moves_periods_around_its_day(reach: Reach, moved: str) -> None:
    day = date(2025, 5, 1)
    periods = [f"{year}{part}" for year in (2024, 2025, 2026) for part in ("H1", "H2", "Y")]
    assert {code for code in periods if reach.moves(day, get_period(code))} == set(moved.split())


# ------------------------------------------------------------------ whatever happens
class Story:
    """People join, move, are weighed and visited; things are mended, rejected and deleted."""

    people: tuple[str, ...] = PEOPLE

    def __init__(self, database: Database, library: Library, dice: random.Random) -> None:
        empty_world(database)
        self.world, self.dice = World(database, library), dice
        self.sent: list[int] = []
        with database.write() as db:
            clubs = [Kept(an_id(c), c, {"founded_on": "2024-01-01"}) for c in CLUBS]
            keep(db, library, "clubs", clubs, NOW)
            retell(db, library, "clubs", [club.uuid for club in clubs])
        for who in self.people:
            self.sent.append(self.world.join(who, club=dice.choice(CLUBS), on="2024-02-01"))
        self.world.work()
        self.measures(500)

    def a_day(self) -> str:
        """Mostly near the turn of periods; now and then one that cannot be."""
        if self.dice.random() < 0.05:
            return self.dice.choice(["2035-01-01", "1970-01-01", "", "soon"])
        turn = self.dice.choice([date(2024, 7, 1), date(2025, 1, 1), date(2025, 7, 1)])
        return (turn + timedelta(days=self.dice.randint(-20, 20))).isoformat()

    def happens(self) -> None:
        dice, world, who = self.dice, self.world, self.dice.choice(self.people)
        club, key = dice.choice(CLUBS), f"k{len(self.sent)}"
        what = dice.choice(
            ["visit"] * 4 + ["weigh"] * 4 + ["leave"] * 4 + ["join", "edit", "judge"]
        )
        more: dict[str, Any] = {"on": self.a_day(), "key": key, "days": dice.randint(-500, 0)}
        helpers = " ".join(an_id(p) for p in dice.sample(self.people, dice.randint(0, 2)))
        seen = {"club": club, "outcome": dice.choice(["met", "away"]), "helpers": helpers}
        seen |= {"minutes": dice.choice(["30", "45", "x", "-1", "0.5"]), "gifts": ["rice", "milk"]}
        if what == "join":
            sending = join(who, club, klass=dice.choice(["poor", "average"]), **more)
        elif what == "leave":
            why = dice.choice(["moved", "died"] + ["transfer"] * 4)
            sending = leave(who, why, to=club if why == "transfer" else "", **more)
        elif what == "weigh":
            note = dice.choice(["2024Y", "2025H1", "2026H1"])
            sending = weigh(who, dice.choice(["40", "55", "65", ""]), note=note, **more)
        elif what == "edit" and self.sent:
            more |= {"replaces": f"k{dice.randrange(len(self.sent))}"}
            sending = visit(who, **seen, **more)
        elif what == "judge" and self.sent:
            self.judge(dice.choice(self.sent))
            return
        else:
            sending = visit(who, at=dice.choice(["08:00", "08:30", "15:00"]), **seen, **more)
        self.sent.append(world._send(sending))

    def judge(self, version: int) -> None:
        """Reject or approve it, or delete it, or bring it back."""
        v, s = t.submission_versions.c, t.submissions.c
        owner = sa.select(v.submission_id).where(v.id == version).scalar_subquery()
        column, value = self.dice.choice(
            [
                (s.review_state, "rejected"),
                (s.review_state, None),
                (s.deleted_at, NOW),
                (s.deleted_at, None),
            ]
        )
        with self.world.database.write() as db:
            db.execute(sa.update(t.submissions).where(s.id == owner).values({column: value}))
        self.world.waiting.append(version)

    def works(self) -> None:
        """Some of what waits is processed, some of what is stale measured, time decides."""
        dice, world = self.dice, self.world
        if world.waiting:
            world.work(*dice.sample(world.waiting, dice.randint(1, len(world.waiting))))
        with world.database.write() as db:
            if dice.random() < 0.3:
                waiting.sweep(db, world.library, NOW, timedelta(days=5))
        if dice.random() < 0.7:
            self.measures(dice.choice([5, 500, 500]))

    def measures(self, cells: int) -> None:
        with self.world.database.write() as db:
            measure(db, self.world.library, cells, NOW)

    def ends(self) -> None:
        if self.world.waiting:
            self.world.work()
        with self.world.database.write() as db:
            waiting.sweep(db, self.world.library, NOW, timedelta(days=5))
            while measure(db, self.world.library, 500, NOW):
                pass

    def differences(self) -> dict[tuple[str, ...], tuple[Any, Any]]:
        """Stored figures that are not what counting again gives."""
        f, found = t.figures.c, {}
        with self.world.database.read() as db:
            for code in sorted(set(db.scalars(sa.select(f.period)))):
                rows = list(db.execute(sa.select(t.figures).where(f.period == code)))
                clubs = sorted({row.club_id for row in rows})
                stored = {(r.club_id, r.indicator, r.cut, r.cut_value): r for r in rows}
                again = count_clubs(db, self.world.library, get_period(code), clubs)
                for key in stored.keys() | again.keys():
                    kept, now = stored.get(key), again.get(key)
                    one = (exact(kept.numerator), kept.missing) if kept else None
                    other = (now.numerator, now.missing) if now else None
                    if one != other:
                        found[code, *key] = (one, other)
        return found


def empty_world(database: Database) -> None:
    if database.is_sqlite:
        with database.write() as db:
            db.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            for table in reversed(t.metadata.sorted_tables):
                db.execute(table.delete())
    else:
        empty(database)


@pytest.fixture
def story(database: Database, library: Library) -> Story:
    return Story(database, library, random.Random(1))


def kept(story: Story, club: str, indicator: str, period: str) -> int:
    """The stored figure, after all has been worked on."""
    story.ends()
    assert story.differences() == {}
    f = t.figures.c
    query = sa.select(f.numerator).where(
        f.club_id == an_id(club), f.indicator == indicator, f.period == period, f.cut == ""
    )
    with story.world.database.read() as db:
        return int(db.scalar(query) or 0)


def moves(story: Story, who: str, club: str, on: str) -> None:
    story.world.leave(who, "transfer", to=club, on=on)


def test_a_follow_up_moves_the_period_before(story: Story) -> None:
    moves(story, "ba", "hoa", "2024-07-01")
    story.world.visit("ba", on="2025-06-28", outcome="away")
    assert kept(story, "hoa", "followed", "2025H1") == 0

    story.world.weigh("ba", "50", on="2025-07-05")
    assert kept(story, "hoa", "followed", "2025H1") == 1


def test_what_was_found_in_another_club_long_ago_is_not_new(story: Story) -> None:
    moves(story, "ba", "hoa", "2024-07-01")
    moves(story, "ba", "sen", "2025-02-01")
    story.world.weigh("ba", "65", on="2025-03-01")
    assert kept(story, "sen", "new", "2025H1") == 1

    story.world.weigh("ba", "65", on="2024-08-01", key="late")
    assert kept(story, "sen", "new", "2025H1") == 0
    assert kept(story, "hoa", "new", "2024H2") == 1


def test_who_moved_is_seen_where_they_are_now(story: Story) -> None:
    moves(story, "ba", "hoa", "2024-07-01")
    moves(story, "ba", "sen", "2025-02-01")
    assert kept(story, "sen", "lately", "2025H1") == 0

    story.world.weigh("ba", on="2025-01-31")
    assert kept(story, "sen", "lately", "2025H1") == 0  # three months end on 30 June
    story.world.weigh("ba", on="2025-04-01")
    assert kept(story, "sen", "lately", "2025H1") == 1
    assert kept(story, "sen", "ever", "2026H1") == 1


def test_who_is_named_in_a_record_of_another_club_is_counted_at_home(story: Story) -> None:
    moves(story, "tu", "sen", "2024-07-01")
    moves(story, "ba", "hoa", "2024-07-01")
    story.world.weigh("tu", on="2025-02-01")  # a club that sends nothing shows no number
    assert kept(story, "sen", "helps", "2025H1") == 0

    story.world.visit("ba", on="2025-03-01", helpers=an_id("tu"))
    assert kept(story, "sen", "helps", "2025H1") == 1
    assert kept(story, "sen", "active", "2025H1") == 0


def test_who_is_in_no_club_yet_moves_nothing(story: Story) -> None:
    for on in ("2025-02-01", "2025-03-01"):
        story.world.weigh("nobody", on=on)
    story.world.visit("nobody", on="2025-03-01", helpers=an_id("tu"))
    story.ends()
    assert story.differences() == {}


def test_a_confirmation_moves_the_period_it_names_however_late(story: Story) -> None:
    moves(story, "ba", "hoa", "2024-07-01")
    assert kept(story, "hoa", "told", "2024H2") == 0

    story.world.weigh("ba", on="2025-02-08", note="2024H2")  # 39 days after D
    story.world.weigh("ba", on="2025-12-01", note="2025H2", key="before D")
    assert kept(story, "hoa", "told", "2024H2") == 1
    assert kept(story, "hoa", "told", "2025H2") == 1


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10**9), steps=st.integers(1, 12))
def test_kept_step_by_step_is_counted_from_nothing(
    database: Database, library: Library, seed: int, steps: int
) -> None:
    story = Story(database, library, random.Random(seed))
    for _ in range(steps):
        story.happens()
        if story.dice.random() < 0.6:
            story.works()
    story.ends()

    assert story.differences() == {}


@pytest.mark.parametrize("seed", range(2))
def test_all_of_it_verifies(
    database: Database, library: Library, tmp_path: Path, seed: int
) -> None:
    """Also in another database, read from the first submission on."""
    story = Story(database, library, random.Random(seed))
    for _ in range(40):
        story.happens()
        if story.dice.random() < 0.4:
            story.works()
    story.ends()

    with database.read() as db:
        assert verify(db, library, tmp_path, NOW) == []
