"""Every reason to refuse or to flag, once: code, status for the phone, Vietnamese and English.

`ProblemType.status` is the HTTP status of a refusal; 0 marks a flag: kept and answered 201.
Texts are templates; the details of a Problem fill them and must never hold personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem. `status` 0 = flag; 4xx/5xx = refusal."""

    code: str
    status: int
    vi: str
    en: str

    def __call__(self, where: Where | None = None, **details: object) -> Problem:
        return Problem(self, {k: str(v) for k, v in details.items()}, where)


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a form's source: sheet, 1-based row as the designer sees it, cell such as "C7"."""

    sheet: str | None = None
    row: int | None = None
    cell: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One occurrence: which type, with which details, where."""

    type: ProblemType
    details: Mapping[str, str] = field(default_factory=dict)
    where: Where | None = None

    @property
    def code(self) -> str:
        return self.type.code

    @property
    def status(self) -> int:
        return self.type.status

    @property
    def vi(self) -> str:
        return self.type.vi.format_map(self.details)

    @property
    def en(self) -> str:
        return self.type.en.format_map(self.details)

    def __str__(self) -> str:
        return f"{self.vi} / {self.en}"


class Refused(Exception):
    """Raised where a request or a file cannot be accepted; carries the Problem to show."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


# --- Refusals of a submission (design §3: the only four reasons, in their shapes) ---
NOT_XML = ProblemType(
    "not_xml", 400, "Dữ liệu gửi lên không phải XML đúng.", "What was sent is not well-formed XML."
)
XML_DOCTYPE = ProblemType(
    "xml_doctype",
    400,
    "XML có khai báo DOCTYPE nên không được nhận.",
    "XML with a DOCTYPE is not accepted.",
)
XML_TOO_DEEP = ProblemType(
    "xml_too_deep",
    400,
    "XML lồng quá sâu (hơn {limit} lớp).",
    "The XML is nested too deeply (more than {limit} levels).",
)
TOO_LARGE = ProblemType(
    "too_large", 413, "Dữ liệu quá lớn (tối đa {limit} byte).", "Too large (at most {limit} bytes)."
)
TOO_MANY_PARTS = ProblemType(
    "too_many_parts",
    413,
    "Lần gửi có quá nhiều phần (tối đa {limit} tệp). Xin gửi làm nhiều lần.",
    "Too many parts in one upload (at most {limit} files). Please send it in several.",
)
NOT_MULTIPART = ProblemType(
    "not_multipart",
    400,
    "Lần gửi bị đứt hoặc không đúng dạng multipart. Xin gửi lại.",
    "The upload was cut short or is not multipart. Please send it again.",
)
NO_XML_PART = ProblemType(
    "no_xml_part",
    400,
    "Thiếu phần xml_submission_file trong lần gửi.",
    "The upload has no xml_submission_file part.",
)
NO_FORM_ID = ProblemType(
    "no_form_id",
    400,
    "Phiếu không ghi mã biểu mẫu (id).",
    "The submission does not name its form (id attribute).",
)
NOT_XFORM = ProblemType(
    "not_xform",
    400,
    "Tệp này không phải biểu mẫu XForm (thiếu model hoặc instance).",
    "This file is not an XForm (no model, or no instance).",
)
UNKNOWN_FORM = ProblemType(
    "unknown_form",
    404,
    "Máy chủ không có biểu mẫu “{form}”. Xin hỏi người quản lý.",
    "This server never had a form “{form}”. Please ask your supervisor.",
)
NOT_AUTHENTIC = ProblemType(
    "not_authentic", 401, "Sai tên hoặc mật khẩu.", "Wrong name or password."
)
REVOKED = ProblemType(
    "revoked",
    403,
    "Mã của máy này đã bị thu hồi hoặc không có.",
    "This phone's code is unknown or was revoked.",
)
NOT_ALLOWED = ProblemType(
    "not_allowed", 403, "Bác không có quyền làm việc này.", "You may not do this."
)
NOT_FOUND = ProblemType(
    "not_found",
    404,
    "Không tìm thấy. Xin kiểm tra lại địa chỉ.",
    "Not found. Please check the address.",
)
ALREADY_ERASED = ProblemType(
    "already_erased",
    409,
    "Người này đã được xóa rồi.",
    "This person has been erased already.",
)
ACCOUNT_ENDED = ProblemType(
    "account_ended",
    409,
    "Tài khoản này đã kết thúc nên không đổi gì được nữa. Xin lập tài khoản mới cho người ấy.",
    "This account has ended, so nothing of it can be changed. Please add a new one for the person.",
)
HOLDER_OF_ONE = ProblemType(
    "holder_of_one",
    400,
    "Mã hội viên của người giữ máy là của một người: xin chỉ ghi một tên, hoặc thêm từ tệp.",
    "A holder's member id is of one person: please write one name, or add from a file.",
)
OWN_ACCOUNT = ProblemType(
    "own_account",
    409,
    "Không tự ngừng hay đổi vai trò của chính mình được. Xin nhờ một người quản trị khác.",
    "Nobody ends their own account or changes their own role. Please ask another operator.",
)
NO_REASON = ProblemType(
    "no_reason",
    400,
    "Xin chọn lý do; lý do được ghi lại.",
    "Please choose the reason; it is written down.",
)
NOT_SURE = ProblemType(
    "not_sure",
    400,
    "Xin đánh dấu vào ô xác nhận trước.",
    "Please tick the box first.",
)
NOT_TO_ERASE = ProblemType(
    "not_to_erase",
    409,
    "Yêu cầu này không xin xóa dữ liệu. Nếu người ấy muốn xóa, xin ghi một yêu cầu xóa.",
    "This request does not ask to erase anything. If the person wants that, note one that does.",
)
REQUEST_CLOSED = ProblemType(
    "request_closed",
    409,
    "Việc này đã ghi rồi, hoặc yêu cầu đã xong.",
    "That is noted already, or the request is closed.",
)
REQUEST_DAY = ProblemType(
    "request_day",
    400,
    "Ngày nhận không thể ở sau hôm nay. Xin ghi lại ngày.",
    "The day it came cannot be after today. Please give another day.",
)
NOT_TO_CORRECT = ProblemType(
    "not_to_correct",
    409,
    "Yêu cầu này không xin sửa dữ liệu. Nếu người ấy muốn sửa, xin ghi một yêu cầu sửa.",
    "This request does not ask to correct anything. If the person wants that, note one that does.",
)
NOT_TO_RESTRICT = ProblemType(
    "not_to_restrict",
    409,
    "Yêu cầu này không xin hạn chế việc dùng dữ liệu. Nếu người ấy muốn, xin ghi một yêu cầu khác.",
    "This request does not ask to restrict anything. If the person wants that, note one that does.",
)
RESTRICTED_ALREADY = ProblemType(
    "restricted_already",
    409,
    "Dữ liệu của người này đang được hạn chế rồi.",
    "The data of this person is restricted already.",
)
NOT_RESTRICTED = ProblemType(
    "not_restricted",
    409,
    "Dữ liệu của người này không bị hạn chế.",
    "The data of this person is not restricted.",
)
CORRECT_ANSWER = ProblemType(
    "correct_answer",
    400,
    "“{label}”: không nhận “{text}”. Xin xem lại cách ghi.",
    "“{label}”: “{text}” cannot be right. Please look at it again.",
)
CORRECT_NOTHING = ProblemType(
    "correct_nothing",
    400,
    "Chưa sửa chỗ nào. Xin ghi lại chỗ sai, và lý do.",
    "Nothing is corrected. Please write what is wrong anew, and why.",
)
CORRECT_DAY = ProblemType(
    "correct_day",
    400,
    "Không thể đúng từ ngày này: sau hôm nay, hoặc lúc người ấy chưa vào hay đã mất. Xin ghi lại.",
    "It cannot be so from this day: after today, before the joining or after the death.",
)
NEEDS_REQUEST = ProblemType(
    "needs_request",
    403,
    "Chỉ xem được hồ sơ của người đang có yêu cầu. Xin ghi yêu cầu trước.",
    "A person's file is open only while a request is worked on. Please note the request first.",
)
UNKNOWN_SUBMISSION = ProblemType(
    "unknown_submission",
    404,
    "Không có phiếu mang mã này trong biểu mẫu “{form}”.",
    "Form “{form}” has no submission with this id.",
)
PLACE_IN_PICTURE = ProblemType(
    "place_in_picture",
    403,
    "Không bỏ được vị trí chụp khỏi loại ảnh này nên không cho tải ra; bản gốc vẫn được giữ.",
    "The place cannot be taken out of this kind of picture, so it is kept but not given out.",
)
TOO_MANY_GUESSES = ProblemType(
    "too_many_guesses",
    429,
    "Mật khẩu sai quá nhiều lần. Xin đợi {minutes} phút rồi thử lại, hoặc xin mật khẩu mới.",
    "Too many wrong passwords. Wait {minutes} minutes and try again, or ask for a new one.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method_not_allowed",
    405,
    "Địa chỉ này không nhận kiểu yêu cầu đó.",
    "This address does not take that kind of request.",
)
BAD_REQUEST = ProblemType(
    "bad_request", 400, "Yêu cầu không đúng dạng.", "The request is not well formed."
)
STALE_PAGE = ProblemType(
    "stale_page",
    400,
    "Trang này đã mở từ lâu hoặc không phải của máy chủ này. Xin mở lại trang và làm lại.",
    "This page was opened long ago, or is not from this server. Please open it again and repeat.",
)
SIGN_IN_OVER = ProblemType(
    "sign_in_over",
    401,
    "Đã hết phiên đăng nhập: hai giờ không dùng, hoặc đã kết thúc ở nơi khác. "
    "Chưa có gì được lưu. Xin đăng nhập rồi làm lại.",
    "Your sign-in is over: not used for two hours, or ended elsewhere. "
    "Nothing was saved. Please sign in and repeat.",
)
INTERNAL = ProblemType(
    "internal",
    500,
    "Máy chủ gặp lỗi. Xin thử lại sau; phiếu chưa gửi được vẫn còn trên điện thoại.",
    "The server failed. Please try again later; a form that was not sent is still on the phone.",
)
UNAVAILABLE = ProblemType(
    "unavailable",
    503,
    "Máy chủ đang bận hoặc chưa lưu được. Xin gửi lại sau ít phút.",
    "The server is busy or cannot store now. Please send again in a few minutes.",
)
KEEPS_NOTHING = ProblemType(
    "keeps_nothing",
    503,
    "Máy chủ đang không ghi được gì, thường vì hết chỗ trên đĩa. Chưa có gì bị thay đổi. Trang nào "
    "cho thấy tên người thì chưa mở được, vì ai xem ai đều phải được ghi lại; số liệu và báo cáo "
    "vẫn xem được. Xin báo người trông máy chủ.",
    "The server can write nothing now, mostly because its disk is full. Nothing has been changed. "
    "Pages that show people by name do not open, because who sees whom is written down; figures "
    "and reports can be read. Please tell whoever looks after the server.",
)

