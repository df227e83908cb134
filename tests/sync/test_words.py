"""A word of an indicator means the same on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from sync.database import Database
from sync.words import has_choice


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
