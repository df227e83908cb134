"""What is told of entities that may be compared: their last facts, answers and place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.matching.rule import MatchRule
from forms.matching.supplied import Supply, tokens
from sync.database import among
from sync.matching.secret import Hashing
from sync.tables import erased_entities, match_places, records, spells
from sync.timeline import CLUB
from sync.vault import vault_of

Told = dict[str, str]  # input -> text


def read(
    db: Connection, rule: MatchRule, list_name: str, uuids: Collection[str], hashing: Hashing
) -> dict[str, Told]:
    """uuid -> what the rule reads of it. Left out: who was never there (deleted, sent again), was
    erased, stands under another name (linked away), or is to be compared with nobody.

    Facts and answers are the last told, whatever the day: who left or died is still the same.
    """
    facts = _facts(db, {*rule.facts, *rule.without, CLUB}, list_name, uuids)
    found = {
        uuid: {name: text for name, text in told.items() if name in rule.facts}
        for uuid, told in facts.items()
        if not any(told.get(name) in values for name, values in rule.without.items())
    }
    sources = {name: one for name, one in rule.supplied.items() if one is not None}
    for name, uuid, answers in _answers(db, sources, list_name, found):
        found[uuid][name] = _text(sources[name], answers, facts[uuid], hashing)
    for name, one in sources.items():
        if one.unit is not None:
            places = _places(db, one.unit, {told.get(CLUB, "") for told in facts.values()})
            for uuid, told in found.items():
                club = facts[uuid].get(CLUB, "")
                told[name] = places.get(club, club)  # a club in no place is one by itself
    return found


def said(rule: MatchRule, told: Told) -> Told:
    """What people said of somebody: a decision about units says nothing of a person."""
    units = {name for name, one in rule.supplied.items() if one is not None and one.unit}
    return {name: text for name, text in told.items() if text and name not in units}


def _facts(
    db: Connection, names: Collection[str], list_name: str, uuids: Collection[str]
) -> dict[str, Told]:
    c = spells.c
    query = sa.select(c.uuid, c.name, c.value).where(
        # As in counting/lives.py: not the index that begins with the list.
        sa.func.coalesce(c.list_name, "") == list_name,
        among(db, c.uuid, uuids),
        c.name.in_(sorted(names)),
        c.uuid.not_in(sa.select(erased_entities.c.uuid)),
    )
    found: dict[str, Told] = defaultdict(dict)
    for row in db.execute(query.order_by(c.valid_from)):
        found[row.uuid][row.name] = row.value
    return dict(found)


Answers = list[tuple[str, ...]]  # the columns of one source, of each record, the latest last


def _answers(
    db: Connection, sources: Mapping[str, Supply], list_name: str, uuids: Collection[str]
) -> Iterator[tuple[str, str, Answers]]:
    """(input, uuid, what records say)."""
    asked = {name: one for name, one in sources.items() if one.forms}
    forms = {form for one in asked.values() for form in one.forms}
    if not forms or not uuids:
        return
    columns = sorted({column for one in asked.values() for column in one.columns})
    r = records.c
    query = sa.select(r.subject_id, r.form, *(r.answers[name].as_string() for name in columns))
    query = query.where(
        *(among(db, r.subject_id, uuids), r.form.in_(sorted(forms))),
        *(r.subject_list == list_name, r.table_path == "", sa.not_(r.held_back)),
    )
    found: dict[tuple[str, str], Answers] = defaultdict(list)
    vault = vault_of(db)
    for uuid, form, *values in db.execute(query.order_by(r.happened_on, r.submission_version_id)):
        answers = vault.open_answers(dict(zip(columns, values, strict=True)))
        for name, one in asked.items():
            if form in one.forms and answers[one.column]:
                found[name, uuid].append(tuple(answers[c] or "" for c in one.columns))
    for (name, uuid), told in found.items():
        yield name, uuid, told


def _text(source: Supply, told: Answers, facts: Told, hashing: Hashing) -> str:
    if source.numbers is None:
        return told[-1][0]
    numbers = [(kind, text) for text, kind in told]
    return tokens(source.numbers, numbers, facts, hashing.number)


def _places(db: Connection, level: str, clubs: Collection[str]) -> dict[str, str]:
    c = match_places.c
    query = sa.select(c.club_id, c.place).where(c.level == level, among(db, c.club_id, clubs))
    return {row.club_id: row.place for row in db.execute(query)}
