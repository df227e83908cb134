"""Some people are registered twice, and their later papers are filed under either entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from tests.oracle.papers import COUNTS, NOW, TOLD_AT_ONCE, Answers, Paper, born
from tests.oracle.truth import Person, Truth
from tests.sync.sending import an_id

LAST = NOW.date() - timedelta(days=5)
SAME_PAPER = (" again", " first", " never")  # of a key: another copy of the same filled-in form


def twice(
    truth: Truth, papers: Sequence[Paper], chance: Random
) -> tuple[list[Paper], dict[str, str]]:
    """The papers, with second registrations; uuid of each second entry -> of the first."""
    known = [one for one in papers if one.form == "membership"]
    single = {
        one.entity: one
        for one in known
        if one.standing == COUNTS and sum(o.entity.startswith(one.entity) for o in known) == 1
    }
    found, of = list(papers), dict[str, str]()
    since: dict[str, date] = {}
    for person in truth.people.values():
        first = single.get(an_id(person.key))
        day = _day(person, chance)
        if first is not None and day is not None:
            second = _second(person, first, day, chance)
            of[second.entity], since[second.entity] = first.entity, day
            found.append(second)
            if "hh_class" in second.answers:  # spoken of again, which Q03 asks
                person.class_said.append(day)
    return [_filed(paper, of, since) for paper in found], of


def _day(person: Person, chance: Random) -> date | None:
    """A later day on which she is still where she joined."""
    stay = person.stays[0]
    day = person.joined + timedelta(days=chance.randint(15, 400))
    if any(turn == day for turns in person.facts.values() for turn, _ in turns):
        return None
    return day if day < min(stay.until or LAST, LAST) else None


def _second(person: Person, first: Paper, day: date, chance: Random) -> Paper:
    """What is true on that day; of sex and class sometimes what is not, and not believed."""
    told: Answers = {name: person.fact(name, day) for name in TOLD_AT_ONCE}
    true: Answers = {"sex": person.sex, **born(person), **told}
    answers = {**first.answers, **true, "join_date": day, "consent_date": day}
    answers["consent_method"] = person.fact("consent", day)
    for name in ("insurance", "insurance_expiry"):
        answers.pop(name, None)
    if chance.random() < 0.3 and first.answers["sex"] == person.sex:
        answers["sex"] = "male" if person.sex == "female" else "female"
    if chance.random() < 0.3 and first.answers.get("hh_class"):
        answers["hh_class"] = "poor" if first.answers["hh_class"] != "poor" else "average"
    came = min(first.received + (day - first.day), NOW - timedelta(seconds=90))
    return replace(
        first,
        key=f"{first.key} twin",
        entity=an_id(f"{person.key} twin"),
        day=day,
        answers={name: said for name, said in answers.items() if said not in ("", None)},
        received=came,
    )


def _filed(paper: Paper, of: Mapping[str, str], since: Mapping[str, date]) -> Paper:
    """The same under second entries, where those stood on the list and somebody chose them."""
    if paper.form == "membership":
        return paper
    form = paper.key
    for copy in SAME_PAPER:
        form = form.removesuffix(copy)
    chosen = {
        first: second
        for second, first in of.items()
        if paper.day >= since[second] and Random(f"{form} {second}").random() < 0.5
    }
    return replace(
        paper,
        entity=chosen.get(paper.entity, paper.entity),
        answers=_named(paper.answers, chosen),
        rows={name: [_named(row, chosen) for row in rows] for name, rows in paper.rows.items()},
    )


def _named(answers: Answers, chosen: Mapping[str, str]) -> Answers:
    return {
        name: " ".join(chosen.get(word, word) for word in said.split(" "))
        if isinstance(said, str)
        else said
        for name, said in answers.items()
    }
