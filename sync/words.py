"""The words of an indicator as SQL: one dictionary entry each, one meaning on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement

from forms.conditions import AGE, BORN, LARGEST
from forms.indicators import UNKNOWN, Conditions, Cut
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
    return sa.func.coalesce(*(column[field].as_string() for column in sources))


def choices_made(text: Value) -> Value:
    """How many choices a select-multiple holds (they are joined by one space)."""
    spaces = sa.func.length(text) - sa.func.length(sa.func.replace(text, " ", ""))
    return sa.case((sa.func.coalesce(text, "") == "", 0), else_=spaces + 1)


def has_choice(text: Value, choice: Value | str) -> Yes:
    """Whether a select-multiple holds this whole choice, not one it is only a part of.

    Not by LIKE: on SQLite it takes a and A for one letter, and a choice may hold its `_`.
    """
    padded = sa.literal(" ").concat(text).concat(" ")
    wanted = sa.literal(" ").concat(choice).concat(" ")
    return padded != sa.func.replace(padded, wanted, "")


class chosen_in(sa.sql.functions.GenericFunction[Any]):  # noqa: N801 - reads as a function in SQL
    """A select-multiple as rows, one for each choice made."""

    inherit_cache = True


@compiles(chosen_in, "postgresql")
def _chosen_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"unnest(string_to_array({compiler.process(element.clauses, **kw)}, ' '))"


@compiles(chosen_in, "sqlite")
def _chosen_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    quoted = f"json_quote({compiler.process(element.clauses, **kw)})"  # whatever a phone has sent
    return f"""json_each('[' || replace({quoted}, ' ', '","') || ']')"""


def chosen(text: Value) -> sa.TableValuedAlias:
    """The choices of a select-multiple as a table to join: its column `value`."""
    return chosen_in(text).table_valued("value", name="value")


def plain_ids(text: Value) -> Value:
    """Ids chosen in a select-multiple, in their one spelling (`entities.plain_id`)."""
    return sa.func.replace(sa.func.lower(text), "uuid:", "")


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


class _of_days(ColumnElement[Any]):  # noqa: N801 - the three below, with one shape
    """An expression over days: a template for each database with {0} and {1} in it."""

    inherit_cache = True

    def __init__(self, kind: str, one: Value, other: Any, type_: Any) -> None:
        self.kind = kind
        self.one = sa.sql.coercions.expect(sa.sql.roles.ExpressionElementRole, one)
        self.other = sa.sql.coercions.expect(sa.sql.roles.ExpressionElementRole, other)
        self.type = sa.types.to_instance(type_)

    _traverse_internals = [  # noqa: RUF012 - as SQLAlchemy wants it
        ("kind", sa.sql.visitors.InternalTraversal.dp_string),
        ("one", sa.sql.visitors.InternalTraversal.dp_clauseelement),
        ("other", sa.sql.visitors.InternalTraversal.dp_clauseelement),
        ("type", sa.sql.visitors.InternalTraversal.dp_type),
    ]


_DAYS: Mapping[str, tuple[str, str]] = {  # on PostgreSQL, on SQLite
    "after": ("({0} + {1})", "date({0}, {1} || ' days')"),
    "between": ("({0} - {1})", "CAST(julianday({0}) - julianday({1}) AS INTEGER)"),
    "arrival": ("CAST(timezone('UTC', {0}) + interval '7 hours' AS date)", "date({0}, '+7 hours')"),
}


@compiles(_of_days)
def _write_of_days(element: _of_days, compiler: Any, **kw: Any) -> str:
    template = _DAYS[element.kind][compiler.dialect.name == "sqlite"]
    return template.format(*(compiler.process(part, **kw) for part in (element.one, element.other)))


def days_after(day: Value, days: Value | int) -> Value:
    """Or before it, where `days` is less than nothing."""
    return _of_days("after", day, days, sa.Date)


def days_between(day: Value, earlier: Value) -> Value:
    return _of_days("between", day, earlier, sa.Integer)


def arrival_day(moment: Value) -> Value:
    """The civil day in Vietnam (`forms.days.vietnam_day`)."""
    return _of_days("arrival", moment, sa.null(), sa.Date)


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


def stored_fact(name: str) -> str:
    return BORN if name == AGE else name


def cut_value(facts: Mapping[str, Value], cut: Cut, born_by: Callable[[int], Value]) -> Value:
    """In which part of a cut an entity is; "unknown" where nobody knows.

    facts: by name, those that are stored. born_by: the last day on which one so old was born.
    """
    if cut.fact != AGE:
        return sa.func.coalesce(facts[cut.fact], UNKNOWN)
    born = facts[BORN]
    bands = [
        (born <= born_by(band.first or 0), band.value)
        for band in sorted(cut.bands, key=lambda b: b.first or 0, reverse=True)
    ]
    return sa.case((born.is_(None), UNKNOWN), *bands, else_=UNKNOWN)
