"""What differs between two versions of one filled-in form, answer by answer, in form order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from forms.flatten import flatten
from forms.instance import Instance
from forms.schema import Field, FormSchema, in_language


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `path` is where it stands: "kg", "supplies[2]/item"; a label as the form says."""

    path: str
    label: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """An answer that is not the same; None = there was, or is, none."""

    path: str
    label: str | None
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Filled:
    """An instance and the form version it is read with: two versions of it may use two."""

    schema: FormSchema
    instance: Instance


Show = Callable[[Field | None, str], str]  # an answer to a question as people read it


def as_sent(field: Field | None, text: str) -> str:
    """Codes stay codes."""
    return text


def answers(
    filled: Filled, language: str = "vi", without: Collection[str] = (), show: Show = as_sent
) -> Iterator[Answer]:
    """Every answer with its place and label; of an encrypted one, none.

    `without`: questions, or groups, whose answers are withheld; what the form does not know may be
    one of them, and is withheld too.
    """
    for answer, field in _told(filled, language, without):
        yield replace(answer, text=show(field, answer.text))


_Told = tuple[Answer, Field | None]


def _told(filled: Filled, language: str, without: Collection[str]) -> Iterator[_Told]:
    for row in flatten(filled.schema, filled.instance).rows:
        fields = {field.column: field for field in filled.schema.columns(row.table)}
        order = {column: number for number, column in enumerate(fields)}
        for column in sorted(row.answers, key=lambda one: order.get(one, len(order))):
            field = fields.get(column)
            if without and (field is None or _is_withheld(field, without)):
                continue
            label = in_language(field.labels, language) if field else None
            path = f"{row.position}/{column}" if row.position else column
            yield Answer(path, label, row.answers[column]), field


def _is_withheld(field: Field, without: Collection[str]) -> bool:
    return any(name in without for name in (*field.path, field.column))


def difference(
    old: Filled,
    new: Filled,
    language: str = "vi",
    without: Collection[str] = (),
    show: Show = as_sent,
) -> tuple[Change, ...]:
    """Rows of a repeat are compared by their place: nothing else tells one from another."""
    before = {one.path: (one, field) for one, field in _told(old, language, without)}
    after = {one.path: (one, field) for one, field in _told(new, language, without)}
    told = {**before, **after}

    def text(side: dict[str, _Told], path: str) -> str | None:
        return side[path][0].text if path in side else None

    def shown(side: dict[str, _Told], path: str) -> str | None:
        return show(side[path][1], side[path][0].text) if path in side else None

    return tuple(
        Change(path, told[path][0].label, shown(before, path), shown(after, path))
        for path in dict.fromkeys((*after, *before))
        if text(before, path) != text(after, path)
    )
