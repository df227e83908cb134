"""Entities of a list: read, made, changed and settled by programs, within the caller's slice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from flask import Response, jsonify, request
from marshmallow import fields
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import BAD_PARAMETER, MISSING_FIELDS, NO_SUCH_ROW, NOT_ALLOWED, Refused
from server.api.datasets import FILTER, LIST, READ, mine, read_condition
from server.api.described import PAGED, natural, yes_no
from server.api.door import caller, route
from server.api.wire import Time, Wire, done, flag, paging, sent, to_time
from server.runtime import runtime
from server.streams import stream
from sync import access, decisions, entity_history, listing
from sync.catalogue import Slice
from sync.entities import plain_id
from sync.entity_history import Story, Told
from sync.listing import Entity, Maker

ONE = f"{LIST}/entities/<uuid>"
WRITE = "entity.write"
JSON = "application/json"


class Given(Wire):
    """What is said of an entity; `entities` says it of many."""

    uuid = fields.String(allow_none=True)
    label = fields.String(allow_none=True)
    data = fields.Dict(keys=fields.String(), values=fields.String())


class Many(Wire):
    entities = fields.List(fields.Nested(Given), required=True)


class EntityOrMany(Given):
    """One entity, or `entities`: all of them or none."""

    entities = fields.List(fields.Nested(Given))


# ------------------------------------------------------------------ shapes
class VersionListed(Wire):
    """`label` and what else is said of a version; the list of all has no data."""

    label = fields.String()
    version = fields.Integer()
    base_version = fields.Integer()
    current = fields.Boolean()
    created_at = Time()
    creator_id = fields.Integer()
    user_agent = fields.String()
    conflicting_properties = fields.List(fields.String())
    branch_id = fields.String()
    trunk_version = fields.Integer()
    branch_base_version = fields.Integer()


class CurrentVersion(VersionListed):
    data = fields.Dict(values=fields.String())
    data_received = fields.Dict(values=fields.String())


class EntityListed(Wire):
    """`linkedTo` is there where it is one person with another entity."""

    uuid = fields.String()
    created_at = Time()
    updated_at = Time()
    deleted_at = Time()
    creator_id = fields.Integer()
    conflict = fields.String()
    current_version = fields.Nested(VersionListed)


class EntityShape(EntityListed):
    current_version = fields.Nested(CurrentVersion)


class EntityMade(EntityShape):
    """The one that was made; of many only `success`."""

    always = False
    success = fields.Boolean()


class EntityVersion(Wire):
    """`source` names the submission that made it, to who may read that."""

    label = fields.String()
    data = fields.Dict(values=fields.String())
    data_received = fields.Dict(values=fields.String())
    version = fields.Integer()
    base_version = fields.Integer()
    current = fields.Boolean()
    conflict = fields.String()
    resolved = fields.Boolean()
    created_at = Time()
    creator_id = fields.Integer()
    user_agent = fields.String()
    conflicting_properties = fields.List(fields.String())
    source = fields.Dict()


class DifferenceShape(Wire):
    property_name = fields.String()
    old = fields.String(allow_none=True)
    new = fields.String(allow_none=True)


DIFFERENCES = fields.List(fields.List(fields.Nested(DifferenceShape)))


def entity_json(one: Entity, *, with_data: bool = True) -> dict[str, Any]:
    """An entity and its current version; the list of all has no data."""
    latest: dict[str, Any] = {
        "label": one.label,
        **(
            {"data": one.data, "dataReceived": {"label": one.label, **one.data}}
            if with_data
            else {}
        ),
        "version": one.version,
        "baseVersion": one.base_version,
        "current": True,
        "createdAt": to_time(one.updated_at),
        "creatorId": one.changer.id,
        "userAgent": one.changer.user_agent,
        "conflictingProperties": None,
        **dict.fromkeys(("branchId", "trunkVersion", "branchBaseVersion")),
    }
    return {
        "uuid": one.uuid,
        "createdAt": to_time(one.created_at),
        "updatedAt": to_time(one.updated_at) if one.version > 1 else None,
        "deletedAt": to_time(one.deleted_at) if one.deleted_at else None,
        "creatorId": one.creator.id,
        "conflict": one.conflict,
        "currentVersion": latest,
        **({"linkedTo": one.linked_to} if one.linked_to else {}),
    }


def _version_json(
    one: Told, of: Slice, story: Story, maker: Maker | None, read: frozenset[str]
) -> dict[str, Any]:
    data = {name: one.data[name] for name in of.properties if name in one.data}
    said = {name: value for name, value in data.items() if name in one.differs}
    label = {"label": one.label} if "label" in one.differs else {}
    return {
        "label": one.label,
        "data": data,
        "dataReceived": {**label, **said},
        "version": one.number,
        "baseVersion": one.base,
        "current": one.number == story.version,
        "conflict": one.conflict,
        "resolved": one.resolved,
        "createdAt": to_time(one.created_at),
        "creatorId": maker.id if maker else listing.NOBODY,
        "userAgent": maker.user_agent if maker else "",
        "conflictingProperties": None,
        "source": source_of(one, read),
    }


def source_of(one: Told, read: frozenset[str]) -> dict[str, Any]:
    """The submission that asked for a version, for who may read that form."""
    if one.instance_id is None or one.form not in read:
        return {}
    return {"submission": {"instanceId": one.instance_id, "xmlFormId": one.form}}


# ------------------------------------------------------------------ reading
@route(
    f"{LIST}/entities",
    READ,
    gives=[EntityListed],
    query=[
        *PAGED,
        FILTER,
        yes_no("deleted", "The bin instead of what is there, for who may restore it."),
    ],
    also=[501],
)
def list_entities(list_name: str) -> Response:
    """The newest first, without their data; all of them where no limit is given."""
    limit, offset = paging() if "limit" in request.args else (None, paging()[1])
    condition, after, deleted = read_condition(), request.args.get("after"), flag("deleted")
    if deleted and not access.may(runtime().library, caller(), WRITE):
        raise Refused(NOT_ALLOWED())
    page: dict[str, Any] = {"limit": limit, "offset": offset, "deleted": deleted}

    def pieces(db: Connection) -> Iterator[bytes]:
        of = mine(db, list_name)
        key = None if after is None else _key(db, of, after, deleted=deleted)
        found = listing.page(db, of, condition=condition, after=key, **page)
        before = b"["
        for one in found:
            shape = entity_json(one, with_data=False)
            yield before + json.dumps(shape, ensure_ascii=False).encode()
            before = b","
        yield b"[]" if before == b"[" else b"]"

    return stream(pieces, JSON)


def _key(db: Connection, of: Slice, uuid: str, *, deleted: bool) -> int:
    """Where the page goes on. Refused(NO_SUCH_ROW) where it has left the caller's slice since."""
    try:
        if deleted:
            listing.require_within(db, of, uuid)
            return listing.find_any(db, of, uuid).id
        return listing.find(db, of, uuid).id
    except Refused:
        raise Refused(NO_SUCH_ROW()) from None