# --- Flags: kept, answered 201, shown to a person ---
UNKNOWN_VERSION = ProblemType(
    "unknown_version",
    0,
    "Phiếu dùng bản biểu mẫu “{version}” mà máy chủ không có.",
    "Made with form version “{version}”, which this server does not have.",
)
OLD_VERSION = ProblemType(
    "old_version",
    0,
    "Phiếu dùng bản biểu mẫu cũ “{version}”.",
    "Made with an older form version “{version}”.",
)
FORM_CLOSED = ProblemType(
    "form_closed",
    0,
    "Biểu mẫu đã đóng khi phiếu được gửi đến.",
    "The form was closed when this arrived.",
)
NO_INSTANCE_ID = ProblemType(
    "no_instance_id",
    0,
    "Phiếu không có instanceID; máy chủ tự đặt mã theo nội dung.",
    "No instanceID; the server derived one from the content.",
)
BAD_CHARACTERS = ProblemType(
    "bad_characters",
    0,
    "Phiếu có ký tự điều khiển; đã giữ bản gốc, đọc bản đã làm sạch.",
    "Control characters; the original is kept, a cleaned copy is read.",
)
DIFFERENT_CONTENT = ProblemType(
    "different_content",
    0,
    "Cùng mã phiếu nhưng nội dung khác với lần gửi trước; giữ cả hai.",
    "Same instanceID with other content than before; both are kept.",
)
EDIT_OF_OLD = ProblemType(
    "edit_of_old",
    0,
    "Phiếu sửa một bản đã được sửa trước đó; giữ cả hai.",
    "This edits a version that was edited before; both are kept.",
)
EDIT_BY_ANOTHER = ProblemType(
    "edit_by_another",
    0,
    "Người sửa phiếu không phải là người đã gửi phiếu.",
    "This was edited by somebody else than who had sent it.",
)
NOT_HER_FORM = ProblemType(
    "not_her_form",
    0,
    "Người có vai trò “{role}” thường không điền biểu mẫu này.",
    "Somebody with the role “{role}” does not usually fill in this form.",
)
FILE_NAME_CHANGED = ProblemType(
    "file_name_changed",
    0,
    "Tên tệp đính kèm có đường dẫn; chỉ giữ phần tên.",
    "An attachment's name held a path; only its last part was kept.",
)
FILE_NOT_AS_NAMED = ProblemType(
    "file_not_as_named",
    0,
    "Một tệp đính kèm tên là “.{ending}” nhưng bên trong là loại tệp khác.",
    "An attachment is called “.{ending}”, and inside it is a file of another kind.",
)
FUTURE_DATE = ProblemType(
    "future_date", 0, "Ngày sự kiện {day} ở tương lai.", "The event's day {day} is in the future."
)
OLD_DATE = ProblemType(
    "old_date",
    0,
    "Ngày sự kiện {day} quá xa trong quá khứ.",
    "The event's day {day} is too far in the past.",
)
NO_DATE = ProblemType(
    "no_date", 0, "Phiếu không có ngày sự kiện đọc được.", "The event has no readable day."
)
BEFORE_FOUNDING = ProblemType(
    "before_founding",
    0,
    "Ngày sự kiện trước ngày CLB ra mắt.",
    "The event is before the club was founded.",
)
AFTER_END = ProblemType(
    "after_end",
    0,
    "Sự kiện xảy ra sau ngày người (hoặc nơi) này không còn nữa.",
    "The event's day is after the day on which this person (or place) is no more.",
)
AFTER_LEAVING = ProblemType(
    "after_leaving",
    0,
    "Phiếu nói về người đã ra khỏi, hoặc nơi đã ngừng, từ trước ngày này.",
    "About somebody who had left, or a place that had stopped, before this day.",
)
FOR_A_PERSON = ProblemType("for_a_person", 0, "{vi}", "{en}")  # the library says what to look at
LOOK_AT = ProblemType("look_at", 0, "{vi}", "{en}")  # the same, because of what else is known
BEFORE_JOINING = ProblemType(
    "before_joining",
    0,
    "Ngày sự kiện trước ngày người này vào CLB, hoặc trước khi có việc này.",
    "The event is before the person joined, or before what it is about began.",
)
UNKNOWN_PERSON = ProblemType(
    "unknown_person",
    0,
    "Chưa có đăng ký của người (hoặc việc) này; phiếu đang chờ.",
    "This person (or matter) is not registered yet; the record waits.",
)
UNKNOWN_CHOICE = ProblemType(
    "unknown_choice",
    0,
    "Câu “{field}” có mã trả lời không có trong biểu mẫu.",
    "Question “{field}” holds a choice the form does not have.",
)
NOT_A_NUMBER = ProblemType(
    "not_a_number", 0, "Câu “{field}” cần số.", "Question “{field}” needs a number."
)
NOT_IN_FORM = ProblemType(
    "not_in_form",
    0,
    "Phiếu có câu “{field}” mà biểu mẫu không có.",
    "The submission holds “{field}”, which the form does not have.",
)
ENTITY_ALREADY_THERE = ProblemType(
    "entity_already_there",
    0,
    "Danh sách “{list}” đã có người mang mã này; không thêm lần nữa.",
    "List “{list}” has an entry of this id already; it was not added again.",
)
ENTITY_UNKNOWN_LIST = ProblemType(
    "entity_unknown_list",
    0,
    "Máy chủ không có danh sách “{list}”.",
    "This server has no list “{list}”.",
)
ENTITY_WAITS = ProblemType(
    "entity_waits",
    0,
    "Danh sách “{list}”: thay đổi này đang chờ phiếu gửi trước nó.",
    "List “{list}”: this change waits for one that was made before it.",
)
ENTITY_UNKNOWN_BASE = ProblemType(
    "entity_unknown_base",
    0,
    "Danh sách “{list}”: không rõ máy đã thấy bản nào; đã ghi vào bản mới nhất, xin xem lại.",
    "List “{list}”: nobody knows which version the phone saw; applied to the latest, please check.",
)
ENTITY_TRUNK_ALONE = ProblemType(
    "entity_trunk_alone",
    0,
    "Danh sách “{list}”: có trunkVersion mà không có branchId.",
    "List “{list}”: a trunkVersion without a branchId.",
)
ENTITY_DELETED = ProblemType(
    "entity_deleted",
    0,
    "Danh sách “{list}”: mục này đã bị xóa trước khi phiếu đến; đã giữ thay đổi, không đưa lại.",
    "List “{list}”: deleted before this arrived; the change is kept, the entry stays deleted.",
)
ENTITY_BAD_ID = ProblemType(
    "entity_bad_id",
    0,
    "Không cập nhật được danh sách “{list}”: mã không phải UUID.",
    "List “{list}” was not changed: the id is not a UUID.",
)
ENTITY_NO_LABEL = ProblemType(
    "entity_no_label",
    0,
    "Không thêm được vào danh sách “{list}”: thiếu tên hiển thị.",
    "Nothing was added to list “{list}”: the label is blank.",
)
ENTITY_BAD_VERSION = ProblemType(
    "entity_bad_version",
    0,
    "Danh sách “{list}”: số phiên bản “{name}” không đọc được, coi như không có.",
    "List “{list}”: version “{name}” cannot be read and counts as not given.",
)
ENTITY_NOT_DECLARED = ProblemType(
    "entity_not_declared",
    0,
    "Không cập nhật được danh sách “{list}”: biểu mẫu không khai báo việc này.",
    "List “{list}” was not changed: the form does not declare this.",
)
ENTITY_CONFLICT = ProblemType(
    "entity_conflict",
    0,
    "Hai máy cùng sửa một người trong danh sách “{list}”.",
    "Two phones changed the same entry of list “{list}”.",
)
ENCRYPTED = ProblemType(
    "encrypted",
    0,
    "Phiếu được mã hóa; máy chủ không đọc được nội dung.",
    "The submission is encrypted; its answers cannot be read here.",
)

