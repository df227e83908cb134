"""Indicators, targets, cuts and report columns: read from a library's TOML, and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from forms.periods import Period, months_before
from forms.problems import Problem, ProblemType, Where

BAD_INDICATOR = ProblemType(
    "bad_indicator",
    0,
    "Chỉ tiêu “{indicator}” trong thư viện viết sai: {why_vi}.",
    "Indicator “{indicator}” of the library is wrong: {why}.",
)

PLACES = ("club", "commune", "district", "city")  # levels of a figure, bottom up
EVERY_FORM = "*"  # `of` that takes the records of all forms
UNKNOWN = "unknown"  # the choice that says nobody knows: missing, but stays in the denominator

Kind = Literal[
    # entities of a list: on D, or what began, ended or turned in P
    "count", "began", "ended", "moved_in", "moved_out", "turned", "days", "sum_began",
    "pairs",
    # records of a form
    "distinct", "sum", "latest", "months", "median", "named", "standing", "held", "waiting",
    # of other figures
    "per", "total",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
CONDITIONS = (
    "is", "in", "not", "at_least", "at_most", "between", "present", "has", "lacks", "older_than",
    "older_than_days", "every_month",
)  # fmt: skip
UpTo = Literal["period", "start", "end"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What one fact or answer must satisfy: a word of CONDITIONS and its argument."""

    word: str
    value: str | Decimal | bool | tuple[str, ...] | tuple[Decimal, Decimal]


Conditions = Mapping[str, tuple[Condition, ...]]  # name of a fact or a field -> all must hold


@dataclass(frozen=True, slots=True)
class With:
    """`with`: only those who also have a record of `form` on such days, in whichever club.

    within: "period", "ever" (up to D), or a number of months that end on D.
    within_days: instead, the number of days that end on D.
    named_in: the person is one of those chosen in this field, not the record's subject; then only
    records of the person's own club on D count, but with `anywhere` those of all clubs.
    rows: `where` and `named_in` are about rows of this repeat (or the record they belong to).
    period_in, until_days: instead of its day, the record names the period in this field, and came
    to pass at most so many days after D.
    list: instead of records, entities of this list of whom `where` holds on D, and whose fact
    `named_in` on D is this one; of the same club on D, but with `anywhere` of all.
    A club has the records and the entities that are its own.
    """

    form: str
    where: Conditions
    within: Literal["period", "ever"] | int
    named_in: str | None
    within_days: int | None = None
    anywhere: bool = False
    period_in: str | None = None
    until_days: int | None = None
    rows: str | None = None
    list: str | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """`followed`: only records whose subject has one of `form` on a later day, soon enough."""

    form: str
    where: Conditions
    within_days: int


