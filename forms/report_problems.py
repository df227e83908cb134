"""Why a step of a report may not be taken, or a report not be read: each in both languages."""

from __future__ import annotations

from forms.problems import ProblemType

REPORT_NOT_OVER = ProblemType(
    "report_not_over",
    409,
    "Kỳ {period} đến hết ngày {last} mới kết thúc; từ ngày ấy mới chốt được.",
    "Period {period} ends on {last}; it can be confirmed from that day on.",
)
REPORT_NO_CLUBS = ProblemType(
    "report_no_clubs",
    409,
    "Kỳ {period} không có câu lạc bộ nào đang hoạt động, nên không có gì để báo cáo.",
    "No club was active at the end of {period}, so there is nothing to report.",
)
REPORT_NEEDS_COMMENT = ProblemType(
    "report_needs_comment",
    400,
    "Xin ghi lý do, để nơi nhận biết cần sửa gì.",
    "Please give a reason, so that they know what to mend.",
)
REPORT_SENT = ProblemType(
    "report_sent",
    409,
    "Báo cáo kỳ {period} đã gửi ngày {day} (phiên bản {version}). Muốn sửa thì phải mở lại trước.",
    "The report of {period} was sent on {day} (version {version}). Reopen it first to change it.",
)
REPORT_NOT_SENT = ProblemType(
    "report_not_sent",
    404,
    "Báo cáo kỳ {period} chưa gửi.",
    "The report of {period} has not been sent.",
)
REPORT_REPORTED = ProblemType(
    "report_reported",
    409,
    "Báo cáo kỳ {period} đã báo cáo lên trên ngày {day}.",
    "The report of {period} was passed on already, on {day}.",
)
REPORT_CONFIRMED = ProblemType(
    "report_confirmed",
    409,
    "{place} đã xác nhận ngày {day}.",
    "{place} has confirmed already, on {day}.",
)
REPORT_ABOVE_CONFIRMED = ProblemType(
    "report_above_confirmed",
    409,
    "{above} đã xác nhận rồi. Muốn sửa ở {place} thì {above} phải được gửi lại trước.",
    "{above} has confirmed already. To change {place}, {above} must be sent back first.",
)
REPORT_BELOW_OPEN = ProblemType(
    "report_below_open",
    409,
    "Chưa xác nhận: {places}. Xin chờ, hoặc xác nhận không có các nơi ấy; "
    "các nơi ấy sẽ vào danh sách chưa báo cáo.",
    "Not confirmed yet: {places}. Wait, or confirm without them; they then stand in "
    "the list of who has not reported.",
)
REPORT_NOTHING_TO_SEND_BACK = ProblemType(
    "report_nothing_to_send_back",
    409,
    "{place} chưa xác nhận, nên không có gì để gửi lại.",
    "{place} has not confirmed, so there is nothing to send back.",
)
REPORT_TOP = ProblemType(
    "report_top",
    409,
    "{place} là nơi cao nhất. Muốn sửa thì gửi lại một nơi bên dưới.",
    "{place} is the topmost place. To mend something, send back a place below it.",
)
REPORT_NO_PLACE = ProblemType(
    "report_no_place",
    404,
    "“{code}” không phải câu lạc bộ hay đơn vị có báo cáo trong kỳ {period}.",
    "“{code}” is no club or unit with a report in {period}.",
)
REPORT_NOT_YOURS = ProblemType(
    "report_not_yours",
    403,
    "Bác không làm được bước này thay cho {place}.",
    "You may not take this step for {place}.",
)
REPORT_NO_VERSION = ProblemType(
    "report_no_version",
    404,
    "Báo cáo kỳ {period} không có phiên bản {version}.",
    "The report of {period} has no version {version}.",
)
REPORT_MOVED = ProblemType(
    "report_moved",
    409,
    "Trong lúc ấy có người vừa làm một bước khác. Xin xem lại rồi làm tiếp.",
    "Somebody has taken another step meanwhile. Please look again and go on.",
)
