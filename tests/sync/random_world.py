"""Random entities and records of a whole library: whatever its lists and forms have room for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from forms.library_check import fact_values

if TYPE_CHECKING:
    from forms.library import FormRule, Library, LibraryForm
    from tests.sync.rows import Rows

CLUBS = ("c1", "c2", "c3")
ENTITIES = 24  # of each list in all
RECORDS = 40  # of each form in all


def asked_for(library: Library) -> dict[str, list[str]]:
    """By name of a fact or a column: values that some indicator asks for."""
    found: dict[str, set[str]] = {}
    for one in library.figures.indicators.values():
        others = (with_.where for with_ in (*one.with_, *one.without))
        for where in (one.where, one.from_, one.to, one.measured, one.facts, *one.any_, *others):
            for name, conditions in where.items():
                for condition in conditions:
                    if condition.word in ("is", "in", "has"):
                        value = condition.value
                        said = value if isinstance(value, tuple) else (value,)
                        found.setdefault(name, set()).update(map(str, said))
    return {name: sorted(values) for name, values in found.items()}


class World:
    """Written straight into the tables; days lie around the period given."""

    def __init__(self, rows: Rows, library: Library, seed: int, around: tuple[date, date]) -> None:
        self.rows = rows
        self.library = library
        self.dice = random.Random(seed)
        first, last = around
        span = (last - first).days
        self.days = [first + timedelta(days=n) for n in range(-span, span + 20, 7)] + [first, last]
        self.entities = {
            name: CLUBS if rule.is_of_clubs else tuple(f"{name}-{n}" for n in range(ENTITIES))
            for name, rule in library.lists.items()
        }

        self.wanted = asked_for(library)

    def fill(self) -> None:
        city = self.rows.a_unit("48", "Thành phố", "city")
        for club in CLUBS:
            unit = self.rows.a_unit(f"2{club}", club, "commune", city)
            self.rows.place_club(club, unit, self.days[0])
        for name, rule in self.library.lists.items():
            facts = fact_values(rule, self.library)
            for uuid in self.entities[name]:
                for fact, choices in sorted(facts.items()):  # of a set: in one order every run
                    self._say(name, uuid, fact, sorted(choices or ()))
        for form in self.library.forms.values():
            for _ in range(RECORDS):
                self._send(form, self.library.rules[form.xml_form_id])

    def _say(self, name: str, uuid: str, fact: str, choices: Sequence[str]) -> None:
        """One to three spells, the last sometimes ended."""
        turns = sorted(self.dice.sample(self.days, self.dice.randint(1, 3)))
        ends: list[date | None] = [*turns[1:], self.dice.choice([None, None, max(self.days)])]
        for start, end in zip(turns, ends, strict=True):
            if end is None or end > start:
                self.rows.a_spell(name, uuid, fact, self._value(fact, choices), start, end)

    def _value(self, name: str, choices: Sequence[str]) -> str:
        if name == "club":
            return self.dice.choice(CLUBS)
        if name == "born_on":
            return date(self.dice.randint(1930, 2000), 5, 17).isoformat()
        if name in self.wanted and self.dice.random() < 0.7:
            return self.dice.choice(self.wanted[name])
        if choices:
            return self.dice.choice(choices)
        people = [uuid for uuids in self.entities.values() for uuid in uuids]
        return self.dice.choice([*people, *("3", "40", "5000", "2018H1", "active", "yes")])

    def _send(self, form: LibraryForm, rule: FormRule) -> None:
        columns = {**dict.fromkeys(rule.derives), **form.fields}
        told = [name for name in columns if self.dice.random() < 0.7]
        answers = {name: self._value(name, sorted(columns[name] or ())) for name in told}
        subject = self.dice.choice(self.entities[rule.subject_list]) if rule.subject_list else None
        record = self.rows.a_record(
            form.xml_form_id, self.dice.choice(self.days), self.dice.choice(CLUBS), subject, answers
        )
        for repeat in sorted(form.repeats):
            self.rows.a_row(record, repeat, 1, answers)
            self.rows.a_row(record, repeat, 2, dict.fromkeys(told, "2"))