@dataclass(frozen=True, slots=True)
class Indicator:
    """One line of the report. `of` names a list or a form, or for kind "per" a level of PLACES.

    kind, of an entity list:
      count       those for whom `where` (and one of `any_`, and one of `with_`, none of `without`)
                  holds on D; some_day: `where` and `any_` on some day of P, all on the same
      began       for whom `where` began to hold in P (between_days: instead on these days up to D),
                  each time it did, in the club of that day
      ended       for whom it ceased in P, in the club of the day before; cuts are by what was so on
                  that day, not on D
      moved_in    for whom `where` holds and whose club became one of this place in P, coming from
                  a club outside of it; moved_out likewise. Who begins or ends does not move
      turned      for whom `from_` held up to a day of P and `to` (and `where`) from it on; once,
                  in the club of the last such day
      days        the days of P on which `where` holds, added up, in the club of those days
      sum         of the numeric fact `summed` on D
      pairs       two of those for whom `where` holds on D who may be one (match.toml), undecided;
                  of two clubs: in each, and once above both
      sum_began   of the values of the fact `summed` whose spell began in P, in the club of that day
      Cuts are by the facts of D, and so is the club where nothing else is said; ages are of D.
    of a form, or "*", every form (`rows`: of this repeat of it; a condition, sum or cut then names
    a column of the row, else one of the record the row belongs to):
      count, distinct (subjects), sum (of `summed`), latest (of each subject; of the last
      `within` months instead of P), months (of P with a record; `empty`: without one), median
      (days from the event to its first arrival), named (distinct values in the field `summed`,
      one space between them: mostly entities), standing (entities of the list `standing` for whom
      `facts` hold on the event's day in its club, added up over records), held (kept out of
      figures until somebody mends them; whose day cannot be true, in the period it arrived),
      waiting (for a registration)
      facts: only where they hold for the record's subject on the event's day
      about, about_list: cuts are of the entity this field names (`named`: of those counted)
      up_to: in P, or all that happened before P ("start"), or up to D ("end")
    of other figures: per (places that have what `having` and each of `each` ask for),
      total (figures times a factor, added)
    """

    id: str
    vi: str
    en: str
    unit_vi: str
    unit_en: str
    kind: Kind
    of: str
    summed: str | None = None  # sum: which field
    times: str | None = None  # sum: times the number of choices made in this field
    after_days: int = 0  # waiting: only what arrived so long ago
    divided_by: int = 1  # the stored numerator is whole; the value shown is numerator / divided_by
    where: Conditions = field(default_factory=dict)
    measured: Conditions = field(default_factory=dict)  # latest: which records can be the latest
    having: Conditions = field(default_factory=dict)  # per: indicator id -> its value there
    each: tuple[Conditions, ...] = ()  # per: of every one of these at least one entry holds
    with_: tuple[With, ...] = ()
    without: tuple[With, ...] = ()
    any_: tuple[Conditions, ...] = ()
    some_day: bool = False
    between_days: tuple[date, date] | None = None
    from_: Conditions = field(default_factory=dict)
    to: Conditions = field(default_factory=dict)
    rows: str | None = None
    up_to: UpTo = "period"
    within: int | None = None  # latest: months that end on D
    not_before: Conditions = field(default_factory=dict)  # no earlier record of the subject fits
    followed: Followed | None = None
    standing: str | None = None
    about: str | None = None
    about_list: str | None = None
    empty: bool = False
    facts: Conditions = field(default_factory=dict)
    total: Mapping[str, Decimal] = field(default_factory=dict)
    over: str | None = None
    scale: Decimal = Decimal(100)  # of a share: what 1 is shown as
    formula_vi: str = ""
    formula_en: str = ""
    source: str = ""
    section: str = ""  # of the report, "I" to "XI"; "Q": the table of quality
    sensitive: bool = False  # small cells are not shown outside the commune (domain 6.2, 7)
    by: tuple[str, ...] = ()
    levels: tuple[str, ...] = PLACES
    file: str = ""

    @property
    def adds_up(self) -> bool:
        """Clubs may be added: nobody is in two on one day, but events may see one in two."""
        return self.kind not in DISTINCT

    @property
    def asks(self) -> tuple[str, ...]:
        """The indicators that `having` and `each` look at."""
        return tuple(dict.fromkeys([*self.having, *(name for one in self.each for name in one)]))

    @property
    def stands_on(self) -> tuple[str, ...]:
        """The indicators that must be there before this one."""
        return (*self.asks, *self.total, *((self.over,) if self.over else ()))


# A person may be in two clubs of one place, and a move within a place is none.
DISTINCT: tuple[Kind, ...] = (
    "distinct",
    "latest",
    "named",
    "moved_in",
    "moved_out",
    "months",
    "median",
    "pairs",
)
# What other clubs say moves these too: no club keeps them, they are counted when somebody looks.
NOT_KEPT: tuple[Kind, ...] = ("pairs",)