ENCRYPTED_OTHER_KEY = ProblemType(
    "encrypted_other_key",
    0,
    "Phiếu được mã hóa cho một khóa khác.",
    "The submission is encrypted for another key.",
)
ENCRYPTED_FILE_MISSING = ProblemType(
    "encrypted_file_missing",
    0,
    "Phiếu được mã hóa, tệp “{file}” còn ở trên điện thoại.",
    "The submission is encrypted, and its file “{file}” is still on the phone.",
)
ENCRYPTED_DAMAGED = ProblemType(
    "encrypted_damaged",
    0,
    "Phiếu được mã hóa nhưng bị hỏng, mở bằng khóa không được.",
    "The encrypted submission is damaged: the key does not open it.",
)

PRIVATE_KEY_NOT_READABLE = ProblemType(
    "private_key_not_readable",
    400,
    "Tệp này không phải là khóa riêng RSA (PEM, không mật khẩu) do “cayda form key” tạo ra.",
    "This is not a private RSA key (PEM, without password) as “cayda form key” makes it.",
)

# --- Refusals of what a person decides about an entity ---
VERSION_CONFLICT = ProblemType(
    "version_conflict",
    409,
    "Mục này vừa được sửa: bản hiện nay là {current}. Xin xem lại rồi sửa tiếp.",
    "This entry has changed meanwhile: it is at version {current}. Please look again.",
)
ENTITY_EXISTS = ProblemType(
    "entity_exists", 409, "Danh sách “{list}” đã có mã này.", "List “{list}” has this id already."
)
ENTITY_ID_REFUSED = ProblemType(
    "entity_id_refused", 400, "Mã phải là một UUID.", "The id must be a UUID."
)
ENTITY_LABEL_MISSING = ProblemType(
    "entity_label_missing", 400, "Thiếu tên hiển thị (label).", "The label is missing."
)
ENTITY_NO_PROPERTY = ProblemType(
    "entity_no_property",
    400,
    "Danh sách “{list}” không có thuộc tính “{name}”.",
    "List “{list}” has no property “{name}”.",
)

