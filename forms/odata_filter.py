"""$filter and $orderby as text to a small tree: a tokenizer, a parser, no eval.

__system/submissionDate gt 2026-01-01T00:00:00Z and not (__system/reviewState eq 'rejected')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from forms.problems import BAD_FILTER, UNKNOWN_FILTER_FIELD, UNKNOWN_FILTER_FUNCTION, Refused

LONGEST = 4_000
DEEPEST = 30
FUNCTIONS = frozenset({"now", "year", "month", "day", "hour", "minute", "second"})
OPERATORS = frozenset({"lt", "le", "eq", "ne", "ge", "gt"})
BEFORE = "$root/Submissions/"  # how tables of repeats speak of the form's own fields

Value = str | float | datetime | bool | None


@dataclass(frozen=True, slots=True)
class FieldName:
    """A field, as one of the names that were allowed."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that was written out."""

    value: Value


@dataclass(frozen=True, slots=True)
class Part:
    """year(…) and its like: a number out of a field that holds a time."""

    name: str
    of: FieldName


Operand = FieldName | Literal | Part


@dataclass(frozen=True, slots=True)
class Comparison:
    """left op right."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """Where the condition does not hold."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """`and` or `or`."""

    operator: str
    parts: tuple[Condition, ...]


Condition = Comparison | Not | Both


@dataclass(frozen=True, slots=True)
class Order:
    """One field of $orderby."""

    name: str
    descending: bool


def read_filter(text: str, fields: Collection[str], now: datetime) -> Condition:
    """Refused(BAD_FILTER) for what cannot be read, (UNKNOWN_FILTER_…) for what is not known."""
    if len(text) > LONGEST:
        raise Refused(BAD_FILTER(why="too long"))
    parser = _Parser([*_tokens(text)], fields, now)
    found = parser.any_of()
    parser.end()
    return found


def read_order(text: str, fields: Collection[str]) -> tuple[Order, ...]:
    """ "a desc, b" as fields in order; refusals as above."""
    found = []
    for part in text.split(","):
        name, *way = part.split()[:3] or [""]
        if way not in ([], ["asc"], ["desc"]):
            raise Refused(BAD_FILTER(why=part.strip()[:40]))
        found.append(Order(_known(name, fields).name, way == ["desc"]))
    return tuple(found)


def fields_in(condition: Condition) -> Iterator[str]:
    """The name of every field a condition speaks of."""
    if isinstance(condition, Not):
        yield from fields_in(condition.inner)
    elif isinstance(condition, Both):
        for part in condition.parts:
            yield from fields_in(part)
    else:
        for side in (condition.left, condition.right):
            if isinstance(side, Part):
                yield side.of.name
            elif isinstance(side, FieldName):
                yield side.name


# ------------------------------------------------------------------ tokens
_TIME = r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+ -]\d\d:\d\d)?)?"
_TOKEN = re.compile(
    rf"\s*(?:(?P<time>{_TIME})|(?P<number>-?\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')"
    r"|(?P<sign>[(),])|(?P<word>[$\w][$\w/.@-]*))",
)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise Refused(BAD_FILTER(why=text[at : at + 40].strip()))
        kind = found.lastgroup or ""
        yield kind, found[kind]
        at = found.end()


def _known(name: str, fields: Collection[str]) -> FieldName:
    plain = name.removeprefix(BEFORE)
    if plain not in fields:
        raise Refused(UNKNOWN_FILTER_FIELD(field=name[:80]))
    return FieldName(plain)


# ------------------------------------------------------------------ grammar
class _Parser:
    """Recursive descent; every step takes tokens from the left."""

    def __init__(
        self, tokens: list[tuple[str, str]], fields: Collection[str], now: datetime
    ) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.fields = fields
        self.now = now

    def any_of(self) -> Condition:
        return self._joined("or", lambda: self._joined("and", self._one))

    def end(self) -> None:
        if self.at < len(self.tokens):
            self._fail()

    def _joined(self, word: str, inner: Callable[[], Condition]) -> Condition:
        parts = [inner()]
        while self._take("word", word):
            parts.append(inner())
        return parts[0] if len(parts) == 1 else Both(word, tuple(parts))

    def _one(self) -> Condition:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Refused(BAD_FILTER(why="too deep"))
        found = self._unary()
        self.depth -= 1
        return found

    def _unary(self) -> Condition:
        if self._take("word", "not"):
            return Not(self._one())
        if self._take("sign", "("):
            found = self.any_of()
            self._must("sign", ")")
            return found
        left = self._operand()
        kind, word = self._next()
        if kind != "word" or word not in OPERATORS:
            self._fail()
        return Comparison(word, left, self._operand())

    def _operand(self) -> Operand:
        kind, text = self._next()
        if kind == "text":
            return Literal(text[1:-1].replace("''", "'"))
        if kind == "number":
            return Literal(float(text) if "." in text else int(text))
        if kind == "time":
            return Literal(_time(text))
        if kind != "word":
            self._fail()
        if text in _CONSTANTS:
            return Literal(_CONSTANTS[text])
        return self._call(text) if self._take("sign", "(") else _known(text, self.fields)

    def _call(self, name: str) -> Operand:
        if name not in FUNCTIONS:
            raise Refused(UNKNOWN_FILTER_FUNCTION(name=name[:80]))
        if name == "now":
            self._must("sign", ")")
            return Literal(self.now)
        of = self._operand()
        self._must("sign", ")")
        if isinstance(of, Literal) and isinstance(of.value, datetime):
            return Literal(getattr(of.value.astimezone(UTC), name))
        if not isinstance(of, FieldName):
            self._fail()
        return Part(name, of)

    def _take(self, kind: str, text: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == (kind, text):
            self.at += 1
            return True
        return False

    def _must(self, kind: str, text: str) -> None:
        if not self._take(kind, text):
            self._fail()

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            self._fail()
        self.at += 1
        return self.tokens[self.at - 1]

    def _fail(self) -> NoReturn:
        near = " ".join(text for _, text in self.tokens[max(self.at - 1, 0) : self.at + 3])
        raise Refused(BAD_FILTER(why=near[:80] or "…"))


_CONSTANTS: dict[str, Value] = {"null": None, "true": True, "false": False}


def _time(text: str) -> datetime:
    """UTC where it names no zone. A `+` that was not percent-encoded has become a blank."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(BAD_FILTER(why=text)) from None