@dataclass(frozen=True, slots=True)
class Target:
    """What an indicator should be at these levels, from a day on, up to (not with) another.

    Bounds are of the value shown (a share is in per cent); `above` means strictly more.
    per_months: the bounds are of so many months, and grow with the period.
    where: only for clubs of which this holds on D; in a report `clubs` names them (None = all).
    """

    indicator: str
    levels: tuple[str, ...]
    valid_from: date
    valid_to: date | None
    at_least: Decimal | None
    at_most: Decimal | None
    above: Decimal | None
    source: str
    per_months: int | None = None
    where: Conditions = field(default_factory=dict)
    clubs: tuple[str, ...] | None = None

    def over(self, months: int) -> Target:
        """The target of a period of so many months."""
        if self.per_months is None:
            return self
        times = Decimal(months) / self.per_months
        low, high, above = (
            None if bound is None else bound * times
            for bound in (self.at_least, self.at_most, self.above)
        )
        return replace(self, at_least=low, at_most=high, above=above)

    def judge(self, value: Decimal) -> Literal["low", "met", "high"]:
        """Compared before any rounding."""
        low = self.at_least is not None and value < self.at_least
        if low or (self.above is not None and value <= self.above):
            return "low"
        return "high" if self.at_most is not None and value > self.at_most else "met"


@dataclass(frozen=True, slots=True)
class Band:
    """One value of a cut. For a cut of ages: from `first` full years up to (not with) `end`."""

    value: str
    vi: str
    en: str
    first: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to split: persons by the value of a fact on D, or by age on D (`fact` = "age");
    or records by an `answer` (multi: each of the choices made; then parts add up to more).
    """

    vi: str
    en: str
    fact: str
    bands: tuple[Band, ...]
    answer: str | None = None
    multi: bool = False
    sensitive: bool = False

    @property
    def overlaps(self) -> bool:
        """Whether parts are shares of a whole that need not be cut the same way."""
        return self.answer is not None or self.multi


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table with a row per club: a word about the club, or a figure.

    show: "place" (a word about the club), "day" (a property of it that holds a day), "count" (of a
    share: the numerator), "share" (per cent), "missing", "yes_no", or "nothing": no form feeds this
    column yet.
    """

    title: str
    show: str
    figure: str | None = None
    cut: str = ""
    cut_values: tuple[str, ...] = ()  # added up
    word: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Which figures a record moves beside those of its own club in the periods of its day.

    days_back: of periods that ended at most so many days before it. months_on, days_on: of periods
    that end less than so long after it; ever: of all later ones; periods: of those that these
    fields name. subject: of every club that its subject was in, too. names: and of the clubs of
    whoever these fields name.
    """

    days_back: int = 0
    months_on: int = 0
    days_on: int = 0
    ever: bool = False
    periods: frozenset[str] = frozenset()
    subject: bool = False
    names: frozenset[str] = frozenset()

    def moves(self, day: date, period: Period) -> bool:
        """Whether a record of this day may move figures of the period."""
        if day in period:
            return True
        if period.last < day:
            return day <= period.last + timedelta(days=self.days_back)
        since = min(
            months_before(period.last, self.months_on),
            period.last - timedelta(days=self.days_on),
        )
        return self.ever or day > since


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)  # one library has one
class Figures:
    """All that a library says about figures."""

    indicators: Mapping[str, Indicator]  # in the order they can be computed
    targets: tuple[Target, ...]
    cuts: Mapping[str, Cut]
    columns: tuple[Column, ...]
    since: date  # figures are kept for periods that end on this day or later
    problems: tuple[Problem, ...]

    def target(self, indicator: str, level: str, day: date) -> Target | None:
        """The target for all in force on `day`; of several the one that began last."""
        fitting = (
            one
            for one in self.in_force(day)
            if one.indicator == indicator and level in one.levels and not one.where
        )
        return max(fitting, key=lambda one: one.valid_from, default=None)

    def in_force(self, day: date) -> Iterator[Target]:
        """The targets that hold on this day."""
        for one in self.targets:
            if one.valid_from <= day and (one.valid_to is None or day < one.valid_to):
                yield one

    def reach(self, form: str | None) -> Reach:
        """Of a record of this form; None: of any."""
        return _reach(self, form)

    def looks_at(self, form: str) -> bool:
        """Whether any figure looks at records of this form."""
        return any(True for one in self.indicators.values() for _ in _reaches(one, form))


@lru_cache(maxsize=512)  # asked for every record
def _reach(figures: Figures, form: str | None) -> Reach:
    far = [Reach(), *(r for one in figures.indicators.values() for r in _reaches(one, form))]
    return Reach(
        days_back=max(one.days_back for one in far),
        months_on=max(one.months_on for one in far),
        days_on=max(one.days_on for one in far),
        ever=any(one.ever for one in far),
        periods=frozenset[str]().union(*(one.periods for one in far)),
        subject=any(one.subject for one in far),
        names=frozenset[str]().union(*(one.names for one in far)),
    )


def _reaches(one: Indicator, form: str | None) -> Iterator[Reach]:
    cumulative = one.up_to != "period"
    if form is None or one.of in (form, EVERY_FORM):
        ever = cumulative or bool(one.not_before)
        yield Reach(months_on=one.within or 0, ever=ever, subject=bool(one.not_before))
    if one.followed and form in (None, one.followed.form):
        yield Reach(days_back=one.followed.within_days, ever=cumulative, subject=True)
    for asked in one.with_ + one.without:
        if not asked.list and form in (None, asked.form):
            by_name = asked.named_in is not None
            yield Reach(
                months_on=asked.within if isinstance(asked.within, int) else 0,
                days_on=asked.within_days or 0,
                ever=asked.within == "ever",
                periods=frozenset({asked.period_in} if asked.period_in else ()),
                subject=not by_name,
                names=frozenset({str(asked.named_in)} if by_name and asked.anywhere else ()),
            )


class BadIndicator(ValueError):
    """One entry of a TOML file that cannot be read: what is wrong, in both languages."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


