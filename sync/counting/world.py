"""Some clubs in one period: the entities and the events of every figure, each read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.conditions import AGE, BORN, Facts, Telling, telling
from forms.days import age_on, read_day
from forms.indicators import EVERY_FORM, UNKNOWN, Conditions, Cut, Indicator, With
from forms.periods import Period, months_before
from forms.problems import UNKNOWN_PERSON
from sync import mentions, words
from sync import tables as t
from sync.counting.events import Arrival, Event, Held, Need, read_arrivals, read_events, read_held
from sync.counting.lives import CLUB, DAY, Life, facts_named, read_lives
from sync.database import among

if TYPE_CHECKING:
    from forms.library import Library

Parts = Mapping[str, tuple[str, ...]]  # cut -> in which of its parts
OTHER = t.spells.alias("other")
Span = tuple[date | None, date | None]  # first and last day; None = no bound


@dataclass
class Needs:
    """What a number of indicators ask for in a period: of each form, and of each list."""

    library: Library
    period: Period
    forms: dict[str, Need] = field(default_factory=lambda: defaultdict(Need))
    facts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    since: dict[str, date | None] = field(default_factory=dict)  # from when lives are asked for
    cuts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by list
    linked: Mapping[str, str] = field(default_factory=dict)  # uuid -> who stands for it

    @classmethod
    def of(
        cls,
        library: Library,
        period: Period,
        indicators: Iterable[Indicator],
        linked: Mapping[str, str],
    ) -> Needs:
        needs = cls(library, period, linked=linked)
        known = library.figures.indicators
        for one in indicators:
            needs._add(one)
            over = known.get(one.over or "")
            if over is not None and over.of == one.of and one.of in library.lists:
                needs._add(over)  # who is in the denominator may be missing above
        for need in needs.forms.values():
            need.linked = linked
        return needs

    def _add(self, one: Indicator) -> None:
        for asked in (*one.with_, *one.without):
            self.ask(asked)
        if one.of in self.library.lists and one.kind != "waiting":
            facts = facts_named(one.where, one.from_, one.to, *one.any_)
            self._add_facts(one.of, facts | ({one.summed} if one.summed else set()))
            self._add_cuts(one.of, one)
            self._look_back(one.of, first_day(one, self.period))
        elif one.of not in self.library.lists and one.of != EVERY_FORM:
            self._add_events(one)

    def _add_events(self, one: Indicator) -> None:
        cuts = self.library.figures.cuts
        asked = [*one.where, *one.measured, *one.not_before, one.summed, one.times, one.about]
        asked += [cuts[name].answer for name in one.by]
        first, last = span_of(one, self.period)
        before = None if one.not_before else first
        self.forms[one.of].add((n for n in asked if n), before, last, one.rows)
        naming = (one.summed if one.kind == "named" else None, one.times, one.about)
        self.forms[one.of].naming.update(n for n in naming if n)
        if one.followed:
            until = self.period.last + timedelta(days=one.followed.within_days)
            self.forms[one.followed.form].add(one.followed.where, first, until, None)
        subjects = self.subjects(one.of)
        if one.facts:
            whose = one.standing or subjects
            self._add_facts(str(whose), facts_named(one.facts))
            self._look_back(str(whose), first)
        persons = one.standing or one.about_list or (None if one.kind == "named" else subjects)
        if persons in self.library.lists:
            self._add_facts(str(persons), set())
            self._add_cuts(str(persons), one)

    def subjects(self, form: str) -> str | None:
        """The list that a form's records are about."""
        rule = self.library.rules.get(form)
        return rule.subject_list if rule else None

    def ask(self, asked: With) -> None:
        """What a `with` looks at."""
        if asked.list is None:
            named = [asked.named_in, asked.period_in]
            columns = [*asked.where, *(name for name in named if name)]
            self.forms[asked.form].add(columns, *span_of_with(asked, self.period), asked.rows)
            self.forms[asked.form].naming.update({asked.named_in} if asked.named_in else ())
        elif asked.list in self.library.lists:
            link = {asked.named_in} if asked.named_in else set()
            self._add_facts(asked.list, facts_named(asked.where) | link)

    def _add_facts(self, list_name: str, facts: set[str]) -> None:
        self.facts[list_name] |= facts
        self._look_back(list_name, self.period.last)

    def _add_cuts(self, list_name: str, one: Indicator) -> None:
        cuts = self.library.figures.cuts
        of_persons = {name for name in one.by if not cuts[name].answer}
        self.cuts[list_name] |= of_persons
        self.facts[list_name] |= {stored(cuts[name]) for name in of_persons}

    def _look_back(self, list_name: str, day: date | None) -> None:
        known = self.since.get(list_name, date.max)
        self.since[list_name] = None if known is None or day is None else min(known, day)


