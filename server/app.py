"""create_app: the one WSGI application, put together from its doors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import unquote

from flask import Flask, request

from forms.problems import BAD_REQUEST, NOT_FOUND, Refused
from server import api, errors, health, metrics, openrosa, pages, proxies, row_numbers
from server.auth import is_token, memory_of
from server.errors import speaks_openrosa
from server.posting import EXTENSION as POSTING
from server.posting import Posting, raise_failure
from server.remembered import Remembered
from server.runtime import EXTENSION, Runtime, open_runtime
from server.settings import Settings

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

_MANY_SLASHES = re.compile(r"/{2,}(formList|submission)(/*)$")


def create_app(settings: Settings, runtime: Runtime | None = None) -> Flask:
    """The application for these settings; a test or `serve` may give a runtime it made itself."""
    app = Flask("server", static_folder=None)
    app.extensions[EXTENSION] = runtime if runtime is not None else open_runtime(settings)
    app.url_map.merge_slashes = False  # merging redirects, and a redirected POST arrives empty
    here: Runtime = app.extensions[EXTENSION]
    memory = partial(memory_of, app)
    posting = Posting(Remembered(app.wsgi_app, here, memory), here, memory)
    app.extensions[POSTING] = posting
    app.wsgi_app = _forgive_slashes(_take_link(posting))  # type: ignore[method-assign,assignment]  # Flask documents this
    app.before_request(metrics.note_route)
    app.before_request(raise_failure)
    app.before_request(_refuse_nul)
    proxies.register(app)
    row_numbers.register(app)
    errors.register(app)
    openrosa.register(app)
    api.register(app)
    pages.register(app, settings)
    health.register(app, metrics.register(app, app.extensions[EXTENSION]))
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


def _take_link(wsgi: Wsgi) -> Wsgi:
    """`?st=TOKEN` of a public link means what `/v1/key/TOKEN` means, in all we hand out too."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        query, path = environ.get("QUERY_STRING", ""), environ.get("PATH_INFO", "")
        if "st=" in query and path.startswith("/v1/") and not path.startswith("/v1/key/"):
            pairs = query.split("&")
            token = next((unquote(pair[3:]) for pair in pairs if pair.startswith("st=")), None)
            if token is not None:
                rest = "&".join(pair for pair in pairs if not pair.startswith("st="))
                environ["QUERY_STRING"] = rest
                token = token if is_token(token) else "-"  # no slash of it may change the path
                environ["PATH_INFO"] = f"/v1/key/{token}{path[3:]}"
        return wsgi(environ, start_response)

    return answer


def _refuse_nul() -> None:
    """No name holds a NUL, and PostgreSQL fails on the question. Phones say what they say."""
    if "\x00" in request.path:
        raise Refused(NOT_FOUND())
    asked = () if speaks_openrosa() else request.args.items(multi=True)
    if any("\x00" in text for _, text in asked):
        raise Refused(BAD_REQUEST())
