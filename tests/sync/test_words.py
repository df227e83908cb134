"""A word of an indicator means the same on both databases."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from forms.conditions import fits
from forms.indicators import Condition
from sync.database import Database
from sync.words import WORDS, has_choice


@pytest.mark.parametrize(
    ("said", "choice", "there"),
    [
        ("fall fever", "fever", True),
        ("fall fever", "fall", True),
        ("fall", "fall", True),
        ("fallen", "fall", False),
        ("Fall", "fall", False),
        ("fall_fever", "fall-fever", False),
        ("fallxfever", "fall_fever", False),
        ("", "fall", False),
    ],
)
def test_a_choice_is_found_whole_and_letter_by_letter(
    database: Database, said: str, choice: str, there: bool
) -> None:
    with database.read() as db:
        column = sa.literal(choice)
        found = sa.select(
            has_choice(sa.literal(said), choice), has_choice(sa.literal(said), column)
        )
        assert tuple(map(bool, db.execute(found).one())) == (there, there)


VALUES = [
    None,
    "",
    "a",
    "A",
    "ab",
    "a b",
    "b",
    "unknown",
    "5",
    "5.0",
    "-1",
    "60",
    "1e3",
    "1,5",
    "x1",
]
CONDITIONS = [
    Condition("is", "a"),
    Condition("in", ("a", "b")),
    Condition("not", ("a", "b")),
    Condition("at_least", Decimal(5)),
    Condition("at_most", Decimal(5)),
    Condition("between", (Decimal(-1), Decimal(60))),
    Condition("present", value=True),
    Condition("present", value=False),
    Condition("has", ("a", "5")),
    Condition("lacks", ("a", "5")),
]


def test_a_word_means_the_same_in_sql_and_in_python(database: Database) -> None:
    assert {condition.word for condition in CONDITIONS} == set(WORDS)
    with database.read() as db:
        for condition in CONDITIONS:
            for value in VALUES:
                asked = WORDS[condition.word](sa.literal(value, sa.Text), condition.value)
                in_sql = bool(db.execute(sa.select(asked)).scalar_one())
                assert in_sql == fits(value, condition), (condition, value)
