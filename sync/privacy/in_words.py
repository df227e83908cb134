"""A person's whole file as people read it: questions, choices and days in words, Vietnamese first.

What only machines read (clocks, numbers of devices, ids) is left to the JSON; others are not named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Table, to_text
from forms.days import to_vietnamese
from forms.difference import Filled, answers
from forms.entity_pages import Column, Says
from forms.instance import read_instance
from sync import accounts
from sync.browsing import LENGTH_OF_UUID, Named, Words
from sync.catalogue import AFTER_NAME
from sync.database import among
from sync.privacy.traces import Person
from sync.privacy.whole_file import File
from sync.process import read_schemas
from sync.tables import (
    entities,
    entity_lists,
    form_versions,
    forms,
    records,
    sealed_submissions,
    submission_versions,
)

if TYPE_CHECKING:
    from forms.library import Library

Say = Callable[[str], str]
Row = tuple[str, ...]

WHAT, VALUE, DAY = Says("Nội dung", "What"), Says("Ghi là", "Said"), Says("Ngày", "Day")
LIST, FORM, RECEIVED = Says("Danh sách", "List"), Says("Phiếu", "Form"), Says("Nhận lúc", "Came at")
SINCE, UNTIL = Says("Từ ngày", "Since"), Says("Đến trước ngày", "Before")
QUESTION, ANSWER = Says("Câu hỏi", "Question"), Says("Trả lời", "Answer")
HOW, WORDS = Says("Cách hỏi", "How"), Says("Bản phiếu đã đọc", "Form that was read aloud")
BY, WHEN, WHO = Says("Người ghi", "Noted by"), Says("Lúc", "When"), Says("Ai", "Who")
MORE, NAME = Says("Thêm", "More"), Says("Tên trong danh sách", "Name in the list")
FILE, SIZE = Says("Tệp", "File"), Says("Cỡ (byte)", "Size (bytes)")
ANOTHER = "(người khác)"
DETAILS = {"form": "phiếu", "request": "yêu cầu số", "reason": "lý do", "why": "theo", "list": ""}


class Part(NamedTuple):
    """One part of the file. by: its first columns, so many, are a heading of the rows below."""

    title: Says
    header: tuple[Says, ...]
    rows: list[Row]
    by: int = 0

    @property
    def blocks(self) -> list[tuple[str, list[Row]]]:
        """(heading, rows of the other columns), in order."""
        found: list[tuple[str, list[Row]]] = []
        for row in self.rows:
            heading = " · ".join(filter(None, row[: self.by]))
            if not found or found[-1][0] != heading:
                found.append((heading, []))
            found[-1][1].append(row[self.by :])
        return found


def parts(db: Connection, library: Library, person: Person, file: File, say: Say) -> list[Part]:
    """The file of `whole_file.read`, told. say: an action of the access log, in words."""
    telling = _Telling(db, library, person)
    return [
        Part(Says("Phần ghi trong danh sách", "Entries in lists"), (LIST, WHAT, VALUE),
             [*telling.entries(file["entries"])], by=1),
        Part(Says("Đã đúng từ ngày nào đến ngày nào", "What was true when"),
             (WHAT, VALUE, SINCE, UNTIL), [*telling.facts(file["facts"])]),
        Part(Says("Phiếu đã điền", "Forms that were filled in"),
             (FORM, DAY, RECEIVED, QUESTION, ANSWER), [*telling.answers()], by=3),
        Part(Says("Tệp, ảnh gửi kèm", "Files and pictures"), (FORM, FILE, SIZE),
             [*telling.files(file["files"])]),
        Part(Says("Đã nói gì về đồng ý", "Words on consent"),
             (DAY, WHAT, VALUE, HOW, WORDS, BY), [*telling.consent(file["consent"])]),
        Part(Says("Đã cho ai xem, ai lấy", "Who looked, and who took it"),
             (WHEN, WHO, WHAT, MORE), [*telling.seen(file["seen_by"], say)]),
    ]  # fmt: skip


def tables(told: Iterable[Part]) -> list[Table]:
    """A sheet for each part; every row whole."""
    return [
        Table(part.title.vi, tuple(f"{one.vi} / {one.en}" for one in part.header), part.rows)
        for part in told
    ]


@dataclass(frozen=True)
class _Telling:
    db: Connection
    library: Library
    person: Person

    def entries(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        for row in rows:
            rule = self.library.lists.get(row["list"])
            name = rule.label_vi if rule else row["list"]
            yield name, NAME.vi, row["label"]
            told = (
                (column.title.vi, self._value(column, row.get(property_name) or ""))
                for property_name, column in self._columns(row["list"], "property").items()
            )
            for title, text in dict.fromkeys(told):  # two properties may say one thing
                if text:
                    yield name, title, text

    def facts(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        for row in rows:
            column = self._columns(row["list_name"], "fact").get(row["name"])
            if column is not None and (text := self._value(column, row["value"])):
                yield column.title.vi, text, _day(row["valid_from"]), _day(row["valid_to"])

    def answers(self) -> Iterator[Row]:
        """The questions of each form as it asked them, in the order in which it happened."""
        for row, filled in self._filled():
            title, when = row.title, (_day(row.happened_on), to_text(row.received_at))
            findings = self._findings(row.xml_form_id)
            told = list(answers(filled))
            words = self._words(answer.text for answer in told)
            shown = answers(filled, show=words.show)
            for answer in shown:
                if answer.label and answer.text:
                    yield title, *when, _question(answer.path, answer.label), answer.text
            for name, text in row.derived.items():
                if name in findings and (said := self._value(findings[name], text)):
                    yield title, *when, findings[name].title.vi, said

    def files(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        titles = self._titles()
        for row in rows:
            yield titles.get(row["form"], row["form"]), row["name"], str(row["size"])

    def consent(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        consents, titles = self.library.privacy.consents, self._titles()
        columns = self._columns(self.person.list_name, "fact")
        for row in rows:
            purpose = consents.purpose(row["fact"]) if consents else None
            column = columns.get(row["fact"])
            said = column.say(row["value"]).vi if column else row["value"]
            how = [self._choice(row["form"], told, row[told]) for told in ("how", "by")]
            form = f"{titles.get(row['form'], row['form'])}, {row['version']}"
            yield (
                *(_day(row["day"]), purpose.vi if purpose else row["fact"], said),
                *(", ".join(filter(None, (*how, row["paper"]))), form, row["recorder"] or ""),
            )

    def seen(self, rows: Sequence[Mapping[str, Any]], say: Say) -> Iterator[Row]:
        names, titles = accounts.names_of(self.db, {row["who"] for row in rows}), self._titles()
        for row in rows:
            details = (self._detail(name, text, titles) for name, text in row["details"].items())
            more = ", ".join(filter(None, details))
            yield to_text(row["at"]), names.get(row["who"], row["who"]), say(row["action"]), more

    # -------------------------------------------------------------- words
    def _columns(self, list_name: str, source: str) -> dict[str, Column]:
        """What is told of a list, by name: with the words its pages have for it."""
        rules = self.library.rules_on(list_name)
        pages = [self.library.pages[one.name] for one in rules if one.name in self.library.pages]
        known = [one for page in pages for one in page.known.values()]
        known.sort(key=lambda one: one.source == source)  # of two the one of this source
        return {one.of: one for one in known}

    def _findings(self, form: str) -> dict[str, Column]:
        """What the server computed of a form and pages show."""
        sections = [one for page in self.library.pages.values() for one in page.sections]
        return {one.of: one for part in sections if part.records == form for one in part.columns}

    def _choice(self, form: str, told: str, code: str) -> str:
        consents, known = self.library.privacy.consents, self.library.forms.get(form)
        words = known.says.get(consents.told.get(told, ""), {}) if known and consents else {}
        return words[code].vi if code in words else code

    def _value(self, column: Column, text: str) -> str:
        if column.show == "entry":
            return self._words([text]).show(None, text)
        return column.say(text).vi

    def _detail(self, name: str, value: object, titles: Mapping[str, str]) -> str:
        if name not in DETAILS:
            return ""
        text = str(value)
        rule, reason = self.library.lists.get(text), self.library.privacy.reasons.get(text)
        words = {"form": titles.get(text), "list": rule.label_vi if rule else None}
        words["reason"] = reason.vi if reason else None
        return f"{DETAILS[name]} {words.get(name) or text}".strip()

    def _titles(self) -> dict[str, str]:
        rows = self.db.execute(sa.select(forms.c.xml_form_id, forms.c.title))
        return {row.xml_form_id: row.title for row in rows}

    def _words(self, texts: Iterable[str]) -> Words:
        """Names for the ids in these texts: hers, and of what is no person."""
        ids = {word.removeprefix("uuid:") for text in texts for word in text.split()}
        asked = sorted(one for one in ids if len(one) == LENGTH_OF_UUID)
        e, name = entities.c, entity_lists.c.name
        query = sa.select(name, e.uuid, e.label).join(entity_lists, entity_lists.c.id == e.list_id)
        rows = self.db.execute(query.where(among(self.db, e.uuid, asked))).all() if asked else []
        return Words(
            {
                row.uuid: Named(row.name, row.uuid, self._name(row.name, row.uuid, row.label), True)
                for row in rows
            }
        )

    def _name(self, list_name: str, uuid: str, label: str) -> str:
        privacy = self.library.privacy
        about_people = list_name == privacy.person or list_name in privacy.owns
        if about_people and uuid not in self.person.ids:
            return ANOTHER
        return label if about_people else label.partition(AFTER_NAME)[0]

    def _filled(self) -> Iterator[tuple[Any, Filled]]:
        r, v, f, s = records.c, submission_versions.c, form_versions.c, sealed_submissions.c
        query = (
            sa.select(r.happened_on, r.derived, forms.c.title, forms.c.xml_form_id, v.received_at)
            .add_columns(f.id, f.md5, sa.func.coalesce(s.xml, v.xml).label("xml"))
            .join(submission_versions, v.id == r.submission_version_id)
            .join(forms, forms.c.id == v.form_id)
            .join(
                form_versions,
                f.id == sa.func.coalesce(v.form_version_id, forms.c.current_version_id),
            )
            .outerjoin(sealed_submissions, s.submission_version_id == v.id)
            .where(r.subject_id.in_(sorted(self.person.ids)), r.table_path == "")
            .order_by(r.happened_on, v.id)
        )
        rows = self.db.execute(query).all()
        schemas = read_schemas(self.db, {row.id: row.md5 for row in rows})
        for row in rows:
            yield row, Filled(schemas[row.id], read_instance(bytes(row.xml)))


def _question(path: str, label: str) -> str:
    """In a repeat with the number of its row."""
    row = path.rpartition("/")[0]
    return f"{label} ({row.partition('[')[2].rstrip(']')})" if row.endswith("]") else label


def _day(day: date | datetime | None) -> str:
    return "" if day is None else to_vietnamese(day)
