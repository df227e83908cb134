"""Records out: one flat table per form and one per repeat, with labels; CSV or XLSX, streamed.

The header is a pure function of the published versions and the options, never of the data, so two
downloads have the same columns (incidents C12). Questions of older versions stay as columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Cell, Table, distinct
from forms.days import VIETNAM, read_day, read_moment
from forms.problems import UNKNOWN_FORM, Refused, words_of
from forms.schema import Field, FormSchema, in_language, read_schema
from sync import places
from sync.accounts import PROJECT_ID
from sync.clubs import plain_name
from sync.tables import entities, form_versions, forms, records, submission_versions, submissions

if TYPE_CHECKING:
    from forms.library import Library

AT_A_TIME = 500  # rows fetched from the database in one go

# What stands before the answers: code, title. The underscore keeps codes apart from questions.
COMMON = (
    ("_instance_id", "Mã phiếu"),
    ("_happened_on", "Ngày sự kiện"),
    ("_received_at", "Ngày nhận"),
    ("_club_code", "Mã CLB"),
    ("_club", "Tên CLB"),
    ("_unit_code", "Mã xã/phường"),
    ("_unit", "Xã/phường"),
    ("_review_state", "Trạng thái duyệt"),
    ("_counted", "Được tính"),
    ("_problems", "Cần xem lại"),
)
OF_A_REPEAT = (("_position", "Vị trí"), ("_parent_position", "Thuộc dòng"))
REVIEWS = {
    "edited": "Đã sửa",
    "hasIssues": "Cần sửa",
    "rejected": "Không nhận",
    "approved": "Đã duyệt",
}


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
    tables = []
    for name in dict.fromkeys(name for schema in schemas for name in schema.tables):
        questions = _questions(schemas, name, labels, codes)
        if name == "" and form in library.rules:
            questions += _computed_here(library.rules[form].derives, questions)
        common = COMMON if name == "" else (*COMMON, *OF_A_REPEAT)
        header = distinct(
            [*(code if codes else title for code, title in common), *(q.title for q in questions)],
            [*(code for code, _ in common), *(q.column for q in questions)],
        )
        tables.append(Table(name or form, header, _rows(db, form, name, questions, clubs, codes)))
    return tables


# ------------------------------------------------------------------ columns
def _published(db: Connection, form: str) -> list[FormSchema]:
    """Every published version, the current one first, then the newest."""
    c = form_versions.c
    query = (
        sa.select(c.xform)
        .select_from(form_versions.join(forms, forms.c.id == c.form_id))
        .where(forms.c.project_id == PROJECT_ID, forms.c.xml_form_id == form)
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
        for field in schema.columns(table):
            if not field.is_note:
                fields.setdefault(field.column, []).append(field)
    return [
        Question(column, _title(found[0], codes), _shower(found, labels, codes))
        for column, found in fields.items()
    ]


def _computed_here(derives: Iterable[str], questions: list[Question]) -> list[Question]:
    """What the server computes, where the phone did not compute it under the same name."""
    asked = {question.column for question in questions}
    return [Question(name, name, _number) for name in derives if name not in asked]


def _title(field: Field, codes: bool) -> str:
    label = None if codes else in_language(field.labels, "vi")
    return " ".join(label.split()) if label else field.column


def _shower(fields: list[Field], labels: Mapping[str, str], codes: bool) -> Callable[[str], Cell]:
    kind = fields[0].type
    if kind in _TYPED:
        return _TYPED[kind]
    if kind == "string" and not fields[0].labels:
        return _computed
    if codes or kind not in _SELECTS:
        return _as_is
    names: Mapping[str, str] = {
        choice.name: in_language(choice.labels, "vi") or choice.name
        for field in reversed(fields)
        for choice in field.choices or ()
    }
    if any(field.choices_file for field in fields):
        names = {**labels, **names} if names else labels
    if all(field.type == "select1" for field in fields):
        return lambda answer: names.get(answer, answer)  # its codes may hold a space
    return lambda answer: "; ".join([names.get(code, code) for code in answer.split()])


def _as_is(answer: str) -> Cell:
    return answer


def _number(answer: str) -> Cell:
    """A number, or the text as it was typed: leading zeros, "+84…", more than 15 digits."""
    return Decimal(answer) if len(answer) <= 15 and _NUMBER.fullmatch(answer) else answer


def _computed(answer: str) -> Cell:
    """A calculation is text to the form, but "23.4" is the 23rd of April to a Vietnamese Excel."""
    return _number(answer) if "." in answer else answer


def _moment(answer: str) -> Cell:
    moment = read_moment(answer)
    try:
        return moment.astimezone(VIETNAM) if moment else answer
    except OverflowError:  # a clock at year 1 or 9999
        return answer


_SELECTS = frozenset({"select1", "select", "rank"})
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
_TYPED: Mapping[str, Callable[[str], Cell]] = {
    "int": _number,
    "decimal": _number,
    "date": lambda answer: read_day(answer) or answer,
    "dateTime": _moment,
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
    codes: bool,
) -> Iterator[list[Cell]]:
    place = _Places(db)
    shown = [(question.column, question.show) for question in questions]
    read = json.JSONDecoder().raw_decode
    standing = _standing_in_codes if codes else _standing_in_words
    query = _query(form, table, clubs).execution_options(yield_per=AT_A_TIME)
    with db.execute(query) as found:  # closed also when the reader hangs up half-way
        for row in found:
            answers = read(row.answers)[0]
            if row.derived != "{}":
                answers |= read(row.derived)[0]
            told = answers.get
            cells = [row.instance_id, row.happened_on, row.received_at]
            cells += place.of(row.club_id, row.happened_on)
            cells += standing(row)
            if table:
                cells += [row.position, row.parent_position]
            cells += [
                None if (answer := told(column)) is None else show(answer) for column, show in shown
            ]
            yield cells


def _standing_in_words(row: Any) -> list[Cell]:
    """Review, whether it counts, and what a person should look at."""
    return [
        REVIEWS.get(row.review_state, row.review_state),
        "có" if _is_counted(row) else "không",
        " ".join(words_of(problem) for problem in _problems(row)),
    ]


def _standing_in_codes(row: Any) -> list[Cell]:
    return [
        row.review_state,
        "yes" if _is_counted(row) else "no",
        " ".join(problem["code"] for problem in _problems(row)),
    ]


def _problems(row: Any) -> list[dict[str, Any]]:
    return [] if row.problems == "[]" else json.loads(row.problems)


def _is_counted(row: Any) -> bool:
    return not row.held_back and row.counted_with is None


def _query(form: str, table: str, clubs: frozenset[str] | None) -> sa.Select[Any]:
    """The rows of one table, in the order of arrival and of the form."""
    source = records.join(submissions, submissions.c.id == records.c.submission_id).join(
        submission_versions, submission_versions.c.id == records.c.submission_version_id
    )
    c = records.c
    columns: list[sa.ColumnElement[Any]] = [
        *(sa.cast(one, sa.Text).label(one.name) for one in (c.answers, c.derived, c.problems)),
        *(c.happened_on, c.club_id, c.position, c.parent_position, c.held_back, c.counted_with),
        *(submissions.c.instance_id, submissions.c.review_state),
        submission_versions.c.received_at,
    ]
    query = (
        sa.select(*columns)
        .select_from(source)
        .where(
            c.form == form,
            c.table_path == table,
            submissions.c.deleted_at.is_(None),
        )
        .order_by(c.submission_id, c.id)
    )
    return query if clubs is None else query.where(c.club_id.in_(sorted(clubs)))


class _Places:
    """Code and name of a club and of its unit on a day; all read once."""

    def __init__(self, db: Connection) -> None:
        self._tree = places.read_tree(db)
        self._history = places.read_history(db)
        c = entities.c
        # A club is the one kind of entity that is in itself.
        rows = db.execute(sa.select(c.uuid, c.label, c.data).where(c.uuid == c.club_id))
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
