"""Counting the records of forms: what happened, to whom, how much, and what came before or after.

A club's records of a form are read once, and every word asks each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import sqlalchemy as sa

from forms.conditions import hold, number
from forms.days import vietnam_day
from forms.indicators import EVERY_FORM, UNKNOWN, Conditions, Followed, Indicator, Kind
from sync import tables as t
from sync import words
from sync.counting.events import Event, Held, Said, asking
from sync.counting.item import Counted, Item
from sync.counting.lives import CLUB, Life
from sync.counting.world import Parts, Span, World, lies_in, span_of
from sync.database import among
from sync.entities import plain_id
from sync.flags import is_possible


def items(world: World, indicators: list[Indicator]) -> Iterator[Counted]:
    """What these indicators of one form, or of every form, count in the world's clubs."""
    told = Told(world, indicators[0].of)
    for one in indicators:
        for item in _KINDS.get(one.kind, _events)(told, one):
            yield one, item


@dataclass
class Told:
    """The records of one form, and what the words ask of them, each found once."""

    world: World
    form: str

    @cached_property
    def subjects(self) -> str | None:
        """The list its records are about."""
        return self.world.needs.subjects(self.form)

    def lines(self, one: Indicator, where: Conditions) -> Iterator[tuple[Event, Said]]:
        """The events of its days, or their rows, of which `where` and its further words hold."""
        found = self.said_in_time(one, where)
        return ((event, said) for event, said in found if self.fits(one, event))

    def said_in_time(self, one: Indicator, where: Conditions) -> Iterator[tuple[Event, Said]]:
        """The events of its days, or their rows, of which `where` holds."""
        fits = asking(where)
        for event in self._on(span_of(one, self.world.period)):
            for said in event.lines(one.rows):
                if fits(said):
                    yield event, said

    def _on(self, days: Span) -> list[Event]:
        if days not in self._by_days:
            events = self.world.events(self.form)
            self._by_days[days] = [event for event in events if lies_in(event.day, days)]
        return self._by_days[days]

    @cached_property
    def _by_days(self) -> dict[Span, list[Event]]:
        return {}

    def fits(self, one: Indicator, event: Event) -> bool:
        """What is asked beside the answers."""
        return (
            (not one.facts or one.kind == "standing" or self._had(one.facts, event))
            and not (one.not_before and self._was_before(one.not_before, event))
            and (one.followed is None or self._is_followed(one.followed, event))
        )

    def _had(self, facts: Conditions, event: Event) -> bool:
        """Whether these held for the subject on the event's day."""
        life = self.life(event.subject)
        return hold(facts, life.on(event.day) if life else {}, event.day) is True

    def _was_before(self, where: Conditions, event: Event) -> bool:
        earlier = self._of_subject(self.form).get(event.subject or "", ())
        fits = asking(where)
        return any(e.day < event.day and fits(e.said) for e in earlier)

    def _is_followed(self, by: Followed, event: Event) -> bool:
        until = event.day + timedelta(days=by.within_days)
        later = self._of_subject(by.form).get(event.subject or "", ())
        fits = asking(by.where)
        return any(event.day < e.day <= until and fits(e.said) for e in later)

    def _of_subject(self, form: str) -> Mapping[str, list[Event]]:
        """The records of a form about each subject, of whichever club."""
        if form not in self._by_subject:
            found: dict[str, list[Event]] = defaultdict(list)
            for event in self.world.about(form, self.subjects, self.form):
                found[event.subject or ""].append(event)
            self._by_subject[form] = found
        return self._by_subject[form]

    @cached_property
    def _by_subject(self) -> dict[str, Mapping[str, list[Event]]]:
        return {}

    # -------------------------------------------------------------- persons
    def life(self, uuid: str | None) -> Life | None:
        """The subject of a record."""
        return self._lives.get(uuid) if uuid else None

    @cached_property
    def _lives(self) -> Mapping[str, Life]:
        """Of all subjects at once: asked for one by one they would be read one by one."""
        if self.subjects not in self.world.library.lists:
            return {}
        events = self.world.events(self.form)
        return self.world.know(str(self.subjects), {e.subject for e in events if e.subject})

    def cuts(self, one: Indicator, event: Event, said: Said) -> Parts:
        """In which parts the event is: by its answers, and by its subject or whom it names."""
        if not one.by:
            return {}
        known = self.world.library.figures.cuts
        list_name, life = self._whose(one, event, said)
        persons = self.world.parts(list_name, life) if list_name else {}
        answers = {name: known[name] for name in one.by if known[name].answer}
        if not answers and len(persons) >= len(one.by):
            return persons
        parts = {name: persons.get(name, (UNKNOWN,)) for name in one.by}
        for name, cut in answers.items():
            parts[name] = _chosen(said.get(str(cut.answer), ""), cut.multi)
        return parts

    def _whose(self, one: Indicator, event: Event, said: Said) -> tuple[str | None, Life | None]:
        if one.about:
            return one.about_list, self.known_here(
                one.about_list, plain_id(said.get(one.about)), event.club
            )
        return self.subjects, self.life(event.subject)

    def known_here(self, list_name: str | None, uuid: str | None, club: str) -> Life | None:
        """Somebody who is not the subject: nothing is known of who never was in the event's club,
        for figures follow what touches their club.
        """
        if not list_name or not uuid:
            return None
        life = self.world.know(list_name, (uuid,)).get(uuid)
        if life is None or (uuid == club if life.own_club else _was_in(life, club)):
            return life
        return None


