"""Headings misspelt and texts not translated are told with their cell; so are too new forms."""

from __future__ import annotations

import pytest

from forms.form_columns import COLUMNS
from forms.problems import Problem
from forms.xlsform import check

FORM = """\
| survey |
| | type | name | label | {column} |
| | integer | age | Tuổi | {cell} |
| | select_one c | who | Ai | |

| choices |
| | list_name | name | label | {of_choices} |
| | c | a | A | 1 |

| settings |
| | form_id | version | {setting} |
| | trial | 1 | {value} |
"""
# ruff: noqa: E501 -- a table has the lines it has
TWO = """\
| survey |
| | type | name | label::Tiếng Việt (vi) | label::English (en) | hint::Tiếng Việt (vi) | hint::English (en) |
| | text | a | Tên | Name | | |
| | text | b | Xóm | | Ghi tên xóm | |
| | select_one c | d | | Which | | |
| | begin group | g | Nhóm | | | |
| | text | e | Khác | Other | | |
| | end group | | | | | |

| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) |
| | c | x | Có | |

| settings |
| | form_id | version | default_language |
| | trial | 1 | Tiếng Việt (vi) |
"""


def problems(column: str = "hint", cell: str = "", **values: str) -> list[Problem]:
    words = {"of_choices": "kind", "setting": "style", "value": "", **values}
    return check(FORM.format(column=column, cell=cell, **words).encode(), "md", "trial")


@pytest.mark.parametrize(
    ("heading", "meant"),
    [
        ("relevent", "relevant"),
        ("Relevnat", "relevant"),
        ("constrant", "constraint"),
        ("constraint mesage", "constraint_message"),
        ("calculaton", "calculation"),
        ("requird", "required"),
        ("apperance", "appearance"),
        ("chioce_filter", "choice_filter"),
        ("hnit::English (en)", "hint"),
        ("defualt", "default"),
    ],
)
def test_a_heading_that_is_nearly_a_column_is_told_with_its_cell(heading: str, meant: str) -> None:
    (found,) = problems(heading)
    assert (found.code, found.status) == ("form_column_misspelt", 0)
    assert found.where is not None
    assert (found.where.sheet, found.where.row, found.where.cell) == ("survey", 2, "E2")
    assert f"“{meant}”" in found.vi
    assert f"“{meant}”" in found.en


@pytest.mark.parametrize(
    "heading",
    ["ghi_chu", "comment", "notes", "rows", "Relevant", "bind::relevant", "media::image", "owner"],
)
def test_a_designers_own_column_is_left_alone(heading: str) -> None:
    assert "form_column_misspelt" not in [p.code for p in problems(heading)]


def test_every_column_is_known_by_its_own_name() -> None:
    for column in COLUMNS["survey"]:
        assert "form_column_misspelt" not in [p.code for p in problems(column)]


def test_headings_of_choices_and_settings_are_looked_at_too() -> None:
    (found,) = problems(of_choices="imge")
    assert found.where is not None
    assert (found.code, found.where.sheet) == ("form_column_misspelt", "choices")
    found = next(p for p in problems(setting="defualt_language", value="vi"))
    assert (found.code, "default_language" in found.vi) == ("form_column_misspelt", True)


def test_a_column_of_choices_that_a_filter_names_is_the_designers_own() -> None:
    source = FORM.format(
        column="choice_filter", cell="", of_choices="names", setting="style", value=""
    ).replace("| Ai | |", "| Ai | names = '1' |")
    assert check(source.encode(), "md", "trial") == []


def test_a_misspelt_heading_is_told_beside_the_refusal_it_causes() -> None:
    source = b"| survey |\n| | type | name | lable |\n| | text | a | A |\n"
    found = [p.code for p in check(source, "md", "trial")]
    assert {"form_column_misspelt", "form_no_label"} <= set(found)


def test_a_text_in_one_language_only_is_told_at_its_empty_cell() -> None:
    found = [p for p in check(TWO.encode(), "md", "trial") if p.code == "form_text_not_translated"]
    places = [(p.where.sheet, p.where.cell, p.details["language"]) for p in found if p.where]
    assert places == [
        ("choices", "E12", "English (en)"),
        ("survey", "E4", "English (en)"),
        ("survey", "G4", "English (en)"),
        ("survey", "D5", "Tiếng Việt (vi)"),
        ("survey", "E6", "English (en)"),
    ]
    assert all(p.status == 0 for p in found)


def test_a88_a_form_that_kobocollect_cannot_open_is_flagged_with_the_apps_versions() -> None:
    source = """\
| survey |
| | type | name | label | save_to |
| | begin repeat | tree | Cây | |
| | text | sp | Loài | species |
| | end repeat | | | |

| entities |
| | list_name | label |
| | trees | ${sp} |

| settings |
| | form_id | version |
| | trial | 1 |
"""
    (found,) = check(source.encode(), "md", "trial")
    assert (found.code, found.status) == ("form_entities_too_new", 0)
    assert found.where is not None
    assert found.where.sheet == "entities"
    assert "KoboCollect 2025.3" in found.vi
    assert "v2026" in found.vi
    one = source.replace("| | begin repeat | tree | Cây | |\n", "").replace(
        "| | end repeat | | | |\n", ""
    )
    assert check(one.encode(), "md", "trial") == []


def test_a_form_that_sends_elsewhere_is_told() -> None:
    (found,) = problems(setting="submission_url", value="https://old.example/submission")
    assert (found.code, found.status) == ("form_submission_url", 0)
    assert "https://old.example/submission" in found.vi
    assert found.where is not None
    assert found.where.sheet == "settings"
