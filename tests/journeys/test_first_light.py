"""One case through the whole house: three forms, phones, once counted, a supervisor's figure."""

from __future__ import annotations

from forms.periods import get_period
from sync import rollup, tables
from tests.journeys.world import World

PERIODS = ("2025H1", "2025H2")


def test_from_a_registration_to_the_half_years_figures(world: World) -> None:
    lan, minh, station = world.phone("chair"), world.phone("volunteer"), world.health_phone()
    ba = lan.receives().registers("Trần Thị Ba", 1948, joined="2025-07-10", care_need="regular")
    nam = lan.registers("Lê Thị Năm", 1970, joined="2025-08-01", is_volunteer="yes")
    assert lan.sends() == 2
    world.works()

    minh.receives()
    assert minh.members() == ["Trần Thị Ba · 1948 · tổ 1", "Lê Thị Năm · 1970 · tổ 1"]
    minh.goes_offline().visits(ba, on="2025-09-01", by=nam)
    minh.visits(ba, on="2025-09-08", by=nam)
    station.receives().checks(ba, on="2025-10-01", pressure=(150, 85))
    assert (minh.comes_online().sends(), station.sends()) == (2, 1)
    world.works()

    figures = {
        name: world.figure(name, "2025H2")
        for name in ("A01", "B01", "B05", "B06", "B07", "C01", "C05", "C07", "C08", "D01", "D06")
    }
    assert figures == {
        "A01": 1, "B01": 2, "B05": 1, "B06": 2, "B07": 2, "C01": 1,
        "C05": 1, "C07": 2, "C08": 120, "D01": 1, "D06": 1,
    }  # fmt: skip
    assert world.figure("C07", "2025H1") is None  # nothing sent is not zero
    station.receives()
    assert [row["last_check_on"] for row in station.lists["members"] if row["name"] == ba] == [
        "2025-10-01"
    ]


def test_c23_a_visit_that_comes_before_its_registration_waits_for_its_person(world: World) -> None:
    lan, minh = world.phone("chair").receives(), world.phone("volunteer").receives()
    ba = lan.goes_offline().registers("Trần Thị Ba", 1948, joined="2025-07-10")
    minh.visits(ba, on="2025-09-01")
    minh.sends()
    world.works()
    assert world.figure("C07", "2025H2") in (None, 0)

    lan.comes_online().sends()
    world.works()
    assert world.figure("C07", "2025H2") == 1


def test_one_visit_logged_by_both_helpers_is_one_visit(world: World) -> None:
    lan, minh, tam = (world.phone(role).receives() for role in ("chair", "volunteer", "volunteer"))
    ba = lan.registers("Trần Thị Ba", 1948, joined="2025-07-10")
    helpers = [
        lan.registers(name, 1970, joined="2025-07-10", is_volunteer="yes")
        for name in ("Lê Minh", "Võ Tám")
    ]
    lan.sends()
    minh.visits(ba, on="2025-09-01", at="09:00", by=helpers[0])
    tam.visits(ba, on="2025-09-01", at="09:40", by=" ".join(helpers), minutes=90)
    tam.visits(ba, on="2025-09-01", at="15:00", by=helpers[1])
    minh.sends()
    tam.sends()
    world.works()
    assert world.figure("C07", "2025H2") == 2
    assert world.figure("C08", "2025H2") == 90 * 2 + 60  # minutes of helpers


def test_c1_everything_sent_again_under_new_ids_changes_no_figure(world: World) -> None:
    lan, minh = world.phone("chair").receives(), world.phone("volunteer").receives()
    ba = lan.registers("Trần Thị Ba", 1948, joined="2025-07-10")
    lan.sends()
    for _ in range(2):  # a replaced memory card sends its whole outbox anew
        minh.visits(ba, on="2025-09-01")
        minh.sends()
    world.works()
    assert world.count(tables.submissions) == 3
    assert world.figure("C07", "2025H2") == 1


def test_c10_a_visit_late_on_30_june_belongs_to_the_first_half(world: World) -> None:
    lan, minh = world.phone("chair").receives(), world.phone("volunteer").receives()
    ba = lan.registers("Trần Thị Ba", 1948, joined="2025-01-10")
    lan.sends()
    minh.visits(ba, on="2025-06-30", at="23:30")
    minh.sends()
    world.works()
    assert (world.figure("C07", "2025H1"), world.figure("C07", "2025H2")) == (1, None)


def test_c9_a_phone_whose_clock_is_years_ahead_is_kept_but_not_counted(world: World) -> None:
    lan, minh = world.phone("chair").receives(), world.phone("volunteer").receives()
    ba = lan.registers("Trần Thị Ba", 1948, joined="2025-07-10")
    lan.sends()
    for day in ("1970-01-01", "2029-01-05", "2025-09-01"):
        minh.visits(ba, on=day)
    assert minh.sends() == 3
    world.works()
    assert len(world.answers("care_visit")) == 3
    assert world.figure("C07", "2025H2") == 1


def test_nobody_elses_club_is_on_the_phone(world: World) -> None:
    lan, hoa = world.phone("chair"), world.phone("chair", "48-HQ-01")
    lan.receives().registers("Trần Thị Ba", 1948, joined="2025-07-10")
    lan.sends()
    world.works()
    hoa.receives()
    assert hoa.members() == []
    assert [row["label"] for row in hoa.lists["clubs"]] != [
        row["label"] for row in lan.lists["clubs"]
    ]


def test_a_person_who_says_no_leaves_nothing_but_the_refusal(world: World) -> None:
    lan = world.phone("chair").receives()
    lan.fill("membership", {"club": lan.club_id, "consent_date": "2025-07-10", "c_member": "no"})
    lan.sends()
    world.works()
    assert world.figure("B01", "2025H2") in (None, 0)
    lan.receives()
    assert lan.members() == []


def test_an_event_before_the_club_was_founded_waits_until_its_day_is_mended(world: World) -> None:
    lan, minh = world.phone("chair").receives(), world.phone("volunteer").receives()
    ba = lan.registers("Trần Thị Ba", 1948, joined="2019-07-10")
    lan.sends()
    minh.visits(ba, on="2019-09-01")
    minh.sends()
    world.works()
    assert world.figure("C07", "2019H2") == 1

    world.founds_anew("48-TQ-01", "2019-12-01")
    world.works()
    assert world.figure("C07", "2019H2") in (None, 0)
    assert world.figure("B01", "2019H2") in (None, 0)

    world.founds_anew("48-TQ-01", "2019-06-01")
    world.works()
    assert (world.figure("C07", "2019H2"), world.figure("B01", "2019H2")) == (1, 1)


def test_a_club_that_ended_is_active_no_more_from_that_day(world: World) -> None:
    world.phone("chair").receives().registers("Trần Thị Ba", 1948, joined="2019-07-10")
    world.founds_anew("48-TQ-01", "2019-06-01", ended_on="2025-12-31")
    world.works()
    with world.database.read() as db:
        library = world.runtime.library
        counted = {code: rollup.roll_up(db, library, get_period(code), "city") for code in PERIODS}
    active = {
        code: [
            f.numerator for (_p, name, cut, _v), f in figures.items() if (name, cut) == ("A01", "")
        ]
        for code, figures in counted.items()
    }
    assert active == {"2025H1": [2], "2025H2": [1]}
