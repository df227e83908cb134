"""Forms that stories need and the library has not: news of a member with photos, in versions."""

from __future__ import annotations

from functools import lru_cache

from forms.xlsform import Compiled, compile_form

NEWS = "member_news"
_HEAD = """
| survey |
| | type | name | label::Tiếng Việt (vi) | label::English (en) | save_to | choice_filter |
| | audit | audit | | | | |
| | select_one_from_file clubs.csv | club | CLB | Club | | |
| | select_one_from_file members.csv | member | Ai | Who | | club_id=${club} |
| | text | hamlet | Tổ | Group | hamlet | |
| | select_one care_need | care_need | Cần chăm sóc | Needs care | care_need | |
"""
_TAIL = """
| | image | photo1 | Ảnh 1 | Photo 1 | | |
| | image | photo2 | Ảnh 2 | Photo 2 | | |
| | image | photo3 | Ảnh 3 | Photo 3 | | |
| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) |
| | care_need | no | Không | No |
| | care_need | regular | Thường xuyên | Regularly |
| settings |
| | form_id | form_title | version | default_language |
| | member_news | Tin về hội viên | {version} | Tiếng Việt (vi) |
| entities |
| | list_name | entity_id |
| | members | ${{member}} |
"""


@lru_cache
def news(version: int) -> Compiled:
    """The form's version of that number; from the second on it asks one thing more."""
    more = "| | text | alias | Tên thường gọi | Everyday name | alias | |" if version > 1 else ""
    source = _HEAD.strip("\n") + (f"\n{more}" if more else "") + _TAIL.format(version=version)
    return compile_form(source.encode(), "md", NEWS)