@route(ONE, READ, gives=EntityShape)
def get_entity(list_name: str, uuid: str) -> Response:
    """One entity with its data."""
    with runtime().database.read() as db:
        return _said(db, list_name, uuid)


def _said(db: Connection, list_name: str, uuid: str) -> Response:
    return jsonify(entity_json(listing.find(db, mine(db, list_name), uuid)))


@route(f"{ONE}/versions", READ, gives=[EntityVersion])
def list_entity_versions(list_name: str, uuid: str) -> Response:
    """Every version, the oldest first."""
    with runtime().database.read() as db:
        of, story, makers = story_of(db, list_name, uuid)
        read = readable(db, story)
    shapes = [_version_json(one, of, story, makers.get(one.number), read) for one in story.versions]
    return jsonify(shapes)


def readable(db: Connection, story: Story) -> frozenset[str]:
    """The forms behind a story whose submissions the caller may read: that a health check was made
    is not for everybody who sees the name, and whoever knows an instanceID may send an edit."""
    here, found = runtime(), set()
    day = vietnam_day(here.now())
    for form in {one.form for one in story.versions if one.form}:
        with suppress(Refused):
            access.reading(db, here.library, caller(), form, day)
            found.add(form)
    return frozenset(found)


@route(f"{ONE}/diffs", READ, gives=DIFFERENCES)
def list_entity_differences(list_name: str, uuid: str) -> Response:
    """What each version changed, beginning with the second."""
    with runtime().database.read() as db:
        of, story, _ = story_of(db, list_name, uuid)
    shown = {"label", *of.properties}
    return jsonify(
        [
            [
                {"propertyName": name, "old": old, "new": new}
                for name, (old, new) in one.differs.items()
                if name in shown
            ]
            for one in story.versions[1:]
        ]
    )


