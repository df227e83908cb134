"""Pages for people: Vietnamese first, English beside, large letters, nothing from elsewhere."""

from __future__ import annotations

import hmac
from datetime import timedelta

from flask import Flask, Response, request

from server.pages import (
    account,
    audit,
    home,
    look,
    people,
    phones,
    records,
    sign_in,
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
    home,
    look,
    people,
    phones,
    records,
    sign_in,
    units,
    users,
    work,
)  # each puts its pages into the blueprint when it is imported
SESSION_HOURS = 12  # a working day on an office computer that many use

# Nothing from other hosts, no script or style within a page, no frame around us.
CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def register(app: Flask, settings: Settings) -> None:
    """Add the pages, and the sessions that only they use."""
    app.config.update(
        SECRET_KEY=hmac.digest(secret_key(settings), b"sessions of pages", "sha256"),
        SESSION_COOKIE_NAME="cayda",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=(settings.public_url or "").startswith("https:"),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page left open over lunch still works
    )
    words.register(app)
    app.jinja_env.globals["csrf"] = csrf
    sign_in.register(app, BLUEPRINT)
    app.register_blueprint(pages)
    app.after_request(_harden)


def _harden(answer: Response) -> Response:
    if request.blueprint == BLUEPRINT:
        answer.headers["Content-Security-Policy"] = CONTENT_SECURITY
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if request.endpoint != f"{BLUEPRINT}.static":
            answer.headers["Cache-Control"] = (
                "no-store"  # figures stay off a shared computer's disk
            )
    return answer
