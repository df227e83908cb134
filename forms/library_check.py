"""Whether the parts of a library fit: every rule names a field, a list, a choice that exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from forms import unit_tables
from forms.computed import Computed
from forms.document_rules import chart_slips
from forms.entity_pages import EntityPage, page_slips
from forms.follow_up import FollowList
from forms.indicator_names import KnownForm, Names, check_names
from forms.indicators import PLACES, Figures
from forms.library import (
    Choices,
    Download,
    Fact,
    FormRule,
    Library,
    LibraryForm,
    ListRule,
    SameEvent,
    problem,
)
from forms.likeness import UNITE
from forms.privacy import privacy_slips
from forms.problems import Problem
from forms.roles import role_slips
from forms.rolls import Roll, roll_slips
from forms.sealed_columns import open_columns
from forms.stories import Story

Slip = tuple[str, str]  # what is wrong, in Vietnamese and in English


def misfits(library: Library) -> list[Problem]:
    """Everything that names what is not there, in one go."""
    found: list[Problem] = []
    for form in library.forms.values():
        slips = [*_form_slips(form, library)]
        found += [problem(form.path, form.xml_form_id, *slip) for slip in slips]
    for rule in library.rules.values():
        slips = [*_rule_slips(rule, library), *_role_slips(rule, library)]
        found += [problem("forms.toml", rule.form, *slip) for slip in slips]
    for role in library.roles.values():
        found += [problem("roles.toml", role.name, *slip) for slip in role_slips(role)]
    for one in library.lists.values():
        found += [problem("lists.toml", one.name, *slip) for slip in _list_slips(one, library)]
    for roll in library.rolls.values():
        found += [problem("rolls.toml", roll.name, *slip) for slip in _roll_slips(roll, library)]
    for page in library.pages.values():
        found += [problem("page.toml", page.name, *slip) for slip in _page_slips(page, library)]
    for name in library.matches:
        found += [problem("match.toml", name, *slip) for slip in _match_slips(name, library)]
    found += _privacy_problems(library)
    found += [
        problem(f"places/{slip.table}.csv", slip.key, slip.vi, slip.en)
        for slip in unit_tables.slips(library.units, library.successions)
    ]
    found += [problem("report.toml", "confirm", *slip) for slip in _confirm_slips(library)]
    if library.report.document is not None:
        titles = frozenset(column.title for column in library.figures.columns)
        unfit = chart_slips(library.report.document, library.indicators, titles)
        found += [problem("report.toml", *slip) for slip in unfit]
    names = _names(library)
    found += check_names(library.figures, names)
    found += check_names(_of_follow_up(library), names)
    for follow in library.follow_up.values():
        at = follow.indicator.file
        found += [problem(at, follow.id, *slip) for slip in _follow_slips(follow, library, names)]
    return [*found, *library.figures.problems]


def _privacy_problems(library: Library) -> Iterator[Problem]:
    lists = {name: rule.properties for name, rule in library.lists.items()}
    forms = {name: _columns(library, form).keys() for name, form in library.forms.items()}
    needed = {
        name: {one for one in (rule.happened_on, rule.subject, rule.club) if one}
        for name, rule in library.rules.items()
    }
    people = library.lists.get(library.privacy.person)
    facts = people.fact_names if people else frozenset()
    for entry, name in privacy_slips(library.privacy, lists, facts, forms, needed):
        yield problem("privacy.toml", entry, *_nothing_called(name))


def _of_follow_up(library: Library) -> Figures:
    """The indicators of the follow-up lists, to be checked like all others."""
    indicators = {name: one.indicator for name, one in library.follow_up.items()}
    return replace(library.figures, indicators=indicators, cuts={}, targets=(), columns=())


def _follow_slips(follow: FollowList, library: Library, names: Names) -> Iterator[Slip]:
    of = follow.indicator.of
    form = library.forms.get(of)
    rule = library.rules.get(of)
    listed = library.lists.get(of if form is None else (rule and rule.subject_list) or "")
    for role in follow.roles - library.roles.keys():
        yield _nothing_called(role)
    facts: Collection[str] = names.facts.get(listed.name, {}) if listed else ()
    for fact in follow.still.keys() - set(facts):
        yield _nothing_called(fact)
    for column in follow.columns:
        known: Collection[str] = library.forms
        if column.show == "fact":
            known = facts
        elif column.show == "property":
            known = listed.properties if listed else ()
        elif column.show == "answer":
            known = names.forms[of].columns if form else ()
        if column.show != "day" and column.of not in known:
            yield _nothing_called(column.of)


def _names(library: Library) -> Names:
    """All that an indicator may name."""
    forms = {
        name: KnownForm(_columns(library, form), form.repeats, _subjects(library, name))
        for name, form in library.forms.items()
    }
    clubs = [one.name for one in library.lists.values() if one.is_of_clubs]
    facts = {one.name: fact_values(one, library) for one in library.lists.values()}
    return Names(facts, forms, clubs[0] if clubs else None, frozenset(library.matches))


def _subjects(library: Library, form: str) -> str | None:
    rule = library.rules.get(form)
    return rule.subject_list if rule else None


def fact_values(one: ListRule, library: Library) -> Mapping[str, Choices]:
    """What each fact of a list may say; None = anything."""
    found: dict[str, Choices] = {}
    for fact in one.facts:
        codes = _codes(fact, library)
        known = found.get(fact.name, frozenset())
        found[fact.name] = None if known is None or codes is None else known | codes
    return {**found, **dict.fromkeys(one.fact_names - found.keys())}


def _codes(fact: Fact, library: Library) -> Choices:
    if fact.value is not None:
        return frozenset({fact.value})
    if fact.values is not None:
        return frozenset(fact.values.values())
    form = library.forms.get(fact.form or "")
    return form.fields.get(fact.field or "") if form else None


def _columns(library: Library, form: LibraryForm) -> Mapping[str, Choices]:
    """What a condition may name: the form's own columns and those its measure computes."""
    rule = library.rules.get(form.xml_form_id)
    return {**dict.fromkeys(rule.derives if rule else ()), **form.fields}


