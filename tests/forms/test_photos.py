"""A picture leaves without the place it was taken at, and with every pixel it had."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forms import photos

PLACE = b"16.054407,108.202164"  # what must not come out
SCAN = bytes(range(1, 200)) + b"\xff\x00\xff\xd3" + bytes(range(200)) + b"\xff\x00"


def free(picture: bytes) -> bytes | None:
    file = io.BytesIO(picture)
    plan = photos.freed(file)
    if plan is None:
        return None
    out = b"".join(photos.pieces(file, plan))
    assert len(out) == photos.size_of(plan)
    return out


# ------------------------------------------------------------------ pictures as phones write them
def exif(order: str = "<", turn: int = 6) -> bytes:
    """A camera's block: maker, orientation, a directory of the place, a thumbnail's directory."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    short = order + "HHIHH"  # a SHORT stands left in its four bytes
    gps = 8 + 2 + 3 * 12 + 4
    first = struct.pack(order + "HHI4s", 0x010F, 2, 4, b"Cam\0")
    first += struct.pack(short, 0x0112, 3, 1, turn, 0)
    first += struct.pack(order + "HHII", 0x8825, 4, 1, gps)
    place = struct.pack(order + "H", 1) + struct.pack(
        order + "HHII", 0x001B, 7, len(PLACE), gps + 2 + 12 + 4
    )
    directory = struct.pack(order + "H", 3) + first + bytes(4)
    return mark + struct.pack(order + "I", 8) + directory + place + bytes(4) + PLACE


def segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
FRAME = segment(0xDB, bytes(65)) + segment(0xC0, bytes(15)) + segment(0xC4, bytes(28))
COLOURS = segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(40))
ADOBE = segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
IMAGE = FRAME + segment(0xDA, bytes(10)) + SCAN


def jpeg(*more: bytes, turn: int = 6, order: str = "<", tail: bytes = b"") -> bytes:
    app1 = segment(0xE1, b"Exif\0\0" + exif(order, turn))
    return b"\xff\xd8" + app1 + b"".join(more) + IMAGE + b"\xff\xd9" + tail


def chunk(kind: bytes, content: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


def png(*more: bytes, turn: int = 6, tail: bytes = b"") -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(b"\0\1\2\3")) + chunk(b"IDAT", b"")
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(b"gAMA", bytes(4))
    told = chunk(b"eXIf", exif(">", turn)) + b"".join(more)
    return b"\x89PNG\r\n\x1a\n" + head + told + pixels + chunk(b"IEND", b"") + tail


def riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp(*more: bytes, turn: int = 6, flags: int = 0x2C, tail: bytes = b"") -> bytes:
    body = riff(b"VP8X", bytes([flags]) + bytes(9)) + riff(b"ICCP", bytes(11))
    body += riff(b"VP8 ", bytes(range(33))) + riff(b"EXIF", exif("<", turn)) + b"".join(more)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body + tail


def turn_of(picture: bytes) -> int:
    """The orientation that a viewer would find: of the one Exif block that is left."""
    at = picture.find(b"MM\0*")
    if at < 0:
        assert b"II*\0" not in picture
        return 1
    assert struct.unpack_from(">IHHHIH", picture, at + 4)[:5] == (8, 1, 0x0112, 3, 1)
    return int(struct.unpack_from(">IHHHIH", picture, at + 4)[5])


XMP = b"http://ns.adobe.com/xap/1.0/\0<x exif:GPSLatitude='" + PLACE + b"'/>"


# ------------------------------------------------------------------ JPEG
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photo_keeps_its_pixels_and_its_orientation_and_nothing_else(
    order: str, turn: int
) -> None:
    out = free(jpeg(JFIF, COLOURS, ADOBE, order=order, turn=turn))
    assert out is not None
    assert out.endswith(JFIF + COLOURS + ADOBE + IMAGE + b"\xff\xd9")
    assert turn_of(out) == turn
    assert PLACE not in out
    assert b"Cam" not in out


@pytest.mark.parametrize(
    "more",
    [
        segment(0xE1, XMP),
        segment(0xE1, b"Exif\0\0" + exif()),
        segment(0xED, b"Photoshop 3.0\0" + PLACE),
        segment(0xE2, b"MPF\0" + PLACE),
        segment(0xE4, PLACE),
        segment(0xFE, PLACE),
        b"\xff\xff\xff" + segment(0xEB, PLACE),
    ],
)
def test_every_other_place_to_keep_a_place_goes_too(more: bytes) -> None:
    out = free(jpeg(JFIF, more))
    assert out is not None
    assert PLACE not in out
    assert out.endswith(JFIF + IMAGE + b"\xff\xd9")


def test_what_hangs_behind_a_photo_goes() -> None:
    """A film, or a second picture with a block of its own, as some phones append."""
    for tail in (b"\0\0\0\x18ftypmp42" + PLACE, jpeg(), bytes(3) + PLACE):
        out = free(jpeg(tail=tail))
        assert out is not None
        assert out.endswith(IMAGE + b"\xff\xd9")
        assert PLACE not in out


