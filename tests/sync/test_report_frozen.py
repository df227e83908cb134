"""A sent report stays what it was; what comes after is shown, and counted nowhere in silence."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import to_csv
from forms.periods import get_period
from forms.problems import Refused
from sync import tables as t
from sync import versions
from sync.links import link, unlink
from sync.reports import remembered as remembering
from sync.reports import snapshots
from sync.reports.data import Adjustment, ReportData, unpack
from sync.reports.late import late, may_move
from sync.reports.reading import only_clubs
from sync.reports.remembered import Remembered
from sync.reports.tables import report_tables
from sync.verify import verify
from tests.sync import sending
from tests.sync.sending import an_id
from tests.sync.village import H1, H2, Village


def files(data: ReportData) -> bytes:
    return b"".join(line for table in report_tables(data) for line in to_csv(table))


def cells(data: ReportData, title: str) -> list[Any]:
    table, _ = report_tables(data)
    return [row[table.header.index(title)] for row in table.rows]


def what_is_late(village: Village) -> Adjustment:
    frozen = village.report()
    assert frozen.head.version
    with village.database.read() as db:
        return late(db, village.library, frozen)


def told(found: Adjustment) -> list[tuple[str, str]]:
    return [(one.form, one.what) for one in found.records]


def moved(found: Adjustment, level: str = "city") -> dict[str, tuple[Any, Any]]:
    """Whole figures of a level that differ: indicator → (then, now)."""
    return {
        one.indicator: (one.then, one.now)
        for one in found.differences
        if one.level == level and not one.cut
    }


@pytest.fixture
def sent(village: Village) -> Village:
    """The first half-year: three people in hoa, one visit; sent on 3 July."""
    for who, klass in (("ba", "poor"), ("tư", "near"), ("năm", "other")):
        village.sends(sending.join(who, klass=klass, on="2025-03-01"))
    village.sends(sending.visit("ba", on="2025-06-01"))
    village.says("hoa", results="Tốt")
    village.now += timedelta(hours=1)
    village.sends_off()
    return village


# ------------------------------------------------------------------ as it was


def test_what_was_sent_is_read_back_whole(sent: Village) -> None:
    report = sent.report()
    head = report.head
    assert (head.version, head.state, report.version_text) == (1, "sent", "1")
    assert (head.first, head.last, head.calendar) == (
        date(2025, 1, 1), date(2025, 6, 30), "calendar"
    )  # fmt: skip
    assert head.frozen_at == sent.now
    assert head.forms["visit"] == "1"
    assert len(head.tree) == 64
    city = sent.seen_at(report, sent.city)
    assert report.value(city, "V1") == 1
    target = report.target("P2", "city")
    assert target is not None
    assert target.at_least == 60
    assert [one.text for n in report.narratives for one in n.answers] == ["Tốt"]
    assert [one.act for one in report.chain] == ["confirm"] * 7 + ["send"]
    assert cells(report, "Trạng thái báo cáo") == ["Đã gửi"] * 3


def test_a_sent_report_says_the_same_whatever_comes_and_whatever_the_library_becomes(
    sent: Village,
) -> None:
    before, digest = files(sent.report()), sent.report().sha256
    sent.now += timedelta(days=3)
    sent.sends(sending.visit("tư", on="2025-06-02"))
    sent.sends(sending.join("sáu", on="2025-05-05"))
    figures = sent.library.figures
    renamed = {name: _renamed(one) for name, one in figures.indicators.items()}
    sent.library = _with(sent.library, figures=_with(figures, indicators=renamed, targets=()))
    assert files(sent.report()) == before
    assert sent.report().sha256 == digest
    assert files(sent.report(provisional=True)) != before
    assert b"t\xe1\xba\xa1m t\xc3\xadnh" in files(sent.report(provisional=True))  # tạm tính


def _with(value: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(value, **changes)


def _renamed(indicator: Any) -> Any:
    return _with(indicator, vi=f"{indicator.vi} mới")


@pytest.mark.parametrize("what", ["update", "delete"])
def test_nobody_changes_or_takes_out_what_was_sent(sent: Village, what: str) -> None:
    change = (
        t.report_versions.update().values(sha256="x")
        if what == "update"
        else t.report_versions.delete()
    )
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), sent.database.write() as db:
        db.execute(change)
    assert sent.report().head.version == 1


def test_the_hash_of_what_was_sent_is_that_of_its_step_and_proves_it(sent: Village) -> None:
    (version,) = sent.world.rows(t.report_versions)
    (step,) = [row for row in sent.world.rows(t.report_steps) if row.act == "send"]
    report = unpack(zlib.decompress(version.snapshot))
    assert step.sha256 == version.sha256 == report.sha256
    with sent.database.read() as db:
        assert list(snapshots.spoilt(db)) == []


def test_verify_names_a_snapshot_that_is_not_what_was_sent(sent: Village, tmp_path: Path) -> None:
    (kept,) = sent.world.rows(t.report_versions)
    values = dict(kept._mapping) | {"id": 99, "version": 2, "sha256": "0" * 64}
    broken = values | {"id": 100, "version": 3, "snapshot": b"not zlib"}
    with sent.database.write() as db:
        db.execute(t.report_versions.insert(), [values, broken])
    with sent.database.read() as db:
        found = verify(db, sent.library, tmp_path, sent.now)
    assert [(one.key, one.what) for one in found if one.table == "report_versions"] == [
        ("2025H1 calendar 2", "sha256"),
        ("2025H1 calendar 3", "sha256"),
    ]


def test_a_version_that_was_never_sent_is_refused(sent: Village) -> None:
    with pytest.raises(Refused) as raised:
        sent.report(version=2)
    assert raised.value.problem.code == "report_no_version"
    assert sent.report(version=1).head.version == 1
    with pytest.raises(Refused):
        sent.report(H2, version=1)


def test_whose_scope_is_a_club_sees_that_club_of_a_sent_report(sent: Village) -> None:
    mine = only_clubs(sent.report(), frozenset({an_id("hoa")}))
    assert cells(mine, "Tên CLB") == ["CLB hoa"]
    assert {place.level for place in mine.places} == {"club"}
    assert {one.place_name for one in mine.chain} <= {"CLB hoa", ""}


# ------------------------------------------------------------------ what is late


def test_nothing_is_late_where_nothing_came(sent: Village) -> None:
    found = what_is_late(sent)
    assert (found.records, found.differences) == ((), ())


def test_a_visit_that_comes_late_is_shown_with_what_it_would_change(sent: Village) -> None:
    sent.now += timedelta(days=2)
    sent.sends(sending.visit("tư", on="2025-06-02"))
    found = what_is_late(sent)
    (record,) = found.records
    assert (record.form, record.what, record.day) == ("visit", "arrived", date(2025, 6, 2))
    assert (record.received_at, record.club_name) == (sent.now, "CLB hoa")
    assert moved(found) == {"V1": (1, 2), "V2": (1, 2)}
    assert moved(found, "commune") == moved(found, "club") == moved(found)


def test_what_is_of_another_period_is_not_late_here(sent: Village) -> None:
    sent.now += timedelta(days=2)
    sent.sends(sending.visit("tư", on="2025-07-02"))
    found = what_is_late(sent)
    assert (found.records, found.differences) == ((), ())


def test_who_joined_before_the_last_day_and_is_told_of_late_is_late(sent: Village) -> None:
    sent.now += timedelta(days=2)
    sent.sends(sending.join("bảy", on="2025-06-30", klass="poor"))
    sent.sends(sending.join("tám", on="2025-07-01", klass="poor"))
    found = what_is_late(sent)
    assert told(found) == [("join", "arrived")]
    assert moved(found) == {"P1": (3, 4), "P2": (2, 3)}


def test_an_edit_is_late_whether_it_leaves_the_period_or_comes_into_it(sent: Village) -> None:
    sent.sends(sending.visit("tư", on="2025-07-02", key="of july"))  # also before, but not counted
    sent.now += timedelta(days=2)
    sent.sends(
        sending.visit(
            "ba", on="2025-07-01", key="out", replaces="visit ba 2025-06-01 08:00:00.000+07:00 1"
        )
    )
    found = what_is_late(sent)
    assert told(found) == [("visit", "edited")]
    assert moved(found) == {"V1": (1, 0), "V2": (1, 0)}
    sent.sends(sending.visit("tư", on="2025-06-29", key="in", replaces="of july"))
    found = what_is_late(sent)
    assert told(found) == [("visit", "edited"), ("visit", "edited")]
    assert found.differences == ()  # one out, one in: the records say it all the same


def test_a_deleted_record_and_one_that_comes_back_are_late(sent: Village) -> None:
    sent.now += timedelta(days=2)
    with sent.database.write() as db:
        instance = sent.world.rows(t.submissions, t.submissions.c.form_id == 3)[0].instance_id
        visit = versions.find(db, "visit", instance)
        versions.delete(db, visit, "user:1", sent.now)
    sent.world.work(visit.current_version_id)
    found = what_is_late(sent)
    assert told(found) == [("visit", "deleted")]
    assert (found.records[0].day, found.records[0].club_name) == (date(2025, 6, 1), "CLB hoa")
    assert moved(found)["V1"] == (1, 0)
    sent.does("reopen", comment="Xóa nhầm")
    sent.sends_off()
    with sent.database.write() as db:
        versions.restore(db, visit, "user:1", sent.now)
    sent.world.work(visit.current_version_id)
    found = what_is_late(sent)
    assert told(found) == [("visit", "counts_now")]
    assert moved(found)["V1"] == (0, 1)


def test_a_visit_that_waited_for_a_registration_counts_now(village: Village) -> None:
    village.sends(sending.visit("chín", on="2025-06-03"))
    village.sends(sending.join("ba", on="2025-03-01"))
    village.now += timedelta(hours=2)
    village.sends_off()
    village.now += timedelta(days=2)
    village.sends(sending.join("chín", on="2025-05-01"))
    found = what_is_late(village)
    assert sorted(told(found)) == [("join", "arrived"), ("visit", "counts_now")]
    assert moved(found)["V1"][1] == 1


def test_a_link_made_after_the_report_was_sent_is_shown_with_what_it_would_change(
    sent: Village,
) -> None:
    sent.now += timedelta(days=1)
    with sent.database.write() as db:
        names = [an_id("ba"), an_id("tư")]
        link(db, sent.library, "people", names, actor="operator", now=sent.now)
    found = what_is_late(sent)
    assert told(found) == [("join", "linked")]
    assert moved(found)["P1"] == (3, 2)
    with sent.database.write() as db:
        unlink(db, sent.library, "people", an_id("tư"), actor="operator", now=sent.now)
    unlinked = what_is_late(sent)
    assert (unlinked.records, unlinked.differences) == ((), ())


def test_what_was_received_before_but_not_read_yet_is_late(village: Village) -> None:
    village.sends(sending.join("ba", on="2025-03-01"))
    xml, phone, _ = sending.visit("ba", on="2025-06-03")
    waiting = village.world.send(xml, phone, village.now)
    village.now += timedelta(hours=3)
    village.sends_off()
    village.world.work(waiting)
    found = what_is_late(village)
    assert told(found) == [("visit", "arrived")]
    assert moved(found)["V1"] == (0, 1)


def test_a_club_that_people_place_elsewhere_moves_figures_of_units(sent: Village) -> None:
    moving = t.club_places.c.club_id == an_id("hoa")
    with sent.database.write() as db:
        db.execute(t.club_places.update().where(moving).values(unit_id=sent.wards[1]))
    found = what_is_late(sent)
    assert {one.level for one in found.differences} == {"commune"}
    assert {one.indicator for one in found.differences} >= {"P1", "V1"}


def test_a_club_that_had_no_place_on_the_last_day_moves_nothing(sent: Village) -> None:
    club = sent.a_club("tràm", sent.heirs[0])
    with sent.database.write() as db:
        mine = t.club_places.update().where(t.club_places.c.club_id == club)
        db.execute(mine.values(valid_from=date(2025, 9, 1)))
    assert not what_is_late(sent).differences


def test_what_was_sent_is_remembered_whatever_comes_and_a_revision_is_read(sent: Village) -> None:
    remembered, later = Remembered(), sent.now + timedelta(days=30)

    def read(now: datetime, **more: bool) -> ReportData:
        with sent.database.read() as db:
            return remembered.read(db, sent.library, H1, now, **more)

    first, open_one = read(sent.now), read(sent.now, provisional=True)
    sent.sends(sending.visit("tư", on="2025-06-02"))
    assert read(later) is first
    assert read(sent.now, provisional=True).figures != open_one.figures
    sent.does("reopen", comment="thiếu")
    sent.sends_off()
    assert read(later).head.version == 2


def test_what_takes_long_to_gather_is_shown_as_of_minutes_ago_while_it_is_gathered_anew(
    sent: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "SLOW", 0.0)
    begun: list[Callable[[Connection], None]] = []
    remembered, later = Remembered(begun.append), sent.now + timedelta(minutes=2)

    def read(now: datetime) -> ReportData:
        with sent.database.read() as db:
            return remembered.read(db, sent.library, H1, now, provisional=True)

    first = read(sent.now)
    sent.sends(sending.visit("tư", on="2025-06-02"))
    assert read(later) is first
    assert read(later) is first
    assert len(begun) == 1
    with sent.database.read() as db:
        begun.pop()(db)
    anew = read(later)
    assert anew.figures != first.figures
    assert anew.head.gathered_at == later
    long_after = later + remembering.MEANWHILE
    assert read(long_after).head.gathered_at == long_after  # too old to be shown
    sent.does("reopen", comment="thiếu")
    assert read(long_after).head.state != anew.head.state  # whoever takes a step sees it taken
    assert not begun


def test_what_may_be_signed_is_gathered_anew_as_soon_as_anything_has_moved(
    sent: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "SLOW", 0.0)
    begun: list[Callable[[Connection], None]] = []
    remembered, later = Remembered(begun.append), sent.now + timedelta(seconds=2)

    def read(now: datetime, of_now: bool) -> ReportData:
        with sent.database.read() as db:
            return remembered.read(db, sent.library, H1, now, provisional=True, of_now=of_now)

    first = read(sent.now, of_now=False)
    assert read(later, of_now=True) is first  # nothing has moved
    sent.sends(sending.visit("tư", on="2025-06-02"))
    anew = read(later, of_now=True)
    assert anew.figures != first.figures
    assert read(later, of_now=False) is anew  # then the pages have it too
    assert not begun


def test_a_figure_that_is_counted_by_other_words_today_tells_nothing_of_lateness(
    sent: Village,
) -> None:
    figures = sent.library.figures
    one = figures.indicators["V1"]
    other = _with(one, where={})
    sent.library = _with(
        sent.library, figures=_with(figures, indicators={**figures.indicators, "V1": other})
    )
    assert what_is_late(sent).differences == ()


def test_of_which_days_a_record_matters(village: Village) -> None:
    def matters(form: str, *day: int) -> bool:
        return may_move(village.library, form, date(*day), H1)

    assert matters("join", 1990, 1, 1)  # it tells what is true
    assert not matters("join", 2025, 7, 1)
    assert matters("visit", 2025, 1, 1)
    assert not matters("visit", 2024, 12, 31)
    assert not matters("meet", 2025, 1, 1)  # no figure looks at it


def test_a_confirmation_that_comes_late_belongs_to_the_period_it_names(sent: Village) -> None:
    sent.now += timedelta(days=2)
    sent.says("mai")
    sent.says("sen", period="2024H2")
    assert told(what_is_late(sent)) == [("say", "arrived")]


def test_an_edit_that_takes_a_record_out_of_the_figures_is_late(sent: Village) -> None:
    sent.now += timedelta(days=2)
    old = "visit ba 2025-06-01 08:00:00.000+07:00 1"
    sent.sends(sending.visit("ba", on="2035-06-01", key="impossible", replaces=old))
    found = what_is_late(sent)
    assert told(found) == [("visit", "edited")]
    assert moved(found)["V1"] == (1, 0)


# ------------------------------------------------------------------ what becomes of it


def test_a_revision_holds_what_came_late_and_the_first_version_stays(sent: Village) -> None:
    first = files(sent.report())
    sent.now += timedelta(days=2)
    sent.sends(sending.visit("tư", on="2025-06-02"))
    sent.does("reopen", comment="Thêm một lượt thăm")
    assert sent.report().head.version == 1  # until another is sent
    sent.sends_off()
    second = sent.report()
    assert (second.head.version, second.head.reason) == (2, "Thêm một lượt thăm")
    assert second.value(sent.seen_at(second, sent.city), "V1") == 2
    assert [(one.version, one.reason) for one in second.previous] == [(1, "")]
    assert files(sent.report(version=1)) == first
    assert what_is_late(sent).records == ()


def test_the_next_report_tells_once_what_came_late_and_does_not_count_it(sent: Village) -> None:
    sent.now += timedelta(days=2)
    sent.sends(sending.visit("tư", on="2025-06-02"))
    sent.now = datetime(2026, 1, 3, tzinfo=UTC)
    sent.sends_off(H2)
    report = sent.report(H2)
    (adjusted,) = report.adjustments
    assert (adjusted.period, adjusted.version) == ("2025H1", 1)
    assert told(adjusted) == [("visit", "arrived")]
    assert moved(adjusted)["V1"] == (1, 2)
    assert report.value(sent.seen_at(report, sent.heirs[0]), "V1") == 0
    assert moved(what_is_late(sent))["V1"] == (1, 2)  # of the first version it stays late

    sent.now = datetime(2026, 7, 3, tzinfo=UTC)
    sent.sends(sending.visit("năm", on="2025-06-05"))
    sent.sends_off(get_period("2026H1"))
    (adjusted,) = sent.report(get_period("2026H1")).adjustments
    assert moved(adjusted)["V1"] == (2, 3)  # from what the last one told, not from the first
    assert told(adjusted) == [("visit", "arrived")]


def test_a_report_has_nothing_to_adjust_where_nothing_came(sent: Village) -> None:
    sent.now = datetime(2026, 1, 3, tzinfo=UTC)
    sent.sends_off(H2)
    assert sent.report(H2).adjustments == ()