ENTITY_COMPUTED = ProblemType(
    "entity_computed",
    400,
    "“{name}” trong danh sách “{list}” do máy chủ tự tính từ các phiếu. Xin sửa phiếu.",
    "“{name}” of list “{list}” is found by the server from the records. Please mend the record.",
)

# --- Refusals of a link between entities that are one, or of its undoing ---
LINK_LIST = ProblemType(
    "link_list",
    400,
    "Các mục của danh sách “{list}” không gộp được với nhau.",
    "Entries of list “{list}” cannot be linked.",
)
LINK_UNKNOWN = ProblemType(
    "link_unknown",
    404,
    "Danh sách “{list}” không có mục {uuid}, hoặc mục đã bị xóa.",
    "List “{list}” has no entry {uuid}, or it is deleted.",
)
LINK_TWO = ProblemType(
    "link_two",
    400,
    "Xin cho ít nhất hai mục khác nhau.",
    "Please name at least two different entries.",
)
LINK_ALREADY = ProblemType(
    "link_already",
    409,
    "Mục {uuid} đã được gộp vào {canonical}. Xin dùng mã {canonical}, hoặc tách ra trước.",
    "Entry {uuid} is linked to {canonical} already. Please name {canonical}, or unlink it first.",
)
LINK_TAKE = ProblemType(
    "link_take",
    400,
    "Không chọn được “{fact}” của {chosen}: xin xem lại tên thông tin và mã của mục.",
    "“{fact}” of {chosen} cannot be taken: please check the name and the entry's id.",
)
LINK_NONE = ProblemType(
    "link_none",
    404,
    "Mục {uuid} chưa gộp vào mục nào. Xin cho mã của mục đã gộp, không phải mục giữ lại.",
    "Entry {uuid} is linked to none. Please name the one linked away, not the one that stays.",
)

