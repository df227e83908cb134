"""Columns and languages of a form's sheets: a heading misspelt, a text that one language lacks.

The converter drops both in silence: a condition is lost, a volunteer sees a blank question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from forms import form_problems as fp
from forms.form_check import canonical, reader
from forms.problems import Problem
from forms.sheets import Row, Sheet, Sheets

# Headings whose loss changes what a phone does; a designer's own columns may be called anything
# that is not nearly one of them.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "survey": (
        *("type", "name", "label", "hint", "guidance_hint", "default", "required", "relevant"),
        *("required_message", "constraint", "constraint_message", "calculation", "read_only"),
        *("appearance", "parameters", "choice_filter", "repeat_count", "trigger", "save_to"),
        *("media", "image", "big-image", "audio", "video", "autoplay"),
    ),
    "choices": ("list_name", "name", "label", "media", "image", "audio", "video"),
    "settings": (
        *("form_id", "form_title", "version", "default_language", "instance_name"),
        *("submission_url", "public_key", "allow_choice_duplicates", "auto_send", "auto_delete"),
    ),
}
# Of the same few letters, and known for something else.
OTHERS = {
    "rows",
    "note",
    "notes",
    "body",
    "bind",
    "control",
    "instance",
    "disabled",
    "style",
    "tags",
}
TRANSLATED = {
    "survey": ("label", "hint", "guidance_hint", "constraint_message", "required_message"),
    "choices": ("label",),
}
SHORT = 5  # letters: in a longer word two slips are still the same word
_WORD = re.compile(r"[\w.-]+")


def misspelt(sheets: Sheets) -> Iterator[Problem]:
    """Headings that are nearly a column of XLSForm, and are dropped."""
    for key, known in COLUMNS.items():
        sheet = sheets.tables.get(key)
        if sheet is None:
            continue
        there = {_column(heading) for heading in sheet.header if heading}
        used = _words(sheets) if key == "choices" else set()
        for place, heading in enumerate(sheet.header):
            column = _column(heading or "")
            meant = _meant(column, known)
            if meant and meant not in there and column not in used:
                where = sheet.where(sheet.header_row, place)
                yield fp.COLUMN_MISSPELT(where, column=heading, meant=meant, sheet=sheet.name)


def _column(heading: str) -> str:
    """As `canonical`; the old single colon before a language too."""
    column = canonical(heading)
    return column if ":" not in column else canonical(column.partition(":")[0])


def _meant(column: str, known: Sequence[str]) -> str | None:
    if not column or column in known or column in OTHERS:
        return None
    for name in known:
        if name[:1] == column[:1] and _slips(column, name) <= (1 if len(name) <= SHORT else 2):
            return name
    return None


def _slips(one: str, other: str) -> int:
    """Letters missing, added, wrong or two changed about."""
    before: list[int] = []
    line = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, before, line = before, line, [i]
        for j, b in enumerate(other, start=1):
            steps = [before[j] + 1, line[j - 1] + 1, before[j - 1] + (a != b)]
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                steps.append(last[j - 2] + 1)
            line.append(min(steps))
    return line[-1]


def _words(sheets: Sheets) -> set[str]:
    """Every word of the questions: a column that a filter names is the designer's own."""
    survey = sheets.tables.get("survey")
    rows = survey.rows if survey else ()
    return {word for row in rows for cell in row.cells if cell for word in _WORD.findall(cell)}


# ------------------------------------------------------------------ languages


def untranslated(sheets: Sheets) -> Iterator[Problem]:
    """Texts that one language has and another lacks, each at its empty cell."""
    for key, columns in TRANSLATED.items():
        sheet = sheets.tables.get(key)
        if sheet is None:
            continue
        cells = reader(sheet)
        for column in columns:
            places = _languages(sheet, cells.places.get(column, ()))
            for row in sheet.rows if len(places) > 1 else ():
                if key == "choices" or cells.text(row, "type"):
                    yield from _gaps(sheet, row, column, places, cells.text(row, "name") or "")


def _languages(sheet: Sheet, places: Sequence[int]) -> dict[int, str]:
    """Place of a column -> its language, "" for the one that names none."""
    return {place: (sheet.header[place] or "").partition("::")[2].strip() for place in places}


def _gaps(
    sheet: Sheet, row: Row, column: str, places: Mapping[int, str], name: str
) -> Iterator[Problem]:
    filled = {place for place in places if place < len(row.cells) and row.cells[place]}
    for place, language in places.items():
        if filled and place not in filled:
            where = sheet.where(row.number, place)
            yield fp.TEXT_NOT_TRANSLATED(
                where, name=name, column=column, language=language or "default"
            )
