"""The quick way to read a small body says what Werkzeug says, or leaves the word to Werkzeug."""

from __future__ import annotations

from io import BytesIO

from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.formparser import MultiPartParser

from server.upload import parse_small
from tests.server.conftest import Part, multipart

Read = list[tuple[str, str | None, str | None, bytes]]

NAMES = st.sampled_from(["xml_submission_file", "ảnh.jpg", "a b.jpg", "../x", "*isIncomplete*"])
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from([b"\r\n", b"--B", b"--", b"\n", b"\r", b"--B--", b"-", b"B", b"x", b" "]),
        max_size=8,
    ).map(b"".join),
)
PARTS = st.lists(
    st.builds(
        Part,
        NAMES,
        st.one_of(st.none(), NAMES),
        CONTENTS,
        st.sampled_from([None, "text/xml", "image/jpeg"]),
    ),
    max_size=4,
)


def werkzeug_reads(body: bytes) -> Read | None:
    try:
        form, files = MultiPartParser(lambda *_, **__: BytesIO()).parse(
            BytesIO(body), b"B", len(body)
        )
    except ValueError:
        return None
    return listed(form, files)


def quickly_read(body: bytes) -> Read | None:
    found = parse_small(body, b"B")
    return None if found is None else listed(*found)


def listed(form: object, files: object) -> Read:
    fields = [(n, None, None, v.encode()) for n, v in form.items(multi=True)]  # type: ignore[attr-defined]
    sent = [
        (name, file.filename, file.content_type, file.stream.read())
        for name, file in files.items(multi=True)  # type: ignore[attr-defined]
    ]
    return fields + sent


def test_what_a_phone_sends_is_read_the_quick_way() -> None:
    parts = [
        Part("xml_submission_file", "a b.xml", b"<a/>\r\n", "text/xml"),
        Part("ảnh.jpg", "ảnh.jpg", b"\r\n\xff\xd8--B\r\n"[:4], "image/jpeg"),
        Part("*isIncomplete*", None, b"yes", None),
    ]
    body = multipart(parts)
    assert quickly_read(body) is not None
    assert quickly_read(body) == werkzeug_reads(body)


@given(PARTS)
@example([Part("a", "a", b"\r--B", None)])
def test_a_whole_body_is_read_as_werkzeug_reads_it(parts: list[Part]) -> None:
    body = multipart(parts)
    assert quickly_read(body) in (None, werkzeug_reads(body))


@given(PARTS, st.data())
def test_a_damaged_body_is_read_as_werkzeug_reads_it(
    parts: list[Part], data: st.DataObject
) -> None:
    body = bytearray(multipart(parts))
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 10)))
    body[start:end] = data.draw(st.sampled_from([b"", b"\n", b"\r\n", b" ", b"--", b":", b'"']))
    assert quickly_read(bytes(body)) in (None, werkzeug_reads(bytes(body)))


@given(PARTS)
def test_a_body_cut_short_is_never_read_the_quick_way(parts: list[Part]) -> None:
    whole = multipart(parts)
    for cut in range(1, min(len(whole), 12)):
        found = quickly_read(whole[:-cut])
        assert found in (None, werkzeug_reads(whole[:-cut]))
