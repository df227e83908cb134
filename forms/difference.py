"""What differs between two versions of one filled-in form, answer by answer, in form order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forms.flatten import flatten
from forms.instance import Instance
from forms.schema import FormSchema, in_language


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


def answers(filled: Filled, language: str = "vi") -> Iterator[Answer]:
    """Every answer with its place and label; of an encrypted one, none."""
    for row in flatten(filled.schema, filled.instance).rows:
        fields = {field.column: field for field in filled.schema.columns(row.table)}
        order = {column: number for number, column in enumerate(fields)}
        for column in sorted(row.answers, key=lambda one: order.get(one, len(order))):
            field = fields.get(column)
            label = in_language(field.labels, language) if field else None
            path = f"{row.position}/{column}" if row.position else column
            yield Answer(path, label, row.answers[column])


def difference(old: Filled, new: Filled, language: str = "vi") -> tuple[Change, ...]:
    """Rows of a repeat are compared by their place: nothing else tells one from another."""
    before = {one.path: one for one in answers(old, language)}
    after = {one.path: one for one in answers(new, language)}
    changed = [
        Change(path, one.label, before[path].text if path in before else None, one.text)
        for path, one in after.items()
        if path not in before or before[path].text != one.text
    ]
    gone = [
        Change(path, one.label, one.text, None) for path, one in before.items() if path not in after
    ]
    return (*changed, *gone)
