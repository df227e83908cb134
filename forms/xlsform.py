"""A form's source (.xlsx, .md, .csv or a ready XForm) to the XForm phones get, through pyxform.

`compile_form` and `check` walk one way: read the tables, ask pyxform, look at every expression,
read the XForm back. Whatever the bytes are, the answer is a form or Problems with their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forms import form_check, form_problems, pyxform_says
from forms.form_columns import misspelt, untranslated
from forms.form_key import encrypted
from forms.form_problems import FormRefused
from forms.problems import Problem, Where
from forms.sheets import Sheet, Sheets, read_sheets, write_markdown, write_workbook
from forms.xform_check import Head, read_head


@dataclass(frozen=True, slots=True)
class Compiled:
    """A form ready to publish. `xform` is what phones get, byte for byte.

    `files` are made from the source itself and belong beside the form ("itemsets.csv" of an
    external_choices sheet).
    """

    xml_form_id: str
    version: str
    title: str
    xform: bytes
    source: bytes
    kind: str
    warnings: tuple[Problem, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


def compile_form(source: bytes, kind: str, name: str, public_key: str | None = None) -> Compiled:
    """The XForm of a source of kind "xlsx", "md", "csv" or "xml" (a ready XForm, kept as it is).

    `name` (the file's stem) becomes the form id when the source gives none. With a `public_key`
    (base64 DER) phones encrypt what they send, and the version carries a mark of the key.
    Raises FormRefused with every problem found, each with its sheet, row and cell where known.
    """
    compiled = _compile(source, kind, name)
    return encrypted(compiled, public_key) if public_key else compiled


def _compile(source: bytes, kind: str, name: str) -> Compiled:
    if kind == "xml":
        return _ready_xform(source)
    sheets = read_sheets(source, kind)
    problems = list(sheets.problems)
    _refuse_if_any(problems)  # a slip in reading makes others that are none
    problems += [*misspelt(sheets), *form_check.shape(sheets)]
    _refuse_if_any(problems)
    try:
        xform, files, said = _convert(sheets, name)
    except FormRefused as refused:  # a heading misspelt may be why
        raise FormRefused(in_reading_order([*problems, *refused.problems])) from refused
    problems += [*said, *form_check.doubts(sheets, name), *form_check.expressions(sheets)]
    problems += [*form_check.circles(sheets), *untranslated(sheets)]
    _refuse_if_any(problems)
    head = read_head(xform)
    problems += _too_new(sheets, head)
    return Compiled(
        xml_form_id=head.xml_form_id,
        version=head.version,
        title=head.title,
        xform=xform,
        source=source,
        kind=kind,
        warnings=in_reading_order(problems),
        files=files,
    )


def check(source: bytes, kind: str, name: str) -> list[Problem]:
    """Every problem of a form's source, in reading order; [] means flawless. Raises nothing.

    A problem of status 0 is a warning; any other refuses the form.
    """
    try:
        return list(compile_form(source, kind, name).warnings)
    except FormRefused as refused:
        return list(refused.problems)


def to_markdown(source: bytes, kind: str) -> str:
    """The source as Markdown tables that compile to the same bytes.

    FormRefused when the source cannot be read, is an XForm, or has line breaks in cells.
    """
    if kind == "md":
        return source.decode("utf-8")
    return write_markdown(_tables(source, kind))


def to_xlsx(source: bytes, kind: str) -> bytes:
    """The source as a workbook that compiles to the same bytes; FormRefused as to_markdown."""
    return source if kind == "xlsx" else write_workbook(_tables(source, kind))


def in_reading_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Refusals before warnings, then by sheet and row; the same thing said twice is said once."""
    unique = {(p.code, p.where, p.vi): p for p in problems}

    def place(problem: Problem) -> tuple[Any, ...]:
        where = problem.where
        sheet = (where and where.sheet) or ""
        return (problem.status == 0, sheet, (where and where.row) or 0, problem.code)

    return tuple(sorted(unique.values(), key=place))


def _refuse_if_any(problems: list[Problem]) -> None:
    if any(problem.status for problem in problems):
        raise FormRefused(in_reading_order(problems))


def _tables(source: bytes, kind: str) -> Sheets:
    if kind == "xml":
        raise FormRefused((form_problems.XFORM_HAS_NO_SOURCE(),))
    sheets = read_sheets(source, kind)
    _refuse_if_any(list(sheets.problems))
    return sheets


def _ready_xform(source: bytes) -> Compiled:
    head = read_head(source)
    return Compiled(
        xml_form_id=head.xml_form_id,
        version=head.version,
        title=head.title,
        xform=source,
        source=source,
        kind="xml",
        warnings=in_reading_order(list(head.problems)),
    )


def _too_new(sheets: Sheets, head: Head) -> Iterator[Problem]:
    """What some phones cannot open, at the sheet that asks for it."""
    sheet = sheets.tables.get("entities")
    where = Where(sheet.name) if sheet else None
    for problem in head.problems:
        if problem.type is form_problems.ENTITIES_TOO_NEW:
            yield problem.type(where, **problem.details)


def _convert(sheets: Sheets, name: str) -> tuple[bytes, dict[str, bytes], list[Problem]]:
    """pyxform's XForm, the files it makes, and its warnings as Problems."""
    from pyxform.errors import PyXFormError  # slow to import: only when a form is published
    from pyxform.xls2xform import convert

    try:
        result = convert(_workbook(sheets, name), validate=False, pretty_print=False)
    except PyXFormError as error:
        raise FormRefused(in_reading_order(_refusals(str(error), sheets))) from error
    except Exception as error:  # pyxform meets input its authors did not: KeyError, ExpatError …
        found = list(form_check.slips(sheets))
        said = form_problems.CONVERTER_FAILED(said=type(error).__name__)
        if isinstance(error, RecursionError):
            said = form_problems.TOO_DEEP()
        raise FormRefused(in_reading_order(found or [said])) from error
    files = {"itemsets.csv": result.itemsets.encode()} if result.itemsets else {}
    warnings = [p for text in result.warnings for p in pyxform_says.warnings(text, sheets)]
    return result.xform.encode(), files, warnings


def _refusals(said: str, sheets: Sheets) -> list[Problem]:
    """pyxform stops at its first error; our own reading adds all others, and the cells."""
    slips = list(form_check.slips(sheets))
    places = {(p.where.sheet, p.where.row) for p in slips if p.where}
    refusals = [p for p in slips if p.status]

    def is_new(problem: Problem) -> bool:
        if problem.where is None or problem.where.row is None:
            return not refusals  # we know the place, pyxform does not: it is one of ours
        return (problem.where.sheet, problem.where.row) not in places

    return slips + [p for p in pyxform_says.refusals(said, sheets) if is_new(p)]


def _workbook(sheets: Sheets, name: str) -> dict[str, Any]:
    """What pyxform's own readers would give it. Its row n is our rows[n - 2]."""
    book: dict[str, Any] = {"sheet_names": list(sheets.names), "fallback_form_name": name}
    for key, sheet in sheets.tables.items():
        book[key] = [_as_dict(sheet, row.cells) for row in sheet.rows]
        book[f"{key}_header"] = [{h: None for h in sheet.header if h is not None}]
    return book


def _as_dict(sheet: Sheet, cells: tuple[str | None, ...]) -> dict[str, str]:
    pairs = zip(sheet.header, cells, strict=False)
    return {h: text for h, text in pairs if h is not None and text is not None}
