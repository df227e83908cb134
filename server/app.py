"""create_app: the one WSGI application, put together from its doors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request

from forms.problems import NOT_FOUND, Refused
from server import errors, health, openrosa, pages
from server.runtime import EXTENSION, Runtime, open_runtime
from server.settings import Settings

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

_MANY_SLASHES = re.compile(r"/{2,}(formList|submission)(/*)$")


def create_app(settings: Settings, runtime: Runtime | None = None) -> Flask:
    """The application for these settings; a test or `serve` may give a runtime it made itself."""
    app = Flask("server", static_folder=None)
    app.extensions[EXTENSION] = runtime if runtime is not None else open_runtime(settings)
    app.url_map.merge_slashes = False  # merging redirects, and a redirected POST arrives empty
    app.wsgi_app = _forgive_slashes(app.wsgi_app)  # type: ignore[method-assign,assignment]  # Flask documents this
    app.before_request(_refuse_nul)
    errors.register(app)
    health.register(app)
    openrosa.register(app)
    pages.register(app, settings)
    return app


def _forgive_slashes(wsgi: Wsgi) -> Wsgi:
    """People type server addresses with slashes at the end; phones then ask for `//submission`."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if "//" in path:
            environ["cayda.path"] = environ.get("SCRIPT_NAME", "") + path  # what Digest signed
            environ["PATH_INFO"] = _MANY_SLASHES.sub(r"/\1", path)
        return wsgi(environ, start_response)

    return answer


def _refuse_nul() -> None:
    """No name holds a NUL, and PostgreSQL fails on the question."""
    if "\x00" in request.path:
        raise Refused(NOT_FOUND())