# --- Refusals of a word about two reports that may tell of one event ---
EVENT_UNLIKE = ProblemType(
    "event_unlike",
    400,
    "Phải là hai phiếu khác nhau của cùng mẫu, cùng người (hoặc CLB), cùng ngày. "
    "Phiếu nào ghi sai, xin sửa trước.",
    "These must be two forms of one kind, about one person (or club) and one day. "
    "Please mend the wrong one first.",
)
EVENT_UNDECIDED = ProblemType(
    "event_undecided",
    404,
    "Chưa ai quyết định gì về hai phiếu này.",
    "Nobody has decided anything about these two.",
)

# --- Places: a decision or a file of clubs that cannot be taken ---
CLUB_PLACE_REFUSED = ProblemType(
    "club_place_refused",
    400,
    "Ngày {day} không có xã/phường mang mã {code}.",
    "On {day} there was no commune or ward with code {code}.",
)
CLUB_UNIT_NAME = ProblemType(
    "club_unit_name",
    400,
    "Ngày {day} mã {code} là “{unit}”, không phải “{given}”. Xin xem lại ngày.",
    "On {day} code {code} was “{unit}”, not “{given}”. Please check the day.",
)
CLUB_COLUMN_MISSING = ProblemType(
    "club_column_missing", 400, "Thiếu “{column}”.", "“{column}” is missing."
)
CLUB_COLUMN_UNKNOWN = ProblemType(
    "club_column_unknown",
    400,
    "Không có cột “{column}” trong danh sách CLB.",
    "The list of clubs has no column “{column}”.",
)
CLUB_DAY = ProblemType(
    "club_day",
    400,
    "“{column}” phải là ngày, viết 2018-05-30 hoặc 30/05/2018.",
    "“{column}” must be a day, written 2018-05-30 or 30/05/2018.",
)
CLUB_ROWS_APART = ProblemType(
    "club_rows_apart",
    400,
    "Các dòng của CLB “{code}” không giống nhau ở “{column}”.",
    "The rows of club “{code}” differ in “{column}”.",
)

