"""Counting events: the records of a form in P."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from forms.indicators import Indicator
from sync import tables as t
from sync import words
from sync.counting.source import Source, how_many


def waiting(source: Source) -> sa.Select[Any]:
    clubs, records = source.places, t.records
    joined = records.join(clubs, clubs.c.club == records.c.club_id)
    numbers = [n for _ in source.indicators for n in (sa.func.count(), sa.literal(0))]
    return source.grouped(joined, clubs.c.place, None, numbers).where(
        records.c.subject_list == source.first.of,
        records.c.happened_on.between(source.period.first, source.period.last),
        words.waits_for_registration(records),
        words.has_waited(records, source.first.after_days),
    )


def events(source: Source) -> sa.Select[Any]:
    clubs, records = source.places, t.records
    where = source.in_period(records)
    joined = records.join(clubs, clubs.c.club == records.c.club_id)
    return _by_subject(source, records, joined, clubs.c.place, where)


def latest(source: Source) -> sa.Select[Any]:
    """Each subject's last record of P at each place, of those that were measured at all."""
    clubs, records = source.places, t.records
    rank = sa.func.row_number().over(
        partition_by=(clubs.c.place, records.c.subject_id),
        order_by=(records.c.happened_on.desc(), records.c.submission_id.desc()),
    )
    ranked = (
        sa.select(records, clubs.c.place, rank.label("rank"))
        .select_from(records.join(clubs, clubs.c.club == records.c.club_id))
        .where(
            *source.in_period(records),
            records.c.subject_id.is_not(None),
            words.answers_fit(records, source.first.measured),
        )
        .subquery("latest")
    )
    return _by_subject(source, ranked, ranked, ranked.c.place, [ranked.c.rank == 1])


def _by_subject(
    source: Source, records: Any, joined: Any, place: Any, where: Sequence[Any]
) -> sa.Select[Any]:
    facts = None
    rule = source.library.rules[source.first.of]
    if source.cuts and rule.subject_list:
        seen = t.records.alias("seen")
        subjects = sa.select(seen.c.subject_id).where(*source.in_period(seen))
        facts = source.facts(rule.subject_list, subjects)
        joined = joined.outerjoin(facts, facts.c.uuid == records.c.subject_id)
    numbers = [n for i in source.indicators for n in (_event_number(i, records), sa.literal(0))]
    return source.grouped(joined, place, facts, numbers).where(*where)


def _event_number(indicator: Indicator, records: Any) -> Any:
    """The number of one indicator in a SELECT over records."""
    fits = words.answers_fit(records, indicator.where)
    if indicator.kind == "distinct":
        return sa.func.count(sa.case((fits, records.c.subject_id)).distinct())
    if indicator.kind != "sum":
        return how_many(fits)
    assert indicator.summed is not None
    amount: Any = words.number(words.answer(records, indicator.summed))
    if indicator.times:
        amount = amount * words.choices_made(words.answer(records, indicator.times))
    return sa.cast(sa.func.sum(sa.case((fits, amount))), sa.Float)
