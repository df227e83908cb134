"""Which reports are of one event: sent again by one phone, or logged by two who were there.

Pure, and blind to the order of arrival: the same reports always unite in the same way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from forms.library import SameEvent

Thing = TypeVar("Thing")

SECONDS_A_DAY = 24 * 60 * 60
MINUTES_AN_HOUR = 60

# What a phone fills in by itself: another try differs in it, though it says the same.
FILLED_BY_PHONE = frozenset(
    {"start", "end", "today", "deviceid", "username", "phonenumber", "email", "audit"}
    | {"instanceID", "instanceName", "deprecatedID"}
)


@dataclass(frozen=True, slots=True)
class Report:
    """One record of an event; all given to `unite` have the same form, subject (or club) and day.

    id        rises with arrival
    sender    phone and person
    repeats   answers of its repeat instances, in order
    """

    id: int
    sender: Hashable
    received_at: datetime
    answers: Mapping[str, str]
    repeats: tuple[Mapping[str, str], ...] = ()


RESENT, SAME_EVENT, DECIDED = "resent", "same_event", "decided"  # why a report is a repeat
Pair = frozenset[int]  # of two reports


@dataclass(frozen=True, slots=True)
class Standing:
    """`counted_with`: the report this one repeats. None = it counts, with the values `united`.

    by: RESENT (one phone sent it again) | SAME_EVENT (two wrote it down) | DECIDED (a person says
    so); None where it counts itself.
    """

    counted_with: int | None
    united: Mapping[str, str] | None
    by: str | None = None


def unite(
    reports: Iterable[Report],
    same: SameEvent | None,
    resent_within_days: int | None,
    *,
    of_one: bool = True,
    apart: Collection[Pair] = (),
    together: Collection[Pair] = (),
) -> dict[int, Standing]:
    """Which of the reports count, by id. of_one=False: nobody can say that they are of one subject,
    so only what was sent again is one event. apart, together: pairs of which a person says that
    they are two events, or one, whatever the rules say.
    """
    ordered = sorted(reports, key=lambda report: report.id)
    roots = _resent(ordered, resent_within_days)
    originals = [report for report in ordered if roots[report.id] == report.id]
    events = _events(originals, same if of_one else None)
    first = {report.id: event[0].id for event in events for report in event}
    by_rule = {report.id: first[roots[report.id]] for report in ordered}
    found: dict[int, Standing] = {}
    for group in _as_decided(ordered, by_rule, apart, together):
        here = {report.id for report in group}
        for report in group[1:]:
            by = SAME_EVENT if by_rule[report.id] == by_rule[group[0].id] else DECIDED
            if roots[report.id] != report.id and roots[report.id] in here:
                by = RESENT
            found[report.id] = Standing(group[0].id, None, by)
        told = [one for one in group if roots[one.id] == one.id or roots[one.id] not in here]
        united = unite_values(told, same.unite) if same is not None else None
        found[group[0].id] = Standing(None, united)
    return found


def _as_decided(
    ordered: Sequence[Report],
    by_rule: Mapping[int, int],
    apart: Collection[Pair],
    together: Collection[Pair],
) -> list[list[Report]]:
    """The reports of each event, in order: as the rules have them, joined and parted by people.

    Who is parted from one of an event stays with the first of the others that it is not parted
    from.
    """
    events: dict[int, list[int]] = defaultdict(list)
    for report in ordered:
        events[by_rule[report.id]].append(report.id)
    known = {report.id: report for report in ordered}
    for pair in sorted((one for one in together if one <= known.keys()), key=sorted):
        one, other = (next(k for k, ids in events.items() if i in ids) for i in sorted(pair))
        if one != other:
            events[one] = sorted([*events[one], *events.pop(other)])
    groups: list[list[int]] = []
    for ids in events.values():
        parts: list[list[int]] = []
        for one in ids:
            fitting = (p for p in parts if not any(frozenset({one, o}) in apart for o in p))
            part = next(fitting, None)
            if part is None:
                parts.append([one])
            else:
                part.append(one)
        groups += parts
    return [[known[one] for one in ids] for ids in groups]


# ------------------------------------------------------------------ sent again
def _resent(reports: Sequence[Report], within_days: int | None) -> dict[int, int]:
    """report id -> id of the first sending of the same thing (itself, where it is the first)."""
    roots = {report.id: report.id for report in reports}
    if within_days is None or len(reports) < 2:
        return roots
    alike: dict[Hashable, list[Report]] = defaultdict(list)
    for report in reports:
        alike[report.sender, _content(report)].append(report)
    for same in alike.values():
        same.sort(key=lambda report: (report.received_at, report.id))
        for group in _runs(same, _received, within_days * SECONDS_A_DAY):
            first = min(report.id for report in group)
            roots |= dict.fromkeys((report.id for report in group), first)
    return roots


def _received(report: Report) -> float:
    return report.received_at.timestamp()


def _content(report: Report) -> Hashable:
    return tuple(_said(answers) for answers in (report.answers, *report.repeats))


def _said(answers: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(item for item in answers.items() if item[0] not in FILLED_BY_PHONE)


# ------------------------------------------------------------------ one event, two reports
def _events(reports: Sequence[Report], same: SameEvent | None) -> list[list[Report]]:
    """Reports of one event together, each group and the groups in order of arrival."""
    if same is None:
        return [[report] for report in reports]
    alike: dict[Hashable, list[tuple[int, Report]]] = defaultdict(list)
    groups: list[list[Report]] = []
    for report in reports:
        start = read_time(report.answers.get(same.start, ""))
        if start is None or not _meets(report.answers, same.where):
            groups.append([report])
        else:
            alike[_what(report, same, start)].append((start, report))
    within = MINUTES_AN_HOUR if same.within_minutes is None else same.within_minutes
    for timed in alike.values():
        timed.sort(key=lambda pair: (pair[0], pair[1].id))
        groups.extend(
            sorted((report for _, report in run), key=lambda report: report.id)
            for run in _runs(timed, lambda pair: pair[0], within)
        )
    return sorted(groups, key=lambda group: group[0].id)


def _what(report: Report, same: SameEvent, start: int) -> Hashable:
    """What reports of one event have in common, the minutes between them aside."""
    hour = start // MINUTES_AN_HOUR if same.within_minutes is None else None
    return hour, tuple(report.answers.get(column, "") for column in same.same)


def _meets(answers: Mapping[str, str], where: Mapping[str, Sequence[str]]) -> bool:
    return all(answers.get(column, "") in values for column, values in where.items())


def _runs(
    ordered: Sequence[Thing], at: Callable[[Thing], float], within: float
) -> list[list[Thing]]:
    """Cut an ordered row where one is further than `within` from the first of its run.

    From the first, not from the one before: a chain of visits an hour apart is not one visit.
    """
    runs: list[list[Thing]] = []
    for one in ordered:
        if runs and at(one) - at(runs[-1][0]) <= within:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


_TIME = re.compile(r"(?:.*T)?(\d{1,2}):(\d{2})")


def read_time(text: str) -> int | None:
    """Minutes since midnight as the phone's clock showed them, of a time or a dateTime."""
    found = _TIME.match(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return int(found[1]) * 60 + int(found[2])


# ------------------------------------------------------------------ values of the whole event
def unite_values(reports: Sequence[Report], how: Mapping[str, str]) -> dict[str, str]:
    """The united columns of one event; a column that no report answered has no key."""
    found = {}
    for column, rule in how.items():
        said = [value for report in reports if (value := report.answers.get(column, ""))]
        if said:
            found[column] = UNITE[rule](said)
    return found


def _union(values: Sequence[str]) -> str:
    return " ".join(sorted({word for value in values for word in value.split()}))


def _max(values: Sequence[str]) -> str:
    numbers = [(number, value) for value in values if (number := _number(value)) is not None]
    return max(numbers, key=lambda pair: pair[0])[1] if numbers else values[0]


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


UNITE: Mapping[str, Callable[[Sequence[str]], str]] = {  # the words of `unite` in forms.toml
    "union": _union,  # every code that any report names
    "max": _max,  # the greatest number
}
