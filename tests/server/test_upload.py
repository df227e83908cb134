"""A body is read whole, quickly where it is small, and never all in memory where it is not."""

from __future__ import annotations

import tracemalloc
from io import BytesIO
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.formparser import MultiPartParser

from forms.problems import Refused
from server.upload import IN_MEMORY, MOST_PARTS, open_upload, parse_small
from tests.server.conftest import Part, instance, multipart

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


# ------------------------------------------------------------------ many parts, much in them


def environ(parts: list[Part]) -> dict[str, Any]:
    body = multipart(parts)
    return {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "multipart/form-data; boundary=B",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }


XML = Part("xml_submission_file", "a.xml", instance(), "text/xml")


def test_a_hundred_photos_of_medium_size_stay_out_of_memory() -> None:
    """Each is small enough to be kept in memory; together they are not."""
    photos = [Part(f"{n}.jpg", f"{n}.jpg", bytes([n]) * 200_000) for n in range(100)]
    asked = environ([XML, *photos])
    tracemalloc.start()
    with open_upload(asked, 10**9) as upload:
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
        for number, file in enumerate(upload.files):
            assert file.stream.read() == bytes([number]) * 200_000
    tracemalloc.stop()


@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 255)), max_size=6), st.data())
@settings(max_examples=20, deadline=None)
def test_parts_of_any_size_are_read_as_they_were_sent(
    sizes: list[tuple[int, int]], data: st.DataObject
) -> None:
    contents = [bytes([fill]) * size for size, fill in sizes]
    photos = [Part(f"{n}", f"{n}", content) for n, content in enumerate(contents)]
    with open_upload(environ([XML, *photos, Part("big", "big", bytes(IN_MEMORY))]), 10**9) as found:
        assert found.xml == instance()
        for number in data.draw(st.permutations(range(len(contents)))):
            stream = found.files[number].stream
            start, cut = data.draw(st.integers(0, 500_000)), data.draw(st.integers(0, 9_000))
            stream.seek(start)
            assert stream.read(cut) == contents[number][start : start + cut]
            stream.seek(0)
            assert stream.read() == contents[number]


def test_fifteen_hundred_files_in_one_post_are_taken() -> None:
    """No phone sends so many; whoever does cannot mend it, and they cost little."""
    photos = [Part(f"{n}.jpg", f"{n}.jpg", b"jpg %d" % n) for n in range(1_500)]
    for more in ([], [Part("big", "big", bytes(IN_MEMORY))]):  # the quick way, and Werkzeug's
        with open_upload(environ([XML, *photos, *more]), 10**9) as upload:
            assert [file.name for file in upload.files[:1_500]] == [p.filename for p in photos]


@pytest.mark.parametrize("content", [b"", b"x" * 60])
def test_too_many_files_are_refused_for_what_they_are(content: bytes) -> None:
    photos = [Part(f"{n}", f"{n}", content) for n in range(MOST_PARTS + 1)]
    with pytest.raises(Refused) as refused, open_upload(environ([XML, *photos]), 10**9):
        pass
    assert refused.value.problem.code == "too_many_parts"
    assert str(MOST_PARTS) in refused.value.problem.vi


def test_a_long_field_is_refused_by_its_own_limit() -> None:
    parts = [XML, Part("note", None, b"a" * 11_000_000, None)]
    with pytest.raises(Refused) as refused, open_upload(environ(parts), 10**9):
        pass
    assert refused.value.problem.code == "too_large"
    assert refused.value.problem.details["limit"] == str(10 * 1024 * 1024)
