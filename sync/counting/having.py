"""Who has what `with` asks for: those whom records are about or name, or other entities name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.conditions import hold
from forms.indicators import Indicator, With
from forms.periods import Period, months_before
from sync import tables as t
from sync import words
from sync.confirmations import steps_of_clubs
from sync.counting.lives import CLUB, facts_named, read_lives
from sync.database import among

if TYPE_CHECKING:
    from forms.library import Library


class Holders:
    """Of one list, in some clubs: for each `with` the entities that have what it asks for."""

    def __init__(self, found: Mapping[str, set[tuple[str, str | None]]]) -> None:
        self._found = found

    def has(self, asked: With, uuid: str, club: str | None) -> bool:
        return (uuid, club if _is_of_own_club(asked) else None) in self._found[repr(asked)]

    def fit(self, indicator: Indicator, uuid: str, club: str | None) -> bool:
        """One of `with` where any is asked for, and none of `without`."""
        with_, without = indicator.with_, indicator.without
        return (not with_ or any(self.has(one, uuid, club) for one in with_)) and not any(
            self.has(one, uuid, club) for one in without
        )


def _is_of_own_club(asked: With) -> bool:
    return asked.named_in is not None and not asked.anywhere


def read_holders(
    db: Connection,
    library: Library,
    list_name: str,
    clubs: Collection[str],
    period: Period,
    indicators: Iterable[Indicator],
) -> Holders:
    """One SELECT for each form and each list that is asked, whatever the number of indicators."""
    asked = {repr(one): one for i in indicators for one in (*i.with_, *i.without)}
    return Holders(_read(_Question(db, library, list_name, frozenset(clubs), period), asked))


def read_confirmed(
    db: Connection, library: Library, period: Period, clubs: Collection[str]
) -> frozenset[str]:
    """The clubs that have confirmed the period's report, from the phone or in person."""
    by = library.report.confirming
    of_clubs = next((rule.name for rule in library.lists.values() if rule.is_of_clubs), None)
    if of_clubs is None or by is None:
        return frozenset()
    asked = With(by.form, by.where, "ever", None, period_in=by.period)
    question = _Question(db, library, of_clubs, frozenset(clubs), period)
    return frozenset(uuid for uuid, _ in question.of_form([asked])[repr(asked)])


def _read(question: _Question, asked: Mapping[str, With]) -> dict[str, set[tuple[str, str | None]]]:
    found: dict[str, set[tuple[str, str | None]]] = {name: set() for name in asked}
    ordered = sorted(asked.values(), key=_source)
    for _, group in groupby(ordered, key=_source):
        alike = list(group)
        read = question.of_list if alike[0].list else question.of_form
        found.update(read(alike))
    return found


def _source(asked: With) -> tuple[str, str, str, str, bool]:
    return asked.list or "", asked.form, asked.rows or "", asked.named_in or "", asked.anywhere


