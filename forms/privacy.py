"""Personal data by law (`privacy.toml`): whose it is, and what stays when it is erased."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from forms.corrections import Corrections, correction_slips, read_corrections

_WORDS = frozenset({"person", "keep", "consent", "correct", "request", "term", "log"}) | {
    "identity",
    "reasons",
    "holidays",
}


SATURDAY = 5
LEAST_MONTHS = 24  # that who saw whom is kept


@dataclass(frozen=True, slots=True)
class Words:
    """A label in both languages."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class RequestKind:
    """What somebody may ask: the first answer is due in working days, the rest in days.

    erases, corrects, restricts: upon no other request anybody is erased, an entry corrected, or the
    use of data restricted.
    """

    id: str
    vi: str
    en: str
    answer_working_days: int
    done_days: int
    extension_days: int
    erases: bool = False
    corrects: bool = False
    restricts: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """What may be kept no longer: forms about people who left or died so many years ago, or who do
    not give the consent `without`; or, `person`, all of them."""

    id: str
    vi: str
    en: str
    forms: tuple[str, ...] = ()
    ended_years: int | None = None
    without: str | None = None
    person: bool = False


@dataclass(frozen=True, slots=True)
class Purpose:
    """What consent is given for: the `fact` that tells it. answers: with which the form of
    `Consents` takes it back. covers: forms that are filled in under it."""

    fact: str
    vi: str
    en: str
    answers: Mapping[str, str]
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consents:
    """How consent is taken back: by this form, with these columns for whom, where and when.
    told: how, by, paper -> the columns that tell how a consent was given."""

    form: str
    person: str
    club: str
    day: str
    answers: Mapping[str, str]
    told: Mapping[str, str]
    purposes: tuple[Purpose, ...]

    def purpose(self, fact: str) -> Purpose | None:
        return next((one for one in self.purposes if one.fact == fact), None)


