"""Records out: one flat table per form and one per repeat, with labels; CSV or XLSX, streamed.

The header is a pure function of the published versions and the options, never of the data, so two
downloads have the same columns (incidents C12). Questions of older versions stay as columns.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache, partial
from operator import call
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Cell, Stream, Table, distinct
from forms.days import VIETNAM, read_day, read_moment
from forms.problems import words_of
from forms.schema import Field, in_language
from sync import places
from sync.clubs import plain_name
from sync.database import among, listed
from sync.tables import entities, entity_lists, records, submission_versions, submissions
from sync.vault import SIGN_IN_JSON, Vault, vault_of

if TYPE_CHECKING:
    from forms.library import Library
    from sync.access import Reading
    from sync.reading import FormView

T = TypeVar("T")
AT_A_TIME = 500  # rows fetched from the database in one go
MOST_KEPT = 8_192  # answers of each column whose cells are kept
_remember = lru_cache(maxsize=4096)  # of each column: days, codes, numbers that come again

# What stands before the answers: code, title. The underscore keeps codes apart from questions.
COMMON = (
    ("_instance_id", "Mã phiếu"),
    ("_happened_on", "Ngày sự kiện"),
    ("_received_at", "Ngày nhận"),
    ("_club_code", "Mã {group}"),  # as the library calls those whose figures are counted
    ("_club", "Tên {group}"),
    ("_unit_code", "Mã xã/phường"),
    ("_unit", "Xã/phường"),
    ("_review_state", "Trạng thái duyệt"),
    ("_counted", "Được tính"),
    ("_problems", "Cần xem lại"),
)
OF_A_REPEAT = (("_key", "Mã dòng"), ("_parent_key", "Thuộc dòng"))
TELLS_OF_ANSWERS = frozenset({"_problems"})
REVIEWS = {
    "edited": "Đã sửa",
    "hasIssues": "Cần sửa",
    "rejected": "Không nhận",
    "approved": "Đã duyệt",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One column of answers: how it is called, its type, and how an answer is shown."""

    column: str
    title: str
    type: str
    show: Callable[[str], Cell]


def export_records(
    db: Connection, library: Library, form: FormView, *, codes: bool = False
) -> list[Table]:
    """All tables of a form, as far as its reader may see them; `codes` keeps codes, not labels.

    The first is the form's own, the others its repeats: their “Thuộc dòng” is the “Mã dòng” of the
    row around them, or the “Mã phiếu” of the form. The rows are read from `db` while they are
    written.
    """
    labels = {} if codes else _entity_labels(db, form.reading)
    group = library.report.group.vi
    common = [
        (code, title.format(group=group))
        for code, title in COMMON
        if form.reading.is_whole or code not in TELLS_OF_ANSWERS
    ]
    tables = []
    for name in dict.fromkeys(name for schema in form.schemas for name in schema.tables):
        questions = _questions(form, name, labels, codes)
        if name == "" and form.xml_form_id in library.rules and form.reading.is_whole:
            questions += _computed_here(library.rules[form.xml_form_id].derives, questions)
        before = common if name == "" else [*common, *OF_A_REPEAT]
        header = distinct(
            [*(code if codes else title for code, title in before), *(q.title for q in questions)],
            [*(code for code, _ in before), *(q.column for q in questions)],
        )
        where = [n for n, q in enumerate(questions, len(before)) if q.type == "geopoint"]
        rows = Stream(partial(_rows, db, form, name, questions, codes))
        tables.append(Table(name or form.xml_form_id, header, rows, where[0] if where else None))
    return tables


def count_rows(db: Connection, form: FormView) -> int:
    """About how many rows all its tables have, as far as the reader sees them."""
    c = records.c
    query = sa.select(sa.func.count()).where(c.form == form.xml_form_id, _is_open(form.reading))
    if form.reading.clubs is not None:
        query = query.where(among(db, c.club_id, form.reading.clubs))
    return int(db.execute(query).scalar_one())


def people_in(db: Connection, library: Library, form: FormView) -> set[tuple[str, str]]:
    """Whom the tables may name or hold answers about, as (list, uuid): all whose label stands for a
    choice, and whom the records are about.
    """
    clubs = form.reading.clubs
    groups = [rule.name for rule in library.lists.values() if rule.is_of_clubs]
    c, r = entities.c, records.c
    named = sa.select(entity_lists.c.name, c.uuid).join(
        entity_lists, entity_lists.c.id == c.list_id
    )
    named = named.where(entity_lists.c.name.not_in(groups))
    about = sa.select(r.subject_list, r.subject_id).where(
        r.form == form.xml_form_id, r.subject_id.is_not(None), r.subject_list.not_in(groups)
    )
    about = about.where(_is_open(form.reading))
    if clubs is not None:
        named = named.where(sa.or_(c.club_id.is_(None), among(db, c.club_id, clubs)))
        about = about.where(among(db, r.club_id, clubs))
    return {(name, uuid) for query in (named, about) for name, uuid in db.execute(query)}


