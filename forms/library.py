"""Load a library folder (forms, rules, lists, figures, places) and check that its parts fit."""

from __future__ import annotations

import csv
import importlib.util
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from forms.computed import Computed
from forms.entity_pages import Codes, EntityPage, Says, Words, read_page
from forms.follow_up import FollowList, read_follow_list
from forms.form_problems import FormRefused
from forms.indicators import BadIndicator, Figures, Indicator, Target, read_figures
from forms.matching.rule import MatchRule, read_match_rule
from forms.privacy import Privacy, read_privacy
from forms.problems import Problem, ProblemType, Where
from forms.report_rules import ReportRules, read_report_rules
from forms.roles import Role, read_role
from forms.rolls import Roll, read_roll
from forms.sheets import Sheet, Sheets, read_markdown
from forms.stories import Story, Teller

OWN_LIBRARY = Path(__file__).parent / "library"

BAD_LIBRARY = ProblemType(
    "bad_library",
    0,
    "Thư viện biểu mẫu viết sai ở {file}, “{entry}”: {why_vi}.",
    "The library is wrong at {file}, “{entry}”: {why}.",
)

Read = TypeVar("Read")
Measure = Callable[[Mapping[str, str]], dict[str, str]]  # a record's answers -> computed columns
Choices = frozenset[str] | None  # the codes of a question; None = free text, a number, a file