# ------------------------------------------------------------------ reading
Entry = TypeVar("Entry")


def read_figures(library: Path) -> Figures:
    """Read */indicators.toml, targets.toml and report.toml of a library folder.

    Wrong entries are left out and told in `problems`; what is not TOML raises TOMLDecodeError.
    """
    problems: list[Problem] = []
    indicators: dict[str, Indicator] = {}
    for file in sorted(library.glob("*/indicators.toml")):
        _read_indicators(file, indicators, problems)
    settings, layout = _toml(library / "targets.toml"), _toml(library / "report.toml")
    cuts = _read_each("targets.toml", settings.get("cut", {}).items(), _cut, problems)
    problems += [p for i in indicators.values() for p in _misfits(i, indicators, dict(cuts))]
    ordered, circles = _in_order(indicators)
    problems += [slip_in(i.file, i.id, "đứng trên chính nó", "stands on itself") for i in circles]
    wrong = {p.details["indicator"] for p in problems}
    good = {i.id: i for i in ordered if i.id not in wrong}
    named = [(str(entry.get("indicator")), entry) for entry in settings.get("target", [])]
    targets = [t for _, t in _read_each("targets.toml", named, _target, problems)]
    titled = [(str(entry.get("title")), entry) for entry in layout.get("column", [])]
    columns = [c for _, c in _read_each("report.toml", titled, _column, problems)]
    problems += _loose_ends(good, dict(cuts), targets, columns)
    since = settings.get("report", {}).get("since", date(1970, 1, 1))
    return Figures(good, tuple(targets), dict(cuts), tuple(columns), since, tuple(problems))


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def _read_indicators(file: Path, into: dict[str, Indicator], problems: list[Problem]) -> None:
    short = f"{file.parent.name}/{file.name}"
    entries = enumerate(_toml(file).get("indicator", []), 1)
    named = [(str(entry.get("id", f"#{number}")), entry) for number, entry in entries]
    for name, one in _read_each(short, named, lambda entry: read_indicator(entry, short), problems):
        if name in into:
            problems.append(slip_in(short, name, "mã này đã có", "this id is already taken"))
        into.setdefault(name, one)