def _is_open(reading: Reading) -> sa.ColumnElement[bool]:
    """Of `records`: that it is about nobody who is locked."""
    if not reading.locked:
        return sa.true()
    c = records.c.subject_id
    return sa.or_(c.is_(None), c.not_in(sorted(reading.locked)))


# ------------------------------------------------------------------ columns
def _questions(
    form: FormView, table: str, labels: Mapping[str, str], codes: bool
) -> list[Question]:
    """The columns of all versions; choices of all versions too, a newer label before an older.

    What is withheld in one version is withheld in all.
    """
    fields: dict[str, list[Field]] = {}
    withheld = set()
    for schema in form.schemas:
        for field in schema.columns(table):
            if not field.is_note:
                fields.setdefault(field.column, []).append(field)
            if not form.reading.without.isdisjoint((*field.path, field.column)):
                withheld.add(field.column)
    return [
        Question(column, _title(found[0], codes), found[0].type, shower(found, labels, codes))
        for column, found in fields.items()
        if column not in withheld
    ]


def _computed_here(derives: Iterable[str], questions: list[Question]) -> list[Question]:
    """What the server computes, where the phone did not compute it under the same name."""
    asked = {question.column for question in questions}
    return [Question(name, name, "", _number) for name in derives if name not in asked]


def _title(field: Field, codes: bool) -> str:
    label = None if codes else in_language(field.labels, "vi")
    return " ".join(label.split()) if label else field.column