def stored(cut: Cut) -> str:
    """The fact of a cut by persons."""
    return BORN if cut.fact == AGE else cut.fact


def first_day(one: Indicator, period: Period) -> date:
    """How far back its entities' lives must be known: of a turn also the day before."""
    if one.kind in ("count", "sum") and not one.some_day:
        return period.last
    between = one.between_days
    return min(between[0] if between else period.last, period.first) - DAY


def span_of(one: Indicator, period: Period) -> Span:
    """The days of a form's records that an indicator counts."""
    if one.within is not None:
        return months_before(period.last, one.within) + DAY, period.last
    if one.up_to == "start":
        return None, period.first - DAY
    return (None if one.up_to == "end" else period.first), period.last


def span_of_with(asked: With, period: Period) -> Span:
    """The days of the records that a `with` looks at."""
    if asked.period_in:
        until = asked.until_days
        return None, None if until is None else period.last + timedelta(days=until)
    if asked.within_days is not None:
        return period.last - timedelta(days=asked.within_days - 1), period.last
    if asked.within == "period":
        return period.first, period.last
    if isinstance(asked.within, int):
        return months_before(period.last, asked.within) + DAY, period.last
    return None, period.last


def lies_in(day: date, span: Span) -> bool:
    """Whether a day is one of these."""
    first, last = span
    return (first is None or day >= first) and (last is None or day <= last)


