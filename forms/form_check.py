"""What is wrong with the tables of a form, cell by cell: our own reading beside pyxform's.

`shape` runs before pyxform (what it would lose or choke on), `slips` after it refused (it stops
at its first error and seldom knows the cell), `doubts`, `expressions` and `circles` after it
agreed (it reads no XPath).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from forms import form_problems as fp
from forms.expressions import REFERENCE, expression_problems
from forms.problems import Problem, Where
from forms.sheets import Row, Sheet, Sheets

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_NAME = re.compile(r"[^\W\d][\w.-]*")
_BEGIN = re.compile(r"begin[ _](group|repeat|loop|lgroup)\b", re.IGNORECASE)
_END = re.compile(r"end[ _](group|repeat|loop|lgroup)\b", re.IGNORECASE)
_SELECT = re.compile(
    r"(select_one|select_multiple|select one|select multiple|select1|rank"
    r"|select all that apply|select one from|select all that apply from)(?:\s+(.*))?"
)
_FROM_FILE = re.compile(
    r"(select_one|select_multiple|select one|select multiple)[ _]from[ _]file\b"
)
_FILE_SUFFIXES = (".csv", ".xml", ".geojson")

# Headings that mean the same column.
_SAME = {
    "relevance": "relevant",
    "bind::relevant": "relevant",
    "bind::constraint": "constraint",
    "calculate": "calculation",
    "bind::calculate": "calculation",
    "bind::required": "required",
    "readonly": "read_only",
    "bind::readonly": "read_only",
    "count": "repeat_count",
    "caption": "label",
    "command": "type",
    "tag": "name",
    "value": "name",
    "list": "list_name",
    "dataset": "list_name",
    "set_form_id": "form_id",
    "id_string": "form_id",
    "bind::entities:saveto": "save_to",
}
EXPRESSION_COLUMNS = {
    "survey": (
        "relevant",
        "constraint",
        "calculation",
        "required",
        "read_only",
        "choice_filter",
        "repeat_count",
    ),
    "entities": ("label", "entity_id", "create_if", "update_if"),
    "settings": ("instance_name",),
}
MOST_TOLD = 8  # names of a circle
_YES_NO = {"yes", "no", "true", "false", "true()", "false()"}
_SILENT_TYPES = {"calculate", "hidden", "xml-external", "csv-external", "background-audio"}


def shape(sheets: Sheets) -> Iterator[Problem]:
    """What pyxform would lose in silence, or meet with a traceback."""
    survey = sheets.tables.get("survey")
    if survey is not None and not survey.header and survey.name.strip().lower() == "survey":
        yield fp.NO_QUESTIONS(Where(survey.name))
    elif survey is None or not survey.header:
        found = ", ".join(sheets.names) or "–"
        close = [name for name in sheets.names if get_close_matches("survey", [name.lower()])]
        near = fp.did_you_mean(close[0] if close else "", close)
        yield fp.NO_SURVEY(sheet_hint(sheets), found=found, **near)
    elif not any(any(row.cells) for row in survey.rows):
        yield fp.NO_QUESTIONS(survey.where(survey.header_row))
    for sheet in sheets.tables.values():
        yield from _headers(sheet)
        yield from _stray_cells(sheet)
        yield from _control_characters(sheet)
    for key, columns in (("survey", ("type",)), ("choices", ("list_name", "name"))):
        if key in sheets.tables and sheets.tables[key].header:
            yield from _required_columns(sheets.tables[key], columns)


def sheet_hint(sheets: Sheets) -> Where | None:
    """With a single sheet there is only one place to look at."""
    return Where(sheets.names[0]) if len(sheets.names) == 1 else None


def _headers(sheet: Sheet) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, heading in enumerate(sheet.header):
        if heading is None:
            continue
        if heading.lower() in seen:
            yield fp.DUPLICATE_COLUMN(sheet.where(sheet.header_row, place), column=heading)
        seen.add(heading.lower())


def _stray_cells(sheet: Sheet) -> Iterator[Problem]:
    named = {place for place, heading in enumerate(sheet.header) if heading is not None}
    for row in sheet.rows:
        for place, text in enumerate(row.cells):
            if text is not None and place not in named:
                yield fp.CELL_OUTSIDE_HEADER(sheet.where(row.number, place))


def _control_characters(sheet: Sheet) -> Iterator[Problem]:
    for number, cells in [
        (sheet.header_row, sheet.header),
        *((r.number, r.cells) for r in sheet.rows),
    ]:
        for place, text in enumerate(cells):
            bad = _CONTROL.search(text) if text else None
            if bad:
                where = sheet.where(number, place)
                yield fp.CONTROL_CHARACTER(where, number=f"U+{ord(bad[0]):04X}")


def _required_columns(sheet: Sheet, columns: tuple[str, ...]) -> Iterator[Problem]:
    there = {canonical(heading) for heading in sheet.header if heading}
    for column in columns:
        if column not in there:
            yield fp.MISSING_COLUMN(sheet.where(sheet.header_row), sheet=sheet.name, column=column)


# ------------------------------------------------------------------ cells by column


def canonical(heading: str) -> str:
    """The column a heading means: "Bind::Relevant" is relevant, "label::English (en)" label."""
    name = "_".join(heading.lower().split())
    if name in _SAME:
        return _SAME[name]
    name = name.partition("::")[0]
    return _SAME.get(name, name)


@dataclass(frozen=True, slots=True)
class Reader:
    """Cells of one sheet by column name."""

    sheet: Sheet
    places: Mapping[str, tuple[int, ...]]

    def text(self, row: Row, column: str) -> str | None:
        """The first filled cell of a column (in any language)."""
        for place in self.places.get(column, ()):
            if place < len(row.cells) and row.cells[place]:
                return row.cells[place]
        return None

    def where(self, row: Row, column: str) -> Where:
        places = self.places.get(column)
        return self.sheet.where(row.number, places[0] if places else None)


def reader(sheet: Sheet) -> Reader:
    places: dict[str, tuple[int, ...]] = {}
    for place, heading in enumerate(sheet.header):
        if heading is not None:
            column = canonical(heading)
            places[column] = (*places.get(column, ()), place)
    return Reader(sheet, places)


# ------------------------------------------------------------------ after pyxform agreed


def doubts(sheets: Sheets, name: str) -> Iterator[Problem]:
    """What works, and is likely not meant. A form without version is a trap at its first change."""
    yield from _settings(sheets, name)
    if "choices" in sheets.tables:
        cells = reader(sheets.tables["choices"])
        for row in cells.sheet.rows:
            if cells.text(row, "list_name") is None and cells.text(row, "name") is not None:
                yield fp.CHOICE_NO_LIST(cells.where(row, "list_name"))


def _settings(sheets: Sheets, name: str) -> Iterator[Problem]:
    sheet = sheets.tables.get("settings")
    cells = reader(sheet) if sheet else None
    row = next((r for r in sheet.rows if any(r.cells)), None) if sheet else None
    here = sheet.where(row.number) if sheet and row else None
    if cells is None or row is None or not cells.text(row, "form_id"):
        yield fp.NO_FORM_ID(here, name=name)
    if cells is None or row is None or not cells.text(row, "version"):
        yield fp.NO_VERSION(here)
    url = cells.text(row, "submission_url") if cells and row else None
    if cells and row and url:
        yield fp.SUBMISSION_URL(cells.where(row, "submission_url"), url=url)


def expressions(sheets: Sheets) -> Iterator[Problem]:
    """Every expression of the form that is not XPath."""
    for key, columns in EXPRESSION_COLUMNS.items():
        sheet = sheets.tables.get(key)
        if sheet is None:
            continue
        cells = reader(sheet)
        for row in sheet.rows:
            if key == "survey" and cells.text(row, "type") is None:
                continue  # a row of notes
            for column in columns:
                for place in cells.places.get(column, ()):
                    text = row.cells[place] if place < len(row.cells) else None
                    if text and text.lower() not in _YES_NO:
                        where = sheet.where(row.number, place)
                        yield from expression_problems(text, column, where)


def circles(sheets: Sheets) -> Iterator[Problem]:
    """Questions whose calculation or relevance needs itself, by way of others or at once."""
    cells = reader(sheets.tables["survey"])
    rows = {row.number: row for row in cells.sheet.rows}
    try:
        TopologicalSorter(_dependencies(cells)).prepare()
    except CycleError as error:
        circle: list[int] = error.args[1][::-1]  # it goes from the needed to the needing
        names = [cells.text(rows[number], "name") or "" for number in circle[:MOST_TOLD]]
        names += ["…"] if len(circle) > MOST_TOLD else []
        yield fp.CIRCLE(cells.where(rows[circle[0]], "name"), names=" → ".join(names))


def _dependencies(cells: Reader) -> dict[int, set[int]]:
    """For each row, by number, the rows it cannot be settled without: references, and its group."""
    named: dict[str, int] = {}
    needs: dict[int, set[str]] = {}
    group_of: dict[int, int] = {}
    groups: list[int] = []
    for row in cells.sheet.rows:
        kind, name = cells.text(row, "type") or "", cells.text(row, "name")
        if _END.match(kind):
            del groups[-1:]
        elif name:
            named.setdefault(name, row.number)
            texts = (cells.text(row, "calculation"), cells.text(row, "relevant"))
            needs[row.number] = {name for text in texts for name in _needs(text or "")}
            if groups:
                group_of[row.number] = groups[-1]
            if _BEGIN.match(kind):
                groups.append(row.number)
    found = {number: {named[n] for n in names if n in named} for number, names in needs.items()}
    for number, group in group_of.items():
        found[number].add(group)
    return found


def _needs(expression: str) -> list[str]:
    """Names an expression needs. One that looks at other turns of a repeat needs no circle."""
    if "[" in expression or "indexed-repeat" in expression:
        return []
    plain = REFERENCE.sub(lambda m: "" if "last-saved#" in m[0] else m[0], expression)
    return [match[1] for match in REFERENCE.finditer(plain)]


# ------------------------------------------------------------------ after pyxform refused


def slips(sheets: Sheets) -> Iterator[Problem]:
    """Everything in the tables that a designer must mend, each with its cell."""
    survey = sheets.tables.get("survey")
    if survey is None:
        return
    yield from _SurveyReading(sheets, reader(survey)).problems()
    if "choices" in sheets.tables:
        yield from _choices(sheets, reader(sheets.tables["choices"]))
    yield from _references(sheets)
    yield from expressions(sheets)


@dataclass(slots=True)
class _Container:
    kind: str
    name: str
    row: Row | None
    names: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _SurveyReading:
    """Walks the survey row by row with a stack of open groups."""

    sheets: Sheets
    cells: Reader
    stack: list[_Container] = field(default_factory=lambda: [_Container("survey", "", None)])

    def problems(self) -> Iterator[Problem]:
        lists = set(_lists(self.sheets))
        for row in self.cells.sheet.rows:
            if any(row.cells):
                yield from self._row(row, lists)
        for container in self.stack[1:]:
            assert container.row is not None
            where = self.cells.where(container.row, "type")
            yield fp.NOT_CLOSED(where, name=container.name, kind=container.kind)

    def _row(self, row: Row, lists: set[str]) -> Iterator[Problem]:
        kind = self.cells.text(row, "type")
        name = self.cells.text(row, "name")
        if kind is None:
            if name or self.cells.text(row, "label"):
                yield fp.NO_TYPE(self.cells.where(row, "type"))
            return
        if _END.match(kind):
            yield from self._end(row, kind)
            return
        yield from self._name(row, kind, name)
        begin = _BEGIN.match(kind)
        if begin:
            self.stack.append(_Container(begin[1].lower(), name or "", row))
            return
        yield from self._type(row, kind, lists)
        yield from self._label(row, kind, name)

    def _end(self, row: Row, kind: str) -> Iterator[Problem]:
        end = _END.match(kind)
        assert end is not None
        ends, where, top = end[1].lower(), self.cells.where(row, "type"), self.stack[-1]
        if top.row is None:
            yield fp.NOT_OPENED(where, kind=ends)
            return
        if top.kind != ends:
            yield fp.WRONG_END(
                where, kind=ends, expected=top.kind, name=top.name, first=top.row.number
            )
        self.stack.pop()

    def _name(self, row: Row, kind: str, name: str | None) -> Iterator[Problem]:
        where = self.cells.where(row, "name")
        if name is None:
            if kind not in ("note", "audit"):
                yield fp.NO_NAME(where)
            return
        if not _NAME.fullmatch(name):
            yield fp.BAD_NAME(where, name=name)
        names = self.stack[-1].names
        if name in names:
            yield fp.DUPLICATE_NAME(where, name=name, first=names[name])
        names.setdefault(name, row.number)

    def _type(self, row: Row, kind: str, lists: set[str]) -> Iterator[Problem]:
        where = self.cells.where(row, "type")
        if _FROM_FILE.match(kind):
            filename = kind.split()[-1]
            if not filename.endswith(_FILE_SUFFIXES) and "${" not in kind:
                yield fp.BAD_FILE_LIST(where)
            return
        select = _SELECT.fullmatch(kind)
        if select:
            yield from self._list(where, select[2], lists)
        elif not _is_type(kind):
            yield fp.UNKNOWN_TYPE(where, type=kind, **fp.did_you_mean(kind, _types()))

    def _list(self, where: Where, rest: str | None, lists: set[str]) -> Iterator[Problem]:
        name = (rest or "").split(" ")[0]
        if not name:
            yield fp.SELECT_WITHOUT_LIST(where)
        elif "choices" not in self.sheets.tables and "${" not in name:
            yield fp.NO_CHOICES_SHEET(where)
        elif name not in lists and "${" not in name and not name.endswith(_FILE_SUFFIXES):
            yield fp.LIST_NOT_FOUND(where, list=name, **fp.did_you_mean(name, lists))

    def _label(self, row: Row, kind: str, name: str | None) -> Iterator[Problem]:
        if kind == "calculate":
            if not self.cells.text(row, "calculation") and not self.cells.text(row, "default"):
                yield fp.NO_CALCULATION(self.cells.where(row, "calculation"))
            return
        shown = any(
            self.cells.text(row, column)
            for column in (
                "label",
                "hint",
                "image",
                "audio",
                "video",
                "media",
                "calculation",
                "trigger",
            )
        )
        if not shown and _is_type(kind, asked=True):
            yield fp.NO_LABEL(self.cells.where(row, "label"), name=name or "")


def _types() -> Mapping[str, Mapping[str, object]]:
    from pyxform.question_type_dictionary import QUESTION_TYPE_DICT

    types: Mapping[str, Mapping[str, object]] = QUESTION_TYPE_DICT
    return types


def _is_type(kind: str, *, asked: bool = False) -> bool:
    """A type pyxform knows; with `asked`, one that shows a control (start, deviceid … do not)."""
    from pyxform.aliases import _type_alias_map, settings_header

    if _SELECT.fullmatch(kind) or _FROM_FILE.match(kind):
        return True
    known = _types().get(_type_alias_map.get(kind, kind))
    if asked:
        return known is not None and "control" in known and kind not in _SILENT_TYPES
    others = kind.startswith(("osm", "select_one_external")) or kind in settings_header
    return known is not None or others or kind in _SILENT_TYPES or kind == "audit"


def _lists(sheets: Sheets) -> Iterator[str]:
    if "choices" in sheets.tables:
        cells = reader(sheets.tables["choices"])
        for row in cells.sheet.rows:
            name = cells.text(row, "list_name")
            if name:
                yield name


def _choices(sheets: Sheets, cells: Reader) -> Iterator[Problem]:
    multiple = set(_lists_of_select_multiple(sheets))
    duplicates = _allows_duplicates(sheets)
    seen: dict[tuple[str, str], int] = {}
    for row in cells.sheet.rows:
        if not any(row.cells):
            continue
        list_name, name = cells.text(row, "list_name"), cells.text(row, "name")
        if list_name is None:
            continue
        where = cells.where(row, "name")
        if name is None:
            yield fp.CHOICE_NO_NAME(where)
            continue
        if " " in name and list_name in multiple:
            yield fp.CHOICE_WITH_SPACE(where, name=name)
        first = seen.setdefault((list_name, name), row.number)
        if first != row.number and not duplicates:
            yield fp.CHOICE_DUPLICATE(where, name=name, list=list_name, first=first)


def _lists_of_select_multiple(sheets: Sheets) -> Iterator[str]:
    cells = reader(sheets.tables["survey"])
    for row in cells.sheet.rows:
        kind = cells.text(row, "type") or ""
        if kind.startswith(("select_multiple ", "select multiple ", "select all that apply ")):
            yield kind.split()[-1]


def _allows_duplicates(sheets: Sheets) -> bool:
    if "settings" not in sheets.tables:
        return False
    cells = reader(sheets.tables["settings"])
    return any(
        (cells.text(row, "allow_choice_duplicates") or "").lower() in ("yes", "true", "true()")
        for row in cells.sheet.rows
    )


def _references(sheets: Sheets) -> Iterator[Problem]:
    """${…} in any cell that names no question, or several, or is not closed."""
    survey = reader(sheets.tables["survey"])
    names = Counter(filter(None, (survey.text(row, "name") for row in survey.sheet.rows)))
    known = {*names, "instanceID", "instanceName"}
    for key in ("survey", "choices", "entities", "settings"):
        sheet = sheets.tables.get(key)
        if sheet is None:
            continue
        places = reader(sheet).places
        ignored = {*places.get("type", ()), *places.get("name", ())}
        for row in sheet.rows:
            for place, text in enumerate(row.cells):
                if text and "${" in text and place not in ignored:
                    yield from _cell_references(text, sheet.where(row.number, place), known, names)


def _cell_references(
    text: str, where: Where, known: set[str], names: Counter[str]
) -> Iterator[Problem]:
    for match in REFERENCE.finditer(text):
        name = match[1]
        if not _NAME.fullmatch(name) or match[0] != match[0].replace(" ", ""):
            yield fp.BAD_REFERENCE(where, text=match[0])
        elif name not in known:
            yield fp.UNKNOWN_REFERENCE(where, name=name, **fp.did_you_mean(name, known))
        elif names[name] > 1:
            yield fp.AMBIGUOUS_REFERENCE(where, name=name)
    if "${" in REFERENCE.sub("", text):
        start = text.rindex("${")
        yield fp.BAD_REFERENCE(where, text=text[start : start + 20])