# --- A decision about units (a CSV of what became of which unit) ---
DECISION_COLUMN = ProblemType(
    "decision_column", 400, "Tệp thiếu cột “{column}”.", "The file lacks the column “{column}”."
)
DECISION_CELL = ProblemType(
    "decision_cell",
    400,
    "Ô ở cột “{column}” không dùng được: {value}.",
    "The cell in column “{column}” cannot be used: {value}.",
)
DECISION_NO_UNIT = ProblemType(
    "decision_no_unit",
    400,
    "Không có đơn vị cấp {level} mang mã {code} vào ngày {day} (hoặc ngày liền trước).",
    "There is no {level} with code {code} on {day} (or the day before).",
)
DECISION_UNFIT = ProblemType(
    "decision_unfit",
    400,
    "Sau quyết định này, {at} không hợp lý: {why_vi}.",
    "After this decision {at} would not fit: {why}.",
)

# --- A report, a list of whom to see to ---
UNKNOWN_LIST = ProblemType(
    "unknown_list",
    404,
    "Không có danh sách “{list}”. Có: {lists}.",
    "There is no list “{list}”. There are: {lists}.",
)
NO_DOCUMENT = ProblemType(
    "no_document",
    404,
    "Thư viện này không có mẫu báo cáo để ký cho cấp “{level}”.",
    "This library has no document to sign for level “{level}”.",
)

# --- Refusals of an account ---
BAD_NAME = ProblemType(
    "bad_name",
    400,
    "Tên cần từ 1 đến {limit} chữ và không có dấu hai chấm, ngoặc kép hay gạch chéo ngược.",
    "A name has 1 to {limit} letters and no colon, double quote or backslash.",
)
BAD_PASSWORD = ProblemType(
    "bad_password",
    400,
    "Mật khẩu cần ít nhất {limit} ký tự.",
    "A password has at least {limit} characters.",
)
WRONG_PASSWORD = ProblemType(
    "wrong_password",
    400,
    "Mật khẩu hiện nay không đúng.",
    "The password until now is not right.",
)
PASSWORDS_APART = ProblemType(
    "passwords_apart",
    400,
    "Hai lần gõ mật khẩu mới không giống nhau.",
    "The new password was typed in two ways.",
)
NAME_TAKEN = ProblemType("name_taken", 409, "Tên này đã có người dùng.", "That name is taken.")
UNKNOWN_ROLE = ProblemType(
    "unknown_role", 400, "Không có vai trò này. Có: {roles}.", "No such role. There are: {roles}."
)

