"""Which columns may not stand encrypted: the database itself reads them, or they are copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forms.library import Fact, FormRule, Library, ListRule


def open_columns(rule: FormRule, library: Library) -> frozenset[str]:
    """The columns of a form that stand open in the database, in its record or elsewhere."""
    found = [rule.happened_on, rule.happened_on_else, rule.subject, rule.subject_else, rule.club]
    found += [rule.number, *(rule.same_event.unite if rule.same_event else ())]
    form = library.forms.get(rule.form)
    if form is not None and form.entity_lists:
        found += form.saves.values()
    for one in library.lists.values():
        found += _of_list(rule.form, one)
    return frozenset(name for name in (*found, *_of_reports(rule.form, library)) if name)


def _of_list(form: str, one: ListRule) -> Iterator[str | None]:
    for fact in one.facts:
        if fact.form == form:
            yield from _of_fact(fact)
    for computed in one.computed.values():
        if form in computed.latest:
            yield from (*computed.where, computed.column)


def _of_fact(fact: Fact) -> Iterator[str | None]:
    yield fact.field
    if fact.birth:
        yield from (fact.birth.date, fact.birth.month, fact.birth.year)


def _of_reports(form: str, library: Library) -> Iterator[str]:
    for follow in library.follow_up.values():
        for column in follow.columns:
            if column.show == "last" and column.of == form:
                yield from column.where
    confirming = library.report.confirming
    if confirming is not None and confirming.form == form:
        yield from (confirming.period, *confirming.where, *(n.id for n in confirming.narrative))
