"""What pyxform says, as Problems in our words and with the cell.

Its catalogue comes first, then its free text. It often raises a message already filled in, so a
message is recognised by the template of the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from forms import form_problems as fp
from forms.form_check import canonical, reader
from forms.problems import Problem, ProblemType, Where
from forms.sheets import Row, Sheet, Sheets

# pyxform.errors.ErrorCode by name, or by the part before the number for all others of a kind.
CATALOGUE: dict[str, ProblemType] = {
    "ENTITY_001": fp.ENTITY_NO_SHEET,
    "ENTITY_002": fp.SAVE_TO_TWICE,
    "ENTITY_003": fp.SAVE_TO_ON_GROUP,
    "ENTITY_004": fp.SAVE_TO_LIST,
    "ENTITY_005": fp.ENTITY_NO_LABEL,
    "ENTITY_006": fp.ENTITY_CONDITIONS,
    "ENTITY_007": fp.ENTITY_CONDITIONS,
    "ENTITY_008": fp.SAVE_TO_LIST,
    "ENTITY_009": fp.ENTITY_SCOPE,
    "ENTITY_011": fp.ENTITY_SCOPE,
    "ENTITY_012": fp.ENTITY_SCOPE,
    "ENTITY_013": fp.SAVE_TO_LIST,
    "HEADER_002": fp.DUPLICATE_COLUMN,
    "HEADER_003": fp.MISSING_COLUMN,
    "HEADER_004": fp.COLUMN_IGNORED,
    "HEADER_005": fp.ENTITY_COLUMN,
    "LABEL_001": fp.CHOICE_NO_LABEL,
    "NAMES_001": fp.DUPLICATE_NAME,
    "NAMES_002": fp.NAME_DIFFERS_BY_CASE,
    "NAMES_003": fp.REPEAT_NAME,
    "NAMES_004": fp.REPEAT_NAME,
    "NAMES_005": fp.RESERVED_NAME,
    "NAMES_006": fp.CHOICE_NO_NAME,
    "NAMES_007": fp.CHOICE_DUPLICATE,
    "NAMES_008": fp.BAD_NAME,
    "NAMES_009": fp.BAD_NAME,
    "NAMES_010": fp.ENTITY_NAME,
    "NAMES_011": fp.ENTITY_NAME,
    "NAMES_012": fp.ENTITY_NAME,
    "NAMES_013": fp.SHEET_MISSPELT,
    "NAMES_014": fp.ENTITY_NAME,
    "NAMES_015": fp.ENTITY_NAME,
    "PYREF_001": fp.BAD_REFERENCE,
    "PYREF_002": fp.BAD_REFERENCE,
    "PYREF_003": fp.UNKNOWN_REFERENCE,
    "PYREF_004": fp.AMBIGUOUS_REFERENCE,
    "RANGE": fp.BAD_RANGE,
    "SURVEY_001": fp.NOT_OPENED,
    "SURVEY_002": fp.NOT_CLOSED,
    "SURVEY_005": fp.BAD_PARAMETER_NAMES,
    "SURVEY": fp.BAD_PARAMETERS,
}

# Messages pyxform writes outside its catalogue. Named groups become details.
FREE_TEXT: tuple[tuple[str, ProblemType], ...] = (
    (r"You must have a sheet named 'survey'", fp.NO_SURVEY),
    (r"Question with no type", fp.NO_TYPE),
    (r"Question or group with no name", fp.NO_NAME),
    (r"survey element named '(?P<name>[^']*)' has no label or hint", fp.NO_LABEL),
    (r"Unknown question type '(?P<type>[^']*)'", fp.UNKNOWN_TYPE),
    (r"List name not in (?:external )?(?:choices|columns) sheet: (?P<list>\S+)", fp.LIST_NOT_FOUND),
    (r"There should be a choices sheet", fp.NO_CHOICES_SHEET),
    (r"There should be an external_choices sheet", fp.NO_EXTERNAL_CHOICES),
    (r"Missing calculation", fp.NO_CALCULATION),
    (r"Choice names with spaces .* See \[(?P<name>[^\]]*)\]", fp.CHOICE_WITH_SPACE),
    (r"File name for '.*' should end with", fp.BAD_FILE_LIST),
    (r"Audits must always be named", fp.BAD_AUDIT),
    (r"location information in the audit", fp.BAD_AUDIT),
    (r"There is no survey element named '(?P<name>[^']*)'", fp.UNKNOWN_REFERENCE),
    (r"There are multiple survey elements named '(?P<name>[^']*)'", fp.AMBIGUOUS_REFERENCE),
    (r"used as a calculation trigger for question \$\{(?P<name>[^}]*)\}", fp.BAD_TRIGGER),
    (r"background-geopoint", fp.BAD_TRIGGER),
    (r"Use the max-pixels parameter", fp.PHOTO_SIZE),
    (r"[Pp]arameter|must have an integer value|must be set to", fp.BAD_PARAMETERS),
    (r"Duplicate column header: (?P<column>.+)", fp.DUPLICATE_COLUMN),
    (r"Repeat has no label", fp.REPEAT_NO_LABEL),
    (r"Row without name, text, or label is being skipped", fp.ROW_SKIPPED),
    (r"language declarations do not contain .*?codes: (?P<languages>.*)\. Learn", fp.LANGUAGE_CODE),
    (
        r"Language '(?P<language>[^']*)' is missing the (?P<sheet>\w+) (?:columns )?"
        r"(?P<column>.+?)(?: column)?\.\Z",
        fp.MISSING_TRANSLATION,
    ),
)

_ROW = re.compile(r"\[row : (\d+)\]")
_SHEET = re.compile(r"(?:On the|sheet:) '(\w+)'")
_COLUMN = re.compile(r"the '([^']+)' value")
_LEAD = re.compile(
    r"^\[row : \w+\]\s*(?:On the '\w+' sheet, )?(?:the '[^']*' value is invalid\.\s*)?"
)

# Where a free-text message that names no column points to.
_COLUMN_OF = {
    fp.NO_TYPE: "type",
    fp.NO_NAME: "name",
    fp.NO_LABEL: "label",
    fp.UNKNOWN_TYPE: "type",
    fp.LIST_NOT_FOUND: "type",
    fp.NO_CALCULATION: "calculation",
    fp.BAD_FILE_LIST: "type",
    fp.BAD_PARAMETERS: "parameters",
    fp.NOT_OPENED: "type",
    fp.NOT_CLOSED: "type",
    fp.PHOTO_SIZE: "parameters",
    fp.BAD_AUDIT: "name",
    fp.BAD_TRIGGER: "trigger",
    fp.ENTITY_NO_LABEL: "label",
    fp.ENTITY_CONDITIONS: "entity_id",
    fp.ENTITY_SCOPE: "list_name",
    fp.REPEAT_NO_LABEL: "label",
    fp.NAME_DIFFERS_BY_CASE: "name",
    fp.DUPLICATE_NAME: "name",
}
# Details each sentence needs, in case pyxform gives none.
_DETAILS = ("name", "first", "list", "type", "kind", "text", "column", "sheet")


def refusals(said: str, sheets: Sheets) -> list[Problem]:
    """What an error of pyxform means; a message may hold several lines, each about its own row."""
    lines = said.split("\n")
    parts = lines if all(_ROW.match(line) for line in lines) else [said]
    return [_refusal(part, sheets) for part in parts]


def warnings(said: str, sheets: Sheets) -> Iterator[Problem]:
    """What a warning of pyxform means; translations come as one text with a line per language."""
    several = said.startswith("Language '")
    for part in said.split("\n") if several else [said]:
        kind, details = _recognise(part)
        if kind is None or kind.status:
            kind, details = fp.NOTICE, {}
        yield _problem(kind, details, part, sheets)


def _refusal(said: str, sheets: Sheets) -> Problem:
    kind, details = _recognise(said)
    if kind is None or not kind.status:
        kind, details = fp.OTHER, {}
    return _problem(kind, details, said, sheets)


def _problem(kind: ProblemType, details: dict[str, str], said: str, sheets: Sheets) -> Problem:
    sheet, row = _row(kind, said, details.get("name"), sheets)
    column = _COLUMN.search(said)
    cells = reader(sheet) if sheet else None
    place = canonical(column[1]) if column else _COLUMN_OF.get(kind, "")
    text = cells.text(row, place) if cells and row else None
    if cells and row:
        where: Where | None = cells.where(row, place)
    else:
        where = Where(sheet.name) if sheet else None
    if "first" in details and sheet:
        details["first"] = str(_numbered(sheet, details["first"]))
    defaults = dict.fromkeys(_DETAILS, text or "?") | {
        "found": ", ".join(sheets.names) or "–",
        "hint_vi": "",
        "hint_en": "",
        "said": _LEAD.sub("", said),
    }
    return kind(where, **(defaults | details))


def _recognise(said: str) -> tuple[ProblemType | None, dict[str, str]]:
    for name, pattern in _templates():
        match = pattern.search(said)
        if match:
            kind = CATALOGUE.get(name) or CATALOGUE.get(name.partition("_")[0])
            return kind, _renamed(match.groupdict())
    for text, kind in FREE_TEXT:
        match = re.search(text, said, re.DOTALL)
        if match:
            return kind, match.groupdict()
    return None, {}


@cache
def _templates() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The catalogue's messages as patterns; {row} and the like become groups."""
    from pyxform.errors import ErrorCode

    found = []
    for code in ErrorCode:
        parts = re.split(r"(?<!\{)\{(\w+)\}(?!\})", code.value.msg)
        pattern = ""
        for i, part in enumerate(parts):
            if i % 2 == 0:
                pattern += re.escape(part.replace("{{", "{").replace("}}", "}"))
            else:  # a group's name may stand once only
                pattern += f"(?P<{part}>.*?)" if part not in parts[1:i:2] else ".*?"
        found.append((code.name, re.compile(pattern + r"\Z", re.DOTALL)))
    return tuple(found)


