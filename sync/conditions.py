"""A condition that was asked for ($filter) as SQL over submissions; the same on both databases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.odata_filter import (
    Both,
    Comparison,
    Condition,
    FieldName,
    Literal,
    Not,
    Operand,
    Order,
    Part,
    Value,
)
from forms.problems import BAD_FILTER, Refused
from sync.database import in_utc

MILLISECOND = timedelta(milliseconds=1)
Truth = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Known:
    """A field as SQL, and what it holds; kind: "text", "time" or "number"."""

    sql: sa.ColumnElement[Any]
    kind: str


Fields = Mapping[str, Known]


def to_sql(db: Connection, condition: Condition, fields: Fields) -> Truth:
    """Refused(BAD_FILTER) where two things are compared that cannot be."""
    if isinstance(condition, Not):
        return sa.not_(to_sql(db, condition.inner, fields))
    if isinstance(condition, Both):
        parts = [to_sql(db, part, fields) for part in condition.parts]
        return sa.and_(*parts) if condition.operator == "and" else sa.or_(*parts)
    return _compared(db, condition, fields)


def order_by(order: tuple[Order, ...], fields: Fields) -> list[sa.ColumnElement[Any]]:
    """What to sort by; nulls stand where the database puts them."""
    found = [(fields[one.name].sql, one.descending) for one in order]
    return [sql.desc() if descending else sql.asc() for sql, descending in found]


def _compared(db: Connection, one: Comparison, fields: Fields) -> Truth:
    left, right, operator = one.left, one.right, one.operator
    if not isinstance(left, FieldName | Part):
        left, right, operator = right, left, _TURNED.get(operator, operator)
    if not isinstance(left, FieldName | Part):
        return _constant(operator, left, right)
    known = _known(db, left, fields)
    if isinstance(right, FieldName | Part):
        return _sure(_SQL[operator](known.sql, _known(db, right, fields).sql))
    value = right.value
    if value is None:
        return _with_null(known, operator)
    if known.kind == "time":
        return _sure(_against_time(known.sql, operator, _as_time(value)))
    truth = _SQL[operator](known.sql, _as(known.kind, value))
    return _sure(sa.or_(truth, known.sql.is_(None)) if operator == "ne" else truth)


def _constant(operator: str, left: Literal, right: Operand) -> Truth:
    """Two values that were written out, as `day(now()) eq 20`."""
    try:
        holds = isinstance(right, Literal) and _SQL[operator](left.value, right.value)
    except TypeError:
        raise Refused(BAD_FILTER(why=operator)) from None
    return sa.true() if holds else sa.false()


def _known(db: Connection, operand: FieldName | Part, fields: Fields) -> Known:
    if isinstance(operand, FieldName):
        return fields[operand.name]
    of = fields[operand.of.name]
    if of.kind != "time":
        raise Refused(BAD_FILTER(why=operand.name))
    return Known(sa.extract(operand.name, in_utc(db, of.sql)), "number")


def _sure(truth: Truth) -> Truth:
    """What SQL does not know is not so: `not (state eq 'rejected')` holds where there is none."""
    return sa.func.coalesce(truth, sa.false())


def _with_null(known: Known, operator: str) -> Truth:
    if operator in ("eq", "ne"):
        return known.sql.is_(None) if operator == "eq" else known.sql.is_not(None)
    return sa.false()


def _as_time(value: Value) -> datetime:
    if isinstance(value, str):  # some write a time in quotes
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Refused(BAD_FILTER(why=str(value)[:40])) from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Refused(BAD_FILTER(why=str(value)[:40]))
    return value


def _as(kind: str, value: Value) -> str | int:
    """A value in the field's own kind: ids are numbers here and texts to OData."""
    if kind == "text":
        if not isinstance(value, str):
            raise Refused(BAD_FILTER(why=str(value)[:40]))
        return value
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        return -1  # nobody has this number
    if not number.is_integer() or abs(number) > 2**31:
        return -1
    return int(number)


def _against_time(sql: sa.ColumnElement[Any], operator: str, asked: datetime) -> Truth:
    """Times are shown to the millisecond and kept finer: compare what is shown.

    Else "later than the last one I have" would give the last one again.
    """
    start = asked - timedelta(microseconds=asked.microsecond % 1000)
    after = start + MILLISECOND
    ceiling = start if start == asked else after
    within = sa.and_(sql >= start, sql < after) if start == asked else sa.false()
    return {
        "gt": lambda: sql >= after,
        "ge": lambda: sql >= ceiling,
        "lt": lambda: sql < ceiling,
        "le": lambda: sql < after,
        "eq": lambda: within,
        "ne": lambda: sa.or_(sa.not_(within), sql.is_(None)),
    }[operator]()


_TURNED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_SQL: dict[str, Any] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
}