def _read_each(
    file: str,
    entries: Iterable[tuple[str, Any]],
    read: Callable[[Any], Entry],
    problems: list[Problem],
) -> list[tuple[str, Entry]]:
    """Every entry that can be read; of the others, what is wrong goes to `problems`."""
    found = []
    for name, entry in entries:
        try:
            found.append((name, read(entry)))
        except BadIndicator as wrong:
            problems.append(slip_in(file, name, wrong.vi, wrong.en))
        except KeyError as missing:
            word = missing.args[0]
            problems.append(slip_in(file, name, f"thiếu “{word}”", f"“{word}” is missing"))
        except (TypeError, AttributeError, ValueError) as wrong:  # a text where a table should be
            problems.append(slip_in(file, name, f"sai dạng ({wrong})", f"wrong shape ({wrong})"))
    return found


def slip_in(file: str, indicator: str, vi: str, en: str) -> Problem:
    """One slip of a library's figures, at its file and its key."""
    return BAD_INDICATOR(Where(sheet=file), indicator=indicator, why_vi=vi, why=en)


_ALWAYS = {"id", "label", "unit", "over", "by", "levels", "scale", "divided_by"}
_ALWAYS |= {"formula", "source", "section", "sensitive"}
_EVENT = {"where", "rows", "up_to", "not_before", "followed", "facts", "about", "of"}
_WORDS: Mapping[Kind, set[str]] = {  # which further words go with which kind
    "count": {"any", "with", "without", "some_day"} | _EVENT,
    "began": {"where", "between_days"},
    "ended": {"where"},
    "moved_in": {"where"},
    "moved_out": {"where"},
    "turned": {"from", "to", "where"},
    "days": {"where"},
    "sum_began": {"where"},
    "pairs": {"where"},
    "distinct": _EVENT,
    "sum": {"times"} | _EVENT,
    "latest": {"where", "measured", "within", "not_before"},
    "months": {"where", "empty"},
    "median": {"where"},
    "named": {"where", "rows", "of"},
    "standing": {"where", "of", "facts"},
    "held": {"where"},
    "per": {"having", "each"},
    "total": set(),
    # Records about somebody who is not on the list (yet): they count nowhere else.
    "waiting": {"after_days"},
}
_OF_LISTS = {"list", "where", "named_in", "anywhere"}
_WITH_WORDS = _OF_LISTS | {"form", "within", "within_days", "rows", "period_in", "until_days"}
_WITH_FIELD: tuple[Kind, ...] = ("sum", "sum_began", "named")  # written list.fact or form.field


def read_indicator(entry: Mapping[str, Any], file: str = "") -> Indicator:
    """One [[indicator]] table to an Indicator. Raises BadIndicator."""
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        said = ", ".join(KINDS)
        raise BadIndicator(f"cần đúng một trong các từ {said}", f"needs exactly one of {said}")
    kind = kinds[0]
    strange = set(entry) - _ALWAYS - _WORDS[kind] - {kind}
    if strange:
        word = min(strange)
        raise BadIndicator(
            f"từ “{word}” không dùng được với “{kind}”", f"word “{word}” does not go with “{kind}”"
        )
    of, _, of_field = ("", "", "") if kind == "total" else str(entry[kind]).partition(".")
    if (kind in _WITH_FIELD) != bool(of_field):
        said = ", ".join(_WITH_FIELD)
        raise BadIndicator(
            f"chỉ {said} có dạng tên.câu_hỏi", f"{said} need name.field, others only a name"
        )
    label, unit = _both(entry, "label"), _both(entry, "unit")
    formula = _both(entry, "formula") if "formula" in entry else {"vi": "", "en": ""}
    return Indicator(
        id=str(entry["id"]),
        vi=label["vi"],
        en=label["en"],
        unit_vi=unit["vi"],
        unit_en=unit["en"],
        kind=kind,
        of=of,
        summed=of_field or None,
        times=entry.get("times"),
        after_days=int(entry["after_days"]) if kind == "waiting" else 0,
        divided_by=int(entry.get("divided_by", 1)),
        where=read_conditions(entry.get("where", {})),
        measured=read_conditions(entry.get("measured", {})),
        having=read_conditions(entry.get("having", {})),
        each=_each_of(entry, "each"),
        with_=_withs(entry.get("with", [])),
        without=_withs(entry.get("without", [])),
        any_=_each_of(entry, "any"),
        some_day=bool(entry.get("some_day", False)),
        between_days=_days(entry["between_days"]) if "between_days" in entry else None,
        from_=read_conditions(entry.get("from", {})),
        to=read_conditions(entry.get("to", {})),
        rows=entry.get("rows"),
        up_to=_up_to(entry.get("up_to", "period")),
        within=int(entry["within"]) if "within" in entry else None,
        not_before=read_conditions(entry.get("not_before", {})),
        followed=_followed(entry["followed"]) if "followed" in entry else None,
        standing=str(entry["of"]) if kind == "standing" else None,
        about=entry.get("about"),
        about_list=entry.get("of") if kind != "standing" else None,
        empty=bool(entry.get("empty", False)),
        facts=read_conditions(entry.get("facts", {})),
        total={k: _decimal(v) for k, v in entry["total"].items()} if kind == "total" else {},
        over=entry.get("over"),
        scale=_decimal(entry.get("scale", 100)),
        by=tuple(entry.get("by", ())),
        levels=tuple(entry.get("levels", PLACES)),
        formula_vi=formula["vi"],
        formula_en=formula["en"],
        source=str(entry.get("source", "")),
        section=str(entry.get("section", "")),
        sensitive=bool(entry.get("sensitive", False)),
        file=file,
    )