def _was_in(life: Life, club: str) -> bool:
    return any(value == club for value, *_ in life.spells.get(CLUB, ()))


def _chosen(text: str, multi: bool) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(text.split())) if multi else (text.strip(),)
    return chosen if chosen and chosen[0] else (UNKNOWN,)


# ------------------------------------------------------------------ the kinds
def _events(told: Told, one: Indicator) -> Iterator[Item]:
    """count."""
    for event, said in told.lines(one, one.where):
        yield Item(event.club, str(event.id), event.day, cuts=told.cuts(one, event, said))


def _distinct(told: Told, one: Indicator) -> Iterator[Item]:
    for event, said in told.lines(one, one.where):
        if event.subject:
            cuts = told.cuts(one, event, said)
            yield Item(event.club, str(event.id), event.day, cuts=cuts, once=event.subject)


def _sum(told: Told, one: Indicator) -> Iterator[Item]:
    for event, said in told.lines(one, one.where):
        amount = number(said.get(one.summed or ""))
        if amount is not None and one.times:
            made = said.get(one.times, "")
            amount *= made.count(" ") + 1 if made else 0
        if amount is not None:
            cuts = told.cuts(one, event, said)
            yield Item(event.club, str(event.id), event.day, amount, cuts=cuts)


def _months(told: Told, one: Indicator) -> Iterator[Item]:
    first = told.world.period.first
    # Months of the administrative calendar begin on the 15th: as many days earlier, on the 1st.
    shift = timedelta(days=first.day - 1)
    for club, key, day in _happened(told, one):
        month = day - shift
        yield Item(club, str(key), day, once=f"{month.year}-{month.month}")


def _happened(told: Told, one: Indicator) -> Iterator[tuple[str, int, date]]:
    if told.form == EVERY_FORM:
        yield from ((a.club, a.id, a.day) for a in told.world.arrivals if a.day)
    else:
        yield from ((e.club, e.id, e.day) for e, _ in told.lines(one, one.where))


def _median(told: Told, one: Indicator) -> Iterator[Item]:
    """Days from the event to its arrival."""
    asked = {key for _, key, _ in _happened(told, one)}
    for each in told.world.arrivals:
        if each.id in asked and each.day is not None:
            days = (vietnam_day(each.arrived) - each.day).days
            yield Item(each.club, str(each.id), each.day, days)


