"""Whether units with dates and their successions fit together: no gap, no overlap, no cycle.

Both tables are rows of text as csv.DictReader gives them: a library's places/*.csv, or what is
known with a decision carried out. A unit's land never changes: a reform ends rows, begins others,
and successions join them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from forms.days import read_day

Row = Mapping[str, str]

LEVELS = ("city", "district", "commune")  # parents first
KINDS = ("whole", "part", "rename", "kind_change")
OPEN = "9999-12-31"  # an end that is not known, where days are compared as text


class Slip(NamedTuple):
    """What is wrong: in which table, at which key, in Vietnamese and in English."""

    table: str  # "units" | "successions"
    key: str
    vi: str
    en: str


def slips(units: Sequence[Row], successions: Sequence[Row]) -> list[Slip]:
    """Everything that is wrong; empty when each day has one tree that says who holds which land."""
    by_key = {row["key"]: row for row in units}
    found = [Slip("units", key, "có hai dòng", "stands twice") for key in _twice(units)]
    for row in units:
        found += [Slip("units", row["key"], *why) for why in _unit_slips(row, by_key)]
    if not found:  # what overlaps or succeeds is judged by days that can be read
        found += _overlaps(units)
        for one in successions:
            key = f"{one['old_key']} → {one['new_key']}"
            found += [Slip("successions", key, *why) for why in _succession_slips(one, by_key)]
        found += [] if found else _sharing_slips(successions)
    return [*found, *_cycles(successions)]


def _twice(units: Iterable[Row]) -> list[str]:
    return [key for key, times in Counter(row["key"] for row in units).items() if times > 1]


def _unit_slips(row: Row, by_key: Mapping[str, Row]) -> Iterator[tuple[str, str]]:
    if row["level"] not in LEVELS:
        yield f"không có cấp “{row['level']}”", f"there is no level “{row['level']}”"
        return
    if not read_day(row["valid_from"]) or not (row["valid_to"] == "" or read_day(row["valid_to"])):
        yield "ngày phải viết 2025-07-01", "a day must be written 2025-07-01"
        return
    if row["valid_from"] >= _end(row):
        yield "kết thúc trước khi bắt đầu", "it ends before it begins"
    if not row["parent_key"]:
        return
    parent = by_key.get(row["parent_key"])
    if parent is None:
        yield f"không có đơn vị cha “{row['parent_key']}”", f"no parent “{row['parent_key']}”"
    elif parent["level"] not in LEVELS[: LEVELS.index(row["level"])]:
        yield "đơn vị cha không ở cấp trên", "the parent is of no higher level"
    elif parent["valid_from"] > row["valid_from"] or _end(parent) < _end(row):
        yield "đơn vị cha không tồn tại suốt thời gian đó", "the parent does not last all that time"


def _end(row: Row) -> str:
    return row["valid_to"] or OPEN


def _overlaps(units: Iterable[Row]) -> Iterator[Slip]:
    """One code of one level is one unit on any day."""
    by_code: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in units:
        by_code[row["level"], row["code"]].append(row)
    for rows in by_code.values():
        rows.sort(key=lambda row: row["valid_from"])
        for earlier, later in pairwise(rows):
            if _end(earlier) > later["valid_from"]:
                vi = f"trùng thời gian với “{earlier['key']}”, cùng mã {later['code']}"
                en = f"overlaps “{earlier['key']}”, of the same code {later['code']}"
                yield Slip("units", later["key"], vi, en)


def _succession_slips(one: Row, by_key: Mapping[str, Row]) -> Iterator[tuple[str, str]]:
    old, new = by_key.get(one["old_key"]), by_key.get(one["new_key"])
    if old is None or new is None:
        missing = one["old_key"] if old is None else one["new_key"]
        yield f"không có đơn vị “{missing}”", f"there is no unit “{missing}”"
        return
    if one["kind"] not in KINDS:
        said = ", ".join(KINDS)
        yield f"không có kiểu “{one['kind']}”; có: {said}", f"no kind “{one['kind']}”; use: {said}"
    if old["valid_to"] != one["date"]:
        yield "đơn vị cũ không kết thúc vào ngày đó", "the old unit does not end on that day"
    if new["valid_from"] != one["date"]:
        yield "đơn vị mới không bắt đầu vào ngày đó", "the new unit does not begin on that day"


def _sharing_slips(successions: Iterable[Row]) -> Iterator[Slip]:
    """Who gives all its land has one heir; who gives parts has several."""
    heirs: dict[str, list[Row]] = defaultdict(list)
    for one in successions:
        heirs[one["old_key"]].append(one)
    for key, rows in heirs.items():
        parts = [row for row in rows if row["kind"] == "part"]
        if len(rows) == 1 and parts:
            yield Slip(
                "successions", key, "chia một phần mà không nói phần còn lại về đâu",
                "gives a part, and nothing says where the rest went",
            )  # fmt: skip
        if len(rows) > 1 and len(parts) != len(rows):
            yield Slip(
                "successions", key, "có nhiều đơn vị kế thừa thì mỗi dòng phải là “part”",
                "has several heirs, so each row must be a “part”",
            )  # fmt: skip


def _cycles(successions: Iterable[Row]) -> Iterator[Slip]:
    heirs: dict[str, list[str]] = defaultdict(list)
    for one in successions:
        heirs[one["old_key"]].append(one["new_key"])
    done: set[str] = set()
    for start in list(heirs):
        walk = [(start, iter(heirs[start]))]  # depth first, without Python's own stack
        above = {start}
        while walk:
            at, rest = walk[-1]
            heir = next((one for one in rest if one not in done), None)
            if heir is None:
                done.add(at)
                above.discard(at)
                walk.pop()
            elif heir in above:
                yield Slip(
                    "successions", f"{at} → {heir}", "đi thành vòng: đơn vị kế thừa chính nó",
                    "makes a cycle: a unit succeeds itself",
                )  # fmt: skip
            else:
                above.add(heir)
                walk.append((heir, iter(heirs.get(heir, ()))))
