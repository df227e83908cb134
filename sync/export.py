"""Records out: one flat table per form and one per repeat, with labels; CSV or XLSX, streamed.

The header is a pure function of the published versions and the options, never of the data, so two
downloads have the same columns (incidents C12). Questions of older versions stay as columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Cell, Table
from forms.days import read_day, read_moment
from forms.problems import UNKNOWN_FORM, Refused
from forms.schema import Field, FormSchema, in_language, read_schema
from sync import places
from sync.clubs import plain_name
from sync.tables import entities, form_versions, forms, records, submission_versions, submissions

if TYPE_CHECKING:
    from forms.library import Library

AT_A_TIME = 500  # rows fetched from the database in one go

# What stands before the answers: code, title.
COMMON = (
    ("instance_id", "Mã phiếu"),
    ("happened_on", "Ngày sự kiện"),
    ("received_at", "Ngày nhận"),
    ("club_code", "Mã CLB"),
    ("club", "Tên CLB"),
    ("unit_code", "Mã xã/phường"),
    ("unit", "Xã/phường"),
    ("review_state", "Trạng thái duyệt"),
    ("counted", "Được tính"),
    ("problems", "Cần xem lại"),
)
OF_A_REPEAT = (("position", "Vị trí"), ("parent_position", "Thuộc dòng"))


@dataclass(frozen=True, slots=True)
class Question:
    """One column of answers: how it is called, and how an answer is shown."""

    column: str
    title: str
    show: Callable[[str], Cell]


def export_records(
    db: Connection,
    library: Library,
    form: str,
    *,
    clubs: frozenset[str] | None = None,
    codes: bool = False,
) -> list[Table]:
    """All tables of a form. `clubs` cuts the rows (None = all); `codes` keeps codes, not labels.

    The rows are read from `db` while they are written. Refused(UNKNOWN_FORM).
    """
    schemas = _published(db, form)
    labels = {} if codes else _entity_labels(db)
    derives = library.rules[form].derives if form in library.rules else ()
    names = list(dict.fromkeys(name for schema in schemas for name in schema.tables))
    tables = []
    for name in names:
        questions = _questions(schemas, name, labels, codes)
        if name == "":
            questions += [Question(column, column, _computed) for column in derives]
        common = COMMON if name == "" else (*COMMON, *OF_A_REPEAT)
        header = (*(code if codes else title for code, title in common),)
        header += tuple(question.title for question in questions)
        rows = _rows(db, form, name, questions, clubs)
        tables.append(Table(name or form, header, rows))
    return tables


# ------------------------------------------------------------------ columns
def _published(db: Connection, form: str) -> list[FormSchema]:
    """Every published version, the current one first, then the newest."""
    c = form_versions.c
    query = (
        sa.select(c.xform)
        .select_from(form_versions.join(forms, forms.c.id == c.form_id))
        .where(forms.c.xml_form_id == form)
        .order_by((c.id == forms.c.current_version_id).desc(), c.id.desc())
    )
    found = [read_schema(xform) for xform in db.execute(query).scalars()]
    if not found:
        raise Refused(UNKNOWN_FORM(form=form[:80]))
    return found


def _questions(
    schemas: list[FormSchema], table: str, labels: Mapping[str, str], codes: bool
) -> list[Question]:
    """The columns of all versions; choices of all versions too, a newer label before an older."""
    fields: dict[str, list[Field]] = {}
    for schema in schemas:
        if table in schema.tables:
            for field in (field for field in schema.columns(table) if not field.is_note):
                fields.setdefault(field.column, []).append(field)
    titles = {column: _title(found[0], codes) for column, found in fields.items()}
    many = list(titles.values())
    return [
        Question(
            column,
            titles[column] if many.count(titles[column]) == 1 else f"{titles[column]} [{column}]",
            _shower(found, labels, codes),
        )
        for column, found in fields.items()
    ]


def _title(field: Field, codes: bool) -> str:
    label = None if codes else in_language(field.labels, "vi")
    return " ".join(label.split()) if label else field.column


def _shower(fields: list[Field], labels: Mapping[str, str], codes: bool) -> Callable[[str], Cell]:
    kind = fields[0].type
    if kind in _TYPED:
        return _TYPED[kind]
    if kind == "string" and not fields[0].labels:
        return _computed
    if codes or kind not in ("select1", "select", "rank"):
        return _as_is
    names = dict(labels)
    for field in reversed(fields):
        for choice in field.choices or ():
            names[choice.name] = in_language(choice.labels, "vi") or choice.name
    if kind == "select1":
        return lambda answer: names.get(answer, answer)
    return lambda answer: "; ".join(names.get(code, code) for code in answer.split())


def _as_is(answer: str) -> Cell:
    return answer


def _number(answer: str) -> Cell:
    """A number, or the text as it was typed where it is none: nothing is hidden."""
    try:
        number = Decimal(answer)
    except InvalidOperation:
        return answer
    return number if number.is_finite() else answer


def _computed(answer: str) -> Cell:
    """A calculation is text to the form, but "23.4" is the 23rd of April to a Vietnamese Excel."""
    return Decimal(answer) if _DECIMAL.fullmatch(answer) else answer


_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d+", re.ASCII)

_TYPED: Mapping[str, Callable[[str], Cell]] = {
    "int": _number,
    "decimal": _number,
    "date": lambda answer: read_day(answer) or answer,
    "dateTime": lambda answer: read_moment(answer) or answer,
    "time": lambda answer: answer[:5],  # the minute is what a person wrote down
}


def _entity_labels(db: Connection) -> dict[str, str]:
    """Label by uuid, for choices that came from an entity list."""
    return {row.uuid: row.label for row in db.execute(sa.select(entities.c.uuid, entities.c.label))}


# ------------------------------------------------------------------ rows
def _rows(
    db: Connection,
    form: str,
    table: str,
    questions: list[Question],
    clubs: frozenset[str] | None,
) -> Iterator[list[Cell]]:
    place = _Places(db)
    query = _query(form, table, clubs).execution_options(yield_per=AT_A_TIME)
    for row in db.execute(query):
        values = {**row.answers, **row.derived}
        cells = [
            row.instance_id,
            row.happened_on,
            row.received_at,
            *place.of(row.club_id, row.happened_on),
            row.review_state,
            "không" if row.held_back or row.counted_with is not None else "có",
            ", ".join(problem["code"] for problem in row.problems),
        ]
        if table:
            cells += [row.position, row.parent_position]
        for question in questions:
            answer = values.get(question.column)
            cells.append(question.show(answer) if isinstance(answer, str) else answer)
        yield cells


def _query(form: str, table: str, clubs: frozenset[str] | None) -> sa.Select[Any]:
    """The rows of one table, in the order of arrival and of the form."""
    source = records.join(submissions, submissions.c.id == records.c.submission_id).join(
        submission_versions, submission_versions.c.id == records.c.submission_version_id
    )
    query = (
        sa.select(
            records,
            submissions.c.instance_id,
            submissions.c.review_state,
            submission_versions.c.received_at,
        )
        .select_from(source)
        .where(
            records.c.form == form,
            records.c.table_path == table,
            submissions.c.deleted_at.is_(None),
        )
        .order_by(records.c.submission_id, records.c.id)
    )
    return query if clubs is None else query.where(records.c.club_id.in_(sorted(clubs)))


class _Places:
    """Code and name of a club and of its unit on a day; all read once."""

    def __init__(self, db: Connection) -> None:
        self._tree = places.read_tree(db)
        self._history = places.read_history(db)
        c = entities.c
        rows = db.execute(sa.select(c.uuid, c.label, c.data).where(c.uuid.in_(self._history)))
        self._clubs = {row.uuid: (row.data.get("club_code"), plain_name(row.label)) for row in rows}
        self._known: dict[tuple[str | None, date | None], list[Cell]] = {}

    def of(self, club_id: str | None, day: date | None) -> list[Cell]:
        """Club code and name, unit code and name."""
        key = (club_id, day)
        if key not in self._known:
            code, name = self._clubs.get(club_id or "", (None, None))
            unit = self._unit(club_id, day) if club_id and day else None
            here = [unit.code, unit.full_name] if unit else [None, None]
            self._known[key] = [code, name, *here]
        return self._known[key]

    def _unit(self, club_id: str, day: date) -> places.Unit | None:
        unit_id = places.place_on(self._history.get(club_id, ()), day)
        return self._tree.path(self._tree.units[unit_id], day).commune if unit_id else None