# --- Refusals of the JSON API ---
INSECURE = ProblemType(
    "insecure",
    401,
    "Tên và mật khẩu chỉ được gửi qua https.",
    "A name and password are taken over https only.",
)
NOT_JSON = ProblemType(
    "not_json", 400, "Nội dung gửi lên phải là JSON.", "What is sent must be a JSON object."
)
MISSING_FIELDS = ProblemType("missing_fields", 400, "Thiếu: {fields}.", "Missing: {fields}.")
TOKEN_NAME = ProblemType(
    "token_name",
    400,
    "Xin đặt tên ngắn cho mã truy cập, một dòng, để sau này còn nhận ra.",
    "Please give the token a short name of one line, to know it by later.",
)
TOKEN_SCOPE = ProblemType(
    "token_scope",
    400,
    "Mã truy cập chỉ được làm những việc bác được làm, ít nhất một việc: {allowed}.",
    "A token may do only what you may, and at least one of these: {allowed}.",
)
TOKEN_END = ProblemType(
    "token_end",
    400,
    "Ngày hết hạn phải ở sau lúc này, và không quá {days} ngày nữa.",
    "A token ends after this moment, within {days} days.",
)
BAD_FIELDS = ProblemType("bad_fields", 400, "Sai kiểu: {fields}.", "Of the wrong type: {fields}.")
BAD_DAY = ProblemType(
    "bad_day",
    400,
    "Không hiểu ngày “{text}”. Xin viết ngày/tháng/năm, ví dụ 05/06/2026.",
    "The day “{text}” cannot be read. Please write day/month/year, such as 05/06/2026.",
)
BAD_PARAMETER = ProblemType(
    "bad_parameter",
    400,
    "Không hiểu giá trị của “{name}” trong địa chỉ.",
    "The value of “{name}” in the address cannot be read.",
)
UNKNOWN_PLACE = ProblemType(
    "unknown_place",
    400,
    "Không có đơn vị hay câu lạc bộ mang mã “{code}”.",
    "There is no unit or club with code “{code}”.",
)
FILE_RIGHTS_CHANGED = ProblemType(
    "file_rights_changed",
    403,
    "Từ khi làm tệp này, quyền xem của bác đã thay đổi. Xin làm tệp mới.",
    "What you may see has changed since this file was made. Please have it made anew.",
)
NO_SUCH_FIGURE = ProblemType(
    "no_such_figure",
    404,
    "Không có số liệu “{figure}”. Xin kiểm tra lại mã chỉ tiêu, cấp và cách chia.",
    "There is no figure “{figure}”. Please check the indicator's id, the level and the cut.",
)
NO_PHONE_ROLE = ProblemType(
    "no_phone_role",
    400,
    "Không có vai trò “{role}” dùng điện thoại; có: {roles}.",
    "No role “{role}” uses a phone; there are: {roles}.",
)
UNKNOWN_MEMBER = ProblemType(
    "unknown_member",
    400,
    "Không có ai mang mã “{member}” trong danh sách.",
    "Nobody on the lists has the id “{member}”.",
)
SAME_PHONE = ProblemType(
    "same_phone",
    409,
    "Đã có máy tên “{name}” với vai trò này ở đó; ghi thêm để phân biệt, hoặc thu hồi máy cũ.",
    "There is a phone “{name}” of this role there; add something to tell them apart, or revoke it.",
)
TABLE_NOT_UTF8 = ProblemType(
    "table_not_utf8",
    400,
    "Tệp không phải UTF-8; trong Excel, hãy lưu lại dạng “CSV UTF-8”.",
    "The file is not UTF-8; in Excel, save it as “CSV UTF-8”.",
)
TABLE_NOT_CSV = ProblemType(
    "table_not_csv",
    400,
    "Tệp không đọc được như một bảng CSV.",
    "The file cannot be read as a CSV table.",
)
MISSING_CELL = ProblemType("missing_cell", 400, "Thiếu “{column_vi}”.", "“{column}” is missing.")
NO_FILE = ProblemType("no_file", 400, "Chưa chọn tệp.", "No file was chosen.")
NO_ROWS = ProblemType(
    "no_rows",
    400,
    "Dưới dòng tiêu đề không có dòng nào được điền.",
    "Nothing is filled in below the headings.",
)
NEEDS_PLACE = ProblemType(
    "needs_place",
    400,
    "Vai trò này cần một câu lạc bộ hoặc một đơn vị, nếu không sẽ không thấy gì.",
    "This role needs a club or a unit, or it would see nothing.",
)
ROLE_DECIDES = ProblemType(
    "role_decides",
    409,
    "Máy nào điền biểu mẫu “{form}” là do vai trò của máy; ở đây không đổi được.",
    "Which phone fills in form “{form}” is decided by its role; it is not changed here.",
)
ONE_ROLE = ProblemType(
    "one_role",
    409,
    "Mỗi người có một vai trò, ở một nơi. Muốn đổi, xin sửa người ấy (PATCH /users).",
    "Everybody has one role, at one place. To change it, change the person (PATCH /users).",
)
LIST_IS_RULED = ProblemType(
    "list_is_ruled",
    409,
    "Ai được xem và ghi danh sách “{list}” do quy định của tổ chức; ở đây không đổi được.",
    "Who sees and writes list “{list}” is laid down by the organisation; it is not changed here.",
)
FORM_EXISTS = ProblemType(
    "form_exists",
    409,
    "Đã có biểu mẫu “{form}”. Muốn thay, xin tạo bản nháp của nó.",
    "There is a form “{form}” already. To change it, make a draft of it.",
)
OTHER_API = ProblemType(
    "other_api",
    404,
    "Máy chủ chỉ có phiên bản /v1 của giao diện này.",
    "This server has version /v1 of this interface only.",
)
ALREADY_HERE = ProblemType(
    "already_here",
    409,
    "Phiếu {instance} đã có trên máy chủ.",
    "Submission {instance} is already here.",
)
NO_DEPRECATED_ID = ProblemType(
    "no_deprecated_id",
    400,
    "Bản sửa phải ghi mã của bản đang được tính (deprecatedID).",
    "An edit names the instanceID of the version that counts now (deprecatedID).",
)
OTHER_FORM = ProblemType(
    "other_form",
    400,
    "Phiếu này của một biểu mẫu khác.",
    "What was sent belongs to another form.",
)
NOT_WHOLE = ProblemType(
    "not_whole",
    403,
    "Phiếu có câu trả lời mà vai trò này không được xem, nên không lấy được bản gốc.",
    "The document holds answers this role may not see; ask for its fields instead.",
)
DELETE_NEEDS_WHOLE = ProblemType(
    "delete_needs_whole",
    403,
    "Phiếu có câu trả lời mà vai trò này không được xem, nên không xóa hay khôi phục được ở đây.",
    "It holds answers this role may not see, so it is neither deleted nor restored here.",
)
BAD_FILTER = ProblemType(
    "bad_filter",
    400,
    "Không hiểu điều kiện ở “{why}”.",
    "The condition cannot be read near “{why}”.",
)
UNKNOWN_FILTER_FIELD = ProblemType(
    "unknown_filter_field",
    501,
    "Không lọc hay sắp xếp được theo “{field}”.",
    "Nothing can be filtered or ordered by “{field}”.",
)
UNKNOWN_FILTER_FUNCTION = ProblemType(
    "unknown_filter_function",
    501,
    "Không có hàm “{name}” trong điều kiện.",
    "There is no function “{name}” in a condition.",
)
UNKNOWN_QUERY_OPTION = ProblemType(
    "unknown_query_option",
    501,
    "Không có tùy chọn “{name}” ở đây.",
    "There is no option “{name}” here.",
)
BAD_SKIPTOKEN = ProblemType(
    "bad_skiptoken", 400, "Không đọc được $skiptoken.", "The $skiptoken cannot be read."
)
NO_SUCH_ROW = ProblemType(
    "no_such_row",
    400,
    "Dòng cuối của trang trước (after) không còn ở đây. Xin đọc lại từ đầu.",
    "The last row of the page before (after) is not here any more. Please begin again.",
)
UNKNOWN_SELECT = ProblemType(
    "unknown_select", 400, "Không có cột “{name}”.", "There is no field “{name}” to select."
)
LIST_EXISTS = ProblemType(
    "list_exists",
    409,
    "Đã có danh sách tên “{list}”.",
    "There is a list “{list}” already.",
)
TOO_FEW_TO_LEARN = ProblemType(
    "too_few_to_learn",
    409,
    "Danh sách “{list}” mới có {count} người; cần ít nhất {fewest} người để ước lượng. "
    "Trọng số có sẵn vẫn dùng được.",
    "The list “{list}” has {count} people; {fewest} are needed to learn from. "
    "The weights that are shipped still hold.",
)
PAIR_UNKNOWN = ProblemType(
    "pair_unknown",
    404,
    "Trong danh sách “{list}”, không có gì cho thấy hai mục này là một người.",
    "Nothing says that these two of the list “{list}” may be one.",
)
PAIR_JOINED = ProblemType(
    "pair_joined",
    409,
    "Hai mục này đang được gộp làm một. Nếu là hai người, xin tách ra trước.",
    "These two are joined as one. If they are two people, take them apart first.",
)
NEEDS_WORDS = ProblemType(
    "needs_words",
    400,
    "Chưa viết gì. Xin viết vài chữ để người khác hiểu vì sao.",
    "Nothing was written. Please say why in a few words, for others to understand.",
)
TEXT_TOO_LONG = ProblemType(
    "text_too_long",
    400,
    "Chữ dài quá (tối đa {limit} chữ cái). Xin viết ngắn lại.",
    "The text is too long (at most {limit} letters). Please make it shorter.",
)
NOT_ACCEPTABLE = ProblemType(
    "not_acceptable",
    406,
    "Địa chỉ này không trả lời theo dạng đó.",
    "This address does not answer in that format.",
)


_TYPES = {kind.code: kind for kind in list(globals().values()) if isinstance(kind, ProblemType)}


def read_stored(stored: Mapping[str, Any]) -> Problem | None:
    """A kept problem ({"code", "details"}); None of a code no longer known."""
    kind = _TYPES.get(stored["code"])
    return Problem(kind, stored["details"]) if kind else None


def words_of(stored: Mapping[str, Any]) -> str:
    """A kept problem in Vietnamese; of a code no longer known, the code."""
    problem = read_stored(stored)
    return problem.vi if problem else str(stored["code"])
