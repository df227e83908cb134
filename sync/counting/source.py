"""What every way of counting stands on: whose figures, of which period, at which places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from forms.indicators import Indicator
from forms.periods import Period
from sync import words

if TYPE_CHECKING:
    from forms.library import Library


@dataclass(frozen=True)
class Source:
    """Indicators of one source, to be counted by one SELECT, in one period, at places.

    place_of: club -> place. The statements of this package SELECT the place, a column for each of
    `cuts`, and for each indicator its number and how many are missing.
    """

    library: Library
    period: Period
    indicators: Sequence[Indicator]
    place_of: Mapping[str, str]

    @property
    def first(self) -> Indicator:
        return self.indicators[0]

    @property
    def cuts(self) -> list[str]:
        return sorted({cut for indicator in self.indicators for cut in indicator.by})

    @property
    def places(self) -> sa.CTE:
        columns = (sa.column("club", sa.Text), sa.column("place", sa.Text))
        pairs = sorted(self.place_of.items())
        return sa.values(*columns, name="places").data(pairs).cte("places")

    def facts(self, list_name: str, who: sa.Select[Any]) -> sa.Subquery:
        rule = self.library.lists[list_name]
        names = {self.library.figures.cuts[cut].fact for cut in self.cuts}
        stored = frozenset(words.stored_fact(name) for name in names)
        day, own_club = self.period.last, rule.is_of_clubs
        return words.facts_on(list_name, stored, day, own_club=own_club, who=who)

    def base(self, indicator: Indicator) -> Indicator | None:
        """What a share of entities is over, where that counts entities of the same list."""
        over = self.library.figures.indicators.get(indicator.over or "")
        is_alike = over is not None and over.of == indicator.of and over.kind == "count"
        return over if is_alike else None

    def grouped(
        self, source: Any, place: Any, facts: sa.FromClause | None, numbers: Iterable[Any]
    ) -> sa.Select[Any]:
        day, known = self.period.last, self.library.figures.cuts
        values = (
            [words.cut_value(facts, known[c], day) for c in self.cuts] if facts is not None else []
        )
        keys = [place, *values]
        return sa.select(*keys, *numbers).select_from(source).group_by(*keys)

    def in_period(self, records: sa.FromClause) -> list[Any]:
        return [
            records.c.form == self.first.of,
            records.c.happened_on.between(self.period.first, self.period.last),
            words.counts(records),
        ]


def how_many(fits: Any) -> Any:
    return sa.func.sum(sa.case((fits, 1), else_=0))
