"""A form's source becomes an XForm, or what is wrong with it: sheet, row, cell, two languages."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forms import form_check
from forms.form_problems import FormRefused
from forms.problems import Problem
from forms.sheets import read_sheets
from forms.xlsform import check, compile_form, to_markdown, to_xlsx

LIBRARY = Path(__file__).parents[2] / "forms" / "library"
LIBRARY_FORMS = sorted(p for p in LIBRARY.glob("*/*.md") if p.stem != "README")

FORM = """\
# Prose around the tables is ignored

| survey |
| | type | name | label::Tiếng Việt (vi) | label::English (en) | relevant | constraint |
|---|---|---|---|---|---|---|
| | text | full_name | Họ và tên | Full name | | |
| | select_one yes_no | member | Là hội viên? | A member? | ${full_name} != '' | |
| | integer | age | Tuổi | Age | ${member} = 'yes' | . > 0 and . < 120 |

| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) |
| | yes_no | yes | Có | Yes |
| | yes_no | no | Không | No |

| settings |
| | form_id | form_title | version | default_language |
| | trial | Phiếu thử | 7 | Tiếng Việt (vi) |
"""


def refusals(source: str | bytes, kind: str = "md") -> list[Problem]:
    data = source.encode() if isinstance(source, str) else source
    return [p for p in check(data, kind, "trial") if p.status]


def place(problem: Problem) -> tuple[str | None, str | None]:
    where = problem.where
    return (where.sheet, where.cell) if where else (None, None)


Edit = Callable[[openpyxl.Workbook], None]


def workbook(edit: Edit | None = None) -> bytes:
    """FORM as .xlsx, as a person would save it after an edit."""
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(FORM.encode(), "md")))
    if edit:
        edit(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# ------------------------------------------------------------------ good forms


def test_a_form_is_compiled_with_its_id_version_and_title() -> None:
    form = compile_form(FORM.encode(), "md", "x")
    assert (form.xml_form_id, form.version, form.title) == ("trial", "7", "Phiếu thử")
    assert form.warnings == ()
    assert form.source == FORM.encode()
    assert "Họ và tên".encode() in form.xform


@pytest.mark.parametrize("path", LIBRARY_FORMS, ids=lambda p: str(p.stem))
def test_a_library_form_is_the_same_whatever_it_is_written_in(path: Path) -> None:
    source = path.read_bytes()
    form = compile_form(source, "md", "x")
    assert form.warnings == ()
    book = to_xlsx(source, "md")
    text = to_markdown(book, "xlsx").encode()
    assert compile_form(book, "xlsx", "x").xform == form.xform
    assert compile_form(text, "md", "x").xform == form.xform


@pytest.mark.parametrize("path", LIBRARY_FORMS, ids=lambda p: str(p.stem))
def test_our_reading_agrees_with_pyxforms_own(path: Path) -> None:
    from pyxform.xls2xform import convert

    source = path.read_bytes()
    book = to_xlsx(source, "md")
    ours = compile_form(source, "md", "data").xform.decode()
    assert convert(source, file_type=".md").xform == ours
    assert convert(book, file_type=".xlsx").xform == ours


@pytest.mark.parametrize("path", LIBRARY_FORMS, ids=lambda p: str(p.stem))
def test_the_search_for_slips_finds_none_in_a_good_form(path: Path) -> None:
    sheets = read_sheets(path.read_bytes(), "md")
    assert list(form_check.slips(sheets)) == []
    assert list(form_check.circles(sheets)) == []


def test_the_same_source_gives_the_same_bytes_in_every_process() -> None:
    program = (
        "import sys, hashlib; from forms.xlsform import compile_form;"
        "print(hashlib.sha256(compile_form(sys.stdin.buffer.read(), 'md', 'x').xform).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=FORM.encode(),
            capture_output=True,
            check=True,
            cwd=LIBRARY.parents[1],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_csv_is_read_too_with_or_without_excels_byte_order_mark() -> None:
    text = (
        "survey,,,\r\n,type,name,label\r\n,text,a,Tên\r\n"
        "settings,,,\r\n,form_id,version,\r\n,trial,1,\r\n"
    )
    plain = compile_form(text.encode(), "csv", "x")
    assert plain.xml_form_id == "trial"
    assert compile_form(text.encode("utf-8-sig"), "csv", "x").xform == plain.xform


def test_pipes_and_numbers_survive_the_round_trip() -> None:
    form = FORM.replace("Họ và tên", r"Họ \| tên").replace(". > 0", r"regex(., 'a\\|b') or . > 0")
    compiled = compile_form(form.encode(), "md", "x")
    assert b"H\xe1\xbb\x8d | t" in compiled.xform
    book = to_xlsx(form.encode(), "md")
    again = to_markdown(book, "xlsx")
    assert r"Họ \| tên" in again
    assert compile_form(again.encode(), "md", "x").xform == compiled.xform


def test_a_line_break_keeps_a_workbook_from_becoming_markdown_and_the_cell_is_named() -> None:
    def two_lines(book: openpyxl.Workbook) -> None:
        book["survey"]["D2"] = "Họ\nvà tên"

    with pytest.raises(FormRefused) as refused:
        to_markdown(workbook(two_lines), "xlsx")
    [problem] = refused.value.problems
    assert (problem.code, place(problem)) == ("form_line_break_in_cell", ("survey", "D2"))


def test_an_empty_row_in_a_workbook_moves_no_row_number() -> None:
    def gap(book: openpyxl.Workbook) -> None:
        book["survey"].insert_rows(3, 2)
        book["survey"]["B6"] = "full_name"

    [problem] = [p for p in refusals(workbook(gap), "xlsx") if "duplicate" in p.code]
    assert place(problem) == ("survey", "B6")
    assert "dòng 2" in problem.vi


# ------------------------------------------------------------------ broken tables, as .xlsx


def _set(sheet: str, cell: str, value: object) -> Edit:
    def edit(book: openpyxl.Workbook) -> None:
        book[sheet][cell] = value

    return edit


def _rename(old: str, new: str) -> Edit:
    def edit(book: openpyxl.Workbook) -> None:
        book[old].title = new

    return edit


BROKEN = {  # name: (edit of the good workbook, code, sheet, cell)
    "no type": (_set("survey", "A2", None), "no_type", "survey", "A2"),
    "no name": (_set("survey", "B4", None), "no_name", "survey", "B4"),
    "bad name": (_set("survey", "B4", "tuổi hội viên"), "bad_name", "survey", "B4"),
    "unknown type": (_set("survey", "A4", "intger"), "unknown_type", "survey", "A4"),
    "unknown list": (_set("survey", "A3", "select_one yes_mo"), "list_not_found", "survey", "A3"),
    "no list": (_set("survey", "A3", "select_one"), "select_without_list", "survey", "A3"),
    "unclosed group": (_set("survey", "A4", "begin group"), "not_closed", "survey", "A4"),
    "unopened repeat": (_set("survey", "A4", "end repeat"), "not_opened", "survey", "A4"),
    "unknown question": (_set("survey", "E4", "${membr} > 1"), "unknown_reference", "survey", "E4"),
    "half reference": (_set("survey", "E4", "${member = 'yes'"), "bad_reference", "survey", "E4"),
    "bad expression": (_set("survey", "F4", ". > 0 && . < 9"), "bad_expression", "survey", "F4"),
    "open bracket": (_set("survey", "F4", "not(. > 0"), "bad_expression", "survey", "F4"),
    "needs itself": (_set("survey", "E4", "${age} > 1"), "circle", "survey", "B4"),
    "choice without name": (_set("choices", "B2", None), "choice_no_name", "choices", "B2"),
    "choice twice": (_set("choices", "B3", "yes"), "choice_duplicate", "choices", "B3"),
    "no choices sheet": (_rename("choices", "lists"), "no_choices_sheet", "survey", "A3"),
    "two columns": (_set("survey", "E1", "constraint"), "duplicate_column", "survey", "F1"),
    "no type column": (_set("survey", "A1", "kind"), "missing_column", "survey", None),
    "formula error": (_set("survey", "D3", "#REF!"), "formula_error", "survey", "D3"),
    "empty formula": (_set("survey", "D3", '="A"&"b"'), "formula_without_value", "survey", "D3"),
    "file type": (
        _set("survey", "A3", "select_one_from_file members.txt"), "bad_file_list", "survey", "A3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_workbook_is_answered_with_sheet_row_and_cell(name: str) -> None:
    edit, code, sheet, cell = BROKEN[name]
    found = {p.code: p for p in refusals(workbook(edit), "xlsx")}
    problem = found[f"form_{code}"]
    assert place(problem) == (sheet, cell)
    assert problem.where is not None
    assert problem.where.row is not None
    assert problem.vi != problem.en


def test_every_slip_is_told_at_once_not_only_the_first() -> None:
    def several(book: openpyxl.Workbook) -> None:
        book["survey"]["A2"] = "tekst"
        book["survey"]["B3"] = None
        book["choices"]["B3"] = None

    codes = [p.code for p in refusals(workbook(several), "xlsx")]
    assert {"form_unknown_type", "form_no_name", "form_choice_no_name"} <= set(codes)


def test_a_near_word_is_proposed() -> None:
    [problem] = refusals(FORM.replace("| integer |", "| intger |"))
    assert "Có phải “integer”?" in problem.vi
    assert "Did you mean “integer”?" in problem.en


ENTITIES = "\n| entities |\n| | list_name | label | entity_id | create_if | update_if |\n"


@pytest.mark.parametrize(
    ("save_to", "entity", "code"),
    [
        ("p", "", "entity_no_sheet"),
        ("p", "| | trees | | | | |", "entity_no_label"),
        ("p", "| | trees | ${full_name} | ${full_name} | true() | |", "entity_conditions"),
        ("p", "| | trees | ${full_name} | | | true() |", "entity_conditions"),
        ("x#p", "| | trees | ${full_name} | | | |", "save_to_list"),
        ("__p", "| | trees | ${full_name} | | | |", "entity_name"),
        ("p", "| | tr.ees | ${full_name} | | | |", "entity_name"),
        ("p", "| | trees | ${nobody} | | | |", "unknown_reference"),
    ],
)
def test_a_wrong_entity_declaration_is_explained(save_to: str, entity: str, code: str) -> None:
    form = FORM.replace("| constraint |", "| constraint | save_to |")
    form = form.replace("| Full name | | |", f"| Full name | | | {save_to} |")
    [problem] = refusals(form + (ENTITIES + entity + "\n" if entity else ""))
    assert problem.code == f"form_{code}"
    assert place(problem)[1] is not None


# ------------------------------------------------------------------ Markdown's traps


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("|---|---|---|---|---|---|---|", "| --- | --- |", "md_padded_separator", 5),
        ("|---|---|---|---|---|---|---|", "|:---|---:|", "md_padded_separator", 5),
        ("| | integer", "| x | integer", "md_stray_first_cell", 8),
        ("| settings |", "| setings |", "md_stray_first_cell", 15),
        ("| settings |", "| survey |", "md_second_table", 15),
        ("| . > 0 and . < 120 |", "| . > 0 and . < 120", "md_unclosed_row", 8),
        ("| Age |", "| Age | or | more |", "md_too_many_cells", 8),
        ("| survey |\n", "\n", "md_text_before_sheet", 4),
        ("Họ và tên", "Họ \x00 tên", "control_character", 6),
        ("# Prose", "\ufeff# Prose", "byte_order_mark", 1),
    ],
)
def test_a_slip_that_would_lose_rows_in_silence_is_refused_with_its_line(
    old: str, new: str, code: str, line: int
) -> None:
    assert old in FORM
    found = [p for p in refusals(FORM.replace(old, new, 1)) if p.code == f"form_{code}"]
    assert found[0].where is not None
    assert found[0].where.row == line


# ------------------------------------------------------------------ files that are no form


def _huge_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(3):
            archive.writestr(f"xl/{n}.xml", bytes(80 * 2**20))
    return out.getvalue()


def _some_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return out.getvalue()


@pytest.mark.parametrize(
    ("source", "kind", "code"),
    [
        (b"", "xlsx", "empty_file"),
        (b" \n", "md", "empty_file"),
        (b"not a zip", "xlsx", "not_a_workbook"),
        (workbook()[:-200], "xlsx", "not_a_workbook"),
        (_some_zip(), "xlsx", "not_a_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "xlsx", "old_or_locked_workbook"),
        (b"\xff\xfe|\x00", "md", "not_utf8"),
        (b"hello", "md", "not_a_form"),
        (b"survey;;;\n;type;name;label\n", "csv", "csv_semicolon"),
        (b'survey,,,,\n,"type,name', "csv", "csv_broken"),
        (b"\x00\x00\x00,,,,,", "csv", "control_character"),
        (b"hello", "docx", "unknown_kind"),
        (b"hello", "xml", "xform_not_xml"),
        (b"<!DOCTYPE a><a/>", "xml", "xform_not_xml"),
        (b"<a/>", "xml", "xform_not_a_form"),
    ],
)
def test_a_file_that_is_no_form_is_told_why(source: bytes, kind: str, code: str) -> None:
    codes = [p.code for p in refusals(source, kind)]
    assert f"form_{code}" in codes


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused_unread() -> None:
    assert [p.code for p in refusals(_huge_zip(), "xlsx")] == ["form_file_too_large"]


@pytest.mark.parametrize(
    "part",
    [
        "xl/vbaProject.bin",
        "xl/macrosheets/sheet1.xml",
        "xl/embeddings/oleObject1.bin",
        "xl/externalLinks/externalLink1.xml",
        "xl/activeX/activeX1.bin",
        "xl/connections.xml",
    ],
)
def test_a_workbook_that_runs_or_reaches_out_when_opened_is_refused(part: str) -> None:
    out = io.BytesIO(workbook())
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(part, b"x")
    [problem] = refusals(out.getvalue(), "xlsx")
    assert problem.code == "form_active_workbook"
    assert part in problem.en


@pytest.mark.parametrize(
    "head",
    [
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE x [<!ENTITY a "'
        + b"lol" * 999
        + b'">'
        + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in b"bcdef")
        + b"]>",
    ],
)
def test_a_workbook_with_entities_in_its_xml_is_refused_unexpanded(head: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as good, zipfile.ZipFile(out, "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            if name.startswith("xl/worksheets/"):
                start = content.index(b"<worksheet")
                cell = b'<row r="9"><c t="inlineStr"><is><t>&f;&a;</t></is></c></row></sheetData>'
                content = head + content[start:].replace(b"</sheetData>", cell)
            bad.writestr(name, content)
    [problem] = refusals(out.getvalue(), "xlsx")
    assert problem.code == "form_not_a_workbook"


def test_an_empty_workbook_has_no_survey() -> None:
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    [problem] = refusals(out.getvalue(), "xlsx")
    assert problem.code == "form_no_survey"
    assert "Sheet" in problem.vi


def test_an_empty_survey_sheet_is_there_and_has_no_question() -> None:
    out = io.BytesIO()
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    book.create_sheet("survey")
    book.save(out)
    [problem] = refusals(out.getvalue(), "xlsx")
    assert problem.code == "form_no_questions"


def test_a_misspelt_survey_sheet_is_recognised() -> None:
    [problem] = refusals(workbook(_rename("survey", "Suvey")), "xlsx")
    assert "Có phải “Suvey”?" in problem.vi


@pytest.mark.parametrize("depth", [150, 3000])
def test_groups_in_groups_without_end_are_too_deep(depth: int) -> None:
    group = "".join(f"| | begin group | g{n} | G |\n" for n in range(depth))
    ends = "| | end group | | |\n" * depth
    source = f"| survey |\n| | type | name | label |\n{group}| | text | a | A |\n{ends}"
    assert [p.code for p in refusals(source)] == ["form_too_deep"]


def test_a_circle_by_way_of_others_is_told_by_its_names() -> None:
    rows = "".join(f"| | calculate | c{n} | | ${{c{(n + 1) % 3}}} |\n" for n in range(3))
    head = "| survey |\n| | type | name | label | calculation |\n| | text | a | A | |\n"
    [problem] = refusals(head + rows)
    assert problem.details["names"] == "c0 → c1 → c2 → c0"


def test_a_group_that_waits_for_its_own_question_is_a_circle() -> None:
    head = "| survey |\n| | type | name | label | relevant |\n"
    waits = "| | begin group | g | G | ${a} = 1 |\n| | text | a | A | |\n| | end group | | | |\n"
    assert [p.code for p in refusals(head + waits)] == ["form_circle"]
    same_name = waits.replace("${a} = 1", "").replace("| a |", "| g |")
    assert refusals(head + same_name) == []


def test_a_form_of_three_thousand_questions_is_checked_in_seconds() -> None:
    rows = [f"| | text | q{n} | Câu {n} | ${{q{n - 1}}} = 1 |" for n in range(1, 3000)]
    head = "| survey |\n| | type | name | label | relevant |\n| | text | q0 | Câu | |\n"
    started = time.process_time()
    assert refusals(head + "\n".join(rows)) == []
    assert time.process_time() - started < 10


# ------------------------------------------------------------------ warnings


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("| version |", "| note |", "no_version"),
        ("| form_id |", "| note |", "no_form_id"),
        ("| integer |", "| image |", "photo_size"),
        (". > 0 and", "foo(.) > 0 and", "unknown_function"),
        ("| yes_no | no | Không | No |", "| yes_no | no | | |", "choice_no_label"),
        ("Tiếng Việt (vi)", "Tiếng Việt", "language_code"),
        ("label::English (en) | relevant", "hint::English (en) | relevant", "missing_translation"),
        ("| | yes_no | no |", "| | | no |", "choice_no_list"),
    ],
)
def test_a_doubt_is_a_warning_and_refuses_nothing(old: str, new: str, code: str) -> None:
    assert old in FORM
    problems = check(FORM.replace(old, new).encode(), "md", "trial")
    assert f"form_{code}" in [p.code for p in problems]
    assert [p for p in problems if p.status] == []


@pytest.mark.parametrize(
    "expression",
    [
        "${a}-${b}",
        "count(${r}[position() != position(current()/..)]) = 0",
        "jr:choice-name(${a}, '${a}')",
        "instance('members')/root/item[name = ${a}]/club_id",
        "if(selected(${a}, 'x'), 1, 0) div 2",
        "‘quoted by a phone’",
        "once(uuid())",
        "regex(., '^[0-9]{3}$')",
        ". >= today() - 5 and . <= today()",
        "${last-saved#a} != ''",
    ],
)
def test_a_good_expression_is_left_alone(expression: str) -> None:
    from forms.expressions import expression_problems
    from forms.problems import Where

    assert list(expression_problems(expression, "relevant", Where())) == []


# ------------------------------------------------------------------ ready XForms


def xform(
    title: str = "<h:title>Cây</h:title>", root: str = 'id="trees" version="3"', more: str = ""
) -> bytes:
    return (
        '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml" '
        'xmlns:e="http://www.opendatakit.org/xforms/entities">'
        f"<h:head>{title}<model {more}><instance><data {root}><a/></data></instance>"
        '<bind nodeset="/data/a" relevant="1 = 1"/></model></h:head><h:body/></h:html>'
    ).encode()


def test_a_ready_xform_is_kept_byte_for_byte() -> None:
    form = compile_form(xform(), "xml", "x")
    assert (form.xml_form_id, form.version, form.title) == ("trees", "3", "Cây")
    assert form.xform == xform()


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (xform(title=""), "xform_no_title"),
        (xform(title="<h:title> </h:title>"), "xform_no_title"),
        (xform(root=""), "xform_not_a_form"),
        (xform(more='e:entities-version="2021.1.0"'), "xform_entities_version"),
        (xform().replace(b"1 = 1", b"1 = = 1"), "bad_expression"),
        (xform().replace(b"<h:body/>", b""), "xform_not_a_form"),
    ],
)
def test_an_xform_that_phones_cannot_open_is_refused(source: bytes, code: str) -> None:
    assert [p.code for p in refusals(source, "xml")] == [f"form_{code}"]


def test_a_ready_xform_has_no_spreadsheet() -> None:
    for convert in (to_markdown, to_xlsx):
        with pytest.raises(FormRefused):
            convert(xform(), "xml")


# ------------------------------------------------------------------ whatever the bytes

KINDS = "text|begin group|end group|begin repeat|end repeat|calculate|note|audit|select_one l"
KINDS += "|select_multiple l|range|rank l|geopoint|xml-external|osm|image|background-geopoint"
TYPES = st.sampled_from(KINDS.split("|"))
SCRAPS = st.sampled_from(
    ["a", "b", "${a}", "${b", "$", "1", "yes", "''", "(", "x=1", "#", "l", "data", "meta", " ", "—"]
)
CELL = st.one_of(st.just(""), TYPES, SCRAPS, st.text(max_size=6))
HEADS = ["type", "name", "label", "hint", "relevant", "calculation", "parameters", "trigger"]
HEADS += ["save_to", "choice_filter", "repeat_count", "default", "appearance", "bind::x", "media"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(HEADS), min_size=2, max_size=6),
    st.lists(st.lists(CELL, max_size=6), max_size=6),
    st.lists(st.lists(CELL, max_size=4), max_size=3),
)
def test_no_table_however_odd_makes_a_traceback(
    head: list[str], rows: list[list[str]], choices: list[list[str]]
) -> None:
    lines = ["| survey |", "| | type | " + " | ".join(head) + " |"]
    lines += ["| | text | " + " | ".join(row) + " |" for row in rows[:2]]
    lines += ["| | " + " | ".join(row) + " |" for row in rows[2:]]
    lines += ["| choices |", "| | list_name | name | label |"]
    lines += ["| | " + " | ".join(row) + " |" for row in choices]
    for problem in check("\n".join(lines).encode(), "md", "x"):
        assert problem.vi
        assert problem.en


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["xlsx", "md", "csv", "xml"]))
def test_no_bytes_make_a_traceback(data: bytes, kind: str) -> None:
    assert isinstance(check(data, kind, "x"), list)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_a_damaged_workbook_makes_no_traceback(at: int, scrap: bytes) -> None:
    good = GOOD_WORKBOOK
    at %= len(good)
    assert isinstance(check(good[:at] + scrap + good[at + len(scrap) :], "xlsx", "x"), list)


GOOD_WORKBOOK = workbook()
