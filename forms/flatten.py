"""FormSchema + Instance to flat rows: one for the form, plus one per repeat instance."""

from __future__ import annotations

from dataclasses import dataclass

from forms.instance import Instance
from forms.problems import Problem
from forms.schema import FormSchema


@dataclass(frozen=True, slots=True)
class Row:
    """Answers of one table instance: column → text (NFC); what was not answered has no key.

    position         "" or "supplies[2]" or "a[1]/b[3]" (from 1)
    parent_position  None for the form itself, "" for a repeat of it, "a[1]" for one inside
    """

    table: str
    position: str
    parent_position: str | None
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Flat:
    """Rows (the form's own first, then in document order), files named in answers, flags."""

    rows: tuple[Row, ...]
    files: tuple[str, ...]
    problems: tuple[Problem, ...]


def flatten(schema: FormSchema, instance: Instance) -> Flat:
    """Every non-blank answer once; what the schema does not know is kept and flagged."""
    raise NotImplementedError