class World:
    """What is known of some clubs; read when first asked for."""

    def __init__(self, db: Connection, needs: Needs, clubs: Collection[str]) -> None:
        self.db = db
        self.needs = needs
        self.library = needs.library
        self.period = needs.period
        self.clubs = frozenset(clubs)
        self._lives: dict[str, list[Life]] = {}
        self._known: dict[str, dict[str, Life]] = defaultdict(dict)
        self._asked: dict[str, set[str]] = defaultdict(set)
        self._events: dict[str, list[Event]] = {}
        self._about: dict[tuple[str, str], list[Event]] = {}
        self._outside: dict[frozenset[str], Mapping[str, list[int]]] = {}
        self._naming: dict[tuple[str, str], list[Event]] = {}
        self._parts: dict[tuple[str, str], Parts] = {}
        self._telling: dict[int, tuple[Conditions, Telling]] = {}

    def telling(self, where: Conditions) -> Telling:
        """Of conditions that are asked of many, made ready once."""
        if id(where) not in self._telling:  # kept with them, so that no id is another's later
            self._telling[id(where)] = where, telling(where)
        return self._telling[id(where)][1]

    # -------------------------------------------------------------- entities
    def lives(self, list_name: str) -> list[Life]:
        """The lives of those who are or were in these clubs."""
        if list_name not in self._lives:
            spells = t.spells.c
            if self.library.lists[list_name].is_of_clubs:
                who = among(self.db, spells.uuid, self.clubs)
            else:
                c = OTHER.c
                mine = (c.list_name == list_name, c.name == CLUB)
                own = sa.select(c.uuid).where(*mine, among(self.db, c.value, self.clubs))
                who = spells.uuid.in_(own)
            self._lives[list_name] = self._read(list_name, who)
            self._known[list_name].update({life.uuid: life for life in self._lives[list_name]})
        return self._lives[list_name]

    def _read(self, list_name: str, who: sa.ColumnElement[bool]) -> list[Life]:
        needs = self.needs
        since = needs.since.get(list_name, self.period.last) or date.min
        own_club = self.library.lists[list_name].is_of_clubs
        days = (since, self.period.last)
        names = needs.facts[list_name]
        return read_lives(self.db, list_name, names, days, who, own_club=own_club)

    def know(self, list_name: str, uuids: Iterable[str]) -> Mapping[str, Life]:
        """The lives of these entities too, wherever they are; by uuid."""
        self.lives(list_name)
        missing = set(uuids) - self._known[list_name].keys() - self._asked[list_name]
        if missing:
            self._asked[list_name] |= missing
            found = self._read(list_name, among(self.db, t.spells.c.uuid, sorted(missing)))
            self._known[list_name].update({life.uuid: life for life in found})
        return self._known[list_name]

    def naming(self, asked: With, uuids: Collection[str]) -> list[tuple[Facts, str | None]]:
        """What is so on D of entities of a `with`'s list that may name these; and their clubs."""
        link = asked.named_in or CLUB
        c = OTHER.c
        away = (away for away, stands in self.needs.linked.items() if stands in uuids)
        named = among(self.db, c.value, sorted({*uuids, *away}))
        mine = sa.select(c.uuid).where(c.list_name == asked.list, c.name == link, named)
        found = self._read(str(asked.list), t.spells.c.uuid.in_(mine))
        told = ((life, life.on(self.period.last)) for life in found)
        return [(facts, life.club(facts)) for life, facts in told]

    # -------------------------------------------------------------- events
    def events(self, form: str) -> list[Event]:
        """What happened in these clubs, by day."""
        if form not in self._events:
            mine = among(self.db, t.records.c.club_id, self.clubs)
            self._events[form] = read_events(self.db, form, self.needs.forms[form], mine)
        return self._events[form]

    def about(self, form: str, list_name: str | None, asking: str) -> list[Event]:
        """Those, and what happened elsewhere to these clubs' entities, and to the subjects of the
        form that is asking: they may never have been told of as entities.
        """
        key = (form, asking)
        if key not in self._about:
            own = self.events(form)
            of_list = self.lives(list_name) if list_name else []
            uuids = {life.uuid for life in of_list}
            uuids |= {e.subject for e in (*own, *self.events(asking)) if e.subject}
            theirs = self._elsewhere(frozenset(uuids)).get(form)
            which = among(self.db, t.records.c.id, theirs or ())
            need = self.needs.forms[form]
            others = read_events(self.db, form, need, which, are_few=True) if theirs else []
            self._about[key] = [*own, *others]
        return self._about[key]

    def _elsewhere(self, uuids: frozenset[str]) -> Mapping[str, list[int]]:
        """What is about these and not of these clubs: form -> ids; asked once for every form, for
        most often there is nothing.
        """
        if uuids not in self._outside:
            r = t.records.c
            outside = sa.or_(r.club_id.is_(None), sa.not_(among(self.db, r.club_id, self.clubs)))
            theirs = among(self.db, r.subject_id, sorted(uuids))
            found: dict[str, list[int]] = defaultdict(list)
            query = sa.select(r.form, r.id).where(theirs, outside, words.counts(t.records))
            for form, key in self.db.execute(query):
                found[form].append(key)
            self._outside[uuids] = found
        return self._outside[uuids]

    def naming_here(self, form: str, list_name: str) -> list[Event]:
        """What happened in any club and may name somebody of these clubs."""
        key = (form, list_name)
        if key not in self._naming:
            here = {life.uuid for life in self.lives(list_name)}
            here |= {uuid for uuid, other in self.needs.linked.items() if other in here}
            naming = t.records.c.id.in_(mentions.events_naming(self.db, here))
            need = replace(self.needs.forms[form], repeats=set())  # who is named stands in none
            self._naming[key] = read_events(self.db, form, need, naming, are_few=True)
        return self._naming[key]

    @cached_property
    def arrivals(self) -> Sequence[Arrival]:
        """All records of P that count."""
        return read_arrivals(self.db, self.clubs, self.period.first, self.period.last)

    @cached_property
    def held(self) -> Sequence[Held]:
        """All records that are held back."""
        return list(read_held(self.db, self.clubs, UNKNOWN_PERSON.code))

    # -------------------------------------------------------------- cuts
    def parts(self, list_name: str, life: Life | None) -> Parts:
        """In which parts of the cuts by persons somebody is on D."""
        uuid = life.uuid if life else ""
        if (list_name, uuid) not in self._parts:
            facts = life.on(self.period.last) if life else {}
            self._parts[list_name, uuid] = self.parts_by(list_name, facts)
        return self._parts[list_name, uuid]

    def parts_by(self, list_name: str, facts: Facts) -> Parts:
        """The same by these facts; ages are those on D."""
        cuts = self.library.figures.cuts
        asked = self.needs.cuts[list_name]
        return {name: _parts(facts, cuts[name], self.period.last) for name in asked}


def _parts(facts: Facts, cut: Cut, day: date) -> tuple[str, ...]:
    fact = facts.get(stored(cut))
    if fact is None or not fact.value:
        return (UNKNOWN,)
    if cut.fact != AGE:
        return tuple(dict.fromkeys(fact.value.split())) if cut.multi else (fact.value,)
    born = read_day(fact.value)
    age = age_on(born, day) if born else -1
    fitting = (
        band.value
        for band in cut.bands
        if band.first is not None and band.first <= age and (band.end is None or age < band.end)
    )
    return (next(fitting, UNKNOWN),)
