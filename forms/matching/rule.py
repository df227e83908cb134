"""The match rule of a list: what is compared, what is looked up by, and when two may be one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from forms.matching.kind import Field, Kind, Lookup, Part, Value
from forms.matching.kinds import KINDS
from forms.matching.supplied import Supply, read_supplied
from forms.matching.weights import Weights, read_weights

_RULE_WORDS = frozenset(
    {"review", "supplied", "without", "field", "block", "cap", "certain", "link_certain", "readers"}
    | {"source", "weights", "common"}
)
_FIELD_WORDS = frozenset({"name", "kind", "facts", "label", "placeholders", "most"})


@dataclass(frozen=True, slots=True)
class Block:
    """Who agrees in all `parts` ("field.key") is compared; more than `most` are too many to be."""

    name: str
    parts: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Cap:
    """Together these comparisons count for no more than `bits`: they depend on each other."""

    of: tuple[str, ...]
    bits: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that is told of a pair: `name` is the field's, with its part where it has several.

    field  its place in the rule
    """

    name: str
    field: int
    part: Part


@dataclass(frozen=True)
class MatchRule:
    """review    bits from which a person should look at a pair
    certain   of one of these all comparisons must be at one of these levels: the pair is one
    weights   the defaults that are shipped
    supplied  what a field takes as a fact and the list does not tell: where it comes from instead
    without   fact -> values with which an entity is compared with nobody
    readers   the roles that may see pairs, of their own clubs
    link_certain  what is certain is joined at once, within one club; a person may undo it
    mark      of the words it was read from: what was made by another rule is not comparable
    """

    fields: tuple[Field, ...]
    blocks: tuple[Block, ...]
    caps: tuple[Cap, ...]
    certain: tuple[Mapping[str, tuple[str, ...]], ...]
    review: float
    weights: Weights
    supplied: Mapping[str, Supply | None] = field(default_factory=dict)
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    link_certain: bool = False
    readers: frozenset[str] = frozenset()
    mark: str = ""

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """Of the fields, in their order."""
        return tuple(KINDS[field.kind] for field in self.fields)

    @cached_property
    def reads(self) -> tuple[tuple[Field, Callable[[Field, Sequence[str]], Value | None]], ...]:
        """The fields in their order, and how each is read."""
        return tuple((one, KINDS[one.kind].read) for one in self.fields)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        return tuple(
            Comparison(f"{field.name}.{part.name}" if part.name else field.name, place, part)
            for place, field in enumerate(self.fields)
            for part in self.kinds[place].parts(field)
        )

    @cached_property
    def lookups(self) -> tuple[tuple[int, Lookup], ...]:
        """What the blocks ask for, each once: of which field, and how."""
        return tuple(
            (place, self.kinds[place].keys(self.fields[place])[key])
            for place, key in map(self._lookup, self._asked)
        )

    @cached_property
    def blocks_by_lookup(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """How each block's keys begin, and its parts, as places in `lookups`."""
        return tuple(
            (f"{one.name}:", tuple(map(self._asked.index, one.parts))) for one in self.blocks
        )

    @cached_property
    def most(self) -> Mapping[str, int]:
        """Block -> how many may be in it."""
        return {one.name: one.most for one in self.blocks}

    @cached_property
    def _asked(self) -> tuple[str, ...]:
        return tuple(sorted({part for block in self.blocks for part in block.parts}))

    def _lookup(self, part: str) -> tuple[int, str]:
        name, _, key = part.partition(".")
        return next(place for place, one in enumerate(self.fields) if one.name == name), key

    @cached_property
    def supplied_by(self) -> frozenset[str]:
        """The forms whose records tell what no fact does."""
        return frozenset(form for one in self.supplied.values() if one for form in one.forms)

    @cached_property
    def facts(self) -> frozenset[str]:
        """Those that the list itself must tell."""
        named = frozenset(fact for field in self.fields for fact in field.facts)
        return named - self.supplied.keys()


def read_match_rule(entry: Mapping[str, Any]) -> MatchRule:
    """One [list] table of match.toml. KeyError, TypeError or ValueError where something is wrong:
    a word that is missing, misshapen or unknown, a comparison, level or key that there is not.
    """
    _only(entry, _RULE_WORDS)
    rule = MatchRule(
        fields=tuple(_field(one) for one in entry["field"]),
        blocks=tuple(_block(one) for one in entry["block"]),
        caps=tuple(Cap(_texts(one["of"]), float(one["bits"])) for one in entry.get("cap", [])),
        certain=tuple(_texts_by_name(one) for one in entry.get("certain", [])),
        review=float(entry["review"]),
        weights=read_weights(entry),
        supplied=read_supplied(entry.get("supplied", [])),
        without=_texts_by_name(entry.get("without", {})),
        readers=frozenset(_texts(entry.get("readers", []))),
        link_certain=bool(entry.get("link_certain", False)),
        mark=hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16],
    )
    for slip in _slips(rule):
        raise ValueError(f"“{slip}”")
    return rule


def _field(entry: Mapping[str, Any]) -> Field:
    kind = KINDS[entry["kind"]]
    _only(entry, _FIELD_WORDS | kind.words)
    facts = _texts(entry["facts"])
    if not facts:
        raise ValueError(f"{entry['name']}: facts")
    most = entry.get("most")
    return Field(
        name=str(entry["name"]),
        kind=str(entry["kind"]),
        facts=facts,
        label=(str(entry["label"]["vi"]), str(entry["label"]["en"])),
        placeholders=frozenset(_texts(entry.get("placeholders", []))),
        most=None if most is None else int(most),
        words=MappingProxyType({word: entry[word] for word in kind.words if word in entry}),
    )


def _block(entry: Mapping[str, Any]) -> Block:
    _only(entry, frozenset({"name", "parts", "most"}))
    return Block(str(entry["name"]), _texts(entry["parts"]), int(entry["most"]))


def _slips(rule: MatchRule) -> Iterator[str]:
    """What it names and nothing has."""
    levels = {one.name: one.part.levels for one in rule.comparisons}
    keys = {
        f"{field.name}.{key}"
        for field, kind in zip(rule.fields, rule.kinds, strict=True)
        for key in kind.keys(field)
    }
    for block in rule.blocks:
        yield from (part for part in block.parts if part not in keys)
    for cap in rule.caps:
        yield from (name for name in cap.of if name not in levels)
    named = [*rule.certain, rule.weights.levels]
    for name, some in ((name, some) for table in named for name, some in table.items()):
        yield from (f"{name}.{level}" for level in some if level not in levels.get(name, ()))
    yield from (name for name in rule.weights.shares if name not in levels)
    yield from (
        name for name in levels if set(rule.weights.levels.get(name, ())) < set(levels[name])
    )


def _only(entry: Mapping[str, Any], words: frozenset[str]) -> None:
    for strange in sorted(set(entry) - words):
        raise ValueError(f"“{strange}”")


def _texts_by_name(entry: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: _texts(some) for name, some in entry.items()})


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"“{value}”")
    return tuple(value)
