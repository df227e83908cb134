"""What an office may correct of a person's entry, and by which form it says so (`privacy.toml`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from forms.days import read_day, read_written_day, to_vietnamese

_MONTH = re.compile(r"(0?[1-9]|1[0-2])[/.-]([0-9]{4})", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
EARLIEST = 1900


@dataclass(frozen=True, slots=True)
class Birth:
    """The columns of a day, a month and a year of birth; how exactly it is known, with its codes.

    born_in: the column that has the year, however exactly the day is known.
    """

    on: str
    month: str
    year: str
    precision: str
    codes: Mapping[str, str]
    born_in: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.on, self.month, self.year, self.precision, self.born_in)

    def read(self, text: str, today: date) -> dict[str, str] | None:
        """ "31/08/1949", "08/1949" or "1949" as answers; None where it is none of these, or nobody
        alive was born then."""
        day, month = read_written_day(text), _MONTH.fullmatch(text)
        if day is not None:
            year, found = str(day.year), {self.on: day.isoformat()}
            how = "day"
        elif month:
            year, found = month[2], {self.month: str(int(month[1])), self.year: month[2]}
            how = "month"
        else:
            year, found, how = text, {self.year: text}, "year"
        if not _YEAR.fullmatch(year) or not EARLIEST <= int(year) <= today.year:
            return None
        if day is not None and day > today:
            return None
        return found | {self.precision: self.codes[how], self.born_in: year}

    def write(self, known: Mapping[str, str]) -> str:
        """The birth of these answers, as `read` takes it."""
        how, day = known.get(self.precision), read_day(known.get(self.on, ""))
        if how == self.codes["day"] and day is not None:
            return to_vietnamese(day)
        year = known.get(self.year, "")
        month = known.get(self.month, "")
        return (
            f"{int(month):02}/{year}" if how == self.codes["month"] and month.isdecimal() else year
        )


@dataclass(frozen=True, slots=True, eq=False)  # a key, as itself
class Correctable:
    """One answer that may be corrected.

    column     of the form, and of every form that told it before
    answers    what the form says with it
    copies     columns that say the same: what a phone would compute
    pattern    what the whole text must look like; "" = anything
    birth      where it is a birth, of which perhaps only the year is known
    """

    column: str
    answers: Mapping[str, str] = field(default_factory=dict)
    copies: tuple[str, ...] = ()
    pattern: str = ""
    birth: Birth | None = None

    def fits(self, text: str) -> bool:
        return not self.pattern or re.fullmatch(self.pattern, text) is not None

    def said(self, text: str, today: date) -> dict[str, str] | None:
        """The form's answers by which this is said; None where the text is no such answer."""
        if not self.fits(text):
            return None
        if self.birth is not None:
            return self.birth.read(text, today)
        return dict.fromkeys((self.column, *self.copies), text)


@dataclass(frozen=True, slots=True)
class Corrections:
    """The form, with these columns for whom, where, since when and why; the pieces of which the
    entry's label is made, each left out where its answer is missing."""

    form: str
    person: str
    club: str
    day: str
    reason: str
    label: tuple[str, ...]
    fields: tuple[Correctable, ...]

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that the label shows, in its order."""
        return tuple(name for piece in self.label for name in _NAMED.findall(piece))

    @property
    def called(self) -> str:
        """The column of the name, with which the label begins."""
        return self.named[0]

    def label_of(self, known: Mapping[str, str]) -> str:
        """ "Name · 1949 · hamlet", of answers by column."""
        pieces = zip(self.label, self.named, strict=True)
        return "".join(piece.format_map(known) for piece, name in pieces if known.get(name))


_NAMED = re.compile(r"\{(\w+)\}")


def join_answers(told: Collection[Mapping[str, str]]) -> dict[str, str]:
    """Answers said together: of one column the codes side by side."""
    found: dict[str, dict[str, None]] = {}
    for answers in told:
        for column, text in answers.items():
            found.setdefault(column, {})[text] = None
    return {column: " ".join(texts) for column, texts in found.items()}


def read_corrections(entry: Mapping[str, Any]) -> Corrections:
    """The [correct] table. KeyError, TypeError or ValueError where a word is missing."""
    return Corrections(
        **{name: str(entry[name]) for name in ("form", "person", "club", "day", "reason")},
        label=tuple(map(str, entry["label"])),
        fields=tuple(map(_field, entry["field"])),
    )


def _field(entry: Mapping[str, Any]) -> Correctable:
    pattern = str(entry.get("pattern", ""))
    re.compile(pattern)
    return Correctable(
        column=str(entry["column"]),
        answers=_words(entry.get("answers", {})),
        copies=tuple(map(str, entry.get("copies", []))),
        pattern=pattern,
        birth=_birth(str(entry["column"]), entry["birth"]) if "birth" in entry else None,
    )


def _birth(column: str, entry: Mapping[str, Any]) -> Birth:
    names = {name: str(entry[name]) for name in ("month", "year", "precision", "born_in")}
    codes = _words(entry["codes"])
    if set(codes) != {"day", "month", "year"}:
        raise ValueError("codes: day, month, year")
    return Birth(on=column, codes=codes, **names)


def _words(value: Any) -> Mapping[str, str]:
    return MappingProxyType({str(name): str(text) for name, text in value.items()})


def correction_slips(
    corrections: Corrections, forms: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """What is named and the form has no column for."""
    one = corrections
    columns = {one.person, one.club, one.day, one.reason}
    for each in one.fields:
        columns |= {each.column, *each.copies, *each.answers}
        columns |= {*(each.birth.columns if each.birth else ())}
    yield from (name for name in sorted(columns) if name not in forms.get(one.form, ()))
