"""How a list and one of its entries look on a page: a domain's page.toml, as values.

Who may see which rows, properties, facts and answers is said elsewhere (lists.toml, forms.toml).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from forms.days import read_day, to_vietnamese
from forms.text import tidy

if TYPE_CHECKING:
    from forms.library import LibraryForm, ListRule


class Says(NamedTuple):
    """Words as a person reads them."""

    vi: str
    en: str


Codes = Mapping[str, Says]  # a code -> what a person reads
Source = Literal["property", "fact", "answer"]
Show = Literal["text", "year", "number", "entry"]
NOTHING = Says("", "")
SOURCES: tuple[Source, ...] = get_args(Source)

_COLUMN_WORDS = frozenset({"title", "labels", "show", "list", "hidden", *SOURCES})
_SECTION_WORDS = frozenset(
    {"title", "hidden", "needs", "now", "history", "records", "entries", "by", "columns"}
    | {"newest", "chart"}
)
_PAGE_WORDS = frozenset({"columns", "filters", "start", "search", "column", "section"})


@dataclass(frozen=True, slots=True)
class Column:
    """One thing told of an entry, or of a record about it.

    source, of   a property of the entry, a fact of the day, or an answer (also a computed one)
    show         "year" of a day; "number" with comma and thousands; "entry": the value is the uuid
                 of an entry of `list`
    codes        what its codes mean
    hidden       shown only where somebody asks for it: others look over the shoulder
    """

    title: Says
    source: Source
    of: str
    show: Show = "text"
    list: str = ""
    codes: Codes = field(default_factory=dict)
    hidden: bool = False

    def say(self, text: str) -> Says:
        """The value as people read it; ("", "") where there is none."""
        value = tidy(text)
        if not value:
            return NOTHING
        day = read_day(value)
        if day is not None:
            said = str(day.year) if self.show == "year" else to_vietnamese(day)
            return Says(said, said)
        if self.show == "number":
            said = say_number(value)
            return Says(said, said)
        known = [self.codes.get(code) for code in value.split()] if self.codes else []
        if known and all(known):  # an answer that is no code is shown as it was given
            both = [one for one in known if one]
            return Says("; ".join(one.vi for one in both), "; ".join(one.en for one in both))
        return Says(value, value)


@dataclass(frozen=True, slots=True)
class Guide:
    """What a guideline holds numbers against. values: by the day from which they are in force."""

    title: Says
    values: Mapping[date, tuple[Decimal, ...]]

    def on(self, day: date) -> tuple[Decimal, ...]:
        """Those of the day; none before the first."""
        begun = [first for first in self.values if first <= day]
        return self.values[max(begun)] if begun else ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers of records over time, a line per answer."""

    title: Says
    unit: str
    lines: tuple[Column, ...]
    guide: Guide | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an entry's page; exactly one of these is told.

    now        columns as they are today
    history    facts with the days they held
    records    what was sent about the entry with this form: `columns`, `newest` of them, `charts`
    entries    entries of this list whose property `by` names the entry: `columns` of that page
    needs      fact -> values: shown only while they hold (a consent)
    """

    title: Says
    hidden: bool = False
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    now: tuple[Column, ...] = ()
    history: tuple[Column, ...] = ()
    records: str = ""
    entries: str = ""
    by: str = ""
    columns: tuple[Column, ...] = ()
    names: tuple[str, ...] = ()  # of the columns of `entries`
    newest: int = 50
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class EntityPage:
    """A list's pages. search: properties in which is looked, beside the label; start: a column's
    name -> the code with which its filter begins.
    """

    name: str
    columns: tuple[Column, ...]
    filters: Mapping[str, Column]
    start: Mapping[str, str]
    search: tuple[str, ...]
    known: Mapping[str, Column]
    sections: tuple[Section, ...]


def say_number(text: str) -> str:
    """1.234,5 as Vietnamese readers write it; what is no number as it stands."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite() or abs(number.adjusted()) > 15:
        return text
    written = f"{number:,f}"
    return written.translate(str.maketrans(",.", ".,"))


# ------------------------------------------------------------------ read
@dataclass(frozen=True, slots=True)
class Words:
    """Where the words for codes come from: the forms' choices, and tables of texts."""

    rule: ListRule | None  # of the list whose entities are shown: of a view the one it is on
    forms: Mapping[str, LibraryForm]
    texts: Mapping[str, Codes]
    thresholds: Mapping[str, Any] = field(default_factory=dict)  # as the library's files have them

    def of(self, source: str, name: str, form: str = "") -> Codes:
        """What the codes of a property, a fact or an answer of a form mean."""
        if source == "answer":
            return self._choices(form, name)
        if self.rule is None:
            return {}
        if source == "fact":
            return self._of_fact(self.rule, name)
        computed = self.rule.computed.get(name)
        if computed is not None and computed.fact is not None:
            return self._of_fact(self.rule, computed.fact)
        if computed is not None:
            return self._all((form, computed.column or "") for form in computed.latest)
        of = self.rule.name
        saving = (one for one in self.forms.values() if of in one.entity_lists)
        return self._all((one.xml_form_id, one.saves.get(name, "")) for one in saving)

    def _of_fact(self, rule: ListRule, name: str) -> Codes:
        telling = (one for one in rule.facts if one.name == name and one.values is None)
        return self._all((one.form or "", one.field or "") for one in telling)

    def _all(self, asked: Iterable[tuple[str, str]]) -> Codes:
        found: dict[str, Says] = {}
        for form, column in asked:
            found |= self._choices(form, column)
        return found

    def _choices(self, form: str, column: str) -> Codes:
        known = self.forms.get(form)
        return known.says.get(column, {}) if known else {}


