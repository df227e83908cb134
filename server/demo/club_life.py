"""Fourteen months of what the demo's clubs do together: meetings, exercise, arts, mutual help.

Pure. The rhythm is that of domain.md §8: no meeting in the month of Tết, none in weeks of storms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from server.demo.club_news import has_troupe, meeting_day
from server.demo.diary import STORM_WEEKS, Entry, stamps
from server.demo.population import CLUBS, FIRST, LAST, Club, Person, Population, age

MONTHS = [(2024, 12), *((2025, month) for month in range(1, 13)), (2026, 1)]
TET = (2025, 1)  # the new year was on 29 January 2025
TET_WEEKS = range(4, 7)
WITH_ROSTER = ("48-TQ-01", "48-HQ-02")  # the clubs that tick every name at their meetings
QUIET = CLUBS[5]  # helps nobody with papers, so that it is not active in all eight areas
TALKS = (  # month, topics, who speaks
    (2, "health nutrition", "health_station"),
    (4, "insurance rights", "elderly_association"),
    (6, "law policy", "justice"),
    (8, "livelihood", "agriculture"),
    (10, "disaster", "police"),
    (12, "health", "health_station"),
)
COMMON_WORK = ("clean_up", "trees", "self_managed_road", "drains")
HELP: tuple[Mapping[str, Any], ...] = (
    {"kind": "visit", "occasion": "sick"},
    {"kind": "labour", "occasion": "house_repair", "labour_days": 3},
    {"kind": "visit goods", "occasion": "hardship", "goods": "gạo, sữa", "goods_value_vnd": 250_000,
     "paid_from": "own_pocket"},
    {"kind": "technique", "occasion": "season", "technique_topic": "nuôi gà thả vườn"},
    {"kind": "visit cash", "occasion": "funeral", "cash_vnd": 300_000, "paid_from": "own_pocket"},
    {"kind": "labour", "occasion": "season", "labour_days": 4.5},
    {"kind": "paperwork", "occasion": "hardship"},
)  # fmt: skip


def club_life(population: Population, club_ids: Mapping[str, str], seed: int) -> list[Entry]:
    """All that clubs did, in the order of its days."""
    random = Random(f"life:{seed}")
    entries: list[Entry] = []
    for club in CLUBS:
        life = _Life(random, population, club, club_ids[club.code])
        for what in (life.meetings, life.talks, life.exercise, life.culture, life.community):
            entries += what()
        entries += life.training()
        entries += life.help()
    entries += _reviews(population, club_ids)
    return sorted(entries, key=lambda entry: entry.day)


class _Life:
    """One club's doings, from one source of chance."""

    def __init__(self, random: Random, population: Population, club: Club, club_id: str) -> None:
        self.random, self.population, self.club, self.club_id = random, population, club, club_id

    def meetings(self) -> Iterator[Entry]:
        """Monthly; at two of them somebody is helped with an entitlement."""
        for number, (year, month) in enumerate(MONTHS):
            day = date(year, month, meeting_day(self.club))
            if (year, month) == TET or self._storm(day):
                continue
            came = self._some(day, self.random.uniform(0.6, 0.92))
            answers: dict[str, Any] = {
                "kind": "meeting",
                "topic": self.random.choice(("health livelihood", "policy", "lending", "health")),
                "minutes": self.random.choice((90, 120, 120, 150)),
                "with_perform": "yes" if number % 3 == 0 and has_troupe(self.club) else "no",
            }
            if answers["with_perform"] == "yes":
                answers["perform_items"] = self.random.randint(2, 5)
            if number in (4, 10) and self.club is not QUIET:
                answers["gave_rights_help"] = "yes"
                kinds = self.random.sample(("insurance", "allowance", "disability_paper"), 2)
                answers["rights_help"] = [
                    {"helped_member": one.id, "help_kind": kind}
                    for one, kind in zip(came, kinds, strict=False)
                ]
            yield self._activity("chair", day, "14:00", came, answers)

    def talks(self) -> Iterator[Entry]:
        for month, topic, speaker in TALKS:
            day = date(2025, month, 1) + timedelta(days=self.random.randrange(20, 27))
            if not self._storm(day):
                came = self._some(day, self.random.uniform(0.4, 0.7))
                about = {"kind": "talk", "topic": topic, "speaker_org": speaker, "minutes": 90}
                guests = self.random.randrange(0, 12)
                yield self._activity("deputy", day, "08:00", came, about, guests)

    def exercise(self) -> Iterator[Entry]:
        """One log a week, where it is not forgotten."""
        for week in range((LAST - FIRST).days // 7):
            sunday = FIRST + timedelta(weeks=week)
            if self._storm(sunday) or sunday.isocalendar().week in TET_WEEKS:
                continue
            if self.random.random() < 0.47:
                came = self._some(sunday, self.random.uniform(0.2, 0.45))
                sessions = self.random.randint(3, 6)
                about = {"kind": "exercise", "sessions": sessions, "minutes": 45}
                yield self._activity("deputy", sunday, "05:30", came, about)

    def culture(self) -> Iterator[Entry]:
        """New year's wishes for the oldest; a troupe also sings in September and on 1 October."""
        party = {"kind": "celebration", "with_perform": "yes", "perform_items": 4, "minutes": 120}
        day = date(2025, 2, 6)
        yield self._activity("chair", day, "08:30", self._some(day, 0.8), party, guests=8)
        for day in (date(2025, 4, 29), date(2025, 9, 1), date(2025, 10, 1)):
            if has_troupe(self.club):
                about = {"kind": "arts", "perform_items": self.random.randint(3, 8), "minutes": 90}
                yield self._activity("chair", day, "19:00", self._some(day, 0.4), about, guests=20)

    def community(self) -> Iterator[Entry]:
        for month in (12, 3, 4, 5, 6, 8, 9, 11):
            day = date(2024 if month == 12 else 2025, month, self.random.randint(2, 26))
            if self._storm(day):
                continue
            came = self._some(day, self.random.uniform(0.2, 0.4))
            about = {
                "kind": "community",
                "comm_kind": self.random.choice(COMMON_WORK),
                "person_hours": 2 * len(came),
                "minutes": 120,
            }
            yield self._activity("deputy", day, "06:30", came, about)

    def training(self) -> Iterator[Entry]:
        """Half a day for the board in each half-year, entered by the commune."""
        for day, topic in (
            (date(2025, 3, 27), "club_management lending"),
            (date(2025, 11, 27), "fundraising livelihood"),
        ):
            board = [one for one in self._there(day) if one.board_role != "none"]
            names = " ".join(one.id for one in board)
            about = {
                "kind": "training",
                "topic": topic,
                "training_days": "0.5",
                "board_trained": names,
                "trained": names,
                "organiser": "commune",
            }
            yield self._activity("", day, "08:00", board, about)

    def help(self) -> Iterator[Entry]:
        """About once a month, whatever is needed."""
        for number, (year, month) in enumerate(MONTHS[:12]):
            day = date(year, month, self.random.randint(1, 28))
            there = self._there(day)
            helpers = self.random.randint(2, 6)
            answers: dict[str, Any] = {
                **stamps(day, "18:10"),
                "club": self.club_id,
                "help_date": day,
                **HELP[(number + CLUBS.index(self.club)) % len(HELP)],
                "helper_count": helpers,
            }
            if number % 6 == 5:
                outside = {"ben_kind": "outside", "ben_sex": "female"}
                answers |= {**outside, "ben_older": "yes", "ben_poor": "yes"}
            else:
                answers |= {"ben_kind": "member", "beneficiary": self.random.choice(there).id}
            yield Entry(f"{self.club.code}/deputy", "mutual_help", day, answers)

    # ---- inside
    def _there(self, day: date) -> list[Person]:
        return self.population.there(self.club, day)

    def _some(self, day: date, share: float) -> list[Person]:
        there = self._there(day)
        return self.random.sample(there, round(len(there) * share))

    def _storm(self, day: date) -> bool:
        return self.club.rural and day.isocalendar().week in STORM_WEEKS

    def _activity(
        self,
        who: str,
        day: date,
        start: str,
        came: Sequence[Person],
        about: Mapping[str, Any],
        guests: int = 0,
    ) -> Entry:
        phone = f"{self.club.code}/{who}" if who else f"{self.club.unit_code}/commune"
        ticked = self.club.code in WITH_ROSTER and about["kind"] == "meeting"
        counted = _attended(day, start, came, guests, ticked=ticked)
        answers = {**counted, "club": self.club_id, **about}
        return Entry(phone, "activity", day, {**answers, **_worked_out(answers)})


def _attended(
    day: date, start: str, came: Sequence[Person], guests: int, *, ticked: bool
) -> dict[str, Any]:
    """Who came, ticked by name or only counted, with what the phone works out of it."""
    women = sum(1 for one in came if one.sex == "female")
    older = sum(1 for one in came if age(one.born, day) >= 60)
    total = len(came) + guests
    counted: dict[str, Any] = (
        {"count_how": "roster", "roster": " ".join(one.id for one in came)}
        if ticked
        else {
            "count_how": "total",
            "counted_total": total,
            "counted_women": women,
            "counted_older": older,
        }
    )
    return {
        **stamps(day, start),
        "organiser": "club",
        "act_date": day,
        "start_time": f"{start}:00.000+07:00",
        **counted,
        "present_nonmember": guests,
        "present_total": total,
        "present_members": len(came),
        "present_women": women,
        "present_older": older,
    }


def _worked_out(answers: Mapping[str, Any]) -> dict[str, Any]:
    performed = answers["kind"] == "arts" or answers.get("with_perform") == "yes"
    return {
        "performed": "yes" if performed else "no",
        "attendances": answers["present_total"] * answers.get("sessions", 1),
    }


def _reviews(population: Population, club_ids: Mapping[str, str]) -> Iterator[Entry]:
    """Where a commune has several clubs they meet each half-year; the first is the host."""
    by_unit: dict[str, list[Club]] = {}
    for club in CLUBS:
        by_unit.setdefault(club.unit_code, []).append(club)
    for unit_code, clubs in by_unit.items():
        for day in (date(2025, 6, 20), date(2025, 12, 19)):
            if len(clubs) < 2:
                continue
            boards = [
                one
                for club in clubs
                for one in population.there(club, day)
                if one.board_role != "none"
            ]
            answers: dict[str, Any] = {
                **_attended(day, "08:00", boards, 2, ticked=False),
                "club": club_ids[clubs[0].code],
                "kind": "review",
                "organiser": "district" if day < date(2025, 7, 1) else "commune",
                "minutes": 150,
                "with_perform": "no",
                "clubs_present": " ".join(club_ids[club.code] for club in clubs),
            }
            answers |= _worked_out(answers)
            yield Entry(f"{unit_code}/commune", "activity", day, answers)