class _Question:
    def __init__(
        self,
        db: Connection,
        library: Library,
        list_name: str,
        clubs: frozenset[str],
        period: Period,
    ) -> None:
        self.db = db
        self.library = library
        self.list_name = list_name
        self.clubs = clubs
        self.period = period
        self.are_clubs = library.lists[list_name].is_of_clubs

    @property
    def entities(self) -> sa.Select[Any]:
        """The uuids of those in these clubs, on whatever day."""
        c = t.spells.alias("in_clubs").c
        mine = (c.list_name == self.list_name, c.name == CLUB, among(self.db, c.value, self.clubs))
        return sa.select(c.uuid).where(*mine)

    # -------------------------------------------------------------- records
    def of_form(self, asked: list[With]) -> dict[str, set[tuple[str, str | None]]]:
        first, records = asked[0], t.records.alias("having")
        rows: Any = t.records.alias("rows") if first.rows else None
        found: Any = records
        if rows is not None:
            same = rows.c.submission_version_id == records.c.submission_version_id
            found = found.join(rows, sa.and_(same, rows.c.table_path == first.rows))

        def answer(name: str) -> words.Value:
            whole = words.answer(records, name)
            if rows is None:
                return whole
            return sa.func.coalesce(sa.cast(rows.c.answers[name].as_string(), sa.Text), whole)

        person: Any = records.c.club_id if self.are_clubs else records.c.subject_id
        if first.named_in:
            named = words.chosen(words.plain_ids(answer(first.named_in)))
            found, person = found.join(named, sa.true()), named.c.value
        club = records.c.club_id if _is_of_own_club(first) else sa.null()
        fit = [
            sa.func.max(sa.case((sa.and_(self._then(one, records, answer),
                                         words.fit(answer, one.where)), 1), else_=0))
            for one in asked
        ]  # fmt: skip
        query = (
            sa.select(person, club, *fit)
            .select_from(found)
            .where(records.c.form == first.form, words.counts(records))
            .where(*self._mine(first, records), *self._days(asked, records))
            .group_by(*([person, records.c.club_id] if _is_of_own_club(first) else [person]))
        )
        holders: dict[str, set[tuple[str, str | None]]] = {repr(one): set() for one in asked}
        for uuid, of_club, *has in self.db.execute(query):
            for one, yes in zip(asked, has, strict=True):
                if yes:
                    holders[repr(one)].add((uuid, of_club))
        if self._is_confirming(first):
            days = steps_of_clubs(self.db, self.period, self.clubs)
            for one in asked:
                _, last = _span(one, self.period)
                in_time = {club for club, day in days.items() if last is None or day <= last}
                holders[repr(one)] |= {(club, None) for club in in_time}
        return holders

    def _is_confirming(self, asked: With) -> bool:
        """Whether a step of a person is as good as such a record."""
        by = self.library.report.confirming
        named = asked.named_in is not None or asked.period_in is None
        return self.are_clubs and by is not None and asked.form == by.form and not named

    def _mine(self, asked: With, records: sa.FromClause) -> list[Any]:
        """Only records that can be about these clubs' entities, found by an index."""
        if asked.named_in:
            return [] if asked.anywhere else [among(self.db, records.c.club_id, self.clubs)]
        if self.are_clubs:
            return [among(self.db, records.c.club_id, self.clubs)]
        return [records.c.subject_id.in_(self.entities)]

    def _days(self, asked: Iterable[With], records: sa.FromClause) -> list[Any]:
        """From the earliest to the latest day that any of them looks at."""
        spans = [_span(one, self.period) for one in asked]
        firsts = [first for first, _ in spans if first is not None]
        lasts = [last for _, last in spans if last is not None]
        days = []
        if len(firsts) == len(spans):
            days.append(records.c.happened_on >= min(firsts))
        if len(lasts) == len(spans):
            days.append(records.c.happened_on <= max(lasts))
        return days

    def _then(self, asked: With, records: sa.FromClause, answer: Any) -> words.Yes:
        first, last = _span(asked, self.period)
        then: list[words.Yes] = [sa.true()]
        if asked.period_in:
            then.append(answer(asked.period_in) == self.period.code)
        if first is not None:
            then.append(records.c.happened_on >= first)
        if last is not None:
            then.append(records.c.happened_on <= last)
        return sa.and_(*then)

    # -------------------------------------------------------------- entities of another list
    def of_list(self, asked: list[With]) -> dict[str, set[tuple[str, str | None]]]:
        first, day = asked[0], self.period.last
        assert first.list is not None
        spells = t.spells
        link = first.named_in or CLUB
        c = t.spells.alias("naming").c
        whom: Any = self.clubs if self.are_clubs else self.entities
        by_link = among(self.db, c.value, whom) if self.are_clubs else c.value.in_(whom)
        naming = sa.select(c.uuid).where(c.list_name == first.list, c.name == link, by_link)
        names = {link}.union(*(facts_named(one.where) for one in asked))
        who = spells.c.uuid.in_(naming)
        own_club = self.library.lists[first.list].is_of_clubs
        holders: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
        for life in read_lives(self.db, first.list, names, (day, day), who, own_club=own_club):
            facts = life.on(day)
            if link not in facts:
                continue
            of_club = life.club(facts) if _is_of_own_club(first) else None
            for one in asked:
                if hold(one.where, facts, day):
                    holders[repr(one)].add((facts[link].value, of_club))
        return {repr(one): holders[repr(one)] for one in asked}


def _span(asked: With, period: Period) -> tuple[date | None, date | None]:
    """The first and the last day of the records it looks at; None = no bound."""
    if asked.period_in:
        until = asked.until_days
        return None, None if until is None else period.last + timedelta(days=until)
    if asked.within_days is not None:
        return period.last - timedelta(days=asked.within_days - 1), period.last
    if asked.within == "period":
        return period.first, period.last
    if isinstance(asked.within, int):
        return months_before(period.last, asked.within) + timedelta(days=1), period.last
    return None, period.last
