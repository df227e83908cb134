"""Lists of whom or what to see to today, in an indicator's words: a domain's follow_up.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from forms.entity_pages import Codes
from forms.indicators import BadIndicator, Conditions, Indicator, read_conditions, read_indicator

Show = Literal["fact", "property", "answer", "day", "last", "since"]
SHOWN: tuple[Show, ...] = get_args(Show)
_LIST_WORDS = {"for", "do", "days", "still", "column"}
_COLUMN_WORDS = {"title", "where", "plus_months", "labels", "hidden", *SHOWN}


@dataclass(frozen=True, slots=True)
class FollowColumn:
    """What is told of each entry beside who it is.

    fact: of the entity, today. property: of its entity, also such as the server computes. answer:
    of the record itself. day: of the record itself. last: the day of the subject's last record of
    the form `of` for which `where` holds; since: how many days ago that was. plus_months: of a day,
    so many months later. codes: what codes of it mean. hidden: on a page it waits for a tap.
    """

    vi: str
    en: str
    show: Show
    of: str = ""
    where: Conditions = field(default_factory=dict)
    plus_months: int = 0
    codes: Codes = field(default_factory=dict)
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class FollowList:
    """`indicator`: whose items the list names, counted as if today were D.

    days: P is from so many days ago to so many days ago; (0, 0) is today alone. roles: who may see
    it, of the clubs in their scope. still: facts that hold today of whom an entry is about; a list
    of records may name the dead without it.
    """

    id: str
    vi: str
    en: str
    do_vi: str
    do_en: str
    indicator: Indicator
    days: tuple[int, int]
    still: Conditions
    roles: frozenset[str]
    columns: tuple[FollowColumn, ...]


def read_follow_list(
    entry: Mapping[str, Any],
    file: str,
    labels: Mapping[str, Codes],
    choices: Mapping[str, Mapping[str, Codes]],
) -> FollowList:
    """One [[follow]] table. labels: of a table of texts, by its name.

    choices: of a form's columns, by the form. Raises BadIndicator; KeyError, TypeError.
    """
    words = {name: value for name, value in entry.items() if name not in _LIST_WORDS}
    indicator = read_indicator({"unit": entry["label"], **words}, file)
    days = entry.get("days", [0, 0])
    if not (isinstance(days, list) and len(days) == 2 and days[0] >= days[1] >= 0):
        raise BadIndicator(
            "“days” cần [từ, đến], số ngày trước", "“days” needs [from, to], days ago"
        )
    return FollowList(
        id=indicator.id,
        vi=indicator.vi,
        en=indicator.en,
        do_vi=str(entry["do"]["vi"]),
        do_en=str(entry["do"]["en"]),
        indicator=indicator,
        days=(days[0], days[1]),
        still=read_conditions(entry.get("still", {})),
        roles=frozenset(map(str, entry["for"])),
        columns=tuple(
            _column(one, labels, choices.get(indicator.of, {})) for one in entry.get("column", ())
        ),
    )


def _column(
    entry: Mapping[str, Any],
    labels: Mapping[str, Codes],
    choices: Mapping[str, Codes],
) -> FollowColumn:
    shown = [word for word in SHOWN if word in entry]
    strange = sorted(set(entry) - _COLUMN_WORDS)
    if len(shown) != 1 or strange:
        said = strange[0] if strange else ", ".join(SHOWN)
        raise BadIndicator(
            f"cột cần đúng một từ: {said}", f"a column needs exactly one word: {said}"
        )
    (show,) = shown
    of = "" if show == "day" else str(entry[show])
    texts = labels[entry["labels"]] if "labels" in entry else choices.get(of, {})
    return FollowColumn(
        vi=str(entry["title"]["vi"]),
        en=str(entry["title"]["en"]),
        show=show,
        of=of,
        where=read_conditions(entry.get("where", {})),
        plus_months=int(entry.get("plus_months", 0)),
        codes=texts,
        hidden=bool(entry.get("hidden", False)),
    )
