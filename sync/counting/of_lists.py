"""Counting entities of a list: on day D, and facts that began in P."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from forms.indicators import Indicator
from sync import tables as t
from sync import words
from sync.counting.source import Source, how_many


def stock(source: Source) -> sa.Select[Any]:
    clubs = source.places
    spells = t.spells.c
    who = sa.select(clubs.c.club)
    if not source.library.lists[source.first.of].is_of_clubs:
        who = sa.select(spells.uuid).where(
            spells.list_name == source.first.of, spells.name == "club", spells.value.in_(who)
        )
    facts = source.facts(source.first.of, who)
    numbers = [n for i in source.indicators for n in _numbers(source, i, facts)]
    return source.grouped(
        facts.join(clubs, clubs.c.club == facts.c.club), clubs.c.place, facts, numbers
    )


def _numbers(source: Source, indicator: Indicator, facts: sa.Subquery) -> tuple[Any, Any]:
    day, base = source.period.last, source.base(indicator)
    fits = words.facts_fit(facts, indicator.where, day)
    if indicator.with_:
        fits = sa.and_(fits, _with(source, indicator, facts))
    asked = [name for name in indicator.where if name not in base] if base else []
    unknown = sa.or_(sa.false(), *(words.is_unknown(facts, name) for name in asked))
    return how_many(fits), how_many(sa.and_(words.facts_fit(facts, base, day), unknown))


def _with(source: Source, indicator: Indicator, facts: sa.Subquery) -> Any:
    asked = indicator.with_
    assert asked is not None
    records = t.records.alias("having")
    if asked.named_in:
        named = words.plain_ids(words.answer(records, asked.named_in))
        person = sa.and_(records.c.club_id == facts.c.club, words.has_choice(named, facts.c.uuid))
    else:
        person = records.c.subject_id == facts.c.uuid
    return (
        sa.select(sa.literal(1))
        .select_from(records)
        .where(
            records.c.form == asked.form,
            person,
            records.c.happened_on <= source.period.last,
            *source.since(records, asked.within),
            words.counts(records),
            words.answers_fit(records, asked.where),
        )
        .correlate(facts)
        .exists()
    )


def began(source: Source) -> sa.Select[Any]:
    clubs, turn = source.places, t.spells.alias("turn")
    ((name, (value,)),) = source.first.where.items()
    began = sa.and_(
        turn.c.list_name == source.first.of,
        turn.c.name == name,
        turn.c.value == value.value,
        turn.c.valid_from.between(source.period.first, source.period.last),
    )
    joined: Any = _with_club_then(source, turn, clubs)
    facts = None
    if source.cuts:
        facts = source.facts(source.first.of, sa.select(turn.c.uuid).where(began))
        joined = joined.outerjoin(facts, facts.c.uuid == turn.c.uuid)
    numbers = [n for _ in source.indicators for n in (sa.func.count(), sa.literal(0))]
    return source.grouped(joined, clubs.c.place, facts, numbers).where(began)


def _with_club_then(source: Source, turn: Any, clubs: sa.CTE) -> Any:
    """A turn in the club its entity was in on that day."""
    if source.library.lists[source.first.of].is_of_clubs:
        return turn.join(clubs, clubs.c.club == turn.c.uuid)
    then = t.spells.alias("club_then")
    same_day = sa.and_(
        then.c.list_name == turn.c.list_name,
        then.c.uuid == turn.c.uuid,
        then.c.name == "club",
        then.c.valid_from <= turn.c.valid_from,
        sa.or_(then.c.valid_to.is_(None), then.c.valid_to > turn.c.valid_from),
    )
    return turn.join(then, same_day).join(clubs, clubs.c.club == then.c.value)
