"""One spelling of a file's name, and the name that an upload means."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest
from lxml import etree

from forms.file_names import as_written, file_name, name_meant

HOUSE = "ảnh nhà.jpg"
PIECES = unicodedata.normalize("NFD", HOUSE)
LONG = "ảnh " + "dài " * 40 + ".jpg"


def form(*names: str) -> etree._Element:
    root = etree.Element("data")
    for name in names:
        etree.SubElement(etree.SubElement(root, "group"), "photo").text = name
    return root


@pytest.mark.parametrize(
    ("sent_as", "kept_as"),
    [
        (PIECES, HOUSE),
        ("C:\\fakepath\\a b.jpg", "a b.jpg"),
        ("../../etc/passwd", "passwd"),
        ("a\nb\0.jpg", "ab.jpg"),
        (" a.jpg ", "a.jpg"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg"),
        ("..", None),
        ("", None),
        ("a/", None),
    ],
)
def test_a_name_has_one_spelling(sent_as: str, kept_as: str | None) -> None:
    assert file_name(sent_as) == kept_as


@pytest.mark.parametrize("name", [HOUSE, LONG, 'a"b (1).jpg', "100%.jpg", "😀.jpg"])
@pytest.mark.parametrize(
    "spoilt",
    [
        lambda name: name,
        lambda name: unicodedata.normalize("NFC", name),
        quote,
        lambda name: quote(name, safe=" ()"),
        lambda name: name.encode().decode("latin-1"),
        lambda name: "".join(c if c.isascii() else "?" for c in name),
        lambda name: "".join(c if c.isascii() else "\ufffd" for c in name),
        lambda name: unicodedata.normalize("NFD", name).encode("ascii", "replace").decode(),
    ],
)
def test_c8_a_spoilt_name_is_the_one_the_form_names(name: str, spoilt: object) -> None:
    sent_as = spoilt(name)  # type: ignore[operator]
    for written in (name, unicodedata.normalize("NFD", name)):
        assert name_meant(sent_as, form("other.jpg", written, "3")) == name


def test_a_name_the_form_does_not_name_stays_as_it_is() -> None:
    for name in ("ảnh khác.jpg", "a%20b.jpg", "what?.jpg", "1.jpg"):
        assert name_meant(name, form(HOUSE)) == name


def test_of_two_that_could_be_meant_neither_is_guessed() -> None:
    assert name_meant("?nh.jpg", form("ảnh.jpg", "ánh.jpg")) == "?nh.jpg"
    assert name_meant("ảnh.jpg", form("ánh.jpg")) == "ảnh.jpg"


def test_a_name_goes_out_as_the_form_wrote_it() -> None:
    assert as_written(HOUSE, form("1.jpg", PIECES)) == PIECES
    assert as_written(HOUSE, form("1.jpg")) == HOUSE
