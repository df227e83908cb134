"""What a library says of its report's life: who confirms by which form, due days, names of states.

The figures themselves are `indicators.py`; here is what surrounds them in the same report.toml.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forms.document_rules import DocumentRules, read_document_rules
from forms.indicators import PLACES, BadIndicator, Conditions, read_conditions

STATES = ("open", *PLACES, "sent", "reported")  # in order; of a level: confirmed there
SMALL = 5  # cells below it are small, where a library does not say (domain §2)


@dataclass(frozen=True, slots=True)
class Label:
    """A name in both languages; `id` is what it is the name of. section: of the report."""

    id: str
    vi: str
    en: str
    section: str = ""


GROUP = Label("nhom", "Nhóm", "group")  # whose figures are counted, where a library gives no name


@dataclass(frozen=True, slots=True)
class Confirming:
    """The form by which a club confirms its report, from the phone.

    period: the column with the period's code. where: what the answers must be to confirm; another
    answer takes an earlier confirmation back. narrative: columns of free text, with their headings.
    """

    form: str
    period: str
    where: Conditions
    narrative: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class ReportRules:
    """group: what people call a group whose figures are counted. due: level → days after D until
    which it should confirm. sections: in the report's order.
    """

    due: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, Label] = field(default_factory=dict)
    sections: tuple[Label, ...] = ()
    quality: str = ""  # the section whose indicators tell how good the data is
    confirming: Confirming | None = None
    small: int = SMALL
    group: Label = GROUP
    document: DocumentRules | None = None

    def state(self, key: str) -> Label:
        """The name of a state; the key itself where the library gives none."""
        return self.states.get(key, Label(key, key, key))


def read_report_rules(entries: Mapping[str, Any]) -> ReportRules:
    """report.toml, parsed, to its rules. Raises BadIndicator, in both languages; KeyError or
    TypeError where a word is missing or misshapen.
    """
    states = entries.get("state", {})
    strange = set(states) - set(STATES)
    if strange:
        raise _wrong("trạng thái", "state", min(strange), STATES)
    sections = entries.get("section", [])
    small = entries.get("small_cells", {}).get("below", SMALL)
    if type(small) is not int or small < 1:
        raise BadIndicator("“below” cần một số nguyên từ 1", "“below” needs a whole number from 1")
    twice = [key for key, times in Counter(one.get("id") for one in sections).items() if times > 1]
    if twice:
        raise BadIndicator(f"mục “{twice[0]}” có hai lần", f"section “{twice[0]}” stands twice")
    return ReportRules(
        due=_due(entries.get("due", {})),
        states={key: _label(key, entry) for key, entry in states.items()},
        sections=tuple(_label(str(one.get("id")), one) for one in sections),
        quality=next((str(one["id"]) for one in sections if one.get("quality")), ""),
        confirming=_confirming(entries["confirm"]) if "confirm" in entries else None,
        small=small,
        group=_group(entries["group"]) if "group" in entries else GROUP,
        document=read_document_rules(entries),
    )


def _due(entry: Mapping[str, Any]) -> dict[str, int]:
    for level, days in entry.items():
        if level not in PLACES:
            raise _wrong("cấp", "level", level, PLACES)
        if type(days) is not int or days < 0:
            raise BadIndicator(f"due.{level} cần số ngày", f"due.{level} needs a number of days")
    return dict(entry)


def _confirming(entry: Mapping[str, Any]) -> Confirming:
    for word in ("form", "period", "where"):
        if word not in entry:
            raise BadIndicator(f"[confirm] thiếu “{word}”", f"[confirm] needs “{word}”")
    return Confirming(
        form=str(entry["form"]),
        period=str(entry["period"]),
        where=read_conditions(entry["where"]),
        narrative=tuple(_label(str(one.get("field")), one) for one in entry.get("narrative", [])),
    )


def _group(entry: Mapping[str, Any]) -> Label:
    """What a group is called, and the code of its level in files."""
    code = str(entry["code"])
    if re.fullmatch("[a-z]+", code) is None:
        raise BadIndicator("group.code chỉ gồm chữ thường", "group.code needs small letters only")
    return _label(code, entry)


def _label(key: str, entry: Any) -> Label:
    """A table with vi and en, or with `label` that has both."""
    texts = entry.get("label", entry) if isinstance(entry, Mapping) else {}
    if not isinstance(texts, Mapping) or not texts.get("vi") or not texts.get("en"):
        raise BadIndicator(f"“{key}” cần vi và en", f"“{key}” needs vi and en")
    return Label(key, str(texts["vi"]), str(texts["en"]), str(texts.get("section", "")))


def _wrong(kind_vi: str, kind: str, word: str, known: tuple[str, ...]) -> BadIndicator:
    said = ", ".join(known)
    return BadIndicator(
        f"không có {kind_vi} “{word}”; có: {said}", f"no {kind} “{word}”; there are: {said}"
    )
