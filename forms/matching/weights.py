"""What each level of a comparison is worth: how often two records of one, and of two, have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from types import MappingProxyType
from typing import Any, NamedTuple

OTHER = "*"  # the share of a value that the table does not name
_LEAST, _MOST = -4.0, 5.0  # bits by which a common or a rare value moves a level


class Chance(NamedTuple):
    """m  of pairs of records of one entity, the share at this level; u  of pairs of two."""

    m: float
    u: float

    @property
    def bits(self) -> float:
        """What the level says for one entity (below 0: against)."""
        return log2(self.m / self.u)


@dataclass(frozen=True, slots=True)
class Weights:
    """levels  comparison -> level -> chances; all levels of all comparisons
    shares  comparison -> value -> share of the entities; `OTHER`: of a value it does not name
    source  where they come from, in one sentence
    """

    levels: Mapping[str, Mapping[str, Chance]]
    shares: Mapping[str, Mapping[str, float]]
    source: str

    def of_common(self, comparison: str) -> Mapping[str, float]:
        """Value -> bits by which agreeing in it tells more (rare) or less than usual (common)."""
        shares = self.shares.get(comparison)
        if not shares:
            return {}
        shares = {OTHER: min(shares.values())} | dict(shares)
        usual = sum(share * share for value, share in shares.items() if value != OTHER)
        return {
            value: min(max(log2(usual / share), _LEAST), _MOST) for value, share in shares.items()
        }


def read_weights(entry: Mapping[str, Any]) -> Weights:
    """`source`, `weights` and `common` of a table. KeyError, TypeError, ValueError: misshapen."""
    levels = {
        name: MappingProxyType({level: _chance(name, level, pair) for level, pair in some.items()})
        for name, some in entry["weights"].items()
    }
    shares = {
        name: MappingProxyType({value: _share(name, share) for value, share in some.items()})
        for name, some in entry.get("common", {}).items()
    }
    return Weights(MappingProxyType(levels), MappingProxyType(shares), str(entry["source"]))


def _chance(name: str, level: str, pair: Any) -> Chance:
    m, u = pair
    return Chance(_share(f"{name}.{level}", m), _share(f"{name}.{level}", u))


def _share(name: str, share: Any) -> float:
    if not 0 < float(share) <= 1:
        raise ValueError(f"{name}: {share}")
    return float(share)


def weights_as_json(weights: Weights) -> dict[str, Any]:
    """What `read_weights` reads."""
    return {
        "source": weights.source,
        "weights": {
            name: {level: [chance.m, chance.u] for level, chance in some.items()}
            for name, some in weights.levels.items()
        },
        "common": {name: dict(some) for name, some in weights.shares.items()},
    }
