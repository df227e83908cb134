"""Makers for tests of forms/: a schema from a Markdown form, an instance from a bit of XML."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from pyxform.xls2xform import convert

from forms.instance import Instance, read_instance
from forms.schema import FormSchema, read_schema

SPACES = (
    'xmlns:jr="http://openrosa.org/javarosa" xmlns:orx="http://openrosa.org/xforms" '
    'xmlns:odk="http://www.opendatakit.org/xforms"'
)
ID = "uuid:11111111-1111-4111-8111-111111111111"


@lru_cache
def xform(markdown: str) -> bytes:
    """What pyxform makes of a Markdown form."""
    made: str = convert(markdown, validate=False).xform
    return made.encode()


@lru_cache
def a_schema(markdown: str) -> FormSchema:
    return read_schema(xform(markdown))


def an_instance(inner: str, *, form: str = "visit", version: str = "1", meta: str = "") -> Instance:
    """A submission as Collect writes it, around `inner`."""
    xml = (
        f'<?xml version=\'1.0\' ?><data {SPACES} id="{form}" version="{version}">{inner}'
        f"<meta><instanceID>{ID}</instanceID>{meta}</meta></data>"
    )
    return read_instance(xml.encode())


VISIT = """
| survey |
| | type | name | label::Tiếng Việt (vi) | label::English (en) | save_to | choice_filter | calculation | relevant | repeat_count | parameters |
| | start | start | | | | | | | | |
| | today | today | | | | | | | | |
| | audit | audit | | | | | | | | |
| | begin_group | who | Ai | Who | | | | | | |
| | select_one_from_file clubs.csv | club | CLB | Club | | | | | | |
| | select_one_from_file members.csv | client | Người | Person | | club_id=${club} | | | | |
| | integer | n | Số | Number | | | | | | |
| | end_group | | | | | | | | | |
| | select_one yn | ok | Được | OK ${club}? | status | | | | | |
| | select_multiple tasks | tasks | Việc | Tasks | | | | | | |
| | rank tasks | order | Thứ tự | Order | | | | | | |
| | text | other | Khác | Other | note | | | ${ok}='no' | | |
| | begin_repeat | supplies | Vật tư | Supplies | | | | | | |
| | text | what | Gì | What | | | | | | |
| | integer | n | Số | Number | | | | | | |
| | begin_group | inside | Trong | Inside | | | | | | |
| | begin_repeat | photos | Ảnh | Photos | | | | | | |
| | image | photo | Ảnh | Photo | | | | | | max-pixels=1024 |
| | end_repeat | | | | | | | | | |
| | end_group | | | | | | | | | |
| | end_repeat | | | | | | | | | |
| | begin_group | tail | Cuối | Tail | | | | | | |
| | decimal | n | Số | Number | | | | | | |
| | geopoint | place | Nơi | Place | | | | | | |
| | acknowledge | seen | Đã xem | Seen | | | | | | |
| | end_group | | | | | | | | | |
| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) | media::image::English (en) |
| | yn | yes | Có | Yes | yes.png |
| | yn | no | Không | No | |
| | tasks | cook | Nấu ăn | Cook | |
| | tasks | cook_big | Nấu cỗ | Cook for many | |
| settings |
| | form_id | form_title | version | instance_name | default_language |
| | visit | Thăm nhà | 1 | ${client} | Tiếng Việt (vi) |
| entities |
| | list_name | label | entity_id |
| | members | ${other} | ${client} |
"""  # noqa: E501 - a row of a Markdown table cannot be wrapped

TREES = """
| survey |
| | type | name | label | save_to |
| | text | house | House | houses#code |
| | select_one yn | new | New? | |
| | begin_repeat | tree | Tree | |
| | text | kind | Kind | trees#species |
| | begin_group | size | Size | |
| | integer | height | Height | trees#height |
| | end_group | | | |
| | end_repeat | | | |
| choices |
| | list_name | name | label |
| | yn | yes | Yes |
| | yn | no | No |
| settings |
| | form_id | version |
| | trees | 1 |
| entities |
| | list_name | label | entity_id | create_if | update_if |
| | houses | ${house} | coalesce(${house}, uuid()) | ${new}='yes' | ${new}='no' |
| | trees | ${kind} | | | |
"""


BENCH = Path(__file__).parents[3] / "shared" / "bench" / "openrosa_load.py"


@lru_cache
def bench() -> Any:
    """The load generator beside the repository, or a skip: it brings a hand-made 40-field form."""
    if not BENCH.exists():
        pytest.skip("no load generator beside this repository")
    spec = importlib.util.spec_from_file_location("openrosa_load", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bench_form() -> bytes:
    return bytes(bench().xform("person_registration", "1"), "utf-8")


def bench_instances(count: int) -> list[bytes]:
    maker = bench().Maker("person_registration", "1", seed=1, attach_bytes=0)
    return [maker.instance(n, f"{n}.jpg")[0].encode() for n in range(count)]
