"""What every kind of field offers: how it is read, compared, and what it is looked up by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

MISSING = -1  # a level: one side says nothing, so neither does the pair

Value = tuple[Any, ...]  # of strings, numbers and tuples of them: it can stand in JSON
Lookup = Callable[[Any], Iterable[str]]  # a value -> the words it is looked up by


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is compared, told by one or more facts.

    kind          a word of `forms.matching.kinds.KINDS`
    facts         in the order the kind takes them
    label         vi, en: what a person calls it
    placeholders  values that stand for none
    most          a value that more entities than these have says nothing; None = however many
    words         what else the kind must be told: see there
    """

    name: str
    kind: str
    facts: tuple[str, ...]
    label: tuple[str, str]
    placeholders: frozenset[str] = frozenset()
    most: int | None = None
    words: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison of a field: its levels, the most alike first.

    told  how many of the first levels are weighed by how common the value is
    """

    name: str
    levels: tuple[str, ...]
    told: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """parts    of a field: its comparisons; the name of an only one is ""
    read     a fact's text for each of `facts` -> the value, or None where nothing is said
    compare  two values -> a level's place (or MISSING) for each part
    keys     name -> the words by which a value is looked up
    common   a value -> for each part, what is counted to know how common it is ("" = nothing)
    words    what a field of this kind may be told beside
    shape    the named tuple that a value is, where it is one
    one_of   of a pair, only one of the parts is ever compared
    """

    parts: Callable[[Field], tuple[Part, ...]]
    read: Callable[[Field, Sequence[str]], Value | None]
    compare: Callable[[Any, Any], Sequence[int]]
    keys: Callable[[Field], Mapping[str, Lookup]]
    common: Callable[[Any], Sequence[str]]
    words: frozenset[str] = frozenset()
    shape: Callable[..., Any] = lambda *parts: parts
    one_of: bool = False
