"""Pages for people: Vietnamese first, English beside, large letters, nothing from elsewhere."""

from __future__ import annotations

import hmac
from datetime import timedelta

from flask import Flask

from server import hardening
from server.pages import (
    account,
    audit,
    behind,
    docs,
    events,
    figures,
    files,
    follow_up,
    forms,
    home,
    look,
    pairs,
    people,
    phones,
    privacy,
    records,
    reports,
    sign_in,
    tokens,
    units,
    users,
    words,
    work,
)
from server.pages.door import csrf, pages
from server.settings import Settings, secret_key

BLUEPRINT = pages.name
GROUPS = (
    account,
    audit,
    behind,
    docs,
    events,
    figures,
    files,
    follow_up,
    forms,
    home,
    look,
    pairs,
    people,
    phones,
    privacy,
    records,
    reports,
    sign_in,
    tokens,
    units,
    users,
    work,
)  # each puts its pages into the blueprint when it is imported
SESSION_HOURS = 12  # a working day on an office computer that many use


def register(app: Flask, settings: Settings) -> None:
    """Add the pages, and the sessions that only they use."""
    app.config.update(
        SECRET_KEY=hmac.digest(secret_key(settings), b"sessions of pages", "sha256"),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page left open over lunch still works
    )
    words.register(app)
    app.jinja_env.globals["csrf"] = csrf
    sign_in.register(app, BLUEPRINT)
    app.register_blueprint(pages)
    hardening.register(app, BLUEPRINT)
