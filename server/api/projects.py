"""The one project there is."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from marshmallow import fields

from forms.problems import NOT_FOUND, Refused
from server.api.door import KNOWN, PROJECT, caller, route
from server.api.scope import verbs_of
from server.api.wire import Time, Wire, extended
from server.runtime import runtime
from sync import definitions
from sync.access import may


class ProjectShape(Wire):
    id = fields.Constant(1)
    name = fields.String()
    description = fields.String()
    archived = fields.Boolean()
    key_id = fields.Integer()
    created_at = Time()
    updated_at = Time()
    deleted_at = Time()


class ProjectExtra(Wire):
    """What X-Extended-Metadata adds."""

    always = False

    app_users = fields.Integer()
    forms = fields.Integer()
    datasets = fields.Integer()
    last_submission = Time()


class ProjectVerbs(Wire):
    """What X-Extended-Metadata adds to the one project."""

    always = False
    verbs = fields.List(fields.String())


@route("/projects", KNOWN, gives=[(ProjectShape, ProjectExtra)])
def list_projects() -> Response:
    """A list of one."""
    return jsonify([_project()])


@route(PROJECT, KNOWN, gives=(ProjectShape, ProjectExtra, ProjectVerbs))
def get_project() -> Response:
    """The one project."""
    found = _project()
    if extended():
        found["verbs"] = verbs_of(caller())
    return jsonify(found)


def _project() -> dict[str, Any]:
    with runtime().database.read() as db:
        found = definitions.project_figures(db)
    if found is None:
        raise Refused(NOT_FOUND())
    shape: dict[str, Any] = ProjectShape().dump(found)
    shape["createdAt"] = shape["createdAt"] or Time().serialize("now", {"now": runtime().now()})
    if not extended():
        return shape
    extra: dict[str, Any] = ProjectExtra().dump(found)
    if not may(runtime().library, caller(), "work.read"):  # of all clubs
        extra |= dict.fromkeys(("appUsers", "lastSubmission"))
    return shape | extra