def shower(
    fields: Sequence[Field], labels: Mapping[str, str], codes: bool, language: str = "vi"
) -> Callable[[str], Cell]:
    """How answers to one question, in all its versions, are shown; `labels`: of entities."""
    kind = fields[0].type
    if kind in _TYPED:
        return _TYPED[kind]
    if kind == "string" and not fields[0].labels:
        return _computed
    if codes or kind not in _SELECTS:
        return _as_is
    names: Mapping[str, str] = {
        choice.name: in_language(choice.labels, language) or choice.name
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


def _entity_labels(db: Connection, reading: Reading) -> dict[str, str]:
    """Label by uuid, for choices that came from an entity list; of whom the reader may see."""
    c = entities.c
    query = sa.select(c.uuid, c.label).where(~c.restricted)
    if reading.clubs is not None:
        query = query.where(sa.or_(c.club_id.is_(None), c.club_id.in_(sorted(reading.clubs))))
    return {row.uuid: row.label for row in db.execute(query)}


# ------------------------------------------------------------------ rows
def _rows(
    db: Connection,
    form: FormView,
    table: str,
    questions: list[Question],
    codes: bool,
    make: Callable[[Cell], T],
) -> Generator[list[T]]:
    """What is made of each cell, once of those that many rows have in common."""
    places = _Places(db, make)
    standing = _standing_in_codes if codes else _standing_in_words
    flags = _flags_in_codes if codes else _flags_in_words
    made = _remember(make)
    made_of_standing = _remember(lambda *state: [make(cell) for cell in standing(*state)])
    made_of_flags = _remember(lambda problems: make(flags(problems)))
    columns = [question.column for question in questions]
    shown = [_maker(question.show, make) for question in questions]
    is_whole = form.reading.is_whole
    for answers, row in _sent(db, form, table):
        problems, day, club_id, is_counted, position, around, instance, review, arrived = row
        cells = [make(instance), made(day), make(arrived), *places.of(club_id, day)]
        cells += made_of_standing(review, is_counted)
        if is_whole:
            cells.append(made_of_flags(problems))
        if table:
            cells += [make(f"{instance}/{position}"), make(_parent_key(instance, around))]
        cells += map(call, shown, map(answers.get, columns))
        yield cells


def _maker(show: Callable[[str], Cell], make: Callable[[Cell], T]) -> Callable[[str | None], T]:
    """What is made of an answer, or of none; texts and moments hardly ever come again."""
    if show is _as_is:
        return make
    if show is not _moment:
        return _Made(show, make).__getitem__
    nothing = make(None)
    return lambda answer: nothing if answer is None else make(show(answer))


class _Made(dict[str | None, T]):
    """What is made of each answer to one question: asked for as an item, made when it is new.

    A function that remembers took as long to call as the rest of the cell.
    """

    def __init__(self, show: Callable[[str], Cell], make: Callable[[Cell], T]) -> None:
        super().__init__({None: make(None)})
        self._show, self._make = show, make

    def __missing__(self, answer: str) -> T:
        if len(self) > MOST_KEPT:
            nothing = self[None]
            self.clear()
            self[None] = nothing
        made = self[answer] = self._make(self._show(answer))
        return made


def _parent_key(instance: str, around: str | None) -> str:
    return f"{instance}/{around}" if around else instance


def _standing_in_words(review: str | None, is_counted: bool) -> list[Cell]:
    """Review, and whether it counts."""
    return [review and REVIEWS.get(review, review), "có" if is_counted else "không"]


def _standing_in_codes(review: str | None, is_counted: bool) -> list[Cell]:
    return [review, "yes" if is_counted else "no"]


def _flags_in_words(problems: str) -> Cell:
    """What a person should look at."""
    return " ".join(words_of(problem) for problem in json.loads(problems))


def _flags_in_codes(problems: str) -> Cell:
    return " ".join(problem["code"] for problem in json.loads(problems))


def _sent(
    db: Connection, form: FormView, table: str
) -> Iterator[tuple[dict[str, str], Sequence[Any]]]:
    """Answers, and what else is said of a row, of one table; in the order of arrival and of the
    form.

    Ids are put in order first: to sort whole rows took the database as long as to read them.
    """
    c = records.c
    where = [c.form == form.xml_form_id, c.table_path == table, _is_open(form.reading)]
    if form.reading.clubs is not None:
        where.append(c.club_id.in_(sorted(form.reading.clubs)))
    ids = sa.select(c.id).where(*where).order_by(c.submission_id, c.id)
    with db.execute(ids.execution_options(yield_per=AT_A_TIME)) as found:
        wanted = array("q", found.scalars())
    vault = vault_of(db)
    for first in range(0, len(wanted), AT_A_TIME):
        rows = db.execute(_these(db, wanted[first : first + AT_A_TIME])).all()
        for told, derived, *row in rows:
            answers = _opened(vault, told)
            yield answers if derived == "{}" else answers | _opened(vault, derived), row


def _opened(vault: Vault, text: str) -> dict[str, str]:
    answers: dict[str, str] = orjson.loads(text)
    return vault.open_answers(answers) if SIGN_IN_JSON in text else answers


def _these(db: Connection, ids: array[int]) -> sa.Select[Any]:
    c = records.c
    source = records.join(submissions, submissions.c.id == c.submission_id).join(
        submission_versions, submission_versions.c.id == c.submission_version_id
    )
    columns: list[sa.ColumnElement[Any]] = [
        *(sa.cast(one, sa.Text).label(one.name) for one in (c.answers, c.derived, c.problems)),
        *(c.happened_on, c.club_id, sa.and_(~c.held_back, c.counted_with.is_(None))),
        *(c.position, c.parent_position),
        *(submissions.c.instance_id, submissions.c.review_state),
        submission_versions.c.received_at,
    ]
    return (
        sa.select(*columns)
        .select_from(source)
        .where(listed(db, c.id, ids), submissions.c.deleted_at.is_(None))
        .order_by(c.submission_id, c.id)
    )


class _Places(Generic[T]):
    """What is made of code and name of a club and of its unit on a day; all read once."""

    def __init__(self, db: Connection, make: Callable[[Cell], T]) -> None:
        self._make = make
        self._tree = places.read_tree(db)
        self._history = places.read_history(db)
        c = entities.c
        # A club is the one kind of entity that is in itself.
        rows = db.execute(sa.select(c.uuid, c.label, c.data).where(c.uuid == c.club_id))
        self._clubs = {row.uuid: (row.data.get("club_code"), plain_name(row.label)) for row in rows}
        self._known: dict[tuple[str | None, date | None], list[T]] = {}

    def of(self, club_id: str | None, day: date | None) -> list[T]:
        """Of club code and name, unit code and name."""
        key = (club_id, day)
        if key not in self._known:
            unit = self._unit(club_id, day) if club_id and day else None
            here = [unit.code, unit.full_name] if unit else [None, None]
            cells = [*self._clubs.get(club_id or "", (None, None)), *here]
            self._known[key] = [self._make(cell) for cell in cells]
        return self._known[key]

    def _unit(self, club_id: str, day: date) -> places.Unit | None:
        unit_id = places.place_on(self._history.get(club_id, ()), day)
        return self._tree.path(self._tree.units[unit_id], day).commune if unit_id else None
