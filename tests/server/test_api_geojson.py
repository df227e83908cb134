"""Places over the JSON API, as GeoJSON."""

from __future__ import annotations

import json
from typing import Any

from sync import tables
from sync.publish import declare_lists
from tests.forms.made import xform
from tests.forms.test_geojson import MAPPED, WALK
from tests.server.api import signed_in
from tests.server.conftest import A, Door
from tests.server.test_api_entities import make


def test_a_map_shows_where_things_were_and_nothing_where_no_place_is_asked(door: Door) -> None:
    door.add_form("mapped")
    with door.database.write() as db:
        v, made = tables.form_versions, {"xform": xform(MAPPED), "md5": "mapped-of-api-tests"}
        db.execute(v.update().where(v.c.id == 2).values(made))
        declare_lists(db, {"wells": ["geometry"]})
    well, maps = "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "/projects/1/forms/mapped/submissions"
    make(door, "wells", well, "Giếng", geometry="1 2")
    meta = f"<meta><instanceID>{A}</instanceID></meta>"
    assert (
        door.post(f'<data id="mapped" version="">{WALK}{meta}</data>'.encode()).status_code == 201
    )
    city = signed_in(door, "city")

    def told(path: str) -> list[Any]:
        found = city.get(path)
        assert found.mimetype == "application/geo+json", found.text
        return [(one["id"], one["geometry"]["type"]) for one in json.loads(found.data)["features"]]

    assert told(f"{maps}.geojson") == [(A, "Point")]
    assert told(f"{maps}.geojson?fieldpath=/way/path&fieldpath=/tree/spot&limit=1") == [
        (A, "LineString"),
        (A, "Point"),
    ]
    city.refused(city.get(f"{maps}.geojson?fieldpath=/way"), 400.8)
    assert told("/projects/1/forms/trees/submissions.geojson") == []
    wells = "/projects/1/datasets/wells/entities"
    assert told(f"{wells}.geojson") == [(well, "Point")]
    assert json.loads(city.get(f"{wells}/{well}/geojson").data)["geometry"]["type"] == "Point"
    chair = signed_in(door, "chair")
    chair.refused(chair.get(f"{maps}.geojson"), 403.1)