@dataclass(frozen=True, slots=True)
class Privacy:
    """What the library says of personal data; of one that says nothing, nobody is a person.

    person   the list whose entities are people
    names    facts that tell what somebody is called, beside the label
    owns     list -> the property that names whose its entities are
    identity   questions whose answers no page shows, but to who says why
    log_months   how long is kept who did what and saw whom; None = for ever
    keep     form -> the answers that stay of one about somebody who was erased; of a form that is
             not here nothing does, and it counts no more
    """

    person: str = ""
    names: frozenset[str] = frozenset()
    owns: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, frozenset[str]] = field(default_factory=dict)
    consents: Consents | None = None
    corrections: Corrections | None = None
    requests: Mapping[str, RequestKind] = field(default_factory=dict)
    terms: Mapping[str, Term] = field(default_factory=dict)
    identity: frozenset[str] = frozenset()
    reasons: Mapping[str, Words] = field(default_factory=dict)
    holidays: Mapping[int, frozenset[date]] = field(default_factory=dict)
    log_months: int | None = None

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday, and no holiday as far as its year is known."""
        return day.weekday() < SATURDAY and day not in self.holidays.get(day.year, ())

    def after_working_days(self, day: date, count: int) -> date:
        """The last of so many working days after a day."""
        while count:
            day += timedelta(days=1)
            count -= self.is_working_day(day)
        return day


def read_privacy(entry: Mapping[str, Any]) -> Privacy:
    """The file. KeyError, TypeError or ValueError where a word is missing or misshapen."""
    strange = sorted(set(entry) - _WORDS)
    if strange:
        raise ValueError(f"“{strange[0]}”")
    person = entry["person"]
    owns = {str(one["list"]): str(one["property"]) for one in person.get("owns", [])}
    return Privacy(
        person=str(person["list"]),
        names=_texts(person.get("names", [])),
        owns=MappingProxyType(owns),
        keep=MappingProxyType({str(k): _texts(v) for k, v in entry.get("keep", {}).items()}),
        consents=_consents(entry["consent"]) if "consent" in entry else None,
        corrections=read_corrections(entry["correct"]) if "correct" in entry else None,
        requests=MappingProxyType(
            {str(one["id"]): _request(one) for one in entry.get("request", [])}
        ),
        terms=MappingProxyType({one.id: one for one in map(_term, entry.get("term", []))}),
        identity=_texts(entry.get("identity", {}).get("columns", [])),
        reasons=MappingProxyType(
            {str(name): Words(**one) for name, one in entry.get("reasons", {}).items()}
        ),
        log_months=_months(entry["log"]) if "log" in entry else None,
        holidays=MappingProxyType(
            {
                int(year): frozenset(map(date.fromisoformat, days))
                for year, days in entry.get("holidays", {}).items()
            }
        ),
    )


def _months(entry: Mapping[str, Any]) -> int:
    months = int(entry["months"])
    if months < LEAST_MONTHS:
        raise ValueError(f"log.months {months} < {LEAST_MONTHS}")
    return months


def _request(entry: Mapping[str, Any]) -> RequestKind:
    label = entry["label"]
    return RequestKind(
        id=str(entry["id"]),
        vi=str(label["vi"]),
        en=str(label["en"]),
        answer_working_days=int(entry["answer_working_days"]),
        done_days=int(entry["done_days"]),
        extension_days=int(entry["extension_days"]),
        erases=bool(entry.get("erases", False)),
        corrects=bool(entry.get("corrects", False)),
        restricts=bool(entry.get("restricts", False)),
    )


def _term(entry: Mapping[str, Any]) -> Term:
    years, without = entry.get("ended_years"), entry.get("without")
    forms, person = bool(entry.get("forms")), bool(entry.get("person"))
    if (years is None) == (without is None) or forms == person:
        raise ValueError(f"{entry['id']}: ended_years/without, forms/person")
    return Term(
        id=str(entry["id"]),
        vi=str(entry["label"]["vi"]),
        en=str(entry["label"]["en"]),
        forms=tuple(sorted(_texts(entry.get("forms", [])))),
        ended_years=None if years is None else int(years),
        without=without,
        person=person,
    )


def _consents(entry: Mapping[str, Any]) -> Consents:
    return Consents(
        form=str(entry["form"]),
        person=str(entry["person"]),
        club=str(entry["club"]),
        day=str(entry["day"]),
        answers=_words(entry["answers"]),
        told=_words(entry.get("told", {})),
        purposes=tuple(
            Purpose(
                fact=str(one["fact"]),
                vi=str(one["label"]["vi"]),
                en=str(one["label"]["en"]),
                answers=_words(one["answers"]),
                covers=tuple(sorted(_texts(one.get("covers", [])))),
            )
            for one in entry["purpose"]
        ),
    )


def _words(value: Any) -> Mapping[str, str]:
    return MappingProxyType({str(name): str(text) for name, text in value.items()})


def _texts(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"“{value}”")
    return frozenset(value)


def privacy_slips(
    privacy: Privacy,
    lists: Mapping[str, Collection[str]],
    facts: Collection[str],
    forms: Mapping[str, Collection[str]],
    needed: Mapping[str, Collection[str]],
) -> Iterator[tuple[str, str]]:
    """(entry, what it names and nothing has). lists: with their properties; facts: of people;
    forms: with their columns; needed: form -> the columns by which a record is filed, which must
    stay."""
    if privacy.person and privacy.person not in lists:
        yield "person", privacy.person
    yield from (("person", one) for one in sorted(privacy.names - set(facts)))
    for name, owner in privacy.owns.items():
        if owner not in lists.get(name, ()):
            yield "person", f"{name}.{owner}"
    for form, columns in privacy.keep.items():
        yield from (("keep", f"{form}.{one}") for one in sorted(columns - set(forms.get(form, ()))))
        missing = sorted(set(needed.get(form, ())) - columns)
        yield from (("keep", f"{form}: {one}?") for one in missing)
    known = {column for columns in forms.values() for column in columns}
    yield from (("identity", one) for one in sorted(privacy.identity - known))
    for term in privacy.terms.values():
        yield from (("term", one) for one in term.forms if one not in forms)
        if term.without is not None and term.without not in facts:
            yield "term", term.without
    if privacy.consents is not None:
        yield from (("consent", one) for one in _consent_slips(privacy.consents, facts, forms))
    if privacy.corrections is not None:
        yield from (("correct", one) for one in correction_slips(privacy.corrections, forms))


def _consent_slips(
    consents: Consents, facts: Collection[str], forms: Mapping[str, Collection[str]]
) -> Iterator[str]:
    columns = {consents.person, consents.club, consents.day, *consents.answers}
    columns |= {name for one in consents.purposes for name in one.answers}
    columns |= set(consents.told.values())
    yield from (one for one in sorted(columns) if one not in forms.get(consents.form, ()))
    for purpose in consents.purposes:
        if purpose.fact not in facts:
            yield purpose.fact
        yield from (one for one in purpose.covers if one not in forms)