def story_of(db: Connection, list_name: str, uuid: str) -> tuple[Slice, Story, dict[int, Maker]]:
    """What the caller may have of the list, and one entity of it with who made each version: of
    somebody who has moved, those that were of a club of the caller's."""
    of = mine(db, list_name)
    found = listing.find(db, of, uuid)
    rule, clubs = runtime().library.lists.get(list_name), of.clubs
    club = rule.club if rule and not rule.is_of_clubs else None

    def is_seen(data: Mapping[str, str]) -> bool:
        return clubs is None or club is None or plain_id(data.get(club)) in clubs

    story = entity_history.history(db, list_name, found.uuid, is_seen)
    return of, story, listing.makers(db, of, found.uuid)


# ------------------------------------------------------------------ writing
@route(
    f"{LIST}/entities",
    WRITE,
    methods=["POST"],
    takes=EntityOrMany,
    gives=EntityMade,
    also=[409],
)
def create_entities(list_name: str) -> Response:
    """A new entity, or many: all of them or none."""
    body = request.get_json(force=True, silent=True)
    is_many = isinstance(body, Mapping) and "entities" in body
    given = sent(Many())["entities"] if is_many else [sent(Given())]
    with runtime().database.write() as db:
        made = [_create(db, list_name, one) for one in given]
    if is_many:
        return done()
    return _as_made(list_name, made[0])


def _create(db: Connection, list_name: str, given: Mapping[str, Any]) -> str:
    here, of = runtime(), mine(db, list_name)
    data, label = given.get("data") or {}, given.get("label")
    if label is None:
        raise Refused(MISSING_FIELDS(fields="label"))
    uuid = decisions.create(
        db,
        here.library,
        list_name,
        given.get("uuid"),
        data,
        label,
        actor=caller().actor,
        now=here.now(),
    )
    listing.require_visible(of, list(data))
    listing.require_within(db, of, uuid)
    return uuid


def _as_made(list_name: str, uuid: str) -> Response:
    """What was made may stand outside what is listed (a member who is not active): it is said."""
    with runtime().database.read() as db:
        of = mine(db, list_name)
        return jsonify(entity_json(listing.find_any(db, of, uuid)))


@route(
    ONE,
    WRITE,
    methods=["PATCH"],
    takes=Given,
    gives=EntityShape,
    also=[409],
    query=[
        natural("baseVersion", "The version that this changes."),
        yes_no("force", "Whatever the version is now."),
        yes_no("resolve", "What is now is right: the conflict is settled."),
    ],
)
def change_entity(list_name: str, uuid: str) -> Response:
    """A new version on the one it names, or by force; `resolve` says that what is now is right."""
    given, here = sent(Given()), runtime()
    force, settle = flag("force"), flag("resolve")
    base = _base_version()
    data = given.get("data") or {}
    with here.database.write() as db:
        of = mine(db, list_name)
        listing.find(db, of, uuid)
        listing.require_visible(of, list(data))
        if data or given.get("label") is not None or not settle:
            decisions.patch(
                db,
                here.library,
                list_name,
                uuid,
                data,
                given.get("label"),
                base_version=base,
                force=force,
                actor=caller().actor,
                now=here.now(),
            )
        if settle:
            decisions.resolve(db, here.library, list_name, uuid, caller().actor, here.now())
        listing.require_within(db, of, uuid)
    return _as_made(list_name, uuid)


def _base_version() -> int | None:
    text = request.args.get("baseVersion")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused(BAD_PARAMETER(name="baseVersion"))
    return int(text[:9])


@route(ONE, WRITE, methods=["DELETE"], also=[409])
def delete_entity(list_name: str, uuid: str) -> Response:
    """Off every list; kept, and no late change of a phone brings it back."""
    here = runtime()
    with here.database.write() as db:
        found = listing.find(db, mine(db, list_name), uuid)
        decisions.delete(
            db, here.library, list_name, found.uuid, actor=caller().actor, now=here.now()
        )
    return done()


@route(f"{ONE}/restore", WRITE, methods=["POST"], also=[409])
def restore_entity(list_name: str, uuid: str) -> Response:
    """Take the deleting back."""
    here = runtime()
    with here.database.write() as db:
        listing.require_within(db, mine(db, list_name), uuid)
        decisions.restore(db, here.library, list_name, uuid, actor=caller().actor, now=here.now())
    return done()