def read_page(name: str, entry: Mapping[str, Any], words: Words) -> EntityPage:
    """One [list] table. KeyError, TypeError or ValueError where a word is missing or misshapen."""
    _only(entry, _PAGE_WORDS)
    known = {key: _column(one, words) for key, one in entry.get("column", {}).items()}
    return EntityPage(
        name=name,
        columns=tuple(known[one] for one in _texts(entry["columns"])),
        filters={one: known[one] for one in _texts(entry.get("filters", []))},
        start={str(key): str(code) for key, code in entry.get("start", {}).items()},
        search=_texts(entry.get("search", [])),
        known=known,
        sections=tuple(_section(one, known, words) for one in entry.get("section", [])),
    )


def _section(entry: Mapping[str, Any], known: Mapping[str, Column], words: Words) -> Section:
    _only(entry, _SECTION_WORDS)
    kinds = [one for one in ("now", "history", "records", "entries") if one in entry]
    if len(kinds) != 1:
        raise ValueError("now | history | records | entries")
    form = str(entry.get("records", ""))
    return Section(
        title=_says(entry["title"]),
        hidden=bool(entry.get("hidden", False)),
        needs={str(k): _texts(v) for k, v in entry.get("needs", {}).items()},
        now=tuple(known[one] for one in _texts(entry.get("now", []))),
        history=tuple(known[one] for one in _texts(entry.get("history", []))),
        records=form,
        entries=str(entry.get("entries", "")),
        by=str(entry["by"]) if "entries" in entry else "",
        columns=tuple(_column(one, words, form) for one in entry["columns"]) if form else (),
        names=_texts(entry["columns"]) if "entries" in entry else (),
        newest=int(entry.get("newest", 50)),
        charts=tuple(_chart(one, words, form) for one in entry.get("chart", [])),
    )


def _chart(entry: Mapping[str, Any], words: Words, form: str) -> Chart:
    _only(entry, {"title", "unit", "lines", "guide"})
    lines = tuple(_column(one, words, form) for one in entry["lines"])
    guide = _guide(entry["guide"], words) if "guide" in entry else None
    return Chart(_says(entry["title"]), str(entry["unit"]), lines, guide)


def _guide(entry: Mapping[str, Any], words: Words) -> Guide:
    """`of` names a table of the thresholds, `row` one of its rows, `bounds` its cells."""
    _only(entry, {"title", "of", "row", "bounds"})
    values = {
        table["valid_from"]: tuple(
            Decimal(str(table[entry["row"]][one])) for one in entry["bounds"]
        )
        for table in words.thresholds[entry["of"]]
    }
    return Guide(_says(entry["title"]), values)


def _column(entry: Mapping[str, Any], words: Words, form: str = "") -> Column:
    _only(entry, _COLUMN_WORDS)
    named = [source for source in SOURCES if source in entry]
    if len(named) != 1:
        raise ValueError(" | ".join(SOURCES))
    source = named[0]
    if (source == "answer") != bool(form):
        raise ValueError(source)
    of, show = str(entry[source]), entry.get("show", "text")
    if show not in get_args(Show) or (show == "entry") != ("list" in entry):
        raise ValueError(f"{of}: show = “{show}”")
    texts = words.texts[entry["labels"]] if "labels" in entry else words.of(source, of, form)
    return Column(
        title=_says(entry["title"]),
        source=source,
        of=of,
        show=show,
        list=str(entry.get("list", "")),
        codes=texts,
        hidden=bool(entry.get("hidden", False)),
    )


def _says(entry: Mapping[str, Any]) -> Says:
    return Says(str(entry["vi"]), str(entry["en"]))


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"“{value}”")
    return tuple(value)


def _only(entry: Mapping[str, Any], words: Collection[str]) -> None:
    for strange in sorted(set(entry) - set(words)):
        raise ValueError(f"“{strange}”")


# ------------------------------------------------------------------ whether it fits
def page_slips(
    page: EntityPage,
    facts: Collection[str],
    properties: Collection[str],
    answers: Mapping[str, Collection[str]],
    pages: Mapping[str, EntityPage],
) -> Iterator[str]:
    """What it names and nothing has. answers: form -> its columns, for forms about the list."""
    columns = [*page.known.values(), *(one for s in page.sections for one in (*s.now, *s.history))]
    for one in columns:
        if one.of not in (facts if one.source == "fact" else properties):
            yield one.of
    yield from (name for name in page.search if name not in properties)
    for name, code in page.start.items():
        if name not in page.filters or code not in page.filters[name].codes:
            yield f"{name} = {code}"
    for section in page.sections:
        yield from (name for name in section.needs if name not in facts)
        yield from (one.of for one in section.history if one.source != "fact")
        yield from _elsewhere(section, answers, pages)


def _elsewhere(
    section: Section, answers: Mapping[str, Collection[str]], pages: Mapping[str, EntityPage]
) -> Iterator[str]:
    """What a section names of a form, or of another list's page."""
    if section.records:
        known = answers.get(section.records)
        if known is None:
            yield section.records
        told = (*section.columns, *(line for chart in section.charts for line in chart.lines))
        yield from (one.of for one in told if one.of not in (known or ()))
    if section.entries:
        other = pages.get(section.entries)
        if other is None:
            yield section.entries
        yield from (n for n in section.names if n not in (other.known if other else ()))