def _renamed(groups: dict[str, str]) -> dict[str, str]:
    """pyxform's words for details in ours."""
    words = {
        "value": "name",
        "q": "name",
        "type": "kind",
        "sheet_name": "sheet",
        "missing": "column",
        "header": "column",
        "candidates": "found",
        "dataset": "list",
        "saveto": "name",
        "other_row": "first",
    }
    return {words.get(k, k): v for k, v in groups.items() if v is not None and k != "row"}


def _row(
    kind: ProblemType, said: str, name: str | None, sheets: Sheets
) -> tuple[Sheet | None, Row | None]:
    """The sheet and row a message is about: by its number, or by the name of the question."""
    sheet_name = _SHEET.search(said)
    sheet = sheets.tables.get(sheet_name[1].lower() if sheet_name else "survey")
    number = _ROW.search(said)
    if sheet is None:
        return None, None
    if number is not None:
        at = int(number[1]) - 2  # pyxform counts the header as row 1
        if at == -1 and sheet.rows:
            at = 0 if kind is fp.BAD_NAME else at  # of the settings it means their only row
        if 0 <= at < len(sheet.rows):
            return sheet, sheet.rows[at]
        return sheet, Row(sheet.header_row, sheet.header)
    if sheet_name is not None:
        return sheet, None
    cells = reader(sheet)
    named = (row for row in sheet.rows if name and cells.text(row, "name") == name)
    row = next(named, None)
    return (sheet, row) if row else (None, None)


def _numbered(sheet: Sheet, pyxform_row: str) -> int | str:
    at = int(pyxform_row) - 2 if pyxform_row.isdigit() else -1
    return sheet.rows[at].number if 0 <= at < len(sheet.rows) else pyxform_row
