"""A form goes out under another version with nothing else changed."""

from __future__ import annotations

from forms.form_version import with_version
from forms.xform_check import read_head
from forms.xlsform import compile_form

SHEET = """\
| survey | | | |
|---|---|---|---|
| | type | name | label |
| | text | a | Tên & tuổi |

| settings | | | |
|---|---|---|---|
| | form_title | form_id | version |
| | Cây | cay | 1 |
"""


def test_only_the_version_differs() -> None:
    form = compile_form(SHEET.encode(), "md", "cay")
    other = with_version(form, "ngày 7 & 8")
    assert (other.version, read_head(other.xform).version) == ("ngày 7 & 8", "ngày 7 & 8")
    assert with_version(other, "1").xform == with_version(with_version(form, "2"), "1").xform
    assert (other.source, other.xml_form_id, other.title) == (form.source, "cay", "Cây")


def test_the_same_version_is_the_same_bytes() -> None:
    form = compile_form(SHEET.encode(), "md", "cay")
    assert with_version(form, "1") is form
    assert with_version(form, "2").xform == with_version(form, "2").xform
