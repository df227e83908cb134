"""Every reason a form's source may be refused (status 400) or deserves a second look (status 0).

A sentence says what is wrong and what to do; sheet, row and cell are in the Problem's `where`.
"""

# ruff: noqa: E501 -- a sentence for people stands on one line, to be read and searched whole

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from forms.problems import Problem, ProblemType


class FormRefused(Exception):
    """The form cannot be used; carries every problem found, refusals and warnings."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(", ".join(problem.code for problem in problems))
        self.problems = problems


def did_you_mean(word: str, known: Iterable[str]) -> dict[str, str]:
    """Details hint_vi and hint_en: the nearest known word, or nothing."""
    near = get_close_matches(word, list(known), n=1)
    if not near:
        return {"hint_vi": "", "hint_en": ""}
    return {"hint_vi": f" Có phải “{near[0]}”?", "hint_en": f" Did you mean “{near[0]}”?"}


def _refusal(code: str, vi: str, en: str) -> ProblemType:
    return ProblemType(f"form_{code}", 400, vi, en)


def _warning(code: str, vi: str, en: str) -> ProblemType:
    return ProblemType(f"form_{code}", 0, vi, en)


# --- The file ---
EMPTY_FILE = _refusal("empty_file", "Tệp trống, không có gì để đọc.", "The file is empty.")
FILE_TOO_LARGE = _refusal(
    "file_too_large",
    "Tệp quá lớn (tối đa {limit} MB). Xin bỏ bớt ảnh và trang không dùng.",
    "The file is too large (at most {limit} MB). Remove pictures and unused sheets.",
)
NOT_A_WORKBOOK = _refusal(
    "not_a_workbook",
    "Tệp không phải bảng tính .xlsx hoặc đã hỏng. Xin mở bằng Excel/LibreOffice rồi lưu lại dạng .xlsx.",
    "The file is not an .xlsx workbook, or is damaged. Open it and save it again as .xlsx.",
)
OLD_OR_LOCKED_WORKBOOK = _refusal(
    "old_or_locked_workbook",
    "Tệp là Excel kiểu cũ (.xls) hoặc có mật khẩu. Xin bỏ mật khẩu và lưu lại dạng .xlsx.",
    "The file is an old .xls workbook or has a password. Remove the password and save as .xlsx.",
)
ACTIVE_WORKBOOK = _refusal(
    "active_workbook",
    "Tệp có macro, tệp nhúng hoặc liên kết ra ngoài ({part}). Xin lưu lại dạng .xlsx thường, không có những thứ đó.",
    "The file has macros, embedded files or links to others ({part}). Save it as a plain .xlsx without them.",
)
NOT_UTF8 = _refusal(
    "not_utf8",
    "Tệp không phải văn bản UTF-8. Xin lưu lại với bảng mã UTF-8.",
    "The file is not UTF-8 text. Save it again as UTF-8.",
)
BYTE_ORDER_MARK = _refusal(
    "byte_order_mark",
    "Đầu tệp có dấu BOM nên bảng đầu tiên sẽ bị mất. Xin lưu dạng “UTF-8 không BOM”.",
    "The file begins with a byte-order mark, which hides its first table. Save as UTF-8 without BOM.",
)
CONTROL_CHARACTER = _refusal(
    "control_character",
    "Có ký tự điều khiển (mã {number}) không dùng được trong biểu mẫu. Xin xóa rồi gõ lại.",
    "A control character (number {number}) cannot be used in a form. Delete it and type again.",
)
CSV_SEMICOLON = _refusal(
    "csv_semicolon",
    "Tệp CSV dùng dấu chấm phẩy. Xin lưu với dấu phẩy, hoặc dùng .xlsx.",
    "The CSV uses semicolons. Save it with commas, or use .xlsx.",
)
CSV_BROKEN = _refusal(
    "csv_broken",
    "Không đọc được CSV (có thể thiếu dấu ngoặc kép đóng).",
    "The CSV cannot be read (a closing quote may be missing).",
)
NOT_A_FORM = _refusal(
    "not_a_form",
    "Không tìm thấy bảng nào. Biểu mẫu cần ít nhất bảng “survey” với cột type, name, label.",
    "No table found. A form needs at least a “survey” table with columns type, name, label.",
)
UNKNOWN_KIND = _refusal(
    "unknown_kind",
    "Không nhận loại tệp “{kind}”. Dùng .xlsx, .md, .csv hoặc .xml.",
    "Files of kind “{kind}” are not accepted. Use .xlsx, .md, .csv or .xml.",
)

# --- Markdown ---
MD_PADDED_SEPARATOR = _refusal(
    "md_padded_separator",
    "Dòng kẻ ngang có khoảng trắng hoặc dấu “:” nên các dòng sau sẽ bị mất. Viết liền: |---|---|",
    "A separator row with spaces or “:” loses the rows after it. Write it bare: |---|---|",
)
MD_STRAY_FIRST_CELL = _refusal(
    "md_stray_first_cell",
    "Ô đầu dòng có chữ “{text}” nên dòng này bị hiểu là một bảng mới. Xin để trống ô đầu.{hint_vi}",
    "The first cell holds “{text}”, so this row would begin a new table. Leave it empty.{hint_en}",
)
MD_TOO_MANY_CELLS = _refusal(
    "md_too_many_cells",
    "Dòng có nhiều ô hơn tiêu đề. Nếu trong chữ có dấu “|”, xin viết “\\|”.",
    "The row has more cells than the header. If the text holds a “|”, write it “\\|”.",
)
MD_SECOND_TABLE = _refusal(
    "md_second_table",
    "Bảng “{sheet}” xuất hiện lần thứ hai (lần đầu ở dòng {first}). Chỉ được một bảng mỗi tên.",
    "A second table “{sheet}” (the first is on line {first}). Each name may have one table only.",
)
MD_UNCLOSED_ROW = _refusal(
    "md_unclosed_row",
    "Dòng không kết thúc bằng “|” nên ô cuối bị mất. Thêm “|”; không xuống dòng trong ô.",
    "The row does not end with “|”, so its last cell is lost. Add “|”; no line breaks in cells.",
)
MD_TEXT_BEFORE_SHEET = _refusal(
    "md_text_before_sheet",
    "Dòng bảng đứng trước khi có tên bảng. Viết “| survey |” ở dòng trên.",
    "A table row stands before any table name. Write “| survey |” above it.",
)
LINE_BREAK_IN_CELL = _refusal(
    "line_break_in_cell",
    "Ô có xuống dòng; Markdown không ghi được. Xin bỏ xuống dòng hoặc giữ tệp .xlsx.",
    "The cell has a line break, which Markdown cannot hold. Remove it or keep the .xlsx.",
)

# --- Sheets and columns ---
NO_SURVEY = _refusal(
    "no_survey",
    "Không có trang “survey” (tìm thấy: {found}). Đặt tên trang câu hỏi là survey.{hint_vi}",
    "There is no “survey” sheet (found: {found}). Name the sheet with the questions so.{hint_en}",
)
NO_QUESTIONS = _refusal(
    "no_questions",
    "Trang survey không có câu hỏi nào.",
    "The survey sheet has no question.",
)
MISSING_COLUMN = _refusal(
    "missing_column",
    "Trang {sheet} thiếu cột “{column}”.",
    "Sheet {sheet} lacks the column “{column}”.",
)
DUPLICATE_COLUMN = _refusal(
    "duplicate_column",
    "Cột “{column}” có hai lần. Xin xóa hoặc đổi tên một cột.",
    "Column “{column}” appears twice. Remove or rename one.",
)
CELL_OUTSIDE_HEADER = _warning(
    "cell_outside_header",
    "Ô có chữ nhưng cột không có tên ở dòng tiêu đề, nên nội dung bị bỏ qua.",
    "The cell holds text but its column has no heading, so the text is ignored.",
)
FORMULA_ERROR = _refusal(
    "formula_error",
    "Ô có lỗi công thức {text}. Xin sửa công thức hoặc gõ giá trị.",
    "The cell shows the formula error {text}. Mend the formula or type the value.",
)
FORMULA_WITHOUT_VALUE = _refusal(
    "formula_without_value",
    "Ô là công thức chưa có kết quả được lưu. Mở bằng Excel/LibreOffice, lưu lại, hoặc gõ giá trị.",
    "The cell is a formula whose result was not saved. Open and save it, or type the value.",
)

# --- Survey ---
TOO_DEEP = _refusal(
    "too_deep",
    "Các nhóm lồng nhau quá sâu.",
    "The groups are nested too deeply.",
)
NO_TYPE = _refusal(
    "no_type",
    "Câu hỏi chưa có loại: cột type để trống.",
    "The question has no type: the type column is empty.",
)
NO_NAME = _refusal(
    "no_name",
    "Câu hỏi hoặc nhóm chưa có tên: cột name để trống.",
    "The question or group has no name: the name column is empty.",
)
NO_LABEL = _refusal(
    "no_label",
    "Câu “{name}” không có nhãn (label) hay gợi ý (hint), người dùng sẽ không thấy câu hỏi.",
    "Question “{name}” has neither label nor hint, so nobody would see a question.",
)
UNKNOWN_TYPE = _refusal(
    "unknown_type",
    "Loại câu hỏi “{type}” không có trong XLSForm.{hint_vi}",
    "“{type}” is not an XLSForm question type.{hint_en}",
)
LIST_NOT_FOUND = _refusal(
    "list_not_found",
    "Danh sách “{list}” không có trong trang choices.{hint_vi}",
    "List “{list}” is not in the choices sheet.{hint_en}",
)
NO_CHOICES_SHEET = _refusal(
    "no_choices_sheet",
    "Câu chọn cần trang “choices” với cột list_name, name, label, nhưng tệp không có.",
    "A select question needs a “choices” sheet with list_name, name, label; there is none.",
)
NO_EXTERNAL_CHOICES = _refusal(
    "no_external_choices",
    "Câu select_one_external cần trang “external_choices” với cột list_name và name.",
    "A select_one_external needs an “external_choices” sheet with list_name and name.",
)
SELECT_WITHOUT_LIST = _refusal(
    "select_without_list",
    "Câu chọn chưa nói danh sách. Viết ví dụ: select_one yes_no",
    "The select question names no list. Write for example: select_one yes_no",
)
BAD_NAME = _refusal(
    "bad_name",
    "Tên “{name}” không hợp lệ: bắt đầu bằng chữ không dấu hoặc “_”, sau đó chữ, số, “_”, “-”, “.”; không có khoảng trắng.",
    "Name “{name}” is not allowed: begin with a letter or “_”, then letters, digits, “_”, “-”, “.”; no spaces.",
)
DUPLICATE_NAME = _refusal(
    "duplicate_name",
    "Tên “{name}” đã dùng ở dòng {first} trong cùng nhóm. Xin đặt tên khác.",
    "Name “{name}” is already used on row {first} of the same group. Choose another.",
)
RESERVED_NAME = _refusal(
    "reserved_name",
    "Tên “meta” dành cho hệ thống. Xin đặt tên khác.",
    "The name “meta” is reserved. Choose another.",
)
REPEAT_NAME = _refusal(
    "repeat_name",
    "Tên nhóm lặp “{name}” đã dùng nơi khác hoặc trùng tên gốc của biểu mẫu. Xin đặt tên khác.",
    "Repeat name “{name}” is used elsewhere or is the form's root name. Choose another.",
)
NOT_CLOSED = _refusal(
    "not_closed",
    "Nhóm “{name}” mở bằng begin {kind} nhưng không có end {kind}.",
    "“{name}” is opened with begin {kind} but never closed with end {kind}.",
)
WRONG_END = _refusal(
    "wrong_end",
    "Chỗ này cần end {expected} để đóng “{name}” (mở ở dòng {first}), nhưng lại là end {kind}.",
    "Here “{name}” (opened on row {first}) needs end {expected}, but there is end {kind}.",
)
NOT_OPENED = _refusal(
    "not_opened",
    "Có end {kind} nhưng không có begin {kind} nào đang mở.",
    "There is an end {kind} with no open begin {kind}.",
)
UNKNOWN_REFERENCE = _refusal(
    "unknown_reference",
    "${{{name}}} không trỏ đến câu hỏi nào.{hint_vi}",
    "${{{name}}} points to no question.{hint_en}",
)
AMBIGUOUS_REFERENCE = _refusal(
    "ambiguous_reference",
    "${{{name}}} trỏ đến nhiều câu hỏi cùng tên. Xin đặt tên khác nhau.",
    "${{{name}}} points to several questions of that name. Give them different names.",
)
BAD_REFERENCE = _refusal(
    "bad_reference",
    "Viết sai chỗ tham chiếu “{text}”. Viết đúng là ${{ten_cau_hoi}}, không khoảng trắng, có đủ ngoặc.",
    "The reference “{text}” is malformed. Write ${{question_name}}: no spaces, both braces.",
)
BAD_EXPRESSION = _refusal(
    "bad_expression",
    "Biểu thức ở cột {column} viết sai: {why_vi}.",
    "The expression in column {column} is wrong: {why_en}.",
)
CIRCLE = _refusal(
    "circle",
    "Các câu phụ thuộc vòng tròn: {names}. Điện thoại sẽ không mở được biểu mẫu.",
    "Questions depend on each other in a circle: {names}. Phones will not open the form.",
)
NO_CALCULATION = _refusal(
    "no_calculation",
    "Câu calculate chưa có công thức ở cột calculation.",
    "The calculate question has no expression in the calculation column.",
)
BAD_PARAMETERS = _refusal(
    "bad_parameters",
    "Cột parameters viết sai. Viết dạng: ten=gia_tri ten2=gia_tri2.",
    "The parameters column is wrong. {said}",
)
BAD_PARAMETER_NAMES = _refusal(
    "bad_parameter_names",
    "Loại câu này không có tham số {rejected}; chỉ có: {accepted}.",
    "This question type has no parameter {rejected}; it has: {accepted}.",
)
BAD_RANGE = _refusal(
    "bad_range",
    "Các số start, end, step của câu range không khớp nhau.",
    "The numbers of the range question do not fit together. {said}",
)
BAD_FILE_LIST = _refusal(
    "bad_file_list",
    "Tên tệp danh sách phải kết thúc bằng .csv, .xml hoặc .geojson.",
    "The list's file name must end in .csv, .xml or .geojson.",
)
BAD_TRIGGER = _refusal(
    "bad_trigger",
    "Cột trigger phải trỏ đến câu hỏi mà người dùng nhìn thấy, dạng ${{ten_cau_hoi}}.",
    "The trigger must name a visible question as ${{question_name}}. {said}",
)
BAD_AUDIT = _refusal(
    "bad_audit",
    "Dòng audit viết sai: để trống cột name và kiểm tra cột parameters.",
    "The audit row is wrong: leave its name empty and check its parameters. {said}",
)

# --- Choices ---
CHOICE_NO_NAME = _refusal(
    "choice_no_name",
    "Lựa chọn chưa có mã: cột name để trống.",
    "The choice has no name.",
)
CHOICE_NO_LIST = _warning(
    "choice_no_list",
    "Lựa chọn không thuộc danh sách nào (cột list_name để trống) nên bị bỏ qua.",
    "The choice belongs to no list (list_name is empty), so it is ignored.",
)
CHOICE_DUPLICATE = _refusal(
    "choice_duplicate",
    "Mã “{name}” có hai lần trong danh sách “{list}” (lần đầu ở dòng {first}).",
    "Choice “{name}” appears twice in list “{list}” (first on row {first}).",
)
CHOICE_WITH_SPACE = _refusal(
    "choice_with_space",
    "Mã lựa chọn “{name}” có khoảng trắng, không dùng được với câu chọn nhiều.",
    "Choice name “{name}” has a space, which a select_multiple cannot hold.",
)
CHOICE_NO_LABEL = _warning(
    "choice_no_label",
    "Lựa chọn chưa có nhãn; điện thoại sẽ hiện mã.",
    "The choice has no label; phones will show its code.",
)

# --- Entities ---
ENTITY_NO_SHEET = _refusal(
    "entity_no_sheet",
    "Có cột save_to nhưng tệp không có trang entities khai báo danh sách.",
    "save_to is used but no entities sheet declares a list.",
)
SAVE_TO_TWICE = _refusal(
    "save_to_twice",
    "Thuộc tính “{name}” đã lấy từ câu ở dòng {first}. Mỗi thuộc tính chỉ lấy từ một câu hỏi.",
    "Property “{name}” is already filled from row {first}. One question per property.",
)
SAVE_TO_ON_GROUP = _refusal(
    "save_to_on_group",
    "Dòng nhóm hoặc nhóm lặp không lưu được vào danh sách. Xin xóa ô save_to.",
    "A group or repeat cannot be saved to an entity. Empty the save_to cell.",
)
SAVE_TO_LIST = _refusal(
    "save_to_list",
    "Ô save_to phải là tên thuộc tính, hoặc “danh_sách#thuộc_tính” với danh sách có trong trang entities.",
    "save_to must be a property, or “list#property” with a list of the entities sheet.",
)
ENTITY_NO_LABEL = _refusal(
    "entity_no_label",
    "Danh sách tạo mới cần cột label trong trang entities.",
    "An entity that is created needs a label on the entities sheet.",
)
ENTITY_CONDITIONS = _refusal(
    "entity_conditions",
    "Ba cột entity_id, create_if, update_if không khớp: tạo mới thì không có entity_id; cập nhật thì cần entity_id; cả hai thì cần đủ ba cột.",
    "entity_id, create_if and update_if do not fit: create has no entity_id; update needs one; both need all three.",
)
ENTITY_SCOPE = _refusal(
    "entity_scope",
    "Khai báo entity lấy dữ liệu từ các nhóm/lặp không cùng chỗ.",
    "The entity takes its data from groups or repeats that do not fit together. {said}",
)
ENTITY_NAME = _refusal(
    "entity_name",
    "Tên danh sách hay thuộc tính entity không hợp lệ: không có dấu chấm, không bắt đầu bằng “__”, không là name hay label, không trùng.",
    "The entity list or property name is not allowed: no full stop, no leading “__”, not name or label, no repeats.",
)
ENTITY_COLUMN = _refusal(
    "entity_column",
    "Trang entities có cột không dùng được. Chỉ có list_name, label, entity_id, create_if, update_if, repeat.",
    "The entities sheet has an unknown column. Use list_name, label, entity_id, create_if, update_if, repeat.",
)

# --- Ready XForms ---
XFORM_NOT_XML = _refusal(
    "xform_not_xml",
    "Tệp không phải XML đúng.",
    "The file is not well-formed XML. {said}",
)
XFORM_NOT_A_FORM = _refusal(
    "xform_not_a_form",
    "XML này không phải biểu mẫu XForm: thiếu {part}.",
    "This XML is not an XForm: {part} is missing.",
)
XFORM_NO_TITLE = _refusal(
    "xform_no_title",
    "Biểu mẫu không có tiêu đề (h:title); điện thoại sẽ không mở được.",
    "The form has no title (h:title); phones would not open it.",
)
XFORM_ENTITIES_VERSION = _refusal(
    "xform_entities_version",
    "Bản entities “{version}” điện thoại không hiểu; cần 2022.1, 2023.1, 2024.1 hoặc 2025.1.",
    "Phones do not know entities version “{version}”; use 2022.1, 2023.1, 2024.1 or 2025.1.",
)
XFORM_HAS_NO_SOURCE = _refusal(
    "xform_has_no_source",
    "Biểu mẫu được nạp dạng XForm .xml nên không đổi ngược ra bảng tính được.",
    "The form came as a ready XForm .xml; it cannot be turned back into a spreadsheet.",
)

# --- Publishing ---
VERSION_TAKEN = _refusal(
    "version_taken",
    "Bản “{version}” của biểu mẫu “{form}” đã công bố với nội dung khác; nhiều máy có thể đang giữ bản ấy. Xin tăng version trong trang settings rồi công bố lại; muốn thử trước thì dùng “cayda form draft”.",
    "Version “{version}” of form “{form}” is published with other content, and phones may hold it. Raise the version in settings and publish again; to try it out first use “cayda form draft”.",
)
FILE_MISSING = _refusal(
    "file_missing",
    "Biểu mẫu cần tệp “{file}” nhưng không có tệp ấy, cũng không có danh sách cùng tên. Đặt tệp cạnh biểu mẫu.",
    "The form needs “{file}”; there is no such file and no list of that name. Put it beside the form.",
)

LIST_FOR_NOBODY = _refusal(
    "list_for_nobody",
    "Biểu mẫu dùng danh sách “{list}” ({file}) nhưng không vai trò nào được tải danh sách ấy. Thêm mục [{list}.download.<vai trò>] vào lists.toml của thư viện.",
    "The form uses the list “{list}” ({file}), which no role may download. Add [{list}.download.<role>] to lists.toml of the library.",
)
LIST_NOT_FOR_ROLE = _refusal(
    "list_not_for_role",
    "Biểu mẫu dùng danh sách “{list}” ({file}) nhưng vai trò {roles}, người điền biểu mẫu, không được tải. Thêm {entries} vào lists.toml của thư viện.",
    "The form uses the list “{list}” ({file}), but {roles}, who fills it in, may not download it. Add {entries} to lists.toml of the library.",
)
MEDIA_NOT_IN_FORM = _refusal(
    "media_not_in_form",
    "Biểu mẫu “{form}” không dùng tệp “{file}”. Các tệp nó dùng: {names}.",
    "Form “{form}” uses no file “{file}”. The files it uses: {names}.",
)
MEDIA_IS_LIST = _refusal(
    "media_is_list",
    "“{file}” là danh sách “{list}” của máy chủ, tự cắt theo từng máy; không thay bằng tệp được.",
    "“{file}” is the server's own list “{list}”, cut for each phone; a file cannot take its place.",
)
MEDIA_OF_OTHER_KIND = _refusal(
    "media_of_other_kind",
    "“{file}” bên trong là loại tệp khác, điện thoại sẽ không mở được. Xin chọn đúng tệp.",
    "“{file}” is a file of another kind inside: phones could not open it. Choose the right one.",
)
NO_DRAFT = _refusal(
    "no_draft",
    "Biểu mẫu “{form}” không có bản nháp nào đang thử.",
    "There is no draft of form “{form}” being tried out.",
)
FORM_ID_IS_ADDRESS = _refusal(
    "form_id_is_address",
    "Mã biểu mẫu “{form}” trùng với một địa chỉ: không dùng dấu “/”, không kết thúc bằng .xml, .xls, .xlsx.",
    "The form_id “{form}” would be another address: no “/” in it, no .xml, .xls, .xlsx at its end.",
)
DRAFT_NEEDS_PLACE = _refusal(
    "draft_needs_place",
    "Biểu mẫu dùng danh sách {lists}, cắt theo người điền: cần chọn câu lạc bộ hoặc đơn vị (--club, --unit).",
    "The form uses the lists {lists}, cut to who fills it in: a club or a unit is needed (--club, --unit).",
)
CANNOT_FILL_IN = _refusal(
    "cannot_fill_in",
    "Vai trò “{role}” không điền được biểu mẫu này; dùng: {roles}.",
    "Role “{role}” cannot fill in this form; use: {roles}.",
)
KEY_NOT_READABLE = _refusal(
    "key_not_readable",
    "Tệp không phải khóa công khai RSA dạng PEM. Tạo cặp khóa bằng “cayda form key --public TỆP.pem”.",
    "The file is not an RSA public key in PEM. Make a pair with “cayda form key --public FILE.pem”.",
)
KEY_TOO_SHORT = _refusal(
    "key_too_short",
    "Khóa chỉ có {bits} bit; cần ít nhất {least}.",
    "The key has only {bits} bits; at least {least} are needed.",
)

# --- What pyxform says and we have no own words for ---
OTHER = _refusal(
    "other",
    "Bộ đổi biểu mẫu không nhận: {said}",
    "The converter refuses: {said}",
)
CONVERTER_FAILED = _refusal(
    "converter_failed",
    "Bộ đổi biểu mẫu gặp lỗi lạ ({said}). Xin kiểm tra các ô mới sửa gần đây.",
    "The converter failed in an unexpected way ({said}). Check the cells changed last.",
)

# --- Warnings ---
UNKNOWN_FUNCTION = _warning(
    "unknown_function",
    "Hàm {name}() lạ, điện thoại có thể không hiểu.{hint_vi}",
    "Function {name}() is unknown; phones may not understand it.{hint_en}",
)
NO_VERSION = _warning(
    "no_version",
    "Trang settings chưa có version. Cần số mới mỗi lần sửa để điện thoại nhận bản mới.",
    "The settings sheet has no version. Phones need a new one with every change.",
)
NO_FORM_ID = _warning(
    "no_form_id",
    "Trang settings chưa có form_id; tạm dùng tên tệp “{name}”.",
    "The settings sheet has no form_id; the file's name “{name}” is used.",
)
MISSING_TRANSLATION = _warning(
    "missing_translation",
    "Ngôn ngữ “{language}” thiếu cột {column} ở trang {sheet}.",
    "Language “{language}” lacks the column {column} on sheet {sheet}.",
)
TEXT_NOT_TRANSLATED = _warning(
    "text_not_translated",
    "“{name}” chưa có {column} bằng “{language}”; máy dùng ngôn ngữ ấy sẽ hiện “-”.",
    "“{name}” has no {column} in “{language}”; a phone in that language shows “-”.",
)
COLUMN_MISSPELT = _warning(
    "column_misspelt",
    "Cột “{column}” ở trang {sheet} bị bỏ qua. Có phải là “{meant}”?",
    "Column “{column}” of sheet {sheet} is ignored. Did you mean “{meant}”?",
)
SUBMISSION_URL = _warning(
    "submission_url",
    "submission_url làm máy gửi phiếu đến “{url}”, không đến máy chủ này. Xóa đi nếu không cố ý.",
    "submission_url makes phones send to “{url}” instead of this server. Remove it unless meant.",
)
ENTITIES_TOO_NEW = _warning(
    "entities_too_new",
    "Biểu mẫu dùng entities {version} (nhiều danh sách, hoặc danh sách trong nhóm lặp): KoboCollect 2025.3 và ODK Collect trước v2026 không mở được. Cần ODK Collect v2026 trở lên.",
    "The form uses entities {version} (several lists, or a list in a repeat), which KoboCollect 2025.3 and ODK Collect before v2026 cannot open. It needs ODK Collect v2026 or newer.",
)
LANGUAGE_CODE = _warning(
    "language_code",
    "Ngôn ngữ chưa có mã: {languages}. Viết như “Tiếng Việt (vi)”.",
    "Languages without a code: {languages}. Write as “English (en)”.",
)
PHOTO_SIZE = _warning(
    "photo_size",
    "Câu chụp ảnh nên có max-pixels (ví dụ max-pixels=1024) để gửi nhanh hơn.",
    "A photo question should have max-pixels (for example max-pixels=1024) to send faster.",
)
REPEAT_NO_LABEL = _warning(
    "repeat_no_label",
    "Nhóm lặp chưa có nhãn (label).",
    "The repeat has no label.",
)
NAME_DIFFERS_BY_CASE = _warning(
    "name_differs_by_case",
    "Tên “{name}” chỉ khác một tên khác ở chữ hoa/thường; dễ nhầm khi phân tích.",
    "Name “{name}” differs from another only by case; this confuses analysis tools.",
)
SHEET_MISSPELT = _warning(
    "sheet_misspelt",
    "Có trang tên gần giống “{sheet}”: {found}. Nếu là trang đó, xin sửa tên.",
    "A sheet's name is close to “{sheet}”: {found}. If it is meant, correct the name.",
)
ROW_SKIPPED = _warning(
    "row_skipped",
    "Dòng không có type, name, label nên bị bỏ qua.",
    "The row has no type, name or label and is skipped.",
)
COLUMN_IGNORED = _warning(
    "column_ignored",
    "Tên cột “{column}” ở trang choices có khoảng trắng nên cột bị bỏ qua.",
    "Column “{column}” on the choices sheet has a space in its name and is ignored.",
)
NOTICE = _warning("notice", "Lưu ý từ bộ đổi biểu mẫu: {said}", "From the converter: {said}")
