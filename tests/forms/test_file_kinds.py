"""What the first bytes of a file say of its name."""

from __future__ import annotations

import pytest

from forms.file_kinds import belied_ending


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.jpg", b"\xff\xd8\xff\xe0"),
        ("A.JPG", b"\x89PNG\r\n\x1a\n"),  # a picture all the same
        ("a.heic", b"\0\0\0\x18ftypheic"),
        ("a.m4a", b"\0\0\0\x18ftypM4A "),
        ("a.amr", b"#!AMR\n"),
        ("a.mp3", b"\xff\xfb\x90"),
        ("a.webm", b"\x1aE\xdf\xa3"),
        ("audit.csv", "event,nút\n".encode()),
        ("audit.csv", b""),
        ("a.csv", "a".encode("utf-16")),
        ("a.pdf", b"\xef\xbb\xbf%PDF-1.4"),
        ("a.xlsx", b"PK\3\4"),
        ("a.jpg.enc", b"sealed"),
        ("a.bin", b"MZ"),
        ("no ending", b""),
    ],
)
def test_what_fits_or_nobody_can_tell_is_left_alone(name: str, head: bytes) -> None:
    assert belied_ending(name, head) is None


@pytest.mark.parametrize(
    ("name", "head", "ending"),
    [
        ("a.jpg", b"<html>", "jpg"),
        ("a.JPG", b"", "jpg"),
        ("a.png", b"MZ\x90\0", "png"),
        ("a.mp4", b"\xff\xd8\xff\xe0", "mp4"),
        ("a.csv", b"PK\3\4\x14\0", "csv"),
        ("a.pdf", b"MZ", "pdf"),
        ("a.xlsx", b"<table>", "xlsx"),
    ],
)
def test_a_file_of_another_kind_is_told_by_its_ending(name: str, head: bytes, ending: str) -> None:
    assert belied_ending(name, head) == ending
