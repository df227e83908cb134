"""forms/central_csv.py: headers that depend on the form alone, and answers as they were sent."""

from __future__ import annotations

from forms.central_csv import AFTER, CsvOptions, form_cells, repeat_cells, sheets, to_csv
from forms.tree import form_tree
from tests.forms.made import a_schema, an_instance
from tests.forms.test_odata import ANSWERS, NESTED

TREE = """
| survey |
| | type | name | label |
| | text | sp | Species |
| | geopoint | loc | Place |
| | select_multiple uses | uses | Uses |
| | begin_group | g | G |
| | text | sp | Again |
| | dateTime | at | At |
| | end_group | | |
| choices |
| | list_name | name | label |
| | uses | wood | Wood |
| | uses | woods | Woods |
| settings |
| | form_id | version |
| | visit | 1 |
"""
NEWER = TREE.replace("| | uses | wood | Wood |", "| | uses | fruit | Fruit |").replace(
    "| | text | sp | Species |", "| | text | name | Name |"
)
BLANK = dict.fromkeys(AFTER, "")


def header(*forms: str, deleted: bool = False, **options: bool) -> list[str]:
    root = form_tree([a_schema(form) for form in forms], deleted=deleted)
    return sheets(root, "trees", CsvOptions(**options))[0].header


def test_the_header_is_central_s() -> None:
    assert ",".join(header(TREE)) == (
        "SubmissionDate,sp,loc-Latitude,loc-Longitude,loc-Altitude,loc-Accuracy,uses,g-sp,g-at,"
        "meta-instanceID,KEY,SubmitterID,SubmitterName,AttachmentsPresent,AttachmentsExpected,"
        "Status,ReviewState,DeviceID,Edits,FormVersion"
    )


def test_without_group_paths_names_that_meet_are_numbered() -> None:
    found = header(TREE, group_paths=False)
    assert found[1] == "sp"
    assert found[7:10] == ["sp~1", "at", "instanceID"]


def test_c12_the_header_comes_from_the_published_versions_never_from_the_data() -> None:
    assert "uses/wood" not in header(TREE)
    split = [title for title in header(NEWER, TREE, split_selects=True) if "/" in title]
    assert split == ["uses/fruit", "uses/woods", "uses/wood"]
    assert "sp" not in header(NEWER, TREE)
    assert [t for t in header(NEWER, TREE, deleted=True) if t in ("name", "sp")] == ["name", "sp"]


def cells(inner: str, **options: bool) -> list[str]:
    (sheet,) = sheets(form_tree([a_schema(TREE)]), "trees", CsvOptions(**options))
    return form_cells(sheet, an_instance(inner).root, "now", BLANK)


def test_c132_a_missing_altitude_leaves_blank_cells() -> None:
    assert cells("<loc>16.1 108.2</loc>")[2:6] == ["16.1", "108.2", "", ""]
    assert cells("<loc>-1.2921 36.8219 1661.0 4.5</loc>")[2:6] == [
        "-1.2921",
        "36.8219",
        "1661.0",
        "4.5",
    ]


def test_c133_an_answer_stands_as_it_was_sent() -> None:
    assert cells("<g><at>2026-01-02T10:00:00.000+07</at></g>")[8] == "2026-01-02T10:00:00.000+07"
    assert cells("<sp>=1+1</sp>")[1] == "=1+1"


def test_c13_a_choice_is_not_found_in_a_longer_one() -> None:
    found = cells("<uses>woods unknown</uses>", split_selects=True)
    assert found[6:9] == ["woods unknown", "0", "1"]


def test_repeats_name_their_parents() -> None:
    root = form_tree([a_schema(NESTED)])
    _, children, toys = sheets(root, "nested", CsvOptions())
    assert [children.filename, toys.filename] == ["nested-child.csv", "nested-toy.csv"]
    assert children.header == ["name", "PARENT_KEY", "KEY"]
    element = an_instance(ANSWERS, form="nested").root
    assert list(repeat_cells(children, element, "uuid:1")) == [
        ["An", "uuid:1", "uuid:1/children/child[1]"],
        ["Bình", "uuid:1", "uuid:1/children/child[2]"],
    ]
    assert list(repeat_cells(toys, element, "uuid:1"))[1] == [
        "kite",
        "uuid:1/children/child[1]",
        "uuid:1/children/child[1]/toy[2]",
    ]


def test_what_is_withheld_is_blank_in_every_column_of_it() -> None:
    root = form_tree([a_schema(TREE)], {"uses", "loc"})
    (sheet,) = sheets(root, "trees", CsvOptions(split_selects=True))
    inner = "<sp>oak</sp><loc>1 2 3 4</loc><uses>wood</uses>"
    found = form_cells(sheet, an_instance(inner).root, "now", BLANK)
    assert found[1:9] == ["oak", *[""] * 7]


def test_lines_end_as_programs_expect_and_quotes_stand_where_they_must() -> None:
    assert to_csv([["a", 'b"c', "d,e", "é\n"]]) == 'a,"b""c","d,e","é\n"\n'.encode()