def _confirm_slips(library: Library) -> Iterator[Slip]:
    confirming = library.report.confirming
    if confirming is None:
        return
    form = library.forms.get(confirming.form)
    if form is None:
        yield _nothing_called(confirming.form)
        return
    known = _columns(library, form)
    named = [confirming.period, *confirming.where, *(one.id for one in confirming.narrative)]
    yield from (_nothing_called(f"{form.xml_form_id}.{n}") for n in named if n not in known)
    due = library.report.due.get(PLACES[0])
    for figure in library.figures.indicators.values():
        for asked in figure.with_ + figure.without:
            if asked.form == confirming.form and asked.until_days not in (None, due):
                yield (
                    f"{figure.id}: until_days khác với [due] ({due} ngày)",
                    f"{figure.id}: until_days is not what [due] says ({due} days)",
                )
    for name, conditions in confirming.where.items():
        choices = known.get(name)
        for one in conditions:
            said = one.value if isinstance(one.value, tuple) else (one.value,)
            if choices is not None and one.word in ("is", "in", "not", "has", "lacks"):
                unknown = [str(code) for code in said if str(code) not in choices]
                yield from (_nothing_called(f"{name} = {code}") for code in unknown)


def _nothing_called(name: str) -> Slip:
    return f"không có “{name}”", f"nothing is called “{name}”"


# ------------------------------------------------------------------ forms
def _form_slips(form: LibraryForm, library: Library) -> Iterator[Slip]:
    if form.xml_form_id not in library.rules:
        yield "forms.toml không nói gì về biểu mẫu này", "forms.toml says nothing of this form"
    for name in form.entity_lists:
        if name not in library.lists:
            yield _nothing_called(name)
        elif library.lists[name].of:
            yield f"“{name}” chỉ để xem", f"“{name}” is only a view"
    known = {
        p
        for name in form.entity_lists
        if name in library.lists
        for p in library.lists[name].properties
    }
    if form.entity_lists:
        for saved in form.saves:
            if saved not in known:
                yield (
                    f"save_to “{saved}” không có trong properties của lists.toml",
                    f"save_to “{saved}” is not among the properties of lists.toml",
                )


