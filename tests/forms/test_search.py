"""Looking for a name as people type it: with marks, without, in part."""

from __future__ import annotations

import unicodedata

from forms.search import Sought

NAMES = ("Nguyễn Thị Hoa", "Nguyễn Thị Hòa", "Trần Thị Hoàn", "Đặng Văn Đức", "Lê Thị Thúy")


def found(text: str) -> list[str]:
    sought = Sought(text)
    ranks = {name: rank for name in NAMES if (rank := sought.rank(name)) is not None}
    return sorted(ranks, key=lambda name: ranks[name])


def test_without_marks_everybody_is_found_who_may_be_meant_the_same_words_first() -> None:
    assert found("hoa") == ["Nguyễn Thị Hoa", "Nguyễn Thị Hòa", "Trần Thị Hoàn"]
    assert found("dang duc") == ["Đặng Văn Đức"]


def test_with_marks_the_exact_ones_come_first_and_the_others_after() -> None:
    assert found("Hòa")[0] == "Nguyễn Thị Hòa"
    assert found("Hoà")[0] == "Nguyễn Thị Hòa"  # the other place of the tone is the same word
    assert found(unicodedata.normalize("NFD", "Thuý")) == ["Lê Thị Thúy"]


def test_all_words_must_be_there_in_any_order_and_the_beginning_of_a_word_will_do() -> None:
    assert found("hoa nguyễn") == ["Nguyễn Thị Hoa", "Nguyễn Thị Hòa"]
    assert found("ng ho") == ["Nguyễn Thị Hoa", "Nguyễn Thị Hòa"]
    assert found("oa") == []


def test_nothing_is_sought_by_blanks() -> None:
    assert not Sought("  \u200b ")
