"""Pages for people: Vietnamese first, English beside, large letters, nothing from elsewhere."""

from __future__ import annotations

import hmac
import pkgutil
from importlib import import_module

from flask import Flask

from server import hardening
from server.pages import sign_in, sitting, words
from server.pages.door import csrf, pages
from server.settings import Settings, secret_key

BLUEPRINT = pages.name

for _module in pkgutil.iter_modules(__path__):  # each puts its pages into the blueprint
    import_module(f"{__name__}.{_module.name}")


def register(app: Flask, settings: Settings) -> None:
    """Add the pages, and the sessions that only they use."""
    app.config.update(
        SECRET_KEY=hmac.digest(secret_key(settings), b"sessions of pages", "sha256"),
        PERMANENT_SESSION_LIFETIME=sitting.LASTS,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page left open over lunch still works
    )
    words.register(app)
    app.jinja_env.globals["csrf"] = csrf
    sign_in.register(app, BLUEPRINT)
    app.register_blueprint(pages)
    hardening.register(app, BLUEPRINT)
