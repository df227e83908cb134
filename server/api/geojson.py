"""Places for maps: what submissions and entities tell of them, as GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, jsonify, request
from sqlalchemy.engine import Connection

from forms.geojson import feature, features, path_of, place_questions, read_shape
from forms.problems import BAD_PARAMETER, NOT_FOUND, Refused
from forms.tree import Node
from server.api.datasets import LIST, READ, mine
from server.api.described import asked, natural
from server.api.door import FORM, KNOWN, route
from server.api.submissions import opened
from server.api.wire import paging
from server.runtime import runtime
from server.streams import stream
from sync import listing, reading
from sync.listing import Entity
from sync.reading import FormView, Wanted

GEOJSON = "application/geo+json"
PLACE = "geometry"  # what Central calls the property of an entity that tells where it is
LIMIT = natural("limit", "At most so many submissions, or entities.")


@route(f"{FORM}/submissions.geojson", KNOWN, gives=GEOJSON, query=[
    asked("fieldpath", "Of this question (/group/place), given again of more; else the first."),
    LIMIT,
])  # fmt: skip
def get_submissions_geojson(form_id: str) -> Response:
    """Where what was sent was, the newest first; without a question for a place, nothing."""
    wanted = Wanted(limit=paging()[0] if "limit" in request.args else None)
    paths = request.args.getlist("fieldpath")

    def found(db: Connection) -> Iterator[dict[str, Any]]:
        form = opened(db, form_id)
        questions = _questions(form, paths)
        for one in reading.page(db, form, wanted, answers=True) if questions else ():
            if one.instance is not None:
                yield from features(form.tree, questions, one.instance.root, one.instance_id)

    return stream(lambda db: _collection(found(db)), GEOJSON)


def _questions(form: FormView, paths: Iterable[str]) -> list[Node]:
    """Refused(BAD_PARAMETER) for what is no question for a place."""
    if not paths:
        return list(place_questions(form.tree))[:1]
    known = {path_of(one): one for one in place_questions(form.tree, repeats=True)}
    if not known.keys() >= set(paths):
        raise Refused(BAD_PARAMETER(name="fieldpath"))
    return [known[path] for path in dict.fromkeys(paths)]


@route(f"{LIST}/entities.geojson", READ, gives=GEOJSON, query=[LIMIT])
def get_entities_geojson(list_name: str) -> Response:
    """Where the entities are that tell it (`geometry`), the newest first."""
    limit = paging()[0] if "limit" in request.args else None

    def found(db: Connection) -> Iterator[dict[str, Any]]:
        of = mine(db, list_name)
        for one in listing.page(db, of, limit=limit) if PLACE in of.properties else ():
            yield from _feature(one)

    return stream(lambda db: _collection(found(db)), GEOJSON)


@route(f"{LIST}/entities/<uuid>/geojson", READ, gives=GEOJSON)
def get_entity_geojson(list_name: str, uuid: str) -> Response:
    """Where one entity is; 404 also where it does not tell."""
    with runtime().database.read() as db:
        found = list(_feature(listing.find(db, mine(db, list_name), uuid)))
    if not found:
        raise Refused(NOT_FOUND())
    answer = jsonify(found[0])
    answer.content_type = GEOJSON
    return answer


def _feature(one: Entity) -> Iterator[dict[str, Any]]:
    place = read_shape(one.data.get(PLACE, ""))
    if place is not None:
        yield feature(one.uuid, place)


def _collection(found: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    before = '{"type":"FeatureCollection","features":['
    for one in found:
        yield (before + json.dumps(one, ensure_ascii=False)).encode()
        before = ","
    yield ("" if before == "," else before).encode() + b"]}"
