"""The words of an indicator as SQL: one dictionary entry each, one meaning on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement

from forms.conditions import LARGEST
from forms.indicators import Conditions
from forms.problems import UNKNOWN_PERSON
from sync import tables as t

Value = ColumnElement[Any]
Yes = ColumnElement[bool]


class number(ColumnElement[Any]):  # noqa: N801 - reads as a function in SQL expressions
    """A text as a number, or NULL when it is none, or is beyond LARGEST: a slip on a phone must not
    break a report.
    """

    inherit_cache = True
    type = sa.Numeric(18, 4)

    def __init__(self, text: Value) -> None:
        self.text = text

    _traverse_internals = [("text", sa.sql.visitors.InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - as SQLAlchemy wants it


@compiles(number, "postgresql")
def _number_postgresql(element: number, compiler: Any, **kw: Any) -> str:
    text = compiler.process(element.text, **kw)
    # The grammar of a JSON number, to be the twin of SQLite below.
    pattern = r"'^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]{1,2})?$'"
    return f"CASE WHEN {text} ~ {pattern} THEN {_bounded(text)} END"


@compiles(number, "sqlite")
def _number_sqlite(element: number, compiler: Any, **kw: Any) -> str:
    text = compiler.process(element.text, **kw)
    is_number = f"json_valid({text}) AND json_type({text}) IN ('integer', 'real')"
    return f"CASE WHEN {is_number} THEN {_bounded(text)} END"


def _bounded(text: str) -> str:
    value = f"CAST({text} AS NUMERIC)"
    return f"CASE WHEN {value} BETWEEN {-LARGEST} AND {LARGEST} THEN {value} END"


def answer(records: sa.FromClause, field: str) -> Value:
    """What a record says: the whole event's value, else a computed one, else as answered."""
    sources = (records.c.united, records.c.derived, records.c.answers)
    return sa.func.coalesce(*(sa.cast(column[field].as_string(), sa.Text) for column in sources))


def has_choice(text: Value, choice: Value | str) -> Yes:
    """Whether a select-multiple holds this whole choice, not one it is only a part of.

    Not by LIKE: on SQLite it takes a and A for one letter, and a choice may hold its `_`.
    """
    padded = sa.literal(" ").concat(text).concat(" ")
    wanted = sa.literal(" ").concat(choice).concat(" ")
    return padded != sa.func.replace(padded, wanted, "")


def _present(value: Value, wanted: bool) -> Yes:
    given = sa.func.coalesce(value, "") != ""
    return given if wanted else sa.not_(given)


WORDS: Mapping[
    str, Callable[[Value, Any], Yes]
] = {  # NULL fits no word but `present = false`, `lacks`
    "is": lambda value, wanted: value == wanted,
    "in": lambda value, wanted: value.in_(wanted),
    "not": lambda value, wanted: value.not_in(wanted),
    "at_least": lambda value, wanted: number(value) >= wanted,
    "at_most": lambda value, wanted: number(value) <= wanted,
    "between": lambda value, wanted: number(value).between(*wanted),
    "present": _present,
    "has": lambda value, wanted: sa.or_(*(has_choice(value, one) for one in wanted)),
    "lacks": lambda value, wanted: sa.not_(
        sa.or_(*(has_choice(sa.func.coalesce(value, ""), one) for one in wanted))
    ),
}


def answers_fit(records: sa.FromClause, where: Conditions) -> Yes:
    """All conditions on the answers of a record."""
    return fit(lambda name: answer(records, name), where)


def fit(value_of: Callable[[str], Value], where: Conditions) -> Yes:
    """All conditions on what is found under these names."""
    return sa.and_(
        sa.true(),
        *(WORDS[c.word](value_of(name), c.value) for name, words in where.items() for c in words),
    )


def is_whole(records: sa.FromClause) -> Yes:
    """A record, and no row of a repeat."""
    # Spelt out, not as a parameter: SQLite else finds no index of such records only.
    return records.c.table_path == sa.literal_column("''")


def counts(records: sa.FromClause) -> Yes:
    """A record is one event of its own, and nothing keeps it out of the figures."""
    return sa.and_(
        is_whole(records), records.c.counted_with.is_(None), sa.not_(records.c.held_back)
    )


def waits_for_registration(records: sa.FromClause) -> Yes:
    """A record is about somebody whose registration is not here."""
    flag = json.dumps({"code": UNKNOWN_PERSON.code})[1:-1]  # as both databases write it
    told = sa.cast(records.c.problems, sa.Text)
    return sa.and_(is_whole(records), records.c.held_back, told.contains(flag, autoescape=True))


def waited(days: int) -> str:
    """`entity_decisions.kind` of a record that has waited so long for a registration."""
    return f"waited {days}"


def has_waited(records: sa.FromClause, days: int) -> Yes:
    """It was decided that the record has waited so long; of whichever version of its submission."""
    decided, version = t.entity_decisions.c, t.submission_versions.c
    return (
        sa.select(sa.literal(1))
        .select_from(t.submission_versions)
        .join(t.entity_decisions, decided.submission_version_id == version.id)
        .where(version.submission_id == records.c.submission_id, decided.kind == waited(days))
        .correlate(records)
        .exists()
    )