class LibraryError(Exception):
    """The library cannot be used; `problems` says everything that is wrong, in both languages."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class LibraryForm:
    """One form's source, and the names in it as far as the rules speak of them.

    fields: column -> its choices. saves: property of an entity list -> column that feeds it.
    repeats: "a", and "a/b" for a repeat within it. says: column -> code -> what a person reads.
    """

    xml_form_id: str
    path: Path
    source: bytes
    fields: Mapping[str, Choices]
    saves: Mapping[str, str]
    entity_lists: tuple[str, ...]
    repeats: frozenset[str] = frozenset()
    says: Mapping[str, Codes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SameEvent:
    """When two records of one day are one event, and how their answers unite.

    Both are of one subject; where the form has none, of one club. where: column -> codes both must
    have. same: columns in which both say the same. start: column with the time of day.
    within_minutes: None = the same hour of the clock. unite: column -> a word of
    `forms.likeness.UNITE`.
    """

    where: Mapping[str, tuple[str, ...]]
    start: str
    within_minutes: int | None
    unite: Mapping[str, str]
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """What one role may read of a form's submissions.

    rows: "club" or "unit" (the caller's scope) or "all". without: questions (or groups) whose
    answers it gets by no way out, and no file that holds them.
    """

    rows: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Another:
    """Another entity made by a record of this form that says the `same`, and of which these facts
    (name -> values) held on the day.
    """

    same: tuple[str, ...]
    during: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Flag:
    """What a person must look at, or do, when all of this is so; told in both languages.

    where     column -> codes
    negative  columns, one of which is a number below zero
    since     a fact of the subject that began, or changed, on the day of the record
    standing  fact -> values that hold of the subject, whenever the record was of
    another   beside what this record made there is another such thing
    rival     fact -> values that held on that day of somebody else of the same list and club
    """

    vi: str
    en: str
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    negative: tuple[str, ...] = ()
    since: str | None = None
    another: Another | None = None
    rival: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    standing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """What it looks at in the record, `where` aside."""
        return frozenset((*self.negative, *(self.another.same if self.another else ())))

    @property
    def facts(self) -> frozenset[str]:
        """What it looks at in the lives of entities; without any, the answers alone decide."""
        since = (self.since,) if self.since else ()
        during = self.another.during if self.another else ()
        return frozenset((*since, *during, *self.rival, *self.standing))

    def asked_by(self, answers: Mapping[str, str]) -> bool:
        """Whether these answers ask for it."""
        below = any(answers.get(name, "").startswith("-") for name in self.negative)
        return holds(self.where, answers) and (below or not self.negative)


@dataclass(frozen=True, slots=True)
class FormRule:
    """What the server must know to understand the records of a form; names are columns.

    happened_on       the event's own day; happened_on_else where that one was not asked
    month_end         column -> codes with which only the month of that day is known: its last day
                      counts, or the day it was received where that was earlier
    flags             what is kept, counted and shown to a person
    subject           the entity's uuid in `subject_list`; subject_else where that was not asked;
                      or `creates`: the entity this form makes
    club              the club while the subject has none
    derive, derives   a function of the domain's measures.py, and every column it may give
    filled_by         roles whose phones list the form; empty = all
    readers           role -> what it may read of what was sent; a role not named reads nothing
    sealed            columns, also computed ones, that stand encrypted in the database
    number            the phone's own running number of its filled-in copies; in the column `last_`
                      and this name stands the highest that was given on the phone by then
    """

    form: str
    happened_on: str
    happened_on_else: str | None = None
    month_end: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    subject: str | None = None
    subject_else: str | None = None
    subject_list: str | None = None
    creates: str | None = None
    club: str | None = None
    same_event: SameEvent | None = None
    resent_within_days: int | None = None
    derive: Measure | None = None
    derives: tuple[str, ...] = ()
    filled_by: tuple[str, ...] = ()
    readers: Mapping[str, Reader] = field(default_factory=dict)
    number: str | None = None
    sealed: frozenset[str] = frozenset()

    @property
    def numbering(self) -> frozenset[str]:
        """The columns in which the phone counts: they say nothing of the event."""
        return frozenset({self.number, f"last_{self.number}"} if self.number else ())


@dataclass(frozen=True, slots=True)
class Download:
    """What one role gets of a list, on its phones or on pages, by the API and in files.

    rows: "club", "unit" or "all" of the caller's scope; or "assigned": those of the scope whose
    property `assigned_by` (uuids, with spaces between) names the phone's own person. A row is sent
    when all of `where` hold and, unless `any_of` is empty, one of its members does. of_view: of a
    list that no form changes, so its versions are ours alone and rise with every change.
    facts: those whose history pages may show; phones get none.
    """

    rows: str
    where: Mapping[str, tuple[str, ...]]
    properties: tuple[str, ...]
    any_of: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    assigned_by: str | None = None
    of_view: bool = False
    facts: tuple[str, ...] = ()

    def persons(self, data: Mapping[str, str]) -> frozenset[str]:
        """Whom an entity with these properties is assigned to: uuids in their one spelling."""
        text = data.get(self.assigned_by or "", "")
        return frozenset(text.lower().replace("uuid:", "").split(" ")) - {""}

    def takes(self, data: Mapping[str, str]) -> bool:
        """Whether an entity with these properties is sent (its place aside)."""
        return holds(self.where, data) and (
            not self.any_of or any(holds(one, data) for one in self.any_of)
        )


def holds(where: Mapping[str, tuple[str, ...]], data: Mapping[str, str]) -> bool:
    """Whether each of these columns holds one of its codes."""
    return all(data.get(name, "") in values for name, values in where.items())


@dataclass(frozen=True, slots=True)
class Birth:
    """The three columns a day of birth may come from, finest first."""

    date: str
    month: str
    year: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is true of an entity from a day on.

    Read from a record of `form` (a `field`, a `birth`, or the constant `value`; from the day the
    record happened), or from the entity itself (`from_property`: the property with the first day;
    then the value is `value`), which counts only where no record began the entity.

    values    code of `field` -> value; a code that is not named tells nothing
    needs     told only where this column has an answer
    after     the column with the last day on which it was not so yet (a card's last day)
    begins    nothing is true of the entity before: told by what founds it
    corrects  what was always so and only now is known: true from the entity's first day on
    multi     several codes joined by spaces
    """

    name: str
    form: str | None = None
    field: str | None = None
    value: str | None = None
    birth: Birth | None = None
    from_property: str | None = None
    values: Mapping[str, str] | None = None
    needs: str | None = None
    after: str | None = None
    begins: bool = False
    corrects: bool = False
    multi: bool = False


@dataclass(frozen=True, slots=True)
class ListRule:
    """An entity list: `club` is the property with the club's uuid, or "name": its own uuid.

    over: fact -> values with which no event can follow (a death); away: with which one is unlikely.
    computed: property -> where the server finds it. of: a view: nothing but other downloads of the
    entities of that list, under a name of its own. pages: role -> what it sees without a phone.
    """

    name: str
    label_vi: str
    label_en: str
    club: str | None
    properties: tuple[str, ...]
    downloads: Mapping[str, Download]
    facts: tuple[Fact, ...]
    over: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    away: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    story: Story | None = None
    computed: Mapping[str, Computed] = field(default_factory=dict)
    of: str | None = None
    pages: Mapping[str, Download] = field(default_factory=dict)

    @property
    def told_by(self) -> frozenset[str]:
        """The forms whose records tell facts."""
        of_facts = (fact.form for fact in self.facts if fact.form)
        return frozenset((*of_facts, *(self.story.forms if self.story else ())))

    @property
    def fact_names(self) -> frozenset[str]:
        """Every fact that may be told of an entity."""
        of_facts = (fact.name for fact in self.facts)
        return frozenset((*of_facts, *(self.story.facts if self.story else ())))

    @property
    def computed_by(self) -> frozenset[str]:
        """The forms whose records tell a property."""
        return frozenset(form for one in self.computed.values() for form in one.latest)

    @property
    def is_of_clubs(self) -> bool:
        """Whether its entities are the clubs: each is its own scope."""
        return self.club == "name"


Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Library:
    """Everything in the folder; nothing here changes while the process runs."""

    path: Path
    forms: Mapping[str, LibraryForm]
    roles: Mapping[str, Role]
    rules: Mapping[str, FormRule]
    lists: Mapping[str, ListRule]
    figures: Figures
    units: tuple[Row, ...]
    successions: tuple[Row, ...]
    report: ReportRules = field(default_factory=ReportRules)
    rolls: Mapping[str, Roll] = field(default_factory=dict)
    follow_up: Mapping[str, FollowList] = field(default_factory=dict)
    matches: Mapping[str, MatchRule] = field(default_factory=dict)
    pages: Mapping[str, EntityPage] = field(default_factory=dict)
    privacy: Privacy = field(default_factory=Privacy)
    problems: tuple[Problem, ...] = field(default=())

    def rules_on(self, list_name: str) -> Iterator[ListRule]:
        """The list's own rule, and those of the views on it."""
        return (one for one in self.lists.values() if list_name in (one.name, one.of))

    @property
    def indicators(self) -> Mapping[str, Indicator]:
        return self.figures.indicators

    @property
    def targets(self) -> tuple[Target, ...]:
        return self.figures.targets


class Wrong(ValueError):
    """One entry of a TOML file that cannot be read: why, in both languages."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


def load_library(path: Path | None = None) -> Library:
    """The library in `path` (without: the project's own), read once per process.

    Raises LibraryError with every slip found. Imports no pyxform: forms are compiled on publishing.
    """
    return _load((path or OWN_LIBRARY).resolve())


@lru_cache(maxsize=8)
def _load(path: Path) -> Library:
    from forms.library_check import misfits

    library = read_library(path)
    unread = {_kind_of_file(one) for one in library.problems}
    # What could not be read is missing everywhere: in other files that is no slip of theirs.
    unfit = [one for one in misfits(library) if not unread or _kind_of_file(one) in unread]
    problems = (*library.problems, *unfit)
    if not library.forms and not problems:  # a slip in the folder's name would close every door
        problems = (problem(str(path), "*/*.md", "không có biểu mẫu nào", "it holds no form"),)
    if problems:
        raise LibraryError(problems)
    return library


def _kind_of_file(slip: Problem) -> str:
    return Path(slip.where.sheet if slip.where and slip.where.sheet else "").name


def read_library(path: Path) -> Library:
    """Read without asking whether the parts fit; what cannot be read at all is in `problems`."""
    problems: list[Problem] = []
    forms: dict[str, LibraryForm] = {}
    roles: dict[str, Role] = {}
    rules: dict[str, FormRule] = {}
    lists: dict[str, ListRule] = {}
    for source in sorted(path.glob("*/*.md")):
        form = _read_form(source, problems)
        if form:
            forms[form.xml_form_id] = form
    for file in path.glob("roles.toml"):
        for name, entry in _entries(file, problems):
            with _Told(file, name, problems):
                roles[name] = read_role(name, entry)
    for file in sorted(path.glob("*/forms.toml")):
        for name, entry in _entries(file, problems):
            with _Told(file, name, problems):
                rules[name] = read_rule(name, entry, file.parent)
    for file in sorted(path.glob("*/lists.toml")):
        for name, entry in _entries(file, problems):
            with _Told(file, name, problems):
                lists[name] = read_list(name, entry, file.parent)
    return Library(
        path=path,
        forms=MappingProxyType(forms),
        roles=MappingProxyType(roles),
        rules=MappingProxyType(rules),
        lists=MappingProxyType(lists),
        figures=_read_figures(path, problems),
        report=_read_report(path / "report.toml", problems),
        rolls=MappingProxyType(dict(_read_all(path, "rolls.toml", read_roll, problems))),
        follow_up=MappingProxyType(_read_follow_up(path, forms, problems)),
        matches=MappingProxyType(
            dict(_read_all(path, "match.toml", lambda _, entry: read_match_rule(entry), problems))
        ),
        pages=MappingProxyType(_read_pages(path, forms, lists, problems)),
        privacy=_read_privacy(path / "privacy.toml", problems),
        units=_read_csv(path / "places" / "units.csv"),
        successions=_read_csv(path / "places" / "successions.csv"),
        problems=tuple(problems),
    )


def problem(file: Path | str, entry: str, vi: str, en: str) -> Problem:
    """One slip, at domain/file.toml."""
    where = f"{file.parent.name}/{file.name}" if isinstance(file, Path) else file
    return BAD_LIBRARY(Where(sheet=where), file=where, entry=entry, why_vi=vi, why=en)


class _Told:
    """Turns what an entry of a file raises into a Problem, so that all slips are told at once."""

    def __init__(self, file: Path | str, entry: str, problems: list[Problem]) -> None:
        self.file = file
        self.entry = entry
        self.problems = problems

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        if isinstance(error, KeyError | TypeError):
            error = Wrong(f"thiếu hoặc sai dạng ({error})", f"missing or misshapen ({error})")
        if isinstance(error, Wrong | BadIndicator):
            self.problems.append(problem(self.file, self.entry, error.vi, error.en))
        return isinstance(error, Wrong | BadIndicator)


def _entries(file: Path, problems: list[Problem]) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(problem(file, "TOML", f"không đọc được ({error})", f"unreadable ({error})"))
        return
    for name, entry in found.items():
        if isinstance(entry, dict):
            yield name, entry
        else:
            problems.append(problem(file, name, "cần một bảng [tên]", "needs a [table]"))


def _read_figures(path: Path, problems: list[Problem]) -> Figures:
    try:
        return read_figures(path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(
            problem("indicators.toml", "TOML", f"không đọc được ({error})", f"unreadable ({error})")
        )
    return Figures({}, (), {}, (), date(1970, 1, 1), ())


def _read_follow_up(
    path: Path, forms: Mapping[str, LibraryForm], problems: list[Problem]
) -> dict[str, FollowList]:
    """Every [[follow]] of the domains; its texts may stand in the same domain's thresholds.toml."""
    choices = {name: form.says for name, form in forms.items()}
    found: dict[str, FollowList] = {}
    for file in sorted(path.glob("*/follow_up.toml")):
        texts = _texts_of(file.parent / "thresholds.toml")
        try:
            entries = tomllib.loads(file.read_text("utf-8")).get("follow", [])
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            vi, en = f"không đọc được ({error})", f"unreadable ({error})"
            problems.append(problem(file, "TOML", vi, en))
            continue
        for entry in entries:
            with _Told(file, str(entry.get("id")), problems):
                one = read_follow_list(entry, f"{file.parent.name}/{file.name}", texts, choices)
                found[one.id] = one
    return found


def _read_pages(
    path: Path,
    forms: Mapping[str, LibraryForm],
    lists: Mapping[str, ListRule],
    problems: list[Problem],
) -> dict[str, EntityPage]:
    """Every [list] of the domains' page.toml; texts stand beside it or among any thresholds."""
    texts: dict[str, Codes] = {}
    thresholds: dict[str, Any] = {}
    for file in sorted(path.glob("*/thresholds.toml")):
        texts |= _texts_of(file)
        thresholds |= tomllib.loads(file.read_text("utf-8"))
    found: dict[str, EntityPage] = {}
    for file in sorted(path.glob("*/page.toml")):
        entries = dict(_entries(file, problems))
        own = {**texts, **_tables_of_texts(entries.pop("words", {}))}
        for name, entry in entries.items():
            rule = lists.get(name)
            base = lists.get(rule.of) if rule and rule.of else rule
            with _Told(file, name, problems):
                try:
                    found[name] = read_page(name, entry, Words(base, forms, own, thresholds))
                except ValueError as error:
                    raise Wrong(f"viết sai: {error}", f"misspelt: {error}") from error
    return found


def _texts_of(file: Path) -> dict[str, Codes]:
    return _tables_of_texts(tomllib.loads(file.read_text("utf-8")) if file.exists() else {})


def _tables_of_texts(tables: Mapping[str, Any]) -> dict[str, Codes]:
    """Tables of nothing but texts in two languages: name → code → Vietnamese and English."""
    return {
        name: {code: Says(text["vi"], text["en"]) for code, text in table.items()}
        for name, table in tables.items()
        if isinstance(table, dict)
        and all(isinstance(text, dict) and {"vi", "en"} <= text.keys() for text in table.values())
    }


def _read_report(file: Path, problems: list[Problem]) -> ReportRules:
    try:
        entries = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        told = f"không đọc được ({error})", f"unreadable ({error})"
        problems.append(problem(file.name, "TOML", *told))
        return ReportRules()
    with _Told(file.name, "report", problems):
        return read_report_rules(entries)
    return ReportRules()


def _read_all(
    path: Path,
    file_name: str,
    read: Callable[[str, Mapping[str, Any]], Read],
    problems: list[Problem],
) -> Iterator[tuple[str, Read]]:
    """Every [name] table of the domains' files of this name."""
    for file in sorted(path.glob(f"*/{file_name}")):
        for name, entry in _entries(file, problems):
            try:
                yield name, read(name, entry)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                vi, en = f"thiếu hay viết sai: {error}", f"missing or misspelt: {error}"
                problems.append(problem(file, name, vi, en))


def _read_privacy(file: Path, problems: list[Problem]) -> Privacy:
    """A library without the file keeps no people."""
    if file.exists():
        try:
            return read_privacy(tomllib.loads(file.read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            vi, en = f"thiếu hay viết sai: {error}", f"missing or misspelt: {error}"
            problems.append(problem(file.name, "privacy", vi, en))
    return Privacy()


def _read_csv(file: Path) -> tuple[Row, ...]:
    if not file.exists():  # a library without places is fine: its clubs are in no unit
        return ()
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines))


# ------------------------------------------------------------------ forms
def _read_form(path: Path, problems: list[Problem]) -> LibraryForm | None:
    """The names in an .md. A file without tables (a README) is no form."""
    source = path.read_bytes()
    if b"| survey |" not in source:
        return None
    try:
        sheets = read_markdown(source)
    except FormRefused as refused:
        problems.extend(refused.problems)
        return None
    if sheets.problems:
        problems.extend(
            problem(path, f"{p.where.row if p.where else ''}", p.vi, p.en) for p in sheets.problems
        )
        return None
    survey = list(_cells(sheets, "survey"))
    return LibraryForm(
        xml_form_id=next((row["form_id"] for row in _cells(sheets, "settings")), path.stem),
        path=path,
        source=source,
        fields=MappingProxyType(dict(_fields(survey, _choices(sheets)))),
        saves=MappingProxyType({row["save_to"]: row["name"] for row in survey if "save_to" in row}),
        entity_lists=tuple(row["list_name"] for row in _cells(sheets, "entities")),
        repeats=frozenset(_repeats(survey)),
        says=MappingProxyType(dict(_says(survey, sheets))),
    )


def _cells(sheets: Sheets, name: str) -> Iterator[dict[str, str]]:
    """Filled cells of each row by heading."""
    sheet: Sheet | None = sheets.tables.get(name)
    for row in sheet.rows if sheet else ():
        named = zip(sheet.header if sheet else (), row.cells, strict=False)
        cells = {heading: text for heading, text in named if heading and text}
        if cells:
            yield cells


def _choices(sheets: Sheets) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in _cells(sheets, "choices"):
        found.setdefault(row["list_name"], set()).add(row["name"])
    return {name: frozenset(codes) for name, codes in found.items()}


def _says(survey: list[dict[str, str]], sheets: Sheets) -> Iterator[tuple[str, Codes]]:
    """Each column's choices as a person reads them."""
    found: dict[str, dict[str, Says]] = {}
    for row in _cells(sheets, "choices"):
        says = Says(_label(row, "(vi)"), _label(row, "(en)"))
        found.setdefault(row["list_name"], {})[row["name"]] = says
    for row in survey:
        of = row.get("type", "").partition(" ")[2]
        if of in found and "name" in row:
            yield row["name"], MappingProxyType(found[of])


def _label(row: Mapping[str, str], language: str) -> str:
    heading = next((h for h in row if h.startswith("label") and h.endswith(language)), "label")
    return row.get(heading, row["name"])


_NO_COLUMN = ("begin", "end_", "note", "audit", "csv-external", "xml-external")


def _fields(
    survey: list[dict[str, str]], choices: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, Choices]]:
    for row in survey:
        kind, _, of = row.get("type", "").partition(" ")
        if not kind.startswith(_NO_COLUMN) and "name" in row:
            yield row["name"], choices.get(of)


def _repeats(survey: list[dict[str, str]]) -> Iterator[str]:
    """As `FormSchema.tables` calls them: "a", and "a/b" for a repeat within it."""
    inside: list[str] = []
    for row in survey:
        kind = row.get("type", "").replace(" ", "_")
        if kind == "begin_repeat":
            inside.append(row["name"])
            yield "/".join(inside)
        elif kind == "end_repeat":
            inside.pop()


# ------------------------------------------------------------------ forms.toml
_RULE_WORDS = frozenset(
    {
        "happened_on",
        "happened_on_else",
        "subject",
        "subject_else",
        "subject_list",
        "creates",
        "club",
    }
    | {"same_event", "resent", "derive", "derives", "filled_by", "read", "number"}
    | {"month_end", "flag", "sealed"}
)


def read_rule(form: str, entry: Mapping[str, Any], folder: Path) -> FormRule:
    """One [form] table of forms.toml. Raises Wrong."""
    _only(entry, _RULE_WORDS)
    resent = entry.get("resent", {})
    return FormRule(
        form=form,
        happened_on=_need(entry, "happened_on"),
        happened_on_else=_text(entry, "happened_on_else"),
        month_end=_where(entry.get("month_end", {})),
        flags=tuple(_flag(one) for one in entry.get("flag", [])),
        subject=_text(entry, "subject"),
        subject_else=_text(entry, "subject_else"),
        subject_list=_text(entry, "subject_list") or _text(entry, "creates"),
        creates=_text(entry, "creates"),
        club=_text(entry, "club"),
        same_event=_same_event(entry["same_event"]) if "same_event" in entry else None,
        resent_within_days=_number(resent, "within_days") if resent else None,
        derive=_function(folder / "measures.py", entry["derive"]) if "derive" in entry else None,
        derives=_texts(entry, "derives"),
        filled_by=_texts(entry, "filled_by"),
        readers=MappingProxyType(
            {role: _reader(role, one) for role, one in entry.get("read", {}).items()}
        ),
        number=_text(entry, "number"),
        sealed=frozenset(_texts(entry, "sealed")),
    )


def _reader(role: str, entry: Mapping[str, Any]) -> Reader:
    _only(entry, {"rows", "without"})
    return Reader(rows=_rows(role, entry), without=_texts(entry, "without"))


def _flag(entry: Mapping[str, Any]) -> Flag:
    _only(entry, {"vi", "en", "where", "negative", "since", "another", "rival", "standing"})
    if len(entry) < 3:
        raise Wrong("“flag” cần một điều kiện", "a flag needs a condition")
    another = entry.get("another")
    if another is not None:
        _only(another, {"same", "during"})
    return Flag(
        vi=_need(entry, "vi"),
        en=_need(entry, "en"),
        where=_where(entry.get("where", {})),
        negative=_texts(entry, "negative"),
        since=_text(entry, "since"),
        another=Another(_texts(another, "same"), _where(another["during"])) if another else None,
        rival=_where(entry.get("rival", {})),
        standing=_where(entry.get("standing", {})),
    )


def _same_event(entry: Mapping[str, Any]) -> SameEvent:
    _only(entry, {"where", "same", "start", "within_minutes", "same_hour", "unite"})
    if ("within_minutes" in entry) == (entry.get("same_hour") is True):
        raise Wrong(
            "cần một trong “within_minutes”, “same_hour = true”",
            "needs one of within_minutes, same_hour = true",
        )
    return SameEvent(
        where=_where(entry.get("where", {})),
        start=_need(entry, "start"),
        within_minutes=_number(entry, "within_minutes") if "within_minutes" in entry else None,
        unite=MappingProxyType({str(k): str(v) for k, v in entry.get("unite", {}).items()}),
        same=_texts(entry, "same"),
    )


def _function(file: Path, name: str) -> Any:
    """A function of a domain's Python, which is data: no package knows it."""
    if not file.exists():
        raise Wrong(f"thiếu tệp {file.name}", f"there is no {file.name}")
    spec = importlib.util.spec_from_file_location(f"library_{file.parent.name}_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise Wrong(f"{file.name} không có hàm “{name}”", f"{file.name} has no function “{name}”")
    return function


# ------------------------------------------------------------------ lists.toml
_FACT_WORDS = frozenset({"name", "form", "field", "value", "birth", "from_property", "multi"})
_FACT_WORDS |= {"values", "needs", "after", "begins", "corrects"}


_LIST_WORDS = frozenset({"label", "club", "properties", "download", "fact", "over", "away"})
_LIST_WORDS |= {"story", "computed", "pages"}
_VIEW_WORDS = frozenset({"label", "of", "download", "pages"})


def read_list(name: str, entry: Mapping[str, Any], folder: Path) -> ListRule:
    """One [list] table of lists.toml. Raises Wrong."""
    of = _text(entry, "of")
    _only(entry, _VIEW_WORDS if of else _LIST_WORDS)
    label = entry.get("label", {})
    if not isinstance(label, dict) or not label.get("vi") or not label.get("en"):
        raise Wrong("“label” cần vi và en", "“label” needs vi and en")
    downloads = {
        role: _download(role, one, of_view=of is not None)
        for role, one in entry.get("download", {}).items()
    }
    pages = {role: _page(role, one) for role, one in entry.get("pages", {}).items()}
    computed = {key: _computed(key, one) for key, one in entry.get("computed", {}).items()}
    return ListRule(
        name=name,
        label_vi=label["vi"],
        label_en=label["en"],
        club=_text(entry, "club"),
        properties=_texts(entry, "properties"),
        downloads=MappingProxyType(downloads),
        facts=tuple(_fact(one) for one in entry.get("fact", [])),
        over=_where(entry.get("over", {})),
        away=_where(entry.get("away", {})),
        story=_story(entry["story"], folder) if "story" in entry else None,
        computed=MappingProxyType(computed),
        of=of,
        pages=MappingProxyType(pages),
    )


def _computed(name: str, entry: Mapping[str, Any]) -> Computed:
    _only(entry, {"fact", "latest", "where", "column", "only", "digits", "needs"})
    if ("fact" in entry) == ("latest" in entry):
        raise Wrong(f"{name}: cần “fact” hoặc “latest”", f"{name}: needs fact or latest")
    return Computed(
        fact=_text(entry, "fact"),
        latest=_texts(entry, "latest"),
        where=_where(entry.get("where", {})),
        column=_text(entry, "column"),
        only=_texts(entry, "only"),
        digits=_number(entry, "digits") if "digits" in entry else None,
        needs=_where(entry.get("needs", {})),
    )


def _story(entry: Mapping[str, Any], folder: Path) -> Story:
    _only(entry, {"tell", "forms", "facts"})
    tell: Teller = _function(folder / "stories.py", _need(entry, "tell"))
    return Story(tell, _texts(entry, "forms"), _texts(entry, "facts"))


def _download(role: str, entry: Mapping[str, Any], *, of_view: bool) -> Download:
    _only(entry, {"rows", "assigned_by", "where", "any_of", "properties"})
    assigned_by = _text(entry, "assigned_by")
    if (entry.get("rows") == "assigned") != (assigned_by is not None):
        raise Wrong(
            f'{role}: rows = "assigned" và “assigned_by” đi cùng nhau',
            f'{role}: rows = "assigned" and assigned_by go together',
        )
    return Download(
        rows="assigned" if assigned_by else _rows(role, entry),
        where=_where(entry.get("where", {})),
        properties=_texts(entry, "properties"),
        any_of=tuple(_where(one) for one in entry.get("any_of", [])),
        assigned_by=assigned_by,
        of_view=of_view,
    )


def _page(role: str, entry: Mapping[str, Any]) -> Download:
    _only(entry, {"rows", "where", "properties", "facts"})
    return Download(
        rows=_rows(role, entry),
        where=_where(entry.get("where", {})),
        properties=_texts(entry, "properties"),
        facts=_texts(entry, "facts"),
    )


def _rows(role: str, entry: Mapping[str, Any]) -> str:
    rows = _need(entry, "rows")
    if rows not in ("club", "unit", "all"):
        raise Wrong(f"{role}: “rows” là club, unit hoặc all", f"{role}: rows is club, unit or all")
    return rows


def _fact(entry: Mapping[str, Any]) -> Fact:
    _only(entry, _FACT_WORDS)
    name = _need(entry, "name")
    birth = entry.get("birth")
    fact = Fact(
        name=name,
        form=_text(entry, "form"),
        field=_text(entry, "field"),
        value=_text(entry, "value"),
        birth=Birth(*(_need(birth, part) for part in ("date", "month", "year"))) if birth else None,
        from_property=_text(entry, "from_property"),
        values=_codes(entry, "values") if "values" in entry else None,
        needs=_text(entry, "needs"),
        after=_text(entry, "after"),
        begins=bool(entry.get("begins", False)),
        corrects=bool(entry.get("corrects", False)),
        multi=bool(entry.get("multi", False)),
    )
    if (fact.form is None) == (fact.from_property is None):
        raise Wrong(
            f"{name}: cần “form” hoặc “from_property”", f"{name}: needs form or from_property"
        )
    if sum(source is not None for source in (fact.field, fact.value, fact.birth)) != 1:
        raise Wrong(
            f"{name}: cần đúng một trong field, value, birth",
            f"{name}: needs exactly one of field, value, birth",
        )
    if fact.values is not None and fact.field is None:
        raise Wrong(f"{name}: “values” cần “field”", f"{name}: values needs field")
    return fact


# ------------------------------------------------------------------ values of a TOML table
def _only(entry: Mapping[str, Any], words: frozenset[str] | set[str]) -> None:
    strange = sorted(set(entry) - words)
    if strange:
        said = ", ".join(sorted(words))
        raise Wrong(
            f"không có từ “{strange[0]}”; có: {said}", f"no word “{strange[0]}”; use: {said}"
        )


def _need(entry: Mapping[str, Any], word: str) -> str:
    value = entry.get(word)
    if not isinstance(value, str) or not value:
        raise Wrong(f"thiếu “{word}”", f"“{word}” is missing")
    return value


def _text(entry: Mapping[str, Any], word: str) -> str | None:
    return _need(entry, word) if word in entry else None


def _number(entry: Mapping[str, Any], word: str) -> int:
    value = entry.get(word)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Wrong(f"“{word}” cần một số nguyên", f"“{word}” needs a whole number")
    return value


def _texts(entry: Mapping[str, Any], word: str) -> tuple[str, ...]:
    value = entry.get(word, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Wrong(f"“{word}” cần một danh sách chữ", f"“{word}” needs a list of texts")
    return tuple(value)


def _codes(entry: Mapping[str, Any], word: str) -> Mapping[str, str]:
    table = entry.get(word)
    if not isinstance(table, dict):
        raise Wrong(f"“{word}” cần một bảng mã", f"“{word}” needs a table of codes")
    return MappingProxyType({code: _need(table, code) for code in table})


def _where(entry: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: _texts(entry, name) for name in entry})
