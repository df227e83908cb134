"""Whether a file is of the kind that its name says, as far as its first bytes tell."""

from __future__ import annotations

from collections.abc import Callable

from forms import photos

HEAD = 512  # bytes that are looked at


def belied_ending(name: str, head: bytes) -> str | None:
    """The ending of the name where the bytes are plainly of another kind, as a page that is called
    a picture; None where they fit or nobody can tell. A PNG called .jpg is a picture all the same.
    """
    ending = name.rpartition(".")[2].lower()
    fits = _FITS.get(ending)
    return None if fits is None or fits(head) else ending


def _is_picture(head: bytes) -> bool:
    return photos.is_known(head) or head.startswith(b"BM")


def _is_sound_or_film(head: bytes) -> bool:
    is_mpeg = head[:1] == b"\xff" and head[1:2] >= b"\xe0"
    return is_mpeg or head.startswith(_STARTS) or head[4:8] in _BOXES


def _is_text(head: bytes) -> bool:
    return b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _is_pdf(head: bytes) -> bool:
    return b"%PDF-" in head


def _is_zip(head: bytes) -> bool:
    return head.startswith((b"PK\3\4", b"PK\5\6"))


_STARTS = (
    *(b"ID3", b"OggS", b"RIFF", b"fLaC", b"#!AMR", b"#!SILK", b"\x1aE\xdf\xa3"),
    *(b"\0\0\1\xba", b"\0\0\1\xb3", b"0&\xb2u", b"FORM", b".snd"),
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")  # of MP4 and its kin

_ENDINGS: dict[Callable[[bytes], bool], str] = {
    _is_picture: "jpg jpeg jpe jfif png webp gif heic heif hif avif bmp tif tiff",
    _is_sound_or_film: "mp3 m4a aac amr ogg oga opus wav flac 3gp 3gpp mp4 m4v mov webm mkv avi "
    "mpg mpeg wmv",
    _is_text: "csv txt json geojson xml",
    _is_pdf: "pdf",
    _is_zip: "xlsx docx pptx ods odt zip",
}
_FITS = {ending: fits for fits, endings in _ENDINGS.items() for ending in endings.split()}