def _rule_slips(rule: FormRule, library: Library) -> Iterator[Slip]:
    form = library.forms.get(rule.form)
    if form is None:
        yield "không có biểu mẫu này", "there is no such form"
        return
    days, subjects = (rule.happened_on, rule.happened_on_else), (rule.subject, rule.subject_else)
    for name in (*days, *subjects, rule.club, rule.number):
        if name is not None and name not in form.fields:
            yield _nothing_called(name)
    for one in (rule.subject_list, rule.creates):
        if one is not None and one not in library.lists:
            yield _nothing_called(one)
    if rule.creates is not None and rule.creates not in form.entity_lists:
        yield f"biểu mẫu không tạo “{rule.creates}”", f"the form creates no “{rule.creates}”"
    if rule.subject is not None and rule.subject_list is None:
        yield "thiếu “subject_list”", "“subject_list” is missing"
    if rule.same_event is not None:
        yield from _same_event_slips(rule.same_event, form.fields)
    yield from _where_slips(rule.month_end, form.fields)
    yield from _flag_slips(rule, form.fields, library)
    yield from _reader_slips(rule, form.fields)
    yield from _sealed_slips(rule, form, library)


def _sealed_slips(rule: FormRule, form: LibraryForm, library: Library) -> Iterator[Slip]:
    known, plain = _columns(library, form), open_columns(rule, library)
    yield from (_nothing_called(f"sealed.{name}") for name in sorted(rule.sealed - known.keys()))
    for name in sorted(rule.sealed & plain):
        yield (
            f"“{name}” không niêm phong được: danh sách hay cơ sở dữ liệu cần đọc nó",
            f"“{name}” cannot be sealed: a list, or the database itself, has to read it",
        )


def _flag_slips(rule: FormRule, fields: Mapping[str, Choices], library: Library) -> Iterator[Slip]:
    of = library.lists.get(rule.subject_list or "")
    for flag in rule.flags:
        yield from _where_slips(flag.where, fields)
        for name in flag.columns:
            if name not in fields:
                yield _nothing_called(name)
        for fact in flag.facts:
            if of is None or fact not in of.fact_names:
                yield _nothing_called(fact)
        if flag.another is not None and rule.creates is None:
            yield "“another” cần “creates”", "another needs creates"


def _where_slips(
    where: Mapping[str, Collection[str]], fields: Mapping[str, Choices]
) -> Iterator[Slip]:
    """Columns that are not there, or codes that none of their choices has."""
    for name, codes in where.items():
        if name not in fields:
            yield _nothing_called(name)
            continue
        choices = fields[name]
        for code in codes:
            if choices is not None and code not in choices:
                yield _nothing_called(f"{name} = {code}")


def _role_slips(rule: FormRule, library: Library) -> Iterator[Slip]:
    for name in (*rule.filled_by, *rule.readers):
        if name not in library.roles:
            yield _nothing_called(name)


def _reader_slips(rule: FormRule, fields: Mapping[str, Choices]) -> Iterator[Slip]:
    for role, reader in rule.readers.items():
        for name in reader.without:  # a slip here would show what must not be seen
            if name not in fields:
                yield _nothing_called(f"read.{role}.{name}")


def _same_event_slips(same: SameEvent, fields: Mapping[str, Choices]) -> Iterator[Slip]:
    for name in (same.start, *same.same, *same.unite):
        if name not in fields:
            yield _nothing_called(name)
    yield from _where_slips(same.where, fields)
    for how in same.unite.values():
        if how not in UNITE:
            said = ", ".join(UNITE)
            yield f"không có cách gộp “{how}”; có: {said}", f"no way to unite “{how}”; use: {said}"


def _roll_slips(roll: Roll, library: Library) -> Iterator[Slip]:
    rule = library.lists.get(roll.name)
    if rule is None:
        yield "không có danh sách này", "there is no such list"
        return
    slips = roll_slips(roll, rule.fact_names, rule.properties, library.roles)
    yield from (_nothing_called(name) for name in slips)


def _page_slips(page: EntityPage, library: Library) -> Iterator[Slip]:
    rule = library.lists.get(page.name)
    base = library.lists.get(rule.of) if rule and rule.of else rule
    if base is None:
        yield _nothing_called(page.name)
        return
    about = {
        name: _columns(library, form)
        for name, form in library.forms.items()
        if base.is_of_clubs or _subjects(library, name) == base.name
    }
    slips = page_slips(page, base.fact_names, base.properties, about, library.pages)
    yield from map(_nothing_called, slips)


# ------------------------------------------------------------------ lists
def _list_slips(one: ListRule, library: Library) -> Iterator[Slip]:
    of = one if one.of is None else library.lists.get(one.of)
    if of is None or of.of is not None:
        yield _nothing_called(str(one.of))
        return
    known = {*of.properties}
    for role, download in (*one.downloads.items(), *one.pages.items()):
        yield from _download_slips(role, download, known, library)
    for role, page in one.pages.items():
        yield from (_nothing_called(f"{role}.{n}") for n in page.facts if n not in of.fact_names)
    yield from _told_slips(one, known, library)


