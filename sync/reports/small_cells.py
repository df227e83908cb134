"""Pure: hide numbers of very few people, and as many more as it takes that none can be computed.

Hidden is what is small, then something else in every sum that would give it away: over the parts of
a cut, over the places of a unit, from one indicator to another. What may still be solved from what
is shown is found by elimination, not guessed (domain §6.2, 7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar

from forms.indicators import UNKNOWN
from sync.figures import WHOLE
from sync.reports.data import (
    Adjustment,
    Difference,
    HiddenCell,
    IndicatorData,
    ReportData,
    missing_of,
)

Name = TypeVar("Name")
Sum = Mapping[Name, Fraction]  # these numbers, each times its factor, add up to nothing
_ADDED, _TAKEN = Fraction(1), Fraction(-1)
PRIME = (1 << 61) - 1  # arithmetic modulo it is exact enough: it never meets such numbers


# ------------------------------------------------------------------ of a report
def hidden_small(data: ReportData) -> ReportData:
    """The report for who may not see small cells. Take it of the whole report, before `only_clubs`.

    The hashes of single places go too: with a few numbers missing they could be tried out.
    """
    numbers = _numbers(data)
    small = {cell for cell, number in numbers.items() if _is_small(data, cell, number)}
    guarded = {cell for cell in numbers if _is_guarded(data, cell[2], cell[3])}
    hidden = hide(numbers, list(sums_of(data, numbers)), small, guarded)
    return replace(
        data,
        hidden=frozenset(hidden),
        chain=tuple(replace(one, sha256="") if one.place else one for one in data.chain),
        adjustments=tuple(_without_small(data, one, hidden) for one in data.adjustments),
    )


def adjusted_for(data: ReportData, one: Adjustment) -> Adjustment:
    """What came after a report of which what is small is hidden, for who reads it so."""
    return _without_small(data, one, data.hidden)


def _numbers(data: ReportData) -> dict[HiddenCell, Decimal]:
    """All numbers of the report, and of each whole how many are missing."""
    found: dict[HiddenCell, Decimal] = {}
    for level, figures in data.figures.items():
        for (place, name, cut, value), figure in figures.items():
            if figure.numerator is not None:
                found[level, place, name, cut, value] = figure.numerator
            if figure.missing and not cut:
                found[level, place, missing_of(name), "", ""] = Decimal(figure.missing)
    return found


def _is_small(data: ReportData, cell: HiddenCell, number: Decimal) -> bool:
    _, _, name, cut, _ = cell
    return _is_guarded(data, name, cut) and 0 < number < data.small


def _is_guarded(data: ReportData, name: str, cut: str) -> bool:
    return name in data.sensitive[0] or cut in data.sensitive[1]


def _without_small(data: ReportData, one: Adjustment, hidden: Collection[HiddenCell]) -> Adjustment:
    """Neither what is hidden nor a difference of a few: one person's arrival tells her class."""
    kept = (d for d in one.differences if not _tells(data, d, hidden))
    return replace(one, differences=tuple(kept))


def _tells(data: ReportData, d: Difference, hidden: Collection[HiddenCell]) -> bool:
    if (d.level, d.place, d.indicator, d.cut, d.cut_value) in hidden:
        return True
    before, after = d.then or Decimal(0), d.now or Decimal(0)
    few = (0 < number < data.small for number in (before, after, abs(after - before)))
    return _is_guarded(data, d.indicator, d.cut) and any(few)


def sums_of(data: ReportData, numbers: Mapping[HiddenCell, Decimal]) -> Iterator[Sum[HiddenCell]]:
    """Everything in the report that adds up to something else in it."""
    by_cut: dict[HiddenCell, list[HiddenCell]] = defaultdict(list)
    by_place: dict[HiddenCell, list[HiddenCell]] = defaultdict(list)
    above = {place.id: place.parent for place in data.places}
    for cell in numbers:
        level, place, name, cut, value = cell
        if cut:
            by_cut[level, place, name, cut, ""].append(cell)
        parent = above.get((level, place))
        if parent is not None:
            by_place[*parent, name, cut, value].append(cell)
    for (level, place, name, _, _), parts in by_cut.items():
        yield from _adds_up(numbers, (level, place, name, *WHOLE), parts)
    for whole, parts in by_place.items():
        yield from _adds_up(numbers, whole, parts)
    for indicator in data.indicators:
        for one in data.places:
            yield from _between(data, numbers, indicator, one.id)


def _adds_up(
    numbers: Mapping[HiddenCell, Decimal], whole: HiddenCell, parts: Sequence[HiddenCell]
) -> Iterator[Sum[HiddenCell]]:
    """Where they do add up: parts of a person counted twice do not, and tell nothing."""
    if whole in numbers and numbers[whole] == sum(map(numbers.__getitem__, parts)):
        yield {whole: _TAKEN, **dict.fromkeys(parts, _ADDED)}


