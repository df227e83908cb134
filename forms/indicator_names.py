"""Whether every name in the indicators is there: lists, facts, forms, columns, choices, repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

from forms.conditions import AGE
from forms.indicators import (
    EVERY_FORM,
    UNKNOWN,
    Conditions,
    Cut,
    Figures,
    Indicator,
    Kind,
    With,
    slip_in,
)
from forms.problems import Problem

Choices = frozenset[str] | None  # the codes of a question or a fact; None = anything
Slip = tuple[str, str]  # what is wrong, in Vietnamese and in English

OF_LISTS: tuple[Kind, ...] = (
    "began", "ended", "moved_in", "moved_out", "turned", "days", "sum_began", "waiting", "pairs",
)  # fmt: skip
OF_BOTH: tuple[Kind, ...] = ("count", "sum")
OF_FIGURES: tuple[Kind, ...] = ("per", "total")
OF_EVERY_FORM: tuple[Kind, ...] = ("months", "median", "held")
ON_AGES = {"at_least", "at_most", "between", "present"}
ON_FIGURES = {"at_least", "at_most", "between", "every_month"}
ON_FACTS_ONLY = {"older_than", "older_than_days"}
assert set(get_args(Kind)) >= {*OF_LISTS, *OF_BOTH, *OF_FIGURES, *OF_EVERY_FORM}


@dataclass(frozen=True, slots=True)
class KnownForm:
    """A form as far as indicators name it. `about`: the list its records are about."""

    columns: Mapping[str, Choices]
    repeats: frozenset[str] = frozenset()
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """All that an indicator may name. facts: list -> fact -> its values. clubs: their list.

    matches: the lists that say (match.toml) who may be one.
    """

    facts: Mapping[str, Mapping[str, Choices]]
    forms: Mapping[str, KnownForm] = field(default_factory=dict)
    clubs: str | None = None
    matches: frozenset[str] = frozenset()


def check_names(figures: Figures, names: Names) -> list[Problem]:
    """Every name that is not there, at its indicator, cut or target; [] when all are."""
    found: list[Problem] = []
    for one in figures.indicators.values():
        slips = dict.fromkeys(_slips(one, figures, names))
        found += [slip_in(one.file, one.id, *slip) for slip in slips]
    for name, cut in figures.cuts.items():
        found += [slip_in("targets.toml", name, *slip) for slip in _parts(cut, names)]
    for target in figures.targets:
        slips = dict.fromkeys(_fact_slips(names.clubs or "", target.where, names))
        found += [
            slip_in("targets.toml", target.indicator, *slip) for slip in slips if target.where
        ]
    return found


def _nothing_called(name: str) -> Slip:
    return f"không có “{name}”", f"nothing is called “{name}”"


def _does_not_go(word: str, of: str) -> Slip:
    return f"từ “{word}” không dùng được với “{of}”", f"word “{word}” does not go with “{of}”"


# ------------------------------------------------------------------ an indicator
def _slips(one: Indicator, figures: Figures, names: Names) -> Iterator[Slip]:
    if one.kind in OF_FIGURES:
        for asked in (one.having, *one.each):
            yield from _wrong_words(asked, ON_FIGURES)
    elif one.of in names.facts and one.kind in (*OF_LISTS, *OF_BOTH):
        yield from _of_list(one, figures, names)
    elif one.of in names.forms and one.kind not in OF_LISTS:
        yield from _of_form(one, names.forms[one.of], figures, names)
    elif one.of == EVERY_FORM and one.kind in OF_EVERY_FORM:
        if one.where or one.by:
            yield _does_not_go("where" if one.where else "by", EVERY_FORM)
    else:
        yield _nothing_called(one.of)
    for with_ in (*one.with_, *one.without):
        yield from _with_slips(with_, names)


def _of_list(one: Indicator, figures: Figures, names: Names) -> Iterator[Slip]:
    for word, is_said in _words_of_forms(one).items():
        if is_said:
            yield _does_not_go(word, one.of)
    facts = names.facts[one.of]
    if one.kind == "pairs" and one.of not in names.matches:
        yield _nothing_called(f"match.toml [{one.of}]")
    for where in (one.where, one.from_, one.to, *one.any_):
        yield from _fact_slips(one.of, where, names)
    if one.summed and one.summed not in facts:
        yield _nothing_called(f"{one.of}.{one.summed}")
    for name in one.by:
        cut = figures.cuts.get(name)
        if cut is not None and (cut.answer or cut.fact not in (*facts, AGE)):
            yield _nothing_called(f"{one.of}.{cut.answer or cut.fact}")


def _words_of_forms(one: Indicator) -> Mapping[str, bool]:
    return {
        "rows": one.rows is not None,
        "up_to": one.up_to != "period",
        "not_before": bool(one.not_before),
        "followed": one.followed is not None,
        "facts": bool(one.facts),
        "about": one.about is not None,
        "of": one.about_list is not None,
        "times": one.times is not None,
    }


def _words_of_lists(one: Indicator) -> Mapping[str, bool]:
    return {
        "any": bool(one.any_),
        "with": bool(one.with_),
        "without": bool(one.without),
        "some_day": one.some_day,
    }


def _of_form(one: Indicator, form: KnownForm, figures: Figures, names: Names) -> Iterator[Slip]:
    for word, is_said in _words_of_lists(one).items():
        if is_said:
            yield _does_not_go(word, one.of)
    columns = (one.summed, one.times, one.about)
    named = [name for name in columns if name and name not in form.columns]
    named += [one.rows] if one.rows and one.rows not in form.repeats else []
    yield from (_nothing_called(f"{one.of}.{name}") for name in named)
    others = (one.standing, one.about_list)
    yield from (_nothing_called(name) for name in others if name and name not in names.facts)
    for where in (one.where, one.measured, one.not_before):
        yield from _answer_slips(one.of, where, names)
    if one.followed:
        yield from _answer_slips(one.followed.form, one.followed.where, names)
    if one.facts:
        yield from _fact_slips(one.standing or form.about or "", one.facts, names)
        yield from _told_on_last_day(one.facts)
    if one.about and not one.about_list:
        yield "“about” cần “of”", "“about” needs “of”"
    for cut in (figures.cuts[name] for name in one.by if name in figures.cuts):
        yield from _cut_of_form(cut, one, form, names)


def _cut_of_form(cut: Cut, one: Indicator, form: KnownForm, names: Names) -> Iterator[Slip]:
    if cut.answer:
        if cut.answer not in form.columns:
            yield _nothing_called(f"{one.of}.{cut.answer}")
        return
    whose = one.standing or one.about_list or (None if one.kind == "named" else form.about)
    if cut.fact not in (*names.facts.get(whose or "", {}), AGE) or whose not in names.facts:
        yield _nothing_called(f"{whose or one.of}.{cut.fact}")


def _with_slips(asked: With, names: Names) -> Iterator[Slip]:
    if asked.list is not None:
        yield from _fact_slips(asked.list, asked.where, names)
        if asked.named_in and asked.named_in not in names.facts.get(asked.list, {}):
            yield _nothing_called(f"{asked.list}.{asked.named_in}")
        return
    yield from _answer_slips(asked.form, asked.where, names)
    form = names.forms.get(asked.form)
    if form is None:
        return
    for name in (asked.named_in, asked.period_in):
        if name and name not in form.columns:
            yield _nothing_called(f"{asked.form}.{name}")
    if asked.rows and asked.anywhere:  # who is named in a row elsewhere touches nobody's figures
        yield _does_not_go("rows", "anywhere")
    if asked.rows and asked.rows not in form.repeats:
        yield _nothing_called(f"{asked.form}.{asked.rows}")


# ------------------------------------------------------------------ conditions
def _fact_slips(of: str, where: Conditions, names: Names) -> Iterator[Slip]:
    if of not in names.facts:
        yield _nothing_called(of or "subject")
        return
    for name, words in where.items():
        if name == AGE:
            yield from _wrong_words({name: words}, ON_AGES)
        elif name not in names.facts[of]:
            yield _nothing_called(f"{of}.{name}")
        else:
            yield from _wrong_values(of, {name: words}, names.facts[of][name])
            yield from (
                _does_not_go(word.word, name) for word in words if word.word == "every_month"
            )


def _answer_slips(form: str, where: Conditions, names: Names) -> Iterator[Slip]:
    if form not in names.forms:
        yield _nothing_called(form)
        return
    columns = names.forms[form].columns
    for name, words in where.items():
        if name not in columns:
            yield _nothing_called(f"{form}.{name}")
            continue
        yield from _wrong_values(form, {name: words}, columns[name])
        for word in words:
            if word.word in ON_FACTS_ONLY or word.word == "every_month":
                yield _does_not_go(word.word, f"{form}.{name}")


def _wrong_words(where: Conditions, known: set[str]) -> Iterator[Slip]:
    for name, words in where.items():
        yield from (_does_not_go(word.word, name) for word in words if word.word not in known)


def _wrong_values(of: str, where: Conditions, choices: Choices) -> Iterator[Slip]:
    for name, words in where.items():
        for word in words:
            if choices is None or word.word not in ("is", "in", "not", "has", "lacks"):
                continue
            said = word.value if isinstance(word.value, tuple) else (word.value,)
            wrong = [str(value) for value in said if str(value) not in choices]
            yield from (_nothing_called(f"{of}.{name} = {value}") for value in wrong)


def _told_on_last_day(where: Conditions) -> Iterator[Slip]:
    """Ages, and for how long something has been so, are told on D, not on an event's day."""
    for name, words in where.items():
        if name == AGE:
            yield _does_not_go(AGE, "facts")
        yield from (_does_not_go(one.word, "facts") for one in words if one.word in ON_FACTS_ONLY)


# ------------------------------------------------------------------ cuts
def _parts(cut: Cut, names: Names) -> Iterator[Slip]:
    """Parts of a cut that nothing can be in; and a cut by what nothing tells."""
    if cut.fact == AGE and not cut.answer:
        return
    name = cut.answer or cut.fact
    tables = [form.columns for form in names.forms.values()]
    tables = tables if cut.answer else [*names.facts.values()]
    told = [table[name] for table in tables if name in table]
    if not told:
        yield _nothing_called(name)
    elif None not in told:
        codes = frozenset[str]().union(*(one for one in told if one is not None)) | {UNKNOWN}
        wrong = [band.value for band in cut.bands if band.value not in codes]
        yield from (_nothing_called(f"{name} = {value}") for value in wrong)