def _match_slips(name: str, library: Library) -> Iterator[Slip]:
    """Views have no entities of their own; of what is not supplied, the list must tell."""
    of = library.lists.get(name)
    if of is None or of.of is not None:
        yield _nothing_called(name)
        return
    rule = library.matches[name]
    if rule.link_certain and (of.is_of_clubs or of.story):
        yield "“link_certain”: danh sách này không gộp được", "link_certain: no links in this list"
    yield from (_nothing_called(role) for role in sorted(rule.readers - library.roles.keys()))
    for fact in sorted((rule.facts | rule.without.keys()) - of.fact_names):
        yield _nothing_called(fact)
    for supply in filter(None, rule.supplied.values()):
        if supply.unit is not None and supply.unit not in PLACES[1:]:
            yield _nothing_called(supply.unit)
        for form in supply.forms:
            known = library.forms[form].fields if form in library.forms else ()
            if not known:
                yield _nothing_called(form)
            yield from (_nothing_called(f"{form}.{c}") for c in supply.columns if c not in known)
        checks = supply.numbers.checks if supply.numbers else ()
        yield from (_nothing_called(one.fact) for one in checks if one.fact not in of.fact_names)


def _told_slips(one: ListRule, known: Collection[str], library: Library) -> Iterator[Slip]:
    if one.club not in (None, "name") and one.club not in known:
        yield _nothing_called(str(one.club))
    told = {fact.name for fact in one.facts}
    for name in (*one.over, *one.away):
        if name not in told:
            yield _nothing_called(name)
    for fact in one.facts:
        yield from _fact_slips(fact, known, library)
    if one.story:
        yield from _story_slips(one, one.story, library)
    for name, computed in one.computed.items():
        if name not in known:
            yield _nothing_called(f"computed.{name}")
        yield from _computed_slips(one, computed, library)


def _computed_slips(one: ListRule, computed: Computed, library: Library) -> Iterator[Slip]:
    for fact in computed.facts:
        if fact not in one.fact_names:
            yield _nothing_called(fact)
    for form in computed.latest:
        yield from _subject_slips(one, form, library)
        columns = _columns(library, library.forms[form]) if form in library.forms else {}
        for name in (*computed.where, *((computed.column,) if computed.column else ())):
            if name not in columns:
                yield _nothing_called(f"{form}.{name}")


def _subject_slips(one: ListRule, form: str, library: Library) -> Iterator[Slip]:
    rule = library.rules.get(form)
    if rule is None:
        yield _nothing_called(form)
    elif rule.subject_list != one.name:
        yield f"“{form}” không nói về “{one.name}”", f"“{form}” is not about “{one.name}”"


def _download_slips(
    role: str, download: Download, properties: Collection[str], library: Library
) -> Iterator[Slip]:
    if role not in library.roles:
        yield _nothing_called(role)
    named = [*download.properties, *download.where, *(n for w in download.any_of for n in w)]
    if download.assigned_by is not None:
        named.append(download.assigned_by)
    for name in named:
        if name not in properties:
            yield _nothing_called(f"{role}.{name}")


def _story_slips(one: ListRule, story: Story, library: Library) -> Iterator[Slip]:
    for form in story.forms:
        yield from _subject_slips(one, form, library)
    for name in story.facts:
        if any(fact.name == name for fact in one.facts):
            yield f"“{name}” được nói hai lần", f"“{name}” is told twice"


def _fact_slips(fact: Fact, properties: Collection[str], library: Library) -> Iterator[Slip]:
    if fact.from_property is not None:
        for name in (fact.from_property, fact.needs):
            if name is not None and name not in properties:
                yield _nothing_called(name)
        return
    form = library.forms.get(str(fact.form))
    if form is None:
        yield _nothing_called(str(fact.form))
        return
    birth = (fact.birth.date, fact.birth.month, fact.birth.year) if fact.birth else ()
    for name in (fact.field, fact.needs, fact.after, *birth):
        if name is not None and name not in form.fields:
            yield _nothing_called(f"{fact.form}.{name}")
    if fact.field is not None and fact.values is not None and fact.field in form.fields:
        yield from _where_slips({fact.field: tuple(fact.values)}, form.fields)
