"""A score in the words of an officer: "trùng tên (có dấu), lệch năm sinh 1, khác số điện thoại"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forms.matching.kind import Field
from forms.matching.rule import MatchRule
from forms.matching.score import Score

Says = tuple[str, str]  # vi, en; {} is the label of the field (or of the fact)

_GIVEN: Mapping[str, Says] = {
    "equal": ("trùng tên (có dấu)", "same given name (with marks)"),
    "bare": ("trùng tên (một bên không dấu)", "same given name (one without marks)"),
    "swapped": ("trùng họ tên, đảo thứ tự", "same words of the name in another order"),
    "tone": ("tên chỉ khác hỏi/ngã", "given names differ only in hỏi/ngã"),
    "marks": ("tên khác dấu", "given names differ in marks"),
    "sound": ("tên nghe gần giống", "given names sound alike"),
    "alias": ("trùng tên thường gọi", "same everyday name"),
    "near": ("tên lệch một chữ cái", "given names one letter apart"),
    "different": ("khác tên", "different given name"),
}
_FAMILY: Mapping[str, Says] = {
    "equal": ("trùng họ", "same family name"),
    "bare": ("trùng họ (một bên không dấu)", "same family name (one without marks)"),
    "marks": ("họ khác dấu", "family names differ in marks"),
    "sound": ("họ nghe gần giống", "family names sound alike"),
    "near": ("họ lệch một chữ cái", "family names one letter apart"),
    "different": ("khác họ", "different family name"),
}
_MIDDLE: Mapping[str, Says] = {
    "equal": ("trùng tên đệm", "same middle name"),
    "bare": ("trùng tên đệm (một bên không dấu)", "same middle name (one without marks)"),
    "marks": ("tên đệm khác dấu", "middle names differ in marks"),
    "sound": ("tên đệm nghe gần giống", "middle names sound alike"),
    "part": ("một bên thiếu chữ đệm", "a word of the middle name is missing"),
    "near": ("tên đệm lệch một chữ cái", "middle names one letter apart"),
    "dropped": ("một bên không có tên đệm", "one has no middle name"),
    "different": ("khác tên đệm", "different middle name"),
}
_DATE: Mapping[str, Says] = {
    "date": ("trùng ngày sinh", "same date of birth"),
    "near_date": ("ngày sinh lệch một phần", "dates of birth differ in one part"),
    "swapped": ("ngày và tháng sinh đảo nhau", "day and month of birth swapped"),
    "same_year": ("cùng năm sinh, khác ngày", "same year of birth, another day"),
    "near_year": ("lệch năm sinh 1", "years of birth 1 apart"),
    "odd_year": ("năm sinh có thể gõ nhầm", "a year of birth may be mistyped"),
    "different": ("khác năm sinh", "different year of birth"),
}
_YEAR: Mapping[str, Says] = {
    "month": ("trùng tháng năm sinh", "same month and year of birth"),
    "year": ("trùng năm sinh", "same year of birth"),
    "other_month": ("cùng năm sinh, khác tháng", "same year of birth, another month"),
    "near_year": ("lệch năm sinh 1", "years of birth 1 apart"),
    "odd_year": ("năm sinh có thể gõ nhầm", "a year of birth may be mistyped"),
    "different": ("khác năm sinh", "different year of birth"),
}
_TEXT: Mapping[str, Says] = {
    "equal": ("trùng {}", "same {}"),
    "swapped": ("{} ghi đảo ô", "{} in each other's place"),
    "near": ("{} lệch một chữ", "{} one letter apart"),
    "close": ("{} rất giống", "{} much alike"),
    "alike": ("{} hơi giống", "{} somewhat alike"),
    "different": ("khác {}", "different {}"),
}
_NUMBER: Mapping[str, Says] = {
    "equal": ("trùng {}", "same {}"),
    "unchecked": ("trùng số giấy tờ cũ", "same number of an older paper"),
    "disputed": (
        "trùng {} nhưng số không khớp giới tính hoặc năm sinh",
        "same {}, but it does not fit the sex or the year of birth",
    ),
    "near": ("{} lệch một chữ số", "{} one digit apart"),
    "different": ("khác {}", "different {}"),
}
_WIDE: Mapping[str, Says] = {
    "same": ("cùng xã, phường", "same commune"),
    "neighbour": ("xã, phường liền kề hoặc đã sáp nhập", "neighbouring or merged communes"),
    "different": ("khác xã, phường", "another commune"),
}
_NARROW: Mapping[str, Says] = {
    "same": ("cùng thôn, tổ", "same hamlet"),
    "different": ("khác thôn, tổ", "another hamlet"),
}
WORDS: Mapping[tuple[str, str], Mapping[str, Says]] = {  # kind, part -> level
    ("person_name", "given"): _GIVEN,
    ("person_name", "family"): _FAMILY,
    ("person_name", "middle"): _MIDDLE,
    ("birth", "date"): _DATE,
    ("birth", "year"): _YEAR,
    ("place", "wide"): _WIDE,
    ("place", "narrow"): _NARROW,
    ("number", ""): _NUMBER,
}
_WHOLE_NAME: Says = ("trùng họ tên (có dấu)", "same full name (with marks)")
_WHOLE_BARE: Says = ("trùng họ tên (một bên không dấu)", "same full name (one without marks)")


def explain(rule: MatchRule, score: Score) -> Says:
    """What the two have in common and what not, in the order of the rule's fields: (vi, en)."""
    said = list(_said(rule, score))
    return ", ".join(vi for vi, _ in said), ", ".join(en for _, en in said)


def _said(rule: MatchRule, score: Score) -> Iterator[Says]:
    for place, field in enumerate(rule.fields):
        of_field = [one for one in rule.comparisons if one.field == place]
        levels = {
            one.part.name: score.levels[one.name] for one in of_field if one.name in score.levels
        }
        whole = set(levels.values())
        if field.kind == "person_name" and len(levels) == len(of_field) and whole <= {"equal"}:
            yield _WHOLE_NAME
        elif field.kind == "person_name" and len(levels) == len(of_field) and whole <= {"bare"}:
            yield _WHOLE_BARE
        else:
            for part, level in levels.items():
                yield _words(field, part, level)


def _words(field: Field, part: str, level: str) -> Says:
    vi, en = WORDS.get((field.kind, part), _TEXT)[level]
    if part and (field.kind, part) not in WORDS:
        return vi.format(part), en.format(part)
    return vi.format(field.label[0]), en.format(field.label[1])
