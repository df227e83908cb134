"""Who has what `with` asks for: those whom records are about or name, or other entities name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.conditions import hold
from forms.indicators import Indicator, With
from forms.periods import Period
from sync.confirmations import steps_of_clubs
from sync.counting.events import Event, asking
from sync.counting.world import Needs, World, lies_in, span_of_with
from sync.entities import plain_id

if TYPE_CHECKING:
    from forms.library import Library

Holder = tuple[str, str | None]  # uuid, and the club in whose records it must be; None = any


class Holders:
    """Of one list, in some clubs: for each `with` the entities that have what it asks for."""

    def __init__(self, world: World, list_name: str) -> None:
        self._world = world
        self._list = list_name
        self._found: dict[int, set[Holder]] = {}

    def fit(self, indicator: Indicator, uuid: str, club: str | None) -> bool:
        """One of `with` where any is asked for, and none of `without`."""
        with_, without = indicator.with_, indicator.without
        return (not with_ or any(self._has(one, uuid, club) for one in with_)) and not any(
            self._has(one, uuid, club) for one in without
        )

    def _has(self, asked: With, uuid: str, club: str | None) -> bool:
        found = self._found.get(id(asked))
        if found is None:
            found = self._found[id(asked)] = set(self.who(asked))
        return (uuid, club if _is_of_own_club(asked) else None) in found

    def who(self, asked: With) -> Iterator[Holder]:
        """The entities that have it, among others that are of no interest."""
        if asked.list is not None:
            yield from self._named_by_entities(asked)
            return
        span, code = span_of_with(asked, self._world.period), self._world.period.code
        fits = asking(asked.where)
        for event in self._events(asked):
            if not lies_in(event.day, span):
                continue
            for said in event.lines(asked.rows):
                about = asked.period_in is None or said.get(asked.period_in) == code
                if about and fits(said):
                    yield from self._persons(asked, event, said.get(asked.named_in or "", ""))
        if self._is_confirming(asked):
            steps = steps_of_clubs(self._world.db, self._world.period, self._world.clubs)
            yield from ((club, None) for club, day in steps.items() if lies_in(day, span))

    def _is_confirming(self, asked: With) -> bool:
        """Whether a step of a person is as good as such a record."""
        if not self._are_clubs or asked.named_in or asked.period_in is None:
            return False
        by = self._world.library.report.confirming
        return by is not None and asked.form == by.form

    def _events(self, asked: With) -> list[Event]:
        if asked.named_in and asked.anywhere:
            return self._world.naming_here(asked.form, self._list)
        if asked.named_in or self._are_clubs:
            return self._world.events(asked.form)
        return self._world.about(asked.form, self._list, asked.form)

    @property
    def _are_clubs(self) -> bool:
        return self._world.library.lists[self._list].is_of_clubs

    def _persons(self, asked: With, event: Event, named: str) -> Iterator[Holder]:
        if asked.named_in:
            club = event.club if _is_of_own_club(asked) else None
            ids = (plain_id(one) for one in named.split(" "))
            yield from ((uuid, club) for uuid in ids if uuid)
        elif self._are_clubs:
            yield event.club, None
        elif event.subject:
            yield event.subject, None

    def _named_by_entities(self, asked: With) -> Iterator[Holder]:
        uuids = self._world.clubs
        if not self._are_clubs:
            uuids = frozenset(life.uuid for life in self._world.lives(self._list))
        for facts, club in self._world.naming(asked, uuids):
            link = facts.get(asked.named_in) if asked.named_in else None
            person = link.value if link else (None if asked.named_in else club)
            person = self._world.needs.linked.get(person or "", person)
            if person and hold(asked.where, facts, self._world.period.last):
                yield person, club if _is_of_own_club(asked) else None


def _is_of_own_club(asked: With) -> bool:
    return asked.named_in is not None and not asked.anywhere


def read_confirmed(
    db: Connection, library: Library, period: Period, clubs: Collection[str]
) -> frozenset[str]:
    """The clubs that have confirmed the period's report, from the phone or in person."""
    by = library.report.confirming
    of_clubs = next((rule.name for rule in library.lists.values() if rule.is_of_clubs), None)
    if of_clubs is None or by is None:
        return frozenset()
    asked = With(by.form, by.where, "ever", None, period_in=by.period)
    needs = Needs(library, period)
    needs.ask(asked)
    holders = Holders(World(db, needs, clubs), of_clubs)
    return frozenset(uuid for uuid, _ in holders.who(asked))
