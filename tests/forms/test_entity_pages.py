"""Words of page.toml: how a list looks on a page, what codes mean, and what is no such word."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from forms.entity_pages import Words, read_page
from forms.library import OWN_LIBRARY, LibraryError, load_library

LIBRARY = load_library()
TITLE = {"vi": "Giới", "en": "Sex"}


def column(name: str, of: str = "members") -> Any:
    return LIBRARY.pages[of].known[name]


def test_codes_of_properties_facts_and_answers_are_said_in_the_words_of_the_forms() -> None:
    assert column("sex").say("female") == ("Nữ", "Female")
    assert column("hh_class").say("near_poor") == ("Hộ cận nghèo", "Near-poor")
    assert column("care_level", "care_clients").say("regular")[0] == "Cần thường xuyên"
    assert column("status").say("died")[0] == "Đã qua đời"
    (checks,) = (one for one in LIBRARY.pages["members"].sections if one.records == "health_check")
    flags = next(one for one in checks.columns if one.of == "flags")
    assert flags.say("bp_high falls")[0] == (
        "Huyết áp cao, cần kiểm tra lại; Dễ té ngã, cần kiểm tra lại"
    )


def test_days_and_numbers_are_written_as_here_and_what_is_no_code_as_it_was_said() -> None:
    assert column("last_check_on").say("2025-03-09")[0] == "09/03/2025"
    assert column("balance", "loans").say("4500000")[0] == "4.500.000"
    assert column("rate", "loans").say("0.5")[0] == "0,5"
    assert column("balance", "loans").say("ba triệu")[0] == "ba triệu"
    assert column("balance", "loans").say("1e999999")[0] == "1e999999"
    assert column("sex").say("khác")[0] == "khác"
    assert column("sex").say(" ") == ("", "")


def test_money_poverty_and_phones_are_hidden_until_somebody_taps() -> None:
    for of, name in (("members", "hh_class"), ("members", "phone"), ("loans", "balance")):
        assert column(name, of).hidden
    for section in LIBRARY.pages["members"].sections:
        if section.records == "health_check" or section.entries == "loans":
            assert section.hidden


@pytest.mark.parametrize(
    "words",
    [
        {"column": {"a": {"title": TITLE}}},
        {"column": {"a": {"title": TITLE, "fact": "sex", "property": "sex"}}},
        {"column": {"a": {"title": TITLE, "answer": "sex"}}},
        {"column": {"a": {"title": TITLE, "fact": "sex", "show": "age"}}},
        {"column": {"a": {"title": TITLE, "fact": "club", "show": "entry"}}},
        {"column": {"a": {"title": TITLE, "fact": "sex", "labels": "nowhere"}}},
        {"columns": ["b"]},
        {"section": [{"title": TITLE}]},
        {"section": [{"title": TITLE, "now": ["a"], "history": ["a"]}]},
        {"colour": "red"},
    ],
)
def test_a_page_that_says_nothing_or_two_things_is_refused(words: dict[str, Any]) -> None:
    page = {"columns": ["a"], "column": {"a": {"title": TITLE, "fact": "sex"}}, **words}
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_page("members", page, Words(LIBRARY.lists["members"], LIBRARY.forms, {}))


def test_every_name_in_a_page_must_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    shutil.copytree(OWN_LIBRARY, folder)
    file = folder / "members" / "page.toml"
    text = file.read_text("utf-8")
    for right, wrong in (
        ('property = "hamlet"', 'property = "hat"'),
        ('fact = "living"', 'fact = "shoe"'),
        ('answer = "bp_sys", show', 'answer = "bp_hat", show'),
        ('records = "mutual_help"', 'records = "ledger"'),
        ('search = ["member_code"', 'search = ["id_number"'),
        ('c_health = ["yes"], c_member', 'c_hat = ["yes"], c_member'),
        ('columns = ["principal"', 'columns = ["king"'),
    ):
        assert right in text
        text = text.replace(right, wrong)
    file.write_text(text, "utf-8")
    with pytest.raises(LibraryError) as found:
        load_library(folder)
    said = str(found.value)
    for name in ("hat", "shoe", "bp_hat", "ledger", "id_number", "c_hat", "king"):
        assert f"“{name}”" in said
