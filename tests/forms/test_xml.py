"""forms/xml.py: what strangers may send."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.problems import Refused
from forms.xml import MAX_DEPTH, child, children, local, parse

BOMB = '<!DOCTYPE a [<!ENTITY x "xxxxxxxx"><!ENTITY y "&x;&x;&x;">]><a id="f">&y;</a>'


def refusal(data: bytes, limit: int = 10_000) -> str:
    with pytest.raises(Refused) as caught:
        parse(data, limit)
    return caught.value.problem.code


@pytest.mark.parametrize(
    "data",
    [
        BOMB.encode(),
        b"<?xml version='1.0'?>\n<!-- hello --><?pi?>\n" + BOMB.encode(),
        b"\xef\xbb\xbf<!DOCTYPE html><a/>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        BOMB.encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
    ],
)
def test_c15_any_doctype_is_refused(data: bytes) -> None:
    assert refusal(data) == "xml_doctype"


def test_the_word_doctype_in_an_answer_is_an_answer() -> None:
    root = parse(b"<a><!-- <!DOCTYPE x> --><b><![CDATA[<!DOCTYPE x>]]></b></a>")
    assert root.findtext("b") == "<!DOCTYPE x>"


def test_c15_c17_nesting_is_bounded() -> None:
    def nested(depth: int) -> bytes:
        return b"<a>" * depth + b"</a>" * depth

    assert local(parse(nested(MAX_DEPTH))) == "a"
    assert refusal(nested(MAX_DEPTH + 1)) == "xml_too_deep"
    assert refusal(nested(50_000), 10_000_000) == "xml_too_deep"


def test_too_large_is_said_before_parsing() -> None:
    assert refusal(b"<a>" + b"x" * 100, limit=100) == "too_large"


@pytest.mark.parametrize("data", [b"", b"hello", b"<a>", b"<a></b>", b"\x00\x00", b"<a>&x;</a>"])
def test_what_is_not_xml_is_refused(data: bytes) -> None:
    assert refusal(data) == "not_xml"


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused_never_an_error(data: bytes) -> None:
    with suppress(Refused):
        parse(data)


def test_namespaces_do_not_hide_children() -> None:
    root = parse(b'<d xmlns:o="urn:o"><o:meta>1</o:meta><meta xmlns="urn:p">2</meta></d>')
    assert [m.text for m in children(root, "meta")] == ["1", "2"]
    assert local(root[0]) == "meta"
    assert child(root, "other") is None