def _each_of(entry: Mapping[str, Any], word: str) -> tuple[Conditions, ...]:
    return tuple(read_conditions(one) for one in entry.get(word, []))


def _days(value: Any) -> tuple[date, date]:
    if not (isinstance(value, list) and len(value) == 2 and all(type(d) is date for d in value)):
        raise BadIndicator("“between_days” cần hai ngày", "“between_days” needs two days")
    return value[0], value[1]


def _up_to(value: Any) -> UpTo:
    if value not in get_args(UpTo):
        raise BadIndicator("“up_to” là period, start hoặc end", "“up_to” is period, start or end")
    up_to: UpTo = value
    return up_to


def _followed(entry: Mapping[str, Any]) -> Followed:
    where = read_conditions(entry.get("where", {}))
    return Followed(str(entry["form"]), where, int(entry["within_days"]))


def _both(entry: Mapping[str, Any], word: str) -> Mapping[str, str]:
    texts = entry.get(word)
    if not isinstance(texts, dict) or not texts.get("vi") or not texts.get("en"):
        raise BadIndicator(f"thiếu “{word}” tiếng Việt hoặc tiếng Anh", f"“{word}” needs vi and en")
    return texts


def _withs(entries: Any) -> tuple[With, ...]:
    return tuple(_with(one) for one in (entries if isinstance(entries, list) else [entries]))


def _with(entry: Mapping[str, Any]) -> With:
    strange = set(entry) - _WITH_WORDS
    if strange:
        word = min(strange)
        raise BadIndicator(f"“with” không có từ “{word}”", f"“with” has no word “{word}”")
    within = entry.get("within", "period")
    if not isinstance(within, int) and within not in ("period", "ever"):
        raise BadIndicator(
            "“within” là period, ever hoặc số tháng",
            "“within” is period, ever or a number of months",
        )
    if ("form" in entry) == ("list" in entry):
        raise BadIndicator("“with” cần “form” hoặc “list”", "“with” needs “form” or “list”")
    of_forms = set(entry) - _OF_LISTS - {"form"}
    if "list" in entry and of_forms:
        word = min(of_forms)
        raise BadIndicator(
            f"từ “{word}” không dùng được với “list”", f"word “{word}” does not go with “list”"
        )
    return With(
        entry.get("form", ""),
        read_conditions(entry.get("where", {})),
        within,
        entry.get("named_in"),
        within_days=entry.get("within_days"),
        anywhere=bool(entry.get("anywhere", False)),
        period_in=entry.get("period_in"),
        until_days=entry.get("until_days"),
        rows=entry.get("rows"),
        list=entry.get("list"),
    )


