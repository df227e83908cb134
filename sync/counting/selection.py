"""What several indicators count together: rows and lines, as one SELECT of numbers or a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from forms.indicators import UNKNOWN, Indicator
from sync import words
from sync.words import Value, Yes


@dataclass(frozen=True)
class Line:
    """One indicator in a selection: which rows count, and how they become its number.

    amount: how much a row adds (None = 1). once: each such value counts once at each place.
    out_of: the number is what these lack of so many. median: of `amount`, instead of the sum.
    """

    indicator: Indicator
    fits: Yes
    amount: Value | None = None
    once: Value | None = None
    out_of: Value | None = None
    median: bool = False


@dataclass(frozen=True)
class Part:
    """The column of one cut; multi: the text holds several values, one space between."""

    value: Value
    multi: bool = False


@dataclass(frozen=True)
class Selection:
    """rows: a table with the columns place, club, item (records.id) and day. cuts: by name."""

    rows: Any
    lines: Sequence[Line]
    cuts: Mapping[str, Part] = field(default_factory=dict)


def numbers(one: Selection) -> sa.CompoundSelect[Any]:
    """SELECT cut, value, place, and a number for each line; the whole has the cut ""."""
    branches = [_branch(one, "", sa.literal(""), one.rows)]
    for name, part in one.cuts.items():
        value: Value = sa.func.coalesce(sa.func.nullif(sa.func.trim(part.value), ""), UNKNOWN)
        rows = one.rows
        if part.multi:
            chosen = words.chosen(value)
            rows, value = rows.join(chosen, chosen.c.value != ""), chosen.c.value
        branches.append(_branch(one, name, value, rows))
    return sa.union_all(*branches)


def _branch(one: Selection, cut: str, value: Value, rows: Any) -> sa.Select[Any]:
    if any(line.median for line in one.lines):
        return _median(one, cut, value, rows)
    asked = (not cut or cut in line.indicator.by for line in one.lines)
    found = [
        _number(line) if wanted else sa.null()
        for line, wanted in zip(one.lines, asked, strict=True)
    ]
    keys = [one.rows.c.place, *([value] if cut else [])]
    return (
        sa.select(sa.literal(cut), value, one.rows.c.place, *found)
        .select_from(rows)
        .group_by(*keys)
    )


def _number(line: Line) -> Value:
    if line.once is not None:
        distinct = sa.func.count(sa.case((line.fits, line.once)).distinct())
        return distinct if line.out_of is None else line.out_of - distinct
    if line.amount is None:
        return sa.func.sum(sa.case((line.fits, 1), else_=0))
    return sa.cast(sa.func.sum(sa.case((line.fits, line.amount))), sa.Float)


def _median(one: Selection, cut: str, value: Value, rows: Any) -> sa.Select[Any]:
    """The middle one of each place, or the mean of the two in the middle."""
    (line,) = one.lines
    assert line.amount is not None
    apart = (one.rows.c.place, *([value] if cut else []))
    ranked = (
        sa.select(
            one.rows.c.place,
            value.label("value"),
            line.amount.label("amount"),
            sa.func.row_number().over(partition_by=apart, order_by=line.amount).label("rank"),
            sa.func.count().over(partition_by=apart).label("number"),
        )
        .select_from(rows)
        .where(line.fits)
        .subquery(f"ranked_{cut}")
    )
    middle = (2 * ranked.c.rank).between(ranked.c.number, ranked.c.number + 2)
    return (
        sa.select(
            sa.literal(cut),
            ranked.c.value,
            ranked.c.place,
            sa.cast(sa.func.avg(ranked.c.amount), sa.Float),
        )
        .where(middle)
        .group_by(ranked.c.place, ranked.c.value)
    )


def behind(one: Selection) -> sa.Select[Any]:
    """SELECT place, club, item, day, once, a column for each cut, and amount: the rows behind the
    number of the selection's only line. Rows of one record are added up.
    """
    (line,) = one.lines
    at = one.rows.c
    amount = sa.func.count() if line.amount is None else sa.cast(sa.func.sum(line.amount), sa.Float)
    once = sa.null() if line.once is None else sa.cast(line.once, sa.Text)
    parts = [part.value.label(name) for name, part in one.cuts.items() if name in line.indicator.by]
    keys = [at.place, at.club, at.item, at.day, *([once] if line.once is not None else []), *parts]
    return (
        sa.select(at.place, at.club, at.item, at.day, once.label("once"), *parts)
        .add_columns(amount.label("amount"))
        .select_from(one.rows)
        .where(line.fits)
        .group_by(*keys)
        .order_by(at.day, at.item)
    )