def _between(
    data: ReportData,
    numbers: Mapping[HiddenCell, Decimal],
    one: IndicatorData,
    place: tuple[str, str],
) -> Iterator[Sum[HiddenCell]]:
    """What one indicator tells of another at the same place."""
    whole: HiddenCell = (*place, one.id, *WHOLE)
    if one.total:
        parts = {(*place, name, *WHOLE): Fraction(times) for name, times in one.total.items()}
        yield {whole: Fraction(-1), **{cell: f for cell, f in parts.items() if cell in numbers}}
    if one.narrows is None or one.over is None:
        return
    fact, values = one.narrows
    for cut in data.cuts:
        if cut.fact == fact:
            cells = [(*place, one.over, cut.name, value) for value in values]
            yield from _adds_up(numbers, whole, [cell for cell in cells if cell in numbers])
            unknown = (*place, one.over, cut.name, UNKNOWN)
            if unknown in numbers:
                yield from _adds_up(numbers, (*place, missing_of(one.id), *WHOLE), [unknown])


# ------------------------------------------------------------------ of any numbers
def hide(
    numbers: Mapping[Name, Decimal],
    sums: Sequence[Sum[Name]],
    small: Collection[Name],
    guarded: Collection[Name] = (),
) -> set[Name]:
    """`small`, and more of the numbers, so that no hidden one is determined by those shown.

    What is `guarded` anyway goes before what everybody should see.
    """
    work = _Hiding(numbers, sums, frozenset(guarded))
    for name in small:
        work.add(name)
    again: set[Name] = set(small)
    while again:
        work.hide_beside(again)
        known = solved(work.equations(again), work.hidden)
        again = {
            further
            for name in sorted(known, key=repr)
            if (further := work.hide_one(work.of[name])) is not None
        }
    return work.hidden


class _Hiding(Generic[Name]):
    """What is hidden so far; `of`: name → the sums it stands in."""

    def __init__(
        self,
        numbers: Mapping[Name, Decimal],
        sums: Sequence[Sum[Name]],
        guarded: frozenset[Name],
    ) -> None:
        self.numbers = numbers
        self.sums = sums
        self.hidden: set[Name] = set()
        self.guarded = guarded
        self.unknowns = [0] * len(sums)  # how many are hidden in each
        self.of: dict[Name, list[int]] = defaultdict(list)
        for number, one in enumerate(sums):
            for name in one:
                self.of[name].append(number)

    def add(self, name: Name) -> None:
        self.hidden.add(name)
        for number in self.of.get(name, ()):
            self.unknowns[number] += 1

    def equations(self, changed: Iterable[Name]) -> Iterator[dict[Name, int]]:
        """Those that changed names have to do with, directly or through other hidden ones; only the
        unknowns of each.
        """
        seen: set[int] = set()
        waiting = list(changed)
        while waiting:
            for number in self.of.get(waiting.pop(), ()):
                if number not in seen:
                    seen.add(number)
                    of_sum = self.sums[number].items()
                    unknowns = {name: _modular(f) for name, f in of_sum if name in self.hidden}
                    waiting += unknowns
                    yield unknowns

    def hide_beside(self, new: Iterable[Name]) -> None:
        """The cheap half: no sum may have a single hidden number."""
        waiting = sorted(new, key=repr)
        while waiting:
            for number in self.of.get(waiting.pop(), ()):
                if self.unknowns[number] == 1:
                    further = self.hide_one([number])
                    if further is not None:
                        waiting.append(further)

    def hide_one(self, sums: Iterable[int]) -> Name | None:
        """Hide, in one of these sums, the number whose loss matters least: one that is guarded, no
        0, a part before its whole, the smallest.
        """
        shown = {
            name: factor < 0
            for number in sums
            for name, factor in self.sums[number].items()
            if name not in self.hidden
        }
        found = min(shown, key=lambda name: self._loss(name, shown[name]), default=None)
        if found is not None:
            self.add(found)
        return found

    def _loss(self, name: Name, is_whole: bool) -> tuple[bool, bool, bool, Decimal, str]:
        number = self.numbers.get(name, Decimal(0))
        return name not in self.guarded, not number, is_whole, number, repr(name)


def _modular(factor: Fraction) -> int:
    return factor.numerator * pow(factor.denominator, -1, PRIME) % PRIME


def solved(equations: Iterable[Mapping[Name, int]], names: Collection[Name]) -> set[Name]:
    """Which unknowns the equations determine, whatever their right sides: Gauss and Jordan, sparse.

    Factors are numbers modulo PRIME.
    """
    rows: dict[Name, dict[Name, int]] = {}  # pivot → its row, 1 at the pivot, 0 at all others
    within: dict[Name, set[Name]] = defaultdict(set)  # unknown → pivots of rows that hold it
    for equation in equations:
        row = dict(equation)
        for name in [name for name in row if name in rows]:
            _subtract(row, rows[name], row[name])
        if not row:
            continue
        pivot = min(row, key=lambda name: len(within[name]))
        inverse = pow(row[pivot], -1, PRIME)
        row = {name: factor * inverse % PRIME for name, factor in row.items()}
        for other in list(within[pivot]):
            before = set(rows[other])
            _subtract(rows[other], row, rows[other][pivot])
            for name in before ^ set(rows[other]):
                (within[name].add if name in rows[other] else within[name].discard)(other)
        rows[pivot] = row
        for name in row:
            within[name].add(pivot)
    return {pivot for pivot, row in rows.items() if len(row) == 1 and pivot in names}


def _subtract(row: dict[Name, int], other: Mapping[Name, int], times: int) -> None:
    for name, factor in other.items():
        rest = (row.get(name, 0) - times * factor) % PRIME
        if rest:
            row[name] = rest
        else:
            row.pop(name, None)
