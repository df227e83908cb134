"""An account's place is chosen from what is there on the day; some roles cannot do without."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from forms.library import load_library
from forms.problems import NEEDS_PLACE, UNKNOWN_PLACE, Refused
from sync import clubs, places, posts
from sync.database import Database

NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
CLUB = {
    "club_code": "HC1",
    "name": "CLB Hải Châu 1",
    "unit_code": "20242",
    "founded_on": "2025-08-01",
}


def test_a_place_is_chosen_from_the_units_and_clubs_of_the_day(database: Database) -> None:
    library, today = load_library(), date(2026, 1, 20)
    with database.write() as db:
        places.load_units(db, library.units, library.successions)
        clubs.import_clubs(db, library, [CLUB], NOW, "operator")
    with database.read() as db:
        found = posts.choices(db, today)
        by_label = {one.label: one for one in found}
        club = by_label["CLB Hải Châu 1 (HC1)"]
        ward = by_label["Phường Hải Châu (20242), Thành phố Đà Nẵng"]
        assert found[0].level == "city"
        assert found[-1] == club
        assert not any(one.level == "district" for one in found)

        def post(role: str, value: str) -> posts.Post:
            return posts.find_chosen(db, library, role, value, today)

        uuid = places.club_uuid("HC1")
        unit = places.find_unit(db, "20242", today)
        assert unit is not None
        assert post("chair", club.value) == (None, uuid)
        assert post("commune", ward.value) == (unit.id, None)
        assert posts.find_post(db, library, "chair", None, "HC1", today) == (None, uuid)
        assert posts.place_names(db, [(None, uuid), (unit.id, None), (None, None)]) == {
            (None, uuid): "CLB Hải Châu 1 · Phường Hải Châu",
            (unit.id, None): "Phường Hải Châu",
            (None, None): "",
        }
        assert post("city", "") == (None, None)
        with pytest.raises(Refused) as refused:
            post("chair", "")
        assert refused.value.problem.type == NEEDS_PLACE
        for value in ("unit:0", "club:x", "unit:", "x", f"unit:{uuid}"):
            with pytest.raises(Refused) as refused:
                post("chair", value)
            assert refused.value.problem.type == UNKNOWN_PLACE
