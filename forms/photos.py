"""Pictures without the place they were taken at: every pixel as it was, nothing re-encoded.

A plan is made first: what to keep of the file, and what little to write instead. Only what a
picture needs is kept (allowed, not forbidden: cameras hide places in maker's notes, in XMP, in a
film behind the picture), so a part nobody knows goes. Orientation stays; it is no place.

JPEG, PNG and WebP can be freed so. Other pictures (HEIC, TIFF, GIF …) cannot: `freed` says None.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

HEAD = 16  # bytes that say what kind of file it is
CHUNK = 1 << 16
MOST_READ = 1 << 16
MOST_PARTS = 100_000


class Span(NamedTuple):
    """A run of bytes of the file, kept as it is."""

    start: int
    size: int


Plan = Sequence[Span | bytes]  # in the order of the new file


class _NotToBeTrusted(ValueError):
    """A file made to hurt, or so damaged that its lengths run over its metadata."""


def is_picture(head: bytes, name: str, content_type: str | None) -> bool:
    """Whether the first bytes, the name or the type say so: one is enough, for any of them lies."""
    ending = name.rpartition(".")[2].lower()
    kind = (content_type or "").strip().lower()
    return is_known(head) or ending in _ENDINGS or kind.startswith("image/")


def is_known(head: bytes) -> bool:
    """Whether the first HEAD bytes are those of a picture."""
    return _magic(head) is not None


def freed(file: BinaryIO) -> Plan | None:
    """What is left of a picture without its metadata; None where that cannot be done.

    Never raises for what is in the file: a damaged picture is cut where it stops making sense.
    """
    file.seek(0)
    kind = _magic(file.read(HEAD))
    if kind is None:
        return _whole_if_clean(file)
    free = _FREE.get(kind)
    if free is None:
        return None
    try:
        return free(file)
    except (ValueError, struct.error):
        return None


def size_of(plan: Plan) -> int:
    return sum(part.size if isinstance(part, Span) else len(part) for part in plan)


def pieces(file: BinaryIO, plan: Plan) -> Iterator[bytes]:
    """The bytes of the new file, a little at a time."""
    for part in plan:
        if isinstance(part, bytes):
            yield part
            continue
        file.seek(part.start)
        left = part.size
        while left and (piece := file.read(min(left, CHUNK))):
            left -= len(piece)
            yield piece


_ENDINGS = frozenset(
    {"jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "heic", "heif", "hif", "avif"}
    | {"tif", "tiff", "dng", "bmp", "jp2", "jxl", "svg", "raw", "arw", "cr2", "cr3", "nef", "orf"}
)
_PNG = b"\x89PNG\r\n\x1a\n"
_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_BRANDS |= {b"avif", b"avis", b"crx "}


def _magic(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(_PNG):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return "heif"
    others = (b"GIF8", b"II*\0", b"MM\0*", b"\xff\x0a", b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ")
    return "other" if head.startswith(others) else None


# ------------------------------------------------------------------ JPEG
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
# Frames, tables, restart intervals. 0xC8 is reserved.
_NEEDED = (frozenset(range(0xC0, 0xE0)) | {_SOS}) - {0xC8, *range(0xD0, _SOS)}
_SIGNED = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}  # colours are read by these
_NEXT_MARKER = re.compile(rb"\xff+[^\xff\x00\xd0-\xd7]", re.DOTALL)  # not stuffing, not a restart


def _free_jpeg(file: BinaryIO) -> Plan | None:
    """Segment by segment up to the end of the first image: what follows it is another file."""
    kept = _Kept()
    turn, at, is_image = 1, 2, False
    while (found := _segment(file, at)) is not None:
        marker, start, size, head = found
        at = start + size
        if marker in _NEEDED or (marker in _SIGNED and head.startswith(_SIGNED[marker])):
            _check_clean(file, start, size)
            kept.add(start, size)
        elif marker == 0xE1 and head.startswith(b"Exif\0") and turn == 1:
            turn = _orientation(_read_at(file, start + 10, size - 10))
        else:
            kept.count()
        if marker == _SOS:
            end = _end_of_scan(file, at)
            kept.add(at, end - at)
            at, is_image = end, True
    if not is_image:
        return None
    exif = b"Exif\0\0" + _exif(turn)
    app1 = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return [b"\xff\xd8", *([] if turn == 1 else [app1]), *kept.parts, b"\xff\xd9"]


def _segment(file: BinaryIO, at: int) -> tuple[int, int, int, bytes] | None:
    """Marker, start, size with marker and length, first bytes; None at the end or at nonsense."""
    head = _read_at(file, at, 32)
    filling = len(head) - len(head.lstrip(b"\xff")) - 1  # any number of 0xFF may precede a marker
    if filling < 0 or len(head) < filling + 4:
        return None
    marker, length = struct.unpack_from(">BH", head, filling + 1)
    start = at + filling
    if marker in (_SOI, _EOI) or marker < 0xC0 or length < 2:
        return None
    if len(_read_at(file, start + 1 + length, 1)) == 0:
        return None  # runs beyond the end of the file
    return marker, start, 2 + length, head[filling + 4 :]


def _end_of_scan(file: BinaryIO, at: int) -> int:
    """Where the next marker stands, or the file ends."""
    file.seek(at)
    before = b""
    while piece := file.read(CHUNK):
        text = before + piece
        found = _NEXT_MARKER.search(text)
        if found is not None:
            return at - len(before) + found.start()
        before = b"\xff" if text.endswith(b"\xff") else b""
        at += len(piece)
    return at


# ------------------------------------------------------------------ PNG
_PNG_NEEDED = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT"}
    | {b"bKGD", b"pHYs", b"hIST", b"sPLT", b"cICP", b"acTL", b"fcTL", b"fdAT"}
)
_PNG_DATA = frozenset({b"IDAT", b"fdAT"})


def _free_png(file: BinaryIO) -> Plan | None:
    """Chunk by chunk up to IEND."""
    kept = _Kept()
    at, kind = 8, b""
    while kind != b"IEND":
        head = _read_at(file, at, 8)
        if len(head) < 8:
            return None
        length, kind = struct.unpack(">I4s", head)
        if kind in _PNG_NEEDED:
            if kind not in _PNG_DATA:
                _check_clean(file, at, length)
            kept.add(at, length + 12)
        elif kind == b"eXIf" and (turn := _orientation(_read_at(file, at + 8, length))) != 1:
            exif = kind + _exif(turn)
            kept.write(struct.pack(">I", len(exif) - 4) + exif)
            kept.write(struct.pack(">I", zlib.crc32(exif)))
        else:
            kept.count()
        at += length + 12
    return [_PNG, *kept.parts] if _ends_within(file, at) else None


# ------------------------------------------------------------------ WebP
_WEBP_NEEDED = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ICCP"})
_HAS_EXIF, _HAS_XMP, _MOVES = 0x08, 0x04, 0x02


def _free_webp(file: BinaryIO) -> Plan | None:
    """Chunk by chunk; the flags and the size at the top are written anew."""
    end = 8 + int.from_bytes(_read_at(file, 4, 4), "little")
    kept = _Kept()
    at, flags, turn = 12, b"", 1
    while at + 8 <= end:
        kind, length = struct.unpack("<4sI", _read_at(file, at, 8))
        size = 8 + length + length % 2
        if kind == b"VP8X" and not kept.parts:
            flags = _read_at(file, at, size)
        elif kind in _WEBP_NEEDED:
            kept.add(at, size)
        elif kind == b"EXIF":
            turn = _orientation(_read_at(file, at + 8, length).removeprefix(b"Exif\0\0"))
        else:
            kept.count()
        at += size
    if not kept.parts or not _ends_within(file, at):
        return None
    if flags:
        if len(flags) != 18 or flags[8] & _MOVES:  # frames of a moving picture hold chunks too
            return None
        _say_what_is_there(kept, flags, turn)
    return [b"RIFF" + struct.pack("<I", size_of(kept.parts) + 4) + b"WEBP", *kept.parts]


def _say_what_is_there(kept: _Kept, flags: bytes, turn: int) -> None:
    """VP8X names the kinds of chunks that follow."""
    here = flags[8] & ~(_HAS_EXIF | _HAS_XMP)
    if turn != 1:
        exif = _exif(turn)
        here |= _HAS_EXIF
        kept.write(b"EXIF" + struct.pack("<I", len(exif)) + exif)
    kept.parts.insert(0, flags[:8] + bytes([here]) + flags[9:])


# ------------------------------------------------------------------ Exif
_ORIENTATION = 0x0112


def _orientation(exif: bytes) -> int:
    """1 to 8 of the first directory of a TIFF block; 1 (upright) where it cannot be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return 1
    (directory,) = struct.unpack_from(order + "I", exif, 4)
    if directory + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(order + "H", exif, directory)
    for at in range(directory + 2, min(directory + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, many, value = struct.unpack_from(order + "HHIH", exif, at)
        if (tag, kind, many) == (_ORIENTATION, 3, 1):
            return value if 1 <= value <= 8 else 1
    return 1


def _exif(turn: int) -> bytes:
    """A TIFF block that says the orientation and nothing else."""
    return struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, _ORIENTATION, 3, 1, turn, 0, 0)


# ------------------------------------------------------------------ no picture
def _whole_if_clean(file: BinaryIO) -> Plan | None:
    """What only its name calls a picture; but it may be one whose first bytes are damaged."""
    file.seek(0)
    size, before = 0, b""
    while piece := file.read(CHUNK):
        if _METADATA.search(before + piece):
            return None
        before = piece[-HEAD:]
        size += len(piece)
    return [Span(0, size)]


# ------------------------------------------------------------------ reading
_METADATA = re.compile(rb"Exif\0|II\*\0|MM\0\*|ns\.adobe\.com|eXIf|iTXt")


class _Kept:
    """The parts to keep, neighbours as one; not without end."""

    def __init__(self) -> None:
        self.parts: list[Span | bytes] = []
        self._seen = 0

    def add(self, start: int, size: int) -> None:
        self.count()
        last = self.parts[-1] if self.parts else b""
        if isinstance(last, Span) and last.start + last.size == start:
            self.parts[-1] = Span(last.start, last.size + size)
        else:
            self.parts.append(Span(start, size))

    def write(self, data: bytes) -> None:
        self.count()
        self.parts.append(data)

    def count(self) -> None:
        self._seen += 1
        if self._seen > MOST_PARTS:
            raise _NotToBeTrusted


def _check_clean(file: BinaryIO, start: int, size: int) -> None:
    """What is kept must not hold metadata: one wrong length, and a table covers it."""
    if _METADATA.search(_read_at(file, start, size)):
        raise _NotToBeTrusted


def _read_at(file: BinaryIO, at: int, size: int) -> bytes:
    """Up to `size` bytes, and never much: lengths in a file may say anything."""
    file.seek(at)
    return file.read(max(0, min(size, MOST_READ)))


def _ends_within(file: BinaryIO, at: int) -> bool:
    """Whether the file reaches as far as its own lengths say."""
    return len(_read_at(file, at - 1, 1)) == 1


_FREE = {"jpeg": _free_jpeg, "png": _free_png, "webp": _free_webp}