def _latest(told: Told, one: Indicator) -> Iterator[Item]:
    """Each subject's last record at each place, of those that were measured at all."""
    fits_answers = asking(one.where)
    for event, said in told.said_in_time(one, one.measured):
        if event.subject:
            fits = fits_answers(said) and told.fits(one, event)
            yield Item(
                event.club,
                str(event.id),
                event.day,
                int(fits),
                cuts=told.cuts(one, event, said) if fits else {},
                once=event.subject,
                rank=(event.day, event.submission),
            )


def _named(told: Told, one: Indicator) -> Iterator[Item]:
    """Whom a question names, each once at each place."""
    for event, said in told.lines(one, one.where):
        for named in said.get(one.summed or "", "").split(" "):
            uuid = named.lower().replace("uuid:", "")
            if not uuid:
                continue
            life = told.known_here(one.about_list, uuid, event.club) if one.by else None
            cuts = told.world.parts(one.about_list, life) if one.about_list else {}
            yield Item(event.club, str(event.id), event.day, cuts=cuts, once=uuid)


def _standing(told: Told, one: Indicator) -> Iterator[Item]:
    """Entities of whom the facts hold on the event's day in its club: an item for each of them."""
    list_name = str(one.standing)
    stood: dict[tuple[str, date], list[Life]] = {}
    for event, _ in told.lines(one, one.where):
        key = (event.club, event.day)
        if key not in stood:
            stood[key] = list(_standing_on(told, one, *key))
        for life in stood[key]:
            cuts = told.world.parts(list_name, life)
            yield Item(event.club, str(event.id), event.day, cuts=cuts)


def _standing_on(told: Told, one: Indicator, club: str, day: date) -> Iterator[Life]:
    for life in told.world.lives(str(one.standing)):
        facts = life.on(day)
        if life.club(facts) == club and hold(one.facts, facts, day):
            yield life


# ------------------------------------------------------------------ what is kept out
def _held(told: Told, one: Indicator) -> Iterator[Item]:
    """Kept out of figures until somebody mends them, and not because a registration is not here.

    Whose day cannot be true counts in the period in which it arrived: else it would stand in
    figures nobody looks at, or in none.
    """
    fits = asking(one.where)
    for each in told.world.held:
        arrival = each.arrival
        arrived = vietnam_day(arrival.arrived)
        can_be = is_possible(arrival.day, arrived)
        day = arrival.day if arrival.day and can_be else arrived
        mine = told.form in (EVERY_FORM, arrival.form) and fits(each.said)
        if mine and day in told.world.period and not (each.waits and can_be):
            yield Item(arrival.club, str(arrival.id), day)


def _waiting(told: Told, one: Indicator) -> Iterator[Item]:
    """Records about somebody whose registration is not here; counted nowhere else."""
    waiting = [
        each
        for each in told.world.held
        if each.waits
        and each.subject_list == told.form
        and each.arrival.day is not None
        and each.arrival.day in told.world.period
    ]
    waited = _waited(told.world, waiting, one.after_days)
    for each in waiting:
        if each.submission in waited:
            yield Item(each.arrival.club, str(each.arrival.id), each.arrival.day)


def _waited(world: World, waiting: list[Held], days: int) -> frozenset[int]:
    """The submissions of which it was decided that they have waited so long, of any version."""
    if not waiting:
        return frozenset()
    decided, version = t.entity_decisions.c, t.submission_versions.c
    query = (
        sa.select(version.submission_id)
        .join(t.entity_decisions, decided.submission_version_id == version.id)
        .where(decided.kind == words.waited(days))
        .where(among(world.db, version.submission_id, {each.submission for each in waiting}))
    )
    return frozenset(world.db.scalars(query))


_KINDS: Mapping[Kind, Callable[[Told, Indicator], Iterator[Item]]] = {
    "distinct": _distinct,
    "sum": _sum,
    "months": _months,
    "median": _median,
    "latest": _latest,
    "named": _named,
    "standing": _standing,
    "held": _held,
    "waiting": _waiting,
}
