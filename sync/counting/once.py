"""What is counted once at each place: kept of every club, so that places above need no records."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from forms.indicators import PLACES, Indicator
from forms.periods import Period
from sync.counting.item import Counted, Item, fold
from sync.figures import WHOLE, Figure, Figures, Key, exact, plus

ALL = "*"  # among the keys: there are items that have none
NOTHING = Figure(Decimal(0))
_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Once:
    """An indicator's items in one club. keys: what they are counted once under, spaces between."""

    club: str
    indicator: str
    keys: str
    items: str  # JSON


def is_counted_once(one: Indicator) -> bool:
    """Whether places above the club are more, or less, than the sum of their clubs."""
    return not one.adds_up and any(level in one.levels for level in PLACES[1:])


def pack(club: str, indicator: str, items: Iterable[Item]) -> Once:
    """The same text for the same items, in whatever order they come."""
    told = list(_last_of_club(items))
    # The same said of somebody twice is one, and packing takes time. Parts are kept by their id:
    # all that is told of one person has the same ones, and they live as long as the items.
    once = {
        (one.once, one.rank, one.other, str(one.amount), id(one.cuts)): one
        for one in told
        if one.once is not None
    }
    each = [_packed(one) for one in told if one.once is None]
    texts = sorted([*{_packed(one) for one in once.values()}, *each])
    keys = {ALL if one.once is None else one.once for one in told}
    return Once(club, indicator, " ".join(sorted(keys)), f"[{','.join(texts)}]")


def _last_of_club(items: Iterable[Item]) -> Iterator[Item]:
    last: dict[str | None, Item] = {}
    for item in items:
        if item.rank is None:
            yield item
        elif item.once not in last or (last[item.once].rank or ()) < item.rank:
            last[item.once] = item
    yield from last.values()


def _packed(item: Item) -> str:
    rank = None if item.rank is None else [item.rank[0].isoformat(), item.rank[1]]
    cuts = {name: list(parts) for name, parts in sorted(item.cuts.items())}
    return _json([item.once, rank, item.other, str(item.amount), cuts])


def _unpack(one: Once) -> Iterator[Item]:
    for once, rank, other, amount, cuts in json.loads(one.items):
        yield Item(
            one.club,
            "",
            None,
            exact(amount) or 0,
            cuts={name: tuple(parts) for name, parts in cuts.items()},
            once=once,
            rank=None if rank is None else (date.fromisoformat(rank[0]), rank[1]),
            other=other,
        )


def corrected(
    figures: Figures,
    period: Period,
    indicators: Mapping[str, Indicator],
    found: Sequence[Once],
    place_of: Mapping[str, str],
) -> Figures:
    """Figures that are sums of clubs, made right for what is counted once at each place.

    Only keys that several clubs of a place have are looked at: a person is mostly in one club.
    """
    result = dict(figures)
    by_indicator: dict[str, list[Once]] = defaultdict(list)
    for one in found:
        if one.club in place_of and one.indicator in indicators:
            by_indicator[one.indicator].append(one)
    for name, of_clubs in by_indicator.items():
        indicator = indicators[name]
        if indicator.kind == "median" or indicator.empty:
            items = [(indicator, item) for one in of_clubs for item in _unpack(one)]
            result.update(_folded(indicator, items, period, place_of))
            continue
        items = [(indicator, item) for item in _shared(of_clubs, place_of)]
        apart = _folded(indicator, items, period, {club: club for club in place_of})
        for (club, _, *cell), figure in apart.items():
            key = (place_of[club], name, cell[0], cell[1])
            _add(result, key, -(figure.numerator or Decimal(0)))
        for key, figure in _folded(indicator, items, period, place_of).items():
            _add(result, key, figure.numerator or Decimal(0))
    return {key: figure for key, figure in result.items() if key[2:] == WHOLE or figure != NOTHING}


def _add(figures: Figures, key: Key, number: Decimal) -> None:
    figures[key] = plus(figures.get(key), Figure(number))


def _folded(
    one: Indicator, items: Sequence[Counted], period: Period, place_of: Mapping[str, str]
) -> Figures:
    return {
        (tally.place, one.id, *tally.cell): Figure(exact(tally.number))
        for tally in fold([one], items, place_of, period.months)
    }


def _shared(of_clubs: Sequence[Once], place_of: Mapping[str, str]) -> Iterator[Item]:
    """The items whose key is known in more than one club of a place, and all that moved."""
    known: Counter[tuple[str, str]] = Counter()
    for one in of_clubs:
        known.update((place_of[one.club], key) for key in one.keys.split())
    for one in of_clubs:
        mine = {key for key in one.keys.split() if known[place_of[one.club], key] > 1}
        if mine or ALL in one.keys:
            for item in _unpack(one):
                if item.once is None or item.other is not None or item.once in mine:
                    yield item
