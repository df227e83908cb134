"""The JSON API in ODK Central's spelling, one file per noun; door.py lets in, wire.py spells."""

from __future__ import annotations

from flask import Flask

from server.api import app_users as app_users  # each noun puts its routes behind the door
from server.api import assignments as assignments
from server.api import audits as audits
from server.api import datasets as datasets
from server.api import document as document
from server.api import draft_submissions as draft_submissions
from server.api import drafts as drafts
from server.api import entities as entities
from server.api import entities_bulk as entities_bulk
from server.api import form_contents as form_contents
from server.api import forms as forms
from server.api import geojson as geojson
from server.api import links as links
from server.api import odata as odata
from server.api import odata_entities as odata_entities
from server.api import projects as projects
from server.api import reports as reports
from server.api import seen as seen
from server.api import sessions as sessions
from server.api import submission_files as submission_files
from server.api import submissions as submissions
from server.api import submissions_csv as submissions_csv
from server.api import submissions_sent as submissions_sent
from server.api import tokens as tokens
from server.api import users as users
from server.api.door import api


def register(app: Flask) -> None:
    """The same routes twice: for a person, and for a token in the path."""
    app.register_blueprint(api, url_prefix="/v1")
    app.register_blueprint(api, url_prefix="/v1/key/<token>", name="api_key")
    app.json.sort_keys = False  # type: ignore[attr-defined]  # as the schemas list them
