"""forms/text.py: the vectors of domain §7, and what must hold for any text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.text import NameParts, fold, name_key, nfc, settle_tones, sort_key, split_name, tidy

# As domain §7.4 writes them.
WORDS = re.findall(r"\w+", "a à Á Ạ An Ánh ă â Ân Ẩn da dà dả dã dá dạ Dương đa Đông")
NAMES = re.findall(
    r"[^|]+",
    "Trần Văn An|Nguyễn Thị Ánh|Lê Thị Ân|Lê Thị Ba|Lê Văn Ba|Nguyễn Thị Ba|Dương Thị Dung|"
    "Phạm Văn Dũng|Đặng Văn Đức|Huỳnh Thị Hoa|Nguyễn Thị Lan|Hồ Thị Ớt|Bùi Thị Tám|Bùi Thị Tâm|"
    "Võ Thị Thủy|Võ Thị Thúy|Ông Thị Út|Phan Thị Ưu",
)
ALPHABET = (
    "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"
)
vietnamese = st.text(st.sampled_from(ALPHABET + ALPHABET.upper() + "  "), max_size=25)


@given(st.permutations(WORDS))
def test_words_sort_as_in_a_vietnamese_dictionary(words: list[str]) -> None:
    assert sorted(words, key=sort_key) == WORDS


@given(st.permutations(NAMES))
def test_people_are_listed_by_given_name(names: list[str]) -> None:
    assert sorted(names, key=name_key) == NAMES


def test_the_whole_alphabet_with_its_tones_is_in_order() -> None:
    letters = list(ALPHABET)
    assert sorted(set(letters), key=sort_key) == letters


def test_c2_the_key_does_not_depend_on_composition() -> None:
    for name in NAMES:
        decomposed = unicodedata.normalize("NFD", name)
        assert name_key(decomposed) == name_key(name)
        assert nfc(decomposed) == name


def test_thuy_sorts_together_however_it_is_spelt() -> None:
    mixed = ["Võ Thị Thuý", "Võ Thị Thủy", "Võ Thị Thúy", "Võ Thị Thuỷ"]
    assert [settle_tones(n) for n in sorted(mixed, key=name_key)] == [
        "Võ Thị Thủy",
        "Võ Thị Thủy",
        "Võ Thị Thúy",
        "Võ Thị Thúy",
    ]


def test_the_given_name_can_be_told() -> None:
    assert name_key("Alăng Thị Bé", sort_given="Alăng") < name_key("Nguyễn Văn Ba")
    assert name_key("Nguyễn Văn Ba") < name_key("Alăng Thị Bé")


@given(st.text(max_size=20))
def test_a_sort_key_is_printable_ascii_and_alone(text: str) -> None:
    key = sort_key(text)
    assert key.isascii()
    assert key.isprintable()
    assert sort_key(unicodedata.normalize("NFD", text)) == key


@given(vietnamese)
def test_tones_settle_once_and_change_no_letter(text: str) -> None:
    settled = settle_tones(text)
    assert settle_tones(settled) == settled
    assert fold(settled) == fold(text)


@pytest.mark.parametrize(
    ("written", "settled"),
    [
        ("hoà", "hòa"),
        ("khoẻ", "khỏe"),
        ("Thuý Hằng", "Thúy Hằng"),
        ("thuỷ", "thủy"),
        ("LOÀ", "LÒA"),
        ("huỵ.", "hụy."),
        ("quý", "quý"),
        ("Quỳ", "Quỳ"),
        ("QUỲNH", "QUỲNH"),
        ("Hoàng", "Hoàng"),
        ("toán", "toán"),
        ("khoẻo", "khoẻo"),
        ("hoa\u0300", "hòa"),
    ],
)
def test_the_tone_goes_to_the_first_vowel_of_a_final_pair(written: str, settled: str) -> None:
    assert settle_tones(written) == settled


def test_hoa_and_its_toned_sisters_stay_different_people() -> None:
    assert len({settle_tones(w) for w in ("Hoa", "Hòa", "Hoà", "Hóa", "Hoá", "Hỏa")}) == 4


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Đặng Văn Đức", "dang van duc"),
        ("  NGUYỄN\u00a0Thị  Ngọc\u200b Ánh ", "nguyen thi ngoc anh"),
        ("Ðà Nẵng", "da nang"),  # Icelandic Eth
        ("Lê Ước", "le uoc"),
        ("", ""),
    ],
)
def test_search_finds_with_and_without_marks(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(vietnamese)
def test_folded_vietnamese_is_plain_ascii(text: str) -> None:
    assert fold(text).isascii()
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)


def test_tidy_mends_look_alikes_spaces_and_half_composed_letters() -> None:
    assert tidy(" \u0189ức\u00a0\ufeff Thê\u0301 ") == "Đức Thế"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Nguyễn Thị Thu Hà", NameParts("Nguyễn", "Thị Thu", "Hà")),
        ("Tôn Nữ Thị Ninh", NameParts("Tôn Nữ", "Thị", "Ninh")),
        ("Lê Ba", NameParts("Lê", "", "Ba")),
        ("Zơrâm", NameParts("", "", "Zơrâm")),
        ("", NameParts("", "", "")),
    ],
)
def test_a_name_comes_apart(name: str, parts: NameParts) -> None:
    assert split_name(name) == parts
