"""create_app: the one WSGI application, put together from its doors."""

from __future__ import annotations

from flask import Flask

from server.runtime import EXTENSION, Runtime, open_runtime
from server.settings import Settings


def create_app(settings: Settings, runtime: Runtime | None = None) -> Flask:
    """The application for these settings; a test (or `serve`) may give the runtime it made itself."""
    app = Flask("server", static_folder=None)
    app.extensions[EXTENSION] = runtime if runtime is not None else open_runtime(settings)
    return app
