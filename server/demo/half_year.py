"""The end of a half-year in the demo: what chairs write to confirm it, and what comes after it.

Pure. 2025H1 is confirmed by all clubs, 2025H2 by half of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from server.demo.diary import Entry, stamps
from server.demo.population import CLUBS, Club

CLOSED, OPEN = "2025H1", "2025H2"
FIRST_HALF = (date(2025, 1, 1), date(2025, 6, 30))
FORGOTTEN = date(2025, 6, 20)  # the day of a visit on a phone that had no network until later
RESULTS = (
    "CLB sinh hoạt đều, mỗi tháng một buổi. Tổ tình nguyện thăm nhà các cụ yếu hai lần mỗi tuần.",
    "Hội viên vay vốn nuôi gà, buôn bán nhỏ, trả nợ đúng hẹn. Trạm y tế đo huyết áp cho nhiều cụ.",
    "Đội văn nghệ tập đều và diễn ở phường. Hội viên góp công dọn tuyến đường tự quản.",
    "Thêm mấy hội viên mới. Các cụ chưa có thẻ BHYT đã được giúp làm thẻ.",
    "Sau mưa bão, hội viên giúp nhau lợp lại mái, dọn bùn. Không cụ nào bị bỏ lại một mình.",
    "CLB giữ được nếp tập dưỡng sinh buổi sáng. Người thăm nhà tuy ít nhưng rất chịu khó.",
)
DIFFICULTIES = (
    "Nhiều cụ không quen dùng điện thoại, tình nguyện viên phải ghi giúp.",
    "Chỗ sinh hoạt hẹp, trời mưa phải nghỉ.",
    "Máy đo đường huyết hết que thử mà chưa mua được.",
    "Người trẻ đi làm cả ngày, ít người tham gia.",
    "Mưa lụt làm mấy tuần không đi thăm được các cụ ở xa.",
    "Tình nguyện viên còn thiếu, mỗi người phải thăm nhiều cụ.",
)
GOOD = (
    "Mỗi tổ phân hai người gần nhà thăm một cụ, đi bộ là tới.",
    "Ai vay vốn lần đầu có một hội viên đã vay đi cùng, chỉ cách làm ăn.",
    "Buổi sinh hoạt nào cũng mở đầu bằng một bài hát.",
)
PROPOSALS = (
    "Xin được tập huấn thêm về ghi sổ quỹ.",
    "Xin phường cho mượn nhà văn hóa vào buổi chiều.",
    "Xin hỗ trợ que thử đường huyết và cân sức khỏe.",
)
PLANS = (
    "Kỳ tới vận động thêm năm hội viên và mở thêm một tổ tập dưỡng sinh.",
    "Kỳ tới khám sức khỏe đủ một lần cho các cụ, cho vay thêm ba hộ.",
    "Kỳ tới mỗi tháng thăm đủ các cụ ốm và tổ chức một buổi nói chuyện về sức khỏe.",
)


def confirmations(club_ids: Mapping[str, str]) -> list[Entry]:
    """What chairs sent: of the first half-year all of them, one late; of the second every other."""
    first = [
        _confirmation(club, club_ids, CLOSED, date(2025, 7, 9 if club is CLUBS[4] else 3))
        for club in CLUBS
    ]
    return first + [_confirmation(club, club_ids, OPEN, date(2026, 1, 4)) for club in CLUBS[::2]]


def _confirmation(club: Club, club_ids: Mapping[str, str], code: str, day: date) -> Entry:
    year, part = int(code[:4]), code[4:].lower()
    n = CLUBS.index(club) + (3 if code == OPEN else 0)
    answers: dict[str, Any] = {
        **stamps(day, "09:30"),
        "club": club_ids[club.code],
        "report_date": day,
        "period_year": year,
        "period_part": part,
        "period": code,
        "agree": "yes",
        "results": RESULTS[n % len(RESULTS)],
        "difficulties": DIFFICULTIES[n % len(DIFFICULTIES)],
        "good_practice": GOOD[n % len(GOOD)],
        "proposals": PROPOSALS[n % len(PROPOSALS)],
        "next_plan": PLANS[n % len(PLANS)],
        "signed_by": "chair secretary treasurer",
        "minutes_ref": f"BB {day:%m/%Y}",
    }
    return Entry(f"{club.code}/chair", "period_report", day, answers)


def without_the_late(news: Sequence[Entry]) -> tuple[list[Entry], Entry]:
    """The news without an exit that is told only after the first half-year was sent; that exit."""
    first, last = FIRST_HALF
    held = next(
        one
        for one in reversed(news)
        if one.form == "member_exit" and first <= one.answers["exit_date"] <= last
    )
    return [one for one in news if one is not held], held


def come_late(daily: Sequence[Entry], held: Entry) -> list[Entry]:
    """After the report was sent: a visit, a check that was read wrongly, somebody who had left."""
    visit = next(one for one in daily if one.form == "care_visit" and _was_met(one))
    moved = {**stamps(FORGOTTEN, "09:00"), "visit_date": FORGOTTEN, "today": FORGOTTEN}
    forgotten = replace(visit, day=FORGOTTEN, answers={**visit.answers, **moved})
    check = next(one for one in daily if _is_check_of_the_first_half(one))
    read = {"sys1": 172, "dia1": 96, "sys2": 168, "dia2": 94}
    again = replace(check, answers={**check.answers, **read}, entity=None, edits=check)
    return [forgotten, again, replace(held, day=FORGOTTEN + timedelta(days=60))]


def _was_met(entry: Entry) -> bool:
    return entry.answers["outcome"] == "met" and entry.day > date(2025, 6, 1)


def _is_check_of_the_first_half(entry: Entry) -> bool:
    return (
        entry.form == "health_check"
        and FIRST_HALF[0] <= entry.day <= FIRST_HALF[1]
        and entry.answers["check_kind"] == "full"
    )