def read_conditions(entry: Mapping[str, Mapping[str, Any]]) -> Conditions:
    """{"age": {"at_least": 60}} to Conditions. Raises BadIndicator for an unknown word."""
    return {
        name: tuple(_condition(word, value) for word, value in words.items())
        for name, words in entry.items()
    }


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadIndicator(f"“{value}” không phải số", f"“{value}” is not a number")
    return Decimal(str(value))


def _pair(value: Any) -> tuple[Decimal, Decimal]:
    if not isinstance(value, list) or len(value) != 2:
        raise BadIndicator("“between” cần hai số", "“between” needs two numbers")
    return _decimal(value[0]), _decimal(value[1])


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "is": str,
    "in": _texts,
    "not": _texts,
    "at_least": _decimal,
    "at_most": _decimal,
    "between": _pair,
    "present": bool,
    "has": _texts,
    "lacks": _texts,  # none of these choices was made, or no answer given
    "older_than": int,  # so since a day at least so many months before D
    "older_than_days": int,  # likewise in days: so on more days than that, D included
    "every_month": bool,  # of `having`: as many as P has months
}


def _condition(word: str, value: Any) -> Condition:
    if word not in _READ:
        said = ", ".join(CONDITIONS)
        raise BadIndicator(f"không có từ “{word}”; có: {said}", f"no word “{word}”; use: {said}")
    return Condition(word, _READ[word](value))


def _cut(entry: Mapping[str, Any]) -> Cut:
    bands = tuple(
        Band(str(b["value"]), b["vi"], b["en"], b.get("first"), b.get("end"))
        for b in entry.get("values", [])
    )
    answer = entry.get("answer")
    return Cut(
        entry["label"]["vi"],
        entry["label"]["en"],
        "" if answer else entry["fact"],
        bands,
        answer=answer,
        multi=bool(entry.get("multi", False)),
        sensitive=bool(entry.get("sensitive", False)),
    )


def _target(entry: Mapping[str, Any]) -> Target:
    def bound(word: str) -> Decimal | None:
        return _decimal(entry[word]) if word in entry else None

    return Target(
        entry["indicator"],
        tuple(entry["levels"]),
        entry["valid_from"],
        entry.get("valid_to"),
        bound("at_least"),
        bound("at_most"),
        bound("above"),
        entry["source"],
        per_months=entry.get("per_months"),
        where=_of_clubs(entry),
    )


def _of_clubs(entry: Mapping[str, Any]) -> Conditions:
    where = read_conditions(entry.get("where", {}))
    if where and tuple(entry["levels"]) != PLACES[:1]:
        raise BadIndicator("“where” chỉ dùng cho cấp club", "“where” is for the level club only")
    return where


def _column(entry: Mapping[str, Any]) -> Column:
    for show in ("place", "day", "count", "share", "missing", "yes_no"):
        if show in entry:
            name = str(entry[show])
            word, figure = (name, None) if show in ("place", "day") else (None, name)
            cut, values = entry.get("cut", ""), _texts(entry.get("values", []))
            return Column(entry["title"], show, figure, cut, values, word)
    return Column(entry["title"], "nothing")


# ------------------------------------------------------------------ checking
def _misfits(
    one: Indicator, all_: Mapping[str, Indicator], cuts: Mapping[str, Cut]
) -> list[Problem]:
    below = all_.get(one.over or "")
    found = [("không có chỉ tiêu", "no indicator", n) for n in one.stands_on if n not in all_]
    found += [("không có phân tổ", "no cut", c) for c in one.by if c not in cuts]
    if below:
        uncut = [c for c in one.by if c not in below.by and not (c in cuts and cuts[c].overlaps)]
        found += [("mẫu số không có phân tổ", "what it is over has no cut", c) for c in uncut]
    found += [("không có cấp", "no level", level) for level in one.levels if level not in PLACES]
    if one.kind == "per" and one.of not in PLACES:
        found.append(("không có cấp", "no level", one.of))
    if one.kind in ("waiting", "per", "pairs") and one.by:
        found.append(("không phân tổ được", "cannot be cut", one.kind))
    loose = [n for n in one.stands_on if n in all_ and all_[n].kind in NOT_KEPT]
    found += [("không dựa được vào", "cannot stand on", name) for name in loose]
    known = set(one.levels) <= set(PLACES)
    if known and PLACES[0] not in one.levels and one.adds_up and not _is_of_level(one):
        found.append(("cộng từ cấp dưới nên cần cấp", "adds up, so it needs the level", PLACES[0]))
    found += [("thiếu", "lacks", word) for word in _lacking(one)]
    found += [("không đủ cấp", "has not all its levels", n) for n in _too_few(one, all_)]
    parts = [(n, c) for n in one.total for c in one.by if n in all_ and c not in all_[n].by]
    found += [("không có phân tổ", "has not its cut", f"{n} {c}") for n, c in parts]
    return [slip_in(one.file, one.id, f"{vi} “{n}”", f"{en} “{n}”") for vi, en, n in found]