def test_a_photo_of_several_scans_is_kept_whole() -> None:
    more = segment(0xC4, bytes(9)) + segment(0xDA, bytes(8)) + SCAN
    out = free(b"\xff\xd8" + JFIF + IMAGE + more + segment(0xE1, XMP) + b"\xff\xd9")
    assert out == b"\xff\xd8" + JFIF + IMAGE + more + b"\xff\xd9"


def test_a_marker_on_the_edge_of_a_piece_is_seen() -> None:
    for size in range(photos.CHUNK - 60, photos.CHUNK + 3):
        scan = b"\x01" * size + b"\xff\x00" + b"\x02"
        picture = b"\xff\xd8" + FRAME + segment(0xDA, bytes(10)) + scan
        assert free(picture + b"\xff\xd9" + PLACE) == picture + b"\xff\xd9"


# ------------------------------------------------------------------ PNG and WebP
@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_a_png_keeps_its_pixels_and_its_orientation(turn: int) -> None:
    words = chunk(b"iTXt", b"XML:com.adobe.xmp\0" + PLACE) + chunk(b"tEXt", PLACE)
    picture = png(words, chunk(b"zzZz", PLACE), turn=turn, tail=PLACE)
    out = free(picture)
    assert out is not None
    assert PLACE not in out
    assert turn_of(out) == turn
    assert out.replace(chunk(b"eXIf", photos._exif(turn)), b"") == png().replace(
        chunk(b"eXIf", exif(">")), b""
    )


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_a_webp_keeps_its_pixels_and_its_orientation(turn: int) -> None:
    out = free(webp(riff(b"XMP ", PLACE), riff(b"ODD!", PLACE), turn=turn, tail=PLACE))
    assert out is not None
    assert PLACE not in out
    assert turn_of(out) == turn
    assert len(out) == struct.unpack_from("<I", out, 4)[0] + 8
    assert riff(b"VP8 ", bytes(range(33))) in out
    assert out[20] == (0x28 if turn != 1 else 0x20)  # the profile, and an orientation


def test_a_moving_webp_is_given_out_by_nobody() -> None:
    assert free(webp(flags=0x02)) is None


@pytest.mark.parametrize(
    "head",
    [b"GIF89a", b"II*\0", b"MM\0*", b"\0\0\0\x18ftypheic", b"\0\0\0\x1cftypavif", b"\xff\xd8\xff"],
)
def test_a_picture_that_cannot_be_freed_is_known_as_one(head: bytes) -> None:
    picture = head + bytes(40) + PLACE
    assert photos.is_picture(picture[: photos.HEAD], "film.mp4", "video/mp4")
    assert free(picture) is None


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("1.jpg", None, True),
        ("1.JPEG", "application/octet-stream", True),
        ("1", "image/heic", True),
        ("1.svg", None, True),
        ("audit.csv", "text/csv", False),
        ("1.mp4", "video/mp4", False),
        ("1.m4a", None, False),
    ],
)
def test_a_picture_is_one_by_its_name_or_its_type_too(
    name: str, kind: str | None, expected: bool
) -> None:
    assert photos.is_picture(b"BMI,age\n", name, kind) is expected


# ------------------------------------------------------------------ damage
def test_what_only_its_name_calls_a_picture_leaves_as_it_came() -> None:
    for content in (b"", b"jpg", bytes(photos.CHUNK + 5)):
        assert free(content) == content


@pytest.mark.parametrize("before", [0, photos.CHUNK - 3, photos.CHUNK])
def test_a_picture_that_lost_its_first_bytes_does_not(before: int) -> None:
    assert free(b"lost" + bytes(before) + jpeg()[1:]) is None


MAKERS: list[Callable[[], bytes]] = [
    lambda: jpeg(JFIF, segment(0xE1, XMP), tail=PLACE),
    lambda: png(chunk(b"iTXt", b"XML:com.adobe.xmp\0" + PLACE), tail=PLACE),
]


@given(st.sampled_from(MAKERS), st.data())
@settings(max_examples=400)
def test_a_damaged_picture_never_fails_and_never_tells(
    make: Callable[[], bytes], data: st.DataObject
) -> None:
    """One damage: a byte changed in what comes before the pixels, or the end cut off."""
    picture = bytearray(make())
    if data.draw(st.booleans()):
        at = data.draw(st.integers(2, min(len(picture) - 1, 300)))
        picture[at] = data.draw(st.integers(0, 255))
    else:
        del picture[data.draw(st.integers(0, len(picture))) :]
    assert PLACE not in (free(bytes(picture)) or b"")


@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF"]), st.binary())
def test_rubbish_never_fails(head: bytes, rubbish: bytes) -> None:
    free(head + rubbish)
    free(b"RIFF" + rubbish[:4].ljust(4, b"\xff") + b"WEBP" + rubbish[4:])


@given(st.lists(st.sampled_from([JFIF, FRAME, COLOURS, IMAGE, segment(0xE1, XMP), b"\xff\xd9"])))
def test_freeing_twice_is_freeing_once(parts: list[bytes]) -> None:
    once = free(b"\xff\xd8" + b"".join(parts))
    assert once is None or free(once) == once


def test_a_file_made_of_tiny_parts_is_given_up() -> None:
    assert free(b"\xff\xd8" + segment(0xE4, b"") * (photos.MOST_PARTS + 1) + IMAGE) is None