def _is_of_level(one: Indicator) -> bool:
    """Whether it is found at each level from the figures of that level, or of units below."""
    return one.kind == "total" or (one.kind == "per" and one.of != PLACES[0])


def _too_few(one: Indicator, all_: Mapping[str, Indicator]) -> list[str]:
    """What it stands on, but what is not there at a level where it is needed."""
    same = [*one.total, *([one.over] if one.over else [])]
    needed = [(name, set(one.levels)) for name in same]
    needed += [(name, {one.of} & set(PLACES)) for name in one.asks]
    return [name for name, levels in needed if name in all_ and levels - set(all_[name].levels)]


def _lacking(one: Indicator) -> list[str]:
    """Words without which a kind means nothing: what is always so neither begins nor ends."""
    if one.kind in ("began", "ended", "days") and not one.where:
        return ["where"]
    if one.kind == "turned":
        return [word for word, said in (("from", one.from_), ("to", one.to)) if not said]
    return []


def _in_order(indicators: Mapping[str, Indicator]) -> tuple[list[Indicator], list[Indicator]]:
    """What others stand on comes first; and those that, over others, stand on themselves."""
    done: dict[str, Indicator] = {}
    circles: list[Indicator] = []

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            circles.append(indicators[name])
        elif name in indicators and name not in done:
            for below in indicators[name].stands_on:
                add(below, (*above, name))
            done[name] = indicators[name]

    for name in indicators:
        add(name, ())
    return list(done.values()), circles


def _loose_ends(
    indicators: Mapping[str, Indicator],
    cuts: Mapping[str, Cut],
    targets: Sequence[Target],
    columns: Sequence[Column],
) -> list[Problem]:
    """Targets and columns of an indicator, a level or a cut that does not exist; and of no use."""
    named = [("targets.toml", t.indicator, "") for t in targets]
    named += [("report.toml", c.figure, c.cut) for c in columns if c.figure]
    problems = []
    for file, name, cut in named:
        if name not in indicators:
            problems.append(slip_in(file, name, "không có chỉ tiêu này", "no such indicator"))
        elif cut and (cut not in cuts or cut not in indicators[name].by):
            problems.append(slip_in(file, name, f"không có phân tổ “{cut}”", f"no cut “{cut}”"))
    for target in targets:
        slips = _target_slips(target, indicators.get(target.indicator))
        problems += [slip_in("targets.toml", target.indicator, *slip) for slip in slips]
    return problems


def _target_slips(target: Target, one: Indicator | None) -> Iterator[tuple[str, str]]:
    for level in target.levels:
        if level not in PLACES:
            yield f"không có cấp “{level}”", f"no level “{level}”"
        elif one is not None and level not in one.levels:
            yield f"chỉ tiêu không có ở cấp “{level}”", f"it has no figure at level “{level}”"
    if not target.source.strip():
        yield "thiếu “source”", "“source” is missing"
    if target.at_least is None and target.at_most is None and target.above is None:
        yield "thiếu mức phải đạt", "it has no bound"
    if target.valid_to is not None and target.valid_to <= target.valid_from:
        yield "“valid_to” không sau “valid_from”", "“valid_to” is not after “valid_from”"
